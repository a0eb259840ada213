//! Leaving a model alone.

use crate::{hear, model, unavailable};
use causerie_core::backend::{Backend, BackendError, Readiness};
use causerie_engine::wrap::{Breaker, Chance, Settings as Stack, breaker::Settings, stack};
use causerie_testkit::{
    backend::{Script, ScriptedBackend},
    prompt,
};
use futures::StreamExt;
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

fn broken() -> (Arc<ScriptedBackend>, Arc<dyn Backend>) {
    let inner = ScriptedBackend::new();
    let settings = Settings {
        failures: 3,
        ..Settings::default()
    };
    let breaker = Breaker::new(model(), inner.clone(), settings, Chance::seeded(3));
    (inner, Arc::new(breaker))
}

async fn rest(backend: &Arc<dyn Backend>) -> Duration {
    match hear(backend).await.error {
        Some(BackendError::Resting { again_in }) => again_in,
        other => panic!("it does not rest: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn it_opens_probes_and_closes() {
    let (inner, backend) = broken();
    inner.expect([
        Script::refuse(unavailable()),
        Script::say("Half").then_cut(),
        Script::say("Half").then_fail(unavailable()),
    ]);
    for _ in 0..2 {
        assert!(hear(&backend).await.notes.is_empty());
    }
    let last = hear(&backend).await;
    assert!(last.notes[0].starts_with("model small failed too often and is left alone for "));
    assert!(matches!(last.error, Some(BackendError::Unavailable { .. })));

    let again_in = rest(&backend).await;
    assert_eq!(inner.prompts().len(), 3, "it is not asked");
    assert_eq!(backend.readiness(), Readiness::Ready);
    sleep(again_in).await;

    // While the probe has not said anything, others are refused; when it has, they pass.
    inner.expect([Script::default()
        .then_wait(Duration::from_secs(5))
        .then_say("Hello ")
        .then_wait(Duration::from_secs(500))]);
    let prompt = prompt::of("Hi");
    let mut probe = backend.complete(&prompt).await.unwrap();
    rest(&backend).await;
    assert!(probe.next().await.unwrap().is_ok());
    assert!(hear(&backend).await.finish.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_somebody_stopped_lets_the_next_one_try() {
    let (inner, backend) = broken();
    inner.expect((0..3).map(|_| Script::refuse(unavailable())));
    for _ in 0..3 {
        hear(&backend).await;
    }
    sleep(rest(&backend).await).await;
    inner.expect([Script::default().then_wait(Duration::from_secs(5))]);
    let prompt = prompt::of("Hi");
    let probe = backend.complete(&prompt).await.unwrap();
    rest(&backend).await;
    drop(probe);
    assert!(hear(&backend).await.finish.is_some());
}

#[tokio::test(start_paused = true)]
async fn tries_that_are_left_are_not_made_when_it_opens() {
    let inner = ScriptedBackend::new();
    let settings = Stack {
        breaker: Some(Settings {
            failures: 2,
            ..Settings::default()
        }),
        ..Stack::remote()
    };
    let backend = stack(&model(), inner.clone(), &settings, &Chance::seeded(3));
    inner.expect((0..9).map(|_| Script::refuse(unavailable())));
    assert!(matches!(
        hear(&backend).await.error,
        Some(BackendError::Resting { .. })
    ));
    assert_eq!(inner.prompts().len(), 2);
    rest(&backend).await;
    assert_eq!(inner.prompts().len(), 2);
}
