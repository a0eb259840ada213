//! How many tokens the model takes: as the operator says, or as the endpoint tells.

use crate::{courier::Courier, openai::ModelInfo, refusal::Asked};
use causerie_core::backend::{BackendError, Privacy};
use serde_json::Value;
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

/// What is assumed where nobody says.
const ASSUMED: u32 = 8192;
/// How long the endpoint may take to say.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long an endpoint that did not answer is left alone.
const PAUSE: Duration = Duration::from_secs(60);

/// The context window.
#[derive(Debug)]
pub(crate) struct Window {
    /// 0 while it is not known.
    known: AtomicU32,
    /// Held while the endpoint is asked: when it last did not answer.
    missed: Mutex<Option<Instant>>,
    /// Not 0 once it was tried to ask, with whatever outcome.
    tried: AtomicU32,
}

impl Window {
    pub(crate) fn new(given: Option<u32>) -> Self {
        Self {
            known: AtomicU32::new(given.unwrap_or(0)),
            missed: Mutex::default(),
            tried: AtomicU32::new(0),
        }
    }

    /// The most tokens, as far as is known by now.
    pub(crate) fn tokens(&self) -> u32 {
        match self.known.load(Ordering::Relaxed) {
            0 => ASSUMED,
            known => known,
        }
    }

    /// Whether it is known, or was tried to be.
    pub(crate) fn was_tried(&self) -> bool {
        self.is_known() || self.tried.load(Ordering::Relaxed) != 0
    }

    fn is_known(&self) -> bool {
        self.known.load(Ordering::Relaxed) != 0
    }

    /// Asks the endpoint, unless it is known or the endpoint has just not answered.
    pub(crate) async fn settle(&self, courier: &Courier, model: &str) {
        if self.is_known() {
            return;
        }
        let mut missed = self.missed.lock().await;
        if self.is_known() || missed.is_some_and(|at| at.elapsed() < PAUSE) {
            return;
        }
        match timeout(PATIENCE, ask(courier, model)).await {
            Ok(Ok(told)) => {
                let tokens = told.unwrap_or(ASSUMED);
                if told.is_none() {
                    tracing::info!(
                        model,
                        tokens,
                        "the endpoint does not tell its context window"
                    );
                }
                self.known.store(tokens, Ordering::Relaxed);
            }
            Ok(Err(_)) | Err(_) => *missed = Some(Instant::now()),
        }
        self.tried.store(1, Ordering::Relaxed);
    }
}

/// # Errors
/// If it may say another time.
async fn ask(courier: &Courier, model: &str) -> Result<Option<u32>, BackendError> {
    // llama.cpp tells here what one conversation gets. Nobody else is bothered with the question.
    if courier.endpoint().privacy() == Privacy::Private {
        let props = courier.beside("/props").await.unwrap_or(Value::Null);
        if let Some(tokens) = tokens(&props["default_generation_settings"]["n_ctx"]) {
            return Ok(Some(tokens));
        }
    }
    match list(courier, model).await {
        Ok(models) => Ok(of(&models, model)),
        // It has no such list, or not for us.
        Err(BackendError::Misconfigured { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn of(models: &[ModelInfo], model: &str) -> Option<u32> {
    let named = models.iter().find(|one| one.id == model);
    // A server of one model takes any name for it.
    let named = named.or(match models {
        [only] => Some(only),
        _ => None,
    });
    named?.context_window
}

/// The models that the endpoint lists.
pub(crate) async fn list(courier: &Courier, model: &str) -> Result<Vec<ModelInfo>, BackendError> {
    let asked = Asked {
        model,
        host: courier.endpoint().host(),
        ..Asked::default()
    };
    let listed = courier.models(asked).await?;
    // Some leave the frame around the list out.
    let models = listed["data"].as_array().or_else(|| listed.as_array());
    let models = models.ok_or_else(|| BackendError::Misconfigured {
        reason: format!("{} lists no models at /models", asked.host),
    })?;
    Ok(models.iter().filter_map(info).collect())
}

fn info(model: &Value) -> Option<ModelInfo> {
    let places = [
        &model["loaded_context_length"],
        &model["max_model_len"],
        &model["top_provider"]["context_length"],
        &model["context_length"],
        &model["context_window"],
        &model["meta"]["n_ctx"],
        &model["max_context_length"],
    ];
    Some(ModelInfo {
        id: model["id"].as_str()?.to_owned(),
        context_window: places.into_iter().find_map(tokens),
    })
}

fn tokens(value: &Value) -> Option<u32> {
    let tokens = u32::try_from(value.as_u64()?).ok()?;
    (tokens > 0).then_some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_endpoint_has_its_own_word_for_it() {
        let cases = [
            (json!({"id": "m", "max_model_len": 4096}), Some(4096)),
            (
                json!({"id": "m", "context_length": 9000, "top_provider": {"context_length": 8000}}),
                Some(8000),
            ),
            (
                json!({"id": "m", "context_length": 9000, "top_provider": {"context_length": null}}),
                Some(9000),
            ),
            (
                json!({"id": "m", "meta": {"n_ctx": 2048, "n_ctx_train": 32768}}),
                Some(2048),
            ),
            (
                json!({"id": "m", "max_context_length": 32768, "loaded_context_length": 4096}),
                Some(4096),
            ),
            (json!({"id": "m", "object": "model"}), None),
            (json!({"id": "m", "context_length": "many"}), None),
        ];
        for (model, expected) in cases {
            let models = [info(&model).unwrap()];
            assert_eq!(of(&models, "any name"), expected, "{model}");
        }
    }
}
