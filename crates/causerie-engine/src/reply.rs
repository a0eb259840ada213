//! Our reply to a turn, as the platform gets it.

use crate::{config::PlatformEntry, engine::Engine};
use causerie_core::{
    Text,
    event::Event,
    id::{MessageRef, Nonce},
    platform::{Action, Content, Creates, Notice, Operation, PlatformError, Status},
    store::{Claim, JournalEntry},
};
use tokio::time::{Instant, sleep};

/// How a reply ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The model has said everything.
    Whole,
    /// What the model has said stands, and a line of ours says why there is no more.
    Remark(String, Option<Notice>),
    /// Only we speak.
    Notice(String, Notice),
    /// Nothing is said, and what was said before stands.
    Silent,
}

/// What became of a reply.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delivered {
    /// The messages that carry it.
    pub(crate) refs: Vec<MessageRef>,
    /// When its first text was visible.
    pub(crate) first_text_at: Option<Instant>,
    /// Whether the platform did not take it.
    pub(crate) failed: bool,
    /// What the operator may want to know.
    pub(crate) notes: Vec<String>,
}

/// The most often one step is tried.
const TRIES: u32 = 5;

/// A reply while it grows.
pub(crate) struct Reply<'a> {
    engine: &'a Engine,
    claim: &'a Claim,
    entry: &'a PlatformEntry,
    lead: Event,
    standing: Option<MessageRef>,
    text: String,
}

impl<'a> Reply<'a> {
    /// A reply to `lead`. `replaces` are messages of ours that it takes the place of.
    pub(crate) fn new(
        engine: &'a Engine,
        claim: &'a Claim,
        entry: &'a PlatformEntry,
        lead: &Event,
        replaces: &[MessageRef],
    ) -> Self {
        let sent = claim.journal.iter().find_map(|entry| match entry {
            JournalEntry::Sent { message, .. } => Some(message),
            _ => None,
        });
        let standing = sent.or(replaces.first()).cloned();
        Self {
            engine,
            claim,
            entry,
            lead: lead.clone(),
            standing,
            text: String::new(),
        }
    }

    /// Whether an earlier attempt has created a message.
    pub(crate) fn was_begun(journal: &[JournalEntry]) -> bool {
        journal
            .iter()
            .any(|entry| matches!(entry, JournalEntry::Sent { .. }))
    }

    /// More words of the model.
    pub(crate) async fn push(&mut self, text: &Text) {
        self.text.push_str(text.expose());
    }

    /// Shows what we are at.
    pub(crate) async fn status(&mut self, status: Status) {
        self.perform(Action::Status { status }).await.ok();
    }

    /// Brings the reply to its last form.
    pub(crate) async fn end(mut self, ending: Ending) -> Delivered {
        let (markdown, notice) = match ending {
            Ending::Whole => (std::mem::take(&mut self.text), None),
            Ending::Remark(line, notice) => (format!("{}\n\n*{line}*", self.text), notice),
            Ending::Notice(line, notice) => (line, Some(notice)),
            Ending::Silent => return Delivered::default(),
        };
        let content = Content {
            markdown: Text::new(markdown),
            complete: true,
            notice,
        };
        for _ in 0..TRIES {
            match self.show(content.clone()).await {
                Ok(message) => return self.delivered(message),
                Err(PlatformError::RateLimited { retry_after }) => sleep(retry_after).await,
                Err(PlatformError::Unavailable { .. }) => {}
                Err(error) => return failed(&error),
            }
        }
        failed(&PlatformError::Unavailable {
            reason: "tried several times".into(),
        })
    }

    async fn show(&mut self, content: Content) -> Result<Option<MessageRef>, PlatformError> {
        if let Some(message) = self.standing.clone() {
            self.perform(Action::Edit {
                message: message.clone(),
                content,
            })
            .await?;
            return Ok(Some(message));
        }
        let noted = self.entry.platform.capabilities().creates != Creates::Idempotent;
        let store = &self.engine.store;
        if noted {
            store
                .note(&self.claim.key, &JournalEntry::Sending { part: 0 })
                .await
                .ok();
        }
        let nonce = Nonce::derive(&self.claim.key.conversation, self.claim.turn, 0);
        let reply_to = self.lead.message().cloned();
        let message = self
            .perform(Action::Post {
                nonce,
                reply_to,
                content,
            })
            .await?;
        self.standing = message.clone();
        if let (true, Some(message)) = (noted, message.clone()) {
            store
                .note(&self.claim.key, &JournalEntry::Sent { part: 0, message })
                .await
                .ok();
        }
        Ok(message)
    }

    fn delivered(self, message: Option<MessageRef>) -> Delivered {
        Delivered {
            refs: message.into_iter().collect(),
            first_text_at: Some(Instant::now()),
            ..Delivered::default()
        }
    }

    async fn perform(&self, action: Action) -> Result<Option<MessageRef>, PlatformError> {
        let conversation = self.claim.key.conversation.clone();
        let operation = Operation {
            conversation,
            place: self.lead.place.clone(),
            action,
        };
        Ok(self.entry.platform.perform(&operation).await?.message)
    }
}

fn failed(error: &PlatformError) -> Delivered {
    Delivered {
        failed: true,
        notes: vec![format!("not delivered: {error}")],
        ..Delivered::default()
    }
}
