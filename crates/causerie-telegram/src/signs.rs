//! The sign that we are at work: shown only if an answer takes longer than a moment.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::task::AbortHandle;

/// Signs that are about to be shown, by place.
#[derive(Debug, Default)]
pub(crate) struct Signs(Mutex<HashMap<String, AbortHandle>>);

impl Signs {
    /// Whether a sign for this place is about to be shown.
    pub(crate) fn is_coming(&self, place: &str) -> bool {
        self.all()
            .get(place)
            .is_some_and(|task| !task.is_finished())
    }

    /// A sign for this place comes by `task`.
    pub(crate) fn comes(&self, place: &str, task: AbortHandle) {
        let mut all = self.all();
        if all.len() > 64 && all.len().is_power_of_two() {
            all.retain(|_, task| !task.is_finished());
        }
        if let Some(other) = all.insert(place.to_owned(), task) {
            other.abort();
        }
    }

    /// Something better is shown now.
    pub(crate) fn cancel(&self, place: &str) {
        if let Some(task) = self.all().remove(place) {
            task.abort();
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, AbortHandle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
