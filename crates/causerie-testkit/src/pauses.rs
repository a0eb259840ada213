//! When the machine stood still. One that shares its processors may stop for seconds, with all that
//! runs on it; a test that measures how soon something happened must not count them.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, SystemTime},
};

/// How often it is looked, and what is too long to have been the machine's usual business.
const TICK: Duration = Duration::from_millis(50);
const TOO_LONG: Duration = Duration::from_secs(1);

/// Notes when the machine stands still, from its making until it is dropped.
pub struct Pauses(Arc<Mutex<Vec<(SystemTime, SystemTime)>>>);

impl Pauses {
    /// Begins to watch.
    pub fn watch() -> Self {
        let pauses = Arc::new(Mutex::new(vec![]));
        let noted = Arc::downgrade(&pauses);
        thread::spawn(move || {
            let mut last = SystemTime::now();
            while let Some(noted) = noted.upgrade() {
                thread::sleep(TICK);
                let now = SystemTime::now();
                if now.duration_since(last).is_ok_and(|took| took > TOO_LONG) {
                    let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
                    noted.push((last, now));
                }
                last = now;
            }
        });
        Self(pauses)
    }

    /// The time from one moment to another, without that in which the machine stood still.
    pub fn time_between(&self, from: SystemTime, to: SystemTime) -> Duration {
        let pauses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        time_without(&pauses, from, to)
    }
}

fn time_without(pauses: &[(SystemTime, SystemTime)], from: SystemTime, to: SystemTime) -> Duration {
    let length = |from: SystemTime, to: SystemTime| to.duration_since(from).unwrap_or_default();
    let lost = pauses
        .iter()
        .map(|(began, ended)| length(from.max(*began), to.min(*ended)));
    length(from, to).saturating_sub(lost.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_between_is_taken_off() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let pauses = [(at(0), at(2)), (at(4), at(7)), (at(9), at(20))];
        let between = |from, to| time_without(&pauses, at(from), at(to)).as_secs();
        assert_eq!(between(2, 4), 2);
        assert_eq!(between(1, 10), 4);
        assert_eq!(between(5, 6), 0);
        assert_eq!(between(6, 5), 0);
    }
}
