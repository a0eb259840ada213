//! Streams, over a real connection.

use crate::support::{Remote, until, within};
use causerie_core::{
    backend::{Backend, BackendError, Delta, FinishReason},
    id::ToolName,
    message::Role,
    tool::ToolSpec,
};
use causerie_testkit::{
    fake_models::Reply,
    prompt::{self, PromptBuilder},
};
use futures::StreamExt;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::time::timeout;

#[tokio::test]
async fn words_thoughts_and_usage_arrive() {
    let remote = Remote::new().await;
    for field in ["reasoning_content", "reasoning", "thinking"] {
        let came = remote
            .ask(Reply::think(field, "Let me see.", "Hello to you!"))
            .await;
        assert_eq!(
            (came.thoughts.as_str(), came.text.as_str()),
            ("Let me see.", "Hello to you!")
        );
        let finish = came.finish.unwrap();
        assert_eq!(finish.reason, FinishReason::Stop);
        assert_eq!(
            (finish.usage.input, finish.usage.cached, finish.usage.output),
            (7, 4, 6)
        );
    }
    let inline = Reply::say("<think>Let me see.</think> Hello!");
    let came = remote.ask(inline).await;
    assert_eq!(
        (came.thoughts.as_str(), came.text.as_str()),
        ("Let me see.", "Hello!")
    );
    assert_eq!(remote.models.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_tool_is_called_by_its_own_name() {
    let remote = Remote::new().await;
    let weather = ToolSpec {
        name: ToolName::new("web.weather").unwrap(),
        description: "Tells the weather.".into(),
        parameters: json!({"type": "object", "properties": {"city": {"type": "string"}}}),
    };
    let prompt = PromptBuilder::default()
        .tool(weather)
        .lines(&[(Role::User, "Rain?")])
        .build();
    let calls = [
        ("a", "web_weather", "{\"city\":\"Köln\"}"),
        ("b", "web_weather", "{}"),
    ];
    remote.models.expect([Reply::call(&calls)]);
    let came = remote.complete(&prompt).await;
    let expected =
        calls.map(|(id, _, arguments)| (id.into(), "web.weather".into(), arguments.into()));
    assert_eq!(came.calls, expected);
    assert_eq!(came.finish.unwrap().reason, FinishReason::ToolCalls);
    assert_eq!(remote.models.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn recorded_bytes_arrive_however_they_are_cut() {
    let remote = Remote::new().await;
    let bytes = include_bytes!("../fixtures/openai.sse");
    for size in [1, 7, 4096] {
        let came = remote.ask(Reply::recorded(bytes, size)).await;
        assert_eq!(came.text, "Grüße, 世界 👋!", "{:?}", came.error);
        assert_eq!(came.finish.unwrap().usage.cached, 1024);
    }
}

#[tokio::test]
async fn a_stream_without_done_is_whole_if_it_named_its_reason() {
    let remote = Remote::new().await;
    let came = remote.ask(Reply::say("Hello to you").without_done()).await;
    assert!(came.finish.is_some(), "{:?}", came.error);
    let came = remote
        .ask(Reply::say("Hello to you").without_done().ended_at(3))
        .await;
    assert_eq!(came.text, "Hello to ");
    assert!(matches!(came.error, Some(BackendError::Interrupted { .. })));
    let came = remote.ask(Reply::say("Hello to you").cut_at(3)).await;
    assert_eq!(came.text, "Hello to ");
    assert!(matches!(came.error, Some(BackendError::Interrupted { .. })));
}

#[tokio::test]
async fn a_connection_left_open_does_not_hold_a_whole_answer_back() {
    let remote = Remote::new().await;
    // The reason for the end is piece 3; usage and [DONE] never come.
    let open = Reply::say("Hello you").stalled_at(4, Duration::from_secs(600));
    let begun = Instant::now();
    let came = remote.ask(open).await;
    assert_eq!(came.text, "Hello you");
    assert!(came.finish.is_some() && begun.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn comments_are_no_progress() {
    let remote = Remote::new().await;
    let alive = Reply::say("Hello to you").kept_alive_at(2, 2000, Duration::from_millis(5));
    remote.models.expect([alive]);
    let mut stream = remote.backend.complete(&prompt::of("Hello")).await.unwrap();
    assert!(matches!(
        within(stream.next()).await,
        Some(Ok(Delta::Text(_)))
    ));
    let next = timeout(Duration::from_millis(300), stream.next()).await;
    assert!(next.is_err(), "a comment was taken for {next:?}");
    drop(stream);
    until(|| remote.models.given_up() == 1).await;
}

#[tokio::test]
async fn dropping_the_future_cancels_the_request() {
    let remote = Remote::new().await;
    remote
        .models
        .expect([Reply::say("Hello").delayed(Duration::from_secs(600))]);
    let prompt = prompt::of("Hello");
    let begun = timeout(Duration::from_millis(300), remote.backend.complete(&prompt)).await;
    assert!(begun.is_err());
    until(|| remote.models.given_up() == 1).await;
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let remote = Remote::new().await;
    for _ in 0..4 {
        assert!(
            remote
                .ask(Reply::say("Hello to you"))
                .await
                .finish
                .is_some()
        );
    }
    assert_eq!(remote.models.connections(), 1);
}

#[tokio::test]
async fn an_answer_may_come_at_once() {
    let remote = Remote::new().await;
    let whole = json!({"object": "chat.completion", "choices": [{"index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": "Hello."}}]});
    let came = remote.ask(Reply::json(200, &whole)).await;
    assert_eq!(came.text, "Hello.");
    assert!(came.finish.is_some());
}
