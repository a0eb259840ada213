//! The only place that names concrete types: what the configuration says becomes stores, backends,
//! platforms and personas. A new one of any kind is one arm here.

mod model;
pub mod persona;
mod platform;
mod remote;

pub use model::{Loading, backends};
pub use platform::{Platforms, platforms};
pub use remote::{client, micros};

use crate::{
    config::{Config, Language, RuleConfig, StoreUrl},
    failure::Failure,
};
use causerie_core::{Clock, id::PersonaName, platform::Platform, store::Store, tool::Tool};
use causerie_engine::{Admission, Pattern, PlatformEntry, Rule};
use causerie_store::{MemoryStore, SqliteStore};
use std::{fs, path::Path, sync::Arc, time::Duration};

/// How long a claim outlives a process that died. One store has one process, which takes its own
/// conversations up again after its start; this is how long people wait for that.
const CLAIM_TTL: Duration = Duration::from_secs(10);

/// An open store, and what must be done at the end.
pub struct OpenStore {
    /// The store.
    pub store: Arc<dyn Store>,
    sqlite: Option<Arc<SqliteStore>>,
}

impl OpenStore {
    /// Keeps nothing beyond the process.
    pub fn memory(clock: &Arc<dyn Clock>) -> Self {
        Self {
            store: Arc::new(MemoryStore::new(clock.clone())),
            sqlite: None,
        }
    }

    /// Opens the file `path`, and makes it and its directory if they are not there.
    ///
    /// # Errors
    /// If the directory cannot be made, or the file cannot be used.
    pub fn sqlite(path: &Path, clock: &Arc<dyn Clock>) -> Result<Self, Failure> {
        let dir = path.parent().unwrap_or(Path::new("."));
        make_private(dir)?;
        let store = Arc::new(SqliteStore::open(path, clock)?);
        Ok(Self {
            store: store.clone(),
            sqlite: Some(store),
        })
    }

    /// Opens the store of the configuration.
    ///
    /// # Errors
    /// As [`OpenStore::sqlite`].
    pub fn configured(config: &Config, clock: &Arc<dyn Clock>) -> Result<Self, Failure> {
        match &config.store.url {
            StoreUrl::Memory => Ok(Self::memory(clock)),
            StoreUrl::Sqlite(file) => Self::sqlite(&config.server.data_dir.join(file), clock),
        }
    }

    /// Opens the store of the configuration for reading, beside a server that runs.
    ///
    /// # Errors
    /// If it is in memory, or the file is not there or cannot be used.
    pub fn read_only(config: &Config, clock: &Arc<dyn Clock>) -> Result<Self, Failure> {
        match &config.store.url {
            StoreUrl::Memory => Err(Failure::MemoryStore),
            StoreUrl::Sqlite(file) => {
                let path = config.server.data_dir.join(file);
                let store = Arc::new(SqliteStore::open_read_only(path, clock)?);
                Ok(Self {
                    store: store.clone(),
                    sqlite: Some(store),
                })
            }
        }
    }

    /// Says whether [`OpenStore::configured`] would open it, and changes nothing.
    ///
    /// # Errors
    /// As [`OpenStore::sqlite`].
    pub fn check(config: &Config) -> Result<(), Failure> {
        match &config.store.url {
            StoreUrl::Memory => Ok(()),
            StoreUrl::Sqlite(file) => Ok(SqliteStore::check(&config.server.data_dir.join(file))?),
        }
    }

    /// Writes what waits and closes the files.
    pub async fn close(self) {
        if let Some(sqlite) = self.sqlite {
            sqlite.close().await;
        }
    }
}

/// Makes a directory for what only its owner may read.
pub(crate) fn make_private(dir: &Path) -> Result<(), Failure> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(Failure::io(format!(
        "cannot make the directory {}",
        dir.display()
    )))
}

/// All tools that personas may name.
pub fn tools() -> Vec<Arc<dyn Tool>> {
    vec![]
}

/// A platform for the engine, answered by `persona`.
pub fn entry(
    platform: Arc<dyn Platform>,
    persona: &PersonaName,
    language: Language,
) -> PlatformEntry {
    let language = match language {
        Language::En => causerie_engine::Language::English,
        Language::Zh => causerie_engine::Language::Chinese,
    };
    PlatformEntry {
        platform,
        persona: persona.clone(),
        language,
    }
}

/// What the operator decides about the engine.
pub fn engine(config: &Config) -> causerie_engine::Config {
    let server = &config.server;
    causerie_engine::Config {
        max_turns: server.max_turns as usize,
        turn_deadline: server.turn_deadline.0,
        claim_ttl: CLAIM_TTL,
        max_message_bytes: server.max_message_bytes as usize,
        grace: server.grace.0,
        admission: Admission {
            allow: config.admission.allow.iter().map(rule).collect(),
            block: config.admission.block.iter().map(rule).collect(),
        },
        ..causerie_engine::Config::default()
    }
}

fn rule(rule: &RuleConfig) -> Rule {
    Rule {
        platform: Pattern::new(&rule.platform),
        place: Pattern::new(&rule.place),
        participant: Pattern::new(&rule.participant),
        bots: rule.bots,
    }
}
