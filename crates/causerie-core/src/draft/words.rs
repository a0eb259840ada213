//! The words of a draft, in parts.
//!
//! What is counted in the Markdown itself is counted as it comes. What is counted in another form
//! is measured seldom while the words come, so that the work stays linear, and once more before
//! anything is shown, so that what is shown always fits.

use super::Cutter;
use crate::platform::{TextForm, TextLimit, TextUnit};
use std::sync::Arc;

/// The words of a draft, in parts of which only the last grows.
pub(super) struct Words {
    cutter: Arc<dyn Cutter>,
    limit: Option<TextLimit>,
    /// The part at this place is a file, which has no limit.
    file_after: Option<usize>,
    /// Never empty.
    parts: Vec<Part>,
    revisions: u64,
    /// Whether the last part may not be cut now.
    held: bool,
}

/// The words of one message.
pub(super) struct Part {
    /// As Markdown.
    pub(super) markdown: String,
    /// Another number for each form the words took, so that forms can be compared.
    pub(super) revision: u64,
    /// The length in the unit and the form of the limit, when it was measured last.
    length: usize,
    /// How much Markdown has come since, in the unit of the limit.
    unmeasured: usize,
    /// Whether there is nothing to see in it.
    pub(super) blank: bool,
}

/// Parts smaller than this are not worth cutting further.
const SMALLEST: usize = 64;

/// A form is measured again when this part of the room that was left may be used up…
const SHARE: usize = 4;

/// …but not before so much has come.
const SELDOM: usize = 64;

impl Words {
    pub(super) fn new(
        cutter: Arc<dyn Cutter>,
        limit: Option<TextLimit>,
        file_after: Option<usize>,
    ) -> Self {
        let mut words = Self {
            cutter,
            limit,
            file_after,
            parts: Vec::new(),
            revisions: 0,
            held: false,
        };
        words.add_part(String::new());
        words
    }

    /// All parts, never none.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// While held, the last part is not cut, however long it grows.
    pub(super) fn hold(&mut self, held: bool) {
        self.held = held;
        self.cut();
    }

    pub(super) fn push(&mut self, delta: &str) {
        let Some(limit) = self.limit.filter(|limit| limit.form != TextForm::Source) else {
            return self.push_piece(delta);
        };
        // Much at once comes in pieces, so that each cut looks at one message and not at all.
        let mut rest = delta;
        while !rest.is_empty() {
            let (piece, next) = rest.split_at(rest.ceil_char_boundary(limit.max.max(SELDOM)));
            self.push_piece(piece);
            rest = next;
        }
    }

    /// Makes sure that everything fits now, whatever was measured before.
    pub(super) fn settle(&mut self) {
        self.cut_when(|part| part.unmeasured > 0);
    }

    fn push_piece(&mut self, delta: &str) {
        let unit = self.unit();
        let counts_source = self.counts_source();
        let last = self.last();
        // White space before the first word would be a blank message, or lost by the platform.
        let delta = match last.markdown.is_empty() {
            true => leading_blank_lines_off(delta),
            false => delta,
        };
        last.markdown.push_str(delta);
        match counts_source {
            true => last.length += unit.measure(delta),
            false => last.unmeasured += unit.measure(delta),
        }
        if !delta.trim().is_empty() {
            last.blank = false;
            self.touch_last();
        }
        self.cut();
    }

    /// Adds `line` as a paragraph of its own.
    pub(super) fn add_line(&mut self, line: &str) {
        let last = self.parts.last().expect("there is always a part");
        let closing = self.cutter.closing(&last.markdown);
        let last = self.last();
        if last.blank {
            last.markdown.clear();
            last.length = 0;
            last.unmeasured = 0;
        } else {
            let ended = last.markdown.trim_end().len();
            let between = format!("{closing}\n\n");
            // Trailing space inside open code belongs to the code; elsewhere it is nothing.
            if closing.is_empty() {
                last.markdown.truncate(ended);
            }
            last.markdown.push_str(&between);
            self.remeasure_last();
        }
        self.push(line);
    }

    /// All words are these.
    pub(super) fn replace(&mut self, markdown: &str) {
        self.parts.clear();
        self.add_part(String::new());
        self.push(markdown);
    }

