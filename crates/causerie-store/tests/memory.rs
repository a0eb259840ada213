//! The reference keeps every promise.

use causerie_store::MemoryStore;
use causerie_testkit::store_conformance::{Opened, Setup};

async fn open(setup: Setup) -> Opened {
    let store = MemoryStore::new(setup.clock).mailbox_limit(setup.mailbox_limit);
    Opened::new(store, ())
}

causerie_testkit::store_conformance!(open);
