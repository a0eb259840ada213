//! Markdown text to the tree.

use crate::{
    link::linkify,
    tree::{Alignment, Block, Inline, Item, List, Table},
};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::borrow::Cow;

/// How deep containers may stand in each other. What is deeper loses its form, never its words,
/// so that no text can exhaust the stack of a renderer.
const MAX_DEPTH: usize = 40;

/// The dialect: GFM without footnotes.
pub(crate) fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS
}

/// The blocks of `source`.
///
/// Link definitions come first, in the order of the source, so that none of their words is lost.
/// Carriage returns end lines, alone too, as CommonMark has it.
pub fn parse(source: &str) -> Vec<Block> {
    let source = &*with_line_feeds(source);
    let parser = Parser::new_ext(source, options());
    let mut blocks = definitions(&parser);
    let mut builder = Builder::default();
    for (event, range) in parser.into_offset_iter() {
        builder.take(event, &source[range]);
    }
    blocks.extend(builder.finish());
    blocks
}

/// `source` with a line feed at the end of each line.
///
/// The parser takes what follows a carriage return behind the marks of a code block for the name of
/// the code's language.
pub(crate) fn with_line_feeds(source: &str) -> Cow<'_, str> {
    match source.contains('\r') {
        true => source.replace("\r\n", "\n").replace('\r', "\n").into(),
        false => source.into(),
    }
}

fn definitions(parser: &Parser<'_>) -> Vec<Block> {
    let mut found: Vec<_> = parser
        .reference_definitions()
        .iter()
        .map(|(label, def)| (def.span.start, label, def))
        .collect();
    found.sort_by_key(|(start, ..)| *start);
    found
        .into_iter()
        .map(|(_, label, def)| Block::Definition {
            label: label.to_owned(),
            url: def.dest.to_string(),
            title: def.title.as_deref().unwrap_or_default().to_owned(),
        })
        .collect()
}

/// What is open while the tree grows. Each frame collects what its kind may hold.
struct Frame {
    kind: Kind,
    blocks: Vec<Block>,
    inlines: Vec<Inline>,
    /// Words not yet looked through for bare addresses.
    text: String,
    items: Vec<Item>,
    rows: Vec<Vec<Vec<Inline>>>,
    checked: Option<bool>,
}

enum Kind {
    Root,
    Paragraph,
    Heading { level: u8, underlined: bool },
    Quote,
    List { start: Option<u64>, tight: bool },
    Item,
    Code { language: Option<String> },
    Html,
    Table(Vec<Alignment>),
    Row,
    Cell,
    Emphasis,
    Strong,
    Strike,
    Link { url: String },
    Image { url: String },
}

impl Frame {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            blocks: Vec::new(),
            inlines: Vec::new(),
            text: String::new(),
            items: Vec::new(),
            rows: Vec::new(),
            checked: None,
        }
    }

    fn push(&mut self, inline: Inline, in_link: bool) {
        self.settle_text(in_link);
        self.inlines.push(inline);
    }

    /// Adjacent pieces of text are one text.
    fn settle_text(&mut self, in_link: bool) {
        if self.text.is_empty() {
            return;
        }
        let text = std::mem::take(&mut self.text);
        if in_link {
            self.inlines.push(Inline::Text(text));
        } else {
            linkify(text, &mut self.inlines);
        }
    }

    /// Words that stand in a container without a paragraph of their own are one.
    fn settle_paragraph(&mut self) {
        self.settle_text(false);
        if !self.inlines.is_empty() {
            let inlines = std::mem::take(&mut self.inlines);
            self.blocks.push(Block::Paragraph(inlines));
        }
    }
}

struct Builder {
    /// Never empty; the first is the root.
    stack: Vec<Frame>,
    /// Tags begun beyond [`MAX_DEPTH`] and not yet ended.
    skipped: usize,
    /// Links and images now open.
    links: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            stack: vec![Frame::new(Kind::Root)],
            skipped: 0,
            links: 0,
        }
    }
}

impl Builder {
    fn top(&mut self) -> &mut Frame {
        self.stack.last_mut().expect("the root is never popped")
    }

    fn take(&mut self, event: Event<'_>, source: &str) {
        match event {
            Event::Start(tag) => self.start(tag, source),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.top().text.push_str(&text),
            Event::Code(code) => self.inline(Inline::Code(code.into_string())),
            Event::InlineHtml(html) if is_break(&html) => self.inline(Inline::Break),
            Event::InlineHtml(html) => self.top().text.push_str(&html),
            Event::Html(html) => self.html_line(&html),
            Event::SoftBreak => self.inline(Inline::SoftBreak),
            Event::HardBreak => self.inline(Inline::Break),
            Event::Rule => {
                let top = self.top();
                top.settle_paragraph();
                top.blocks.push(Block::Rule);
            }
            Event::TaskListMarker(checked) => self.mark_task(checked),
            Event::InlineMath(text) | Event::DisplayMath(text) => self.top().text.push_str(&text),
            Event::FootnoteReference(label) => self.top().text.push_str(&label),
        }
    }