    /// Seals the part at `place` as it was when it was `shown`; the rest goes on in a new part.
    /// Whether it began like that.
    pub(super) fn seal(&mut self, place: usize, shown: &str) -> bool {
        let Some(part) = self.parts.get(place) else {
            return false;
        };
        let Some(rest) = part.markdown.strip_prefix(shown) else {
            return false;
        };
        let rest = self.cutter.opening(shown) + leading_blank_lines_off(rest);
        let rest = self.new_part(rest);
        self.parts[place] = self.new_part(shown.to_owned());
        self.parts.insert(place + 1, rest);
        self.cut();
        true
    }

    /// The platform found part `at` too long. Whether it could be made smaller.
    pub(super) fn shrink(&mut self, at: usize) -> bool {
        let Some(part) = self.parts.get(at) else {
            return false;
        };
        let (unit, form) = match self.limit {
            Some(limit) => (limit.unit, limit.form),
            None => (TextUnit::CodePoints, TextForm::Source),
        };
        let length = self.measure(&part.markdown);
        let max = length.min(self.limit.map_or(length, |limit| limit.max)) * 3 / 4;
        if max < SMALLEST {
            return false;
        }
        let limit = TextLimit { unit, max, form };
        self.limit = Some(limit);
        if at + 1 < self.parts.len() {
            let (head, rest) = self.cutter.cut(&self.parts[at].markdown, limit);
            self.parts[at] = self.new_part(head);
            let rest = self.new_part(rest);
            self.parts.insert(at + 1, rest);
        }
        self.cut();
        true
    }

    /// Cuts the last part until it fits, as far as is known.
    fn cut(&mut self) {
        let max = self.limit.map_or(usize::MAX, |limit| limit.max);
        self.cut_when(|part| {
            let room = max.saturating_sub(part.length);
            part.unmeasured >= SELDOM.max(room / SHARE)
        });
    }

    /// Cuts the last part until it fits. It is measured again when `is_due` says so.
    fn cut_when(&mut self, is_due: impl Fn(&Part) -> bool) {
        let Some(limit) = self.limit.filter(|_| !self.held) else {
            return;
        };
        while !self.is_file(self.parts.len() - 1) {
            if is_due(self.last()) {
                self.remeasure_last();
            }
            if self.last().length <= limit.max {
                return;
            }
            let whole = std::mem::take(&mut self.last().markdown);
            let (head, rest) = self.cutter.cut(&whole, limit);
            if head.trim().is_empty() {
                *self.last() = self.new_part(rest);
                continue;
            }
            *self.last() = self.new_part(head);
            self.add_part(rest);
        }
    }

    /// Whether the part at `place` is posted as a file.
    pub(super) fn is_file(&self, place: usize) -> bool {
        self.file_after.is_some_and(|after| place >= after)
    }

    fn counts_source(&self) -> bool {
        self.limit
            .is_none_or(|limit| limit.form == TextForm::Source)
    }

    fn measure(&self, markdown: &str) -> usize {
        match self.limit.filter(|_| !self.counts_source()) {
            Some(limit) => self.cutter.measure(markdown, limit),
            None => self.unit().measure(markdown),
        }
    }

    fn unit(&self) -> TextUnit {
        self.limit.map_or(TextUnit::CodePoints, |limit| limit.unit)
    }

    fn last(&mut self) -> &mut Part {
        self.parts.last_mut().expect("there is always a part")
    }

    fn touch_last(&mut self) {
        self.revisions += 1;
        let revision = self.revisions;
        self.last().revision = revision;
    }

    fn remeasure_last(&mut self) {
        let length = self.measure(&self.parts[self.parts.len() - 1].markdown);
        let last = self.last();
        last.length = length;
        last.unmeasured = 0;
    }

    fn add_part(&mut self, markdown: String) {
        let part = self.new_part(markdown);
        self.parts.push(part);
    }

    fn new_part(&mut self, markdown: String) -> Part {
        self.revisions += 1;
        let source = self.unit().measure(&markdown);
        let (length, unmeasured) = match self.counts_source() {
            true => (source, 0),
            false => (0, source),
        };
        Part {
            revision: self.revisions,
            length,
            unmeasured,
            blank: markdown.trim().is_empty(),
            markdown,
        }
    }
}

/// `text` from its first line that is not blank.
fn leading_blank_lines_off(text: &str) -> &str {
    let Some(first) = text.find(|c: char| !c.is_whitespace()) else {
        // A whole blank delta: its last line may be the indentation of what follows.
        return text.rfind('\n').map_or(text, |at| &text[at + 1..]);
    };
    text[..first].rfind('\n').map_or(text, |at| &text[at + 1..])
}
