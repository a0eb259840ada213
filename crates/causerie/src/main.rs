//! The `causerie` command.
fn main() {}
