//! What Causerie itself costs: turns with a model that answers at once, on SQLite.
//!
//! `cargo bench -p causerie`. First in the process, where a turn's own time can be told apart, then
//! the real server from outside, over HTTP.

mod inside;
mod outside;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    // `cargo test --benches` asks only whether it runs.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    println!("{:<58}{:>12}", "figure", "measured");
    inside::run().await;
    outside::run().await;
}

/// Prints one row.
fn row(figure: &str, measured: &str) {
    println!("{figure:<58}{measured:>12}");
}

/// The value that `share` of the sorted `values` do not exceed.
fn quantile(values: &[std::time::Duration], share: f64) -> std::time::Duration {
    let last = values.len().saturating_sub(1);
    values[(last as f64 * share).round() as usize]
}

/// Milliseconds, to the hundredth.
fn millis(duration: std::time::Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1e3)
}

/// Mebibytes, to the tenth.
fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1024.0 / 1024.0)
}
