//! What tests are made with.

pub mod backend;
pub mod backend_conformance;
pub mod browser;
pub mod chat;
pub mod clock;
pub mod fake_models;
pub mod fake_telegram;
pub mod pauses;
pub mod platform;
pub mod platform_conformance;
pub mod process;
pub mod prompt;
pub mod redis;
pub mod server;
pub mod store_conformance;
pub mod tls;
