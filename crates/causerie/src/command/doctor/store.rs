//! Tries the store: reads and writes, and what a Redis should be told.

use super::Report;
use crate::{
    config::{Config, StoreUrl},
    failure::Failure,
    wire::{self, OpenStore},
};
use causerie_core::{
    Clock,
    id::ReplicaId,
    store::{Archive, Claimant, Ledger, Store, StoreError},
};
use causerie_engine::SystemClock;
use causerie_redis::{Health, RedisStore};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Clocks that differ by more make limits begin and end at odd times.
const SKEW: i64 = 2_000;

pub(super) async fn examine(config: &Config, report: &mut Report) -> Result<(), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    match &config.store.url {
        StoreUrl::Memory => Ok(()),
        StoreUrl::Redis(address) => match wire::redis(address, &config.store.redis).await {
            Ok(store) => {
                if let Err(failure) = wire::refuse_half(&store, &address.to_string()).await {
                    return report.bad("store", &failure);
                }
                trial(&store, report).await?;
                redis(&store, clock.as_ref(), report).await
            }
            // `check` does not go anywhere; this does.
            Err(failure) => report.bad("store", &failure),
        },
        StoreUrl::Sqlite(file) if !config.server.data_dir.join(file).exists() => {
            report.note("store", "not there yet; the server makes it when it starts")
        }
        StoreUrl::Sqlite(_) => match OpenStore::configured(config, &clock).await {
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

async fn redis(store: &RedisStore, clock: &dyn Clock, report: &mut Report) -> Result<(), Failure> {
    match store.health(|| clock.now()).await {
        Ok(nodes) => nodes
            .iter()
            .try_for_each(|node| examine_redis(node, report)),
        Err(error) => report.bad("redis", &error.into()),
    }
}

fn examine_redis(node: &Health, report: &mut Report) -> Result<(), Failure> {
    let part = match node.node.as_str() {
        "" => "redis".to_owned(),
        node => format!("redis {node}"),
    };
    let version = node.version.as_deref().unwrap_or("of unknown version");
    let latency = millis(node.latency);
    report.well(&part, &format!("{version}, answers in {latency:.2} ms"))?;
    for advice in advice(node) {
        report.note(&part, &advice)?;
    }
    Ok(())
}

/// What the operator should change, in words and with the setting's name.
fn advice(node: &Health) -> Vec<String> {
    let mut advice = vec![];
    if node.clock_ahead.abs() > SKEW {
        let (by, way) = match node.clock_ahead {
            ahead if ahead > 0 => (ahead, "ahead of"),
            ahead => (-ahead, "behind"),
        };
        advice.push(format!(
            "its clock is {by} ms {way} this machine's; run a time service on both"
        ));
    }
    if let (Some(used), Some(most)) = (node.used_memory, node.maxmemory)
        && used > most / 10 * 9
        && most > 0
    {
        advice.push(format!(
            "it takes {used} of {most} bytes; when it is full nothing is taken in: raise maxmemory"
        ));
    }
    match node.maxmemory_policy.as_deref() {
        Some("noeviction") => {}
        Some(policy) => advice.push(format!(
            "maxmemory-policy is {policy}: it throws conversations away when memory is short; set \
             noeviction"
        )),
        None => {
            let unknown = "it does not tell its maxmemory-policy; it must be noeviction";
            advice.push(unknown.to_owned());
        }
    }
    match (node.append_only, node.append_fsync.as_deref()) {
        (Some(false), _) => {
            let saves = node.save.as_deref().is_some_and(|save| !save.is_empty());
            let lost = match saves {
                true => "minutes of conversations",
                false => "every conversation",
            };
            advice.push(format!(
                "appendonly is no: a restart loses {lost}; set appendonly yes"
            ));
        }
        (_, Some("no")) => advice.push(
            "appendfsync is no: a crash of the machine loses what was said lately; set everysec \
             or always"
                .to_owned(),
        ),
        _ => {}
    }
    if node.role.as_deref().is_some_and(|role| role != "master") {
        advice.push(
            "it is a replica and takes no writes; give the address of the master, or of the \
             Sentinels"
                .to_owned(),
        );
    }
    if node.replicas.unwrap_or(0) > 0 && node.min_replicas_to_write == Some(0) {
        advice.push(
            "min-replicas-to-write is 0: a master that was cut off takes writes which are lost; \
             set 1"
                .to_owned(),
        );
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut Health);

    fn healthy() -> Health {
        Health {
            node: String::new(),
            latency: Duration::from_micros(120),
            clock_ahead: 3,
            version: Some("7.0.15".to_owned()),
            role: Some("master".to_owned()),
            replicas: Some(0),
            maxmemory_policy: Some("noeviction".to_owned()),
            maxmemory: Some(0),
            used_memory: Some(1 << 20),
            append_only: Some(true),
            append_fsync: Some("everysec".to_owned()),
            save: Some("3600 1".to_owned()),
            min_replicas_to_write: Some(0),
        }
    }

    #[test]
    fn a_healthy_redis_needs_no_advice_and_each_illness_has_one() {
        assert_eq!(advice(&healthy()), Vec::<String>::new());
        let ill: [(&str, Change); 8] = [
            ("ahead of", |it| it.clock_ahead = 5_000),
            ("5000 ms behind", |it| it.clock_ahead = -5_000),
            ("maxmemory", |it| it.maxmemory = it.used_memory),
            ("noeviction", |it| it.maxmemory_policy = Some("lru".into())),
            ("appendonly", |it| it.append_only = Some(false)),
            ("appendfsync", |it| it.append_fsync = Some("no".into())),
            ("replica", |it| it.role = Some("slave".into())),
            ("min-replicas-to-write", |it| it.replicas = Some(2)),
        ];
        for (word, change) in ill {
            let mut node = healthy();
            change(&mut node);
            let advice = advice(&node);
            assert!(
                advice.len() == 1 && advice[0].contains(word),
                "{word}: {advice:?}"
            );
        }
    }
}
