//! Where a block may be cut.

use super::open_now::{Container, Inner, Open};
use crate::parse::options;
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use std::{ops::Range, rc::Rc};
use unicode_segmentation::UnicodeSegmentation;

/// How good a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Between the rows of a table or the items of a list.
    Entry,
    /// Between what an item or a quotation holds, and between lines of code.
    Part,
    /// Between lines.
    Line,
    /// Between words.
    Word,
    /// Between letters.
    Letter,
    /// In a link or in code among words.
    Piece,
}

/// A place where a block may be cut.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) at: usize,
    pub(super) level: Level,
    pub(super) open: Rc<Open>,
    /// What stands in the rest for the bytes at the place: a marker with another number.
    pub(super) instead: Option<(String, usize)>,
    /// Whether the rest begins with words, that must stay words.
    pub(super) is_text: bool,
    /// Whether the rest says again what the head has said.
    pub(super) repeats: bool,
}

/// A list that is open.
struct OpenList {
    number: Option<u64>,
    items: u64,
}

/// All places where `source`, one block, may be cut, between letters only if asked for.
pub(super) fn points(source: &str, letters: bool) -> Vec<Point> {
    let mut walk = Walk {
        source,
        letters,
        points: Vec::new(),
        open: Rc::default(),
        lists: Vec::new(),
        first: true,
        pending: None,
        rows: 0,
        in_link: 0,
        in_image: 0,
    };
    for (event, range) in Parser::new_ext(source, options()).into_offset_iter() {
        walk.take(event, range);
    }
    walk.points.sort_by_key(|point| point.at);
    walk.points
}

struct Walk<'a> {
    source: &'a str,
    letters: bool,
    points: Vec<Point>,
    open: Rc<Open>,
    lists: Vec<OpenList>,
    /// Whether nothing has come in the container that was opened last.
    first: bool,
    /// The next words are at a place of this level.
    pending: Option<Level>,
    /// Rows of the open table.
    rows: usize,
    in_link: usize,
    in_image: usize,
}

