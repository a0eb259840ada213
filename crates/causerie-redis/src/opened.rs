//! Chunks that were read and will be read again at once: a turn reads the end of history when it
//! begins, and adds to it when it ends. Opening a chunk takes milliseconds.
//!
//! A chunk is known by the value it was read from, so it is never another than what Redis holds. The
//! second reader takes it away; of those that nobody comes back for, few are kept.

use crate::chunk::Chunk;
use sha2::{Digest, Sha256};
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

/// As many turns as a server runs at once, unless it is told otherwise.
const MOST: usize = 64;

/// A larger chunk is opened twice.
const MOST_BYTES: usize = 64 << 10;

pub(crate) type Name = [u8; 32];

/// The oldest first.
#[derive(Default)]
pub(crate) struct Opened(Mutex<VecDeque<(Name, Chunk)>>);

impl Opened {
    /// What a chunk is known by.
    pub(crate) fn name(place: &str, number: u64, value: &[u8]) -> Name {
        let mut digest = Sha256::new();
        digest.update(place);
        digest.update(b" ");
        digest.update(number.to_be_bytes());
        digest.update(value);
        digest.finalize().into()
    }

    pub(crate) fn keep(&self, name: Name, chunk: Chunk) {
        if chunk.bytes > MOST_BYTES {
            return;
        }
        let mut chunks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        chunks.retain(|(known, _)| *known != name);
        if chunks.len() >= MOST {
            chunks.pop_front();
        }
        chunks.push_back((name, chunk));
    }

    pub(crate) fn take(&self, name: &Name) -> Option<Chunk> {
        let mut chunks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = chunks.iter().position(|(known, _)| known == name)?;
        chunks.remove(place).map(|(_, chunk)| chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_taken_once_and_the_oldest_goes() {
        let opened = Opened::default();
        let name = |n: u64| Opened::name("place", n, b"value");
        for n in 0..=MOST as u64 {
            opened.keep(name(n), Chunk::default());
        }
        assert!(opened.take(&name(0)).is_none());
        assert!(opened.take(&name(1)).is_some());
        assert!(opened.take(&name(1)).is_none());
        let large = Chunk {
            bytes: MOST_BYTES + 1,
            ..Chunk::default()
        };
        opened.keep(name(1), large);
        assert!(opened.take(&name(1)).is_none());
        assert_ne!(name(2), Opened::name("elsewhere", 2, b"value"));
    }
}
