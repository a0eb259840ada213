//! The environment over the file.

use super::{
    document::Document,
    problem::{Place, ProblemKind, Report},
};
use config::{Config, Environment, Map, Source, Value};
use std::collections::BTreeMap;

/// What every variable of ours begins with.
pub(super) const PREFIX: &str = "CAUSERIE__";

/// The file's values with the environment's over them.
///
/// A variable `CAUSERIE__SECTION__KEY` sets `key` in `[section]`; one that is empty sets nothing.
pub(super) fn merge(
    document: &Document,
    environment: &BTreeMap<String, String>,
    report: &mut Report,
) -> Value {
    let ours: Map<String, String> = environment
        .iter()
        .filter(|(key, _)| key.to_ascii_uppercase().starts_with(PREFIX))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let environment = Environment::with_prefix("CAUSERIE")
        .prefix_separator("__")
        .separator("__")
        .ignore_empty(true)
        .source(Some(ours));
    let merged = Config::builder()
        .add_source(FileValues(document.values.clone()))
        .add_source(environment)
        .build();
    match merged {
        Ok(config) => config.cache,
        Err(error) => {
            let (key, reason) = (PREFIX.to_owned(), error.to_string());
            report.add(ProblemKind::Invalid { key, reason }, Place::Nowhere);
            Value::new(None, Map::<String, Value>::new())
        }
    }
}

/// Whether a value was set by the environment.
pub(super) fn from_environment(value: &Value) -> bool {
    value.origin().is_some()
}

/// The variable that sets what stands at `path`.
pub(super) fn variable(path: &[String]) -> String {
    format!("{PREFIX}{}", path.join("__").to_uppercase())
}

/// What was read from the file, as a layer.
#[derive(Clone, Debug)]
struct FileValues(Map<String, Value>);

impl Source for FileValues {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.clone())
    }
}
