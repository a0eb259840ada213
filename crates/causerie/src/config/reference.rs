//! What names what: personas name models, platforms name personas. What was left out and can only
//! mean one thing is filled in.

use super::{
    Config,
    check::place_of_value,
    document::Document,
    model::{LocalModel, ModelConfig},
    persona::PersonaConfig,
    problem::{Place, ProblemKind, Report, suggestion},
};
use crate::{admin, telemetry, wire};
use causerie_core::{
    id::{ModelName, PersonaName, ToolName},
    limit::{LimitScope, LimitUnit},
};
use causerie_local::models::ModelRef;
use config::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
};

/// Fills in the defaults that depend on other parts, then checks every name.
pub(super) fn complete(
    config: &mut Config,
    document: &Document,
    merged: &Value,
    report: &mut Report,
) {
    let mut complete = Complete {
        document,
        merged,
        report,
        tools: wire::tools().iter().map(|tool| tool.spec().name).collect(),
    };
    if config.models.is_empty() {
        let name = ModelName::new("local").expect("a plain word is a name");
        config
            .models
            .insert(name, ModelConfig::Local(LocalModel::default()));
    }
    if config.personas.is_empty() {
        let name = PersonaName::new("assistant").expect("a plain word is a name");
        config.personas.insert(name, PersonaConfig::default());
    }
    if admin::check(config.server.admin, config.server.admin_allow_public).is_err() {
        let reason = "other machines reach this address, and the admin pages have no password; \
                      set `admin_allow_public` if that is meant";
        complete.invalid(&keys(&["server", "admin"]), reason);
    }
    if let Err(error) = telemetry::check_filter(&config.server.log_filter) {
        complete.invalid(&keys(&["server", "log_filter"]), &error.to_string());
    }
    for (path, reason) in config.store.redis.problems() {
        complete.invalid(&[keys(&["store", "redis"]), path].concat(), &reason);
    }
    for (name, model) in &config.models {
        if let ModelConfig::Local(local) = model {
            complete.local_model(name, &local.model);
        }
    }
    for (name, persona) in &mut config.personas {
        complete.persona(name, persona, &config.models);
    }
    for (platform, key, reason) in config.platforms.problems() {
        let path = [keys(&["platforms"]), platform, keys(&[key])].concat();
        complete.invalid(&path, &reason);
    }
    for (platform, persona) in config.platforms.personas() {
        let path = [keys(&["platforms"]), platform, keys(&["persona"])].concat();
        complete.persona_of(&path, persona, &config.personas);
    }
}

fn keys(path: &[&str]) -> Vec<String> {
    path.iter().map(ToString::to_string).collect()
}

struct Complete<'a> {
    document: &'a Document,
    merged: &'a Value,
    report: &'a mut Report,
    /// The tools this program has.
    tools: BTreeSet<ToolName>,
}

