//! Causerie.

pub mod config;
