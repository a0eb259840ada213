//! See ARCHITECTURE.md.
pub mod models;
