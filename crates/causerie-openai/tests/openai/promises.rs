//! What every backend promises.

use crate::support::Remote;
use causerie_core::backend::Backend;
use causerie_openai::{Config, OpenAi};
use causerie_testkit::{
    backend_conformance::Subject,
    fake_models::{FakeModels, Reply},
};
use std::{sync::Arc, time::Duration};

struct Fake {
    models: FakeModels,
    backend: Arc<OpenAi>,
}

async fn fake() -> Option<Fake> {
    let Remote { models, .. } = Remote::new().await;
    models.list(&[serde_json::json!({"id": "fake", "max_model_len": 4096})]);
    let config = Config::new(models.url(), "fake");
    let backend = Arc::new(OpenAi::new(&config).expect("the server has a URL"));
    Some(Fake { models, backend })
}

impl Subject for Fake {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.backend) as Arc<dyn Backend>
    }

    fn stall_next(&self) -> bool {
        let stalled = Reply::say("Hello to everybody").stalled_at(2, Duration::from_secs(600));
        self.models.expect([stalled]);
        true
    }

    fn break_next(&self) -> bool {
        self.models
            .expect([Reply::say("Hello to everybody").cut_at(3)]);
        true
    }

    fn given_up(&self) -> Option<usize> {
        Some(self.models.given_up())
    }
}

causerie_testkit::backend_conformance!(fake);
