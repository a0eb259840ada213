//! Who answers.

use super::remote::PrivacyConfig;
use crate::wire;
use causerie_core::{
    id::{ModelName, ToolName},
    limit::{Limit, LimitScope, LimitUnit, Window},
    persona::WindowPolicy,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

/// System prompt, models, tools and limits of one bot.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
pub struct PersonaConfig {
    /// The models that may answer, the preferred one first. May be left out when there is only one.
    #[schemars(with = "Vec<String>")]
    pub models: Vec<ModelName>,
    /// The system prompt: a template over `variables`, `{{ like_this }}`.
    pub system: Option<String>,
    /// A file with the system prompt, relative to this file.
    pub system_file: Option<PathBuf>,
    /// The language of the answers, in English: `French`. Left out: the language of the question.
    pub language: Option<String>,
    /// What the template may use.
    pub variables: BTreeMap<String, String>,
    /// Exchanges shown to the model as if they had happened.
    pub examples: Vec<ExampleConfig>,
    /// The tools the model may call.
    #[schemars(with = "Vec<String>")]
    pub tools: Vec<ToolName>,
    /// How freely words are chosen: 0 always takes the likeliest.
    #[schemars(range(min = 0.0, max = 5.0))]
    pub temperature: Option<f64>,
    /// Chooses from the likeliest words that together have this probability.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub top_p: Option<f64>,
    /// Chooses from this many of the likeliest words.
    pub top_k: Option<u32>,
    /// Leaves out words less likely than this share of the likeliest.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_p: Option<f64>,
    /// Above 1 makes repetition less likely.
    #[schemars(range(min = 0.0))]
    pub repeat_penalty: Option<f64>,
    /// Makes the choice repeatable.
    pub seed: Option<u32>,
    /// The longest answer, in tokens.
    #[schemars(range(min = 1))]
    pub max_output_tokens: u32,
    /// The most rounds of completion and tools in one turn.
    #[schemars(range(min = 1))]
    pub max_steps: u32,
    /// Whether the model is told the date and hour. It makes answers come later, since the prompt
    /// changes by the hour.
    pub tell_time: bool,
    /// History is cut when the prompt would fill more than this share of the context.
    #[schemars(range(min = 0.1, max = 1.0))]
    pub high_water: f64,
    /// It is cut down to this share, so that the next cut is far away.
    #[schemars(range(min = 0.05, max = 1.0))]
    pub low_water: f64,
    /// Whether history that no longer fits is kept as a summary.
    pub summarise: bool,
    /// How much it gives, and to whom.
    pub limits: Vec<LimitConfig>,
    /// The least private kind of model that may answer in place of the first: `local`, `private` or
    /// `third-party`. Left out: none less private than the first.
    #[schemars(schema_with = "super::remote::privacies")]
    pub fallback_privacy: Option<PrivacyConfig>,
}

impl Default for PersonaConfig {
    fn default() -> Self {
        let WindowPolicy {
            high_water,
            low_water,
        } = WindowPolicy::default();
        Self {
            models: vec![],
            system: None,
            system_file: None,
            language: None,
            variables: BTreeMap::new(),
            examples: vec![],
            tools: vec![],
            temperature: None,
            top_p: None,
            top_k: None,
            min_p: None,
            repeat_penalty: None,
            seed: None,
            max_output_tokens: 1024,
            max_steps: 8,
            tell_time: false,
            high_water: round(high_water),
            low_water: round(low_water),
            summarise: true,
            limits: vec![],
            fallback_privacy: None,
        }
    }
}

/// As it would be written, since 0.9 in 32 bits is another number in 64.
fn round(share: f32) -> f64 {
    (f64::from(share) * 1000.0).round() / 1000.0
}

/// One exchange shown to the model as if it had happened.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct ExampleConfig {
    /// What the person says.
    pub user: String,
    /// What the model answers.
    pub assistant: String,
}

/// At most `amount` of `unit` in each `window`, for each `scope`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct LimitConfig {
    /// For whom it counts: each `participant`, `conversation` or `place`, all who have a `role`
    /// together, or the whole `platform`.
    #[schemars(schema_with = "scopes")]
    pub scope: LimitScope,
    /// What is counted: `messages`, `tokens` or `money`.
    #[schemars(schema_with = "units")]
    pub unit: LimitUnit,
    /// How much. Money may have a fraction, and is in the currency of the models' prices.
    #[schemars(range(min = 0.0))]
    pub amount: f64,
    /// In which time: `minute`, `hour`, `day` or `month`.
    #[schemars(schema_with = "windows")]
    pub window: Window,
    /// Only who has one of these roles is under the limit. Left out: everybody.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Who has one of these roles is not under it.
    #[serde(default)]
    pub except: Vec<String>,
}

impl From<&LimitConfig> for Limit {
    fn from(limit: &LimitConfig) -> Limit {
        let amount = match limit.unit {
            LimitUnit::Money => wire::micros(limit.amount),
            LimitUnit::Messages | LimitUnit::Tokens => limit.amount as u64,
        };
        Limit {
            roles: limit.roles.clone(),
            except: limit.except.clone(),
            ..Limit::new(limit.scope, limit.unit, amount, limit.window)
        }
    }
}

// The core's enums carry no schema, since the core knows nothing of configuration. A test holds
// these lists against them.
fn scopes(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "enum": ["participant", "conversation", "place", "role", "platform"] })
}

fn units(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "enum": ["messages", "tokens", "money"] })
}

fn windows(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "enum": ["minute", "hour", "day", "month"] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::DeserializeOwned;

    fn all_read<T: DeserializeOwned>(schema: &schemars::Schema) {
        for name in schema.get("enum").unwrap().as_array().unwrap() {
            serde_json::from_value::<T>(name.clone()).unwrap();
        }
    }

    #[test]
    fn the_schema_lists_what_the_core_reads() {
        let generator = &mut schemars::SchemaGenerator::default();
        all_read::<LimitScope>(&scopes(generator));
        all_read::<LimitUnit>(&units(generator));
        all_read::<Window>(&windows(generator));
    }
}