    fn inline(&mut self, inline: Inline) {
        let in_link = self.links > 0;
        self.top().push(inline, in_link);
    }

    fn html_line(&mut self, html: &str) {
        let (line, ended) = match html.strip_suffix('\n') {
            Some(line) => (line, true),
            None => (html, false),
        };
        self.top().text.push_str(line);
        if ended {
            self.inline(Inline::Break);
        }
    }

    fn mark_task(&mut self, checked: bool) {
        let item = self
            .stack
            .iter_mut()
            .rev()
            .find(|frame| matches!(frame.kind, Kind::Item));
        if let Some(item) = item {
            item.checked = Some(checked);
        }
    }

    fn start(&mut self, tag: Tag<'_>, source: &str) {
        let nests = !matches!(
            tag,
            Tag::Item | Tag::TableHead | Tag::TableRow | Tag::TableCell | Tag::Paragraph
        );
        if self.skipped > 0 || (nests && self.stack.len() >= MAX_DEPTH) {
            self.skipped += 1;
            return;
        }
        let kind = kind(tag, source);
        if matches!(kind, Kind::Link { .. } | Kind::Image { .. }) {
            self.links += 1;
        }
        let is_block = !matches!(
            kind,
            Kind::Emphasis | Kind::Strong | Kind::Strike | Kind::Link { .. } | Kind::Image { .. }
        );
        if is_block {
            self.top().settle_paragraph();
        } else {
            // A link's own words settle in its frame; those before it must settle here.
            let in_link = self.links > 1;
            self.top().settle_text(in_link);
        }
        self.loosen(&kind);
        self.stack.push(Frame::new(kind));
    }

    /// A list is loose as soon as an item of it holds a paragraph of its own.
    fn loosen(&mut self, kind: &Kind) {
        if !matches!(kind, Kind::Paragraph) {
            return;
        }
        let [.., list, item] = self.stack.as_mut_slice() else {
            return;
        };
        if let (Kind::List { tight, .. }, Kind::Item) = (&mut list.kind, &item.kind) {
            *tight = false;
        }
    }

    fn end(&mut self, tag: TagEnd) {
        if self.skipped > 0 {
            self.skipped -= 1;
            if matches!(
                tag,
                TagEnd::Paragraph | TagEnd::Item | TagEnd::TableCell | TagEnd::CodeBlock
            ) {
                self.inline(Inline::Break);
            }
            return;
        }
        let in_link = self.links > 0;
        let mut frame = self.stack.pop().expect("every end has its start");
        if !matches!(frame.kind, Kind::Code { .. }) {
            frame.settle_text(in_link);
        }
        if matches!(frame.kind, Kind::Link { .. } | Kind::Image { .. }) {
            self.links -= 1;
        }
        self.close(frame);
    }

    fn close(&mut self, mut frame: Frame) {
        let in_link = self.links > 0;
        let top = self.top();
        match frame.kind {
            Kind::Root => unreachable!("the root has no end"),
            Kind::Paragraph => top.blocks.push(Block::Paragraph(frame.inlines)),
            Kind::Html => {
                while frame.inlines.last() == Some(&Inline::Break) {
                    frame.inlines.pop();
                }
                top.blocks.push(Block::Paragraph(frame.inlines));
            }
            Kind::Heading { level, underlined } => top.blocks.push(Block::Heading {
                level,
                underlined,
                content: frame.inlines,
            }),
            Kind::Quote => {
                frame.settle_paragraph();
                top.blocks.push(Block::Quote(frame.blocks));
            }
            Kind::List { start, tight } => top.blocks.push(Block::List(List {
                start,
                tight,
                items: frame.items,
            })),
            Kind::Item => {
                frame.settle_paragraph();
                top.items.push(Item {
                    checked: frame.checked,
                    blocks: frame.blocks,
                });
            }
            Kind::Code { language } => {
                let mut text = frame.text;
                if text.ends_with('\n') {
                    text.pop();
                }
                top.blocks.push(Block::Code { language, text });
            }
            Kind::Table(alignments) => {
                let mut rows = frame.rows.into_iter();
                top.blocks.push(Block::Table(Table {
                    alignments,
                    head: rows.next().unwrap_or_default(),
                    rows: rows.collect(),
                }));
            }
            Kind::Row => top.rows.append(&mut frame.rows),
            Kind::Cell => match top.rows.last_mut() {
                Some(row) => row.push(frame.inlines),
                None => top.rows.push(vec![frame.inlines]),
            },
            Kind::Emphasis => top.push(Inline::Emphasis(frame.inlines), in_link),
            Kind::Strong => top.push(Inline::Strong(frame.inlines), in_link),
            Kind::Strike => top.push(Inline::Strike(frame.inlines), in_link),
            Kind::Link { url } => {
                let content = frame.inlines;
                top.push(Inline::Link { url, content }, in_link);
            }
            Kind::Image { url } => {
                let alt = crate::tree::words(&frame.inlines);
                top.push(Inline::Image { url, alt }, in_link);
            }
        }
    }

