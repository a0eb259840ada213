//! A backend, its server, and short words for what the tests do with them.

use causerie_core::{
    backend::{Backend, BackendError, CompletionStream, Delta, Finish},
    prompt::Prompt,
};
use causerie_openai::{Config, OpenAi};
use causerie_testkit::{
    fake_models::{FakeModels, Reply},
    prompt, tls,
};
use futures::StreamExt;
use std::{future::Future, time::Duration};
use tokio::time::{sleep, timeout};

/// A backend and the server behind it.
pub(crate) struct Remote {
    pub(crate) models: FakeModels,
    pub(crate) backend: OpenAi,
}

/// What came of a completion.
#[derive(Debug, Default)]
pub(crate) struct Came {
    pub(crate) text: String,
    pub(crate) thoughts: String,
    pub(crate) calls: Vec<(String, String, String)>,
    pub(crate) finish: Option<Finish>,
    pub(crate) error: Option<BackendError>,
}

impl Remote {
    /// A backend with a window of 8,192 tokens and nothing else of its own.
    pub(crate) async fn new() -> Self {
        Self::with(|config| config.context_window = Some(8192)).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        tls::install();
        let models = FakeModels::start().await;
        let mut config = Config::new(models.url(), "fake");
        change(&mut config);
        let backend = OpenAi::new(&config).expect("the test gives a URL");
        Self { models, backend }
    }

    /// What comes of `reply`, from the beginning of the completion to its end.
    pub(crate) async fn ask(&self, reply: Reply) -> Came {
        self.models.expect([reply]);
        self.complete(&prompt::of("Hello")).await
    }

    pub(crate) async fn complete(&self, prompt: &Prompt) -> Came {
        match within(self.backend.complete(prompt)).await {
            Ok(stream) => gathered(stream).await,
            Err(error) => Came {
                error: Some(error),
                ..Came::default()
            },
        }
    }
}

pub(crate) async fn gathered(stream: CompletionStream) -> Came {
    let items: Vec<_> = within(stream.collect()).await;
    let mut came = Came::default();
    for item in items {
        assert!(
            came.finish.is_none() && came.error.is_none(),
            "something follows the end"
        );
        match item {
            Ok(Delta::Text(text)) => came.text.push_str(text.expose()),
            Ok(Delta::Reasoning(text)) => came.thoughts.push_str(text.expose()),
            Ok(Delta::ToolCall(call)) => {
                let arguments = call.arguments.into_exposed();
                came.calls.push((call.id, call.name.to_string(), arguments));
            }
            Ok(Delta::Note(_)) => {}
            Ok(Delta::Finish(finish)) => came.finish = Some(finish),
            Err(error) => came.error = Some(error),
        }
    }
    came
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    let done = timeout(Duration::from_secs(60), future).await;
    done.expect("it comes back")
}

/// Waits until `wish` is true.
pub(crate) async fn until(wish: impl Fn() -> bool) {
    within(async {
        while !wish() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
