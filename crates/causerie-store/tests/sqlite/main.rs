//! The store in a file: the promises of every store, and its own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod owner;
mod promises;
mod restart;
