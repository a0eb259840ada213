//! `causerie bench`.

use crate::{
    cli::{BenchArgs, Global},
    failure::Failure,
};

/// Measures and prints.
pub(super) fn run(_args: &BenchArgs, _global: &Global) -> Result<u8, Failure> {
    Err(Failure::internal("this command is not wired yet"))
}
