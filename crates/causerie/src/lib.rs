//! Causerie: a language model in your chat. This crate is the server and its command line; the
//! crates it is made of stand under their own names, for those who build a bot of their own.
//!
//! In reading order:
//!
//! * [`cli`], [`command`], [`failure`]: the command line, what it does, and its exit codes
//! * [`config`]: what the operator decides
//! * [`wire`]: the configuration becomes an engine with platforms, models and a store
//! * [`admin`], [`telemetry`]: what the operator sees
//! * [`echo`], [`deferred`]: backends of the server itself
//! * [`migrate`]: everything that is kept goes to another store
//! * [`bench`](mod@bench): what a turn costs on this machine

pub mod admin;
pub mod bench;
pub mod cli;
pub mod command;
pub mod config;
pub mod deferred;
pub mod echo;
pub mod failure;
pub mod migrate;
pub mod telemetry;
pub mod wire;

pub use causerie_core as core;
pub use causerie_engine as engine;
pub use causerie_local as local;
pub use causerie_markup as markup;
pub use causerie_openai as openai;
pub use causerie_redis as redis;
pub use causerie_store as store;
pub use causerie_telegram as telegram;
pub use causerie_terminal as terminal;
pub use causerie_web as web;
