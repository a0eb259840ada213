//! Budgets and exclusive roles.

use super::{Inner, Lease, MemoryStore, Reservation};
use async_trait::async_trait;
use causerie_core::{
    id::Fence,
    limit::Charge,
    store::{Claimant, Ledger, ReservationId, Reserved, StoreError},
};

#[async_trait]
impl Ledger for MemoryStore {
    async fn reserve(
        &self,
        id: &ReservationId,
        charges: &[Charge],
    ) -> Result<Reserved, StoreError> {
        let now = self.clock.now();
        let mut inner = self.lock();
        if inner.reservations.contains_key(id) {
            return Ok(Reserved::Granted);
        }
        for (i, charge) in charges.iter().enumerate() {
            let key = (charge.key.clone(), charge.window.start(now));
            let used = inner.budgets.get(&key).copied().unwrap_or_default();
            let used = used.saturating_add(crate::charged(&charges[..i], &charge.key));
            if used.saturating_add(charge.amount) > charge.capacity {
                let until = charge.window.end(now);
                return Ok(Reserved::Refused {
                    key: charge.key.clone(),
                    until,
                });
            }
        }
        let mut taken = Vec::with_capacity(charges.len());
        for charge in charges {
            let start = charge.window.start(now);
            *inner
                .budgets
                .entry((charge.key.clone(), start))
                .or_default() += charge.amount;
            taken.push((charge.key.clone(), start, charge.amount));
        }
        inner.reservations.insert(
            id.clone(),
            Reservation {
                charges: taken,
                settled: false,
            },
        );
        Ok(Reserved::Granted)
    }

    async fn settle(&self, id: &ReservationId, used: &[u64]) -> Result<(), StoreError> {
        self.lock().settle(id, used);
        Ok(())
    }

    async fn lease(&self, role: &str, claimant: &Claimant) -> Result<Option<Fence>, StoreError> {
        let now = self.clock.now();
        let mut inner = self.lock();
        let fence = match inner.leases.get(role) {
            Some(lease) if lease.replica == claimant.replica && now < lease.until => lease.fence,
            Some(lease) if now < lease.until => return Ok(None),
            _ => inner.next_fence(),
        };
        let lease = Lease {
            replica: claimant.replica.clone(),
            fence,
            until: now + claimant.ttl,
        };
        inner.leases.insert(role.to_owned(), lease);
        Ok(Some(fence))
    }
}

impl Inner {
    /// Corrects a reservation to what was used, once.
    pub(super) fn settle(&mut self, id: &ReservationId, used: &[u64]) {
        let Some(reservation) = self.reservations.get_mut(id) else {
            return;
        };
        if std::mem::replace(&mut reservation.settled, true) {
            return;
        }
        for ((key, start, taken), used) in reservation.charges.iter().zip(used) {
            let budget = self.budgets.entry((key.clone(), *start)).or_default();
            *budget = budget.saturating_sub(*taken).saturating_add(*used);
        }
    }
}
