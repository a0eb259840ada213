//! Words of ours that stand inside the user's messages: date, passages, summary, quotations.
//!
//! What others wrote is quoted line by line. A quotation has no end mark, so none can be forged.

use super::{
    Tail, ThreadMessage,
    budget::Budget,
    piece::{Piece, paragraphs},
    speaker::{self, is_break},
};
use crate::{Timestamp, prompt::PromptRole, store::Summary};

/// The longest quotation of a message, in characters.
pub(super) const QUOTE_LEN: usize = 400;

/// The longest name of a source or a file, in characters.
const LABEL_LEN: usize = 80;

/// The volatile piece: what is different each time. What was replied to is taken from the newest on,
/// and passages from the best on, while they fit into `budget`.
pub(super) fn piece(tail: &Tail, tell_time: bool, budget: &mut Budget<'_>) -> Option<Piece> {
    let hour = match tell_time {
        true => hour(tail.now),
        false => String::new(),
    };
    let mut text = hour.clone();
    let room = budget.left();
    let fits = |text: &str| budget.cost(&Piece::words(PromptRole::User, text)) <= room;
    for from in (0..tail.thread.len()).rev() {
        let longer = paragraphs(&[&hour, &thread(&tail.thread[from..])]);
        if !fits(&longer) {
            break;
        }
        text = longer;
    }
    for passage in &tail.passages {
        let source = label(passage.source.expose());
        let quoted = format!("From {source}:\n{}", quote(passage.text.expose()));
        let longer = paragraphs(&[&text, &quoted]);
        if !fits(&longer) {
            break;
        }
        text = longer;
    }
    let piece = Piece::words(PromptRole::User, text);
    (!piece.is_empty() && budget.try_take(&piece)).then_some(piece)
}

fn thread(messages: &[ThreadMessage]) -> String {
    let mut text = "(What led to the message replied to:)".to_owned();
    for message in messages {
        let whom = speaker::whom(message.author.as_ref());
        let said = clip(message.text.expose().trim(), QUOTE_LEN);
        text.push_str(&format!("\n{whom}:\n{}", quote(&said)));
    }
    text
}

/// The piece that tells what was cut.
pub(super) fn summary(summary: &Summary) -> Piece {
    let text = format!(
        "(Earlier in this conversation:)\n{}",
        quote(summary.text.expose())
    );
    Piece::words(PromptRole::User, text)
}

/// The date and the hour begun, which is the same for a whole hour.
fn hour(now: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(now.0)
        .map(|now| {
            now.strftime("(Now: %A, %-d %B %Y, about %H:00 UTC)")
                .to_string()
        })
        .unwrap_or_default()
}

/// `text` with a mark in front of each line.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 16);
    for (index, line) in text.replace("\r\n", "\n").split(is_break).enumerate() {
        quoted.push_str(if index == 0 { "> " } else { "\n> " });
        quoted.push_str(line);
    }
    quoted
}

/// The beginning of `text`, marked if there is more.
pub(super) fn clip(text: &str, len: usize) -> String {
    match text.char_indices().nth(len) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// A name on one line and of bounded length.
pub(super) fn label(name: &str) -> String {
    let line: String = name
        .chars()
        .map(|c| {
            if c.is_control() || is_break(c) {
                ' '
            } else {
                c
            }
        })
        .collect();
    clip(line.trim(), LABEL_LEN)
}
