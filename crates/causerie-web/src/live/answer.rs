//! One answer while it grows.

use crate::update::{AnswerChange, BlockDifference, Item, Kind, NoticeView};
use causerie_core::{
    Timestamp,
    id::{MessageRef, Nonce},
    platform::{Content, Notice},
};
use causerie_markup::{BlockChange, BlockUpdate, HtmlStream, apply};

/// One answer: its Markdown so far and what was made of it.
pub(super) struct Answer {
    message: MessageRef,
    reply_to: Option<MessageRef>,
    at: Timestamp,
    /// When it last changed.
    touched: Timestamp,
    /// Set if all of it is our own.
    notice: Option<NoticeView>,
    complete: bool,
    renderer: HtmlStream,
    blocks: Vec<String>,
}

/// The message a nonce makes: the same on every attempt, so a repeated create finds it.
pub(super) fn name(nonce: &Nonce) -> MessageRef {
    MessageRef::new(format!("a{}", nonce.as_str())).expect("a nonce is short and hexadecimal")
}

impl Answer {
    pub(super) fn new(message: MessageRef, reply_to: Option<MessageRef>, at: Timestamp) -> Self {
        Self {
            message,
            reply_to,
            at,
            touched: at,
            notice: None,
            complete: false,
            renderer: HtmlStream::new(),
            blocks: Vec::new(),
        }
    }

    pub(super) fn message(&self) -> &MessageRef {
        &self.message
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether it says why a message has no answer.
    pub(super) fn is_reason(&self) -> bool {
        matches!(
            self.notice,
            Some(NoticeView::Refused { .. } | NoticeView::Failed)
        )
    }

    pub(super) fn touched(&self) -> Timestamp {
        self.touched
    }

    /// Puts `text` behind the first `offset` bytes. `None` if nothing changed.
    ///
    /// A repeat of what stands there changes nothing; something else in its place replaces all
    /// that followed. With a gap before it, the text is left out: the finished message brings all.
    pub(super) fn append(
        &mut self,
        offset: usize,
        text: &str,
        now: Timestamp,
    ) -> Option<AnswerChange> {
        self.touched = now;
        let source = self.renderer.source();
        let behind = source.get(offset..)?;
        if behind.is_empty() && !self.complete {
            let changed = self.render(text);
            return Some(self.change(changed));
        }
        if behind.starts_with(text) {
            return None;
        }
        let markdown = format!("{}{text}", &source[..offset]);
        self.complete = false;
        Some(self.render_anew(&markdown))
    }

    /// Makes it read like `content`.
    pub(super) fn replace(&mut self, content: &Content, now: Timestamp) -> AnswerChange {
        self.touched = now;
        let was_complete = std::mem::replace(&mut self.complete, content.complete);
        let markdown = content.markdown.expose();
        // A remark behind words of the model does not make them ours.
        let ours = |notice: &Notice| notice.part(markdown).0.trim().is_empty();
        self.notice = content.notice.filter(ours).map(NoticeView::from);
        match markdown.strip_prefix(self.renderer.source()) {
            // Nothing before the end changed: what is shown stays and grows.
            Some(more) if !was_complete => {
                let mut changed = self.render(more);
                if self.complete {
                    changed.extend(self.finish());
                }
                self.change(changed)
            }
            _ => self.render_anew(markdown),
        }
    }

    /// All of it as a change.
    pub(super) fn whole(&self) -> AnswerChange {
        self.change(self.different(&[]))
    }

    /// All of it as the page lists it.
    pub(super) fn item(&self) -> Item {
        Item {
            id: self.message.to_string(),
            kind: Kind::Answer,
            at: self.at,
            text: None,
            blocks: self.blocks.clone(),
            complete: self.complete,
            waiting: false,
            notice: self.notice,
            reply_to: self.reply_to.clone(),
        }
    }

    /// Renders `more` behind what is there, and says how blocks changed.
    fn render(&mut self, more: &str) -> Vec<BlockDifference> {
        let updates = self.renderer.push(more);
        self.take(updates)
    }

    fn finish(&mut self) -> Vec<BlockDifference> {
        let updates = self.renderer.finish();
        self.take(updates)
    }

    fn take(&mut self, updates: Vec<BlockUpdate>) -> Vec<BlockDifference> {
        for update in &updates {
            apply(&mut self.blocks, update.clone());
        }
        let differences = updates.into_iter().map(|update| match update.change {
            BlockChange::Set(html) => BlockDifference::Set {
                i: update.index,
                html,
            },
            BlockChange::Append(html) => BlockDifference::Append {
                i: update.index,
                more: html,
            },
        });
        differences.collect()
    }

    /// Renders all of `markdown`. Only blocks that differ are told, so that what a person selected
    /// or copies in the others stays in place.
    fn render_anew(&mut self, markdown: &str) -> AnswerChange {
        let before = std::mem::take(&mut self.blocks);
        self.renderer = HtmlStream::new();
        self.render(markdown);
        if self.complete {
            self.finish();
        }
        self.change(self.different(&before))
    }

    /// The blocks that are not as in `before`.
    fn different(&self, before: &[String]) -> Vec<BlockDifference> {
        let now = self.blocks.iter().enumerate();
        now.filter(|(index, html)| before.get(*index) != Some(html))
            .map(|(i, html)| BlockDifference::Set {
                i,
                html: html.clone(),
            })
            .collect()
    }

    fn change(&self, changed: Vec<BlockDifference>) -> AnswerChange {
        AnswerChange {
            id: self.message.clone(),
            at: self.at,
            reply_to: self.reply_to.clone(),
            changed,
            length: self.blocks.len(),
            complete: self.complete,
            notice: self.notice,
        }
    }
}
