//! Answers of scripts, taken apart: lists of strings, numbers written in digits.

use crate::fault::Fault;
use redis::Value;
use std::{str::FromStr, vec::IntoIter};

const STRANGE: Fault = Fault::Damaged("a script answered something else than it should");

/// A list that is taken apart from the front.
pub(crate) struct Reply(IntoIter<Value>);

impl Reply {
    pub(crate) fn new(value: Value) -> Result<Self, Fault> {
        match value {
            Value::Array(values) => Ok(Self(values.into_iter())),
            _ => Err(STRANGE),
        }
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, Fault> {
        match self.0.next() {
            Some(Value::BulkString(bytes)) => Ok(bytes),
            _ => Err(STRANGE),
        }
    }

    pub(crate) fn text(&mut self) -> Result<String, Fault> {
        String::from_utf8(self.bytes()?).map_err(|_| STRANGE)
    }

    pub(crate) fn parse<T: FromStr>(&mut self) -> Result<T, Fault> {
        parse(&self.text()?)
    }

    /// An instant or a number that may be missing.
    pub(crate) fn maybe<T: FromStr>(&mut self) -> Result<Option<T>, Fault> {
        let text = self.text()?;
        (!text.is_empty()).then(|| parse(&text)).transpose()
    }

    pub(crate) fn list(&mut self) -> Result<Reply, Fault> {
        Reply::new(self.0.next().ok_or(STRANGE)?)
    }

    pub(crate) fn pair(&mut self) -> Result<(String, String), Fault> {
        Ok((self.text()?, self.text()?))
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    /// What is left, each part read by `read`.
    pub(crate) fn each<T>(
        mut self,
        mut read: impl FnMut(&mut Reply) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let mut found = Vec::with_capacity(self.0.len());
        while self.0.len() > 0 {
            found.push(read(&mut self)?);
        }
        Ok(found)
    }
}

pub(crate) fn parse<T: FromStr>(text: &str) -> Result<T, Fault> {
    text.parse().map_err(|_| STRANGE)
}

/// An answer that is one string.
pub(crate) fn word(value: Value) -> Result<String, Fault> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).map_err(|_| STRANGE),
        Value::SimpleString(text) => Ok(text),
        _ => Err(STRANGE),
    }
}
