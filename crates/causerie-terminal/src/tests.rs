//! Questions and conversations with an engine that says what the test wants.

mod asking;
mod conformance;
mod inbox;
#[cfg(unix)]
mod keyboard;
mod talking;

use causerie_core::{Clock, Timestamp};
use std::sync::Arc;

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(1_000)
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(Still)
}
