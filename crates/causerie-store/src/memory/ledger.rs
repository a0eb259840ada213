//! Budgets and exclusive roles.

use super::{Inner, Lease, MemoryStore, Reservation};
use async_trait::async_trait;
use causerie_core::{
    Timestamp,
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
        inner.sweep(now);
        if inner.reservations.contains_key(id) {
            return Ok(Reserved::Granted);
        }
        for (i, charge) in charges.iter().enumerate() {
            let used = inner.used(&charge.key, charge.window.start(now));
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
            let used = inner.used(&charge.key, start).saturating_add(charge.amount);
            inner.budgets.insert(charge.key.clone(), (start, used));
            taken.push((charge.key.clone(), start, charge.amount));
        }
        inner.reservations.insert(
            id.clone(),
            Reservation {
                at: now,
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
            // A window that has passed is nobody's concern any more.
            if let Some((_, budget)) = self.budgets.get_mut(key).filter(|(s, _)| s == start) {
                *budget = budget.saturating_sub(*taken).saturating_add(*used);
            }
        }
    }

    /// What is used of a budget in the window that began at `start`.
    fn used(&self, key: &str, start: Timestamp) -> u64 {
        match self.budgets.get(key) {
            Some((window, used)) if *window == start => *used,
            _ => 0,
        }
    }
}
