//! Chat templates: messages to the text a model expects, with people's words kept apart.

mod engine;
mod shape;

use causerie_core::{
    Clock, Text,
    prompt::{PromptMessage, PromptRole},
};
use engine::Engine;
use shape::{Said, Shape};
use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
};
use thiserror::Error;

/// What most small models of today were trained on; used where a model brings no template.
const CHATML: &str = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + \
     message['content'] + '<|im_end|>\n' }}{% endfor %}\
     {% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/// Why a prompt could not be rendered.
#[derive(Debug, Error)]
pub(crate) enum TemplateError {
    /// The template does not parse, raised an exception, or took too long or too much room.
    #[error("the chat template failed: {0}")]
    Failed(#[from] minijinja::Error),
    /// Some message does not occur in what it rendered.
    #[error("the chat template left out message {0}")]
    Lost(usize),
}

/// A stretch of a rendered prompt.
#[derive(Debug, PartialEq)]
pub(crate) enum Piece {
    /// Written by the template: marks in it count.
    Scaffold(String),
    /// Written by people, models or tools: nothing in it is a mark.
    Words(String),
}

/// A model's chat template.
///
/// The template never sees people's words. It is given placeholders that nobody can guess, with
/// the words' own white space around them so that a template that trims still trims; the words
/// take the placeholders' places after rendering, in pieces of their own.
pub(crate) struct ChatTemplate {
    engine: Engine,
    shape: Shape,
}

impl ChatTemplate {
    /// The template with the given source; `None` and one that renders no ordinary conversation
    /// give ChatML, with a warning.
    pub(crate) fn new(source: Option<&str>, bos: &str, eos: &str, clock: Arc<dyn Clock>) -> Self {
        let own = source.map(|source| Self::fitting(source, bos, eos, clock.clone()));
        match own {
            Some(Ok(template)) => return template,
            Some(Err(error)) => {
                tracing::warn!(%error, "the model's chat template cannot be used; using ChatML");
            }
            None => tracing::warn!("the model has no chat template; using ChatML"),
        }
        Self::fitting(CHATML, bos, eos, clock).expect("ChatML renders every conversation")
    }

    /// Finds the shape of conversation that the template takes. It is found once, so that all
    /// prompts of a conversation have the same one.
    fn fitting(
        source: &str,
        bos: &str,
        eos: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TemplateError> {
        use PromptRole::{Assistant, System, User};
        let probe = |roles: &[_]| -> Vec<_> {
            roles
                .iter()
                .map(|role| PromptMessage::words(*role, "a word"))
                .collect()
        };
        let free = probe(&[System, User, User, Assistant, System, User]);
        let bare = probe(&[User, Assistant, User]);
        let mut template = Self {
            engine: Engine::new(source, bos, eos, clock)?,
            shape: Shape::FREE,
        };
        let mut last = None;
        for shape in [Shape::FREE, Shape::ALTERNATING, Shape::STRICT] {
            template.shape = shape;
            match template.render(&free).and_then(|_| template.render(&bare)) {
                Ok(_) => return Ok(template),
                Err(error) => last = Some(error),
            }
        }
        Err(last.expect("at least one shape was tried"))
    }

    /// Renders `messages` with the beginning of an answer at the end.
    ///
    /// # Errors
    /// If the template fails or loses a message.
    pub(crate) fn render(&self, messages: &[PromptMessage]) -> Result<Vec<Piece>, TemplateError> {
        let said = self.shape.apply(messages);
        let mark = Placeholder::new();
        let shown = said
            .iter()
            .enumerate()
            .map(|(index, said)| (said.role, mark.stand_in(index, &said.text)));
        let rendered = self.engine.render(&shown.collect::<Vec<_>>())?;
        splice(&rendered, &mark, &said)
    }
}

/// Stands for people's words while the template is rendered.
struct Placeholder {
    nonce: String,
}

impl Placeholder {
    fn new() -> Self {
        // Each `RandomState` has fresh random keys; nobody who writes a message can know them.
        let random = || RandomState::new().build_hasher().finish();
        Self {
            nonce: format!("causerie{:016x}{:016x}n", random(), random()),
        }
    }

    /// What the template is shown in place of `text`.
    fn stand_in(&self, index: usize, text: &Text) -> String {
        let text = text.expose();
        let (lead, tail) = (text.len() - text.trim_start().len(), text.trim_end().len());
        let (lead, tail) = if lead > tail {
            ("", "")
        } else {
            (&text[..lead], &text[tail..])
        };
        format!("{lead}{}{index:08}{tail}", self.nonce)
    }
}

/// Puts the words in place of their placeholders.
fn splice(rendered: &str, mark: &Placeholder, said: &[Said]) -> Result<Vec<Piece>, TemplateError> {
    let mut pieces = vec![];
    let mut seen = vec![false; said.len()];
    let mut rest = rendered;
    while let Some(at) = rest.find(&mark.nonce) {
        let number = &rest[at + mark.nonce.len()..];
        let index = number
            .get(..8)
            .and_then(|digits| digits.parse::<usize>().ok());
        let index = index
            .filter(|index| *index < said.len())
            .ok_or(TemplateError::Lost(0))?;
        push(&mut pieces, Piece::Scaffold(rest[..at].to_owned()));
        push(
            &mut pieces,
            Piece::Words(said[index].text.expose().trim().to_owned()),
        );
        seen[index] = true;
        rest = &number[8..];
    }
    push(&mut pieces, Piece::Scaffold(rest.to_owned()));
    match seen.iter().position(|seen| !seen) {
        Some(index) => Err(TemplateError::Lost(index)),
        None => Ok(pieces),
    }
}

fn push(pieces: &mut Vec<Piece>, piece: Piece) {
    match &piece {
        Piece::Scaffold(text) | Piece::Words(text) if text.is_empty() => {}
        _ => pieces.push(piece),
    }
}

#[cfg(test)]
mod tests;
