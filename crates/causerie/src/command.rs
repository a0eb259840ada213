//! What the commands of the command line do.

mod bench;
mod check;
mod config;
mod doctor;
mod explain;
mod migrate;
mod models;
mod ready;
mod rekey;
mod run;
mod terminal;

use crate::{
    cli::{Cli, Command, Global},
    config::{Loaded, Sources},
    failure::Failure,
};
use std::io::{self, Write};

/// Does what the command line says, and gives the exit code.
///
/// # Errors
/// With what stood in the way; [`Failure::code`] is the exit code then.
pub fn run(cli: Cli) -> Result<u8, Failure> {
    let global = cli.global;
    match cli.command {
        Command::Models { command } => models::run(command, &global),
        Command::Check => check::run(&global),
        Command::Config { command } => config::run(&command, &global),
        Command::Doctor => doctor::run(&global),
        Command::Bench(args) => bench::run(&args, &global),
        Command::Run => run::run(&global),
        Command::Ready => ready::run(&global),
        Command::Chat(args) => terminal::chat(&args, &global),
        Command::Ask(args) => terminal::ask(&args, &global),
        Command::Migrate(args) => migrate::run(&args, &global),
        Command::Rekey => rekey::run(&global),
        Command::Explain(args) => explain::run(&args, &global),
    }
}

/// The configuration, with what the command line says over it.
fn load(global: &Global) -> Result<Loaded, Failure> {
    let mut loaded = Sources::of_process(global.config.clone()).load()?;
    if let Some(dir) = &global.data_dir {
        loaded.config.server.data_dir.clone_from(dir);
    }
    Ok(loaded)
}

/// Prints to standard output. A reader that has enough and goes away is no failure.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Failure::io("cannot write to standard output")),
    }
}

/// A runtime for commands that wait for something.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    // Two workers carry thousands of conversations; more would only be memory. What blocks (the
    // store's readers, file system calls) has its own few threads.
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(8)
        .enable_all()
        .build()
        .map_err(Failure::io("cannot start"))
}
