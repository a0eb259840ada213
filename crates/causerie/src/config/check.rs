//! Holds the merged values against the schema, and makes a [`Config`] of them.
//!
//! `serde` stops at the first error, so the schema is walked first: every unknown key, missing key
//! and wrong type is found in one go. What `serde` still finds after that is a value of the right
//! type that is no good.

use super::{
    Config,
    document::{Document, KeyPath},
    layers,
    problem::{ConfigError, Place, ProblemKind, Report, suggestion},
    schema::SECRET_FILE,
    shape::{found, is_text, names, not_null, parse, property, tagged, type_name, words},
};
use config::{Map, Value, ValueKind};
use serde_json::{Map as JsonMap, Value as Json};
use std::path::Path;

/// Checks `merged` and says what is left to deserialise. Problems go to `report`.
pub(super) fn check(
    schema: &Json,
    merged: &Value,
    document: &Document,
    base: &Path,
    report: &mut Report,
) -> Json {
    let mut walk = Walk {
        document,
        base,
        report,
        path: vec![],
    };
    walk.value(schema, merged)
}

/// Makes a [`Config`] of what [`check`] found good.
///
/// # Errors
/// If a value has the right type and is still no good.
pub(super) fn deserialize(
    whole: Json,
    document: &Document,
    merged: &Value,
    report: &mut Report,
) -> Result<Config, ConfigError> {
    serde_path_to_error::deserialize(whole).or_else(|error| {
        let path: KeyPath = keys(error.path());
        let reason = error.inner().to_string();
        let place = place_of_value(document, merged, &path);
        report.add(
            ProblemKind::Invalid {
                key: path.join("."),
                reason,
            },
            place,
        );
        report.fail_if_any().map(|()| Config::default())
    })
}

fn keys(path: &serde_path_to_error::Path) -> KeyPath {
    use serde_path_to_error::Segment;
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Map { key } => Some(key.clone()),
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

/// Where the value at `path` was set, as near as can be told.
pub(super) fn place_of_value(document: &Document, merged: &Value, path: &[String]) -> Place {
    if find(merged, path).is_some_and(layers::from_environment) {
        return Place::Variable(layers::variable(path));
    }
    // A tagged table reports an error in itself, not in its key: then the table is the place.
    (0..=path.len())
        .rev()
        .find_map(|length| document.value(&path[..length]))
        .unwrap_or(Place::Nowhere)
}

fn find<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    let Some((key, rest)) = path.split_first() else {
        return Some(value);
    };
    match &value.kind {
        ValueKind::Table(table) => find(table.get(key)?, rest),
        ValueKind::Array(items) => find(items.get(key.parse::<usize>().ok()?)?, rest),
        _ => None,
    }
}

struct Walk<'a> {
    document: &'a Document,
    base: &'a Path,
    report: &'a mut Report,
    path: KeyPath,
}

