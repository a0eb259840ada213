//! Words and lines put in their places.

use super::{
    AnsiStyle,
    words::{Gap, Word},
};

/// What is written in one go: a word or a line, with what parts it from the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) text: String,
    pub(crate) kind: Kind,
}

/// What a chunk is, which says when it can no longer change; see [`crate::AnsiStream`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Word,
    /// A whole line, as it is.
    Line,
    /// A line of a table. Its columns are known when the table has ended.
    Table,
    /// The line after code.
    CodeEnd,
    /// What stands before an item.
    Marker,
    /// What parts blocks.
    Edge,
}

impl Chunk {
    pub(crate) fn edge() -> Self {
        Self {
            text: "\n".to_owned(),
            kind: Kind::Edge,
        }
    }
}

/// A block in the making.
pub(super) struct Page {
    pub(super) style: AnsiStyle,
    pub(super) chunks: Vec<Chunk>,
    /// What every line begins with, and its columns.
    prefix: Vec<(String, usize)>,
    /// Line ends to write before anything else comes.
    breaks: usize,
    /// Whether the next thing stands behind a marker.
    marked: bool,
    column: usize,
    /// The columns of the lines that have ended.
    ended: Vec<usize>,
}

impl Page {
    pub(super) fn new(style: AnsiStyle) -> Self {
        Self {
            style,
            chunks: Vec::new(),
            prefix: Vec::new(),
            breaks: 0,
            marked: false,
            column: 0,
            ended: Vec::new(),
        }
    }

    /// The columns behind the prefix. Never so few that every word stands alone.
    pub(super) fn room(&self) -> usize {
        self.style.width.saturating_sub(self.indent()).max(8)
    }

    fn indent(&self) -> usize {
        self.prefix.iter().map(|(_, width)| width).sum()
    }

    pub(super) fn push_prefix(&mut self, prefix: String, width: usize) {
        self.prefix.push((prefix, width));
    }

    pub(super) fn pop_prefix(&mut self) {
        self.prefix.pop();
    }

    /// What comes next begins a line.
    pub(super) fn end_line(&mut self) {
        self.marked = false;
        self.breaks = self.breaks.max(1);
    }

    /// What comes next has an empty line before it.
    pub(super) fn empty_line(&mut self) {
        self.marked = false;
        self.breaks = 2;
    }

    /// Writes `text` on a line of its own.
    pub(super) fn line(&mut self, text: &str, kind: Kind) {
        if std::mem::take(&mut self.marked) {
            self.breaks = 1;
        }
        let gap = self.line_start();
        self.put(gap + text, 0, kind);
    }

    /// Writes what stands before an item, on the line of the marker before it if there is one.
    pub(super) fn marker(&mut self, text: &str, width: usize) {
        let gap = if self.marked && self.breaks == 0 {
            self.column += 1;
            " ".to_owned()
        } else {
            self.line_start()
        };
        self.put(gap + text, width, Kind::Marker);
        self.marked = true;
    }

    /// Writes words, and wraps them.
    pub(super) fn words(&mut self, words: Vec<Word>) {
        for (at, word) in words.into_iter().enumerate() {
            let gap = match word.gap {
                _ if std::mem::take(&mut self.marked) => self.space(1),
                _ if at == 0 => self.line_start(),
                Gap::Line => {
                    self.breaks = 1;
                    self.line_start()
                }
                Gap::Spaces(spaces) if self.fits(spaces + word.width) => self.space(spaces),
                Gap::None if self.fits(word.width) => String::new(),
                Gap::Spaces(_) | Gap::None => {
                    self.breaks = 1;
                    self.line_start()
                }
            };
            self.put(gap + &word.shown, word.width, Kind::Word);
        }
    }

    /// The lines, and the columns of each. For a page without prefix and marker.
    pub(super) fn into_lines(mut self) -> Vec<(String, usize)> {
        self.ended.push(self.column);
        let text: String = self
            .chunks
            .iter()
            .map(|chunk| chunk.text.as_str())
            .collect();
        text.split('\n')
            .map(str::to_owned)
            .zip(self.ended)
            .collect()
    }

    fn fits(&self, width: usize) -> bool {
        self.column + width <= self.indent() + self.room()
    }

    fn space(&mut self, spaces: usize) -> String {
        self.column += spaces;
        " ".repeat(spaces)
    }

    /// The line ends that are due, and what the line begins with.
    fn line_start(&mut self) -> String {
        let prefix: String = self.prefix.iter().map(|(text, _)| text.as_str()).collect();
        let mut out = String::new();
        for left in (0..std::mem::take(&mut self.breaks)).rev() {
            out.push('\n');
            self.ended.push(std::mem::take(&mut self.column));
            if left > 0 {
                out.push_str(prefix.trim_end());
            }
        }
        out.push_str(&prefix);
        self.column = self.indent();
        out
    }

    fn put(&mut self, text: String, width: usize, kind: Kind) {
        self.column += width;
        self.chunks.push(Chunk { text, kind });
    }
}
