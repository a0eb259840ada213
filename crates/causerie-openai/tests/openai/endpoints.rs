//! What is sent where, and what else endpoints tell.

use crate::support::Remote;
use causerie_core::{
    Text,
    backend::{Backend, BackendError, Privacy, Readiness},
    message::Role,
    persona::Sampling,
};
use causerie_openai::{Azure, Config, OpenAi, SamplingFields};
use causerie_testkit::{
    fake_models::{FakeModels, Reply},
    prompt::{self, PromptBuilder},
    tls,
};
use serde_json::json;

#[tokio::test]
async fn requests_carry_what_the_operator_chose() {
    let remote = Remote::with(|config| {
        config.context_window = Some(8192);
        config.api_key = Some("sk-secret".into());
        config.organization = Some("org".into());
        config.project = Some("proj".into());
        config.headers.insert("X-Title".into(), "Causerie".into());
        config.extra.insert("reasoning_effort".into(), json!("low"));
        config.prompt_cache_key = Some(true);
    })
    .await;
    assert!(remote.ask(Reply::say("Hello")).await.finish.is_some());
    let request = &remote.models.requests()[0];
    assert_eq!(request.path, "/v1/chat/completions");
    assert_eq!(request.header("authorization"), Some("Bearer sk-secret"));
    assert_eq!(request.header("openai-organization"), Some("org"));
    assert_eq!(request.header("openai-project"), Some("proj"));
    assert_eq!(request.header("x-title"), Some("Causerie"));
    assert_eq!(request.body["reasoning_effort"], "low");
    assert_eq!(remote.models.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_proxy_is_used() {
    tls::install();
    let models = FakeModels::start().await;
    let mut config = Config::new("http://models.invalid/v1", "fake");
    config.context_window = Some(8192);
    config.proxy = Some(format!("http://me:pass@{}", models.address()).into());
    let backend = OpenAi::new(&config).unwrap();
    assert_eq!(backend.capabilities().privacy, Privacy::ThirdParty);
    let remote = Remote { models, backend };
    assert!(remote.ask(Reply::say("Hello")).await.finish.is_some());
    let request = &remote.models.requests()[0];
    assert_eq!(request.path, "http://models.invalid/v1/chat/completions");
    assert!(request.header("proxy-authorization").is_some());
}

#[tokio::test]
async fn azure_has_its_own_way() {
    tls::install();
    let models = FakeModels::start().await;
    let mut config = Config::new(format!("http://{}", models.address()), "gpt");
    config.context_window = Some(8192);
    config.api_key = Some("k".into());
    config.azure = Some(Azure {
        api_version: "2024-10-21".into(),
        deployment: Some("mine".into()),
    });
    let backend = OpenAi::new(&config).unwrap();
    models.expect([Reply::recorded(include_bytes!("../fixtures/azure.sse"), 50)]);
    let remote = Remote { models, backend };
    assert_eq!(
        remote.complete(&prompt::of("Rain?")).await.text,
        "It rains."
    );
    let request = &remote.models.requests()[0];
    let path = "/openai/deployments/mine/chat/completions?api-version=2024-10-21";
    assert_eq!(request.path, path);
    assert_eq!(
        (request.header("api-key"), request.header("authorization")),
        (Some("k"), None)
    );
}

#[tokio::test]
async fn fields_that_openai_does_not_know_are_sent_only_where_they_are_known() {
    let sampling = Sampling {
        temperature: Some(0.7),
        top_k: Some(40),
        ..Sampling::default()
    };
    let prompt = PromptBuilder::default()
        .persona(|persona| persona.sampling = sampling)
        .lines(&[(Role::User, "Hello")])
        .build();
    let standard = Remote::with(|config| {
        config.context_window = Some(8192);
        config.sampling_fields = Some(SamplingFields::Standard);
    })
    .await;
    assert!(standard.complete(&prompt).await.finish.is_some());
    // On this machine there is no OpenAI, and all are sent.
    let all = Remote::new().await;
    let refused = all.complete(&prompt).await.error;
    assert!(
        matches!(refused, Some(BackendError::Misconfigured { .. })),
        "{refused:?}"
    );
    all.models.allow(&["top_k"]);
    assert!(all.complete(&prompt).await.finish.is_some());
}

#[tokio::test]
async fn the_window_is_asked_for_once() {
    let remote = Remote::with(|_| {}).await;
    remote.models.list(&[
        json!({"id": "other", "max_model_len": 100}),
        json!({"id": "fake", "max_model_len": 16384}),
    ]);
    assert_eq!(
        remote.backend.readiness(),
        Readiness::Loading { percent: None }
    );
    assert_eq!(remote.backend.ready().await, Readiness::Ready);
    let capabilities = remote.backend.capabilities();
    assert_eq!(capabilities.context_window, 16384);
    assert_eq!(capabilities.privacy, Privacy::Private);
    assert!(remote.ask(Reply::say("Hello")).await.finish.is_some());
    let lists = remote.models.all_requests().into_iter();
    let lists = lists.filter(|request| request.path == "/v1/models");
    assert_eq!(lists.count(), 1);
}

#[tokio::test]
async fn llama_cpp_tells_what_one_conversation_gets() {
    let remote = Remote::with(|_| {}).await;
    remote
        .models
        .props(&json!({"default_generation_settings": {"n_ctx": 2048}}));
    assert_eq!(remote.backend.ready().await, Readiness::Ready);
    assert_eq!(remote.backend.capabilities().context_window, 2048);
}

#[tokio::test]
async fn an_endpoint_that_does_not_tell_or_is_not_there_gets_a_window_too() {
    for list in [
        Reply::page(404),
        Reply::page(503),
        Reply::json(200, &json!({})),
    ] {
        let remote = Remote::with(|_| {}).await;
        remote.models.answer_list(list);
        assert_eq!(remote.backend.ready().await, Readiness::Ready);
        assert_eq!(remote.backend.readiness(), Readiness::Ready);
        assert_eq!(remote.backend.capabilities().context_window, 8192);
        assert!(remote.ask(Reply::say("Hello")).await.finish.is_some());
    }
}

#[tokio::test]
async fn models_are_listed() {
    let remote = Remote::new().await;
    let listed = remote.backend.models().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].id.as_str(), listed[0].context_window),
        ("fake", None)
    );
    remote.models.answer_list(Reply::error(
        401,
        "invalid_request_error",
        "invalid_api_key",
        "no",
    ));
    let error = remote.backend.models().await.unwrap_err();
    assert!(error.to_string().contains("api_key"), "{error}");
}

#[tokio::test]
async fn texts_are_embedded_in_their_order() {
    let remote = Remote::new().await;
    let texts: Vec<Text> = (0..150).map(|n| Text::new("x".repeat(n + 1))).collect();
    let vectors = remote.backend.embed(&texts).await.unwrap();
    let lengths: Vec<f32> = vectors.iter().map(|vector| vector[0]).collect();
    let expected: Vec<f32> = (1..=150u8).map(f32::from).collect();
    assert_eq!(lengths, expected);
    assert!(remote.backend.embed(&[]).await.unwrap().is_empty());
    assert_eq!(remote.models.violations(), Vec::<String>::new());
}
