//! The store in a file: the promises of every store, and its own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod damage;
mod full;
mod killed;
mod owner;
mod promises;
mod readers;
mod restart;
mod sweep;

use causerie_core::{Clock, store::StoreError};
use causerie_store::SqliteStore;
use causerie_testkit::clock::ManualClock;
use std::{path::Path, sync::Arc};

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::default())
}

fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, &clock())
}
