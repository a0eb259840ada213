//! The store contract of [`causerie_core::store`], kept twice.
//!
//! * [`MemoryStore`]: the reference. Everything is gone when the process ends.
//! * [`SqliteStore`]: the embedded default. One file, safe against a crash at any moment.

mod amend;
mod forget;
mod memory;
mod select;
mod sqlite;
mod title;

pub use memory::MemoryStore;
pub use sqlite::{Options, SqliteStore};

use std::time::Duration;

/// How long an event is remembered for deduplication.
pub const REMEMBER_EVENTS: Duration = Duration::from_secs(48 * 3600);

/// The most events that may wait in one conversation, unless a store is told otherwise.
pub const MAILBOX_LIMIT: usize = 256;

/// How many turn records of each conversation are kept: the newest.
pub const KEEP_TURNS: usize = 256;

/// What `charges` want of the budget `key` together.
fn charged(charges: &[causerie_core::limit::Charge], key: &str) -> u64 {
    let wanted = charges.iter().filter(|charge| charge.key == key);
    wanted.fold(0, |sum, charge| sum.saturating_add(charge.amount))
}
