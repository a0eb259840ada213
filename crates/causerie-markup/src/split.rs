//! Lossless splitting: parts that each fit into one message and together say it all.

use crate::{blocks::block_ends, fence};
use causerie_core::{
    draft,
    platform::{TextLimit, TextUnit},
};
use unicode_segmentation::UnicodeSegmentation;

/// Cuts Markdown for [`causerie_core::draft::Draft`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Cutter;

/// `markdown` in parts, each within `limit`.
pub fn split(markdown: &str, limit: TextLimit) -> Vec<String> {
    use causerie_core::draft::Cutter as _;
    let mut parts = Vec::new();
    let mut rest = markdown.to_owned();
    while limit.unit.measure(&rest) > limit.max {
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
    fn cut(&self, markdown: &str, limit: TextLimit) -> (String, String) {
        if limit.unit.measure(markdown) <= limit.max {
            return (markdown.to_owned(), String::new());
        }
        let between_blocks = block_ends(markdown)
            .into_iter()
            .rfind(|end| limit.unit.measure(markdown[..*end].trim_end()) <= limit.max);
        if let Some(end) = between_blocks.filter(|end| *end < markdown.len()) {
            let rest = markdown[end..].trim_start_matches('\n');
            return (markdown[..end].trim_end().to_owned(), rest.to_owned());
        }
        cut_inside(markdown, limit)
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

/// Cuts within the first block, which does not fit.
fn cut_inside(markdown: &str, limit: TextLimit) -> (String, String) {
    let mut max = limit.max;
    loop {
        let at = cut_point(markdown, limit.unit, max);
        let head = markdown[..at].trim_end_matches('\n');
        let Some(fence) = fence::open_at_end(head) else {
            let rest = markdown[at..].trim_start_matches(['\n', ' ']);
            return (head.to_owned(), rest.to_owned());
        };
        let head = head.to_owned() + &closing_of(head, &fence);
        if limit.unit.measure(&head) <= limit.max {
            return (head, format!("{}\n{}", fence.opening, &markdown[at..]));
        }
        max -= 1;
    }
}

/// The last good place to cut within `max`: between lines, else between words, else between
/// graphemes.
fn cut_point(text: &str, unit: TextUnit, max: usize) -> usize {
    let mut length = 0;
    let (mut line, mut word, mut grapheme) = (0, 0, 0);
    for (at, cluster) in text.grapheme_indices(true) {
        length += unit.measure(cluster);
        if length > max && grapheme > 0 {
            break;
        }
        grapheme = at + cluster.len();
        if cluster.ends_with('\n') {
            line = grapheme;
        } else if cluster == " " {
            word = grapheme;
        }
    }
    match (line, word) {
        (line, _) if line > grapheme / 2 => line,
        (_, word) if word > grapheme / 2 => word,
        _ => grapheme,
    }
}
