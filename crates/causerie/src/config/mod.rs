//! The configuration: one TOML file, the environment over it, and defaults under both.
//!
//! How it becomes a [`Config`], in reading order:
//!
//! 1. [`document`] parses the file, remembers where each key stands, and fills `${NAME}` in
//! 2. [`layers`] puts the environment over it
//! 3. [`check`] holds both against the schema, finds every unknown key and wrong type at once, and
//!    reads the files of secrets
//! 4. [`reference`](mod@reference) checks what names what, and fills in what was left to us
//!
//! What is wrong comes out as [`ConfigError`]: each [`Problem`] with its place and a hint.

mod check;
mod document;
mod layers;
mod model;
mod persona;
mod platform;
mod problem;
mod reference;
mod remote;
mod schema;
mod server;
mod shape;
mod show;
mod store;
mod telegram;
#[cfg(test)]
mod tests;
mod value;

pub use model::{EchoModel, LocalModel, ModelConfig};
pub use persona::{ExampleConfig, LimitConfig, PersonaConfig};
pub use platform::{AdmissionConfig, Language, PlatformsConfig, RuleConfig, WebConfig};
pub use problem::{ConfigError, Place, Problem, ProblemKind};
pub use remote::{
    BreakerConfig, OpenAiModel, PriceConfig, PrivacyConfig, QuotaConfig, RetryConfig,
    TimeoutsConfig,
};
pub use schema::json_schema;
pub use server::{LogFormat, ServerConfig};
pub use show::show;
pub use store::{KeyConfig, RedisConfig, StoreConfig, StoreUrl};
pub use telegram::{ScopeConfig, TelegramConfig};
pub use value::{Period, Secret};

use causerie_core::id::{ModelName, PersonaName};
use document::Document;
use problem::Report;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The commented file that `causerie config example` prints.
pub const EXAMPLE: &str = include_str!("../../../../config/causerie.example.toml");

/// Everything an operator can set. A section left out is its default.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The process.
    pub server: ServerConfig,
    /// Where conversations are kept.
    pub store: StoreConfig,
    /// The models that may answer, by name.
    #[schemars(with = "BTreeMap<String, ModelConfig>")]
    pub models: BTreeMap<ModelName, ModelConfig>,
    /// Who answers, by name.
    #[schemars(with = "BTreeMap<String, PersonaConfig>")]
    pub personas: BTreeMap<PersonaName, PersonaConfig>,
    /// Where people write.
    pub platforms: PlatformsConfig,
    /// Who is answered.
    pub admission: AdmissionConfig,
}

/// Where the configuration comes from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file; none is a working default.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// What relative paths in the configuration are relative to when there is no file.
    pub directory: PathBuf,
}

/// A configuration, and where it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What was set, with the defaults filled in.
    pub config: Config,
    /// The file it was read from.
    pub file: Option<PathBuf>,
    /// What stood in the file where `${NAME}` was filled in, by path: what is shown instead
    /// of the value.
    filled: BTreeMap<Vec<String>, String>,
}

impl Sources {
    /// The sources of this process: `file` if given, or else the first that exists of
    /// `$CAUSERIE_CONFIG`, `./causerie.toml` and `$XDG_CONFIG_HOME/causerie/causerie.toml`.
    ///
    /// A file that is named but is not there is found out by [`Sources::load`].
    pub fn of_process(file: Option<PathBuf>) -> Self {
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let named = || environment.get("CAUSERIE_CONFIG").filter(|v| !v.is_empty());
        let file = file.or_else(|| named().map(PathBuf::from)).or_else(|| {
            usual_places(&environment)
                .into_iter()
                .find(|path| path.is_file())
        });
        Self {
            file,
            environment,
            directory: PathBuf::from("."),
        }
    }

    /// Reads, checks and completes the configuration.
    ///
    /// # Errors
    /// With everything that is wrong, as far as it can be told at once.
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        let mut report = Report::default();
        let schema = json_schema();
        let document = match &self.file {
            Some(path) => Document::read(path, &self.environment, &schema, &mut report)?,
            None => Document::default(),
        };
        let merged = layers::merge(&document, &self.environment, &mut report);
        let base = self.base();
        let whole = check::check(&schema, &merged, &document, &base, &mut report);
        report.fail_if_any()?;
        let mut config: Config = check::deserialize(whole, &document, &merged, &mut report)?;
        config.resolve_paths(&base, &self.environment);
        reference::complete(&mut config, &document, &merged, &mut report);
        report.fail_if_any()?;
        Ok(Loaded {
            config,
            file: self.file.clone(),
            filled: document.into_filled(),
        })
    }

    fn base(&self) -> PathBuf {
        let parent = self.file.as_deref().and_then(Path::parent);
        parent.map_or_else(|| self.directory.clone(), Path::to_path_buf)
    }
}

fn usual_places(environment: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let set = |name: &str| {
        environment
            .get(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    let home = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")));
    let mut places = vec![PathBuf::from("causerie.toml")];
    places.extend(home.map(|home| home.join("causerie/causerie.toml")));
    places
}

impl Config {
    /// Makes relative paths relative to `base`, where the file is, and `~` the home directory.
    fn resolve_paths(&mut self, base: &Path, environment: &BTreeMap<String, String>) {
        self.server.resolve_data_dir(base, environment);
        if let Some(file) = &mut self.store.redis.ca_file {
            *file = base.join(&*file);
        }
        for model in self.models.values_mut() {
            if let ModelConfig::OpenAi(model) = model
                && let Some(file) = &mut model.ca_file
            {
                *file = base.join(&*file);
            }
        }
        for persona in self.personas.values_mut() {
            if let Some(file) = &mut persona.system_file {
                *file = base.join(&*file);
            }
        }
    }
}
