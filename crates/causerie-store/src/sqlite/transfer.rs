//! Carrying everything to another store, and from one.

mod conversation;
mod ledger;

use super::{SqliteStore, archive::name, fault::Fault, schema, session::Session};
use async_trait::async_trait;
use causerie_core::{
    Timestamp,
    id::ConversationId,
    store::{
        StoreError,
        transfer::{ConversationCopy, Cursor, InUse, LedgerEntry, Migration, Page, Transfer},
    },
};
use rusqlite::{OptionalExtension, params};

#[async_trait]
impl Transfer for SqliteStore {
    async fn conversations_after(
        &self,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<ConversationId>, StoreError> {
        let after = after.cloned();
        self.read(move |session| session.conversations_after(after, limit))
            .await
    }

    async fn export(
        &self,
        conversation: &ConversationId,
        now: Timestamp,
    ) -> Result<Option<ConversationCopy>, StoreError> {
        let id = conversation.clone();
        self.read(move |session| session.export(&id, now)).await
    }

    async fn import(&self, copy: ConversationCopy) -> Result<(), StoreError> {
        self.write(move |session| session.import(&copy)).await
    }

    async fn entries_after(
        &self,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<LedgerEntry>, StoreError> {
        let after = after.cloned();
        self.read(move |session| session.entries_after(after, limit, now))
            .await
    }

    async fn find_entries(
        &self,
        entries: &[LedgerEntry],
    ) -> Result<Vec<Option<LedgerEntry>>, StoreError> {
        let entries = entries.to_vec();
        self.read(move |session| entries.iter().map(|entry| session.entry(entry)).collect())
            .await
    }

    async fn put_entries(&self, entries: &[LedgerEntry]) -> Result<(), StoreError> {
        let entries = entries.to_vec();
        self.write(move |session| {
            entries
                .iter()
                .try_for_each(|entry| session.put_entry(entry))
        })
        .await
    }

    /// Only claims of this process: whoever opened the file for writing has it alone, and claims of
    /// one that died end when it is opened.
    async fn in_use(&self) -> Result<InUse, StoreError> {
        match self.writer {
            Some(_) => self.read(|session| session.in_use()).await,
            None => Ok(InUse::default()),
        }
    }

    async fn migration(&self) -> Result<Option<Migration>, StoreError> {
        self.read(|session| session.migration()).await
    }

    async fn mark(&self, migration: &Migration) -> Result<(), StoreError> {
        let migration = migration.clone();
        self.write(move |session| session.mark(&migration)).await
    }
}

impl Session {
    fn conversations_after(
        &self,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<ConversationId>, Fault> {
        // No name is empty, so all of them are behind the empty one.
        let after = after.map_or(String::new(), |cursor| cursor.0);
        let mut statement = self
            .connection
            .prepare_cached("SELECT name FROM conversation WHERE name > ? ORDER BY name LIMIT ?")?;
        let mut rows = statement.query(params![after, limit as i64])?;
        let mut items = vec![];
        while let Some(row) = rows.next()? {
            items.push(name(row.get(0)?)?);
        }
        let full = items.len() == limit;
        let next = items.last().filter(|_| full);
        let next = next.map(|id: &ConversationId| Cursor(id.as_str().to_owned()));
        Ok(Page { items, next })
    }

    fn in_use(&self) -> Result<InUse, Fault> {
        let count = |sql: &str| -> Result<u64, Fault> {
            let mut statement = self.connection.prepare_cached(sql)?;
            let count: i64 = statement.query_row([self.now().0], |row| row.get(0))?;
            Ok(count.unsigned_abs())
        };
        Ok(InUse {
            claims: count("SELECT count(*) FROM conversation WHERE until > ?")?,
            roles: count("SELECT count(*) FROM lease WHERE until > ?")?,
        })
    }

    fn migration(&self) -> Result<Option<Migration>, Fault> {
        if self.is_from_before()? {
            return Ok(None);
        }
        let mut statement = self
            .connection
            .prepare_cached("SELECT source, done FROM migration")?;
        let found = statement.query_row([], |row| {
            Ok(Migration {
                from: row.get(0)?,
                done: row.get(1)?,
            })
        });
        Ok(found.optional()?)
    }

    fn mark(&self, migration: &Migration) -> Result<(), Fault> {
        self.execute(
            "INSERT OR REPLACE INTO migration (id, source, done) VALUES (1, ?, ?)",
            params![migration.from, migration.done],
        )?;
        Ok(())
    }

    /// Whether the file, opened for reading, has not the tables of migrations yet.
    fn is_from_before(&self) -> Result<bool, Fault> {
        Ok(schema::version(&self.connection)? < 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::{Options, file};
    use causerie_core::{Clock, id::EventId, store::transfer::EventMark};
    use causerie_testkit::clock::ManualClock;
    use std::{fs, sync::Arc};

    #[tokio::test]
    async fn a_file_of_an_older_program_is_a_source_and_stays_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("causerie.db");
        let older = file::open(&path, &Options::default(), &schema::MIGRATIONS[..1]).unwrap();
        let sql = "INSERT INTO conversation (id, name, turn) VALUES (1, 'web/a', 2);
                   INSERT INTO seen (conversation, event, at) VALUES (1, 'e1', 5999)";
        older.execute_batch(sql).unwrap();
        older.close().unwrap();
        let before = fs::read(&path).unwrap();

        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp(9000)));
        let store = SqliteStore::open_source(&path, &clock).unwrap();
        let second = SqliteStore::open_source(&path, &clock).err();
        assert!(matches!(second, Some(StoreError::Locked { .. })));
        let id = ConversationId::new("web/a").unwrap();
        let copy = store.export(&id, clock.now()).await.unwrap().unwrap();
        let mark = EventMark::of(&EventId::new("e1").unwrap());
        assert_eq!((copy.turns, &copy.seen[..]), (2, &[(mark, 5)][..]));
        assert_eq!(store.migration().await.unwrap(), None);
        assert!(store.import(copy.clone()).await.is_err());
        store.close().await;
        drop(store);
        assert_eq!(fs::read(&path).unwrap(), before);

        let store = SqliteStore::open(&path, &clock).unwrap();
        assert_eq!(store.export(&id, clock.now()).await.unwrap(), Some(copy));
    }
}
