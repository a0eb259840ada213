//! It keeps the promises of every backend.

use crate::support::{Model, config, model, open};
use causerie_core::backend::Backend;
use causerie_local::Local;
use causerie_testkit::backend_conformance::Subject;
use std::sync::Arc;

/// The backend, and the right to compute.
struct Turn {
    local: Arc<Local>,
    _model: Model,
}

impl Subject for Turn {
    fn backend(&self) -> Arc<dyn Backend> {
        self.local.clone()
    }
}

async fn local() -> Option<Turn> {
    let model = model().await?;
    Some(Turn {
        local: Arc::new(open(config(&model)).await),
        _model: model,
    })
}

causerie_testkit::backend_conformance!(local);
