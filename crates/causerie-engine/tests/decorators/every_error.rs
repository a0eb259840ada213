//! Every way in which a model can fail: whether it is tried again, whether it counts against the
//! model, whether another one is asked, and what the person sees.

use crate::{SECOND, hear, model};
use causerie_core::{
    backend::{Backend, BackendError},
    id::ModelName,
    outcome::{Failure, Outcome},
};
use causerie_engine::{
    Language,
    line::Line,
    wrap::{Breaker, Chance, Retry, Settings, breaker, retry, stack},
};
use causerie_testkit::{
    backend::{Script, ScriptedBackend},
    chat::{Around, Chat},
};
use std::sync::Arc;

struct Row {
    error: fn() -> BackendError,
    /// How often it is asked in all.
    tries: usize,
    /// Whether the breaker counts it.
    counts: bool,
    /// Whether the next model is asked.
    passes: bool,
    failure: Failure,
    line: Line,
}

/// A row for each kind of error. A new kind does not compile here without one.
fn row(error: fn() -> BackendError) -> Row {
    let row = |tries, counts, passes, failure, line: Option<Line>| Row {
        error,
        tries,
        counts,
        passes,
        failure,
        line: line.unwrap_or(Line::Failed(failure)),
    };
    use Failure::*;
    match error() {
        BackendError::Busy { retry_after: None } => {
            row(3, false, true, ModelUnavailable, Some(Line::Busy(None)))
        }
        // Sooner than patience ends it is waited for; later, not at all.
        BackendError::Busy {
            retry_after: Some(wait),
        } => {
            let tries = if wait < 10 * SECOND { 3 } else { 1 };
            let line = Line::Busy(Some(wait));
            row(tries, false, true, ModelUnavailable, Some(line))
        }
        BackendError::Unavailable { .. } => row(3, true, true, ModelUnavailable, None),
        BackendError::Resting { again_in } => {
            let line = Line::Resting(again_in);
            row(1, false, true, ModelUnavailable, Some(line))
        }
        BackendError::Loading => row(1, false, true, ModelUnavailable, None),
        BackendError::TimedOut => row(1, true, true, Deadline, None),
        BackendError::Interrupted { .. } => row(3, true, true, Interrupted, None),
        BackendError::Overflow { .. } => row(1, false, true, TooLong, None),
        BackendError::Declined => row(1, false, false, Declined, None),
        BackendError::Misconfigured { .. } => row(1, false, true, Misconfigured, None),
    }
}

fn table() -> Vec<Row> {
    let errors: [fn() -> BackendError; 11] = [
        || BackendError::Busy { retry_after: None },
        || BackendError::Busy {
            retry_after: Some(2 * SECOND),
        },
        || BackendError::Busy {
            retry_after: Some(60 * SECOND),
        },
        || BackendError::Unavailable {
            reason: "status 500".into(),
        },
        || BackendError::Resting {
            again_in: 15 * SECOND,
        },
        || BackendError::Loading,
        || BackendError::TimedOut,
        || BackendError::Interrupted {
            reason: "reset".into(),
        },
        || BackendError::Overflow {
            tokens: 10,
            window: 5,
        },
        || BackendError::Declined,
        || BackendError::Misconfigured {
            reason: "status 401".into(),
        },
    ];
    errors.into_iter().map(row).collect()
}

/// Fails before it begins, and before a word.
fn scripts(error: fn() -> BackendError) -> [Vec<Script>; 2] {
    [
        (0..3).map(|_| Script::refuse(error())).collect(),
        (0..3)
            .map(|_| Script::think("hm").then_fail(error()))
            .collect(),
    ]
}

fn around() -> Around {
    Arc::new(|model, backend| stack(model, backend, &Settings::remote(), &Chance::seeded(5)))
}

#[tokio::test(start_paused = true)]
async fn it_is_tried_again_or_not() {
    for row in table() {
        for scripts in scripts(row.error) {
            let inner = ScriptedBackend::new();
            inner.expect(scripts);
            let settings = retry::Settings::default();
            let backend: Arc<dyn Backend> = Arc::new(Retry::new(
                model(),
                inner.clone(),
                settings,
                Chance::seeded(5),
            ));
            let heard = hear(&backend).await;
            let error = (row.error)();
            assert_eq!(inner.prompts().len(), row.tries, "{error:?}");
            let last = heard.error.unwrap();
            assert_eq!(
                std::mem::discriminant(&last),
                std::mem::discriminant(&error)
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn it_counts_against_the_model_or_not() {
    for row in table() {
        for scripts in scripts(row.error) {
            let inner = ScriptedBackend::new();
            inner.expect(scripts);
            let settings = breaker::Settings {
                failures: 2,
                ..Default::default()
            };
            let backend: Arc<dyn Backend> = Arc::new(Breaker::new(
                model(),
                inner.clone(),
                settings,
                Chance::seeded(5),
            ));
            hear(&backend).await;
            hear(&backend).await;
            hear(&backend).await;
            let asked = if row.counts { 2 } else { 3 };
            assert_eq!(inner.prompts().len(), asked, "{:?}", (row.error)());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn another_is_asked_or_not() {
    for row in table() {
        for scripts in scripts(row.error) {
            let big = ModelName::new("big").unwrap();
            let other = ScriptedBackend::new();
            let mut chat = Chat::with(|setup| {
                setup.backends.insert(big.clone(), other.clone());
                setup.persona.models.push(big);
                setup.around = Some(around());
            });
            chat.backend.expect(scripts);
            let seen = chat.say("Hi").await;
            assert_eq!(seen == "bot: Hi", row.passes, "{seen}");
            assert_eq!(other.prompts().len(), usize::from(row.passes));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_person_sees_one_line() {
    for row in table() {
        for scripts in scripts(row.error) {
            let mut chat = Chat::with(|setup| setup.around = Some(around()));
            chat.backend.expect(scripts);
            let seen = chat.say("Hi").await;
            let (failure, line) = (row.failure, row.line.say(Language::English));
            assert_eq!(seen, format!("bot [Failed({failure:?})]: {line}"));
            let outcome = chat.outcomes().await.remove(0).1;
            assert_eq!(outcome, Outcome::Failed(failure));
            assert!(!chat.turns().await[0].notes.is_empty());
        }
    }
}
