//! Cuts a growing text into its top-level blocks.
//!
//! Whether a block has ended is decided on complete lines only, because only those cannot change
//! their kind: once another block has begun on a complete line, the ones before it are closed for
//! good. Everything behind the last closed block is the *tail*. The lines are taken one by one, so
//! that the cuts depend on the text alone and never on the pieces it came in.
//!
//! Looking at the tail costs its length. So that a long block stays linear, the tail is looked at
//! only when the [`SHARE`]th part of it is new: short blocks at every line and shown at every
//! delta, a block of 10 KB every 80 bytes. A fence, which can be very long and needs no parser, is
//! passed on as it comes.

use crate::parse::options;
use pulldown_cmark::{Event, Parser, Tag};

/// The tail is looked at when this part of it is new.
const SHARE: usize = 128;

/// What a push brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Growth {
    /// A block ended. This is its source.
    Closed(String),
    /// A code block began. This is its first line.
    FenceOpened(String),
    /// Code that follows in the open code block.
    Code(String),
    /// The code block ended.
    FenceClosed,
    /// The tail has changed enough to be shown again.
    Tail,
}

/// Cuts a growing text into blocks.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    /// What is not closed yet. In an open fence: the line that is not complete.
    tail: String,
    /// Bytes of complete lines that no look has seen.
    unseen: usize,
    /// Bytes that were not yet offered to be shown.
    unshown: usize,
    /// Whether the last character was a carriage return, so that a line feed belongs to it.
    after_cr: bool,
    fence: Option<Fence>,
}

/// An open code block without indentation.
#[derive(Debug)]
struct Fence {
    mark: char,
    len: usize,
    /// Whether a line of code has been passed on.
    begun: bool,
    /// Bytes of the incomplete line that have been passed on.
    shown: usize,
}

impl Blocks {
    /// What is not closed yet; nothing while a fence is open.
    pub(crate) fn tail(&self) -> &str {
        if self.fence.is_some() { "" } else { &self.tail }
    }

    /// Takes the next piece of the text.
    pub(crate) fn push(&mut self, delta: &str) -> Vec<Growth> {
        let mut out = Vec::new();
        for piece in delta.split_inclusive(['\r', '\n']) {
            if std::mem::take(&mut self.after_cr) && piece == "\n" {
                continue;
            }
            let line = piece.strip_suffix(['\r', '\n']);
            self.after_cr = piece.ends_with('\r');
            self.tail.push_str(line.unwrap_or(piece));
            self.unshown += piece.len();
            if line.is_some() {
                self.tail.push('\n');
                self.take_line(&mut out);
            }
        }
        self.show(&mut out);
        out
    }

    /// The last line of the tail has become complete.
    fn take_line(&mut self, out: &mut Vec<Growth>) {
        if let Some(fence) = &mut self.fence {
            let line = &self.tail[..self.tail.len() - 1];
            if fence.shown == 0 && fence.closes(line) {
                self.fence = None;
                out.push(Growth::FenceClosed);
            } else {
                push_code(fence.pass(line), out);
                fence.next_line();
            }
            self.tail.clear();
            return;
        }
        let line = self.tail[..self.tail.len() - 1].rfind('\n');
        self.unseen += self.tail.len() - line.map_or(0, |at| at + 1);
        if self.unseen * SHARE < self.tail.len() {
            return;
        }
        self.unseen = 0;
        self.close_blocks(out);
        self.open_fence(out);
    }

    /// Offers what is new at the end of the text.
    fn show(&mut self, out: &mut Vec<Growth>) {
        if let Some(fence) = &mut self.fence {
            if !fence.may_close(&self.tail) {
                push_code(fence.pass(&self.tail), out);
            }
            self.unshown = 0;
        } else if self.unshown > 0 && self.unshown * SHARE >= self.tail.len() {
            self.unshown = 0;
            if !self.tail.is_empty() {
                out.push(Growth::Tail);
            }
        }
    }

    /// The text is whole: closes what is open.
    pub(crate) fn finish(&mut self) -> Vec<Growth> {
        let mut out = Vec::new();
        if let Some(mut fence) = self.fence.take() {
            if !self.tail.is_empty() && (fence.shown > 0 || !fence.closes(&self.tail)) {
                push_code(fence.pass(&self.tail), &mut out);
            }
            self.tail.clear();
            out.push(Growth::FenceClosed);
        }
        let mut from = 0;
        let ends = block_ends(&self.tail);
        for end in ends.into_iter().chain([self.tail.len()]) {
            push_closed(&self.tail[from..end], &mut out);
            from = end;
        }
        self.tail.clear();
        out
    }

    /// Takes off the tail every block that has ended.
    fn close_blocks(&mut self, out: &mut Vec<Growth>) {
        let mut ends = block_ends(&self.tail);
        ends.pop();
        let mut from = 0;
        for end in ends {
            push_closed(&self.tail[from..end], out);
            from = end;
        }
        from += blank_lines(&self.tail[from..]);
        self.tail.drain(..from);
    }

    /// If all that is left is the first line of a code block, passes the code on from here.
    fn open_fence(&mut self, out: &mut Vec<Growth>) {
        let Some(line) = self.tail.strip_suffix('\n') else {
            return;
        };
        self.fence = Fence::opened_by(line);
        if self.fence.is_some() {
            out.push(Growth::FenceOpened(std::mem::take(&mut self.tail)));
        }
    }
}

