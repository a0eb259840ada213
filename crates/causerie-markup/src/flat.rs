//! The tree as lines of text whose pieces have looks.
//!
//! For platforms that know words, code and quotations, but neither headings nor lists nor tables.
//! A heading is a bold line, a list has its bullets and numbers as text, and a table is aligned
//! code, or lines where it is too wide for a phone.

mod columns;
mod mention;
mod spans;

pub(crate) use columns::{Layout, layout};
pub(crate) use mention::{heads_off, mentions};
pub(crate) use spans::{Attr, Span};

use crate::{
    link::is_safe,
    tree::{self, Block, Inline, Item, List, Table},
};

/// A line across the page.
pub(crate) const RULE: &str = "⎯⎯⎯";

/// How a piece looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) bold: bool,
    pub(crate) italic: bool,
    pub(crate) strike: bool,
    pub(crate) code: bool,
    /// Which of the addresses it leads to.
    pub(crate) link: Option<usize>,
    /// Which of the quotations it stands in.
    pub(crate) quote: Option<usize>,
    /// Which of the code blocks it is.
    pub(crate) pre: Option<usize>,
}

impl Style {
    fn common(self, other: Self) -> Self {
        Self {
            bold: self.bold && other.bold,
            italic: self.italic && other.italic,
            strike: self.strike && other.strike,
            code: false,
            link: self.link.filter(|_| self.link == other.link),
            quote: self.quote.filter(|_| self.quote == other.quote),
            pre: None,
        }
    }

    /// Only the quotation is left.
    fn bare(self) -> Self {
        Self {
            quote: self.quote,
            ..Self::default()
        }
    }
}

/// Text and how its pieces look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flat {
    pub(crate) text: String,
    /// Where each piece ends, and how it looks. They cover the text.
    pub(crate) runs: Vec<(usize, Style)>,
    /// The addresses of links.
    pub(crate) urls: Vec<String>,
    /// The languages of code blocks.
    pub(crate) languages: Vec<Option<String>>,
}

impl Flat {
    fn push(&mut self, text: &str, style: Style) {
        if text.is_empty() {
            return;
        }
        self.text.push_str(text);
        match self.runs.last_mut() {
            Some((end, last)) if *last == style => *end = self.text.len(),
            _ => self.runs.push((self.text.len(), style)),
        }
    }

    /// Without white space around the whole. The indentation of code is not white space.
    fn trim(&mut self) {
        let end = self.text.trim_end().len();
        self.text.truncate(end);
        let is_code = self
            .runs
            .first()
            .is_some_and(|(_, style)| style.pre.is_some());
        let start = match is_code {
            true => 0,
            false => end - self.text.trim_start().len(),
        };
        self.text.drain(..start);
        for (at, _) in &mut self.runs {
            *at = (*at).min(end).saturating_sub(start);
        }
        let mut last = 0;
        self.runs
            .retain(|(at, _)| std::mem::replace(&mut last, *at) < *at);
    }
}

/// What parts the next words from the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    None,
    /// They follow a bullet.
    Space,
    /// So many new lines between blocks.
    Blocks(usize),
    /// So many new lines within words.
    Lines(usize),
}

/// `blocks` as text whose pieces have looks.
pub(crate) fn flat(blocks: &[Block]) -> Flat {
    let mut writer = Writer {
        out: Flat::default(),
        style: Style::default(),
        gap: Gap::None,
        prefix: String::new(),
        last_prefix: String::new(),
        quotes: 0,
    };
    writer.blocks(blocks, 2);
    writer.out.trim();
    writer.out
}

struct Writer {
    out: Flat,
    style: Style,
    gap: Gap,
    /// What each line begins with.
    prefix: String,
    /// What the last line began with.
    last_prefix: String,
    quotes: usize,
}

impl Writer {
    fn blocks(&mut self, blocks: &[Block], gap: usize) {
        for (at, block) in blocks.iter().enumerate() {
            if at > 0 {
                self.part(gap);
            }
            self.block(block);
        }
    }

