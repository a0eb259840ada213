//! A run of inlines as words that can be wrapped.

use super::AnsiStyle;
use crate::{
    link::is_safe,
    tree::{self, Inline},
};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// How text looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) strong: bool,
    pub(super) emphasis: bool,
    pub(super) strike: bool,
    pub(super) underline: bool,
    pub(super) code: bool,
    pub(super) dim: bool,
    /// Which of the addresses it leads to.
    pub(super) link: Option<usize>,
}

impl Format {
    pub(super) const DIM: Self = Self {
        strong: false,
        emphasis: false,
        strike: false,
        underline: false,
        code: false,
        dim: true,
        link: None,
    };

    /// `text` between the sequences that make it look so.
    pub(super) fn paint(self, text: &str, style: &AnsiStyle) -> String {
        let codes = [
            (self.strong, "1"),
            (self.dim, "2"),
            (self.emphasis, "3"),
            (self.underline, "4"),
            (self.strike, "9"),
            (self.code, "36"),
        ];
        let codes: Vec<&str> = codes
            .into_iter()
            .filter_map(|(set, code)| set.then_some(code))
            .collect();
        if !style.color || codes.is_empty() || text.is_empty() {
            return text.to_owned();
        }
        format!("\x1b[{}m{text}\x1b[0m", codes.join(";"))
    }
}

/// What parts a word from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// Nothing, but a line may end there.
    None,
    Spaces(usize),
    Line,
}

/// What a line is not broken in.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) gap: Gap,
    /// The word, painted.
    pub(super) shown: String,
    /// Its columns.
    pub(super) width: usize,
}

/// Collects words.
pub(super) struct Words {
    style: AnsiStyle,
    words: Vec<Word>,
    /// What parts the next text from the last; `None` if it goes on with the last word.
    gap: Option<Gap>,
    /// The end of the last word, which all looks the same and is not painted yet.
    piece: (Format, String),
    /// Whether a line may end after the last character.
    breakable: bool,
    urls: Vec<String>,
}

impl Words {
    pub(super) fn new(style: AnsiStyle) -> Self {
        Self {
            style,
            words: Vec::new(),
            gap: Some(Gap::None),
            piece: (Format::default(), String::new()),
            breakable: false,
            urls: Vec::new(),
        }
    }

    pub(super) fn finish(mut self) -> Vec<Word> {
        self.settle();
        self.words
    }

    pub(super) fn inlines(&mut self, inlines: &[Inline], format: Format) {
        for inline in inlines {
            self.inline(inline, format);
        }
    }

    fn inline(&mut self, inline: &Inline, format: Format) {
        let mut inner = format;
        match inline {
            Inline::Text(text) => self.text(text, format),
            Inline::Code(code) => {
                inner.code = true;
                self.marked("`", |words| words.text(code, inner));
            }
            Inline::Strong(content) => {
                inner.strong = true;
                self.marked("**", |words| words.inlines(content, inner));
            }
            Inline::Emphasis(content) => {
                inner.emphasis = true;
                self.marked("*", |words| words.inlines(content, inner));
            }
            Inline::Strike(content) => {
                inner.strike = true;
                self.marked("~~", |words| words.inlines(content, inner));
            }
            Inline::Link { url, content } => {
                let name = tree::words(content);
                self.link(url, &name, format, |words, format| {
                    words.inlines(content, format);
                });
            }
            Inline::Image { url, alt } => {
                let shown = if alt.is_empty() { url } else { alt };
                self.link(url, shown, format, |words, format| {
                    words.text(shown, format);
                });
            }
            Inline::Break | Inline::SoftBreak => self.gap = Some(Gap::Line),
        }
    }

    /// Without colours, marks say how text looks.
    fn marked(&mut self, mark: &str, content: impl FnOnce(&mut Self)) {
        if self.style.color {
            return content(self);
        }
        self.append(mark, Format::default());
        content(self);
        self.gap = None;
        self.append(mark, Format::default());
    }

    /// A link that cannot be followed here has its address behind it.
    fn link(
        &mut self,
        url: &str,
        name: &str,
        mut format: Format,
        content: impl FnOnce(&mut Self, Format),
    ) {
        let outer = format;
        let hidden = self.style.hyperlinks && self.style.color && is_safe(url);
        if hidden {
            self.urls.push(url.to_owned());
            format.link = Some(self.urls.len() - 1);
        }
        format.underline = true;
        content(self, format);
        let bare = name == url || url.strip_prefix("mailto:") == Some(name);
        if !hidden && !bare && !url.is_empty() {
            self.gap = Some(Gap::Spaces(1));
            self.append(&format!("({url})"), Format { dim: true, ..outer });
        }
    }

    /// Text, which is parted into words.
    pub(super) fn text(&mut self, text: &str, format: Format) {
        for cluster in text.graphemes(true) {
            if cluster.chars().all(is_gap) {
                self.gap = match self.gap {
                    Some(Gap::Line) => Some(Gap::Line),
                    Some(Gap::Spaces(spaces)) if format.code => Some(Gap::Spaces(spaces + 1)),
                    _ => Some(Gap::Spaces(1)),
                };
            } else {
                self.append(cluster, format);
            }
        }
    }

    /// Appends what no line is broken in.
    fn append(&mut self, text: &str, format: Format) {
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        if text.is_empty() {
            return;
        }
        let width = text.width();
        let first = text.chars().next();
        // Lines of Chinese or Japanese may end at any character that no punctuation follows.
        let wide = width == 2 && text.chars().count() <= 2;
        let may_part = (wide || self.breakable) && !first.is_some_and(is_closing);
        let gap = self.gap.take().or(may_part.then_some(Gap::None));
        self.breakable = (wide || (self.breakable && first.is_some_and(is_closing)))
            && !first.is_some_and(is_opening);
        match (gap, self.words.is_empty()) {
            (Some(gap), _) => self.begin(gap),
            (None, true) => self.begin(Gap::None),
            (None, false) => {}
        }
        if self.piece.0 != format {
            self.settle();
            self.piece.0 = format;
        }
        self.piece.1.push_str(&text);
        let word = self.words.last_mut().expect("one was begun");
        word.width += width;
    }

    fn begin(&mut self, gap: Gap) {
        self.settle();
        self.words.push(Word {
            gap,
            shown: String::new(),
            width: 0,
        });
    }

    /// Paints the end of the last word.
    fn settle(&mut self) {
        let (format, text) = (self.piece.0, std::mem::take(&mut self.piece.1));
        let Some(word) = self.words.last_mut().filter(|_| !text.is_empty()) else {
            return;
        };
        let painted = format.paint(&text, &self.style);
        match format.link {
            Some(at) => {
                let url = &self.urls[at];
                let link = format!("\x1b]8;;{url}\x1b\\{painted}\x1b]8;;\x1b\\");
                word.shown.push_str(&link);
            }
            None => word.shown.push_str(&painted),
        }
    }
}

/// Whether a character parts words.
fn is_gap(c: char) -> bool {
    c.is_whitespace() && !matches!(c, '\u{a0}' | '\u{202f}' | '\u{2007}')
}

/// Whether no line begins with it.
fn is_closing(c: char) -> bool {
    "，。！？；：、）」』】》〉〕”’…—ー々,.!?;:)]}%".contains(c)
}

/// Whether no line ends with it.
fn is_opening(c: char) -> bool {
    "（「『【《〈〔“‘([{".contains(c)
}
