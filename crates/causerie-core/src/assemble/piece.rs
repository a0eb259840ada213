//! What a prompt is put together from, and how pieces become messages.

use crate::{
    event::Attachment,
    id::Seq,
    message::ToolCall,
    prompt::{PromptMessage, PromptRole},
};
use std::cell::OnceCell;

/// What stands between two pieces of one message.
pub(super) const JOINT: &str = "\n\n";

/// The smallest thing that is kept, cut and counted as a whole.
pub(super) struct Piece {
    pub(super) role: PromptRole,
    pub(super) text: String,
    pub(super) images: Vec<Attachment>,
    pub(super) tool_calls: Vec<ToolCall>,
    pub(super) answers: Option<String>,
    /// Set where a turn begins, to the first message of that turn. History is cut only here.
    pub(super) opens: Option<Seq>,
    /// The tokens of its content, once they have been counted.
    pub(super) counted: OnceCell<u32>,
}

impl Piece {
    /// A piece of words alone.
    pub(super) fn words(role: PromptRole, text: impl Into<String>) -> Self {
        Self {
            role,
            text: text.into(),
            images: vec![],
            tool_calls: vec![],
            answers: None,
            opens: None,
            counted: OnceCell::new(),
        }
    }

    /// Whether it says nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.images.is_empty() && self.tool_calls.is_empty()
    }

    /// Whether it becomes one message with `before`, the piece in front of it.
    pub(super) fn joins(&self, before: &Piece) -> bool {
        self.role == before.role && is_open(before.role, &before.tool_calls)
    }

    fn into_message(self) -> PromptMessage {
        PromptMessage {
            role: self.role,
            text: self.text.into(),
            images: self.images,
            tool_calls: self.tool_calls,
            answers: self.answers,
        }
    }
}

/// The messages of a prompt.
pub(super) struct Joined {
    pub(super) messages: Vec<PromptMessage>,
    /// How many of them will stand unchanged in the next prompt.
    pub(super) stable: usize,
}

impl Joined {
    /// Whether there is nothing in it but words, which a tokeniser can count exactly.
    pub(super) fn is_plain(&self) -> bool {
        self.messages
            .iter()
            .all(|message| message.images.is_empty() && message.tool_calls.is_empty())
    }
}

/// Joins neighbours of the same role. `volatile` is the index of the piece that will be another one
/// next time.
pub(super) fn join(pieces: Vec<Piece>, volatile: Option<usize>) -> Joined {
    let mut messages: Vec<PromptMessage> = vec![];
    let mut stable = None;
    let opens = |last: &PromptMessage| is_open(last.role, &last.tool_calls);
    for (index, piece) in pieces.into_iter().enumerate() {
        match messages.last_mut() {
            Some(last) if last.role == piece.role && opens(last) => append(last, piece),
            _ => messages.push(piece.into_message()),
        }
        if volatile == Some(index) {
            stable = Some(messages.len() - 1);
        }
    }
    // What comes next may still be joined to an open last message.
    let closed = messages.len() - usize::from(messages.last().is_some_and(opens));
    Joined {
        stable: stable.unwrap_or(closed),
        messages,
    }
}

/// Whether another piece of the same role is joined to what has this role and these calls.
fn is_open(role: PromptRole, calls: &[ToolCall]) -> bool {
    match role {
        PromptRole::User => true,
        PromptRole::Assistant => calls.is_empty(),
        PromptRole::System | PromptRole::Tool => false,
    }
}

fn append(message: &mut PromptMessage, piece: Piece) {
    if !message.text.is_empty() && !piece.text.is_empty() {
        message.text.push(JOINT);
    }
    message.text.push(&piece.text);
    message.images.extend(piece.images);
    message.tool_calls.extend(piece.tool_calls);
}

/// Joins those of `texts` that are not empty.
pub(super) fn paragraphs(texts: &[&str]) -> String {
    let texts: Vec<&str> = texts.iter().copied().filter(|t| !t.is_empty()).collect();
    texts.join(JOINT)
}
