//! Budgets and exclusive roles. They share one slot: see the crate's own page.

use crate::{
    RedisStore,
    fault::Fault,
    mailbox::{millis, owed_name},
    reply::{self, Reply, word},
};
use async_trait::async_trait;
use causerie_core::{
    Timestamp,
    id::Fence,
    limit::{Charge, Window},
    store::{Claimant, Ledger, REMEMBER_EVENTS, ReservationId, Reserved, StoreError},
};

/// The largest number that scripts count exactly.
const MOST: u64 = 1 << 53;

#[async_trait]
impl Ledger for RedisStore {
    async fn reserve(
        &self,
        id: &ReservationId,
        charges: &[Charge],
    ) -> Result<Reserved, StoreError> {
        let reserved = self.reserve_all(id, charges).await;
        reserved.map_err(|fault| self.error(fault))
    }

    async fn settle(&self, id: &ReservationId, used: &[u64]) -> Result<(), StoreError> {
        let settled = self.settle_named(&owed_name(id), used).await;
        settled.map_err(|fault| self.error(fault))
    }

    async fn lease(&self, role: &str, claimant: &Claimant) -> Result<Option<Fence>, StoreError> {
        let call = (self.scripts.lease.on(self.ledger_slot(), self.time()))
            .key(&format!("l:{role}"))
            .arg(role)
            .arg(claimant.replica.as_str())
            .arg(millis(claimant.ttl));
        let fence = call.send(&self.link).await.and_then(word);
        let fence = fence.map_err(|fault| self.error(fault))?;
        if fence.is_empty() {
            return Ok(None);
        }
        let fence = reply::parse(&fence).map_err(|fault| self.error(fault))?;
        Ok(Some(Fence(fence)))
    }
}

impl RedisStore {
    async fn reserve_all(&self, id: &ReservationId, charges: &[Charge]) -> Result<Reserved, Fault> {
        let mut call = (self.scripts.reserve.on(self.ledger_slot(), self.time()))
            .key(&format!("r:{}", owed_name(id)))
            .arg(owed_name(id))
            .arg(millis(REMEMBER_EVENTS));
        for charge in charges {
            call = (call.arg(&charge.key))
                .arg(charge.capacity.min(MOST))
                .arg(match charge.window {
                    Window::Minute => "minute",
                    Window::Hour => "hour",
                    Window::Day => "day",
                    Window::Month => "month",
                })
                .arg(charge.amount.min(MOST));
        }
        let mut reply = Reply::new(call.send(&self.link).await?)?;
        Ok(match reply.text()?.as_str() {
            "refused" => Reserved::Refused {
                key: reply.text()?,
                until: Timestamp(reply.parse()?),
            },
            _ => Reserved::Granted,
        })
    }

    async fn settle_named(&self, name: &str, used: &[u64]) -> Result<(), Fault> {
        let mut call = (self.scripts.settle.on(self.ledger_slot(), self.time()))
            .key(&format!("r:{name}"))
            .arg(name);
        for used in used {
            call = call.arg((*used).min(MOST));
        }
        call.send(&self.link).await.and_then(word).map(|_| ())
    }

    /// Settles what a commit left owed, and crosses it out. Doing it twice does no harm: the first
    /// settlement counts.
    pub(crate) async fn settle_owed(
        &self,
        partition: u8,
        name: &str,
        used: &str,
    ) -> Result<(), Fault> {
        let numbers = used.split(' ').filter(|number| !number.is_empty());
        let numbers: Vec<u64> = numbers.map(reply::parse).collect::<Result<_, _>>()?;
        self.settle_named(name, &numbers).await?;
        let call = self.scripts.settled.on(self.slot(partition), self.time());
        call.arg(name).send::<redis::Value>(&self.link).await?;
        Ok(())
    }
}