    fn finish(mut self) -> Vec<Block> {
        let mut root = self.stack.pop().expect("the root is never popped");
        root.settle_paragraph();
        root.blocks
    }
}

fn kind(tag: Tag<'_>, source: &str) -> Kind {
    match tag {
        Tag::Paragraph => Kind::Paragraph,
        Tag::Heading { level, .. } => Kind::Heading {
            level: level as u8,
            underlined: !source.trim_start().starts_with('#'),
        },
        Tag::BlockQuote(_) => Kind::Quote,
        Tag::CodeBlock(CodeBlockKind::Fenced(info)) => Kind::Code {
            language: language(&info),
        },
        Tag::CodeBlock(CodeBlockKind::Indented) => Kind::Code { language: None },
        Tag::HtmlBlock => Kind::Html,
        Tag::List(start) => Kind::List { start, tight: true },
        Tag::Item => Kind::Item,
        Tag::Table(alignments) => Kind::Table(alignments.into_iter().map(alignment).collect()),
        Tag::TableHead | Tag::TableRow => Kind::Row,
        Tag::TableCell => Kind::Cell,
        Tag::Emphasis => Kind::Emphasis,
        Tag::Strong => Kind::Strong,
        Tag::Strikethrough => Kind::Strike,
        Tag::Link { dest_url, .. } => Kind::Link {
            url: dest_url.into_string(),
        },
        Tag::Image { dest_url, .. } => Kind::Image {
            url: dest_url.into_string(),
        },
        // The rest belongs to options that are off; as paragraphs no word of them could be lost.
        _ => Kind::Paragraph,
    }
}

fn alignment(from: pulldown_cmark::Alignment) -> Alignment {
    match from {
        pulldown_cmark::Alignment::None => Alignment::None,
        pulldown_cmark::Alignment::Left => Alignment::Left,
        pulldown_cmark::Alignment::Center => Alignment::Center,
        pulldown_cmark::Alignment::Right => Alignment::Right,
    }
}

/// The first word of a fence's info.
fn language(info: &str) -> Option<String> {
    info.split(|c: char| c.is_whitespace() || c == ',')
        .find(|word| !word.is_empty())
        .map(str::to_owned)
}

/// `<br>` is the one tag that models write on purpose where Markdown has no other way.
fn is_break(html: &str) -> bool {
    let inner = html.trim_start_matches('<').trim_end_matches('>');
    inner
        .trim_end_matches('/')
        .trim()
        .eq_ignore_ascii_case("br")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(words: &str) -> Vec<Inline> {
        vec![Inline::Text(words.to_owned())]
    }

    #[test]
    fn a_tight_list_with_a_task() {
        let blocks = parse("- [x] a\n- b\n  - c");
        let [Block::List(list)] = blocks.as_slice() else {
            panic!("{blocks:?}");
        };
        assert!(list.tight);
        assert_eq!(list.items[0].checked, Some(true));
        assert_eq!(list.items[0].blocks, [Block::Paragraph(text("a"))]);
        assert_eq!(list.items[1].blocks.len(), 2);
    }

    #[test]
    fn a_table_has_a_head_and_rows() {
        let blocks = parse("| a | b |\n|:-|-:|\n| c | **d** |");
        let [Block::Table(table)] = blocks.as_slice() else {
            panic!("{blocks:?}");
        };
        assert_eq!(table.alignments, [Alignment::Left, Alignment::Right]);
        assert_eq!(table.head, [text("a"), text("b")]);
        assert_eq!(table.rows, [[text("c"), vec![Inline::Strong(text("d"))]]]);
    }

    #[test]
    fn definitions_are_kept() {
        let blocks = parse("[a]: https://b 'c'\nd");
        assert!(matches!(&blocks[0], Block::Definition { label, .. } if label == "a"));
        assert_eq!(blocks[1], Block::Paragraph(text("d")));
    }

    #[test]
    fn carriage_returns_end_lines() {
        for source in ["a\n```\r: b\rc", "a\r\n```\r\n: b\r\nc"] {
            assert_eq!(parse(source), parse("a\n```\n: b\nc"), "{source:?}");
            assert!(format!("{:?}", parse(source)).contains(": b"));
        }
    }

    #[test]
    fn no_depth_overflows_the_stack_or_loses_words() {
        for source in [
            format!("{}deep", "> ".repeat(20_000)),
            format!("{}deep", "- ".repeat(5_000)),
            format!("{}deep{}", "*a **b ".repeat(3_000), "** *".repeat(3_000)),
            format!("{}deep{}", "[".repeat(5_000), "](x)".repeat(5_000)),
        ] {
            assert!(format!("{:?}", parse(&source)).contains("deep"));
        }
    }
}
