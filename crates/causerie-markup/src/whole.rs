//! The blocks of a text that is there as a whole, each read by itself.

use crate::{
    blocks::block_ends,
    open::close_virtually,
    parse::{parse, with_line_feeds},
    tree::Block,
};

/// The blocks of `markdown`.
pub(crate) fn whole(markdown: &str) -> Vec<Block> {
    let markdown = &*with_line_feeds(markdown);
    read(markdown, &ends(markdown))
}

/// The blocks of `markdown`, which is still growing, with what is open in it closed.
pub(crate) fn growing(markdown: &str) -> Vec<Block> {
    let markdown = &*with_line_feeds(markdown);
    let mut ends = block_ends(markdown);
    ends.pop();
    let tail = ends.last().copied().unwrap_or(0);
    let mut blocks = read(markdown, &ends);
    blocks.extend(parse(&close_virtually(&markdown[tail..])));
    blocks
}

/// The blocks of `markdown`, and those that it has while it grows if they are others.
pub(crate) fn both(markdown: &str) -> (Vec<Block>, Option<Vec<Block>>) {
    let markdown = &*with_line_feeds(markdown);
    let blocks_end = block_ends(markdown);
    let before = blocks_end.len().saturating_sub(1);
    let ends = with_rest(markdown, blocks_end);
    let tail = before.checked_sub(1).map_or(0, |at| ends[at]);
    let mut blocks = read(markdown, &ends[..before]);
    let closed = close_virtually(&markdown[tail..]);
    let growing = (closed != markdown[tail..]).then(|| {
        let mut blocks = blocks.clone();
        blocks.extend(parse(&closed));
        blocks
    });
    let rest: Vec<usize> = ends[before..].iter().map(|end| end - tail).collect();
    blocks.extend(read(&markdown[tail..], &rest));
    (blocks, growing)
}

/// Where each top-level block of `markdown` ends, link definitions behind the last among them.
pub(crate) fn ends(markdown: &str) -> Vec<usize> {
    with_rest(markdown, block_ends(markdown))
}

fn with_rest(markdown: &str, mut ends: Vec<usize>) -> Vec<usize> {
    let last = ends.last().copied().unwrap_or(0);
    if markdown[last..].trim().is_empty() {
        ends.pop();
    }
    ends.push(markdown.len());
    ends
}

fn read(markdown: &str, ends: &[usize]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut from = 0;
    for end in ends {
        blocks.extend(parse(&markdown[from..*end]));
        from = *end;
    }
    blocks
}
