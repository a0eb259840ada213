//! Logs and metrics: where they go, and what does not.

use crate::{
    cli::Global,
    config::{LogFormat, ServerConfig},
};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use std::io::{IsTerminal, stderr};
use tracing_subscriber::{
    EnvFilter, fmt::time::SystemTime, layer::SubscriberExt, util::SubscriberInitExt,
};

/// What other crates would say about every step of theirs, or about what people wrote.
const QUIET: [&str; 5] = [
    "hyper=warn",
    "reqwest=warn",
    "rustls=warn",
    "h2=warn",
    "llama-cpp-2=off",
];

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
    let registry = tracing_subscriber::registry().with(filter);
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

fn filter(configured: &str, verbose: u8) -> EnvFilter {
    let wanted = match verbose {
        0 => configured.to_owned(),
        1 => "info,causerie=debug,causerie_engine=debug,causerie_store=debug,causerie_local=debug,\
              causerie_web=debug,causerie_terminal=debug"
            .to_owned(),
        _ => "trace".to_owned(),
    };
    // What the operator says stands last, and the last word on a target counts.
    let quiet = if verbose > 1 {
        String::new()
    } else {
        QUIET.join(",") + ","
    };
    EnvFilter::builder().parse_lossy(quiet + &wanted)
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
