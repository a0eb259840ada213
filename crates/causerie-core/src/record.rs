//! How values are written into stores: one version byte, then their fields by position.
//!
//! Compact (a short chat message costs about 60 bytes) and strict: what cannot be read is an error,
//! never a default. A field may only be added together with a new version.

use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

/// The version this program writes.
pub const VERSION: u8 = 1;

/// Why a record could not be read or written.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RecordError {
    /// It has no bytes.
    #[error("an empty record")]
    Empty,
    /// A newer program wrote it.
    #[error("a record of version {0}, and this program knows {VERSION}")]
    Newer(u8),
    /// Its bytes do not fit its type.
    #[error("a record that cannot be read")]
    Damaged(#[source] postcard::Error),
}

/// Writes `value`.
///
/// # Errors
/// If `value` holds something that has no length before it is written; none of our types do.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, RecordError> {
    postcard::to_extend(value, vec![VERSION]).map_err(RecordError::Damaged)
}

/// Reads a value of version [`VERSION`], the only one there is.
///
/// Who raises [`VERSION`] gives each type whose layout changes a private twin with the old layout
/// (`EventV1`, say) and a `From` of it, and has this function, which then needs to know the twin of
/// `T`, read a record with the older version byte as the twin and convert it: stores are never
/// rewritten as a whole. Types that do not change are read as before under either version. The
/// samples in `tests/records.rs` of the older version stay and must still decode.
///
/// # Errors
/// If the bytes are damaged or of a newer version.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, RecordError> {
    match bytes.split_first() {
        None => Err(RecordError::Empty),
        Some((&VERSION, rest)) => postcard::from_bytes(rest).map_err(RecordError::Damaged),
        Some((&version, _)) => Err(RecordError::Newer(version)),
    }
}