impl Complete<'_> {
    fn local_model(&mut self, name: &ModelName, model: &str) {
        if let Err(error) = ModelRef::parse(model) {
            let path = keys(&["models", name.as_str(), "model"]);
            let reason = match self.document.raw(&path) {
                Some(_) => "this names no model".to_owned(),
                None => error.to_string(),
            };
            self.invalid(&path, &reason);
        }
    }

    fn persona(
        &mut self,
        name: &PersonaName,
        persona: &mut PersonaConfig,
        models: &BTreeMap<ModelName, ModelConfig>,
    ) {
        let path = |key: &str| keys(&["personas", name.as_str(), key]);
        if persona.models.is_empty() {
            match only(models) {
                Some(model) => persona.models.push(model.clone()),
                None => self.undecided(&path("models"), models.keys()),
            }
        }
        for (index, model) in persona.models.iter().enumerate() {
            if !models.contains_key(model) {
                let mut path = path("models");
                path.push(index.to_string());
                self.unknown(&path, "model", model.as_str(), models.keys());
            }
        }
        for (index, tool) in persona.tools.iter().enumerate() {
            if !self.tools.contains(tool) {
                let mut path = path("tools");
                path.push(index.to_string());
                let known: Vec<ToolName> = self.tools.iter().cloned().collect();
                self.unknown(&path, "tool", tool.as_str(), known.iter());
            }
        }
        if persona.system.is_some() && persona.system_file.is_some() {
            self.invalid(
                &path("system_file"),
                "`system` is set too; keep one of them",
            );
        }
        for (index, limit) in persona.limits.iter().enumerate() {
            let path = |key: &str| {
                let index = index.to_string();
                keys(&["personas", name.as_str(), "limits", &index, key])
            };
            if limit.unit != LimitUnit::Money && limit.amount.fract() != 0.0 {
                self.invalid(&path("amount"), "messages and tokens are whole");
            }
            if limit.scope == LimitScope::Role && limit.roles.is_empty() {
                self.invalid(&path("scope"), "name the `roles` that have a budget each");
            }
            let priced = |model: &ModelName| match models.get(model) {
                Some(ModelConfig::OpenAi(model)) => model.price.is_some(),
                _ => false,
            };
            if limit.unit == LimitUnit::Money && !persona.models.iter().any(priced) {
                let reason =
                    "none of this persona's models has a `price`, so it would cost nothing";
                self.invalid(&path("unit"), reason);
            }
        }
        if persona.low_water >= persona.high_water {
            self.invalid(&path("low_water"), "this is not below `high_water`");
        }
    }

    /// Checks the persona a platform names, or finds the one that is meant.
    fn persona_of(
        &mut self,
        path: &[String],
        chosen: &mut Option<PersonaName>,
        personas: &BTreeMap<PersonaName, PersonaConfig>,
    ) {
        match chosen {
            Some(name) if personas.contains_key(name) => {}
            Some(name) => self.unknown(path, "persona", name.as_str(), personas.keys()),
            None => match default_persona(personas) {
                Some(name) => *chosen = Some(name.clone()),
                None => self.undecided(path, personas.keys()),
            },
        }
    }

    fn unknown(
        &mut self,
        path: &[String],
        what: &'static str,
        name: &str,
        known: impl Iterator<Item = impl Display>,
    ) {
        let known: Vec<String> = known.map(|name| name.to_string()).collect();
        let hint = suggestion(name, &known)
            .or_else(|| Some(format!("this program has no {what}s; leave the key out")));
        // What came out of a variable may be a secret in the wrong place.
        let name = self.document.raw(path).unwrap_or(name).to_owned();
        let key = path.join(".");
        let place = place_of_value(self.document, self.merged, path);
        self.report.add(
            ProblemKind::UnknownReference {
                key,
                what,
                name,
                hint,
            },
            place,
        );
    }

    fn undecided(&mut self, path: &[String], possible: impl Iterator<Item = impl Display>) {
        let possible = possible.map(|name| name.to_string()).collect();
        let table = path.split_last().map_or(path, |(_, table)| table);
        let place = self.document.key(table).unwrap_or(Place::Nowhere);
        self.report.add(
            ProblemKind::Undecided {
                key: path.join("."),
                possible,
            },
            place,
        );
    }

    fn invalid(&mut self, path: &[String], reason: &str) {
        let place = place_of_value(self.document, self.merged, path);
        let (key, reason) = (path.join("."), reason.to_owned());
        self.report.add(ProblemKind::Invalid { key, reason }, place);
    }
}

/// The persona that answers where none is named: the only one, or the one named `assistant`.
pub(super) fn default_persona(
    personas: &BTreeMap<PersonaName, PersonaConfig>,
) -> Option<&PersonaName> {
    only(personas).or_else(|| personas.keys().find(|name| name.as_str() == "assistant"))
}

fn only<K, V>(map: &BTreeMap<K, V>) -> Option<&K> {
    map.keys().next().filter(|_| map.len() == 1)
}
