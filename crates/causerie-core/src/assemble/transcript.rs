//! How messages of a conversation are shown to a model.
//!
//! A turn's pieces depend on that turn alone and begin with a user's piece, so that a prompt may
//! begin with any turn.

use super::{
    piece::{Piece, paragraphs},
    speaker::{self, Escape},
    tail,
};
use crate::{
    Text,
    backend::BackendCapabilities,
    event::{Attachment, Quoted},
    id::{Seq, TurnNumber},
    message::{Message, Part, Role, ToolCall},
    prompt::PromptRole,
};
use std::collections::BTreeMap;

/// Stands where the words that were answered have been erased.
const ERASED: &str = "(a message that was deleted)";

/// Stands for the output of a call that was interrupted. Providers refuse a call without output.
const NO_OUTPUT: &str = "There is no output: the call was interrupted.";

/// The pieces that show `messages`.
pub(super) fn pieces(messages: &[Message], backend: &BackendCapabilities) -> Vec<Piece> {
    let mut transcript = Transcript {
        backend,
        pieces: vec![],
        turn: None,
        opens: None,
    };
    let mut rest = messages;
    while let Some((message, after)) = rest.split_first() {
        let answers = |m: &&Message| m.role == Role::Tool && m.turn == message.turn;
        let outputs = after.iter().take_while(answers).count();
        transcript.enter(message);
        match message.role {
            Role::User => transcript.user(message),
            Role::Assistant => transcript.assistant(message, &after[..outputs]),
            // An output whose call is gone says nothing, and providers refuse it.
            Role::Tool => {}
        }
        rest = match message.role {
            Role::Assistant => &after[outputs..],
            Role::User | Role::Tool => after,
        };
    }
    transcript.pieces
}

struct Transcript<'a> {
    backend: &'a BackendCapabilities,
    pieces: Vec<Piece>,
    turn: Option<TurnNumber>,
    /// The first message of a turn of which nothing was shown yet.
    opens: Option<Seq>,
}

impl Transcript<'_> {
    fn enter(&mut self, message: &Message) {
        if self.turn != Some(message.turn) {
            self.turn = Some(message.turn);
            self.opens = Some(message.seq);
        }
    }

    fn push(&mut self, mut piece: Piece) {
        if piece.is_empty() {
            return;
        }
        if self.opens.is_some() && piece.role != PromptRole::User {
            self.push(Piece::words(PromptRole::User, ERASED));
        }
        piece.opens = self.opens.take();
        self.pieces.push(piece);
    }

    fn user(&mut self, message: &Message) {
        let (images, files): (Vec<_>, Vec<_>) =
            attachments(message).partition(|file| self.backend.images && file.is_image());
        let mut piece = Piece::words(PromptRole::User, words(message, &files));
        piece.images = images.into_iter().cloned().collect();
        self.push(piece);
    }

    fn assistant(&mut self, message: &Message, outputs: &[Message]) {
        let text = message.text();
        let mut piece = Piece::words(
            PromptRole::Assistant,
            speaker::escape(text.expose(), Escape::Headers),
        );
        if self.backend.tools {
            piece.tool_calls = calls(message);
        }
        let calls = piece.tool_calls.clone();
        self.push(piece);
        let mut outputs = outputs_of(outputs);
        for call in calls {
            let output = outputs.remove(call.id.as_str());
            let text = output.map_or(NO_OUTPUT, Text::expose);
            let text = speaker::escape(text, Escape::Headers);
            let mut piece = Piece::words(PromptRole::Tool, text);
            piece.answers = Some(call.id);
            self.pieces.push(piece);
        }
    }
}

fn attachments(message: &Message) -> impl Iterator<Item = &Attachment> {
    message.parts.iter().filter_map(|part| match part {
        Part::Attachment(attachment) => Some(attachment),
        _ => None,
    })
}

/// The calls of a message, each id once: an output could not be matched otherwise.
fn calls(message: &Message) -> Vec<ToolCall> {
    let mut calls: Vec<ToolCall> = vec![];
    for part in &message.parts {
        if let Part::ToolCall(call) = part
            && calls.iter().all(|known| known.id != call.id)
        {
            calls.push(call.clone());
        }
    }
    calls
}

/// Outputs by the call they answer. The first of several counts.
fn outputs_of(messages: &[Message]) -> BTreeMap<&str, &Text> {
    let mut outputs = BTreeMap::new();
    for part in messages.iter().flat_map(|message| &message.parts) {
        if let Part::ToolOutput { call, text } = part {
            outputs.entry(call.as_str()).or_insert(text);
        }
    }
    outputs
}

/// Header, quotation, words and names of files, as far as there are any.
fn words(message: &Message, files: &[&Attachment]) -> String {
    let escape = match message.shared {
        true => Escape::Brackets,
        false => Escape::Headers,
    };
    let said = message.text();
    let said = speaker::escape(said.expose(), escape);
    let files: Vec<String> = files.iter().map(|file| mention(file)).collect();
    let body = paragraphs(&[&said, &files.join("\n")]);
    let quoted = message.quoted.as_ref().map(quotation);
    let body = match &quoted {
        Some(quoted) => paragraphs(&[quoted, &body]),
        None => body,
    };
    match (&message.author, message.shared) {
        (_, false) => body,
        (Some(author), true) => format!("{} {body}", speaker::header(author)),
        (None, true) => format!("{} {body}", speaker::UNKNOWN),
    }
}

fn quotation(quoted: &Quoted) -> String {
    let whom = speaker::whom(quoted.author.as_ref());
    let label = format!("(replying to {whom})");
    if quoted.text.is_blank() {
        return label;
    }
    let text = tail::clip(quoted.text.expose().trim(), tail::QUOTE_LEN);
    format!("{label}\n{}", tail::quote(&text))
}

fn mention(file: &Attachment) -> String {
    let name = tail::label(file.name.expose());
    format!("(attached: {name}, {})", tail::label(&file.media_type))
}
