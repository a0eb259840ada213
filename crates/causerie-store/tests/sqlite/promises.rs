//! It keeps every promise of the contract.

use causerie_store::{Options, SqliteStore};
use causerie_testkit::store_conformance::{Opened, Setup};

async fn open(setup: Setup) -> Opened {
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        mailbox_limit: setup.mailbox_limit,
        ..Options::default()
    };
    let path = directory.path().join("causerie.db");
    let store = SqliteStore::open_with(path, &setup.clock, &options).unwrap();
    Opened::new(store, directory)
}

causerie_testkit::store_conformance!(open);
