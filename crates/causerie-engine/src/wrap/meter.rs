//! Counts and prices what a model uses.

use crate::metric;
use async_trait::async_trait;
use causerie_core::{
    backend::{
        Backend, BackendCapabilities, BackendError, CompletionStream, Delta, Finish, Readiness,
    },
    id::{ConversationId, ModelName},
    outcome::Usage,
    price::Prices,
    prompt::{Prompt, TokenCounter},
};
use futures::{StreamExt, stream};
use std::sync::Arc;

/// Counts tokens and money, by model, and puts the money into each completion's [`Usage::cost`].
///
/// With prices, the price table is right, whatever the backend says it costs; without, what the
/// backend says stands. A completion that was given up or broke off is counted by what was asked
/// and heard.
pub struct Meter {
    model: ModelName,
    inner: Arc<dyn Backend>,
    prices: Option<Prices>,
}

impl Meter {
    /// Counts what `inner` uses.
    pub fn new(model: ModelName, inner: Arc<dyn Backend>, prices: Option<Prices>) -> Self {
        Self {
            model,
            inner,
            prices,
        }
    }
}

#[async_trait]
impl Backend for Meter {
    fn capabilities(&self) -> BackendCapabilities {
        let mut capabilities = self.inner.capabilities();
        capabilities.prices = self.prices.or(capabilities.prices);
        capabilities
    }

    fn readiness(&self) -> Readiness {
        self.inner.readiness()
    }

    async fn ready(&self) -> Readiness {
        self.inner.ready().await
    }

    fn counter(&self) -> Arc<dyn TokenCounter> {
        self.inner.counter()
    }

    async fn complete(&self, prompt: &Prompt) -> Result<CompletionStream, BackendError> {
        let stream = self.inner.complete(prompt).await.inspect_err(|error| {
            metric::completion(&self.model, metric::error_kind(error));
        })?;
        let reading = Reading {
            model: self.model.clone(),
            prices: self.prices,
            counter: self.inner.counter(),
            usage: Usage {
                input: prompt.tokens().tokens.into(),
                ..Usage::default()
            },
            result: "dropped",
        };
        Ok(stream::unfold(Some((stream, reading)), next).boxed())
    }

    fn forget(&self, conversation: &ConversationId) {
        self.inner.forget(conversation);
    }
}

/// What a completion has used so far. Counted when it ends, in whatever way.
struct Reading {
    model: ModelName,
    prices: Option<Prices>,
    counter: Arc<dyn TokenCounter>,
    usage: Usage,
    result: &'static str,
}

impl Reading {
    fn heard(&mut self, text: &str) {
        self.usage.output += u64::from(self.counter.count(text));
        self.price();
    }

    fn price(&mut self) {
        if let Some(prices) = self.prices {
            self.usage.cost = prices.cost(&self.usage);
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.price();
        metric::completion(&self.model, self.result);
        metric::used(&self.model, self.usage);
    }
}

type Item = Result<Delta, BackendError>;
type State = Option<(CompletionStream, Reading)>;

async fn next(state: State) -> Option<(Item, State)> {
    let (mut stream, mut reading) = state?;
    let Some(item) = stream.next().await else {
        reading.result = "cut";
        return None;
    };
    match item {
        Ok(Delta::Finish(Finish { reason, usage })) => {
            reading.usage = usage;
            reading.price();
            reading.result = "finished";
            let usage = reading.usage;
            Some((Ok(Delta::Finish(Finish { reason, usage })), None))
        }
        Ok(delta) => {
            if let Delta::Text(text) | Delta::Reasoning(text) = &delta {
                reading.heard(text.expose());
            }
            Some((Ok(delta), Some((stream, reading))))
        }
        Err(error) => {
            reading.result = metric::error_kind(&error);
            Some((Err(error), None))
        }
    }
}
