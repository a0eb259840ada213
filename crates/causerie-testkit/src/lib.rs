//! What tests are made with.

pub mod backend;
pub mod browser;
pub mod chat;
pub mod clock;
pub mod platform;
pub mod process;
pub mod prompt;
pub mod redis;
pub mod server;
pub mod store_conformance;
