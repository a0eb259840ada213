//! Text and entities for Telegram: nothing to parse there, nothing to fail.

use crate::{
    flat::{Attr, Flat, Style, flat, mentions},
    whole::{growing, whole},
};

/// Text with looks, as Telegram takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Formatted {
    /// The text, without white space around it.
    pub text: String,
    /// How its pieces look, in the order of the text, the outer before the inner.
    pub entities: Vec<Entity>,
}

/// How a piece of a text looks. Two of them stand in each other or apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// How.
    pub kind: EntityKind,
    /// Where it begins, in UTF-16 units.
    pub offset: usize,
    /// How long it is, in UTF-16 units. Never 0.
    pub length: usize,
}

/// How a piece of a text looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityKind {
    /// Bold.
    Bold,
    /// Italic.
    Italic,
    /// Struck out.
    Strikethrough,
    /// Code among words, or a name that must not be called.
    Code,
    /// A block of code.
    Pre {
        /// Its language, if it is known.
        language: Option<String>,
    },
    /// A link.
    TextLink {
        /// Where it leads. Safe to follow.
        url: String,
    },
    /// A quotation. It never stands in another.
    Blockquote,
}

/// The shortest name that Telegram calls.
const SHORTEST_NAME: usize = 4;

/// The entities that Telegram honours in one message.
const MOST_ENTITIES: usize = 100;

/// `markdown` as text with entities.
///
/// Names are not called: `@name` is code, for Telegram looks for names everywhere else.
pub fn telegram(markdown: &str) -> Formatted {
    formatted(inert_flat(&whole(markdown)))
}

/// `markdown`, which is still growing, with what is open in it closed.
pub fn telegram_growing(markdown: &str) -> Formatted {
    formatted(inert_flat(&growing(markdown)))
}

/// The text of `blocks`, and how many messages are needed for all of its looks, in hundredths.
pub(crate) fn shown(blocks: &[crate::tree::Block]) -> (String, usize) {
    let flat = inert_flat(blocks);
    let looks = flat.spans().len();
    (flat.text, looks * 100 / MOST_ENTITIES)
}

fn inert_flat(blocks: &[crate::tree::Block]) -> Flat {
    with_inert_names(flat(blocks))
}

/// Names among words as code.
pub(crate) fn with_inert_names(mut flat: Flat) -> Flat {
    let names = mentions(&flat.text, SHORTEST_NAME);
    flat.restyle(&names, |style| {
        if style.link.is_some() || style.pre.is_some() {
            return style;
        }
        Style {
            code: true,
            quote: style.quote,
            ..Style::default()
        }
    });
    flat
}

fn formatted(flat: Flat) -> Formatted {
    let spans = flat.spans();
    let mut ends: Vec<usize> = spans
        .iter()
        .flat_map(|span| [span.start, span.end])
        .collect();
    ends.sort_unstable();
    ends.dedup();
    let units = utf16_offsets(&flat.text, &ends);
    let unit = |at: usize| ends.binary_search(&at).map_or(0, |found| units[found]);
    let entities = spans
        .iter()
        .map(|span| Entity {
            kind: match span.attr {
                Attr::Bold => EntityKind::Bold,
                Attr::Italic => EntityKind::Italic,
                Attr::Strike => EntityKind::Strikethrough,
                Attr::Code => EntityKind::Code,
                Attr::Quote(_) => EntityKind::Blockquote,
                Attr::Link(at) => EntityKind::TextLink {
                    url: flat.urls[at].clone(),
                },
                Attr::Pre(at) => EntityKind::Pre {
                    language: flat.languages[at].clone(),
                },
            },
            offset: unit(span.start),
            length: unit(span.end) - unit(span.start),
        })
        .collect();
    Formatted {
        text: flat.text,
        entities,
    }
}

/// Where the byte offsets `ends`, in order, are in UTF-16 units.
fn utf16_offsets(text: &str, ends: &[usize]) -> Vec<usize> {
    let mut units = 0;
    let mut from = 0;
    ends.iter()
        .map(|end| {
            units += text[from..*end].chars().map(char::len_utf16).sum::<usize>();
            from = *end;
            units
        })
        .collect()
}

#[cfg(test)]
mod tests;
