//! Stores as they are carried: a source that is read alone, a target that is filled.

use super::{make_private, redis_config};
use crate::{
    config::{Config, StoreUrl},
    failure::Failure,
    migrate::{MigrateError, Side},
};
use causerie_core::{Clock, store::transfer::Transfer};
use causerie_redis::{Address, RedisStore};
use causerie_store::SqliteStore;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// A conversation travels as a whole, and may be large.
const PATIENCE: Duration = Duration::from_secs(60);

/// A store that is carried, and what must be done at the end.
pub struct Carried {
    /// The store.
    pub side: Side,
    sqlite: Option<Arc<SqliteStore>>,
}

impl Carried {
    /// Opens a store that is read and nothing else, while no server has it.
    ///
    /// # Errors
    /// If it is in memory, is not there, or cannot be used.
    pub async fn source(
        url: &StoreUrl,
        config: &Config,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, Failure> {
        match url {
            StoreUrl::Memory => Err(MigrateError::Memory.into()),
            StoreUrl::Sqlite(file) => {
                let path = config.server.data_dir.join(file);
                let store = SqliteStore::open_source(&path, clock)?;
                Ok(Self::sqlite(store, &path))
            }
            StoreUrl::Redis(address) => {
                let redis = patient(address, config)?;
                // It is made once, and large.
                let store = Box::pin(RedisStore::connect_source(&redis)).await?;
                Ok(Self::redis(store, &redis))
            }
        }
    }

    /// Opens a store that is filled, and makes it if nothing is there.
    ///
    /// # Errors
    /// If it is in memory, or cannot be used.
    pub async fn target(
        url: &StoreUrl,
        config: &Config,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, Failure> {
        match url {
            StoreUrl::Memory => Err(MigrateError::Memory.into()),
            StoreUrl::Sqlite(file) => {
                let path = config.server.data_dir.join(file);
                make_private(path.parent().unwrap_or(Path::new(".")))?;
                let store = SqliteStore::open(&path, clock)?;
                Ok(Self::sqlite(store, &path))
            }
            StoreUrl::Redis(address) => {
                let redis = patient(address, config)?;
                let store = Box::pin(RedisStore::connect(&redis)).await?;
                Ok(Self::redis(store, &redis))
            }
        }
    }

    fn sqlite(store: SqliteStore, path: &Path) -> Self {
        let path: PathBuf = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let store = Arc::new(store);
        Self {
            side: Side {
                store: store.clone(),
                name: format!("sqlite:{}", path.display()),
            },
            sqlite: Some(store),
        }
    }

    fn redis(store: RedisStore, config: &causerie_redis::Config) -> Self {
        Self {
            side: Side {
                store: Arc::new(store),
                name: format!("{} ({})", config.address, config.prefix),
            },
            sqlite: None,
        }
    }

    /// Writes what waits and closes the files.
    pub async fn close(self) {
        if let Some(sqlite) = self.sqlite {
            sqlite.close().await;
        }
    }
}

fn patient(address: &Address, config: &Config) -> Result<causerie_redis::Config, Failure> {
    let mut redis = redis_config(address, &config.store.redis)?;
    redis.response_timeout = PATIENCE;
    Ok(redis)
}

/// Refuses a store whose migration has not come to its end: half a history looks like a whole one.
///
/// # Errors
/// [`MigrateError::Unfinished`], or what stands in the way of asking.
pub async fn refuse_half(store: &dyn Transfer, name: &str) -> Result<(), Failure> {
    match store.migration().await? {
        Some(migration) if !migration.done => Err(Failure::from(MigrateError::Unfinished {
            to: name.to_owned(),
            from: migration.from,
        })),
        _ => Ok(()),
    }
}
