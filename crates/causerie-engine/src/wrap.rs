//! What stands around a backend. Each is a [`Backend`] over a [`Backend`], and keeps its contract.
//!
//! From the outside in, and [`stack`] is the only place that puts them together:
//!
//! 1. [`meter`] counts and prices. Outermost: it sees one completion with all that was used for it,
//!    the tries that came to nothing included.
//! 2. [`retry`] tries again while nobody has seen anything. Outside the breaker: each try counts
//!    there, and when it opens, what tries are left are not made.
//! 3. [`breaker`] leaves a model alone that fails. Outside the quota: who is turned away there waits
//!    in no queue.
//! 4. [`quota`] keeps to what the provider allows. Outside the timeouts: waiting for one's place is
//!    not the model's slowness.
//! 5. [`timeouts`] ends what takes too long. Innermost: its time is the model's alone.
//!
//! The next model is not chosen here but in the turn, where a prompt is made anew for each model
//! (`turn/chain.rs`; ARCHITECTURE.md says why).

pub mod breaker;
pub mod chance;
pub mod meter;
pub mod quota;
pub mod retry;
pub mod timeouts;

pub use breaker::Breaker;
pub use chance::Chance;
pub use meter::Meter;
pub use quota::Quota;
pub use retry::Retry;
pub use timeouts::Timeouts;

use causerie_core::{backend::Backend, id::ModelName, price::Prices};
use std::sync::Arc;

/// What is put around one backend. `None` leaves it out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Settings {
    /// What the model costs. Without prices tokens are counted all the same.
    pub prices: Option<Prices>,
    /// Whether and how often it is tried again.
    pub retry: Option<retry::Settings>,
    /// When it is left alone.
    pub breaker: Option<breaker::Settings>,
    /// How much is asked of it.
    pub quota: Option<quota::Settings>,
    /// How long it may take.
    pub timeouts: Option<timeouts::Settings>,
}

impl Settings {
    /// For a model behind a network: tried again, left alone when it fails, and timed. Its
    /// provider's quotas are the operator's to know.
    pub fn remote() -> Self {
        Self {
            prices: None,
            retry: Some(retry::Settings::default()),
            breaker: Some(breaker::Settings::default()),
            quota: None,
            timeouts: Some(timeouts::Settings::remote()),
        }
    }

    /// For a model in this process. It has its own queue, does not fail for a moment, and takes as
    /// long as the machine needs to load it and to read a long prompt; only a model that has begun
    /// to speak and then stands still is given up.
    pub fn local() -> Self {
        Self {
            timeouts: Some(timeouts::Settings::local()),
            ..Self::default()
        }
    }
}

/// Puts `settings` around `backend`, in the order given above. `model` labels what is measured.
pub fn stack(
    model: &ModelName,
    backend: Arc<dyn Backend>,
    settings: &Settings,
    chance: &Chance,
) -> Arc<dyn Backend> {
    let mut backend = backend;
    if let Some(settings) = settings.timeouts {
        backend = Arc::new(Timeouts::new(backend, settings));
    }
    if let Some(settings) = settings.quota {
        backend = Arc::new(Quota::new(model.clone(), backend, settings));
    }
    if let Some(settings) = settings.breaker {
        let chance = chance.clone();
        backend = Arc::new(Breaker::new(model.clone(), backend, settings, chance));
    }
    if let Some(settings) = settings.retry {
        let chance = chance.clone();
        backend = Arc::new(Retry::new(model.clone(), backend, settings, chance));
    }
    Arc::new(Meter::new(model.clone(), backend, settings.prices))
}
