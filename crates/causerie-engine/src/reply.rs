//! Our reply to a turn: its delivery, and what the turn makes of it.

use crate::{
    config::PlatformEntry,
    deliver::{DeliverError, Delivered, Delivery, LongWait, Means, Target},
    engine::Engine,
    live::Signals,
    turn::Halt,
};
use causerie_core::{
    Text,
    draft::Ending,
    event::Event,
    id::MessageRef,
    outcome::{Failure, Outcome},
    platform::Status,
    store::Claim,
};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::time::Instant;

/// How long the last words may take after the turn's own deadline.
const LAST_WORDS: Duration = Duration::from_secs(60);

/// A reply while it grows.
pub(crate) struct Reply(Delivery);

/// What became of a reply.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// The messages that carry it, and what is worth telling.
    pub(crate) delivered: Delivered,
    /// Whether the platform did not take all of it.
    pub(crate) failed: bool,
}

impl Reply {
    /// A reply to `lead`. `replaces` are messages of ours that it takes the place of.
    pub(crate) fn new(
        engine: &Engine,
        claim: &Claim,
        entry: &PlatformEntry,
        lead: &Event,
        replaces: &[MessageRef],
        deadline: Instant,
        signals: &Signals,
    ) -> Self {
        let target = Target {
            conversation: claim.key.conversation.clone(),
            place: lead.place.clone(),
            turn: claim.turn,
            reply_to: lead.message().cloned(),
            replaces: replaces.to_vec(),
            journal: claim.journal.clone(),
        };
        let means = Means {
            platform: Arc::clone(&entry.platform),
            store: Arc::clone(&engine.store),
            claim: claim.key.clone(),
            clock: Arc::clone(&engine.clock),
            deadline: deadline + LAST_WORDS,
            unwritten: signals.unwritten.clone(),
            sure: signals.sure.subscribe(),
        };
        Self(Delivery::begin(target, means))
    }

    /// More words of the model.
    pub(crate) fn push(&mut self, text: &Text) {
        self.0.push(text);
    }

    /// Shows what we are at.
    pub(crate) fn status(&mut self, status: Status) {
        self.0.status(status);
    }

    /// Waits for `work`, and shows what there is to show meanwhile.
    pub(crate) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Halt> {
        tokio::select! {
            // What is said at once is shown at once, in one step.
            biased;
            done = work => Ok(done),
            Err(error) = self.0.drive() => Err(match error {
                DeliverError::Stale => Halt::Lost,
                DeliverError::Later { wait } => Halt::Later(wait),
                DeliverError::Undeliverable { .. } | DeliverError::Late { .. } => {
                    Halt::Ended(Outcome::Failed(Failure::Undeliverable), None)
                }
            }),
        }
    }

    /// Brings the reply to its last form.
    pub(crate) async fn end(&mut self, ending: Ending, long_wait: LongWait) -> Result<Told, Halt> {
        match self.0.finish(ending, long_wait).await {
            Ok(delivered) => Ok(Told {
                delivered,
                failed: false,
            }),
            Err(DeliverError::Stale) => Err(Halt::Lost),
            Err(DeliverError::Later { wait }) => Err(Halt::Later(wait)),
            Err(DeliverError::Undeliverable { reason, delivered }) => {
                let mut delivered = *delivered;
                delivered.notes.push(format!("not delivered: {reason}"));
                Ok(Told {
                    delivered,
                    failed: true,
                })
            }
            Err(DeliverError::Late { delivered }) => {
                let mut delivered = *delivered;
                delivered
                    .notes
                    .push("not all of it was delivered in time".into());
                Ok(Told {
                    delivered,
                    failed: true,
                })
            }
        }
    }

    /// What is shown so far stands as it is.
    pub(crate) fn leave(self) -> Told {
        Told {
            delivered: self.0.delivered(),
            failed: false,
        }
    }
}
