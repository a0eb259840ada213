//! Carrying everything to another store, and from one.
//!
//! What the operator has set to be forgotten by itself is carried as long as it is there.

mod conversation;
mod ledger;

use crate::{
    PARTITIONS, RedisStore,
    fault::Fault,
    mailbox::NAMELESS,
    reply::{self, Reply, word},
};
use async_trait::async_trait;
use causerie_core::{
    Timestamp,
    id::ConversationId,
    store::{
        StoreError,
        transfer::{ConversationCopy, Cursor, InUse, LedgerEntry, Migration, Page, Transfer},
    },
};
use futures::future::try_join_all;
use redis::{cmd, from_redis_value};

/// A cursor that this store did not give.
const STRANGE: Fault = Fault::Damaged("a cursor of another store");

#[async_trait]
impl Transfer for RedisStore {
    async fn conversations_after(
        &self,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<ConversationId>, StoreError> {
        let page = self.names_after(after, limit).await;
        page.map_err(|fault| self.error(fault))
    }

    async fn export(
        &self,
        conversation: &ConversationId,
        now: Timestamp,
    ) -> Result<Option<ConversationCopy>, StoreError> {
        let copy = self.export_all(conversation).await;
        let copy = copy.map_err(|fault| self.error(fault))?;
        Ok(copy.map(|copy| copy.canonical(now)))
    }

    async fn import(&self, copy: ConversationCopy) -> Result<(), StoreError> {
        let imported = self.import_all(copy).await;
        imported.map_err(|fault| self.error(fault))
    }

    async fn entries_after(
        &self,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<LedgerEntry>, StoreError> {
        let page = self.scan_entries(after, limit, now).await;
        page.map_err(|fault| self.error(fault))
    }

    async fn find_entries(
        &self,
        entries: &[LedgerEntry],
    ) -> Result<Vec<Option<LedgerEntry>>, StoreError> {
        let found = self.entries_like(entries).await;
        found.map_err(|fault| self.error(fault))
    }

    async fn put_entries(&self, entries: &[LedgerEntry]) -> Result<(), StoreError> {
        let put = self.put_all(entries).await;
        put.map_err(|fault| self.error(fault))
    }

    async fn in_use(&self) -> Result<InUse, StoreError> {
        let held = self.held().await;
        held.map_err(|fault| self.error(fault))
    }

    async fn migration(&self) -> Result<Option<Migration>, StoreError> {
        let found = self.read_mark().await;
        found.map_err(|fault| self.error(fault))
    }

    async fn mark(&self, migration: &Migration) -> Result<(), StoreError> {
        let key = format!("{}schema", self.prefix);
        let mut set = cmd("HSET");
        set.arg(&key).arg("from").arg(&migration.from);
        set.arg("done").arg(u8::from(migration.done));
        let set = self.link.send(&set, Some(&key)).await;
        set.map(drop).map_err(|fault| self.error(fault))
    }
}

impl RedisStore {
    /// Partition after partition, of each those first in which something happened last.
    async fn names_after(
        &self,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<ConversationId>, Fault> {
        let (partition, skip) = match after {
            Some(Cursor(cursor)) => {
                let (partition, skip) = cursor.split_once(' ').ok_or(STRANGE)?;
                (reply::parse(partition)?, reply::parse(skip)?)
            }
            None => (0_u8, 0_usize),
        };
        let call = self.scripts.latest.on(self.slot(partition), self.time());
        let call = call.arg(skip).arg(limit).reads();
        let found = Reply::new(call.send(&self.link).await?)?.each(Reply::pair)?;
        let next = match found.len() == limit {
            true => Some(format!("{partition} {}", skip + limit)),
            false => (partition + 1 < PARTITIONS).then(|| format!("{} 0", partition + 1)),
        };
        let named = |(id, _)| ConversationId::new(id).map_err(|_| NAMELESS);
        Ok(Page {
            items: found.into_iter().map(named).collect::<Result<_, _>>()?,
            next: next.map(Cursor),
        })
    }

    async fn held(&self) -> Result<InUse, Fault> {
        let claims = self.partitions().map(|partition| async move {
            let call = self.scripts.busy.on(self.slot(partition), self.time());
            reply::parse::<u64>(&word(call.reads().send(&self.link).await?)?)
        });
        Ok(InUse {
            claims: try_join_all(claims).await?.into_iter().sum(),
            roles: self.roles().await?,
        })
    }

    async fn read_mark(&self) -> Result<Option<Migration>, Fault> {
        let mut get = cmd("HMGET");
        get.arg(format!("{}schema", self.prefix))
            .arg("from")
            .arg("done");
        let found = from_redis_value(self.link.send(&get, None).await?);
        let (from, done): (Option<String>, Option<u8>) =
            found.map_err(|error| Fault::Redis(error.into()))?;
        Ok(from.map(|from| Migration {
            from,
            done: done == Some(1),
        }))
    }
}
