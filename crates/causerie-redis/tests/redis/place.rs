//! Servers that tests share while they run side by side, and a fresh place in one for each store.

use causerie_redis::{Config, Key, RedisStore};
use causerie_store::MemoryStore;
use causerie_testkit::{
    redis::{Cluster, Redis, Watched},
    store_conformance::{Opened, Setup},
};
use std::{
    any::Any,
    cell::RefCell,
    sync::Arc,
    sync::{
        Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// A server that ends with the last test that uses it.
pub(crate) struct Shared<T>(Mutex<Weak<T>>);

pub(crate) static SINGLE: Shared<Redis> = Shared::new();
static WATCHED: Shared<Watched> = Shared::new();
static CLUSTER: Shared<Cluster> = Shared::new();

thread_local! {
    /// What the test of this thread has used: it goes on with it, though it opens many stores.
    static USED: RefCell<Vec<Arc<dyn Any>>> = const { RefCell::new(vec![]) };
}

impl<T: 'static> Shared<T> {
    const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    fn get(&self, start: impl FnOnce() -> Option<T>) -> Option<Arc<T>> {
        // A test that failed while it started a server left nothing behind.
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = Arc::new(start()?);
        *shared = Arc::downgrade(&server);
        USED.with_borrow_mut(|used| used.push(Arc::clone(&server) as Arc<dyn Any>));
        Some(server)
    }
}

pub(crate) fn single() -> Option<Arc<Redis>> {
    SINGLE.get(|| Redis::start(&[]))
}

pub(crate) fn watched() -> Option<Arc<Watched>> {
    WATCHED.get(|| Watched::start(1, &[]))
}

pub(crate) fn cluster() -> Option<Arc<Cluster>> {
    CLUSTER.get(Cluster::start)
}

/// The configuration for a place at `url` where nobody has been.
pub(crate) fn fresh(url: &str) -> Config {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let mut config = Config::new(url).unwrap();
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    config.prefix = format!("causerie:{}.{number}:", std::process::id());
    // The machine may be busy with other tests.
    config.connect_timeout = Duration::from_secs(20);
    config.response_timeout = Duration::from_secs(20);
    config
}

pub(crate) fn key(id: &str, byte: u8) -> Key {
    Key::new(id, [byte; 32]).unwrap()
}

pub(crate) async fn opened(
    setup: Setup,
    mut config: Config,
    keep: impl Send + Sync + 'static,
) -> Opened {
    config.mailbox_limit = setup.mailbox_limit;
    let store = RedisStore::connect_at(&config, setup.clock).await;
    Opened::new(store.unwrap(), keep)
}

/// What stands in where there is no Redis, after it was said that the test is skipped.
pub(crate) fn skipped(setup: Setup) -> Opened {
    let store = MemoryStore::new(setup.clock).mailbox_limit(setup.mailbox_limit);
    Opened::new(store, ())
}
