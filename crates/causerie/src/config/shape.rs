//! What a schema says about one value, in the few words of JSON Schema that ours uses.

use config::{Value, ValueKind};
use serde_json::Value as Json;

/// What may stand under `key` in a table.
pub(super) fn property<'s>(schema: &'s Json, key: &str) -> Option<&'s Json> {
    let named = schema
        .get("properties")
        .and_then(|properties| properties.get(key));
    named.or_else(|| {
        schema
            .get("additionalProperties")
            .filter(|more| more.is_object())
    })
}

/// The branches of a table that is told apart by its `kind`.
pub(super) fn tagged(schema: &Json) -> Option<Vec<(String, &Json)>> {
    let branches = schema.get("oneOf")?.as_array()?;
    branches
        .iter()
        .map(|branch| {
            let kind = branch
                .get("properties")?
                .get("kind")?
                .get("const")?
                .as_str()?;
            Some((kind.to_owned(), branch))
        })
        .collect()
}

/// The names a value is chosen from.
pub(super) fn names(schema: &Json) -> Option<Vec<String>> {
    if let Some(listed) = schema.get("enum").and_then(Json::as_array) {
        return Some(
            listed
                .iter()
                .filter_map(Json::as_str)
                .map(str::to_owned)
                .collect(),
        );
    }
    let each = schema.get("oneOf")?.as_array()?.iter().map(names_of_branch);
    each.collect::<Option<Vec<_>>>().map(|names| names.concat())
}

fn names_of_branch(branch: &Json) -> Option<Vec<String>> {
    let single = branch
        .get("const")
        .and_then(Json::as_str)
        .map(|name| vec![name.to_owned()]);
    single.or_else(|| names(branch))
}

/// What an optional value is when it is there.
pub(super) fn not_null(schema: &Json) -> &Json {
    let choices = schema.get("anyOf").and_then(Json::as_array);
    let is_null = |choice: &&Json| choice.get("type").and_then(Json::as_str) == Some("null");
    choices
        .and_then(|choices| choices.iter().find(|c| !is_null(c)))
        .unwrap_or(schema)
}

/// The type of a value that is there.
pub(super) fn type_name(value: &Json) -> &str {
    match value {
        Json::String(name) => name,
        Json::Array(names) => names
            .iter()
            .filter_map(Json::as_str)
            .find(|name| *name != "null")
            .unwrap_or("null"),
        _ => "null",
    }
}

/// Whether it is text.
pub(super) fn is_text(schema: &Json) -> bool {
    schema.get("type").map(type_name) == Some("string")
}

/// Reads what a variable of the environment holds.
pub(super) fn parse(expected: &str, text: &str) -> Option<Json> {
    match expected {
        "boolean" => text.parse::<bool>().ok().map(Json::from),
        "integer" => text.parse::<i64>().ok().map(Json::from),
        _ => text.parse::<f64>().ok().map(Json::from),
    }
}

/// What people call a type.
pub(super) fn words(expected: &str) -> &'static str {
    match expected {
        "string" => "text in quotes",
        "boolean" => "true or false",
        "integer" => "a whole number",
        _ => "a number",
    }
}

/// What people call what they wrote.
pub(super) fn found(value: &Value) -> &'static str {
    match &value.kind {
        ValueKind::Nil => "nothing",
        ValueKind::Boolean(_) => "true or false",
        ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => {
            "a whole number"
        }
        ValueKind::Float(_) => "a number with a fraction",
        ValueKind::String(_) => "text",
        ValueKind::Table(_) => "a table",
        ValueKind::Array(_) => "a list",
    }
}
