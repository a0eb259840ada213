//! HTML for an answer that is still growing.

use crate::{
    blocks::{Blocks, Growth},
    html::{CODE_END, code_start, escape, render},
    open::close_virtually,
    parse::parse,
    tree::Block,
};

/// A change to one block of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockUpdate {
    /// Which block, from 0. A block that was not there before is the next one.
    pub index: usize,
    /// What happens to it.
    pub change: BlockChange,
}

/// What happens to a block of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockChange {
    /// The block is this HTML.
    Set(String),
    /// This HTML follows at the end of the `code` element of the block.
    Append(String),
}

/// Applies `update` to the blocks of a page, as a browser does.
pub fn apply(blocks: &mut Vec<String>, update: BlockUpdate) {
    if blocks.len() <= update.index {
        blocks.resize(update.index + 1, String::new());
    }
    let block = &mut blocks[update.index];
    match update.change {
        BlockChange::Set(html) => *block = html,
        BlockChange::Append(html) => {
            let at = block.len() - CODE_END.len();
            block.truncate(at);
            block.push_str(&html);
            block.push_str(CODE_END);
        }
    }
}

/// Renders a growing answer block by block.
///
/// A closed block never changes again; only the last one is rendered anew, with what is open in
/// it closed virtually. The work is linear in the length of the answer. All updates applied in
/// order, those of [`HtmlStream::finish`] included, give what [`crate::html()`] makes of the whole.
#[derive(Debug, Default)]
pub struct HtmlStream {
    source: String,
    blocks: Blocks,
    /// The index of the open block.
    index: usize,
    /// What the open block shows; empty if it is not there yet.
    shown: String,
}

impl HtmlStream {
    /// An empty answer.
    pub fn new() -> Self {
        Self::default()
    }

    /// The Markdown so far.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Takes the next piece of the answer.
    pub fn push(&mut self, delta: &str) -> Vec<BlockUpdate> {
        self.source.push_str(delta);
        let growth = self.blocks.push(delta);
        self.updates(growth)
    }

    /// The answer is whole: gives the last block its final form.
    pub fn finish(&mut self) -> Vec<BlockUpdate> {
        let growth = self.blocks.finish();
        let mut updates = self.updates(growth);
        if !self.shown.is_empty() {
            // What was held open turned out to be nothing.
            self.set(String::new(), &mut updates);
        }
        updates
    }

    fn updates(&mut self, growth: Vec<Growth>) -> Vec<BlockUpdate> {
        let mut updates = Vec::new();
        for one in growth {
            match one {
                Growth::Closed(source) => {
                    self.set(render(&parse(&source)), &mut updates);
                    self.next();
                }
                Growth::FenceOpened(line) => {
                    let mut html = String::new();
                    code_start(language(&line).as_deref(), &mut html);
                    html.push_str(CODE_END);
                    self.set(html, &mut updates);
                }
                Growth::Code(code) => {
                    let mut html = String::new();
                    escape(&code, &mut html);
                    updates.push(BlockUpdate {
                        index: self.index,
                        change: BlockChange::Append(html),
                    });
                }
                Growth::FenceClosed => self.next(),
                Growth::Tail => {
                    let html = render(&parse(&close_virtually(self.blocks.tail())));
                    if !html.is_empty() {
                        self.set(html, &mut updates);
                    }
                }
            }
        }
        updates
    }

    fn set(&mut self, html: String, updates: &mut Vec<BlockUpdate>) {
        if html == self.shown {
            return;
        }
        self.shown.clone_from(&html);
        updates.push(BlockUpdate {
            index: self.index,
            change: BlockChange::Set(html),
        });
    }

    fn next(&mut self) {
        // A block that shows nothing has no place on the page.
        if !self.shown.is_empty() {
            self.index += 1;
            self.shown.clear();
        }
    }
}

/// The language that the first line of a code block names.
fn language(line: &str) -> Option<String> {
    match parse(line).into_iter().next() {
        Some(Block::Code { language, .. }) => language,
        _ => None,
    }
}

#[cfg(test)]
mod tests;