    /// At least `lines` new lines come before the next words.
    fn part(&mut self, lines: usize) {
        let before = match self.gap {
            Gap::Blocks(before) | Gap::Lines(before) => before,
            Gap::None | Gap::Space => 0,
        };
        if !self.out.text.is_empty() {
            self.gap = Gap::Blocks(before.max(lines));
        }
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Paragraph(content) => self.inlines(content),
            Block::Heading { content, .. } => {
                let before = self.style;
                self.style.bold = true;
                self.inlines(content);
                self.style = before;
            }
            Block::Quote(blocks) => self.quote(blocks),
            Block::List(list) => self.list(list),
            Block::Code { language, text } => self.pre(language.clone(), text),
            Block::Table(table) => self.table(table),
            Block::Rule => self.put(RULE),
            Block::Definition { label, url, title } => {
                self.text(&format!("[{label}]: {url}"));
                if !title.is_empty() {
                    self.text(&format!(" {title}"));
                }
            }
        }
    }

    fn quote(&mut self, blocks: &[Block]) {
        if self.style.quote.is_some() {
            let before = self.prefix.len();
            if self.gap == Gap::Space {
                self.part(1);
            }
            self.prefix.push_str("> ");
            self.blocks(blocks, 2);
            self.prefix.truncate(before);
            return;
        }
        // It is a box of its own, wherever it stands.
        if self.gap == Gap::Space {
            self.part(1);
        }
        let prefix = std::mem::take(&mut self.prefix);
        self.style.quote = Some(self.quotes);
        self.quotes += 1;
        self.blocks(blocks, 2);
        self.style.quote = None;
        self.prefix = prefix;
    }

    fn list(&mut self, list: &List) {
        for (at, item) in list.items.iter().enumerate() {
            if at > 0 {
                self.part(1);
            }
            let number = list.start.map(|start| start.saturating_add(at as u64));
            self.item(item, number);
        }
    }

    fn item(&mut self, item: &Item, number: Option<u64>) {
        let tick = item.checked.map(|ticked| if ticked { "☑" } else { "☐" });
        let marker = match (number, tick) {
            (Some(number), Some(tick)) => format!("{number}. {tick}"),
            (Some(number), None) => format!("{number}."),
            (None, Some(tick)) => tick.to_owned(),
            (None, None) => "•".to_owned(),
        };
        let indent = marker.chars().count() + 1;
        let before = self.prefix.len();
        let style = self.style;
        self.style = style.bare();
        self.put(&marker);
        self.style = style;
        self.gap = Gap::Space;
        self.prefix.extend(std::iter::repeat_n(' ', indent));
        self.blocks(&item.blocks, 1);
        self.prefix.truncate(before);
    }

    fn pre(&mut self, language: Option<String>, code: &str) {
        let code: String = inert(code).collect();
        let code = code.trim_end();
        let start = code
            .find(|c: char| !c.is_whitespace())
            .map_or(0, |first| code[..first].rfind('\n').map_or(0, |at| at + 1));
        let code = &code[start..];
        if code.is_empty() {
            return;
        }
        if self.gap == Gap::Space {
            self.part(1);
        }
        let language = language.map(|language| {
            let language: String = language.chars().filter(|c| !c.is_control()).collect();
            language
        });
        self.out
            .languages
            .push(language.filter(|one| !one.is_empty()));
        let style = Style {
            pre: Some(self.out.languages.len() - 1),
            ..Style::default()
        };
        let before = std::mem::replace(&mut self.style, style);
        let prefix = std::mem::take(&mut self.prefix);
        self.put(code);
        self.prefix = prefix;
        self.style = before;
    }

    fn table(&mut self, table: &Table) {
        match layout(table) {
            Layout::Aligned(text) => self.pre(None, &text),
            Layout::Named => self.named_rows(table),
            Layout::Bars => {
                for (at, row) in std::iter::once(&table.head).chain(&table.rows).enumerate() {
                    if at > 0 {
                        self.part(1);
                    }
                    self.bars(row);
                }
            }
        }
    }

    fn named_rows(&mut self, table: &Table) {
        for (at, row) in table.rows.iter().enumerate() {
            let mut begun = false;
            for (column, cell) in row.iter().enumerate() {
                let words = tree::words(cell);
                // All heads are said once, even of what is empty.
                if words.trim().is_empty() && at > 0 {
                    continue;
                }
                if begun || at > 0 {
                    self.part(if begun { 1 } else { 2 });
                }
                begun = true;
                if let Some(head) = table.head.get(column) {
                    let colon = !tree::words(head).trim().is_empty();
                    self.inlines(head);
                    self.put(if colon { ": " } else { "" });
                }
                self.inlines(cell);
            }
        }
    }

    fn bars(&mut self, row: &[Vec<Inline>]) {
        for (at, cell) in row.iter().enumerate() {
            if at > 0 {
                self.put(" | ");
            }
            self.inlines(cell);
        }
    }

    fn inlines(&mut self, inlines: &[Inline]) {
        for inline in inlines {
            self.inline(inline);
        }
    }

    fn inline(&mut self, inline: &Inline) {
        let before = self.style;
        match inline {
            Inline::Text(text) => self.text(text),
            Inline::Code(code) => {
                // Code in a link would not be a link any more.
                if before.link.is_none() {
                    self.style = before.bare();
                    self.style.code = true;
                }
                self.text(code);
            }
            Inline::Strong(content) => {
                self.style.bold = true;
                self.inlines(content);
            }
            Inline::Emphasis(content) => {
                self.style.italic = true;
                self.inlines(content);
            }
            Inline::Strike(content) => {
                self.style.strike = true;
                self.inlines(content);
            }
            Inline::Link { url, content } => {
                self.link(url, |writer| writer.inlines(content));
                if !is_safe(url) && !url.is_empty() {
                    self.text(&format!(" ({url})"));
                }
            }
            Inline::Image { url, alt } => {
                let shown = if alt.is_empty() { url } else { alt };
                self.link(url, |writer| writer.text(shown));
                if !is_safe(url) && !url.is_empty() && !alt.is_empty() {
                    self.text(&format!(" ({url})"));
                }
            }
            Inline::Break | Inline::SoftBreak => self.new_line(),
        }
        self.style = before;
    }

    fn link(&mut self, url: &str, content: impl FnOnce(&mut Self)) {
        if is_safe(url) && self.style.link.is_none() {
            self.out.urls.push(url.to_owned());
            self.style.link = Some(self.out.urls.len() - 1);
        }
        let shown = self.out.text.len();
        content(self);
        // A link without words is not lost.
        if is_safe(url)
            && self
                .out
                .text
                .get(shown..)
                .is_none_or(|s| s.trim().is_empty())
        {
            self.text(url);
        }
    }

    fn new_line(&mut self) {
        self.gap = match self.gap {
            _ if self.out.text.is_empty() => Gap::None,
            Gap::Space => Gap::Space,
            Gap::None => Gap::Lines(1),
            Gap::Lines(_) => Gap::Lines(2),
            Gap::Blocks(lines) => Gap::Blocks(lines),
        };
    }

    /// Running words.
    fn text(&mut self, text: &str) {
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 {
                self.new_line();
            }
            let line: String = inert(line).collect();
            self.put(&line);
        }
    }

    /// Text as it is, after what parts it from the last.
    fn put(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let last = self.out.runs.last().map(|(_, style)| *style);
        let last = last.unwrap_or_default();
        match std::mem::replace(&mut self.gap, Gap::None) {
            Gap::None if self.out.text.is_empty() => {
                let style = self.style.bare();
                self.out.push(&self.prefix, style);
            }
            Gap::None => {}
            Gap::Space => self.out.push(" ", last.common(self.style).bare()),
            Gap::Blocks(lines) => self.new_lines(lines, last.common(self.style).bare()),
            Gap::Lines(lines) => self.new_lines(lines, last.common(self.style)),
        }
        self.out.push(text, self.style);
    }

    fn new_lines(&mut self, lines: usize, style: Style) {
        let both = self
            .prefix
            .bytes()
            .zip(self.last_prefix.bytes())
            .take_while(|(one, other)| one == other)
            .count();
        let between = self.prefix[..both].trim_end().to_owned();
        for line in 0..lines {
            let start = if line > 0 { between.as_str() } else { "" };
            self.out.push(start, style);
            self.out.push("\n", style);
        }
        self.out.push(&self.prefix, style);
        self.last_prefix.clone_from(&self.prefix);
    }
}

/// `text` without what moves a cursor.
pub(crate) fn inert(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
}
