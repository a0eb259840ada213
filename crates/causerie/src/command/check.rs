//! `causerie check`: everything that can be wrong before the server starts.

use super::{load, print};
use crate::{
    cli::Global,
    config::{Config, Loaded, ModelConfig, StoreUrl},
    failure::Failure,
    wire::{self, OpenStore, persona::persona},
};
use causerie_local::models::{ModelError, ModelRef, Models};
use std::{fs, path::Path};

/// Checks all of it and prints one line for each part. The exit code is that of the first failure.
pub(super) fn run(global: &Global) -> Result<u8, Failure> {
    let loaded = load(global)?;
    let mut report = Report::default();
    everything(&loaded, &mut report)?;
    Ok(report.code())
}

/// All that can be told without going anywhere.
pub(super) fn everything(loaded: &Loaded, report: &mut Report) -> Result<(), Failure> {
    let from = loaded
        .file
        .as_ref()
        .map_or("none; the defaults".to_owned(), |f| f.display().to_string());
    report.well("configuration", &from)?;
    check_store(&loaded.config, report)?;
    for (name, config) in &loaded.config.personas {
        let part = format!("persona {name}");
        match persona(name, config) {
            Ok(_) => report.well(&part, "its template works")?,
            Err(failure) => report.bad(&part, &failure)?,
        }
    }
    check_models(&loaded.config, report)
}

/// Lines about the parts of a server, printed as they come.
#[derive(Default)]
pub(super) struct Report {
    code: Option<u8>,
}

impl Report {
    pub(super) fn well(&mut self, part: &str, detail: &str) -> Result<(), Failure> {
        print(&format!("ok    {part}: {detail}\n"))
    }

    /// Worth knowing, and no failure.
    pub(super) fn note(&mut self, part: &str, detail: &str) -> Result<(), Failure> {
        print(&format!("note  {part}: {detail}\n"))
    }

    pub(super) fn bad(&mut self, part: &str, failure: &Failure) -> Result<(), Failure> {
        self.code.get_or_insert(failure.code());
        print(&format!("BAD   {part}: {failure}\n"))
    }

    /// The exit code: that of the first failure.
    pub(super) fn code(&self) -> u8 {
        self.code.unwrap_or(0)
    }
}

fn check_store(config: &Config, report: &mut Report) -> Result<(), Failure> {
    let dir = &config.server.data_dir;
    let promises = config.store.redis.promises();
    if !promises.is_empty() && !matches!(config.store.url, StoreUrl::Redis(_)) {
        let told = "only Redis does this, and it is not the store of `url`: nothing comes of it";
        report.note(&format!("store.redis, {}", promises.join(", ")), told)?;
    }
    match (&config.store.url, writable(dir)) {
        (StoreUrl::Redis(address), Ok(())) => match OpenStore::check(config) {
            Ok(()) => report.well("store", &format!("{address}; `causerie doctor` tries it")),
            Err(failure) => report.bad("store", &failure),
        },
        (StoreUrl::Memory, _) => report.note("store", "in memory: forgotten at the end"),
        (StoreUrl::Sqlite(file), Ok(())) => match OpenStore::check(config) {
            Ok(()) => report.well("store", &dir.join(file).display().to_string()),
            Err(failure) => report.bad("store", &failure),
        },
        (StoreUrl::Sqlite(_) | StoreUrl::Redis(_), Err(failure)) => report.bad("store", &failure),
    }
}

/// Whether the directory can be written to, or made where it is not there yet. Leaves no trace.
fn writable(dir: &Path) -> Result<(), Failure> {
    let there = dir
        .ancestors()
        .find(|dir| dir.exists())
        .unwrap_or(Path::new("/"));
    let trial = there.join(format!(".causerie-check-{}", std::process::id()));
    let written = fs::write(&trial, b"").and_then(|()| fs::remove_file(&trial));
    written.map_err(Failure::io(format!("cannot write in {}", there.display())))
}

fn check_models(config: &Config, report: &mut Report) -> Result<(), Failure> {
    let models = match Models::from_env() {
        Ok(models) => models,
        Err(error) => return report.bad("models", &error.into()),
    };
    for (name, model) in &config.models {
        let part = format!("model {name}");
        match model {
            ModelConfig::Echo(_) => {
                report.note(&part, "no model at all: it repeats what it is told")?;
            }
            ModelConfig::OpenAi(remote) => match wire::client(name, remote) {
                Ok(_) => report.well(&part, &format!("{} at {}", remote.model, remote.base_url))?,
                Err(failure) => report.bad(&part, &failure)?,
            },
            ModelConfig::Local(local) => check_model(&models, &part, &local.model, report)?,
        }
    }
    Ok(())
}

fn check_model(
    models: &Models,
    part: &str,
    name: &str,
    report: &mut Report,
) -> Result<(), Failure> {
    let found = ModelRef::parse(name).map_err(Failure::from);
    match found.map(|model| (models.find(&model), model)) {
        Ok((Ok(path), _)) => report.well(part, &path.display().to_string()),
        Ok((Err(ModelError::Missing { .. }), ModelRef::Named(_) | ModelRef::Hub(_))) => report
            .note(
                part,
                &format!(
                    "not here yet; the server fetches it, or `causerie models pull {name}` does"
                ),
            ),
        Ok((Err(error), _)) => report.bad(part, &error.into()),
        Err(failure) => report.bad(part, &failure),
    }
}
