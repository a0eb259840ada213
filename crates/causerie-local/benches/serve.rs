//! Prints how fast a local model is served here, and against llama.cpp's own server.
//!
//! `CAUSERIE_BENCH_MODEL` names the model file, `CAUSERIE_BENCH_ROUNDS` how often everything is
//! measured (the median counts), `CAUSERIE_BENCH_THREADS` the threads of both, and
//! `CAUSERIE_BENCH_LLAMA_SERVER` a `llama-server` to be measured in turn with us.

#[path = "serve/llama_server.rs"]
mod llama_server;

use causerie_core::{Clock, Timestamp};
use causerie_local::{
    Config,
    bench::{Row, comparable, measure, run},
};
use llama_server::LlamaServer;
use std::{
    env,
    error::Error,
    path::PathBuf,
    sync::Arc,
    time::{Instant, SystemTime},
};

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

fn model() -> Option<PathBuf> {
    let cache = || {
        let base = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let base = base.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))?;
        Some(base.join("causerie/models/SmolLM2-135M-Instruct.Q4_1.gguf"))
    };
    env::var_os("CAUSERIE_BENCH_MODEL")
        .map(PathBuf::from)
        .or_else(cache)
        .filter(|path| path.is_file())
}

fn number(name: &str) -> Option<u32> {
    env::var(name).ok()?.parse().ok()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Some(path) = model() else {
        eprintln!("no model: set CAUSERIE_BENCH_MODEL to a GGUF file");
        return Ok(());
    };
    let server = env::var_os("CAUSERIE_BENCH_LLAMA_SERVER").map(PathBuf::from);
    let threads = number("CAUSERIE_BENCH_THREADS");
    let (mut ours, mut theirs) = (vec![], vec![]);
    for _ in 0..number("CAUSERIE_BENCH_ROUNDS").unwrap_or(1) {
        let states = tempfile::tempdir()?;
        let config = Config {
            state_dir: Some(states.path().into()),
            threads,
            quick_dir: path.parent().map(Into::into),
            ..Config::new(&path)
        };
        let config = comparable(config);
        let begun = Instant::now();
        if let Some(server) = &server {
            let server = LlamaServer::start(server, &config).await?;
            theirs.push(measure(&server, begun.elapsed()).await?);
        }
        ours.push(run(config, Arc::new(SystemClock)).await?);
    }
    print(&medians(&ours), &medians(&theirs));
    Ok(())
}

fn medians(rounds: &[Vec<Row>]) -> Vec<Row> {
    let Some(first) = rounds.first() else {
        return vec![];
    };
    let median = |index: usize| {
        let mut values: Vec<f64> = rounds.iter().map(|round| round[index].value).collect();
        values.sort_by(f64::total_cmp);
        Row {
            value: values[values.len() / 2],
            ..first[index].clone()
        }
    };
    (0..first.len()).map(median).collect()
}

/// A ratio above 1 says that we are better, whichever way is up.
fn print(ours: &[Row], theirs: &[Row]) {
    for (index, row) in ours.iter().enumerate() {
        let Row {
            name,
            value,
            unit,
            more_is_better,
        } = row;
        let compared = theirs.get(index).map_or_else(String::new, |their| {
            let ratio = if *more_is_better {
                value / their.value
            } else {
                their.value / value
            };
            format!("   llama-server {:>9.3}   {ratio:>6.2} times", their.value)
        });
        println!("{name:32} {value:>9.3} {unit:8}{compared}");
    }
}
