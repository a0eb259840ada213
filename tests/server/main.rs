//! The whole server: the real binary as a process, met as its users meet it.

mod bad_input;
mod crash;
mod crowd;
mod endpoints;
mod first_day;
mod migrate;
mod operator;
mod quiet;
mod redis;
mod replicas;
mod telegram;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// The binary under test.
fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_causerie"))
}

/// A script that does `lines` and then becomes the binary under test, with `options` before all
/// others: for a server in circumstances of its own.
fn program_after(directory: &Path, lines: &str, options: &str) -> PathBuf {
    let script = directory.join("causerie.sh");
    let program = program().display();
    let text = format!("#!/bin/sh\n{lines}\nexec '{program}' {options} \"$@\"\n");
    fs::write(&script, text).expect("it can be written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("it is ours");
    script
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
