//! A platform that does nothing but look at the clock.

use async_trait::async_trait;
use causerie_core::{
    Text, Timestamp,
    event::{Event, EventKind, Participant, Posted},
    id::{ConversationId, EventId, MessageRef, ParticipantId, Place, PlatformId},
    platform::{
        Action, Creates, Inbox, Operation, Platform, PlatformCapabilities, PlatformError, Receipt,
        Stop, Streaming,
    },
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// What people say, and are told back: 280 bytes, as chats go.
const WORDS: &str = "The quick brown fox jumps over the lazy dog, and the dog looks up, yawns, and \
    goes back to sleep in the sun. Later the fox comes by again, slower this time, and sits down. \
    They look at the river together and say nothing for a while. Then it rains, and both of them \
    walk home along it.";

/// Tells whoever waits for a place when its answer was complete.
pub(super) struct Watching {
    id: PlatformId,
    capabilities: PlatformCapabilities,
    waiting: Mutex<HashMap<Place, oneshot::Sender<Instant>>>,
}

impl Default for Watching {
    fn default() -> Self {
        let capabilities = PlatformCapabilities {
            streaming: Streaming::Append {
                every: Duration::from_millis(30),
            },
            message_limit: None,
            creates: Creates::Idempotent,
            edits: true,
            deletes: true,
            typing: None,
            file_after: None,
        };
        let id = PlatformId::new("bench").expect("a word");
        Self {
            id,
            capabilities,
            waiting: Mutex::default(),
        }
    }
}

#[async_trait]
impl Platform for Watching {
    fn id(&self) -> &PlatformId {
        &self.id
    }

    fn capabilities(&self, _place: &Place) -> &PlatformCapabilities {
        &self.capabilities
    }

    async fn run(&self, _inbox: Arc<dyn Inbox>, stop: Stop) -> Result<(), PlatformError> {
        stop.await;
        Ok(())
    }

    async fn perform(&self, operation: &Operation) -> Result<Receipt, PlatformError> {
        let message = match &operation.action {
            Action::Post { nonce, content, .. } => {
                if content.complete {
                    self.complete(&operation.place);
                }
                Some(MessageRef::new(nonce.as_str()).expect("a nonce is a word"))
            }
            Action::OpenStream { nonce, .. } => {
                Some(MessageRef::new(nonce.as_str()).expect("a nonce is a word"))
            }
            Action::CloseStream { .. } => {
                self.complete(&operation.place);
                None
            }
            _ => None,
        };
        Ok(Receipt { message })
    }
}

impl Watching {
    /// One message, from the offer until its answer is complete on the platform.
    pub(super) async fn turn(
        &self,
        inbox: &dyn Inbox,
        conversation: &str,
        number: usize,
    ) -> Duration {
        let place = Place::new(conversation).expect("a word");
        let event = Event {
            id: EventId::new(format!("event{number}")).expect("a word"),
            conversation: ConversationId::on(&self.id, conversation).expect("a word"),
            place: place.clone(),
            author: Participant {
                id: ParticipantId::on(&self.id, conversation).expect("a word"),
                name: Text::new("Ann"),
                is_bot: false,
                roles: vec![],
            },
            at: Timestamp(1_795_521_600_000 + number as i64),
            kind: EventKind::Posted(Posted {
                message: MessageRef::new(format!("message{number}")).expect("a word"),
                text: Text::new(WORDS),
                quoted: None,
                attachments: vec![],
                shared: false,
            }),
            language: None,
        };
        let (answered, answer) = oneshot::channel();
        self.waiting
            .lock()
            .expect("nobody panics")
            .insert(place, answered);
        let began = Instant::now();
        inbox.offer(event).await.expect("the store takes it");
        answer
            .await
            .expect("every message is answered")
            .duration_since(began)
    }

    fn complete(&self, place: &Place) {
        if let Some(waiting) = self.waiting.lock().expect("nobody panics").remove(place) {
            // The bench may have ended.
            let _ = waiting.send(Instant::now());
        }
    }
}
