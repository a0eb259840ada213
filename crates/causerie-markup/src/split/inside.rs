//! Cuts inside a block.

use super::{
    points::{Level, Point, points},
    size,
};
use crate::{open::close_virtually, tree::all_words, whole::whole};
use causerie_core::platform::TextLimit;
use std::ops::Range;

/// How many places are tried where a cut turns out to lose something.
const TRIES: usize = 8;

/// A cut: the head with all that stands before the block, and the rest.
struct Cut {
    head: String,
    rest: String,
    filled: usize,
}

/// Cuts `markdown` in the block that stands at `range`, the first that does not fit.
pub(super) fn cut(
    markdown: &str,
    range: Range<usize>,
    limit: TextLimit,
) -> Option<(String, String)> {
    let block = &markdown[range.clone()];
    // What is open at the end of a text that grows is open here as well.
    let closed = match range.end == markdown.len() {
        true => close_virtually(block),
        false => block.to_owned(),
    };
    let same = block
        .char_indices()
        .zip(closed.chars())
        .find(|((_, one), other)| one != other)
        .map_or(closed.len().min(block.len()), |((at, _), _)| at);
    let job = Job {
        before: &markdown[..range.start],
        block,
        behind: &markdown[range.end..],
        words: words(&closed),
        closed: &closed,
        limit,
    };
    let mut best: Option<Cut> = None;
    for letters in [false, true] {
        let mut all = points(&closed, letters);
        all.retain(|point| point.at <= same && block.is_char_boundary(point.at));
        let levels: &[(Level, usize)] = match letters {
            false => &[
                (Level::Entry, 3),
                (Level::Part, 3),
                (Level::Line, 2),
                (Level::Word, 2),
            ],
            true => &[(Level::Letter, 2), (Level::Piece, 1)],
        };
        for (level, share) in levels {
            // A link is cut only where nothing else helps, a word only to fill a message.
            let enough = match level {
                Level::Piece => best.is_some(),
                Level::Letter => best.as_ref().is_some_and(|cut| cut.filled * 4 >= limit.max),
                _ => false,
            };
            if enough {
                break;
            }
            let Some(cut) = job.best(&all, *level) else {
                continue;
            };
            if cut.filled * share >= limit.max {
                return Some((cut.head, cut.rest));
            }
            if best.as_ref().is_none_or(|best| best.filled < cut.filled) {
                best = Some(cut);
            }
        }
    }
    best.map(|cut| (cut.head, cut.rest))
}

struct Job<'a> {
    before: &'a str,
    block: &'a str,
    behind: &'a str,
    closed: &'a str,
    /// The words of the block.
    words: String,
    limit: TextLimit,
}

impl Job<'_> {
    /// The last place of this level where the head fits and nothing is lost.
    fn best(&self, points: &[Point], level: Level) -> Option<Cut> {
        let points: Vec<&Point> = points.iter().filter(|point| point.level == level).collect();
        let fits = |point: &&Point| size(&self.head(point), self.limit) <= self.limit.max;
        let fitting = points.partition_point(fits);
        let mut tries = points[..fitting].iter().rev().take(TRIES);
        tries.find_map(|point| {
            let head = self.head(point);
            let rest = self.rest(point, self.block);
            let filled = size(&head, self.limit);
            let fits = filled <= self.limit.max && !head[self.before.len()..].trim().is_empty();
            // What is opened again must not be longer than what is done.
            let goes_on = rest.len() < self.block.len();
            (fits && goes_on && self.is_lossless(point)).then(|| Cut {
                head,
                rest: rest + self.behind,
                filled,
            })
        })
    }

    fn head(&self, point: &Point) -> String {
        self.before.to_owned() + &self.head_of_block(point)
    }

    fn head_of_block(&self, point: &Point) -> String {
        let mut head = &self.block[..point.at];
        let line = head.rfind('\n').map_or(0, |at| at + 1);
        if head[line..].trim_start_matches([' ', '\t', '>']).is_empty() {
            head = &head[..line];
        }
        if point.open.is_code() {
            head = head.strip_suffix('\n').unwrap_or(head);
        } else {
            head = head.trim_end();
            // A break that nothing follows would be a sign.
            let signs = head.len() - head.trim_end_matches('\\').len();
            head = &head[..head.len() - signs % 2];
        }
        head.to_owned() + &point.open.before()
    }

    fn rest(&self, point: &Point, block: &str) -> String {
        let mut out = point.open.after();
        if let Some((instead, len)) = &point.instead {
            out.push_str(instead);
            out.push_str(&block[point.at + len..]);
            return out;
        }
        let mut rest = &block[point.at..];
        if !point.open.is_code() {
            rest = rest.trim_start_matches(' ');
        }
        if point.is_text {
            let marker = marker_at(rest);
            if let Some(at) = marker {
                out.push_str(&rest[..at]);
                out.push('\\');
                rest = &rest[at..];
            }
        }
        out.push_str(rest);
        let among_words = point.level > Level::Part && !point.open.is_code();
        let start = point.open.first().len();
        let begins = |marks: &str| out[start..].starts_with(marks);
        if among_words && !point.is_text && (begins("```") || begins("~~~")) {
            // Code among words whose end may still come is no block of code.
            out.insert(start, '\u{200b}');
        }
        out
    }

    fn is_lossless(&self, point: &Point) -> bool {
        if point.repeats {
            return true;
        }
        let mut said = words(&self.head_of_block(point));
        said.push_str(&words(&self.rest(point, self.closed)));
        said == self.words
    }
}

/// The letters of all words.
pub(super) fn words(markdown: &str) -> String {
    let mut words = all_words(&whole(markdown));
    words.retain(char::is_alphanumeric);
    words
}

/// Where a sign must be put so that `text` does not begin with the marker of a block.
fn marker_at(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    let second = text[first.len_utf8()..].chars().next();
    let alone = second.is_none_or(char::is_whitespace);
    match first {
        '#' | '-' | '+' | '=' | '>' | '|' => Some(0),
        '*' | '_' if alone || second == Some(first) => Some(0),
        '`' | '~' if text.starts_with("```") || text.starts_with("~~~") => Some(0),
        '<' => Some(0),
        '[' if text.contains("]:") => Some(0),
        c if c.is_ascii_digit() => {
            let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
            rest.starts_with(['.', ')'])
                .then(|| text.len() - rest.len())
        }
        _ => None,
    }
}
