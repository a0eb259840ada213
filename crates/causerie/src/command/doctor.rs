//! `causerie doctor`: tries everything the server needs, and says what to fix.

mod endpoint;
mod store;
mod telegram;

use super::{
    check::{self, Report},
    load, runtime,
};
use crate::{
    cli::Global,
    config::{Config, ModelConfig},
    failure::Failure,
    telemetry,
};
use std::path::Path;

/// Less room than this is soon full.
const LITTLE_ROOM: u64 = 1 << 30;

/// Checks as `causerie check` does, then tries the store, the disk, each endpoint and each bot. The exit code
/// is that of the first failure.
pub(super) fn run(global: &Global) -> Result<u8, Failure> {
    let loaded = load(global)?;
    telemetry::log_quietly(global);
    let mut report = Report::default();
    check::everything(&loaded, &mut report)?;
    disk(&loaded.config.server.data_dir, &mut report)?;
    runtime()?.block_on(async {
        store::examine(&loaded.config, &mut report).await?;
        endpoints(&loaded.config, &mut report).await?;
        telegram::examine(&loaded.config, &mut report).await
    })?;
    Ok(report.code())
}

async fn endpoints(config: &Config, report: &mut Report) -> Result<(), Failure> {
    for (name, model) in &config.models {
        if let ModelConfig::OpenAi(model) = model {
            endpoint::examine(name, model, report).await?;
        }
    }
    Ok(())
}

fn disk(dir: &Path, report: &mut Report) -> Result<(), Failure> {
    // A relative path that is not there yet begins here.
    let there = dir.ancestors().find(|dir| dir.exists());
    let there = there.unwrap_or(Path::new("."));
    let room = match fs4::available_space(there) {
        Ok(room) => room,
        Err(error) => {
            let failed = Failure::io(format!("cannot look at {}", there.display()));
            return report.bad("disk", &failed(error));
        }
    };
    let gibibytes = room as f64 / f64::from(1 << 30);
    let free = format!("{gibibytes:.1} GiB free at {}", there.display());
    match room < LITTLE_ROOM {
        true => report.note(
            "disk",
            &format!("only {free}; a full disk stops the server"),
        ),
        false => report.well("disk", &free),
    }
}
