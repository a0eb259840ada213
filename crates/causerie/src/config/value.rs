//! Values that TOML has no type for.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{borrow::Cow, fmt, net::SocketAddr, str::FromStr, time::Duration};
use thiserror::Error;

/// A token or a password. It prints and serialises as nothing.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The secret itself. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(String::deserialize(deserializer)?))
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    /// `writeOnly` is how JSON Schema says "secret"; [`super::json_schema`] adds the `_file` key.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "writeOnly": true })
    }

    fn inline_schema() -> bool {
        true
    }
}

/// Reads the address of a listener.
///
/// # Errors
/// With an example, if the text is none.
pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .map_err(|_| D::Error::custom("an address is a number and a port, like \"127.0.0.1:8080\""))
}

/// A length of time, written like `500ms`, `120s`, `5m`, `2h` or `1d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period(pub Duration);

/// Why a text is no length of time.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PeriodError {
    /// It is not a whole number and a unit.
    #[error(
        "a length of time is a whole number with a unit, like \"500ms\", \"120s\", \"5m\", \"2h\" or \"1d\""
    )]
    Shape,
    /// It is longer than a hundred years.
    #[error("this length of time is too long")]
    TooLong,
}

/// Each unit and its milliseconds, the largest first, so that printing takes the first that fits.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let digits = text
            .find(|c: char| !c.is_ascii_digit())
            .ok_or(PeriodError::Shape)?;
        let (number, unit) = text.split_at(digits);
        let (_, scale) = UNITS
            .into_iter()
            .find(|(name, _)| *name == unit.trim_start())
            .ok_or(PeriodError::Shape)?;
        if number.is_empty() {
            return Err(PeriodError::Shape);
        }
        let number: u64 = number.parse().map_err(|_| PeriodError::TooLong)?;
        let millis = number
            .checked_mul(scale)
            .filter(|m| *m < 36_500 * 86_400_000);
        Ok(Self(Duration::from_millis(
            millis.ok_or(PeriodError::TooLong)?,
        )))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis() as u64;
        let fits = |(_, scale): &(&str, u64)| millis >= *scale && millis.is_multiple_of(*scale);
        let (unit, scale) = UNITS.into_iter().find(fits).unwrap_or(("s", 1000));
        write!(f, "{}{unit}", millis / scale)
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+ *(ms|s|m|h|d)$" })
    }

    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_and_printed() {
        for text in ["500ms", "1500ms", "90s", "5m", "2h", "1d", "0s"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        assert_eq!("120s".parse::<Period>().unwrap().to_string(), "2m");
        for text in ["", "5", "s", "5 parsecs", "-5s", "1.5s"] {
            assert_eq!(text.parse::<Period>(), Err(PeriodError::Shape), "{text}");
        }
        assert_eq!(
            "99999999999999999999s".parse::<Period>(),
            Err(PeriodError::TooLong)
        );
        assert_eq!("99999999d".parse::<Period>(), Err(PeriodError::TooLong));
    }

    #[test]
    fn a_secret_prints_as_nothing() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "Secret");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"\"");
    }
}
