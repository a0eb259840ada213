//! The Markdown tree that every renderer reads.

/// A block: something that stands on lines of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// Words.
    Paragraph(Vec<Inline>),
    /// A heading.
    Heading {
        /// From 1 to 6.
        level: u8,
        /// Whether it is a paragraph that a line of `=` or `-` made a heading.
        underlined: bool,
        /// Its words.
        content: Vec<Inline>,
    },
    /// A quotation.
    Quote(Vec<Block>),
    /// A list.
    List(List),
    /// Code, fenced or indented.
    Code {
        /// The language its fence names.
        language: Option<String>,
        /// The code, without the newline that ends its last line.
        text: String,
    },
    /// A table.
    Table(Table),
    /// A line across the page.
    Rule,
    /// A link definition. It is shown, since what it defines may have been shown already.
    Definition {
        /// What links call it.
        label: String,
        /// Where it leads.
        url: String,
        /// Its title, perhaps empty.
        title: String,
    },
}

/// A list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// The number of the first item; `None` if it has bullets.
    pub start: Option<u64>,
    /// Whether its items stand close together.
    pub tight: bool,
    /// Its items.
    pub items: Vec<Item>,
}

/// An item of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// Whether its box is ticked; `None` if it has no box.
    pub checked: Option<bool>,
    /// What it holds.
    pub blocks: Vec<Block>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// How each column is aligned.
    pub alignments: Vec<Alignment>,
    /// The cells of the first row.
    pub head: Vec<Vec<Inline>>,
    /// The cells of the other rows.
    pub rows: Vec<Vec<Vec<Inline>>>,
}

/// How a column of a table is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alignment {
    /// As the reader's program likes.
    None,
    /// To the left.
    Left,
    /// In the middle.
    Center,
    /// To the right.
    Right,
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inline {
    /// Words. Raw HTML is words too.
    Text(String),
    /// Code.
    Code(String),
    /// Emphasised.
    Emphasis(Vec<Inline>),
    /// Strongly emphasised.
    Strong(Vec<Inline>),
    /// Struck out.
    Strike(Vec<Inline>),
    /// A link. Its target is whatever the model wrote; see [`crate::link::is_safe`].
    Link {
        /// Where it leads.
        url: String,
        /// What is shown.
        content: Vec<Inline>,
    },
    /// A picture. It is never fetched.
    Image {
        /// Where it is.
        url: String,
        /// What it shows, in words.
        alt: String,
    },
    /// A new line that the source asks for.
    Break,
    /// A new line in the source that may be a space.
    SoftBreak,
}

/// The words of `inlines` without any form.
pub(crate) fn words(inlines: &[Inline]) -> String {
    let mut out = String::new();
    push_words(inlines, &mut out);
    out
}

fn push_words(inlines: &[Inline], out: &mut String) {
    for inline in inlines {
        match inline {
            Inline::Text(text) | Inline::Code(text) => out.push_str(text),
            Inline::Emphasis(inner) | Inline::Strong(inner) | Inline::Strike(inner) => {
                push_words(inner, out);
            }
            Inline::Link { content, .. } => push_words(content, out),
            Inline::Image { alt, .. } => out.push_str(alt),
            Inline::Break | Inline::SoftBreak => out.push(' '),
        }
    }
}

/// The words of `blocks` without any form, those of link definitions and code among them.
pub(crate) fn all_words(blocks: &[Block]) -> String {
    let mut out = String::new();
    push_all_words(blocks, &mut out);
    out
}

fn push_all_words(blocks: &[Block], out: &mut String) {
    for block in blocks {
        match block {
            Block::Paragraph(content) | Block::Heading { content, .. } => push_words(content, out),
            Block::Quote(blocks) => push_all_words(blocks, out),
            Block::List(list) => {
                for item in &list.items {
                    push_all_words(&item.blocks, out);
                }
            }
            Block::Code { text, .. } => out.push_str(text),
            Block::Table(table) => {
                for cell in std::iter::once(&table.head).chain(&table.rows).flatten() {
                    push_words(cell, out);
                    out.push(' ');
                }
            }
            Block::Rule => {}
            Block::Definition { label, url, title } => {
                out.extend([label, " ", url, " ", title]);
            }
        }
        out.push('\n');
    }
}
