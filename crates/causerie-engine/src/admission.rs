//! Who is answered, and how much.

use causerie_core::{event::Event, outcome::Refusal};
use serde::Deserialize;

/// Who is answered. A block wins over an allow; an empty allow list allows everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admission {
    /// Only these are answered, unless the list is empty.
    pub allow: Vec<Rule>,
    /// These are never answered, and never told so.
    pub block: Vec<Rule>,
}

/// Matches events whose platform, place and participant all match.
///
/// Platform is the configured name; place and participant are the adapter's own ids without the
/// platform. `*` stands for any run of characters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// Which platforms.
    pub platform: Pattern,
    /// Which places on them.
    pub place: Pattern,
    /// Which people on them.
    pub participant: Pattern,
    /// In an allow list: whether it admits bots too. Elsewhere without effect.
    pub bots: bool,
}

impl Default for Rule {
    fn default() -> Self {
        let any = || Pattern::new("*");
        Self {
            platform: any(),
            place: any(),
            participant: any(),
            bots: false,
        }
    }
}

/// A text in which `*` stands for any run of characters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Pattern(String);

impl Pattern {
    /// Takes `text` as a pattern.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether `text` is one of those meant.
    pub fn matches(&self, text: &str) -> bool {
        let (mut rest, mut pieces) = (text, self.0.split('*').peekable());
        let Some(first) = pieces.next() else {
            return text.is_empty();
        };
        let Some(after) = rest.strip_prefix(first) else {
            return false;
        };
        rest = after;
        if pieces.peek().is_none() {
            return rest.is_empty();
        }
        while let Some(piece) = pieces.next() {
            if pieces.peek().is_none() {
                return rest.ends_with(piece);
            }
            match rest.find(piece) {
                Some(at) => rest = &rest[at + piece.len()..],
                None => return false,
            }
        }
        true
    }
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl Rule {
    fn matches(&self, event: &Event) -> bool {
        let platform = event.conversation.platform();
        platform.is_ok_and(|platform| self.platform.matches(platform.as_str()))
            && self.place.matches(event.place.as_str())
            && self.participant.matches(event.author.id.rest())
    }
}

/// Why somebody is not answered, and whether they are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    /// Why.
    pub(crate) refusal: Refusal,
    /// Whether one line tells them. Bots and those who are blocked hear nothing.
    pub(crate) told: bool,
}

impl Admission {
    /// Whether the author of `event` is answered there.
    pub(crate) fn check(&self, event: &Event) -> Result<(), Denied> {
        let silent = |refusal| {
            Err(Denied {
                refusal,
                told: false,
            })
        };
        if self.block.iter().any(|rule| rule.matches(event)) {
            return silent(Refusal::NotAllowed);
        }
        if event.author.is_bot {
            return match self
                .allow
                .iter()
                .any(|rule| rule.bots && rule.matches(event))
            {
                true => Ok(()),
                false => silent(Refusal::Bot),
            };
        }
        if self.allow.is_empty() || self.allow.iter().any(|rule| rule.matches(event)) {
            return Ok(());
        }
        Err(Denied {
            refusal: Refusal::NotAllowed,
            told: true,
        })
    }
}

#[cfg(test)]
mod tests;
