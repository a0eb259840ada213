//! Tries the store: reads and writes.

use super::Report;
use crate::{
    config::{Config, StoreUrl},
    failure::Failure,
    wire::OpenStore,
};
use causerie_core::{
    Clock,
    id::ReplicaId,
    store::{Archive, Claimant, Ledger, Store, StoreError},
};
use causerie_engine::SystemClock;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

pub(super) async fn examine(config: &Config, report: &mut Report) -> Result<(), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    match &config.store.url {
        StoreUrl::Memory => Ok(()),
        StoreUrl::Sqlite(file) if !config.server.data_dir.join(file).exists() => {
            report.note("store", "not there yet; the server makes it when it starts")
        }
        StoreUrl::Sqlite(_) => match OpenStore::configured(config, &clock) {
            Ok(store) => {
                let tried = trial(store.store.as_ref(), report).await;
                store.close().await;
                tried
            }
            Err(Failure::Store(StoreError::Locked { .. })) => report.note(
                "store",
                "a server that runs has it; stop it to have it tried",
            ),
            Err(failure) => report.bad("store", &failure),
        },
    }
}

/// Writes something that is gone in a second, and counts what is there.
async fn trial(store: &dyn Store, report: &mut Report) -> Result<(), Failure> {
    let replica = ReplicaId::new(format!("doctor-{}", std::process::id())).expect("a name");
    let claimant = Claimant {
        replica,
        ttl: Duration::from_secs(1),
    };
    let began = Instant::now();
    let written = Ledger::lease(store, "doctor", &claimant).await;
    let wrote = began.elapsed();
    match written {
        Ok(_) => report.well("store, write", &format!("in {:.1} ms", millis(wrote)))?,
        Err(error) => return report.bad("store, write", &error.into()),
    }
    let began = Instant::now();
    match Archive::census(store).await {
        Ok(census) => {
            let (conversations, messages) = (census.conversations, census.messages);
            let waiting = census.mail;
            let took = millis(began.elapsed());
            let what = format!(
                "in {took:.1} ms: {conversations} conversations, {messages} messages, {waiting} waiting"
            );
            report.well("store, read", &what)
        }
        Err(error) => report.bad("store, read", &error.into()),
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
