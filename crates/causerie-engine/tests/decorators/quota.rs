//! What a provider allows.

use crate::{Heard, SECOND, hear, model};
use causerie_core::backend::{Backend, BackendError};
use causerie_engine::wrap::{Quota, quota::Settings};
use causerie_testkit::backend::{Script, ScriptedBackend};
use futures::future::join_all;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};

fn quota(settings: Settings) -> (Arc<ScriptedBackend>, Arc<dyn Backend>) {
    let inner = ScriptedBackend::new();
    let quota = Quota::new(model(), inner.clone(), settings);
    (inner, Arc::new(quota))
}

const ROOMY: Settings = Settings {
    requests_per_minute: None,
    tokens_per_minute: None,
    least_at_once: 1,
    most_at_once: 1000,
    line: 1000,
    longest_wait: Duration::from_secs(600),
};

fn is_busy(heard: &Heard) -> bool {
    matches!(heard.error, Some(BackendError::Busy { .. }))
}

/// When each of `count` that came together ended.
async fn ends(backend: &Arc<dyn Backend>, count: usize) -> Vec<Duration> {
    let began = Instant::now();
    let one = async |_| {
        assert!(hear(backend).await.finish.is_some());
        began.elapsed()
    };
    join_all((0..count).map(one)).await
}

#[tokio::test(start_paused = true)]
async fn requests_come_at_the_rate_by_arrival() {
    let (_, backend) = quota(Settings {
        requests_per_minute: Some(60),
        ..ROOMY
    });
    let ends = ends(&backend, 75).await;
    assert_eq!(ends[14], Duration::ZERO, "a quarter comes at once");
    assert!(ends.is_sorted(), "{ends:?}");
    for (at, end) in ends.iter().enumerate() {
        let least = (at as u64).saturating_sub(14);
        assert!(
            end.as_secs() >= least && end.as_secs() <= least + 1,
            "{ends:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_that_were_not_used_are_given_back() {
    // Each is taken for more than a thousand tokens and uses a few.
    let (inner, backend) = quota(Settings {
        tokens_per_minute: Some(6000),
        ..ROOMY
    });
    inner.expect((0..20).map(|_| Script::say("ok").then_wait(SECOND)));
    let ends = ends(&backend, 20).await;
    assert!(ends.is_sorted());
    // Without it the twentieth would come after more than three minutes.
    assert!(ends[19] < 40 * SECOND, "{ends:?}");
}

#[tokio::test(start_paused = true)]
async fn the_line_is_bounded_and_long_waits_are_told_at_once() {
    let (_, backend) = quota(Settings {
        requests_per_minute: Some(4),
        line: 3,
        longest_wait: 40 * SECOND,
        ..ROOMY
    });
    let began = Instant::now();
    let heard = join_all((0..10).map(|_| hear(&backend))).await;
    let passed = heard.iter().filter(|heard| heard.finish.is_some()).count();
    // One at once, and two at fifteen and thirty seconds; the next would wait for 45.
    assert_eq!(passed, 3);
    assert!(began.elapsed() < 31 * SECOND);
    let told = heard.iter().filter_map(|heard| match heard.error {
        Some(BackendError::Busy { retry_after }) => Some(retry_after),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    assert_eq!(told.len(), 7);
    assert!(
        told.iter()
            .all(|wait| wait.is_some_and(|wait| wait > 40 * SECOND))
    );
}

#[tokio::test(start_paused = true)]
async fn who_waited_is_noted() {
    let (_, backend) = quota(Settings {
        requests_per_minute: Some(4),
        ..ROOMY
    });
    assert!(hear(&backend).await.notes.is_empty());
    let notes = hear(&backend).await.notes;
    assert_eq!(notes, ["waited 15.0 s for what the provider allows"]);
}

#[tokio::test(start_paused = true)]
async fn no_more_run_at_once_than_may_and_who_leaves_the_line_is_forgotten() {
    let (inner, backend) = quota(Settings {
        most_at_once: 1,
        line: 2,
        longest_wait: 30 * SECOND,
        ..ROOMY
    });
    let slow = || Script::say("ok").then_wait(10 * SECOND);
    inner.expect((0..4).map(|_| slow()));
    let running = hear(&backend);
    let given_up = timeout(5 * SECOND, hear(&backend));
    let patient = hear(&backend);
    let too_many = hear(&backend);
    let late = async {
        tokio::time::sleep(6 * SECOND).await;
        hear(&backend).await
    };
    let began = Instant::now();
    let (running, given_up, patient, too_many, late) =
        tokio::join!(running, given_up, patient, too_many, late);
    assert!(running.finish.is_some() && patient.finish.is_some() && late.finish.is_some());
    assert!(given_up.is_err() && is_busy(&too_many));
    assert_eq!(began.elapsed().as_secs(), 30);
    assert_eq!(inner.prompts().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn who_waited_too_long_for_a_place_is_told() {
    let (inner, backend) = quota(Settings {
        most_at_once: 1,
        longest_wait: 30 * SECOND,
        ..ROOMY
    });
    inner.expect([Script::say("ok").then_wait(100 * SECOND)]);
    let (first, second) = tokio::join!(hear(&backend), hear(&backend));
    assert!(first.finish.is_some() && is_busy(&second));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_asked_to_stay_away_is_left_alone_by_all() {
    let (inner, backend) = quota(Settings {
        longest_wait: 10 * SECOND,
        ..ROOMY
    });
    let busy = |seconds| {
        Script::refuse(BackendError::Busy {
            retry_after: Some(seconds * SECOND),
        })
    };
    inner.expect([busy(60)]);
    hear(&backend).await;
    assert!(is_busy(&hear(&backend).await));
    assert_eq!(inner.prompts().len(), 1, "it is not even asked");
    tokio::time::sleep(55 * SECOND).await;
    let began = Instant::now();
    assert!(hear(&backend).await.finish.is_some());
    assert_eq!(began.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn it_finds_how_many_the_provider_bears() {
    /// Bears five at once.
    const BEARS: usize = 5;
    let (inner, backend) = quota(Settings {
        most_at_once: 32,
        ..ROOMY
    });
    // The scripted model does not refuse by load, so it is told to when too many are let through.
    let mut refused = vec![];
    for _ in 0..60 {
        let now = allowed(&inner, &backend).await;
        refused.push(now > BEARS);
        if now > BEARS {
            let busy = BackendError::Busy { retry_after: None };
            inner.expect([Script::refuse(busy)]);
            hear(&backend).await;
            continue;
        }
        for _ in 0..now {
            hear(&backend).await;
        }
    }
    let late = &refused[20..];
    let share = late.iter().filter(|refused| **refused).count() as f64 / late.len() as f64;
    assert!(share < 0.5, "it stays near what is borne: {refused:?}");
    assert!(allowed(&inner, &backend).await >= 2, "and does not starve");
}

/// How many are let through at once now.
async fn allowed(inner: &Arc<ScriptedBackend>, backend: &Arc<dyn Backend>) -> usize {
    let prompt = causerie_testkit::prompt::of("Hi");
    let before = inner.prompts().len();
    let mut open = vec![];
    while let Ok(stream) = timeout(Duration::from_millis(1), backend.complete(&prompt)).await {
        open.push(stream.unwrap());
    }
    assert_eq!(inner.prompts().len() - before, open.len());
    open.len()
}
