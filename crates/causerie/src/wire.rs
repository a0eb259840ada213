//! The only place that names concrete types: what the configuration says becomes stores, backends,
//! platforms and personas. A new one of any kind is one arm here.

mod model;
pub mod persona;
mod pictures;
mod platform;
mod redis;
mod remote;
mod transfer;

pub use model::{Loading, backends};
pub use pictures::PlatformPictures;
pub use platform::{Platforms, platforms, telegram_config};
pub use redis::{redis, redis_config};
pub use remote::{client, micros};
pub use transfer::Carried;

use crate::{
    config::{Config, Language, RuleConfig, StoreUrl},
    failure::Failure,
};
use causerie_core::{
    Clock,
    id::{PersonaName, ReplicaId},
    platform::Platform,
    store::Store,
    tool::Tool,
};
use causerie_engine::{Admission, Pattern, PlatformEntry, Rule};
use causerie_redis::RedisStore;
use causerie_store::{MemoryStore, SqliteStore};
use std::{fs, path::Path, sync::Arc, time::Duration};
pub use transfer::refuse_half;

/// How long a claim outlives a process that died. One store has one process, which takes its own
/// conversations up again after its start; this is how long people wait for that.
const CLAIM_TTL: Duration = Duration::from_secs(10);
/// The same where another server takes over. With what it takes to notice it is less than five
/// seconds.
const SHARED_CLAIM_TTL: Duration = Duration::from_secs(4);

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
    /// As [`OpenStore::sqlite`] and [`redis`].
    pub async fn configured(config: &Config, clock: &Arc<dyn Clock>) -> Result<Self, Failure> {
        match &config.store.url {
            StoreUrl::Memory => Ok(Self::memory(clock)),
            StoreUrl::Sqlite(file) => {
                let path = config.server.data_dir.join(file);
                let open = Self::sqlite(&path, clock)?;
                if let Some(store) = &open.sqlite {
                    refuse_half(store.as_ref(), &path.display().to_string()).await?;
                }
                Ok(open)
            }
            StoreUrl::Redis(address) => {
                let store = redis(address, &config.store.redis).await?;
                refuse_half(&store, &address.to_string()).await?;
                Ok(Self::shared(store))
            }
        }
    }

    fn shared(store: RedisStore) -> Self {
        Self {
            store: Arc::new(store),
            sqlite: None,
        }
    }

    /// Opens the store of the configuration for reading, beside a server that runs.
    ///
    /// # Errors
    /// If it is in memory, or the file is not there or cannot be used, or as [`redis`].
    pub async fn read_only(config: &Config, clock: &Arc<dyn Clock>) -> Result<Self, Failure> {
        match &config.store.url {
            StoreUrl::Memory => Err(Failure::MemoryStore),
            StoreUrl::Redis(address) => {
                Ok(Self::shared(redis(address, &config.store.redis).await?))
            }
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

    /// Says whether [`OpenStore::configured`] would open it, as far as that can be told without
    /// going anywhere or changing anything.
    ///
    /// # Errors
    /// As [`OpenStore::sqlite`] and [`redis_config`].
    pub fn check(config: &Config) -> Result<(), Failure> {
        match &config.store.url {
            StoreUrl::Memory => Ok(()),
            StoreUrl::Sqlite(file) => Ok(SqliteStore::check(&config.server.data_dir.join(file))?),
            StoreUrl::Redis(address) => redis_config(address, &config.store.redis).map(drop),
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
    let usual = causerie_engine::Config::default();
    let (replica, claim_ttl) = match &config.store.url {
        StoreUrl::Redis(_) => (any_name(), SHARED_CLAIM_TTL),
        // It has the store to itself, and is itself again after its next start.
        StoreUrl::Sqlite(_) | StoreUrl::Memory => (usual.replica.clone(), CLAIM_TTL),
    };
    causerie_engine::Config {
        replica,
        alone: !matches!(config.store.url, StoreUrl::Redis(_)),
        max_turns: server.max_turns as usize,
        turn_deadline: server.turn_deadline.0,
        delivery_patience: server.delivery_patience.0,
        claim_ttl,
        max_message_bytes: server.max_message_bytes as usize,
        grace: server.grace.0,
        admission: Admission {
            allow: config.admission.allow.iter().map(rule).collect(),
            block: config.admission.block.iter().map(rule).collect(),
        },
        ..usual
    }
}

/// A name that no other process has. Machines and containers may share names and numbers.
fn any_name() -> ReplicaId {
    let name = format!("{:016x}", rand::random::<u64>());
    ReplicaId::new(name).expect("digits are a name")
}

fn rule(rule: &RuleConfig) -> Rule {
    Rule {
        platform: Pattern::new(&rule.platform),
        place: Pattern::new(&rule.place),
        participant: Pattern::new(&rule.participant),
        bots: rule.bots,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_share_a_store_have_names_of_their_own_and_are_soon_missed() {
        let mut config = Config::default();
        let alone = engine(&config);
        config.store.url = StoreUrl::try_from("redis://localhost".to_owned()).unwrap();
        let (one, other) = (engine(&config), engine(&config));
        assert_ne!(one.replica, other.replica);
        assert!(one.claim_ttl < Duration::from_secs(5) && one.claim_ttl < alone.claim_ttl);
        assert!(alone.alone && !one.alone);
    }
}
