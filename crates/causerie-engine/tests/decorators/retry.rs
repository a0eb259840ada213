//! Trying again.

use crate::{SECOND, hear, model, unavailable};
use causerie_core::backend::{Backend, BackendError};
use causerie_engine::wrap::{Chance, Retry, retry::Settings};
use causerie_testkit::{
    backend::{Script, ScriptedBackend},
    prompt,
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};

fn retry(settings: Settings, seed: u64) -> (Arc<ScriptedBackend>, Arc<dyn Backend>) {
    let inner = ScriptedBackend::new();
    let retry = Retry::new(model(), inner.clone(), settings, Chance::seeded(seed));
    (inner, Arc::new(retry))
}

#[tokio::test(start_paused = true)]
async fn what_nobody_saw_is_begun_anew_and_paid_for() {
    let (inner, backend) = retry(Settings::default(), 1);
    inner.expect([
        Script::refuse(unavailable()),
        Script::think("hm hm hm").then_cut(),
        Script::say("Hello"),
    ]);
    let heard = hear(&backend).await;
    assert_eq!(heard.text, "Hello");
    let usage = heard.finish.unwrap().usage;
    let prompt = u64::from(inner.prompts()[0].tokens().tokens);
    assert_eq!(usage.input, 2 * prompt, "one did not begin, and two did");
    let thought = u64::from(inner.counter().count("hm hm hm"));
    assert_eq!(usage.output, thought + 2);
    assert_eq!(heard.notes.len(), 2);
    assert!(heard.notes[0].starts_with("the model is not available: status 500; tried again"));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_saw_is_not_begun_anew() {
    for script in [
        Script::say("Half").then_fail(unavailable()),
        Script::call("1", "lookup", "{}").then_fail(unavailable()),
    ] {
        let (inner, backend) = retry(Settings::default(), 1);
        inner.expect([script]);
        assert!(hear(&backend).await.error.is_some());
        assert_eq!(inner.prompts().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_operator_reads_how_often_it_was_tried() {
    let (inner, backend) = retry(Settings::default(), 1);
    inner.expect((0..3).map(|_| Script::refuse(unavailable())));
    let error = hear(&backend).await.error.unwrap().to_string();
    assert_eq!(
        error,
        "the model is not available: status 500 (tried 3 times)"
    );
}

#[tokio::test(start_paused = true)]
async fn a_provider_is_never_asked_sooner_than_it_said() {
    for seed in 0..50 {
        let (inner, backend) = retry(Settings::default(), seed);
        let busy = BackendError::Busy {
            retry_after: Some(7 * SECOND),
        };
        inner.expect([Script::refuse(busy)]);
        let began = Instant::now();
        assert!(hear(&backend).await.finish.is_some());
        let waited = began.elapsed();
        assert!(waited >= 7 * SECOND && waited < 8 * SECOND, "{waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_beyond_the_patience_is_not_begun() {
    let (inner, backend) = retry(Settings::default(), 1);
    let busy = BackendError::Busy {
        retry_after: Some(21 * SECOND),
    };
    inner.expect([Script::refuse(busy)]);
    let began = Instant::now();
    assert!(matches!(
        hear(&backend).await.error,
        Some(BackendError::Busy {
            retry_after: Some(_)
        })
    ));
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn pauses_are_anything_up_to_a_bound_that_doubles() {
    let settings = Settings {
        tries: 6,
        ..Settings::default()
    };
    let mut longest = Duration::ZERO;
    for seed in 0..50 {
        let (inner, backend) = retry(settings, seed);
        inner.expect((0..5).map(|_| Script::refuse(unavailable())));
        let began = Instant::now();
        assert!(hear(&backend).await.finish.is_some());
        longest = longest.max(began.elapsed());
    }
    // 0.5 + 1 + 2 + 4 + 8, less what chance leaves of it.
    assert!(longest > 8 * SECOND && longest < 16 * SECOND, "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_not_multiplied() {
    let (inner, backend) = retry(Settings::default(), 1);
    inner.expect((0..3000).map(|_| Script::refuse(unavailable())));
    for _ in 0..1000 {
        hear(&backend).await;
    }
    let asked = inner.prompts().len();
    assert!(asked <= 1000 + 10 + 200, "{asked}");
    assert!(asked >= 1000 + 200, "{asked}");
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_in_a_pause_is_obeyed() {
    let (inner, backend) = retry(Settings::default(), 1);
    let busy = BackendError::Busy {
        retry_after: Some(10 * SECOND),
    };
    inner.expect([Script::refuse(busy)]);
    let prompt = prompt::of("Hi");
    assert!(timeout(SECOND, backend.complete(&prompt)).await.is_err());
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(inner.prompts().len(), 1);
}
