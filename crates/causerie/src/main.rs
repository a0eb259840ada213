//! The `causerie` program.

use causerie::{cli::Cli, command, failure, telemetry};
use clap::{Parser, error::ErrorKind};
use std::process::ExitCode;

fn main() -> ExitCode {
    telemetry::report_panics();
    rustls::crypto::ring::default_provider()
        .install_default()
        .expect("nothing has chosen a TLS provider before main");
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match command::run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprint!("{}", failure.render(telemetry::colour()));
            ExitCode::from(failure.code())
        }
    }
}

/// Help and version are what was asked for; everything else is wrong usage.
fn usage(error: &clap::Error) -> ExitCode {
    // A closed terminal is the only way this fails, and then nobody reads it.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(failure::USAGE),
    }
}
