//! What the operator may choose about a remote model.

use causerie_core::backend::Privacy;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// What the operator may choose. Everything but the URL and the model has a default that follows
/// from the URL's host.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the API is, with its version: `https://api.openai.com/v1`, `http://127.0.0.1:11434/v1`.
    /// For Azure the resource alone: `https://NAME.openai.azure.com`.
    pub base_url: String,
    /// The key. `None` for servers that want none.
    pub api_key: Option<SecretString>,
    /// The model as the endpoint calls it.
    pub model: String,
    /// Headers sent with every request, such as OpenRouter's `HTTP-Referer`. They win over ours.
    pub headers: BTreeMap<String, SecretString>,
    /// Fields merged into every completion's request, such as `{"reasoning_effort": "low"}`. They
    /// win over ours; `null` takes a field of ours away. `messages`, `tools` and `stream` stay ours.
    pub extra: Map<String, Value>,
    /// Sent as `OpenAI-Organization`.
    pub organization: Option<String>,
    /// Sent as `OpenAI-Project`.
    pub project: Option<String>,
    /// Set for Azure's way of naming deployments and versions.
    pub azure: Option<Azure>,
    /// A proxy for this model's requests, with `http://`, `https://` and perhaps `USER:PASSWORD@`.
    /// `None`: what the environment says (`HTTPS_PROXY`, `NO_PROXY`), and none for loopback.
    pub proxy: Option<SecretString>,
    /// Certificates in PEM that are trusted besides the system's: a company's own authority.
    pub ca_file: Option<PathBuf>,
    /// Tokens of prompt and answer together. `None`: the endpoint is asked once, and 8,192 is
    /// assumed where it does not say.
    pub context_window: Option<u32>,
    /// Whether the model can call tools.
    pub tools: bool,
    /// Whether the model can see pictures.
    pub images: bool,
    /// Who sees what is sent. `None`: [`Privacy::Private`] for loopback and private addresses,
    /// otherwise [`Privacy::ThirdParty`].
    pub privacy: Option<Privacy>,
    /// Which field limits the answer. `None`: the new one for OpenAI and Azure, otherwise the old one.
    pub output_limit: Option<OutputLimit>,
    /// Which of the persona's sampling values are sent. `None`: all for loopback and private
    /// addresses, otherwise the standard ones, since some providers refuse what they do not know.
    pub sampling_fields: Option<SamplingFields>,
    /// Whether `prompt_cache_key` is sent, which keeps a conversation's requests together so that the
    /// provider finds the prefix it has worked through. `None`: to OpenAI, Azure and OpenRouter.
    pub prompt_cache_key: Option<bool>,
    /// Whether the endpoint is asked for the usage of streams. Without it usage is estimated.
    pub include_usage: bool,
    /// Whether the model's template opens the thinking itself and the server does not separate it,
    /// so that only `</think>` comes.
    pub opens_thinking: bool,
    /// The longest a connection may take to be made.
    pub connect_timeout: Duration,
}

/// Azure's way.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Azure {
    /// The `api-version` in the query, such as `2024-10-21`.
    pub api_version: String,
    /// The deployment in the path. `None`: the model's name.
    #[serde(default)]
    pub deployment: Option<String>,
}

/// The field that limits an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputLimit {
    /// `max_tokens`, which nearly every endpoint knows.
    MaxTokens,
    /// `max_completion_tokens`, which OpenAI's reasoning models demand.
    MaxCompletionTokens,
}

/// Which sampling values are sent, if they are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SamplingFields {
    /// `temperature`, `top_p` and `seed`.
    Standard,
    /// Also `top_k`, `min_p`, and the repeat penalty by both names it has.
    All,
}

impl Config {
    /// The defaults for `model` at `base_url`.
    pub fn new(base_url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            api_key: None,
            model: model.into(),
            headers: BTreeMap::new(),
            extra: Map::new(),
            organization: None,
            project: None,
            azure: None,
            proxy: None,
            ca_file: None,
            context_window: None,
            tools: true,
            images: false,
            privacy: None,
            output_limit: None,
            sampling_fields: None,
            prompt_cache_key: None,
            include_usage: true,
            opens_thinking: false,
            connect_timeout: Duration::from_secs(10),
        }
    }
}
