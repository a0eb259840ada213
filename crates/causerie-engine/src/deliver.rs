//! Shows one turn's answer on its platform while it grows, and to the end.
//!
//! A [`Delivery`] drives a [`Draft`]: one operation is under way at a time, and whatever the model
//! says meanwhile is in the next one, so a slow platform never holds the model up. The turn says
//! what there is ([`Delivery::push`], [`Delivery::status`]), polls [`Delivery::drive`] beside the
//! model, and at last awaits [`Delivery::finish`].
//!
//! Before a message is created the journal says so, and after it, which it became, unless the
//! platform knows its messages by our nonces for ever.

use crate::metric;
use causerie_core::{
    Clock, Text, Timestamp,
    draft::{Draft, DraftTarget, Ending},
    id::{ConversationId, MessageRef, Place, TurnNumber},
    platform::{Creates, Operation, Platform, Status},
    store::{ClaimKey, JournalEntry, Store},
};
use causerie_markup::Cutter;
use futures::future::BoxFuture;
use std::{convert::Infallible, sync::Arc, time::Duration};
use thiserror::Error;
use tokio::{sync::watch, time::Instant};

mod perform;
mod retry;
mod unwritten;

use perform::{Noted, Performed};
use retry::Retries;
pub use unwritten::Unwritten;

/// Where an answer goes.
#[derive(Clone, Debug)]
pub struct Target {
    /// The conversation.
    pub conversation: ConversationId,
    /// Where, thread included.
    pub place: Place,
    /// The turn.
    pub turn: TurnNumber,
    /// The message that is answered.
    pub reply_to: Option<MessageRef>,
    /// Messages of ours that this answer replaces, in order.
    pub replaces: Vec<MessageRef>,
    /// What earlier attempts at this turn noted.
    pub journal: Vec<JournalEntry>,
}

/// What a delivery works with.
#[derive(Clone)]
pub struct Means {
    /// Where the answer is shown.
    pub platform: Arc<dyn Platform>,
    /// Where the journal is kept.
    pub store: Arc<dyn Store>,
    /// The right to answer.
    pub claim: ClaimKey,
    /// For [`Delivered::first_text_at`].
    pub clock: Arc<dyn Clock>,
    /// When to give up.
    pub deadline: Instant,
    /// What the journal should know by the next thing that is shown for good.
    pub unwritten: Unwritten,
    /// Until when the claim is surely ours. From then on nothing is begun, until it is later.
    pub sure: watch::Receiver<Instant>,
}

/// What a delivery came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// The messages that carry the answer, in order. One whose creation was never confirmed is
    /// missing.
    pub refs: Vec<MessageRef>,
    /// What is worth telling the operator. No text of people.
    pub notes: Vec<String>,
    /// When the first words were visible.
    pub first_text_at: Option<Timestamp>,
}

/// What to do when the platform makes us wait for long, or is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LongWait {
    /// Sit it out, until there is no more hope or no more time.
    Here,
    /// Return [`DeliverError::Later`]. A later attempt goes on by the journal.
    Elsewhere,
}

/// Waits up to this are sat out in any case.
const SHORT_WAIT: Duration = Duration::from_secs(2);

/// Why an answer is not shown, or not all of it. Named for what the turn does next.
#[derive(Debug, Error)]
pub enum DeliverError {
    /// The claim was lost: stop; somebody else has the turn.
    #[error("the claim was lost")]
    Stale,
    /// The platform will not take it: record it, and go on to the next turn.
    #[error("the answer cannot be delivered: {reason}")]
    Undeliverable {
        /// Why, in English, for the operator.
        reason: &'static str,
        /// What was shown all the same.
        delivered: Box<Delivered>,
    },
    /// The platform will take it later: give the turn back until then.
    #[error("the platform takes nothing before {wait:?} have passed")]
    Later {
        /// How long to wait.
        wait: Duration,
    },
    /// The turn's time is over before everything was shown.
    #[error("the answer was not delivered in time")]
    Late {
        /// What was shown.
        delivered: Box<Delivered>,
    },
}

/// One turn's answer on its way to people.
pub struct Delivery {
    means: Means,
    place: Place,
    conversation: ConversationId,
    draft: Draft,
    /// What the draft's times count from.
    began: Instant,
    /// The operation under way. It lives here, so that dropping [`Delivery::drive`] does not
    /// interrupt it.
    under_way: Option<BoxFuture<'static, Performed>>,
    retries: Retries,
    /// What to do about long waits, once the answer has ended.
    long_wait: Option<LongWait>,
    first_text_at: Option<Timestamp>,
    notes: Vec<String>,
}

