//! The whole server: the real binary as a process, met as its users meet it.

mod bad_input;
mod crash;
mod crowd;
mod first_day;

use std::path::Path;

/// The binary under test.
fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_causerie"))
}

/// A server without a model, which says back what it is told.
const ECHO: &str = r#"
[models.echo]
kind = "echo"

[personas.assistant]
models = ["echo"]
"#;

/// The same, a word at a time.
const ECHO_SLOWLY: &str = r#"
[models.echo]
kind = "echo"
words_per_second = 8

[personas.assistant]
models = ["echo"]
"#;
