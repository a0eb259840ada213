//! Logs and metrics: where they go, and what does not.
//!
//! What people write never reaches a log, at any level. Our own crates keep to that by type: it is a
//! `Text`, which prints as its length. Of other crates we cannot know, and some print all they see
//! when they are asked to say everything; so they are heard from `info` on only, whatever the filter
//! says, and those that quote people even there are not heard at all.

use crate::{
    cli::Global,
    config::{LogFormat, ServerConfig},
};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use std::{
    io::{IsTerminal, stderr},
    panic::{self, PanicHookInfo},
};
use thiserror::Error;
use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter,
    filter::{ParseError, filter_fn},
    fmt::time::SystemTime,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// What other crates would say about every step of theirs.
const QUIET: [&str; 5] = [
    "hyper=warn",
    "reqwest=warn",
    "rustls=warn",
    "h2=warn",
    "llama-cpp-2=off",
];

/// Crates that quote people whatever the level: each key that is typed, each answer of a model that
/// is not understood.
const MUTE: [&str; 2] = ["rustyline", "async_openai"];

/// Bounds of the histograms, in seconds: from a command's answer to a long one of a slow model.
const SECONDS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0,
];

/// Starts to log to standard error, as the server is configured to.
pub fn log(server: &ServerConfig, global: &Global) {
    start(
        filter(&server.log_filter, global.verbose),
        global.log_format.unwrap_or(server.log_format),
    );
}

/// Starts to log warnings to standard error, for commands that a person waits for.
pub fn log_quietly(global: &Global) {
    start(
        filter("warn", global.verbose),
        global.log_format.unwrap_or_default(),
    );
}

fn start(filter: EnvFilter, format: LogFormat) {
    let json = match format {
        LogFormat::Auto => !stderr().is_terminal(),
        LogFormat::Human => false,
        LogFormat::Json => true,
    };
    let registry = tracing_subscriber::registry()
        .with(filter)
        .with(filter_fn(quotes_nobody));
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(stderr)
        .with_timer(SystemTime);
    let started = if json {
        registry.with(layer.json().flatten_event(true)).try_init()
    } else {
        registry
            .with(layer.with_ansi(stderr().is_terminal()).with_target(false))
            .try_init()
    };
    if let Err(error) = started {
        eprintln!("warning: logs cannot be written: {error}");
    }
}

/// Whether what is said there can hold nothing that people wrote.
fn quotes_nobody(what: &Metadata<'_>) -> bool {
    let name = what.target().split("::").next().unwrap_or_default();
    let ours = name == "causerie" || name.starts_with("causerie_");
    ours || *what.level() <= Level::INFO && !MUTE.contains(&name)
}

fn filter(configured: &str, verbose: u8) -> EnvFilter {
    let wanted = match verbose {
        0 => configured,
        1 => {
            "info,causerie=debug,causerie_engine=debug,causerie_store=debug,causerie_local=debug,\
              causerie_web=debug,causerie_terminal=debug"
        }
        _ => "trace",
    };
    // What the operator says stands last, and the last word on a target counts.
    let quiet = if verbose > 1 {
        String::new()
    } else {
        QUIET.join(",") + ","
    };
    EnvFilter::builder().parse_lossy(quiet + wanted)
}

/// Whether a text is a filter of logs.
///
/// # Errors
/// If it is not, or if it is a lone word that is no level: that would be the name of a part which
/// does not exist, and silence everything else.
pub fn check_filter(text: &str) -> Result<(), FilterError> {
    let levels = ["error", "warn", "info", "debug", "trace", "off"];
    let words = text.split(',').map(str::trim);
    for word in words.filter(|word| !word.contains(['=', '[', ']', '{', '}'])) {
        if !levels.iter().any(|level| word.eq_ignore_ascii_case(level)) {
            return Err(FilterError::NoLevel);
        }
    }
    EnvFilter::builder().parse(text)?;
    Ok(())
}

/// Why a text is no filter of logs.
#[derive(Debug, Error)]
pub enum FilterError {
    /// A word stands alone and is no level.
    #[error(
        "a level is error, warn, info, debug, trace or off; one for a part is written like \
         \"warn,causerie_engine=debug\""
    )]
    NoLevel,
    /// It cannot be read.
    #[error("this is no filter of logs; one is written like \"warn,causerie_engine=debug\"")]
    Shape(#[from] ParseError),
}

/// From now on a panic tells where it was and nothing else: its message may quote what people wrote.
pub fn report_panics() {
    panic::set_hook(Box::new(report_panic));
}

fn report_panic(panic: &PanicHookInfo<'_>) {
    let at = panic
        .location()
        .map_or_else(String::new, ToString::to_string);
    if tracing::enabled!(Level::ERROR) {
        tracing::error!(at, "a mistake of ours, please report it");
    } else {
        eprintln!("a mistake of ours at {at}, please report it");
    }
}

/// Starts to count, and gives the way to read it.
///
/// # Errors
/// If something counts already.
pub fn measure() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_buckets(&SECONDS)?
        .install_recorder()
}

/// Whether errors for people may have colours.
pub fn colour() -> bool {
    stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_of_logs_is_told_from_a_slip_of_the_pen() {
        for good in [
            "info",
            "off",
            "warn,causerie_engine=debug",
            "WARN,causerie_web=trace",
        ] {
            assert!(check_filter(good).is_ok(), "{good}");
        }
        for bad in [
            "inof",
            "",
            "info,",
            "warn, causerie_web=trace",
            "causerie=loud",
            "warn,causerie_engine",
            "a=b=c",
        ] {
            assert!(check_filter(bad).is_err(), "{bad}");
        }
    }
}
