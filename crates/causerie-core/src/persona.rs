//! Who answers, and within which bounds.

use crate::{
    Text,
    backend::Privacy,
    id::{ModelName, PersonaName, ToolName},
    limit::Limit,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// System prompt, examples, models, tools and limits of one bot.
#[derive(Clone, Debug, PartialEq)]
pub struct Persona {
    /// Its name in the configuration.
    pub name: PersonaName,
    /// The system prompt, a template over [`Persona::variables`].
    pub system: Text,
    /// The variables the template may use. Using another one is an error.
    pub variables: BTreeMap<String, String>,
    /// Exchanges shown to the model as if they had happened.
    pub examples: Vec<Example>,
    /// The models that may answer, the preferred one first.
    pub models: Vec<ModelName>,
    /// The least private class of model that may take the place of one that cannot answer. `None`:
    /// no less private than the model that was asked first.
    pub fallback_privacy: Option<Privacy>,
    /// The tools the model may call.
    pub tools: Vec<ToolName>,
    /// How the model chooses its words.
    pub sampling: Sampling,
    /// The longest answer, in tokens.
    pub max_output_tokens: u32,
    /// The most rounds of completion and tools in one turn, at least 1.
    pub max_steps: u32,
    /// Whether the model is told the date and hour. Off by default: what changes by the hour makes
    /// the model work through the newest exchange again, and small models like to recite it.
    pub tell_time: bool,
    /// How much of the model's context window history may fill.
    pub window: WindowPolicy,
    /// Whether a summary is made of history that no longer fits.
    pub summarise: bool,
    /// How many messages and tokens it gives.
    pub limits: Vec<Limit>,
}

impl Persona {
    /// A persona with `system` as its system prompt, which may be answered by `models`, and
    /// otherwise with defaults that suit a chat: no variables, examples, tools or limits, answers
    /// of at most 1024 tokens, at most 8 steps, history summarised.
    pub fn new(name: PersonaName, system: impl Into<Text>, models: Vec<ModelName>) -> Self {
        Self {
            name,
            system: system.into(),
            variables: BTreeMap::new(),
            examples: vec![],
            models,
            fallback_privacy: None,
            tools: vec![],
            sampling: Sampling::default(),
            max_output_tokens: 1024,
            max_steps: 8,
            tell_time: false,
            window: WindowPolicy::default(),
            summarise: true,
            limits: vec![],
        }
    }
}

/// One exchange shown to the model as if it had happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What the person says.
    pub user: Text,
    /// What the model answers.
    pub assistant: Text,
}

/// How the model chooses its words. `None` leaves it to the backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// 0 always takes the likeliest token.
    pub temperature: Option<f32>,
    /// Takes from the likeliest tokens that together have this probability.
    pub top_p: Option<f32>,
    /// Takes from this many of the likeliest tokens.
    pub top_k: Option<u32>,
    /// Leaves out tokens less likely than this share of the likeliest.
    pub min_p: Option<f32>,
    /// Above 1 makes repetition less likely.
    pub repeat_penalty: Option<f32>,
    /// Makes the choice repeatable.
    pub seed: Option<u32>,
}

/// When history is cut, and how far. Both are shares of the tokens left for input.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowPolicy {
    /// History is cut when the prompt would be larger than this share.
    pub high_water: f32,
    /// It is cut until the prompt is no larger than this share, so that the next cut is far away
    /// and the prefix stays the same until then.
    pub low_water: f32,
}

impl Default for WindowPolicy {
    fn default() -> Self {
        Self {
            high_water: 0.9,
            low_water: 0.5,
        }
    }
}
