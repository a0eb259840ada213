//! The store that several servers share.

use crate::{config::RedisConfig, failure::Failure};
use causerie_redis::{Address, Config, RedisStore};
use std::fs::File;

/// Connects to the Redis at `address`.
///
/// # Errors
/// As [`redis_config`], and if Redis does not answer, does not let us in, or holds what we cannot
/// read.
pub async fn redis(address: &Address, redis: &RedisConfig) -> Result<RedisStore, Failure> {
    let config = redis_config(address, redis)?;
    // It is made once, and large.
    Ok(Box::pin(RedisStore::connect(&config)).await?)
}

/// What the store is opened with. Goes nowhere.
///
/// # Errors
/// If the file with the certificate cannot be read, or an encryption key is none.
pub fn redis_config(address: &Address, redis: &RedisConfig) -> Result<Config, Failure> {
    if let Some(file) = &redis.ca_file {
        let what = format!(
            "cannot read {}; see `ca_file` in [store.redis]",
            file.display()
        );
        File::open(file).map_err(Failure::io(what))?;
    }
    // Keys were looked at when the configuration was read.
    redis.store(address).map_err(Failure::internal)
}
