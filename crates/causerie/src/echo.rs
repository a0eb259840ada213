//! A backend without a model: it says back what it is told. For trying a set-up, for the tests of
//! the whole server, and for measuring what Causerie itself costs.

use async_trait::async_trait;
use causerie_core::{
    Text,
    backend::{
        Backend, BackendCapabilities, BackendError, CompletionStream, Delta, Finish, FinishReason,
        Privacy, Readiness,
    },
    outcome::Usage,
    prompt::{ByteEstimate, Prompt, PromptRole, TokenCounter},
};
use futures::{StreamExt, stream};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

/// Says back the last thing a person said.
#[derive(Clone, Copy, Debug)]
pub struct Echo {
    /// How long it waits before the first word.
    pub delay: Duration,
    /// The time from one word to the next; zero says everything at once.
    pub pace: Duration,
    /// Tokens of prompt and answer together.
    pub context: u32,
}

#[async_trait]
impl Backend for Echo {
    fn capabilities(&self) -> BackendCapabilities {
        BackendCapabilities {
            context_window: self.context,
            tools: false,
            images: false,
            privacy: Privacy::Local,
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
            .iter()
            .rev()
            .find(|message| message.role == PromptRole::User);
        let said = said.map(|message| message.text.clone()).unwrap_or_default();
        let tokens = prompt.tokens().tokens;
        if tokens > self.context {
            return Err(BackendError::Overflow {
                tokens,
                window: self.context,
            });
        }
        let input = u64::from(tokens);
        let output = u64::from(ByteEstimate.count(said.expose()));
        let finish = Finish {
            reason: FinishReason::Stop,
            usage: Usage {
                input,
                output,
                ..Usage::default()
            },
        };
        let (delay, pace) = (self.delay, self.pace);
        let words =
            stream::iter(pieces(&said, pace))
                .enumerate()
                .then(move |(index, word)| async move {
                    wait(if index == 0 { delay } else { pace }).await;
                    Ok(Delta::Text(word))
                });
        Ok(words
            .chain(stream::iter([Ok(Delta::Finish(finish))]))
            .boxed())
    }
}

async fn wait(time: Duration) {
    if !time.is_zero() {
        sleep(time).await;
    }
}

/// The words with the white space after them, or all at once if there is no pace.
fn pieces(said: &Text, pace: Duration) -> Vec<Text> {
    if pace.is_zero() && !said.is_empty() {
        return vec![said.clone()];
    }
    said.expose()
        .split_inclusive(char::is_whitespace)
        .map(Text::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use causerie_testkit::backend_conformance::Plain;

    async fn echo() -> Option<Plain> {
        Some(Plain::new(Echo {
            delay: Duration::ZERO,
            pace: Duration::from_millis(1),
            context: 8192,
        }))
    }

    causerie_testkit::backend_conformance!(echo);

    #[test]
    fn the_pieces_make_the_whole() {
        let said = Text::new(" a  b\nc");
        let slow = pieces(&said, Duration::from_millis(1));
        assert!(slow.len() > 3);
        assert_eq!(
            slow.iter().map(Text::expose).collect::<String>(),
            said.expose()
        );
        assert_eq!(pieces(&said, Duration::ZERO), [said]);
    }
}
