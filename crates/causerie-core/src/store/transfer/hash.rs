//! What content comes to: one hash, the same from any store.

use crate::record::{self, RecordError};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt;

/// The SHA-256 of content, or of many contents together whatever their order. Prints as 64
/// hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// Takes another content in. The same one must not be taken in twice.
    pub fn include(&mut self, other: ContentHash) {
        for (byte, other) in self.0.iter_mut().zip(other.0) {
            *byte ^= other;
        }
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

/// Hashes values one after the other, as records, so that no large content is written out whole.
pub(super) struct Hasher(Sha256);

impl Hasher {
    pub(super) fn new() -> Self {
        Self(Sha256::new())
    }

    pub(super) fn one<T: Serialize>(&mut self, value: &T) -> Result<(), RecordError> {
        self.0.update(record::encode(value)?);
        Ok(())
    }

    /// Many values, and before them how many.
    pub(super) fn all<T: Serialize>(&mut self, values: &[T]) -> Result<(), RecordError> {
        self.one(&values.len())?;
        values.iter().try_for_each(|value| self.one(value))
    }

    pub(super) fn finish(self) -> ContentHash {
        ContentHash(self.0.finalize().into())
    }
}
