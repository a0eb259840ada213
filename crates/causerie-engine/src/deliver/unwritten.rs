//! Entries of the journal that need not be written before the next one: each writing costs a trip to
//! the disk, and together they cost one.

use causerie_core::store::JournalEntry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the journal should know, and does not yet. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Unwritten(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    entries: Vec<JournalEntry>,
    /// Whether the turn's beginning was among them once.
    began: bool,
}

impl Unwritten {
    /// Writes `entry` with the next one.
    pub(crate) fn add(&self, entry: JournalEntry) {
        let mut state = self.state();
        let begins = matches!(entry, JournalEntry::Began { .. });
        if begins && state.began {
            return;
        }
        state.began |= begins;
        state.entries.push(entry);
    }

    /// All of it, to be written now.
    pub(crate) fn take(&self) -> Vec<JournalEntry> {
        std::mem::take(&mut self.state().entries)
    }

    /// It could not be written: it comes before what was added meanwhile.
    pub(crate) fn put_back(&self, mut entries: Vec<JournalEntry>) {
        let mut state = self.state();
        entries.append(&mut state.entries);
        state.entries = entries;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
