//! What is measured: how full everything is that has a bound.

use metrics::{Gauge, describe_gauge, gauge};

const CONNECTIONS: &str = "causerie_web_connections";
const WATCHERS: &str = "causerie_web_watchers";
const ROOMS: &str = "causerie_web_rooms";

/// Tells the recorder what the names mean.
pub(crate) fn describe() {
    describe_gauge!(CONNECTIONS, "Open connections to the web page");
    describe_gauge!(WATCHERS, "Pages that watch a conversation");
    describe_gauge!(
        ROOMS,
        "Conversations in memory: watched, or answered just now"
    );
}

/// One open connection, as long as it is held.
pub(crate) fn connection() -> Counted {
    Counted::new(gauge!(CONNECTIONS))
}

/// One page that watches, as long as it is held.
pub(crate) fn watcher() -> Counted {
    Counted::new(gauge!(WATCHERS))
}

/// How many conversations are in memory.
pub(crate) fn rooms(number: usize) {
    // No process holds more rooms than a double counts exactly.
    gauge!(ROOMS).set(number as f64);
}

/// Counts in a gauge until it is dropped.
pub(crate) struct Counted(Gauge);

impl Counted {
    fn new(gauge: Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
