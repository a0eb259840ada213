//! The remote backend against a model server of this machine.

mod endpoints;
mod failures;
mod privacy;
mod promises;
mod streams;
mod support;
