//! The states of a breaker. Time is passed in.

use super::{Settings, Verdict};
use crate::wrap::Chance;
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// The most ends that are remembered.
const MOST_ENDS: usize = 1000;

/// What a completion was let through as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// One of many.
    Ordinary,
    /// To see whether the model answers again.
    Probe,
}

/// What a verdict changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Everything passes.
    Closed,
    /// One passes.
    HalfOpen,
    /// Nothing passes for this long.
    Opened(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Open { until: Instant },
    HalfOpen,
}

/// A breaker's state and memory.
#[derive(Debug)]
pub(super) struct Circuit {
    settings: Settings,
    chance: Chance,
    state: State,
    /// What ended lately: when, and whether it failed.
    ends: VecDeque<(Instant, bool)>,
    /// How often it opened since a completion came to its end.
    openings: u32,
}

impl Circuit {
    pub(super) fn new(settings: Settings, chance: Chance) -> Self {
        Self {
            settings,
            chance,
            state: State::Closed,
            ends: VecDeque::new(),
            openings: 0,
        }
    }

    /// Whether a completion may begin, or how long it may not.
    pub(super) fn admit(&mut self, now: Instant) -> Result<Pass, Duration> {
        match self.state {
            State::Closed => Ok(Pass::Ordinary),
            State::Open { until } if now < until => Err(until - now),
            State::Open { .. } => {
                self.state = State::HalfOpen;
                Ok(Pass::Probe)
            }
            State::HalfOpen => Err(self.settings.first_rest),
        }
    }

    /// A completion ended, or has shown that the model lives.
    pub(super) fn record(&mut self, pass: Pass, verdict: Verdict, now: Instant) -> Option<Change> {
        match (pass, verdict, self.state) {
            (Pass::Probe, Verdict::Failed, _) => Some(self.open(now)),
            (Pass::Probe, Verdict::Alive, _) => {
                self.state = State::Closed;
                self.ends.clear();
                Some(Change::Closed)
            }
            (Pass::Probe, Verdict::Unknown, _) => {
                self.state = State::Open { until: now };
                None
            }
            (Pass::Ordinary, Verdict::Unknown, _) => None,
            // What began before it opened says nothing new.
            (Pass::Ordinary, _, State::Open { .. } | State::HalfOpen) => None,
            (Pass::Ordinary, verdict, State::Closed) => {
                let failed = verdict == Verdict::Failed;
                self.remember(now, failed);
                if !failed {
                    self.openings = 0;
                }
                (failed && self.is_ill()).then(|| self.open(now))
            }
        }
    }

    fn remember(&mut self, now: Instant, failed: bool) {
        let window = self.settings.window;
        let old = |end: &(Instant, bool)| now.duration_since(end.0) > window;
        while self.ends.len() >= MOST_ENDS || self.ends.front().is_some_and(old) {
            self.ends.pop_front();
        }
        self.ends.push_back((now, failed));
    }

    fn is_ill(&self) -> bool {
        let failed = self.ends.iter().filter(|(_, failed)| *failed).count();
        let rate = failed as f64 / self.ends.len() as f64;
        failed >= self.settings.failures as usize && rate >= self.settings.rate
    }

    fn open(&mut self, now: Instant) -> Change {
        let factor = 1_u32.checked_shl(self.openings).unwrap_or(u32::MAX);
        let bound = self.settings.first_rest.saturating_mul(factor);
        let half = bound.min(self.settings.longest_rest) / 2;
        let rest = half + self.chance.up_to(half);
        self.openings = self.openings.saturating_add(1);
        self.ends.clear();
        self.state = State::Open { until: now + rest };
        Change::Opened(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn circuit() -> Circuit {
        let settings = Settings {
            failures: 3,
            ..Settings::default()
        };
        Circuit::new(settings, Chance::seeded(7))
    }

    fn fail(circuit: &mut Circuit, now: Instant) -> Option<Change> {
        let pass = circuit.admit(now).unwrap();
        circuit.record(pass, Verdict::Failed, now)
    }

    #[test]
    fn it_opens_after_failures_in_the_window_and_not_for_old_or_few_ones() {
        let start = Instant::now();
        let second = |n| start + Duration::from_secs(n);
        let mut old = circuit();
        for n in [0, 61, 122, 183, 244] {
            assert_eq!(fail(&mut old, second(n)), None);
        }
        let mut few = circuit();
        for _ in 0..10 {
            few.record(Pass::Ordinary, Verdict::Alive, start);
        }
        for _ in 0..9 {
            assert_eq!(fail(&mut few, start), None, "fewer than half fail");
        }
        assert!(matches!(fail(&mut few, start), Some(Change::Opened(_))));
        let mut ill = circuit();
        assert_eq!(fail(&mut ill, start), None);
        assert_eq!(fail(&mut ill, second(1)), None);
        assert!(matches!(fail(&mut ill, second(2)), Some(Change::Opened(_))));
        assert!(ill.admit(second(3)).is_err());
    }

    #[test]
    fn one_probe_passes_and_rests_grow_until_an_answer_came_to_its_end() {
        let mut now = Instant::now();
        let mut circuit = circuit();
        for _ in 0..3 {
            fail(&mut circuit, now);
        }
        let (mut bound, most) = (Duration::from_secs(15), Duration::from_secs(300));
        for _ in 0..8 {
            let rest = circuit.admit(now).unwrap_err();
            assert!(rest >= bound / 2 && rest <= bound, "{rest:?} of {bound:?}");
            now += rest;
            assert_eq!(circuit.admit(now), Ok(Pass::Probe));
            assert!(circuit.admit(now).is_err(), "only one probe");
            circuit.record(Pass::Probe, Verdict::Failed, now);
            bound = (bound * 2).min(most);
        }
        now += circuit.admit(now).unwrap_err();
        assert_eq!(circuit.admit(now), Ok(Pass::Probe));
        circuit.record(Pass::Probe, Verdict::Unknown, now);
        assert_eq!(circuit.admit(now), Ok(Pass::Probe), "nothing was learnt");
        let closed = circuit.record(Pass::Probe, Verdict::Alive, now);
        assert_eq!(closed, Some(Change::Closed));
        circuit.record(Pass::Ordinary, Verdict::Alive, now);
        for _ in 0..3 {
            fail(&mut circuit, now);
        }
        assert!(circuit.admit(now).unwrap_err() <= Duration::from_secs(15));
    }

    proptest! {
        #[test]
        fn it_always_comes_back(steps in prop::collection::vec((0..3_u8, 0..40_u64), 0..200)) {
            let mut now = Instant::now();
            let mut circuit = circuit();
            let mut under_way = vec![];
            for (what, wait) in steps {
                now += Duration::from_secs(wait);
                let verdict = [Verdict::Failed, Verdict::Alive, Verdict::Unknown][what as usize];
                if let Ok(pass) = circuit.admit(now) {
                    prop_assert!(pass == Pass::Ordinary || !under_way.contains(&Pass::Probe));
                    under_way.push(pass);
                }
                if wait % 2 == 0 && let Some(pass) = under_way.pop() {
                    circuit.record(pass, verdict, now);
                }
            }
            for pass in under_way {
                circuit.record(pass, Verdict::Unknown, now);
            }
            now += Duration::from_secs(300);
            let pass = circuit.admit(now);
            prop_assert!(pass.is_ok());
            circuit.record(pass.unwrap(), Verdict::Alive, now);
            prop_assert_eq!(circuit.admit(now), Ok(Pass::Ordinary));
        }
    }
}
