//! What the operator should know about the Redis that is used.

use crate::{RedisStore, fault::Fault};
use causerie_core::{Timestamp, store::StoreError};
use redis::{RedisError, Value, cmd, from_redis_value};
use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

/// One Redis server that holds a part of the store: all of it, but for a cluster's masters.
///
/// What Redis does not tell (hosted ones often forbid `CONFIG`) is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// Its name in the cluster; empty if there is one server.
    pub node: String,
    /// How long it took to answer a `PING`.
    pub latency: Duration,
    /// How far its clock is ahead of ours, in milliseconds, the half of the latency taken off.
    pub clock_ahead: i64,
    /// Its version.
    pub version: Option<String>,
    /// `master` or `slave`; it must be the former.
    pub role: Option<String>,
    /// Replicas that are connected to it.
    pub replicas: Option<u32>,
    /// What it does when its memory is full; `noeviction`, or conversations are lost.
    pub maxmemory_policy: Option<String>,
    /// The most bytes of memory it takes; 0 for no bound.
    pub maxmemory: Option<u64>,
    /// Bytes of memory it takes.
    pub used_memory: Option<u64>,
    /// Whether it appends every write to a file.
    pub append_only: Option<bool>,
    /// How often that file is flushed to the disk: `always`, `everysec`, `no`.
    pub append_fsync: Option<String>,
    /// When it takes snapshots, as in its configuration; empty for never.
    pub save: Option<String>,
    /// Replicas without which it refuses writes.
    pub min_replicas_to_write: Option<u32>,
}

impl RedisStore {
    /// Asks each server how it is. `now` is our time, to which its clock is compared.
    ///
    /// # Errors
    /// As any operation.
    pub async fn health(&self, now: impl Fn() -> Timestamp) -> Result<Vec<Health>, StoreError> {
        let health = self.ask_health(now).await;
        health.map_err(|fault| self.error(fault))
    }

    /// How long Redis takes to answer.
    ///
    /// # Errors
    /// As any operation.
    pub async fn ping(&self) -> Result<Duration, StoreError> {
        let asked = Instant::now();
        let answer = self.link.send(&cmd("PING"), None).await;
        answer.map_err(|fault| self.error(fault))?;
        Ok(asked.elapsed())
    }

    async fn ask_health(&self, now: impl Fn() -> Timestamp) -> Result<Vec<Health>, Fault> {
        // The first command may have to connect.
        self.link.send_each(&cmd("PING")).await?;
        let asked = Instant::now();
        self.link.send_each(&cmd("PING")).await?;
        let latency = asked.elapsed();
        let (before, times) = (now().0, self.link.send_each(&cmd("TIME")).await?);
        let ours = before + (now().0 - before) / 2;
        let mut info = self.link.send_each(&cmd("INFO")).await.unwrap_or_default();
        let mut config = self.config().await;
        let nodes = times.into_iter().map(|(node, time)| {
            let (seconds, micros): (i64, i64) = from_redis_value(time).map_err(RedisError::from)?;
            let told = info.iter_mut().find(|(of, _)| *of == node);
            let told = told.map_or_else(String::new, |(_, told)| {
                from_redis_value(std::mem::replace(told, Value::Nil)).unwrap_or_default()
            });
            let told = |name: &str| field(&told, name);
            let set = config.remove(&node).unwrap_or_default();
            let set = |name: &str| set.get(name).cloned();
            let number = |text: Option<String>| text.and_then(|text| text.parse().ok());
            Ok(Health {
                latency,
                clock_ahead: seconds * 1000 + micros / 1000 - ours,
                version: told("redis_version"),
                role: told("role"),
                replicas: number(told("connected_slaves")).map(|n: u64| n as u32),
                maxmemory_policy: told("maxmemory_policy"),
                maxmemory: number(told("maxmemory")),
                used_memory: number(told("used_memory")),
                append_only: told("aof_enabled").map(|enabled| enabled == "1"),
                append_fsync: set("appendfsync"),
                save: set("save"),
                min_replicas_to_write: number(set("min-replicas-to-write")).map(|n| n as u32),
                node,
            })
        });
        nodes.collect()
    }

    /// The settings of each server that `INFO` does not tell, empty for one that keeps them secret.
    /// They are asked for by name: among all of them are passwords.
    async fn config(&self) -> BTreeMap<String, HashMap<String, String>> {
        let mut config: BTreeMap<String, HashMap<String, String>> = BTreeMap::new();
        for name in ["save", "appendfsync", "min-replicas-to-write"] {
            let mut get = cmd("CONFIG");
            get.arg("GET").arg(name);
            for (node, answer) in self.link.send_each(&get).await.unwrap_or_default() {
                let settings: HashMap<String, String> =
                    from_redis_value(answer).unwrap_or_default();
                config.entry(node).or_default().extend(settings);
            }
        }
        config
    }

    /// Bytes of memory that all servers take; 0 if they do not tell.
    pub(crate) async fn memory(&self) -> Result<u64, Fault> {
        let mut info = cmd("INFO");
        info.arg("memory");
        let told = match self.link.send_each(&info).await {
            Err(Fault::Redis(error)) if crate::fault::is_denied(&error) => return Ok(0),
            told => told?,
        };
        let used = told.into_iter().filter_map(|(_, told)| {
            let told: String = from_redis_value(told).ok()?;
            field(&told, "used_memory")?.parse::<u64>().ok()
        });
        Ok(used.sum())
    }
}

/// A line `name:value` of what `INFO` tells.
fn field(told: &str, name: &str) -> Option<String> {
    let line = |line: &str| {
        let value = line.strip_prefix(name)?.strip_prefix(':')?;
        Some(value.trim().to_owned())
    };
    told.lines().find_map(line)
}
