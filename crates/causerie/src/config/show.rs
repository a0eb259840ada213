//! The configuration in effect, as `causerie config show` prints it.

use super::{Loaded, document::KeyPath};
use toml::Value;

/// As TOML. A secret that is set shows as an empty text, and where the file says `${NAME}`, that
/// is what stands here too.
///
/// # Errors
/// If the configuration cannot be written as TOML, which would be a mistake of ours.
pub fn show(loaded: &Loaded) -> Result<String, toml::ser::Error> {
    let mut whole = Value::try_from(&loaded.config)?;
    for (path, raw) in &loaded.filled {
        if let Some(value) = find(&mut whole, path)
            && value.as_str().is_some_and(|text| !text.is_empty())
        {
            *value = Value::String(raw.clone());
        }
    }
    let from = match &loaded.file {
        Some(file) => format!("{} and the environment", file.display()),
        None => "the defaults and the environment; there is no file".to_owned(),
    };
    Ok(format!(
        "# From {from}. Secrets show as \"\".\n\n{}",
        toml::to_string_pretty(&whole)?
    ))
}

fn find<'v>(value: &'v mut Value, path: &KeyPath) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, key| match value {
        Value::Table(table) => table.get_mut(key),
        Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
        _ => None,
    })
}
