//! A backend of one's own: it answers with what was said, shouted.
//!
//! ```sh
//! cargo run --example own_backend -- "how do I write a backend?"
//! ```

use async_trait::async_trait;
use causerie::{
    core::{
        Clock, Text,
        backend::{
            Backend, BackendCapabilities, BackendError, CompletionStream, Delta, Finish,
            FinishReason, Privacy, Readiness,
        },
        outcome::Usage,
        prompt::{ByteEstimate, Prompt, TokenCounter},
    },
    engine::{Config, Engine, Parts, SystemClock},
    store::MemoryStore,
    terminal::{Ask, AskConfig},
};
use futures::{StreamExt, stream};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

struct Shouting;

#[async_trait]
impl Backend for Shouting {
    fn capabilities(&self) -> BackendCapabilities {
        let privacy = Privacy::Local;
        BackendCapabilities {
            context_window: 4096,
            tools: false,
            images: false,
            privacy,
            prices: None,
        }
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }

    fn counter(&self) -> Arc<dyn TokenCounter> {
        Arc::new(ByteEstimate)
    }

    async fn complete(&self, prompt: &Prompt) -> Result<CompletionStream, BackendError> {
        let said = prompt
            .messages()
            .last()
            .map(|message| message.text.expose().to_uppercase());
        let finish = Finish {
            reason: FinishReason::Stop,
            usage: Usage::default(),
        };
        let text = Delta::Text(Text::new(said.unwrap_or_default()));
        Ok(stream::iter([Ok(text), Ok(Delta::Finish(finish))]).boxed())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let question = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "anybody there?".into());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let platform = Arc::new(Ask::new(AskConfig {
        question: Text::new(question),
        conversation: None,
        name: "you".to_owned(),
        json: false,
        model: None,
        clock: clock.clone(),
    })?);
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let parts = Parts::single(store, clock, Arc::new(Shouting), platform, "You shout.");
    // The terminal's work is done when the answer is printed, and with it the engine's.
    Engine::new(Config::default(), parts)?
        .run(CancellationToken::new())
        .await?;
    Ok(())
}
