//! What it cost.

use crate::{hear, model};
use causerie_core::{backend::Backend, price::Prices};
use causerie_engine::wrap::Meter;
use causerie_testkit::backend::{Script, ScriptedBackend};
use std::sync::Arc;

const PRICES: Prices = Prices {
    input: 3_000_000,
    cached_input: 300_000,
    output: 15_000_000,
};

#[tokio::test(start_paused = true)]
async fn a_completion_is_priced_when_it_ends() {
    let inner = ScriptedBackend::new();
    let backend: Arc<dyn Backend> = Arc::new(Meter::new(model(), inner.clone(), Some(PRICES)));
    assert_eq!(backend.capabilities().prices, Some(PRICES));
    inner.expect([Script::say("One two three")]);
    let usage = hear(&backend).await.finish.unwrap().usage;
    assert_eq!(usage.output, 4);
    assert_eq!(usage.cost, usage.input * 3 + 4 * 15);
}

#[tokio::test(start_paused = true)]
async fn without_prices_the_backend_knows_best() {
    let inner = ScriptedBackend::new();
    inner.set_capabilities(|can| can.prices = Some(PRICES));
    let backend: Arc<dyn Backend> = Arc::new(Meter::new(model(), inner.clone(), None));
    assert_eq!(backend.capabilities().prices, Some(PRICES));
    assert_eq!(hear(&backend).await.finish.unwrap().usage.cost, 0);
}
