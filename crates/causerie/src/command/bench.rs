//! `causerie bench`: what Causerie and its local models cost on this machine.

use super::{load, models::fetch, print, runtime};
use crate::{
    bench::{self, Row, mebibytes},
    cli::{BenchArgs, Global},
    config::{Config, ModelConfig},
    failure::Failure,
    telemetry,
    wire::make_private,
};
use causerie_engine::SystemClock;
use causerie_local::{
    bench::{comparable, run as measure},
    models::{ModelError, ModelRef, Models},
};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Measures and prints, each figure when it is there.
pub(super) fn run(args: &BenchArgs, global: &Global) -> Result<u8, Failure> {
    let config = load(global)?.config;
    telemetry::log_quietly(global);
    let room = Room::open(&config.server.data_dir)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let version = env!("CARGO_PKG_VERSION");
    print(&format!("causerie {version}, {cores} cores\n"))?;

    print("\nturns, with a model that answers at once, on SQLite\n")?;
    let rows = runtime()?.block_on(bench::turns(&room.0.join("bench.db")))?;
    let memory =
        bench::memory().map(|bytes| Row::new("memory after them, resident", mebibytes(bytes)));
    print_rows(rows.into_iter().chain(memory))?;

    print("\nthe same on Redis, on this machine\n")?;
    match runtime()?.block_on(bench::shared(&room.0))? {
        Some(rows) => print_rows(rows)?,
        None => print("skipped: there is no `redis-server` to start\n")?,
    }

    let models = Models::from_env()?;
    for name in &asked(args, &config) {
        print(&format!("\nlocal model {name}\n"))?;
        if args.model.is_some() {
            fetch(&models, name)?;
        }
        match models.find(&ModelRef::parse(name)?) {
            Ok(path) => print_rows(local(path, &room.0, models.dir())?)?,
            Err(ModelError::Missing { .. }) => {
                print(&format!(
                    "not here yet; `causerie models pull {name}` fetches it\n"
                ))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(0)
}

/// The model named on the command line, or else every local model of the configuration.
fn asked(args: &BenchArgs, config: &Config) -> BTreeSet<String> {
    let configured = config.models.values().filter_map(|model| match model {
        ModelConfig::Local(local) => Some(local.model.clone()),
        ModelConfig::Echo(_) | ModelConfig::OpenAi(_) => None,
    });
    match &args.model {
        Some(name) => [name.clone()].into(),
        None => configured.collect(),
    }
}

fn local(path: PathBuf, room: &Path, models: &Path) -> Result<Vec<Row>, Failure> {
    let settings = comparable(causerie_local::Config {
        state_dir: Some(room.join("model-state")),
        quick_dir: Some(models.to_owned()),
        ..causerie_local::Config::new(path)
    });
    let rows = runtime()?.block_on(measure(settings, Arc::new(SystemClock)));
    let row = |row: causerie_local::bench::Row| {
        Row::new(row.name, format!("{:.3} {}", row.value, row.unit))
    };
    Ok(rows?.into_iter().map(row).collect())
}

fn print_rows(rows: impl IntoIterator<Item = Row>) -> Result<(), Failure> {
    rows.into_iter()
        .try_for_each(|row| print(&format!("{row}\n")))
}

/// A directory on the disk that the server writes to, gone when it is dropped.
struct Room(PathBuf);

impl Room {
    fn open(data_dir: &Path) -> Result<Self, Failure> {
        let dir = data_dir.join(format!("bench-{}", std::process::id()));
        make_private(&dir)?;
        Ok(Self(dir))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // What cannot be removed is only in the way.
        let _ = fs::remove_dir_all(&self.0);
    }
}
