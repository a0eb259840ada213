//! The models that may answer.

use super::{remote::OpenAiModel, value::Period};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{num::NonZeroU32, time::Duration};

/// One model. `kind` says how it is reached.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[schemars(inline)]
pub enum ModelConfig {
    /// A GGUF model in this process.
    Local(LocalModel),
    /// A model behind an OpenAI-compatible endpoint.
    #[serde(rename = "openai")]
    OpenAi(Box<OpenAiModel>),
    /// No model at all: it says back what it is told. For trying a set-up.
    Echo(EchoModel),
}

/// A GGUF model in this process.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct LocalModel {
    /// A name from `causerie models list`, a path to a GGUF file, or `hf:OWNER/REPO/FILE`.
    pub model: String,
    /// Tokens of prompt and answer together. Left out: what the model and free memory allow.
    #[schemars(range(min = 256))]
    pub context: Option<u32>,
    /// How many conversations are worked on at the same time.
    #[schemars(with = "Option<u32>", range(min = 1))]
    pub slots: Option<NonZeroU32>,
    /// How many threads compute. Left out: one for each processor core.
    #[schemars(with = "Option<u32>", range(min = 1))]
    pub threads: Option<NonZeroU32>,
}

impl Default for LocalModel {
    fn default() -> Self {
        Self {
            model: "smollm2-135m".to_owned(),
            context: None,
            slots: None,
            threads: None,
        }
    }
}

/// No model at all: it says back what it is told.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct EchoModel {
    /// How long it waits before the first word.
    pub delay: Period,
    /// How fast it speaks; 0 says everything at once.
    pub words_per_second: u32,
    /// Tokens of prompt and answer together.
    #[schemars(range(min = 256))]
    pub context: u32,
}

impl Default for EchoModel {
    fn default() -> Self {
        Self {
            delay: Period(Duration::ZERO),
            words_per_second: 0,
            context: 8192,
        }
    }
}