impl Delivery {
    /// Begins to deliver a turn's answer, or goes on where an earlier attempt stopped.
    pub fn begin(target: Target, means: Means) -> Self {
        let mut draft = Draft::new(
            means.platform.capabilities(&target.place).clone(),
            Arc::new(Cutter),
            DraftTarget {
                conversation: target.conversation.clone(),
                turn: target.turn,
                reply_to: target.reply_to,
                replaces: target.replaces,
            },
        );
        draft.resume(&target.journal);
        if !draft.notes().is_empty() {
            metric::message_unconfirmed();
        }
        Self {
            means,
            place: target.place,
            conversation: target.conversation,
            draft,
            began: Instant::now(),
            under_way: None,
            retries: Retries::default(),
            long_wait: None,
            first_text_at: None,
            notes: Vec::new(),
        }
    }

    /// More of the answer.
    pub fn push(&mut self, delta: &Text) {
        self.draft.push(delta.expose());
    }

    /// What we are at now.
    pub fn status(&mut self, status: Status) {
        self.draft.status(status);
    }

    /// Whether anything was shown yet.
    pub fn has_begun(&self) -> bool {
        self.first_text_at.is_some()
    }

    /// Performs what is due, for as long as it is polled. Returns only when there is no more hope; a
    /// platform that is away may be back before the answer is complete.
    ///
    /// # Cancel safety
    /// May be dropped and called again at any time.
    pub async fn drive(&mut self) -> Result<Infallible, DeliverError> {
        loop {
            self.advance().await?;
        }
    }

    /// The answer ends like this: shows the rest of it, and returns when all is in its last form.
    ///
    /// May be called again with [`Ending::Replace`], for example after an error.
    ///
    /// # Errors
    /// If the platform will not take it, the claim is lost, or the deadline passes; as `long_wait`
    /// says, also if the platform is away or makes us wait.
    ///
    /// # Cancel safety
    /// Dropping it leaves the answer as far as it is shown; the journal lets another attempt go on.
    pub async fn finish(
        &mut self,
        ending: Ending,
        long_wait: LongWait,
    ) -> Result<Delivered, DeliverError> {
        self.draft.finish(ending);
        self.long_wait = Some(long_wait);
        self.retries.reset();
        let deadline = self.means.deadline;
        let settle = async {
            while !self.draft.is_settled() {
                self.advance().await?;
            }
            Ok(())
        };
        match tokio::time::timeout_at(deadline, settle).await {
            Ok(Ok(())) => Ok(self.delivered()),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(DeliverError::Late {
                delivered: Box::new(self.delivered()),
            }),
        }
    }

    /// What has been delivered so far.
    pub fn delivered(&self) -> Delivered {
        let noted = self.draft.notes().iter().map(|note| (*note).to_owned());
        Delivered {
            refs: self.draft.messages(),
            notes: noted.chain(self.notes.iter().cloned()).collect(),
            first_text_at: self.first_text_at,
        }
    }

    /// One thing: ends the operation under way, begins the next, or waits until one is due.
    async fn advance(&mut self) -> Result<(), DeliverError> {
        if let Some(under_way) = &mut self.under_way {
            let performed = under_way.await;
            self.under_way = None;
            return self.settle(performed);
        }
        // A sender that is gone leaves no doubt.
        let _ = self
            .means
            .sure
            .wait_for(|until| Instant::now() < *until)
            .await;
        let now = self.began.elapsed();
        if let Some(step) = self.draft.next_step(now) {
            let operation = Operation {
                conversation: self.conversation.clone(),
                place: self.place.clone(),
                action: step.action,
            };
            let noted = match (step.creates, step.changes) {
                _ if !self.journals() => Noted::No,
                (Some(part), _) => Noted::Creates(part),
                (None, Some(part)) => Noted::Changes(part),
                (None, None) => Noted::No,
            };
            self.under_way = Some(perform::perform(self.means.clone(), operation, noted));
            return Ok(());
        }
        let Some(at) = self.draft.next_wake(now) else {
            return std::future::pending().await;
        };
        let wait = at.saturating_sub(now);
        if self.long_wait == Some(LongWait::Elsewhere) && wait > SHORT_WAIT {
            return Err(DeliverError::Later { wait });
        }
        tokio::time::sleep_until(self.began + at).await;
        Ok(())
    }

    /// Whether this platform's messages are noted in the journal.
    fn journals(&self) -> bool {
        self.creates() != Creates::Idempotent
    }

    /// What creating a message twice does where this answer goes.
    fn creates(&self) -> Creates {
        self.means.platform.capabilities(&self.place).creates
    }

    fn undeliverable(&self, reason: &'static str) -> DeliverError {
        DeliverError::Undeliverable {
            reason,
            delivered: Box::new(self.delivered()),
        }
    }
}
