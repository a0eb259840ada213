//! Too long.

use crate::{Heard, SECOND, hear};
use causerie_core::backend::{Backend, BackendError, Readiness};
use causerie_engine::wrap::{Timeouts, timeouts::Settings};
use causerie_testkit::backend::{Script, ScriptedBackend};
use std::sync::Arc;
use tokio::time::{Instant, sleep};

fn timed(settings: Settings) -> (Arc<ScriptedBackend>, Arc<dyn Backend>) {
    let inner = ScriptedBackend::new();
    let timeouts = Timeouts::new(inner.clone(), settings);
    (inner, Arc::new(timeouts))
}

const ALL: Settings = Settings {
    first: Some(SECOND.saturating_mul(10)),
    between: Some(SECOND.saturating_mul(2)),
    whole: Some(SECOND.saturating_mul(30)),
};

fn is_late(heard: &Heard) -> bool {
    matches!(heard.error, Some(BackendError::TimedOut))
}

#[tokio::test(start_paused = true)]
async fn each_limit_ends_it_at_its_time_and_stops_the_model() {
    let slow = |n: u32| {
        let say = |script: Script, _| script.then_wait(3 * SECOND / 2).then_say("on ");
        (0..n).fold(Script::say("On "), say)
    };
    for (script, text, after) in [
        (Script::default().then_wait(60 * SECOND), "", 10),
        (Script::say("One").then_wait(60 * SECOND), "One", 2),
        (
            Script::default()
                .then_wait(9 * SECOND)
                .then_say("One")
                .then_wait(60 * SECOND),
            "One",
            11,
        ),
        (slow(100), "On on on on on on ", 30),
    ] {
        let (inner, backend) = timed(ALL);
        inner.expect([script]);
        let began = Instant::now();
        let heard = hear(&backend).await;
        assert!(is_late(&heard));
        assert!(heard.text.starts_with(text), "{}", heard.text);
        assert_eq!(began.elapsed().as_secs(), after);
        assert_eq!(inner.dropped(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn thoughts_are_signs_of_life() {
    let (inner, backend) = timed(Settings {
        first: Some(SECOND),
        ..ALL
    });
    inner.expect([Script::think("hm")
        .then_wait(3 * SECOND / 2)
        .then_say("One")]);
    assert!(hear(&backend).await.finish.is_some());
}

#[tokio::test(start_paused = true)]
async fn the_time_in_which_a_model_loads_does_not_count() {
    let (inner, backend) = timed(ALL);
    inner.set_readiness(Readiness::Loading { percent: None });
    let (heard, ()) = tokio::join!(hear(&backend), async {
        sleep(600 * SECOND).await;
        inner.set_readiness(Readiness::Ready);
    });
    assert!(heard.finish.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_local_model_may_take_its_time_before_it_speaks() {
    let (inner, backend) = timed(Settings::local());
    inner.expect([Script::default().then_wait(3600 * SECOND).then_say("One")]);
    assert!(hear(&backend).await.finish.is_some());
    inner.expect([Script::say("One").then_wait(3600 * SECOND)]);
    assert!(is_late(&hear(&backend).await));
}

#[tokio::test(start_paused = true)]
async fn what_is_there_is_taken_however_late_one_asks() {
    use futures::StreamExt;
    let (_, backend) = timed(ALL);
    let prompt = causerie_testkit::prompt::of("Hi");
    let mut stream = backend.complete(&prompt).await.unwrap();
    while let Some(delta) = stream.next().await {
        assert!(delta.is_ok());
        sleep(100 * SECOND).await;
    }
}
