//! Models behind an OpenAI-compatible endpoint, and how patient we are with them.

use super::value::{Period, Secret};
use causerie_core::backend::Privacy;
use causerie_engine::wrap::{breaker, retry};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// A model behind an OpenAI-compatible endpoint: OpenAI, Azure, OpenRouter, Ollama, vLLM,
/// llama.cpp's server, LM Studio.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct OpenAiModel {
    /// The model as the endpoint names it.
    pub model: String,
    /// Where the endpoint is, with its version: `http://127.0.0.1:11434/v1`. For Azure the resource
    /// alone: `https://NAME.openai.azure.com`.
    #[serde(default = "base_url")]
    pub base_url: String,
    /// What the endpoint asks for; left out for one that asks for nothing.
    #[serde(default)]
    pub api_key: Option<Secret>,
    /// The organisation that pays, where the endpoint knows several.
    #[serde(default)]
    pub organisation: Option<String>,
    /// The project that pays, where the endpoint knows several.
    #[serde(default)]
    pub project: Option<String>,
    /// For an endpoint of Azure: the version of its interface, such as `2024-10-21`. The deployment
    /// is `model`.
    #[serde(default)]
    pub azure_api_version: Option<String>,
    /// Whether the endpoint wants `max_completion_tokens` in place of `max_tokens`. Left out: by the
    /// address.
    #[serde(default)]
    pub max_completion_tokens: Option<bool>,
    /// Headers to send besides.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// Fields to send in the body of each request besides, as they are.
    #[serde(default)]
    #[schemars(schema_with = "anything")]
    pub extra: serde_json::Map<String, serde_json::Value>,
    /// The proxy that leads there. Left out: what `HTTPS_PROXY` and its kin say.
    #[serde(default)]
    pub proxy: Option<Secret>,
    /// A file with certificates to trust besides the system's, in PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Tokens of prompt and answer together. Left out: what the endpoint says, or else 8192.
    #[serde(default)]
    #[schemars(range(min = 256))]
    pub context: Option<u32>,
    /// Whether the model can call tools.
    #[serde(default = "yes")]
    pub tools: bool,
    /// Whether the model can see pictures.
    #[serde(default)]
    pub images: bool,
    /// Who sees what is sent: `private` (a server of yours) or `third-party`. Left out: by the
    /// address.
    #[serde(default)]
    #[schemars(schema_with = "privacies")]
    pub privacy: Option<PrivacyConfig>,
    /// How long to wait for it.
    #[serde(default)]
    pub timeouts: TimeoutsConfig,
    /// How often to try again before anything was said.
    #[serde(default)]
    pub retry: RetryConfig,
    /// When to leave an endpoint alone that fails.
    #[serde(default)]
    pub breaker: BreakerConfig,
    /// How much to ask of it.
    #[serde(default)]
    pub quota: QuotaConfig,
    /// What it costs.
    #[serde(default)]
    pub price: Option<PriceConfig>,
}

fn base_url() -> String {
    "https://api.openai.com/v1".to_owned()
}

fn yes() -> bool {
    true
}

fn anything(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({})
}

/// Who sees what is sent to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrivacyConfig {
    /// This process.
    Local,
    /// A server of the operator.
    Private,
    /// Somebody else.
    ThirdParty,
}

impl From<PrivacyConfig> for Privacy {
    fn from(privacy: PrivacyConfig) -> Privacy {
        match privacy {
            PrivacyConfig::Local => Privacy::Local,
            PrivacyConfig::Private => Privacy::Private,
            PrivacyConfig::ThirdParty => Privacy::ThirdParty,
        }
    }
}

pub(super) fn privacies(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "enum": ["local", "private", "third-party"] })
}

/// How long to wait for a model. What the endpoint sends only to keep the line open does not count.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct TimeoutsConfig {
    /// For the connection.
    pub connect: Period,
    /// For the first token. Models that think in secret before they speak need long.
    pub first_token: Period,
    /// From one token to the next.
    pub between_tokens: Period,
    /// For the whole answer. Left out: as long as the turn may take.
    pub whole: Option<Period>,
}

impl Default for TimeoutsConfig {
    fn default() -> Self {
        let seconds = |seconds| Period(Duration::from_secs(seconds));
        Self {
            connect: seconds(10),
            first_token: seconds(60),
            between_tokens: seconds(30),
            whole: None,
        }
    }
}

/// How often to try again before anything was said.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct RetryConfig {
    /// The most tries of one request, the first included.
    #[schemars(range(min = 1, max = 10))]
    pub tries: u32,
    /// The longest that tries and the pauses between them may take together. An endpoint that asks
    /// to stay away for longer is passed over at once.
    pub patience: Period,
}

impl Default for RetryConfig {
    fn default() -> Self {
        let retry::Settings {
            tries, patience, ..
        } = retry::Settings::default();
        Self {
            tries,
            patience: Period(patience),
        }
    }
}

/// When to leave an endpoint alone that fails, so that people are answered by the next model at
/// once.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct BreakerConfig {
    /// After this many failures in a minute, if they are at least half of all answers.
    #[schemars(range(min = 1))]
    pub failures: u32,
    /// For so long at first; twice as long each time it fails again.
    pub rest: Period,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        let breaker::Settings {
            failures,
            first_rest,
            ..
        } = breaker::Settings::default();
        Self {
            failures,
            rest: Period(first_rest),
        }
    }
}

/// How much to ask of an endpoint. What is over it waits in line for a while.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct QuotaConfig {
    /// Requests in a minute. Left out: any number.
    #[schemars(range(min = 1))]
    pub requests_per_minute: Option<u32>,
    /// Tokens of prompts and answers in a minute. Left out: any number.
    #[schemars(range(min = 1))]
    pub tokens_per_minute: Option<u32>,
    /// The most requests at the same time. Fewer by itself when the endpoint says that it is busy.
    #[schemars(range(min = 1))]
    pub at_once: u32,
}

impl Default for QuotaConfig {
    fn default() -> Self {
        Self {
            requests_per_minute: None,
            tokens_per_minute: None,
            at_once: 1024,
        }
    }
}

/// What a million tokens cost, in the currency that limits of money are in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct PriceConfig {
    /// A million tokens of prompts.
    #[schemars(range(min = 0.0))]
    pub input: f64,
    /// A million tokens of prompts that the provider had kept. Left out: as `input`.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub cached: Option<f64>,
    /// A million tokens of answers.
    #[schemars(range(min = 0.0))]
    pub output: f64,
}
