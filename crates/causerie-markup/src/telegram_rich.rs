//! Blocks for rich messages of Telegram, as the Bot API 10.1 and later takes them.
//!
//! What is more than a rich message can hold loses its form and never its words: tables that are
//! too wide become lines, and what stands too deep or comes too late becomes one paragraph.

mod text;

use crate::{
    flat::{Layout, flat, layout},
    tree::{Alignment, Block, Inline, Item, List, Table},
    whole::{growing, whole},
};
use serde::Serialize;

/// A block of a rich message: `InputRichBlock` in the Bot API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum RichBlock {
    /// Words.
    Paragraph {
        /// The words.
        text: RichText,
    },
    /// A heading.
    Heading {
        /// Its words.
        text: RichText,
        /// From 1, the largest, to 6.
        size: u8,
    },
    /// Code.
    Pre {
        /// The code.
        text: RichText,
        /// Its language, if it is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
    /// A line across the page.
    Divider,
    /// A list.
    List {
        /// Its items.
        items: Vec<RichItem>,
    },
    /// A quotation.
    Blockquote {
        /// What it holds.
        blocks: Vec<RichBlock>,
    },
    /// A table.
    Table {
        /// Its rows, the head first.
        cells: Vec<Vec<RichCell>>,
        /// Whether it has lines.
        is_bordered: bool,
    },
}

/// An item of a list: `InputRichBlockListItem`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RichItem {
    /// What it holds.
    pub blocks: Vec<RichBlock>,
    /// Whether it has a box.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub has_checkbox: bool,
    /// Whether its box is ticked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_checked: bool,
    /// Its number, in a list with numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<u64>,
    /// How the number is written.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub number: Option<&'static str>,
}

/// A cell of a table: `RichBlockTableCell`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RichCell {
    /// Its words. One without them is not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<RichText>,
    /// Whether it is in the head.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_header: bool,
    /// `left`, `center` or `right`.
    pub align: &'static str,
    /// `top`, `middle` or `bottom`.
    pub valign: &'static str,
}

/// Words with looks: `RichText`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RichText {
    /// Words.
    Plain(String),
    /// One after the other.
    Many(Vec<RichText>),
    /// With a look.
    Styled(RichStyle),
}

/// A look, and the words that have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum RichStyle {
    /// Bold.
    Bold {
        /// The words.
        text: Box<RichText>,
    },
    /// Italic.
    Italic {
        /// The words.
        text: Box<RichText>,
    },
    /// Struck out.
    Strikethrough {
        /// The words.
        text: Box<RichText>,
    },
    /// Code among words, or a name that must not be called.
    Code {
        /// The words.
        text: Box<RichText>,
    },
    /// A link.
    Url {
        /// The words.
        text: Box<RichText>,
        /// Where it leads. Safe to follow.
        url: String,
    },
}

/// The most blocks, of which one is kept for the rest.
const MOST_BLOCKS: usize = 499;

/// The deepest block. Looks stand in each other up to four deep, which makes sixteen.
const DEEPEST: usize = 12;

/// The most columns of a table.
const MOST_COLUMNS: usize = 20;

/// `markdown` as blocks of a rich message.
///
/// Names are not called: `@name` is code. Send them with `skip_entity_detection` all the same.
pub fn telegram_rich(markdown: &str) -> Vec<RichBlock> {
    rich(&whole(markdown))
}

/// `markdown`, which is still growing, with what is open in it closed.
pub fn telegram_rich_growing(markdown: &str) -> Vec<RichBlock> {
    rich(&growing(markdown))
}

/// Whether `markdown` has something that entities cannot show as it is: a heading, a table, a rule,
/// or a list in a list or with boxes.
pub fn needs_rich(markdown: &str) -> bool {
    whole(markdown).iter().any(|block| is_rich(block, false))
}

fn is_rich(block: &Block, in_list: bool) -> bool {
    match block {
        Block::Heading { .. } | Block::Table(_) | Block::Rule => true,
        Block::Quote(blocks) => blocks.iter().any(|block| is_rich(block, in_list)),
        Block::List(list) => {
            let is_task = |item: &Item| item.checked.is_some();
            in_list
                || list.items.iter().any(|item| {
                    is_task(item) || item.blocks.iter().any(|block| is_rich(block, true))
                })
        }
        Block::Paragraph(_) | Block::Code { .. } | Block::Definition { .. } => false,
    }
}

fn rich(blocks: &[Block]) -> Vec<RichBlock> {
    let mut left = MOST_BLOCKS;
    let mut out = Vec::new();
    for (at, block) in blocks.iter().enumerate() {
        let mut one = Vec::new();
        push_block(block, 1, &mut one);
        let many = count(&one);
        if many > left {
            push_flat(&blocks[at..], &mut out);
            break;
        }
        left -= many;
        out.extend(one);
    }
    out
}

