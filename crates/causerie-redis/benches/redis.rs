//! `cargo bench -p causerie-redis`: bytes for each stored message, and turns for each second beside
//! what `redis-benchmark` gets out of the same server with single commands.
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on says so")]

use causerie_redis::{Config, Key, RedisStore};
use causerie_testkit::redis::Redis;
use std::{
    process::Command,
    time::{Duration, Instant},
};

#[path = "../tests/redis/talk.rs"]
mod talk;

/// Conversations that are written to at once.
const WRITERS: u64 = 32;

/// Turns of each of them.
const TURNS: u64 = 60;

#[tokio::main]
async fn main() {
    let Some(server) = Redis::start(&[]) else {
        return;
    };
    for (what, encrypted) in [("plain", false), ("encrypted", true)] {
        let store = open(&server, what, encrypted).await;
        size(&server, &store, what).await;
        let before = busy(&server);
        let turns = turns(&store).await;
        let busy = (busy(&server) - before) * 1e6 / (WRITERS * TURNS) as f64;
        println!("{what}: {turns:.0} turns (offer and commit) each second");
        println!(
            "  Redis works {busy:.0} microseconds for each: {:.0} at most",
            1e6 / busy
        );
        for (name, command) in [
            ("SET", &["-t", "set", "-d", "300"][..]),
            (
                "EVAL",
                &[
                    "eval",
                    "return redis.call('set',KEYS[1],ARGV[1])",
                    "1",
                    "k",
                    "v",
                ],
            ),
        ] {
            let single = benchmark(&server, command);
            println!(
                "  {name}: {single:.0} each second, {:.1} for each turn",
                single / turns
            );
        }
    }
}

async fn open(server: &Redis, what: &str, encrypted: bool) -> RedisStore {
    let mut config = Config::new(&server.url()).unwrap();
    config.prefix = format!("{what}:");
    config.response_timeout = Duration::from_secs(30);
    if encrypted {
        config.keys = vec![Key::new("k1", [7; 32]).unwrap()];
    }
    RedisStore::connect(&config).await.unwrap()
}

async fn size(server: &Redis, store: &RedisStore, what: &str) {
    let mut messages = 0;
    for n in 0..50 {
        messages += talk::hold(store, n).await;
    }
    let keys = server.command(&format!("KEYS {what}:*"));
    let size = |key: &str| {
        let size = server.command(&format!("MEMORY USAGE {key} SAMPLES 0"));
        size.parse::<usize>().unwrap()
    };
    let bytes: usize = keys.lines().map(size).sum();
    let json = talk::json_list(server, store).await;
    println!(
        "{what}: {} bytes for each message; a list of JSON: {json}",
        bytes / messages
    );
}

async fn turns(store: &RedisStore) -> f64 {
    let began = Instant::now();
    let writers = (0..WRITERS).map(|n| async move {
        for turn in 0..TURNS {
            let asked = "What could that be? I did not change anything else as far as I know.";
            talk::exchange(store, 1000 + n, turn, asked, &asked.repeat(4)).await;
        }
    });
    futures::future::join_all(writers).await;
    (WRITERS * TURNS) as f64 / began.elapsed().as_secs_f64()
}

/// Seconds of processor time that the server has used.
fn busy(server: &Redis) -> f64 {
    let told = server.command("INFO cpu");
    let seconds = |name: &str| {
        let line = told.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|seconds| seconds.trim().parse::<f64>().ok())
            .unwrap()
    };
    seconds("used_cpu_user:") + seconds("used_cpu_sys:")
}

/// Commands each second, by `redis-benchmark` with as many clients.
fn benchmark(server: &Redis, command: &[&str]) -> f64 {
    let port = server.port().to_string();
    let clients = WRITERS.to_string();
    let run = Command::new("redis-benchmark")
        .args(["-p", &port, "-c", &clients, "-n", "50000", "--csv"])
        .args(command)
        .output()
        .expect("redis-benchmark runs");
    let told = String::from_utf8_lossy(&run.stdout).into_owned();
    // The last line holds the name and the rate.
    let line = told.lines().last().unwrap_or_default();
    let rate = line
        .split("\",\"")
        .nth(1)
        .and_then(|rate| rate.parse().ok());
    rate.unwrap_or_else(|| panic!("redis-benchmark says {told}"))
}
