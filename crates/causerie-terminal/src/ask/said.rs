//! What came of a question.

use crate::ending::Ending;
use causerie_core::{
    Timestamp,
    platform::{Content, Notice},
};

/// All that came.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Whether a person has seen the beginning of it.
    pub(super) begun: bool,
    /// What the model says, part by part.
    pub(super) answer: Vec<String>,
    /// What we say ourselves, and why.
    pub(super) notices: Vec<(String, Notice)>,
}

impl Said {
    pub(super) fn note(&mut self, content: &Content) {
        let (words, line) = parts(content);
        if !words.is_empty() {
            self.answer.push(words.to_owned());
        }
        if let Some((line, notice)) = line {
            self.notices.push((line.to_owned(), notice));
        }
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun || !self.answer.is_empty() || !self.notices.is_empty()
    }

    /// The worst of what was said; `None` if nothing was.
    pub(super) fn ending(&self) -> Option<Ending> {
        let told = self.notices.iter().map(|(_, notice)| Ending::of(*notice));
        let told = told.reduce(|before, next| {
            if next == Ending::Answered {
                before
            } else {
                next
            }
        });
        told.or((!self.answer.is_empty()).then_some(Ending::Answered))
    }

    pub(super) fn answer(&self) -> Option<String> {
        (!self.answer.is_empty()).then(|| self.answer.join("\n\n"))
    }

    pub(super) fn notice(&self) -> Option<String> {
        let notices: Vec<&str> = self.notices.iter().map(|(text, _)| text.as_str()).collect();
        (!notices.is_empty()).then(|| notices.join("\n\n"))
    }

    pub(super) fn retry_at(&self) -> Option<Timestamp> {
        self.notices.iter().find_map(|(_, notice)| match notice {
            Notice::Refused { until } => *until,
            _ => None,
        })
    }
}

/// The model's words in a message, and our line.
pub(super) fn parts(content: &Content) -> (&str, Option<(&str, Notice)>) {
    parts_of(content.markdown.expose(), content.notice)
}

/// The same for a message, or the end of one.
pub(super) fn parts_of(text: &str, notice: Option<Notice>) -> (&str, Option<(&str, Notice)>) {
    let Some(notice) = notice else {
        return (text, None);
    };
    let (words, line) = notice.part(text);
    (words, Some((line, notice)))
}
