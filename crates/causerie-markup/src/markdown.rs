//! The tree as Markdown again, for platforms with a dialect of their own.
//!
//! Every sign of the model's words is escaped, every mark is ours, and names are not called.

mod words;

pub(crate) use words::encoded;

use crate::{
    flat::{Layout, RULE, layout},
    tree::{Alignment, Block, Inline, Item, List, Table},
};
use words::Words;

/// Whose Markdown it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// Three headings; no tables, no rules.
    Discord,
    /// The standard, in Slack's `markdown` blocks.
    Slack,
}

/// The most columns and rows of a table in Slack.
const SLACK_TABLE: (usize, usize) = (20, 99);

/// `blocks` as Markdown, without white space around it.
pub(crate) fn write(blocks: &[Block], flavour: Flavour) -> String {
    let writer = Writer { flavour };
    writer.blocks(blocks).trim().to_owned()
}

struct Writer {
    flavour: Flavour,
}

impl Writer {
    fn blocks(&self, blocks: &[Block]) -> String {
        let blocks = blocks.iter().map(|block| self.block(block));
        let shown: Vec<String> = blocks.filter(|block| !block.trim().is_empty()).collect();
        shown.join("\n\n")
    }

    fn block(&self, block: &Block) -> String {
        match block {
            Block::Paragraph(content) => self.lines(content),
            Block::Heading { level, content, .. } => self.heading(*level, content),
            Block::Quote(blocks) => indented(&self.blocks(blocks), "> ", "> "),
            Block::List(list) => self.list(list),
            Block::Code { language, text } => self.code(language.as_deref(), text),
            Block::Table(table) => self.table(table),
            Block::Rule if self.flavour == Flavour::Slack => "---".to_owned(),
            Block::Rule => RULE.to_owned(),
            Block::Definition { label, url, title } => {
                let mut words = Words::new(self.flavour);
                words.text(&format!("[{label}]: {url} {title}"));
                words.finish()
            }
        }
    }

    fn lines(&self, content: &[Inline]) -> String {
        let mut words = Words::new(self.flavour);
        words.inlines(content);
        words.finish()
    }

    fn heading(&self, level: u8, content: &[Inline]) -> String {
        let native = self.flavour == Flavour::Slack || level <= 3;
        let mut words = Words::new(self.flavour).on_one_line();
        if native {
            words.inlines(content);
            let line = words.finish();
            if line.is_empty() {
                return line;
            }
            return format!("{} {line}", "#".repeat(usize::from(level.clamp(1, 6))));
        }
        words.strong(content);
        words.finish()
    }

    fn list(&self, list: &List) -> String {
        let mut out = String::new();
        for (at, item) in list.items.iter().enumerate() {
            if at > 0 {
                out.push('\n');
            }
            let marker = match list.start {
                Some(start) => format!("{}. ", start.saturating_add(at as u64)),
                None => "- ".to_owned(),
            };
            let next = " ".repeat(marker.len());
            out.push_str(&indented(&self.item(item), &marker, &next));
        }
        out
    }

    fn item(&self, item: &Item) -> String {
        let mut out = String::new();
        match item.checked {
            Some(true) => out.push_str("☑ "),
            Some(false) => out.push_str("☐ "),
            None => {}
        }
        let mut before: Option<&Block> = None;
        for block in &item.blocks {
            let text = self.block(block);
            if text.trim().is_empty() {
                continue;
            }
            match before {
                None if item.checked.is_some() && !matches!(block, Block::Paragraph(_)) => {
                    out.push('\n');
                }
                None => {}
                Some(before) => {
                    let apart = self.flavour == Flavour::Slack
                        && (!matches!(before, Block::Paragraph(_))
                            || !matches!(block, Block::List(_) | Block::Code { .. }));
                    out.push_str(if apart { "\n\n" } else { "\n" });
                }
            }
            out.push_str(&text);
            before = Some(block);
        }
        out
    }

    fn code(&self, language: Option<&str>, text: &str) -> String {
        let mut code = words::inert_code(text, self.flavour);
        if code.trim().is_empty() {
            return String::new();
        }
        let longest = words::longest_run(&code);
        let mut marks = "```".to_owned();
        if longest >= 3 {
            match self.flavour {
                // There the first three marks end the code, whatever began it.
                Flavour::Discord => code = code.replace("```", "``\u{200b}`"),
                Flavour::Slack => marks = "`".repeat(longest + 1),
            }
        }
        let language: String = language
            .unwrap_or_default()
            .chars()
            .filter(|c| !c.is_control() && !c.is_whitespace() && !"`<>&@".contains(*c))
            .collect();
        format!("{marks}{language}\n{code}\n{marks}")
    }

    fn table(&self, table: &Table) -> String {
        let (columns, rows) = SLACK_TABLE;
        let is_small = table.head.len() <= columns && table.rows.len() <= rows;
        if self.flavour == Flavour::Slack && is_small {
            return self.native_table(table);
        }
        match layout(table) {
            Layout::Aligned(text) => self.code(None, &text),
            Layout::Named => self.named_rows(table),
            Layout::Bars => {
                let rows = std::iter::once(&table.head).chain(&table.rows);
                let rows: Vec<String> = rows.map(|row| self.cells(row).join(" \\| ")).collect();
                rows.join("\n")
            }
        }
    }

    fn cells(&self, row: &[Vec<Inline>]) -> Vec<String> {
        let cell = |content: &Vec<Inline>| {
            let mut words = Words::new(self.flavour).on_one_line();
            words.inlines(content);
            words.finish()
        };
        row.iter().map(cell).collect()
    }

    fn native_table(&self, table: &Table) -> String {
        let row = |row: &[Vec<Inline>]| {
            let cell = |content: &Vec<Inline>| {
                let mut words = Words::new(self.flavour).on_one_line().in_table();
                words.inlines(content);
                words.finish()
            };
            let cells: Vec<String> = row.iter().map(cell).collect();
            format!("| {} |", cells.join(" | "))
        };
        let line: Vec<&str> = (0..table.head.len())
            .map(|at| match table.alignments.get(at) {
                Some(Alignment::Left) => ":--",
                Some(Alignment::Center) => ":-:",
                Some(Alignment::Right) => "--:",
                Some(Alignment::None) | None => "---",
            })
            .collect();
        let mut lines = vec![row(&table.head), format!("| {} |", line.join(" | "))];
        lines.extend(table.rows.iter().map(|cells| row(cells)));
        lines.join("\n")
    }

    fn named_rows(&self, table: &Table) -> String {
        let heads = self.cells(&table.head);
        let mut rows = Vec::new();
        for (at, row) in table.rows.iter().enumerate() {
            let cells = self.cells(row);
            let lines: Vec<String> = cells
                .iter()
                .enumerate()
                // All heads are said once, even of what is empty.
                .filter(|(_, cell)| at == 0 || !cell.is_empty())
                .map(|(column, cell)| match heads.get(column) {
                    Some(head) if !head.is_empty() => format!("{head}: {cell}"),
                    _ => cell.clone(),
                })
                .collect();
            rows.push(lines.join("\n"));
        }
        rows.retain(|row| !row.is_empty());
        rows.join("\n\n")
    }
}

/// `text` with `first` before its first line and `next` before the others that are not blank.
fn indented(text: &str, first: &str, next: &str) -> String {
    let mut out = String::new();
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        let prefix = if at == 0 { first } else { next };
        let prefix = if line.is_empty() {
            prefix.trim_end()
        } else {
            prefix
        };
        out.push_str(prefix);
        out.push_str(line);
    }
    out
}
