//! Whether the store still writes.

use causerie_core::{
    id::ReplicaId,
    store::{Claimant, Store},
};
use std::{process, sync::Arc, time::Duration};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

/// How long the store may take to show that it is well.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long what was found out holds, so that nobody makes the store busy by asking.
const HOLDS: Duration = Duration::from_secs(1);
/// The role that is taken only to see whether it can be.
const ROLE: &str = "ready";

/// Feels whether the store still writes: a full disk and a lost writer leave reading as it was.
pub struct Pulse {
    store: Arc<dyn Store>,
    claimant: Claimant,
    /// When it was felt last, and what was found. Locked while it is felt: who asks meanwhile waits
    /// for the same answer.
    last: Mutex<Option<(Instant, bool)>>,
}

impl Pulse {
    /// The pulse of `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        let replica = ReplicaId::new(format!("ready-{}", process::id()));
        let claimant = Claimant {
            replica: replica.expect("a word and a number are a name"),
            ttl: HOLDS,
        };
        Self {
            store,
            claimant,
            last: Mutex::default(),
        }
    }

    /// The store itself.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Whether something can be kept now, or could be a moment ago.
    pub async fn writes(&self) -> bool {
        let mut last = self.last.lock().await;
        if let Some((at, found)) = *last
            && at.elapsed() < HOLDS
        {
            return found;
        }
        let lease = self.store.lease(ROLE, &self.claimant);
        let found = matches!(timeout(PATIENCE, lease).await, Ok(Ok(_)));
        *last = Some((Instant::now(), found));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causerie_core::{Clock, Timestamp, store::Archive};
    use causerie_store::SqliteStore;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }
    }

    #[tokio::test]
    async fn a_store_that_only_reads_has_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let clock: Arc<dyn Clock> = Arc::new(Still);
        let well = Arc::new(SqliteStore::open(&path, &clock).unwrap());
        let reading = SqliteStore::open_read_only(&path, &clock).unwrap();
        let pulse = Pulse::new(well.clone());
        assert!(pulse.writes().await && pulse.writes().await);

        // Its writer is gone.
        well.close().await;
        while pulse.writes().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }

        assert!(reading.census().await.is_ok());
        assert!(!Pulse::new(Arc::new(reading)).writes().await);
    }
}
