//! Whatever stands around a model, it is a model still.

use crate::{SECOND, hear, model, unavailable};
use causerie_core::{
    backend::{Backend, BackendError, Readiness},
    id::ConversationId,
    price::Prices,
};
use causerie_engine::wrap::{
    Breaker, Chance, Meter, Quota, Retry, Settings, Timeouts, breaker, quota, retry, stack,
    timeouts,
};
use causerie_testkit::{
    backend::{Script, ScriptedBackend},
    prompt,
};
use futures::StreamExt;
use std::sync::Arc;

fn around(inner: &Arc<ScriptedBackend>) -> Vec<(&'static str, Arc<dyn Backend>)> {
    let chance = || Chance::seeded(1);
    let once = retry::Settings {
        tries: 1,
        ..Default::default()
    };
    let all = Settings {
        prices: Some(Prices::default()),
        quota: Some(quota::Settings::default()),
        retry: Some(once),
        ..Settings::remote()
    };
    let breaker = breaker::Settings {
        failures: 100,
        ..Default::default()
    };
    let inner = || Arc::clone(inner) as Arc<dyn Backend>;
    vec![
        ("meter", Arc::new(Meter::new(model(), inner(), None))),
        (
            "retry",
            Arc::new(Retry::new(model(), inner(), once, chance())),
        ),
        (
            "breaker",
            Arc::new(Breaker::new(model(), inner(), breaker, chance())),
        ),
        (
            "quota",
            Arc::new(Quota::new(model(), inner(), quota::Settings::default())),
        ),
        (
            "timeouts",
            Arc::new(Timeouts::new(inner(), timeouts::Settings::remote())),
        ),
        ("stack", stack(&model(), inner(), &all, &chance())),
        (
            "local",
            stack(&model(), inner(), &Settings::local(), &chance()),
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn words_and_ends_pass_as_they_are() {
    let inner = ScriptedBackend::new();
    for (name, backend) in around(&inner) {
        inner.expect([Script::think("hm").then_say("One two")]);
        let heard = hear(&backend).await;
        assert_eq!(heard.text, "One two", "{name}");
        assert_eq!(heard.finish.unwrap().usage.output, 4, "{name}");

        inner.expect([Script::nothing()]);
        assert!(hear(&backend).await.finish.is_some(), "{name}");

        inner.expect([Script::refuse(unavailable())]);
        let refused = hear(&backend).await.error;
        assert!(matches!(refused, Some(BackendError::Unavailable { .. })));

        inner.expect([Script::say("Half").then_fail(unavailable())]);
        let heard = hear(&backend).await;
        assert_eq!(heard.text, "Half", "{name}");
        assert!(matches!(
            heard.error,
            Some(BackendError::Unavailable { reason }) if reason == "status 500"
        ));

        // A cut is no finish, and may become the error that it is.
        inner.expect([Script::say("Half").then_cut()]);
        let heard = hear(&backend).await;
        assert!(heard.finish.is_none(), "{name}");
        let interrupted = |error: &BackendError| matches!(error, BackendError::Interrupted { .. });
        assert!(heard.error.as_ref().is_none_or(interrupted), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_it_stops_the_model() {
    let inner = ScriptedBackend::new();
    for (at, (name, backend)) in around(&inner).into_iter().enumerate() {
        inner.expect([Script::say("One ").then_wait(1000 * SECOND)]);
        let mut stream = backend.complete(&prompt::of("Hi")).await.unwrap();
        assert!(stream.next().await.is_some());
        drop(stream);
        assert_eq!(inner.dropped(), at + 1, "{name}");
        assert!(hear(&backend).await.finish.is_some(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_it_is_asked_is_answered_by_the_model() {
    let inner = ScriptedBackend::new();
    inner.set_capabilities(|can| can.context_window = 777);
    let conversation = ConversationId::new("web/1").unwrap();
    for (at, (name, backend)) in around(&inner).into_iter().enumerate() {
        assert_eq!(backend.capabilities().context_window, 777, "{name}");
        assert_eq!(
            backend.counter().count("Hello"),
            inner.counter().count("Hello")
        );
        let loading = Readiness::Loading { percent: Some(3) };
        inner.set_readiness(loading.clone());
        assert_eq!(backend.readiness(), loading, "{name}");
        let (ready, ()) = tokio::join!(backend.ready(), async {
            tokio::time::sleep(SECOND).await;
            inner.set_readiness(Readiness::Ready);
        });
        assert_eq!(ready, Readiness::Ready, "{name}");
        backend.forget(&conversation);
        assert_eq!(inner.forgotten().len(), at + 1, "{name}");
    }
}