impl Walk<'_> {
    fn take(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text, range),
            Event::Code(code) => self.code(&code, range),
            Event::Html(_) => {
                self.point(range.start, Level::Line, true);
                self.letters_in(range);
            }
            Event::SoftBreak | Event::HardBreak => self.pending = Some(Level::Line),
            _ => self.inline(range.start, true),
        }
    }

    fn point(&mut self, at: usize, level: Level, is_text: bool) {
        let level = if self.in_link > 0 {
            Level::Piece
        } else {
            level
        };
        if at == 0 || self.in_image > 0 {
            return;
        }
        self.points.push(Point {
            at,
            level,
            open: Rc::clone(&self.open),
            instead: None,
            is_text,
            repeats: false,
        });
    }

    /// Something among words begins.
    fn inline(&mut self, at: usize, is_text: bool) {
        self.first = false;
        if let Some(level) = self.pending.take() {
            self.point(at, level, is_text);
        }
    }

    fn edit(&mut self, change: impl FnOnce(&mut Open)) {
        change(Rc::make_mut(&mut self.open));
    }

    fn push_mark(&mut self, close: String, open: String) {
        self.edit(|now| match &mut now.inner {
            Inner::Words(marks) => marks.push((close, open)),
            _ => now.inner = Inner::Words(vec![(close, open)]),
        });
    }

    fn pop_mark(&mut self) {
        self.edit(|now| {
            if let Inner::Words(marks) = &mut now.inner {
                marks.pop();
            }
        });
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>) {
        let at = range.start;
        match tag {
            Tag::Emphasis => self.mark(at, "*"),
            Tag::Strong => self.mark(at, "**"),
            Tag::Strikethrough => self.mark(at, "~~"),
            Tag::Link { .. } => {
                self.inline(at, false);
                let source = &self.source[range];
                let tail = source.rfind("](").map_or("", |found| &source[found..]);
                let open = if tail.is_empty() { "" } else { "[" };
                self.push_mark(tail.to_owned(), open.to_owned());
                self.in_link += 1;
            }
            Tag::Image { .. } => {
                self.inline(at, false);
                self.in_image += 1;
            }
            Tag::Item => self.item(range),
            Tag::TableHead | Tag::TableCell => {}
            Tag::TableRow => self.row(at),
            _ => self.block(tag, range),
        }
    }

    fn mark(&mut self, at: usize, mark: &str) {
        self.inline(at, false);
        self.push_mark(mark.to_owned(), mark.to_owned());
    }

    /// A block begins.
    fn block(&mut self, tag: Tag<'_>, range: Range<usize>) {
        let at = range.start;
        let begins = std::mem::replace(&mut self.first, false);
        self.edit(|open| open.inner = Inner::Nothing);
        if !begins {
            self.point(at, Level::Part, false);
        }
        self.pending = None;
        match tag {
            Tag::BlockQuote(_) => {
                self.edit(|open| {
                    open.containers.push(Container {
                        first: "> ".to_owned(),
                        next: "> ".to_owned(),
                    });
                });
                self.first = true;
            }
            Tag::List(number) => self.lists.push(OpenList { number, items: 0 }),
            Tag::CodeBlock(kind) => {
                let inner = self.fence(&kind, at);
                self.edit(|open| open.inner = inner);
                self.first = true;
            }
            Tag::Table(_) => {
                let mut lines = self.source[at..].lines();
                let head = lines.next().unwrap_or_default().to_owned();
                let line = lines.next().unwrap_or_default();
                let line = line.trim_start_matches([' ', '\t', '>']).to_owned();
                self.rows = 0;
                self.edit(|open| {
                    open.inner = Inner::Table {
                        lines: [head, line],
                    }
                });
            }
            _ => self.edit(|open| open.inner = Inner::Words(Vec::new())),
        }
    }

    fn fence(&self, kind: &CodeBlockKind<'_>, at: usize) -> Inner {
        if matches!(kind, CodeBlockKind::Indented) {
            return Inner::Indented;
        }
        let line = self.source[at..].lines().next().unwrap_or_default();
        let mark = line.chars().next().unwrap_or('`');
        let marks = &line[..line.len() - line.trim_start_matches(mark).len()];
        Inner::Fence {
            line: line.to_owned(),
            marks: marks.to_owned(),
        }
    }

    fn item(&mut self, range: Range<usize>) {
        let at = range.start;
        let (marker, width) = marker(&self.source[at..]);
        let top = self.lists.len() == 1;
        let mut text = marker.to_owned();
        let mut is_first = true;
        if let Some(list) = self.lists.last_mut() {
            is_first = list.items == 0;
            if let Some(start) = list.number {
                let number = start.saturating_add(list.items);
                let end = marker.trim_start_matches(|c: char| c.is_ascii_digit());
                text = format!("{number}{end}");
            }
            list.items += 1;
        }
        self.edit(|open| open.inner = Inner::Nothing);
        if !is_first {
            let level = if top { Level::Entry } else { Level::Part };
            self.point(at, level, false);
            if let Some(point) = self.points.last_mut().filter(|point| point.at == at) {
                point.instead = Some((text.clone(), marker.len()));
            }
        }
        let gap = " ".repeat(width.saturating_sub(marker.len()).max(1));
        self.edit(|open| {
            open.containers.push(Container {
                first: text + &gap,
                next: " ".repeat(width),
            });
        });
        self.first = true;
        self.pending = None;
    }

    fn row(&mut self, at: usize) {
        self.rows += 1;
        if self.rows > 1 {
            let level = if self.open.containers.is_empty() {
                Level::Entry
            } else {
                Level::Part
            };
            self.point(at, level, false);
            if let Some(point) = self.points.last_mut().filter(|point| point.at == at) {
                point.repeats = true;
            }
        }
    }

    fn end(&mut self, tag: TagEnd) {
        self.pending = match tag {
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => {
                self.pop_mark();
                self.pending
            }
            TagEnd::Link => {
                self.pop_mark();
                self.in_link -= 1;
                self.pending
            }
            TagEnd::Image => {
                self.in_image -= 1;
                self.pending
            }
            _ => None,
        };
        match tag {
            TagEnd::BlockQuote(_) | TagEnd::Item => self.edit(|open| {
                open.containers.pop();
                open.inner = Inner::Nothing;
            }),
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::CodeBlock | TagEnd::Table | TagEnd::Paragraph | TagEnd::Heading(_) => {
                self.edit(|open| open.inner = Inner::Nothing);
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, range: Range<usize>) {
        if self.open.is_code() {
            return self.code_lines(range);
        }
        if matches!(self.open.inner, Inner::Table { .. }) {
            return;
        }
        self.inline(range.start, true);
        let source = &self.source[range.clone()];
        if source != text {
            return;
        }
        let mut before = None;
        for (at, c) in source.char_indices() {
            if before == Some(' ') && c != ' ' {
                self.point(range.start + at, Level::Word, true);
            }
            before = Some(c);
        }
        if before == Some(' ') {
            self.pending = Some(Level::Word);
        }
        self.letters_in(range);
    }

    fn letters_in(&mut self, range: Range<usize>) {
        if !self.letters {
            return;
        }
        for (at, _) in self.source[range.clone()].grapheme_indices(true).skip(1) {
            self.point(range.start + at, Level::Letter, true);
        }
    }

    fn code_lines(&mut self, range: Range<usize>) {
        if !std::mem::replace(&mut self.first, false) {
            self.point(range.start, Level::Part, false);
        }
        let source = &self.source[range.clone()];
        for (at, c) in source.char_indices() {
            let next = range.start + at + c.len_utf8();
            if next >= range.end {
                break;
            }
            match c {
                '\n' => self.point(next, Level::Part, false),
                ' ' => self.point(next, Level::Word, false),
                _ => {}
            }
        }
        if self.letters {
            for (at, _) in source.grapheme_indices(true).skip(1) {
                self.point(range.start + at, Level::Letter, false);
            }
        }
    }

    /// Code among words, which is cut only if it is longer than a message.
    fn code(&mut self, code: &str, range: Range<usize>) {
        if matches!(self.open.inner, Inner::Table { .. }) {
            return;
        }
        self.inline(range.start, false);
        let source = &self.source[range.clone()];
        let marks = source.len() - source.trim_start_matches('`').len();
        // One space at each end may belong to the marks.
        let is_code = |inner: &Range<usize>| {
            let source = self.source.get(inner.clone());
            source.is_some_and(|source| source.replace('\n', " ") == code)
        };
        let inner = [0, 1]
            .map(|space| range.start + marks + space..range.end - marks - space)
            .into_iter()
            .find(is_code);
        let Some(inner) = inner.filter(|_| self.letters) else {
            return;
        };
        let mark = "`".repeat(marks);
        self.push_mark(mark.clone(), mark);
        for (at, letter) in code.grapheme_indices(true).skip(1) {
            // A space at the end would belong to the marks, as would a mark.
            if letter != " " && letter != "`" {
                self.point(inner.start + at, Level::Piece, false);
            }
        }
        self.pop_mark();
    }
}

/// The marker that an item begins with, and how far its words are from the left.
fn marker(item: &str) -> (&str, usize) {
    let digits = item.len() - item.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let len = (digits + 1).min(item.len());
    let rest = &item[len..];
    let spaces = rest.len() - rest.trim_start_matches(' ').len();
    let spaces = if (1..=4).contains(&spaces) && !rest.trim_start_matches(' ').starts_with('\n') {
        spaces
    } else {
        1
    };
    (&item[..len], len + spaces)
}
