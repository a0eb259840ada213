//! A master, its replicas, and the Sentinels that watch them.

use super::{Redis, command, free_port, is_there, until};
use crate::process::Process;
use std::{
    fs,
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// How many Sentinels there are; two of them must agree that a master is gone.
const SENTINELS: usize = 3;

/// A master named `main` with replicas. A second after the master is gone a replica is made the
/// master.
pub struct Watched {
    /// The servers. The first one is the master at the beginning.
    pub servers: Vec<Redis>,
    ports: Vec<u16>,
    _sentinels: Vec<Process>,
    _directory: TempDir,
}

impl Watched {
    /// Starts a master with `replicas` replicas, each with these arguments besides the usual ones,
    /// and waits until the Sentinels know all of them.
    ///
    /// # Panics
    /// As [`Redis::start`].
    pub fn start(replicas: usize, arguments: &[&str]) -> Option<Self> {
        if !is_there("redis-sentinel") {
            return None;
        }
        let mut servers = vec![Redis::start(arguments)?];
        let master = servers[0].port().to_string();
        for _ in 0..replicas {
            let of = ["--replicaof", "127.0.0.1", &master];
            servers.push(Redis::start(&[arguments, &of[..]].concat())?);
        }
        let directory = tempfile::tempdir().expect("a directory for the Sentinels");
        let mut sentinels = vec![];
        let mut ports = vec![];
        for n in 0..SENTINELS {
            let port = free_port();
            let file = directory.path().join(format!("{n}.conf"));
            let text = format!(
                "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor main 127.0.0.1 {master} 2\n\
                 sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 3000\n",
                directory.path().display()
            );
            fs::write(&file, text).expect("a configuration can be written");
            let mut sentinel = Command::new("redis-sentinel");
            sentinel
                .arg(&file)
                .stdin(Stdio::null())
                .stdout(Stdio::null());
            sentinels.push(Process::start(&mut sentinel).expect("redis-sentinel can be run"));
            ports.push(port);
        }
        let watched = Self {
            servers,
            ports,
            _sentinels: sentinels,
            _directory: directory,
        };
        let synced = format!("connected_slaves:{replicas}");
        until("the replicas follow the master", || {
            let told = watched.servers[0].command("INFO replication");
            told.contains(&synced) && !told.contains("state=wait") && !told.contains("state=send")
        });
        until("the Sentinels know each other and the replicas", || {
            watched.ports.iter().all(|port| {
                let told = command(*port, None, "INFO sentinel").unwrap_or_default();
                told.contains(&format!("slaves={replicas},sentinels={SENTINELS}"))
            })
        });
        Some(watched)
    }

    /// Its URL.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self
            .ports
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        format!("redis-sentinel://{}/main", hosts.join(","))
    }

    /// Waits until the Sentinels agree on a master other than server number `old`.
    pub fn until_failed_over(&self, old: usize) {
        let old = self.servers[old].port().to_string();
        until("another master is elected", || {
            self.ports.iter().all(|port| {
                let told = command(*port, None, "SENTINEL GET-MASTER-ADDR-BY-NAME main");
                told.is_ok_and(|told| !told.is_empty() && !told.ends_with(&old))
            })
        });
    }
}
