//! What goes wrong, and what it is called.

use crate::support::Remote;
use causerie_core::backend::Backend;
use causerie_core::backend::BackendError;
use causerie_openai::{Config, OpenAi};
use causerie_testkit::{fake_models::Reply, prompt, tls};
use serde_json::json;
use std::{io::Write, time::Duration};
use tokio::net::TcpListener;

async fn error(reply: Reply) -> BackendError {
    let came = Remote::new().await.ask(reply).await;
    came.error
        .unwrap_or_else(|| panic!("no error: {:?}", came.text))
}

#[tokio::test]
async fn the_wait_is_passed_on() {
    let BackendError::Busy { retry_after } = error(Reply::busy(20)).await else {
        panic!("it asks to wait");
    };
    assert_eq!(retry_after, Some(Duration::from_secs(20)));
    let reset = Reply::json(429, &json!({})).header("x-ratelimit-reset-tokens", "6m0s");
    let BackendError::Busy { retry_after } = error(reset).await else {
        panic!("it asks to wait");
    };
    assert_eq!(retry_after, Some(Duration::from_secs(360)));
}

#[tokio::test]
async fn a_server_error_is_asked_about_once() {
    let remote = Remote::new().await;
    let failing = Reply::error(500, "server_error", "oops", "what Anna wrote");
    let came = remote.ask(failing).await;
    let Some(BackendError::Unavailable { reason }) = came.error else {
        panic!("{:?}", came.error);
    };
    assert_eq!(reason, "status 500, type server_error, code oops");
    // Trying again is for a decorator.
    assert_eq!(remote.models.requests().len(), 1);
    assert!(remote.ask(Reply::say("Hello")).await.finish.is_some());
}

#[tokio::test]
async fn a_body_that_is_no_json_keeps_its_status() {
    let error = |status| async move { error(Reply::page(status)).await };
    assert!(
        matches!(error(502).await, BackendError::Unavailable { reason } if reason == "status 502")
    );
    assert!(matches!(
        error(401).await,
        BackendError::Misconfigured { .. }
    ));
    assert!(matches!(
        error(429).await,
        BackendError::Busy { retry_after: None }
    ));
    let BackendError::Misconfigured { reason } = error(200).await else {
        panic!("a page is no API");
    };
    assert!(reason.contains("/v1"), "{reason}");
}

#[tokio::test]
async fn an_error_inside_a_success_is_an_error() {
    let inside = json!({"error": {"message": "wait", "code": 429}});
    assert!(matches!(
        error(Reply::json(200, &inside)).await,
        BackendError::Busy { .. }
    ));
    let event = format!("data: {inside}\n\n");
    let first = Reply::pieces(200, "text/event-stream", [event.clone()]);
    assert!(matches!(error(first).await, BackendError::Busy { .. }));
    let later = Reply::say("Hello to you").with_piece_at(3, event);
    assert!(matches!(
        error(later).await,
        BackendError::Interrupted { .. }
    ));
    let none = Reply::pieces(200, "text/event-stream", Vec::<String>::new());
    assert!(matches!(
        error(none).await,
        BackendError::Unavailable { .. }
    ));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let moved = Reply::json(301, &json!({})).header("location", "http://127.0.0.1:1/v1");
    let BackendError::Misconfigured { reason } = error(moved).await else {
        panic!("it must be repaired");
    };
    assert!(reason.contains("redirects"), "{reason}");
}

#[tokio::test]
async fn an_error_whose_body_never_ends_is_an_error() {
    let stuck = Reply::page(503).stalled_at(0, Duration::from_secs(600));
    assert!(matches!(
        error(stuck).await,
        BackendError::Unavailable { .. }
    ));
}

async fn tried(url: &str) -> BackendError {
    tls::install();
    let mut config = Config::new(url, "m");
    config.context_window = Some(8192);
    let backend = OpenAi::new(&config).expect("the test gives a URL");
    let begun = backend.complete(&prompt::of("Hello")).await;
    begun.err().expect("nobody answers there")
}

#[tokio::test]
async fn nobody_there_is_not_available() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let BackendError::Unavailable { reason } = tried(&format!("http://{address}/v1")).await else {
        panic!("it may come");
    };
    assert!(reason.contains("refuses connections"), "{reason}");
}

#[tokio::test]
async fn tls_where_there_is_none_must_be_repaired() {
    let remote = Remote::new().await;
    let url = format!("https://{}/v1", remote.models.address());
    let BackendError::Misconfigured { reason } = tried(&url).await else {
        panic!("it must be repaired");
    };
    assert!(reason.contains("is it http://"), "{reason}");
}

#[tokio::test]
async fn certificates_that_are_none_are_said_at_the_beginning() {
    tls::install();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"hello").unwrap();
    for path in [file.path(), "/no/such/file".as_ref()] {
        let mut config = Config::new("https://localhost/v1", "m");
        config.ca_file = Some(path.to_owned());
        let error = OpenAi::new(&config).err().unwrap().to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
    }
}
