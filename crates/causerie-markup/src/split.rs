//! Lossless splitting: parts that each fit into one message and together say it all.
//!
//! A text is cut between blocks, else inside the first block that does not fit: between the rows
//! of a table, the items of a list, lines, words, and at last letters. What is open there is closed
//! in the head and opened again in the rest. What fits is asked of the form that is shown.

mod inside;
mod open_now;
mod points;
mod size;

pub(crate) use size::size;

use crate::{fence, parse::with_line_feeds, whole::ends};
use causerie_core::{draft, platform::TextLimit};
use unicode_segmentation::UnicodeSegmentation;

/// Cuts Markdown for [`causerie_core::draft::Draft`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Cutter;

/// So many times the limit is looked at first for one cut.
const NEAR: usize = 3;

/// `markdown` in parts, each within `limit`.
pub fn split(markdown: &str, limit: TextLimit) -> Vec<String> {
    use causerie_core::draft::Cutter as _;
    let mut parts = Vec::new();
    let mut rest = with_line_feeds(markdown).into_owned();
    while too_long(&rest, limit).is_some() {
        let (head, next) = Cutter.cut(&rest, limit);
        if !head.trim().is_empty() {
            parts.push(head);
        }
        rest = next;
    }
    if !rest.trim().is_empty() {
        parts.push(rest);
    }
    parts
}

impl draft::Cutter for Cutter {
    fn measure(&self, markdown: &str, limit: TextLimit) -> usize {
        size(markdown, limit)
    }

    fn cut(&self, markdown: &str, limit: TextLimit) -> (String, String) {
        let Some(near) = too_long(markdown, limit) else {
            return (markdown.to_owned(), String::new());
        };
        let (head, rest) = cut_near(near, limit);
        (head, rest + &markdown[near.len()..])
    }

    fn closing(&self, markdown: &str) -> String {
        match fence::open_at_end(markdown) {
            Some(fence) => closing_of(markdown, &fence),
            None => String::new(),
        }
    }

    fn opening(&self, markdown: &str) -> String {
        match fence::open_at_end(markdown) {
            Some(fence) => format!("{}\n", fence.opening),
            None => String::new(),
        }
    }
}

fn closing_of(head: &str, fence: &fence::OpenFence) -> String {
    let newline = if head.ends_with('\n') { "" } else { "\n" };
    format!("{newline}{}{}", fence.prefix, fence.marks)
}

/// A beginning of `markdown` that does not fit, much shorter than the whole if possible; `None` if
/// the whole fits.
fn too_long(markdown: &str, limit: TextLimit) -> Option<&str> {
    let mut most = limit.max.max(1).saturating_mul(NEAR);
    loop {
        let near = near(markdown, most);
        let length = size(near, limit);
        if near.len() == markdown.len() {
            return (length > limit.max).then_some(near);
        }
        // A link that is not whole at the end may look longer than it is.
        if length > limit.max.saturating_mul(2) {
            return Some(near);
        }
        most = most.saturating_mul(2);
    }
}

/// The beginning of `markdown`, not much more than `most` bytes: whole lines if possible.
fn near(markdown: &str, most: usize) -> &str {
    if markdown.len() <= most {
        return markdown;
    }
    let near = &markdown[..markdown.ceil_char_boundary(most)];
    match near.rfind('\n') {
        Some(line) if line > most / 2 => &near[..line + 1],
        _ => near,
    }
}

/// Cuts `markdown`, which does not fit.
fn cut_near(markdown: &str, limit: TextLimit) -> (String, String) {
    let ends = ends(markdown);
    let fits = |end: usize| size(markdown[..end].trim_end(), limit) <= limit.max;
    let mut fitting = ends.partition_point(|end| fits(*end));
    while fitting > 0 && (fitting == ends.len() || !fits(ends[fitting - 1])) {
        fitting -= 1;
    }
    let block = |at: usize| {
        let from = if at == 0 { 0 } else { ends[at - 1] };
        &markdown[from..ends[at]]
    };
    let is_heading = |at: usize| block(at).trim_start().starts_with('#');
    let start = if fitting == 0 { 0 } else { ends[fitting - 1] };
    let mut between = fitting;
    while between > 0 && (is_heading(between - 1) || !fits(ends[between - 1])) {
        between -= 1;
    }
    if between > 0 {
        let end = ends[between - 1];
        let filled = size(markdown[..end].trim_end(), limit);
        let next = block(fitting);
        let next_fits = size(next, limit) <= limit.max;
        let stays_whole = next.trim_start().starts_with(['|', '`', '~']);
        if filled * 2 >= limit.max || (next_fits && (filled * 4 >= limit.max || stays_whole)) {
            return between_blocks(markdown, end);
        }
    }
    if let Some(cut) = inside::cut(markdown, start..ends[fitting], limit) {
        return cut;
    }
    if between.max(fitting) > 0 {
        let at = if between > 0 { between } else { fitting };
        return between_blocks(markdown, ends[at - 1]);
    }
    anywhere(markdown, limit)
}

fn between_blocks(markdown: &str, end: usize) -> (String, String) {
    let rest = markdown[end..].trim_start_matches('\n');
    (markdown[..end].trim_end().to_owned(), rest.to_owned())
}

/// How many places are tried where a cut turns out to lose something.
const TRIES: usize = 32;

/// Cuts where nothing better is possible: as much as fits, and one letter at least.
fn anywhere(markdown: &str, limit: TextLimit) -> (String, String) {
    let ends: Vec<usize> = markdown
        .grapheme_indices(true)
        .map(|(at, letter)| at + letter.len())
        .collect();
    let mut fitting = ends.partition_point(|end| size(&markdown[..*end], limit) <= limit.max);
    while fitting > 1 && size(&markdown[..ends[fitting - 1]], limit) > limit.max {
        fitting -= 1;
    }
    let said = inside::words(markdown);
    let is_lossless = |end: &&usize| {
        let (head, rest) = markdown.split_at(**end);
        inside::words(head) + &inside::words(rest) == said
    };
    let mut tried = ends[..fitting].iter().rev().take(TRIES);
    let fit = tried.find(is_lossless).or(ends.get(fitting.max(1) - 1));
    let mut end = fit.copied().unwrap_or(markdown.len());
    if size(&markdown[..end], limit) > limit.max {
        // One letter of very many signs.
        let signs = markdown[..end].char_indices().map(|(at, _)| at).skip(1);
        end = signs
            .take_while(|at| size(&markdown[..*at], limit) <= limit.max)
            .last()
            .or_else(|| markdown.chars().next().map(char::len_utf8))
            .unwrap_or(end);
    }
    (markdown[..end].to_owned(), markdown[end..].to_owned())
}

#[cfg(test)]
mod drafts;
#[cfg(test)]
mod tests;
