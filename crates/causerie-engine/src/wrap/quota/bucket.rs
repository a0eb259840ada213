//! A bucket that fills at a steady rate.

use std::time::Duration;
use tokio::time::Instant;

/// What of a minute's amount may come at once.
const BURST: f64 = 0.25;

/// Holds a quarter of a minute's amount, and fills at the minute's rate. Whatever a provider with a
/// bucket of a whole minute allows, this never asks for more.
#[derive(Debug)]
pub(super) struct Bucket {
    capacity: f64,
    per_second: f64,
    /// Below zero, it is in debt.
    level: f64,
    at: Instant,
}

impl Bucket {
    pub(super) fn new(per_minute: f64, now: Instant) -> Self {
        let capacity = (per_minute * BURST).max(1.0);
        Self {
            capacity,
            per_second: per_minute / 60.0,
            level: capacity,
            at: now,
        }
    }

    /// How long until `amount` may be taken, when `ahead` is taken before it.
    pub(super) fn wait(&mut self, ahead: f64, amount: f64, now: Instant) -> Duration {
        self.fill(now);
        let missing = amount.min(self.capacity) + ahead - self.level;
        if missing <= 0.0 {
            return Duration::ZERO;
        }
        // A bucket that never fills is waited for without end.
        let seconds = missing / self.per_second;
        let wait = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        // Rounded up to the millisecond of timers, so that nobody comes too early and waits again.
        wait.saturating_add(Duration::from_millis(1))
    }

    pub(super) fn take(&mut self, amount: f64) {
        self.level -= amount;
    }

    pub(super) fn give_back(&mut self, amount: f64, now: Instant) {
        self.fill(now);
        self.level = (self.level + amount).min(self.capacity);
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.level = (self.level + passed * self.per_second).min(self.capacity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whoever waits as told, never takes more in any span than the burst and the rate give.
        #[test]
        fn no_span_of_time_gives_more_than_it_may(
            amounts in prop::collection::vec((1..40_u32, 0..5_000_u64), 1..200),
        ) {
            let mut now = Instant::now();
            let mut bucket = Bucket::new(240.0, now);
            let mut taken: Vec<(Instant, f64)> = vec![];
            for (amount, pause) in amounts {
                now += Duration::from_millis(pause);
                let amount = f64::from(amount);
                now += bucket.wait(0.0, amount, now);
                prop_assert_eq!(bucket.wait(0.0, amount, now), Duration::ZERO);
                bucket.take(amount);
                taken.push((now, amount));
                let mut sum = 0.0;
                for (at, amount) in taken.iter().rev() {
                    sum += amount;
                    let span = now.duration_since(*at).as_secs_f64();
                    prop_assert!(sum <= 60.0 + span * 4.0 + 1e-6, "{} in {} s", sum, span);
                }
            }
        }
    }

    #[test]
    fn more_than_it_holds_waits_for_a_full_bucket_and_leaves_a_debt() {
        let mut now = Instant::now();
        let mut bucket = Bucket::new(240.0, now);
        assert_eq!(bucket.wait(0.0, 100.0, now), Duration::ZERO);
        bucket.take(100.0);
        let wait = bucket.wait(0.0, 1.0, now);
        assert_eq!(wait, Duration::from_millis(10_251));
        now += wait;
        assert_eq!(bucket.wait(0.0, 1.0, now), Duration::ZERO);
        bucket.give_back(1_000.0, now);
        assert_eq!(bucket.wait(0.0, 60.0, now), Duration::ZERO);
        assert!(bucket.wait(30.0, 60.0, now) > Duration::from_secs(7));
    }
}
