//! How much of a prompt fits between two tokens of the others.

use crate::load::BATCH;
use std::time::Duration;

/// The longest step while answers are growing: their readers see at least this many steps a
/// second.
const STEP_BESIDE_ANSWERS: f64 = 0.12;
/// The longest step otherwise: the longest that a prompt nobody waits for any more is computed.
const STEP_ALONE: f64 = 0.8;
const LEAST: f64 = 16.0;

/// Measures how fast prompts are computed here.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Tokens per second; `None` before the first measurement.
    rate: Option<f64>,
}

impl Pace {
    /// Learns from a step with so many tokens of prompts. Short steps say little about prompts.
    pub(super) fn learn(&mut self, tokens: usize, took: Duration) {
        if tokens >= LEAST as usize && !took.is_zero() {
            let seen = tokens as f64 / took.as_secs_f64();
            self.rate = Some(self.rate.map_or(seen, |rate| rate * 0.7 + seen * 0.3));
        }
    }

    /// The most tokens of prompts in the next step, with or without answers growing beside them.
    pub(super) fn chunk(&self, beside_answers: bool) -> usize {
        let (most, first) = if beside_answers {
            (STEP_BESIDE_ANSWERS, 32.0)
        } else {
            (STEP_ALONE, 128.0)
        };
        let tokens = self.rate.map_or(first, |rate| rate * most);
        tokens.clamp(LEAST, f64::from(BATCH)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_machine_is_fed_smaller_pieces() {
        let mut slow = Pace::default();
        slow.learn(100, Duration::from_secs(1));
        assert_eq!((slow.chunk(true), slow.chunk(false)), (16, 80));
        let mut fast = Pace::default();
        fast.learn(500, Duration::from_millis(100));
        assert_eq!((fast.chunk(true), fast.chunk(false)), (512, 512));
    }

    #[test]
    fn single_tokens_teach_nothing() {
        let mut pace = Pace::default();
        pace.learn(1, Duration::from_secs(1));
        assert_eq!(pace.chunk(false), 128);
    }
}
