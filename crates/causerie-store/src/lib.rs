//! The store contract of [`causerie_core::store`], kept twice.
//!
//! * [`MemoryStore`]: the reference. Everything is gone when the process ends.
//! * [`SqliteStore`]: the embedded default. One file, safe against a crash at any moment.

mod memory;
mod sqlite;

pub use causerie_core::store::{KEEP_TURNS, MAILBOX_LIMIT, REMEMBER_EVENTS};
pub use memory::MemoryStore;
pub use sqlite::{Options, SqliteStore};

use causerie_core::store::{amend, forget, select, title};

/// What `charges` want of the budget `key` together.
fn charged(charges: &[causerie_core::limit::Charge], key: &str) -> u64 {
    let wanted = charges.iter().filter(|charge| charge.key == key);
    wanted.fold(0, |sum, charge| sum.saturating_add(charge.amount))
}
