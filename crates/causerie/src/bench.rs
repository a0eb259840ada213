//! What Causerie itself costs on this machine: the engine on SQLite in this process, with a backend
//! that answers at once and a platform that does nothing but look at the clock.
//!
//! The disk is the one the figures are about: each turn is on it before it counts.

mod watching;

use crate::echo::Echo;
use causerie_core::{
    Clock,
    backend::Backend,
    id::{ModelName, PersonaName},
    persona::Persona,
    store::{Store, StoreError},
};
use causerie_engine::{Config, Engine, Language, Parts, PlatformEntry, SystemClock};
use causerie_store::SqliteStore;
use futures::{StreamExt, stream};
use std::{
    fmt, fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
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
    let platform = Arc::new(Watching::default());
    let engine = engine(store.clone(), clock, platform.clone());
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (engine, stop) = (engine.clone(), stop.clone());
        async move { engine.run(stop).await }
    });
    let inbox = engine.inbox();
    for number in 0..WARM {
        platform.turn(&*inbox, "warm", number).await;
    }

    let mut alone = Vec::with_capacity(ALONE);
    for number in 0..ALONE {
        // Ten messages to a conversation: history is read and grows as it does in life.
        let conversation = format!("alone{}", number / 10);
        alone.push(platform.turn(&*inbox, &conversation, number).await);
    }
    alone.sort_unstable();

    let began = Instant::now();
    stream::iter(0..TOGETHER)
        .for_each_concurrent(TOGETHER, |one| {
            let (platform, inbox) = (platform.clone(), inbox.clone());
            async move {
                for number in 0..ROUNDS {
                    let conversation = format!("together{one}.{}", number / 10);
                    platform.turn(&*inbox, &conversation, number).await;
                }
            }
        })
        .await;
    let together = began.elapsed();

    stop.cancel();
    let report = running
        .await
        .expect("the engine does not panic")
        .expect("it runs once");
    store.close().await;
    let bytes = fs::metadata(file).map(|found| found.len()).unwrap_or(0);
    let turns = (TOGETHER * ROUNDS) as f64;
    Ok(vec![
        Row::new(
            "added latency of a turn, p50",
            millis(quantile(&alone, 0.5)),
        ),
        Row::new(
            "added latency of a turn, p99",
            millis(quantile(&alone, 0.99)),
        ),
        Row::new(
            "turns, 64 conversations at once",
            format!("{:.0} /s", turns / together.as_secs_f64()),
        ),
        Row::new(
            "on disk for a message of 280 bytes, all told",
            format!("{} bytes", bytes / (2 * report.finished).max(1)),
        ),
    ])
}

fn engine(store: Arc<dyn Store>, clock: Arc<dyn Clock>, platform: Arc<Watching>) -> Arc<Engine> {
    let (model, name) = (ModelName::new("echo"), PersonaName::new("assistant"));
    let (model, name) = (model.expect("a word"), name.expect("a word"));
    let persona = Persona::new(name.clone(), "You are helpful.", vec![model.clone()]);
    let backend: Arc<dyn Backend> = Arc::new(Echo {
        delay: Duration::ZERO,
        pace: Duration::ZERO,
        context: 32_768,
    });
    let parts = Parts {
        store,
        clock,
        backends: [(model, backend)].into(),
        personas: [(name.clone(), Arc::new(persona))].into(),
        tools: vec![],
        platforms: vec![PlatformEntry {
            platform,
            persona: name,
            language: Language::English,
        }],
    };
    Engine::new(Config::default(), parts).expect("all names are there")
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
