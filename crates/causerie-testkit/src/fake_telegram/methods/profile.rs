//! Methods about what the bot says of itself.

use super::{Result, string};
use crate::fake_telegram::{failure::Failure, state::State};
use serde_json::{Map, Value, json};

pub(super) fn commands(
    state: &mut State,
    method: &str,
    values: &Map<String, Value>,
) -> Result<Value> {
    let scope = values.get("scope");
    let scope = scope.map_or_else(|| r#"{"type":"default"}"#.to_owned(), Value::to_string);
    let language = string(values, "language_code").unwrap_or_default();
    let key = (scope, language.to_owned());
    match method {
        "getMyCommands" => {
            let commands = state.commands.get(&key).cloned();
            return Ok(commands.unwrap_or_else(|| json!([])));
        }
        "deleteMyCommands" => {
            state.commands.remove(&key);
        }
        _ => {
            let commands = values.get("commands").cloned().unwrap_or_default();
            check(&commands)?;
            state.commands.insert(key, commands);
        }
    }
    Ok(json!(true))
}

fn check(commands: &Value) -> Result<()> {
    let commands = commands.as_array().map(Vec::as_slice).unwrap_or_default();
    if commands.len() > 100 {
        return Err(Failure::bad("BOT_COMMANDS_TOO_MUCH"));
    }
    for command in commands {
        let name = command["command"].as_str().unwrap_or_default();
        let name = name.strip_prefix('/').unwrap_or(name);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !(1..=32).contains(&name.len()) || !name.chars().all(plain) {
            return Err(Failure::bad("BOT_COMMAND_INVALID"));
        }
        let description = command["description"].as_str().unwrap_or_default();
        if !(1..=256).contains(&description.chars().count()) {
            return Err(Failure::bad("BOT_COMMAND_DESCRIPTION_INVALID"));
        }
    }
    Ok(())
}

pub(super) fn text(state: &mut State, method: &str, values: &Map<String, Value>) -> Result<Value> {
    let (field, most) = match &method[5..] {
        "Name" => ("name", 64),
        "Description" => ("description", 512),
        _ => ("short_description", 120),
    };
    let language = string(values, "language_code").unwrap_or_default();
    let key = (field.to_owned(), language.to_owned());
    if method.starts_with("get") {
        let text = state.profile.get(&key).cloned();
        return Ok(json!({field: text.unwrap_or_default()}));
    }
    let text = string(values, field).unwrap_or_default();
    if text.chars().count() > most {
        return Err(Failure::bad(&format!(
            "bot {} is too long",
            field.replace('_', " ")
        )));
    }
    state.profile.insert(key, text.to_owned());
    Ok(json!(true))
}
