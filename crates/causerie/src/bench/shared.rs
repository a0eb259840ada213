//! The same on Redis, with a `redis-server` of its own on this machine.

use super::{Row, Server, mebibytes};
use causerie_core::store::StoreError;
use causerie_engine::Config;
use causerie_redis::RedisStore;
use futures::{StreamExt, stream};
use std::{
    fs, io,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

const ALONE: usize = 1_000;
const ROUNDS: usize = 40;

/// Conversations that are answered at once by a model that takes a second.
const AT_ONCE: usize = 500;

/// How long Redis may take to come up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Measures turns over a new Redis, which appends to a file in `room` as it should; `None` where there
/// is no `redis-server`.
///
/// # Errors
/// If Redis cannot be used.
///
/// # Panics
/// If a message is not answered: there is nothing to measure then.
pub async fn shared(room: &Path) -> Result<Option<Vec<Row>>, StoreError> {
    let Some(redis) = Redis::start(room) else {
        return Ok(None);
    };
    let store = Arc::new(redis.connect("few:").await?);
    let server = Server::start(store, Duration::ZERO, Config::default());
    let mut rows = server.latency(ALONE).await;
    rows.push(server.together(ROUNDS).await);
    server.stop().await;
    rows.extend(at_once(&redis).await?);
    Ok(Some(rows))
}

/// Many conversations at once, on one replica.
async fn at_once(redis: &Redis) -> Result<Vec<Row>, StoreError> {
    let store = Arc::new(redis.connect("many:").await?);
    let config = Config {
        max_turns: AT_ONCE,
        ..Config::default()
    };
    let server = Server::start(store, Duration::from_secs(1), config);
    let (memory, processor) = (memory(), processor(std::process::id()));
    let theirs = self::processor(redis.0.id());
    let began = Instant::now();
    stream::iter(0..AT_ONCE)
        .for_each_concurrent(AT_ONCE, |one| {
            let server = &server;
            async move {
                let conversation = format!("many{one}");
                let turn = server.platform.turn(&*server.inbox, &conversation, 0);
                turn.await;
            }
        })
        .await;
    let took = began.elapsed();
    let each = |before: Option<Duration>, process| {
        let used = self::processor(process)?.checked_sub(before?)?;
        Some(format!(
            "{:.2} ms",
            used.as_secs_f64() * 1e3 / AT_ONCE as f64
        ))
    };
    let ours = each(processor, std::process::id());
    let theirs = each(theirs, redis.0.id());
    let grown = self::memory().zip(memory);
    let grown = grown.map(|(after, before)| mebibytes(after.saturating_sub(before)));
    server.stop().await;
    let figures = [
        (
            format!("{AT_ONCE} conversations at once, a model of 1 s"),
            Some(format!("{:.2} s", took.as_secs_f64())),
        ),
        ("  memory more than before".to_owned(), grown),
        ("  processor time for each turn".to_owned(), ours),
        ("  and that of Redis".to_owned(), theirs),
    ];
    let told = figures.into_iter();
    Ok(told
        .filter_map(|(figure, measured)| Some(Row::new(figure, measured?)))
        .collect())
}

/// A `redis-server` that ends when it is dropped.
struct Redis(Child, u16);

impl Redis {
    fn start(room: &Path) -> Option<Self> {
        let port = free_port().ok()?;
        let server = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--save", "", "--appendonly", "yes", "--dir"])
            .arg(room)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Some(Self(server.ok()?, port))
    }

    async fn connect(&self, prefix: &str) -> Result<RedisStore, StoreError> {
        let url = format!("redis://127.0.0.1:{}", self.1);
        let mut config = causerie_redis::Config::new(&url).expect("an address");
        prefix.clone_into(&mut config.prefix);
        let began = Instant::now();
        loop {
            // It is made once, and large.
            match Box::pin(RedisStore::connect(&config)).await {
                Err(StoreError::Unavailable { .. }) if began.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                connected => return connected,
            }
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Somebody else may take it before Redis does; then nobody answers there.
fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

/// The memory this process has, where the system tells.
pub fn memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The processor time a process has used, where the system tells.
fn processor(process: u32) -> Option<Duration> {
    let told = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in brackets, may hold anything. Behind it the 12th and 13th are hundredths of a second.
    let (_, told) = told.rsplit_once(')')?;
    let ticks = told.split_whitespace().skip(11).take(2);
    let ticks: Option<u64> = ticks.map(|ticks| ticks.parse::<u64>().ok()).sum();
    Some(Duration::from_millis(ticks? * 10))
}
