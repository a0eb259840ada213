//! The tree as text for a terminal.
//!
//! No character of the source commands the terminal: control characters are dropped wherever text
//! is shown, so every escape sequence is ours. A word closes the colours it opened, so an output
//! that ends anywhere between words leaves the terminal as it was.

mod page;
mod table;
mod words;

use self::{
    page::{Kind, Page},
    words::{Format, Words},
};
use crate::{
    parse::parse,
    tree::{self, Block, Inline, Item, List},
};
use unicode_width::UnicodeWidthStr;

pub(crate) use self::page::{Chunk, Kind as ChunkKind};

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnsiStyle {
    /// Its columns. Words wrap there; code is left to the terminal, so that it can be copied.
    pub width: usize,
    /// Whether text may be coloured and set bold. Without, the marks of Markdown stay.
    pub color: bool,
    /// Whether links may be written as OSC 8, behind their words. Without, and without colour,
    /// the address follows in brackets.
    pub hyperlinks: bool,
}

impl Default for AnsiStyle {
    fn default() -> Self {
        Self {
            width: 80,
            color: true,
            hyperlinks: false,
        }
    }
}

/// `markdown` as it looks on a terminal. Ends with a newline unless it is empty.
pub fn ansi(markdown: &str, style: &AnsiStyle) -> String {
    let chunks = chunks(&parse(markdown), style, true);
    chunks.iter().map(|chunk| chunk.text.as_str()).collect()
}

/// `blocks` as chunks. Each block ends its line, and all but the very first have an empty line
/// before them; `first` says whether nothing stands before these.
pub(crate) fn chunks(blocks: &[Block], style: &AnsiStyle, first: bool) -> Vec<Chunk> {
    let mut out: Vec<Chunk> = Vec::new();
    for one in blocks {
        let mut page = Page::new(*style);
        block(one, &mut page);
        if page.chunks.is_empty() {
            continue;
        }
        if !first || !out.is_empty() {
            out.push(Chunk::edge());
        }
        out.append(&mut page.chunks);
        out.push(Chunk::edge());
    }
    out
}

/// The characters of code, without what commands a terminal.
pub(crate) fn inert(text: &str) -> impl Iterator<Item = char> {
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
}

/// The line before the code of a code block.
fn fence_start(language: Option<&str>, style: &AnsiStyle) -> String {
    let language: String = inert(language.unwrap_or_default()).collect();
    Format::DIM.paint(&format!("```{language}"), style)
}

/// The line after the code of a code block.
pub(crate) fn fence_end(style: &AnsiStyle) -> String {
    Format::DIM.paint("```", style)
}

fn block(block: &Block, page: &mut Page) {
    match block {
        Block::Paragraph(content) => paragraph(content, Format::default(), page),
        Block::Heading {
            underlined: true,
            level,
            content,
        } => underlined(*level, content, page),
        Block::Heading { level, content, .. } => heading(*level, content, page),
        Block::Quote(blocks) => {
            let bar = if page.style.color { "│" } else { ">" };
            page.push_prefix(Format::DIM.paint(bar, &page.style) + " ", 2);
            stacked(blocks, page);
            page.pop_prefix();
        }
        Block::List(one) => list(one, page),
        Block::Code { language, text } => code(language.as_deref(), text, page),
        Block::Table(one) => table::table(one, page),
        Block::Rule => {
            let line = "─".repeat(page.room().min(40));
            let line = Format::DIM.paint(&line, &page.style);
            page.line(&line, Kind::Line);
        }
        Block::Definition { label, url, title } => {
            let words = format!("[{label}]: {url} {title}");
            paragraph(&[Inline::Text(words)], Format::DIM, page);
        }
    }
}

fn paragraph(content: &[Inline], format: Format, page: &mut Page) {
    let mut words = Words::new(page.style);
    words.inlines(content, format);
    page.words(words.finish());
}

fn heading(level: u8, content: &[Inline], page: &mut Page) {
    if !page.style.color {
        let mut words = Words::new(page.style);
        words.text(
            &"#".repeat(usize::from(level.clamp(1, 6))),
            Format::default(),
        );
        words.text(" ", Format::default());
        words.inlines(content, Format::default());
        page.words(words.finish());
        return;
    }
    let format = Format {
        strong: true,
        underline: level == 1,
        emphasis: level > 2,
        ..Format::default()
    };
    paragraph(content, format, page);
}

/// A heading that its underline made one. Its words may have been shown before the underline came,
/// so they look like any others.
fn underlined(level: u8, content: &[Inline], page: &mut Page) {
    paragraph(content, Format::default(), page);
    let width = tree::words(content).width().min(page.room());
    let line = if level == 1 { "═" } else { "─" }.repeat(width);
    page.end_line();
    page.line(&line, Kind::Edge);
}

/// Blocks with an empty line between them.
fn stacked(blocks: &[Block], page: &mut Page) {
    for (at, one) in blocks.iter().enumerate() {
        if at > 0 {
            page.empty_line();
        }
        block(one, page);
    }
}

/// Items stand close together whether or not the source has empty lines between them: whether it
/// has is known only at its end.
fn list(list: &List, page: &mut Page) {
    for (at, one) in list.items.iter().enumerate() {
        if at > 0 {
            page.end_line();
        }
        let marker = match list.start {
            Some(start) => format!("{}.", start.saturating_add(at as u64)),
            None if page.style.color => "•".to_owned(),
            None => "-".to_owned(),
        };
        item(one, marker, page);
    }
}

fn item(item: &Item, mut marker: String, page: &mut Page) {
    let indent = marker.width() + 1;
    if let Some(checked) = item.checked {
        marker.push_str(match (checked, page.style.color) {
            (true, true) => " ☑",
            (false, true) => " ☐",
            (true, false) => " [x]",
            (false, false) => " [ ]",
        });
    }
    page.marker(&marker, marker.width());
    page.push_prefix(" ".repeat(indent), indent);
    for (at, one) in item.blocks.iter().enumerate() {
        match one {
            _ if at == 0 => {}
            Block::List(_) => page.end_line(),
            _ => page.empty_line(),
        }
        block(one, page);
    }
    page.pop_prefix();
}

fn code(language: Option<&str>, text: &str, page: &mut Page) {
    let start = fence_start(language, &page.style);
    page.line(&start, Kind::Line);
    if !text.is_empty() {
        for line in text.split('\n') {
            page.end_line();
            let line: String = inert(line).collect();
            page.line(&line, Kind::Line);
        }
    }
    page.end_line();
    let end = fence_end(&page.style);
    page.line(&end, Kind::CodeEnd);
}

#[cfg(test)]
mod tests;