/// How many blocks there are, items among them.
fn count(blocks: &[RichBlock]) -> usize {
    let inner = |block: &RichBlock| match block {
        RichBlock::List { items } => items.iter().map(|item| 1 + count(&item.blocks)).sum(),
        RichBlock::Blockquote { blocks } => count(blocks),
        _ => 0,
    };
    blocks.iter().map(|block| 1 + inner(block)).sum()
}

/// Blocks without a form of their own.
fn push_flat(blocks: &[Block], out: &mut Vec<RichBlock>) {
    let text = text::of_flat(&flat(blocks));
    if !text.is_blank() {
        out.push(RichBlock::Paragraph { text });
    }
}

fn push_words(content: &[Inline], out: &mut Vec<RichBlock>) {
    let text = text::of_words(content);
    if !text.is_blank() {
        out.push(RichBlock::Paragraph { text });
    }
}

fn push_block(block: &Block, depth: usize, out: &mut Vec<RichBlock>) {
    match block {
        Block::Paragraph(content) => push_words(content, out),
        Block::Heading { level, content, .. } => {
            let text = text::of_words(content);
            if !text.is_blank() {
                let size = (*level).clamp(1, 6);
                out.push(RichBlock::Heading { text, size });
            }
        }
        Block::Quote(_) | Block::List(_) if depth >= DEEPEST => {
            push_flat(std::slice::from_ref(block), out);
        }
        Block::Quote(inner) => {
            let mut blocks = Vec::new();
            for block in inner {
                push_block(block, depth + 1, &mut blocks);
            }
            if !blocks.is_empty() {
                out.push(RichBlock::Blockquote { blocks });
            }
        }
        Block::List(one) => out.push(list(one, depth)),
        Block::Code { language, text } => push_code(language.as_deref(), text, out),
        Block::Table(one) => push_table(one, out),
        Block::Rule => out.push(RichBlock::Divider),
        Block::Definition { label, url, title } => {
            let words = format!("[{label}]: {url} {title}");
            push_words(&[Inline::Text(words.trim_end().to_owned())], out);
        }
    }
}

fn push_code(language: Option<&str>, code: &str, out: &mut Vec<RichBlock>) {
    let code: String = crate::flat::inert(code).collect();
    if code.trim().is_empty() {
        return;
    }
    let language = language.map(|one| one.chars().filter(|c| !c.is_control()).collect());
    out.push(RichBlock::Pre {
        text: RichText::Plain(code),
        language: language.filter(|one: &String| !one.is_empty()),
    });
}

fn list(list: &List, depth: usize) -> RichBlock {
    let items = list.items.iter().enumerate().map(|(at, item)| {
        let mut blocks = Vec::new();
        for block in &item.blocks {
            push_block(block, depth + 2, &mut blocks);
        }
        if blocks.is_empty() {
            // An item must hold something.
            let text = RichText::Plain("\u{200b}".to_owned());
            blocks.push(RichBlock::Paragraph { text });
        }
        RichItem {
            blocks,
            has_checkbox: item.checked.is_some(),
            is_checked: item.checked == Some(true),
            value: list.start.map(|start| start.saturating_add(at as u64)),
            number: list.start.map(|_| "1"),
        }
    });
    RichBlock::List {
        items: items.collect(),
    }
}

fn push_table(table: &Table, out: &mut Vec<RichBlock>) {
    if table.head.len() <= MOST_COLUMNS {
        let rows = std::iter::once((&table.head, true));
        let rows = rows.chain(table.rows.iter().map(|row| (row, false)));
        return out.push(RichBlock::Table {
            cells: rows
                .map(|(row, is_header)| cells(row, is_header, &table.alignments))
                .collect(),
            is_bordered: true,
        });
    }
    match layout(table) {
        Layout::Aligned(text) => push_code(None, &text, out),
        Layout::Named | Layout::Bars => {
            push_flat(&[Block::Table(table.clone())], out);
        }
    }
}

fn cells(row: &[Vec<Inline>], is_header: bool, alignments: &[Alignment]) -> Vec<RichCell> {
    let cells = row.iter().enumerate().map(|(at, content)| RichCell {
        text: Some(text::of_words(content)).filter(|text| !text.is_blank()),
        is_header,
        align: match alignments.get(at) {
            Some(Alignment::Center) => "center",
            Some(Alignment::Right) => "right",
            Some(Alignment::Left | Alignment::None) | None => "left",
        },
        valign: "top",
    });
    cells.collect()
}

#[cfg(test)]
mod tests;
