//! Text for a terminal, for an answer that is still growing.

mod settle;
mod units;

use self::{settle::settled, units::Units};
use crate::{
    ansi::{self, AnsiStyle, Chunk, ChunkKind},
    blocks::{Blocks, Growth},
    parse::parse,
    tree::Block,
};

/// Renders a growing answer for a terminal, where what is written stays.
///
/// 1. The text is taken word by word, whatever pieces it comes in, so what is written depends on
///    the text alone.
/// 2. Of the open block, what can no longer change is written: whole words outside of emphasis,
///    code and links that are not closed yet, whole lines of code. A table is written when it has
///    ended, for only then its columns are known.
/// 3. When a block has ended, the rest of it is written.
///
/// Markdown may still give words that were written another meaning, such as a definition of a link
/// at the end of a list. Then the block is written again from there on a new line: something is
/// said twice, and nothing is lost.
#[derive(Debug)]
pub struct AnsiStream {
    style: AnsiStyle,
    units: Units,
    blocks: Blocks,
    /// What has been written of blocks that have not ended.
    written: Vec<Chunk>,
    /// Whether nothing stands on the page.
    empty: bool,
    /// In a code block: whether code has been written.
    code: bool,
    /// Whether the last thing written ended its line.
    at_start: bool,
}

impl AnsiStream {
    /// An empty answer.
    pub fn new(style: AnsiStyle) -> Self {
        Self {
            style,
            units: Units::default(),
            blocks: Blocks::default(),
            written: Vec::new(),
            empty: true,
            code: false,
            at_start: true,
        }
    }

    /// Takes the next piece of the answer. What is returned follows what was returned before.
    pub fn push(&mut self, delta: &str) -> String {
        let mut out = String::new();
        for unit in self.units.push(delta) {
            let growth = self.blocks.push(&unit);
            self.show(growth, &mut out);
        }
        out
    }

    /// The answer is whole: returns the end of it, which ends the line.
    pub fn finish(&mut self) -> String {
        let mut out = String::new();
        let growth = self.blocks.push(&self.units.finish());
        self.show(growth, &mut out);
        let growth = self.blocks.finish();
        self.show(growth, &mut out);
        if !self.at_start {
            self.write("\n", &mut out);
        }
        out
    }

    fn show(&mut self, growth: Vec<Growth>, out: &mut String) {
        for one in growth {
            match one {
                Growth::Closed(source) => self.close(&parse(&source), out),
                Growth::FenceOpened(line) => self.open_code(&line, out),
                Growth::Code(code) => self.code(&code, out),
                Growth::FenceClosed => {
                    let end = ansi::fence_end(&self.style);
                    self.write(&format!("\n{end}\n"), out);
                }
                Growth::Tail => self.grow(out),
            }
        }
    }

    /// Writes what is settled of the open blocks.
    fn grow(&mut self, out: &mut String) {
        let source = settled(self.blocks.tail());
        let mut chunks = ansi::chunks(&parse(source), &self.style, self.empty);
        hold_back(&mut chunks, source);
        if chunks.starts_with(&self.written) {
            for chunk in &chunks[self.written.len()..] {
                self.write(&chunk.text, out);
            }
            self.written = chunks;
        }
    }

    /// Writes the rest of blocks that have ended.
    fn close(&mut self, blocks: &[Block], out: &mut String) {
        let chunks = ansi::chunks(blocks, &self.style, self.empty);
        self.empty &= chunks.is_empty();
        self.settle(&chunks, out);
    }

    fn settle(&mut self, chunks: &[Chunk], out: &mut String) {
        if self.written.starts_with(chunks) {
            // The next block is being written already.
            self.written.drain(..chunks.len());
            return;
        }
        let written = std::mem::take(&mut self.written);
        let same = written
            .iter()
            .zip(chunks)
            .take_while(|(written, chunk)| written == chunk)
            .count();
        let mut rest = chunks[same..].iter();
        if same < written.len() {
            // It reads differently now: once more from there.
            if !self.at_start {
                self.write("\n", out);
            }
            if let Some(first) = rest.next() {
                self.write(first.text.trim_start(), out);
            }
        }
        for chunk in rest {
            self.write(&chunk.text, out);
        }
    }

    fn open_code(&mut self, line: &str, out: &mut String) {
        let mut chunks = ansi::chunks(&parse(line), &self.style, self.empty);
        // Code follows, not the end of it.
        chunks.truncate(chunks.len().saturating_sub(2));
        self.empty = false;
        self.code = false;
        self.settle(&chunks, out);
        self.written.clear();
    }

    fn code(&mut self, code: &str, out: &mut String) {
        if !std::mem::replace(&mut self.code, true) {
            self.write("\n", out);
        }
        let code: String = ansi::inert(code).collect();
        self.write(&code, out);
    }

    fn write(&mut self, text: &str, out: &mut String) {
        if !text.is_empty() {
            self.at_start = text.ends_with('\n');
            out.push_str(text);
        }
    }
}

/// Takes away the end of `chunks` that more text may still change.
fn hold_back(chunks: &mut Vec<Chunk>, source: &str) {
    let mut complete = source.ends_with(char::is_whitespace);
    let mut ended = source.ends_with('\n');
    while let Some(last) = chunks.last() {
        match last.kind {
            ChunkKind::Word if !complete => (complete, ended) = (true, true),
            ChunkKind::Line if !ended => (complete, ended) = (true, true),
            ChunkKind::Word | ChunkKind::Line => break,
            ChunkKind::Table | ChunkKind::CodeEnd | ChunkKind::Marker | ChunkKind::Edge => {}
        }
        chunks.pop();
    }
}

#[cfg(test)]
mod tests;
