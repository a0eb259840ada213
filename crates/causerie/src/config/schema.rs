//! The JSON Schema of the configuration: what `causerie config schema` prints, and what [`super::check`]
//! holds a file against.

use super::Config;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// The keyword that marks a key as the file of a secret; its value is the secret's key.
pub(super) const SECRET_FILE: &str = "x-secret-file";

/// The schema of the whole file, self-contained.
pub fn json_schema() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<Config>()
        .to_value();
    add_secret_files(&mut schema);
    schema
}

/// Whether tables may stand there.
pub(super) fn is_table(schema: &Value) -> bool {
    let choices = ["anyOf", "oneOf"]
        .iter()
        .filter_map(|choice| schema[*choice].as_array());
    schema["type"] == "object" || choices.flatten().any(is_table)
}

/// Beside each secret `x` stands `x_file`, the path of a file that holds it.
fn add_secret_files(schema: &mut Value) {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        let secrets: Vec<String> = properties
            .iter()
            .filter(|(_, property)| is_secret(property))
            .map(|(key, _)| key.clone())
            .collect();
        for key in secrets {
            let file = json!({
                "description": format!("A file that holds `{key}`; a line end after it does no harm."),
                "type": "string",
                SECRET_FILE: key,
            });
            properties.insert(format!("{key}_file"), file);
        }
    }
    match schema {
        Value::Object(fields) => fields.values_mut().for_each(add_secret_files),
        Value::Array(items) => items.iter_mut().for_each(add_secret_files),
        _ => {}
    }
}

/// Whether a value of this schema is a secret.
pub(super) fn is_secret(schema: &Value) -> bool {
    let own = schema.get("writeOnly").and_then(Value::as_bool) == Some(true);
    own || schema
        .get("anyOf")
        .and_then(Value::as_array)
        .is_some_and(|of| of.iter().any(is_secret))
}

/// The schema of what stands at `path`, or `None` if nothing may.
pub(super) fn at<'s>(schema: &'s Value, path: &[String]) -> Option<&'s Value> {
    let Some((key, rest)) = path.split_first() else {
        return Some(schema);
    };
    for choice in ["anyOf", "oneOf", "allOf"] {
        let choices = schema
            .get(choice)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        if let Some(found) = choices.into_iter().find_map(|choice| at(choice, path)) {
            return Some(found);
        }
    }
    let next = schema
        .get("properties")
        .and_then(|properties| properties.get(key))
        .or_else(|| {
            schema
                .get("additionalProperties")
                .filter(|more| more.is_object())
        })
        .or_else(|| schema.get("items").filter(|_| key.parse::<usize>().is_ok()))?;
    at(next, rest)
}
