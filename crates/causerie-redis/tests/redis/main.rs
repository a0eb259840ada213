//! The store in real Redis servers: the promises of every store, and its own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod before;
mod cluster;
mod conformance;
mod encryption;
mod failover;
mod failure;
mod guarded;
mod ledger;
mod place;
mod rest;
mod retention;
mod size;
mod talk;
mod transfer;
