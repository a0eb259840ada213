//! Pieces with looks as spans that stand in each other or apart, never across each other.

use super::{Flat, Style};
use std::ops::Range;

/// One look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attr {
    Quote(usize),
    Pre(usize),
    Link(usize),
    Bold,
    Italic,
    Strike,
    Code,
}

/// A stretch of text that has one look. Neither end is white space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) attr: Attr,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// How far ahead it is looked which of two looks lasts longer.
const AHEAD: usize = 64;

impl Style {
    fn attrs(self) -> Vec<Attr> {
        let all = [
            self.quote.map(Attr::Quote),
            self.pre.map(Attr::Pre),
            self.link.map(Attr::Link),
            self.bold.then_some(Attr::Bold),
            self.italic.then_some(Attr::Italic),
            self.strike.then_some(Attr::Strike),
            self.code.then_some(Attr::Code),
        ];
        all.into_iter().flatten().collect()
    }

    fn has(self, attr: Attr) -> bool {
        match attr {
            Attr::Quote(at) => self.quote == Some(at),
            Attr::Pre(at) => self.pre == Some(at),
            Attr::Link(at) => self.link == Some(at),
            Attr::Bold => self.bold,
            Attr::Italic => self.italic,
            Attr::Strike => self.strike,
            Attr::Code => self.code,
        }
    }
}

impl Flat {
    /// The spans, the outer before the inner, in the order of the text.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let mut done: Vec<Span> = Vec::new();
        let mut open: Vec<(Attr, usize)> = Vec::new();
        let mut start = 0;
        for (at, (end, style)) in self.runs.iter().enumerate() {
            let keep = open
                .iter()
                .position(|(attr, _)| !style.has(*attr))
                .unwrap_or(open.len());
            self.close(&mut open, keep, start, &mut done);
            let mut new: Vec<(usize, Attr)> = style
                .attrs()
                .into_iter()
                .filter(|attr| open.iter().all(|(one, _)| one != attr))
                .map(|attr| (self.lasts(at, attr), attr))
                .collect();
            // What lasts longest is outside; a quotation always is.
            new.sort_by_key(|(lasts, attr)| {
                let lasts = if matches!(attr, Attr::Quote(_)) {
                    usize::MAX
                } else {
                    *lasts
                };
                std::cmp::Reverse(lasts)
            });
            open.extend(new.into_iter().map(|(_, attr)| (attr, start)));
            start = *end;
        }
        self.close(&mut open, 0, start, &mut done);
        // The sort is stable, and of two alike the outer was closed later.
        done.reverse();
        done.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
        done
    }

    fn lasts(&self, from: usize, attr: Attr) -> usize {
        let runs = self.runs[from..].iter().take(AHEAD);
        runs.take_while(|(_, style)| style.has(attr)).count()
    }

    fn close(&self, open: &mut Vec<(Attr, usize)>, keep: usize, end: usize, done: &mut Vec<Span>) {
        while open.len() > keep {
            let Some((attr, start)) = open.pop() else {
                return;
            };
            let text = &self.text[start..end];
            let lead = match attr {
                // Code may begin with its indentation.
                Attr::Pre(_) => 0,
                _ => text.len() - text.trim_start().len(),
            };
            let len = text.trim_end().len();
            if lead < len {
                done.push(Span {
                    attr,
                    start: start + lead,
                    end: start + len,
                });
            }
        }
    }

    /// Changes how `ranges`, in order and apart from each other, look.
    pub(crate) fn restyle(&mut self, ranges: &[Range<usize>], change: impl Fn(Style) -> Style) {
        if ranges.is_empty() {
            return;
        }
        let mut runs: Vec<(usize, Style)> = Vec::new();
        let mut push = |end: usize, style: Style| match runs.last_mut() {
            Some((last, same)) if *same == style => *last = end,
            Some((last, _)) if *last >= end => {}
            _ => runs.push((end, style)),
        };
        let mut ranges = ranges.iter().peekable();
        let mut start = 0;
        for (end, style) in &self.runs {
            while start < *end {
                while ranges.peek().is_some_and(|range| range.end <= start) {
                    ranges.next();
                }
                let (until, inside) = match ranges.peek() {
                    Some(range) if range.start <= start => (range.end.min(*end), true),
                    Some(range) => (range.start.min(*end), false),
                    None => (*end, false),
                };
                push(until, if inside { change(*style) } else { *style });
                start = until;
            }
        }
        self.runs = runs;
    }
}
