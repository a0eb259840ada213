//! The store contract of `causerie_core::store`, kept.
//!
//! * [`MemoryStore`]: the reference. Everything is gone when the process ends.

mod memory;

pub use memory::MemoryStore;
