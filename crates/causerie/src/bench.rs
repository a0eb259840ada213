//! What Causerie itself costs on this machine: the engine on SQLite, and on Redis if there is one to
//! start, in this process, with a backend that answers at once and a platform that does nothing but
//! look at the clock.
//!
//! The disk is the one the figures are about: each turn is on it before it counts.

mod shared;
mod watching;

pub use shared::{memory, shared};

use crate::echo::Echo;
use causerie_core::{
    Clock,
    backend::Backend,
    id::{ModelName, PersonaName},
    persona::Persona,
    platform::Inbox,
    store::{Store, StoreError},
};
use causerie_engine::{
    Config, Engine, EngineError, Language, Parts, PlatformEntry, RunReport, SystemClock,
};
use causerie_store::SqliteStore;
use futures::{StreamExt, stream};
use std::{
    fmt, fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use watching::Watching;

const WARM: usize = 200;
const ALONE: usize = 2_000;
const TOGETHER: usize = 64;
const ROUNDS: usize = 100;

/// One figure.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured.
    pub figure: String,
    /// How much it is, with its unit.
    pub measured: String,
}

impl Row {
    /// A figure.
    pub fn new(figure: impl Into<String>, measured: impl fmt::Display) -> Self {
        Self {
            figure: figure.into(),
            measured: measured.to_string(),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<56}{:>18}", self.figure, self.measured)
    }
}

/// Measures turns over a new store `file`, which is left behind.
///
/// # Errors
/// If the store cannot be made.
///
/// # Panics
/// If a message is not answered: there is nothing to measure then.
pub async fn turns(file: &Path) -> Result<Vec<Row>, StoreError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Arc::new(SqliteStore::open(file, &clock)?);
    let server = Server::start(store.clone(), Duration::ZERO, Config::default());
    let mut rows = server.latency(ALONE).await;
    rows.push(server.together(ROUNDS).await);
    let finished = server.stop().await;
    store.close().await;
    let bytes = fs::metadata(file).map(|found| found.len()).unwrap_or(0);
    rows.push(Row::new(
        "on disk for a message of 280 bytes, all told",
        format!("{} bytes", bytes / (2 * finished).max(1)),
    ));
    Ok(rows)
}

/// An engine at work, and the platform that feeds it.
struct Server {
    platform: Arc<Watching>,
    inbox: Arc<dyn Inbox>,
    stop: CancellationToken,
    running: JoinHandle<Result<RunReport, EngineError>>,
}

impl Server {
    /// With a model that answers after `delay`.
    fn start(store: Arc<dyn Store>, delay: Duration, config: Config) -> Self {
        let platform = Arc::new(Watching::default());
        let engine = engine(store, platform.clone(), delay, config);
        let stop = CancellationToken::new();
        let running = tokio::spawn({
            let (engine, stop) = (engine.clone(), stop.clone());
            async move { engine.run(stop).await }
        });
        Self {
            platform,
            inbox: engine.inbox(),
            stop,
            running,
        }
    }

    /// What so many turns take, one after the other.
    async fn latency(&self, count: usize) -> Vec<Row> {
        for number in 0..WARM {
            self.platform.turn(&*self.inbox, "warm", number).await;
        }
        let mut alone = Vec::with_capacity(count);
        for number in 0..count {
            // Ten messages to a conversation: history is read and grows as it does in life. Ten people
            // in turn: nobody writes again before the turn of their last message is put away.
            let conversation = format!("alone{}.{}", number / 100, number % 10);
            let turn = self.platform.turn(&*self.inbox, &conversation, number);
            alone.push(turn.await);
        }
        alone.sort_unstable();
        vec![
            Row::new(
                "added latency of a turn, p50",
                millis(quantile(&alone, 0.5)),
            ),
            Row::new(
                "added latency of a turn, p99",
                millis(quantile(&alone, 0.99)),
            ),
        ]
    }

    /// How many turns there are each second, in [`TOGETHER`] conversations at once.
    async fn together(&self, rounds: usize) -> Row {
        let began = Instant::now();
        stream::iter(0..TOGETHER)
            .for_each_concurrent(TOGETHER, |one| async move {
                for number in 0..rounds {
                    let conversation = format!("together{one}.{}", number / 10);
                    self.platform
                        .turn(&*self.inbox, &conversation, number)
                        .await;
                }
            })
            .await;
        let turns = (TOGETHER * rounds) as f64;
        Row::new(
            format!("turns, {TOGETHER} conversations at once"),
            format!("{:.0} /s", turns / began.elapsed().as_secs_f64()),
        )
    }

    /// Ends it, and says how many turns it finished.
    async fn stop(self) -> u64 {
        self.stop.cancel();
        let report = self.running.await.expect("the engine does not panic");
        report.expect("it runs once").finished
    }
}

fn engine(
    store: Arc<dyn Store>,
    platform: Arc<Watching>,
    delay: Duration,
    config: Config,
) -> Arc<Engine> {
    let (model, name) = (ModelName::new("echo"), PersonaName::new("assistant"));
    let (model, name) = (model.expect("a word"), name.expect("a word"));
    let persona = Persona::new(name.clone(), "You are helpful.", vec![model.clone()]);
    let backend: Arc<dyn Backend> = Arc::new(Echo {
        delay,
        pace: Duration::ZERO,
        context: 32_768,
    });
    let parts = Parts {
        store,
        clock: Arc::new(SystemClock),
        backends: [(model, backend)].into(),
        personas: [(name.clone(), Arc::new(persona))].into(),
        tools: vec![],
        platforms: vec![PlatformEntry {
            platform,
            persona: name,
            language: Language::English,
        }],
    };
    Engine::new(config, parts).expect("all names are there")
}

/// The value that `share` of the sorted `values` do not exceed.
pub fn quantile(values: &[Duration], share: f64) -> Duration {
    let last = values.len().saturating_sub(1);
    values[(last as f64 * share).round() as usize]
}

/// Milliseconds, to the hundredth.
pub fn millis(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1e3)
}

/// Mebibytes, to the tenth.
pub fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1024.0 / 1024.0)
}
