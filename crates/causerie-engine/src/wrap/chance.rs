//! Where decorators take their chances, so that those that failed together do not come back
//! together.

use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// A source of chance. Clones share it.
#[derive(Clone)]
pub struct Chance(Arc<Mutex<StdRng>>);

impl Chance {
    /// Chance that nobody can foretell.
    pub fn new() -> Self {
        Self::from(StdRng::from_rng(&mut rand::rng()))
    }

    /// Chance that is the same each time, for tests.
    pub fn seeded(seed: u64) -> Self {
        Self::from(StdRng::seed_from_u64(seed))
    }

    fn from(rng: StdRng) -> Self {
        Self(Arc::new(Mutex::new(rng)))
    }

    /// Any duration up to `bound`.
    pub(super) fn up_to(&self, bound: Duration) -> Duration {
        let mut rng = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rng.random_range(Duration::ZERO..=bound)
    }
}

impl Default for Chance {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chance")
    }
}