impl Walk<'_> {
    fn value(&mut self, schema: &Json, value: &Value) -> Json {
        if let Some(branches) = tagged(schema) {
            return self.tagged(&branches, value);
        }
        let schema = not_null(schema);
        if let Some(possible) = names(schema) {
            return self.one_of(&possible, value);
        }
        match schema.get("type").map(type_name) {
            Some("object") => self.object(schema, value),
            Some("array") => self.array(schema, value),
            Some(expected) => self.scalar(expected, schema, value),
            None => self.plain(value),
        }
    }

    fn object(&mut self, schema: &Json, value: &Value) -> Json {
        let ValueKind::Table(table) = &value.kind else {
            return self.wrong_type("a table", value);
        };
        let mut out = JsonMap::new();
        for (key, value) in sorted(table) {
            self.path.push(key.clone());
            match property(schema, key) {
                Some(property) if property.get(SECRET_FILE).is_some() => {
                    self.secret_file(property, table, value, &mut out);
                }
                Some(property) => {
                    let checked = self.value(property, value);
                    out.insert(key.clone(), checked);
                }
                None => self.unknown_key(schema, value),
            }
            self.path.pop();
        }
        self.missing_keys(schema, table);
        Json::Object(out)
    }

    fn tagged(&mut self, branches: &[(String, &Json)], value: &Value) -> Json {
        let ValueKind::Table(table) = &value.kind else {
            return self.wrong_type("a table", value);
        };
        let possible: Vec<String> = branches.iter().map(|(name, _)| name.clone()).collect();
        let Some(kind) = table.get("kind") else {
            let hint = Some(format!("one of {}", possible.join(", ")));
            let (key, section) = ("kind".to_owned(), self.path.join("."));
            let place = self.key_place(value);
            self.report
                .add(ProblemKind::MissingKey { key, section, hint }, place);
            return Json::Null;
        };
        let name = if let ValueKind::String(name) = &kind.kind {
            name.as_str()
        } else {
            ""
        };
        match branches.iter().find(|(branch, _)| branch == name) {
            Some((_, schema)) => self.object(schema, value),
            None => {
                self.path.push("kind".to_owned());
                self.one_of(&possible, kind);
                self.path.pop();
                Json::Null
            }
        }
    }

    fn one_of(&mut self, possible: &[String], value: &Value) -> Json {
        let ValueKind::String(name) = &value.kind else {
            return self.wrong_type("text", value);
        };
        if !possible.contains(name) {
            let hint = suggestion(name, possible).filter(|hint| hint.starts_with("did"));
            let (key, possible) = (self.path.join("."), possible.to_vec());
            let place = self.value_place(value);
            self.report.add(
                ProblemKind::NotOneOf {
                    key,
                    possible,
                    hint,
                },
                place,
            );
        }
        Json::String(name.clone())
    }

    fn array(&mut self, schema: &Json, value: &Value) -> Json {
        let items = schema.get("items").unwrap_or(&Json::Null);
        match &value.kind {
            ValueKind::Array(values) => {
                let checked = values.iter().enumerate().map(|(index, value)| {
                    self.path.push(index.to_string());
                    let checked = self.value(items, value);
                    self.path.pop();
                    checked
                });
                Json::Array(checked.collect())
            }
            // A list in the environment is written with commas.
            ValueKind::String(text) if layers::from_environment(value) && is_text(items) => text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .collect(),
            _ => self.wrong_type("a list", value),
        }
    }

    fn scalar(&mut self, expected: &str, schema: &Json, value: &Value) -> Json {
        let read = match (expected, &value.kind) {
            ("string", ValueKind::String(text)) => Some(Json::from(text.as_str())),
            ("boolean", ValueKind::Boolean(value)) => Some(Json::from(*value)),
            ("integer", ValueKind::I64(number)) => Some(Json::from(*number)),
            ("number", ValueKind::I64(number)) => Some(Json::from(*number)),
            ("number", ValueKind::Float(number)) => Some(Json::from(*number)),
            ("boolean" | "integer" | "number", ValueKind::String(text))
                if layers::from_environment(value) =>
            {
                parse(expected, text)
            }
            _ => None,
        };
        match read {
            Some(read) => {
                self.in_range(schema, &read, value);
                read
            }
            None => self.wrong_type(words(expected), value),
        }
    }

    fn in_range(&mut self, schema: &Json, read: &Json, value: &Value) {
        let Some(number) = read.as_f64() else { return };
        let bound = |name: &str| schema.get(name).and_then(Json::as_f64);
        let reason = match (bound("minimum"), bound("maximum")) {
            (Some(least), _) if number < least => format!("this is less than {least}"),
            (_, Some(most)) if number > most => format!("this is more than {most}"),
            _ => return,
        };
        let place = self.value_place(value);
        self.report.add(
            ProblemKind::Invalid {
                key: self.path.join("."),
                reason,
            },
            place,
        );
    }

    /// A part of the configuration without a type: taken as it is.
    fn plain(&mut self, value: &Value) -> Json {
        value.clone().try_deserialize().unwrap_or(Json::Null)
    }

    fn secret_file(
        &mut self,
        property: &Json,
        table: &Map<String, Value>,
        value: &Value,
        out: &mut JsonMap<String, Json>,
    ) {
        let secret = property
            .get(SECRET_FILE)
            .and_then(Json::as_str)
            .unwrap_or_default();
        let Json::String(file) = self.scalar("string", property, value) else {
            return;
        };
        let place = self.value_place(value);
        let key = self.path.join(".");
        if table.contains_key(secret) {
            let key = key.trim_end_matches("_file").to_owned();
            return self.report.add(ProblemKind::SecretTwice { key }, place);
        }
        match std::fs::read_to_string(self.base.join(file)) {
            Ok(text) => {
                out.insert(
                    secret.to_owned(),
                    Json::from(text.trim_end_matches(['\r', '\n'])),
                );
            }
            Err(error) => {
                self.report.add(
                    ProblemKind::SecretFile {
                        key,
                        reason: error.to_string(),
                    },
                    place,
                );
            }
        }
    }

    fn unknown_key(&mut self, schema: &Json, value: &Value) {
        let (key, section) = self
            .path
            .split_last()
            .map_or_else(Default::default, |(key, section)| {
                (key.clone(), section.join("."))
            });
        let possible: Vec<String> = schema
            .get("properties")
            .and_then(Json::as_object)
            .map(|properties| properties.keys().cloned().collect())
            .unwrap_or_default();
        let hint = match (section.as_str(), key.as_str()) {
            ("server", "web" | "listen") => {
                Some("the page listens where `listen` in [platforms.web] says".to_owned())
            }
            _ => suggestion(&key, &possible),
        };
        let place = self.key_place(value);
        self.report
            .add(ProblemKind::UnknownKey { key, section, hint }, place);
    }

    fn missing_keys(&mut self, schema: &Json, table: &Map<String, Value>) {
        let required = schema.get("required").and_then(Json::as_array);
        for key in required.into_iter().flatten().filter_map(Json::as_str) {
            if !table.contains_key(key) {
                let (key, section) = (key.to_owned(), self.path.join("."));
                let place = self.document.value(&self.path).unwrap_or(Place::Nowhere);
                self.report.add(
                    ProblemKind::MissingKey {
                        key,
                        section,
                        hint: None,
                    },
                    place,
                );
            }
        }
    }

    fn wrong_type(&mut self, expected: &str, value: &Value) -> Json {
        let (key, expected) = (self.path.join("."), expected.to_owned());
        let place = self.value_place(value);
        self.report.add(
            ProblemKind::WrongType {
                key,
                expected,
                found: found(value),
            },
            place,
        );
        Json::Null
    }

    fn value_place(&self, value: &Value) -> Place {
        if layers::from_environment(value) {
            return Place::Variable(layers::variable(&self.path));
        }
        self.document
            .value(&self.path)
            .unwrap_or_else(|| self.key_place(value))
    }

    fn key_place(&self, value: &Value) -> Place {
        if let Some(place) = self.document.key(&self.path) {
            return place;
        }
        let mut path = self.path.clone();
        leaf_of_environment(value, &mut path);
        Place::Variable(layers::variable(&path))
    }
}

/// Extends `path` to the first value below that the environment set.
fn leaf_of_environment(value: &Value, path: &mut KeyPath) {
    if let ValueKind::Table(table) = &value.kind
        && let Some((key, value)) = sorted(table).into_iter().next()
    {
        path.push(key.clone());
        leaf_of_environment(value, path);
    }
}

/// In the order of the alphabet, so that problems come in the same order each time.
fn sorted(table: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    entries
}
