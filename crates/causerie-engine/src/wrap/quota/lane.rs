//! What is under way, what waits, and what there is to take. Time is passed in.

use super::{Settings, bucket::Bucket};
use std::time::Duration;
use tokio::time::Instant;

/// What is left of the completions at once when the provider has had too much.
const LESS: f64 = 0.5;

/// The way to one model.
#[derive(Debug)]
pub(super) struct Lane {
    settings: Settings,
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    running: u32,
    /// How many may run, as it adapts.
    allowed: f64,
    /// When it was last lowered: what began before says nothing about it.
    lowered: Option<Instant>,
    /// The provider asked to stay away until then.
    away: Option<Instant>,
    waiting: usize,
    /// Tokens that those who wait want.
    wanted: u64,
}

impl Lane {
    pub(super) fn new(settings: Settings, now: Instant) -> Self {
        let bucket = |per_minute: f64| Bucket::new(per_minute, now);
        let mut lane = Self {
            settings,
            requests: settings.requests_per_minute.map(|n| bucket(f64::from(n))),
            tokens: settings.tokens_per_minute.map(|n| bucket(n as f64)),
            running: 0,
            // It begins in the middle and finds its way.
            allowed: f64::from(settings.least_at_once.max(1) + settings.most_at_once) / 2.0,
            lowered: None,
            away: None,
            waiting: 0,
            wanted: 0,
        };
        lane.bound();
        lane
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn running(&self) -> u32 {
        self.running
    }

    pub(super) fn allowed(&self) -> f64 {
        self.allowed
    }

    /// Takes a place, a request and `tokens`, or says how long to wait; `Err(None)` for until
    /// somebody ends.
    pub(super) fn take(&mut self, tokens: u64, now: Instant) -> Result<(), Option<Duration>> {
        if f64::from(self.running + 1) > self.allowed {
            return Err(None);
        }
        let wait = self.needed(0.0, 0.0, tokens, now);
        if !wait.is_zero() {
            return Err(Some(wait));
        }
        self.running += 1;
        if let Some(requests) = &mut self.requests {
            requests.take(1.0);
        }
        if let Some(bucket) = &mut self.tokens {
            bucket.take(tokens as f64);
        }
        Ok(())
    }

    /// How long somebody who comes now waits for the buckets and the provider, if that is bearable.
    pub(super) fn wait(&mut self, tokens: u64, now: Instant) -> Option<Duration> {
        let (requests, ahead) = (self.waiting as f64, self.wanted as f64);
        let wait = self.needed(requests, ahead, tokens, now);
        (wait < Duration::MAX).then_some(wait)
    }

    /// Joins the line, unless it is full or the wait would be too long.
    pub(super) fn queue(&mut self, tokens: u64, now: Instant) -> Result<(), Option<Duration>> {
        let wait = self.wait(tokens, now);
        if self.waiting >= self.settings.line {
            return Err(wait.filter(|wait| !wait.is_zero()));
        }
        if wait.is_none_or(|wait| wait > self.settings.longest_wait) {
            return Err(wait);
        }
        self.waiting += 1;
        self.wanted += tokens;
        Ok(())
    }

    /// Leaves the line.
    pub(super) fn unqueue(&mut self, tokens: u64) {
        self.waiting -= 1;
        self.wanted -= tokens;
    }

    /// A completion has ended that took `taken` tokens and used `used`.
    pub(super) fn give_back(&mut self, taken: u64, used: u64, now: Instant) {
        self.running -= 1;
        if let Some(bucket) = &mut self.tokens {
            bucket.give_back(taken as f64 - used as f64, now);
        }
    }

    /// A completion came to its end: one more at once for as many as now run.
    pub(super) fn went_well(&mut self) {
        self.allowed += 1.0 / self.allowed;
        self.bound();
    }

    /// A completion that began at `began` was too much for the provider.
    pub(super) fn overdone(&mut self, began: Instant, now: Instant, away: Option<Duration>) {
        if let Some(away) = away.and_then(|away| now.checked_add(away)) {
            self.away = self.away.max(Some(away));
        }
        // Those that ran together fail together, and that is one sign, not many.
        if self.lowered.is_none_or(|lowered| began > lowered) {
            self.allowed *= LESS;
            self.lowered = Some(now);
            self.bound();
        }
    }

    fn bound(&mut self) {
        let least = f64::from(self.settings.least_at_once.max(1));
        let most = f64::from(self.settings.most_at_once).max(least);
        self.allowed = self.allowed.clamp(least, most);
    }

    fn needed(&mut self, requests: f64, ahead: f64, tokens: u64, now: Instant) -> Duration {
        let away = self
            .away
            .map_or(Duration::ZERO, |away| away.saturating_duration_since(now));
        let of = |bucket: &mut Option<Bucket>, ahead: f64, amount: f64| match bucket {
            Some(bucket) => bucket.wait(ahead, amount, now),
            None => Duration::ZERO,
        };
        away.max(of(&mut self.requests, requests, 1.0)).max(of(
            &mut self.tokens,
            ahead,
            tokens as f64,
        ))
    }
}
