//! The backend itself.

use crate::{
    Config, Pictures,
    answer::Question,
    courier::Courier,
    endpoint::Endpoint,
    picture::NoPictures,
    refusal::Asked,
    request::{Form, ToolNames},
    stream,
    window::{self, Window},
};
use async_trait::async_trait;
use causerie_core::{
    Text,
    backend::{Backend, BackendCapabilities, BackendError, CompletionStream, Privacy, Readiness},
    prompt::{ByteEstimate, Prompt, TokenCounter},
};
use serde_json::{Value, json};
use std::{fmt, sync::Arc, time::Duration};
use tokio::time::timeout;

/// How many texts are embedded by one request.
const BATCH: usize = 64;
/// How long one request for embeddings, and one for the list of models, may take.
const EMBED: Duration = Duration::from_secs(120);
const LIST: Duration = Duration::from_secs(15);

/// A model behind an endpoint that speaks OpenAI's chat completions.
///
/// A completion is asked for once: trying again, and time-outs between its deltas, are for
/// decorators. Comments that keep a connection alive are no deltas.
pub struct OpenAi {
    model: String,
    courier: Courier,
    form: Form,
    window: Window,
    pictures: Arc<dyn Pictures>,
    tools: bool,
    images: bool,
    opens_thinking: bool,
    privacy: Privacy,
}

/// A model that an endpoint lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// What the endpoint calls it.
    pub id: String,
    /// Tokens of prompt and answer together, if the endpoint tells.
    pub context_window: Option<u32>,
}

impl OpenAi {
    /// The model that `config` describes. Asks nobody yet.
    ///
    /// # Errors
    /// [`BackendError::Misconfigured`] if the URL, a header, the proxy or the certificates cannot be
    /// used.
    ///
    /// # Panics
    /// If no default provider of rustls is installed.
    pub fn new(config: &Config) -> Result<Self, BackendError> {
        let endpoint = Endpoint::new(config)?;
        Ok(Self {
            model: config.model.clone(),
            form: Form::new(config, &endpoint),
            window: Window::new(config.context_window),
            pictures: Arc::new(NoPictures),
            tools: config.tools,
            images: config.images,
            opens_thinking: config.opens_thinking,
            privacy: config.privacy.unwrap_or_else(|| endpoint.privacy()),
            courier: Courier::new(config, endpoint)?,
        })
    }

    /// The same with somebody who brings pictures. Without, the model is told that there was one.
    #[must_use]
    pub fn with_pictures(mut self, pictures: Arc<dyn Pictures>) -> Self {
        self.pictures = pictures;
        self
    }

    /// The models that the endpoint lists, in its order. For an operator who wants to know whether
    /// address, key and name are right.
    ///
    /// # Errors
    /// As for a completion.
    pub async fn models(&self) -> Result<Vec<ModelInfo>, BackendError> {
        let listed = window::list(&self.courier, &self.model);
        timeout(LIST, listed)
            .await
            .unwrap_or(Err(BackendError::TimedOut))
    }

    /// The vectors of `texts`, in their order, by this endpoint's model, which must be one that
    /// embeds.
    ///
    /// # Errors
    /// As for a completion. None of the vectors is given then.
    pub async fn embed(&self, texts: &[Text]) -> Result<Vec<Vec<f32>>, BackendError> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            let input: Vec<&str> = batch.iter().map(Text::expose).collect();
            let request = json!({"model": self.model, "input": input});
            let embedded = self.courier.embed(&request, self.asked(0));
            let embedded = timeout(EMBED, embedded).await;
            let embedded = embedded.unwrap_or(Err(BackendError::TimedOut))?;
            let batch = in_order(&embedded["data"], batch.len());
            vectors.extend(batch.ok_or_else(|| BackendError::Unavailable {
                reason: "other vectors came than were asked for".into(),
            })?);
        }
        Ok(vectors)
    }

    fn asked(&self, tokens: u32) -> Asked<'_> {
        Asked {
            tokens,
            window: self.window.tokens(),
            model: &self.model,
            host: self.courier.endpoint().host(),
        }
    }

    fn question(&self, prompt: &Prompt) -> Question {
        Question {
            tokens: prompt.tokens().tokens,
            messages: prompt.messages().len(),
            window: self.window.tokens(),
            model: self.model.clone(),
            host: self.courier.endpoint().host().to_owned(),
            names: ToolNames::new(prompt.tools()),
            opens_thinking: self.opens_thinking,
        }
    }
}

/// One vector for each of `count` texts, put in order by their index where they have one.
fn in_order(data: &Value, count: usize) -> Option<Vec<Vec<f32>>> {
    let mut vectors = vec![vec![]; count];
    for (at, item) in data.as_array()?.iter().enumerate() {
        let index = item["index"]
            .as_u64()
            .map_or(Some(at), |index| usize::try_from(index).ok());
        let numbers = item["embedding"].as_array()?.iter();
        // What an f64 says beyond an f32 is noise here.
        #[allow(clippy::cast_possible_truncation)]
        let numbers = numbers.map(|number| number.as_f64().map(|number| number as f32));
        *vectors.get_mut(index?)? = numbers.collect::<Option<Vec<f32>>>()?;
    }
    let length = vectors.first().map_or(0, Vec::len);
    let whole = length > 0 && vectors.iter().all(|vector| vector.len() == length);
    whole.then_some(vectors)
}

impl fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAi")
            .field("host", &self.courier.endpoint().host())
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Backend for OpenAi {
    fn capabilities(&self) -> BackendCapabilities {
        BackendCapabilities {
            context_window: self.window.tokens(),
            tools: self.tools,
            images: self.images,
            privacy: self.privacy,
            prices: None,
        }
    }

    /// Loading until the endpoint was asked for the context window, if nobody gave it. Whether the
    /// endpoint answers shows only when it is asked.
    fn readiness(&self) -> Readiness {
        if self.window.was_tried() {
            Readiness::Ready
        } else {
            Readiness::Loading { percent: None }
        }
    }

    async fn ready(&self) -> Readiness {
        self.window.settle(&self.courier, &self.model).await;
        Readiness::Ready
    }

    fn counter(&self) -> Arc<dyn TokenCounter> {
        Arc::new(ByteEstimate)
    }

    async fn complete(&self, prompt: &Prompt) -> Result<CompletionStream, BackendError> {
        self.window.settle(&self.courier, &self.model).await;
        let question = self.question(prompt);
        if question.tokens >= question.window {
            return Err(BackendError::Overflow {
                tokens: question.tokens,
                window: question.window,
            });
        }
        let request = self.form.fill(prompt, self.pictures.as_ref()).await;
        let response = self.courier.chat(&request, question.asked()).await?;
        Ok(stream::deltas(response, question))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_put_in_order_and_must_be_all_there() {
        let swapped = json!([
            {"index": 1, "embedding": [0.5, 1]},
            {"index": 0, "embedding": [0.25, -1]},
        ]);
        let vectors = in_order(&swapped, 2).unwrap();
        assert_eq!(vectors, [[0.25, -1.0], [0.5, 1.0]]);
        for wrong in [
            json!([]),
            json!(null),
            json!([{"index": 0, "embedding": [1]}]),
            json!([{"index": 0, "embedding": [1]}, {"index": 7, "embedding": [1]}]),
            json!([{"index": 0, "embedding": [1]}, {"index": 1, "embedding": "AAAA"}]),
            json!([{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1, 2]}]),
        ] {
            assert!(in_order(&wrong, 2).is_none(), "{wrong}");
        }
    }
}