impl Fence {
    /// The fence that `line` opens, if it opens one that is not indented.
    fn opened_by(line: &str) -> Option<Self> {
        let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        if line.contains('\n') {
            return None;
        }
        let info = line.trim_start_matches(mark);
        let len = line.len() - info.len();
        if len < 3 || (mark == '`' && info.contains('`')) {
            return None;
        }
        Some(Self {
            mark,
            len,
            begun: false,
            shown: 0,
        })
    }

    /// Whether the complete `line` ends the code.
    fn closes(&self, line: &str) -> bool {
        let Some(marks) = self.marks(line) else {
            return false;
        };
        let rest = marks.trim_start_matches(self.mark);
        marks.len() - rest.len() >= self.len && rest.bytes().all(|b| b == b' ' || b == b'\t')
    }

    /// Whether the incomplete `line` could still end the code, or is nothing yet.
    fn may_close(&self, line: &str) -> bool {
        let Some(marks) = self.marks(line) else {
            return false;
        };
        let rest = marks.trim_start_matches(self.mark);
        rest.is_empty()
            || (marks.len() - rest.len() >= self.len
                && rest.bytes().all(|b| b == b' ' || b == b'\t'))
    }

    /// What stands behind at most three spaces.
    fn marks<'a>(&self, line: &'a str) -> Option<&'a str> {
        let marks = line.trim_start_matches(' ');
        (line.len() - marks.len() <= 3).then_some(marks)
    }

    /// What has not been passed on of `line`, after the newline that parts it from the last.
    fn pass(&mut self, line: &str) -> String {
        let newline = if self.begun && self.shown == 0 {
            "\n"
        } else {
            ""
        };
        let code = format!("{newline}{}", &line[self.shown..]);
        self.shown = line.len();
        code
    }

    fn next_line(&mut self) {
        self.begun = true;
        self.shown = 0;
    }
}

/// Code that follows code is one piece.
fn push_code(code: String, out: &mut Vec<Growth>) {
    match out.last_mut() {
        Some(Growth::Code(before)) => before.push_str(&code),
        _ if code.is_empty() => {}
        _ => out.push(Growth::Code(code)),
    }
}

fn push_closed(source: &str, out: &mut Vec<Growth>) {
    let source = &source[blank_lines(source)..];
    if !source.trim().is_empty() {
        out.push(Growth::Closed(source.to_owned()));
    }
}

/// The length of the blank lines `source` begins with.
fn blank_lines(source: &str) -> usize {
    source
        .split_inclusive('\n')
        .take_while(|line| line.ends_with('\n') && line.trim().is_empty())
        .map(str::len)
        .sum()
}

/// Where the lines of each top-level block of `source` end.
///
/// The end of a list or quotation is the end of the last thing in it, because a container's own
/// range may reach over a link definition that follows it.
pub(crate) fn block_ends(source: &str) -> Vec<usize> {
    let mut ends: Vec<usize> = Vec::new();
    let mut depth = 0_usize;
    for (event, range) in Parser::new_ext(source, options()).into_offset_iter() {
        if depth == 0 {
            ends.push(range.start);
        }
        let known = match event {
            Event::Start(Tag::List(_) | Tag::Item | Tag::BlockQuote(_)) => range.start + 1,
            _ => range.end,
        };
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => {
                depth -= 1;
                continue;
            }
            _ => {}
        }
        if let Some(end) = ends.last_mut() {
            *end = known.max(*end);
        }
    }
    for end in &mut ends {
        *end = line_end(source, *end);
    }
    ends
}

/// The end of the line that the character before `at` stands on, its line ending included.
fn line_end(source: &str, at: usize) -> usize {
    let bytes = source.as_bytes();
    let ended = |at: usize| match bytes[at..].first() {
        Some(b'\n') => at + 1,
        _ => at,
    };
    match bytes[..at].last() {
        Some(b'\n') => return at,
        Some(b'\r') => return ended(at),
        _ => {}
    }
    let rest = &bytes[at..];
    match rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        Some(found) if rest[found] == b'\r' => ended(at + found + 1),
        Some(found) => at + found + 1,
        None => source.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_closes_when_the_next_one_has_begun() {
        let mut blocks = Blocks::default();
        assert_eq!(blocks.push("a\nb\n\n"), [Growth::Tail]);
        assert_eq!(blocks.push("c"), [Growth::Tail]);
        assert_eq!(
            blocks.push("\n"),
            [Growth::Closed("a\nb\n".to_owned()), Growth::Tail]
        );
        assert_eq!(blocks.finish(), [Growth::Closed("c\n".to_owned())]);
    }

    #[test]
    fn code_is_passed_on_as_it_comes() {
        let mut blocks = Blocks::default();
        assert_eq!(
            blocks.push("```rs\nlet"),
            [
                Growth::FenceOpened("```rs\n".to_owned()),
                Growth::Code("let".to_owned())
            ]
        );
        assert_eq!(blocks.push(" a;\r\n\n"), [Growth::Code(" a;\n".to_owned())]);
        assert_eq!(blocks.push("``"), []);
        assert_eq!(blocks.push("`"), []);
        assert_eq!(blocks.push("\nb"), [Growth::FenceClosed, Growth::Tail]);
        assert_eq!(blocks.finish(), [Growth::Closed("b".to_owned())]);
    }

    #[test]
    fn a_long_block_is_looked_at_rarely() {
        let mut blocks = Blocks::default();
        blocks.push(&"word ".repeat(20_000));
        let looks = (0..1_000)
            .filter(|_| blocks.push("word ").contains(&Growth::Tail))
            .count();
        assert!(looks <= 7, "{looks}");
    }
}
