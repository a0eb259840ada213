//! Words with looks, for a rich message.

use super::{RichStyle, RichText};
use crate::{
    flat::{Attr, Flat, Span, flat},
    telegram::with_inert_names,
    tree::{Block, Inline},
};

impl RichText {
    /// Whether there is nothing to see in it.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            RichText::Plain(text) => text.trim().is_empty(),
            RichText::Many(many) => many.iter().all(RichText::is_blank),
            RichText::Styled(
                RichStyle::Bold { text }
                | RichStyle::Italic { text }
                | RichStyle::Strikethrough { text }
                | RichStyle::Code { text }
                | RichStyle::Url { text, .. },
            ) => text.is_blank(),
        }
    }
}

/// The words of a paragraph, a heading or a cell.
pub(super) fn of_words(content: &[Inline]) -> RichText {
    of_flat(&flat(&[Block::Paragraph(content.to_vec())]))
}

/// Text with looks. Quotations are shown as words there, and blocks of code as code.
pub(super) fn of_flat(flat: &Flat) -> RichText {
    let flat = with_inert_names(flat.clone());
    let spans: Vec<Span> = flat
        .spans()
        .into_iter()
        .filter(|span| !matches!(span.attr, Attr::Quote(_)))
        .collect();
    let mut rest = spans.as_slice();
    between(&flat, 0, flat.text.len(), &mut rest)
}

/// The text from `start` to `end`, with the spans in it, which are taken from `spans`.
fn between(flat: &Flat, start: usize, end: usize, spans: &mut &[Span]) -> RichText {
    let mut many = Vec::new();
    let mut at = start;
    let push = |text: &str, many: &mut Vec<RichText>| {
        if !text.is_empty() {
            many.push(RichText::Plain(text.to_owned()));
        }
    };
    while let Some((span, rest)) = spans.split_first() {
        if span.start >= end {
            break;
        }
        *spans = rest;
        push(&flat.text[at..span.start], &mut many);
        let text = Box::new(between(flat, span.start, span.end, spans));
        at = span.end;
        many.push(match span.attr {
            Attr::Bold => RichText::Styled(RichStyle::Bold { text }),
            Attr::Italic => RichText::Styled(RichStyle::Italic { text }),
            Attr::Strike => RichText::Styled(RichStyle::Strikethrough { text }),
            Attr::Code | Attr::Pre(_) => RichText::Styled(RichStyle::Code { text }),
            Attr::Link(at) => RichText::Styled(RichStyle::Url {
                text,
                url: flat.urls[at].clone(),
            }),
            Attr::Quote(_) => *text,
        });
    }
    push(&flat.text[at..end], &mut many);
    match many.len() {
        0 => RichText::Plain(String::new()),
        1 => many.remove(0),
        _ => RichText::Many(many),
    }
}
