//! What Causerie itself costs: turns with a model that answers at once, on SQLite and on Redis.
//!
//! `cargo bench -p causerie`. First in the process, where a turn's own time can be told apart, as
//! `causerie bench` does too; then the real server from outside, over HTTP.

mod outside;

use causerie::bench::{Row, shared, turns};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    // `cargo test --benches` asks only whether it runs.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let rows = turns(&directory.path().join("bench.db")).await;
    for figure in rows.expect("a new store") {
        println!("{figure}");
    }
    outside::run().await;
    println!("on Redis, on this machine:");
    match shared(directory.path()).await.expect("Redis can be used") {
        Some(rows) => rows.iter().for_each(|figure| println!("{figure}")),
        None => println!("skipped: there is no `redis-server` to start"),
    }
}

/// Prints one row.
fn row(figure: &str, measured: &str) {
    println!("{}", Row::new(figure, measured));
}
