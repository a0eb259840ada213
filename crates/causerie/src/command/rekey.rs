//! `causerie rekey`: what Redis holds is encrypted with another key.

use super::{load, print, runtime};
use crate::{
    cli::Global,
    config::{Config, StoreUrl},
    failure::Failure,
    telemetry, wire,
};

pub(super) fn run(global: &Global) -> Result<u8, Failure> {
    let loaded = load(global)?;
    telemetry::log_quietly(global);
    runtime()?.block_on(rekey(&loaded.config))
}

async fn rekey(config: &Config) -> Result<u8, Failure> {
    let StoreUrl::Redis(address) = &config.store.url else {
        return Err(Failure::Argument {
            what: "the store",
            given: String::from(config.store.url.clone()),
            reason: "only a store in Redis is encrypted; see `url` in [store]".to_owned(),
        });
    };
    let store = wire::redis(address, &config.store.redis).await?;
    let written = store.reseal().await?;
    let conversations = match written {
        1 => "1 conversation is".to_owned(),
        written => format!("{written} conversations are"),
    };
    let told = match &config.store.redis.encryption_keys[..] {
        [] => format!("{conversations} written without encryption.\n"),
        [key] => format!("{conversations} written with the key {:?}.\n", key.id),
        [key, ..] => format!(
            "{conversations} written with the key {:?}. When no server runs that was started before it \
             came first, and the turns under way now have ended, the other keys can be taken away.\n",
            key.id
        ),
    };
    print(&told)?;
    Ok(0)
}
