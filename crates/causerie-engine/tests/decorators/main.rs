//! What stands around a model.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod breaker;
mod contract;
mod every_error;
mod meter;
mod quota;
mod retry;
mod timeouts;

use causerie_core::{
    backend::{Backend, BackendError, Delta, Finish},
    id::ModelName,
};
use causerie_testkit::prompt;
use futures::StreamExt;
use std::{sync::Arc, time::Duration};

const SECOND: Duration = Duration::from_secs(1);

fn model() -> ModelName {
    ModelName::new("small").unwrap()
}

fn unavailable() -> BackendError {
    BackendError::Unavailable {
        reason: "status 500".into(),
    }
}

/// How a completion went.
#[derive(Debug, Default)]
struct Heard {
    text: String,
    notes: Vec<String>,
    finish: Option<Finish>,
    error: Option<BackendError>,
}

/// Completes, and listens to the end.
async fn hear(backend: &Arc<dyn Backend>) -> Heard {
    let mut heard = Heard::default();
    let mut stream = match backend.complete(&prompt::of("Hi")).await {
        Ok(stream) => stream,
        Err(error) => {
            heard.error = Some(error);
            return heard;
        }
    };
    while let Some(delta) = stream.next().await {
        assert!(
            heard.finish.is_none() && heard.error.is_none(),
            "after the end"
        );
        match delta {
            Ok(Delta::Text(text)) => heard.text.push_str(text.expose()),
            Ok(Delta::Note(note)) => heard.notes.push(note),
            Ok(Delta::Finish(finish)) => heard.finish = Some(finish),
            Ok(Delta::Reasoning(_) | Delta::ToolCall(_)) => {}
            Err(error) => heard.error = Some(error),
        }
    }
    heard
}
