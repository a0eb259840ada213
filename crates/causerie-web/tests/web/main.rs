//! The web platform from outside: over HTTP, and with a real browser.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod browser;
mod caller;
mod controls;
mod desk;
mod events;
mod gate;
mod house;
mod http;
