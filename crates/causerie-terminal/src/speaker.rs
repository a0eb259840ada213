//! The person at the keyboard, as events.

use crate::PLATFORM;
use causerie_core::{
    Clock, Text,
    event::{Event, EventKind, Participant, Posted},
    id::{ConversationId, EventId, IdError, MessageRef, ParticipantId, Place, PlatformId},
};
use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Who speaks, in which conversation, and under which numbers.
pub(crate) struct Speaker {
    pub(crate) platform: PlatformId,
    pub(crate) conversation: ConversationId,
    place: Place,
    author: Participant,
    clock: Arc<dyn Clock>,
    /// Tells this run of the program from every other: when it began, and as which process.
    run: String,
    said: AtomicU64,
}

impl Speaker {
    /// `None` for a conversation that nobody has had before.
    pub(crate) fn new(
        conversation: Option<&str>,
        name: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, IdError> {
        let platform = PlatformId::new(PLATFORM).expect("a constant name");
        let run = format!("{}-{}", clock.now().0, process::id());
        let fresh = format!("ask-{run}");
        Ok(Self {
            conversation: ConversationId::on(&platform, conversation.unwrap_or(&fresh))?,
            place: Place::new("tty").expect("a constant name"),
            author: Participant {
                id: ParticipantId::on(&platform, "local")?,
                name: Text::new(name),
                is_bot: false,
                roles: vec![],
            },
            platform,
            clock,
            run,
            said: AtomicU64::new(0),
        })
    }

    /// The person says something.
    pub(crate) fn says(&self, text: Text) -> Event {
        let number = self.said.fetch_add(1, Ordering::Relaxed);
        let message = MessageRef::new(format!("in-{}-{number}", self.run)).expect("plain");
        let posted = Posted {
            message,
            text,
            quoted: None,
            attachments: Vec::new(),
            shared: false,
        };
        self.event(number, EventKind::Posted(posted))
    }

    /// The person wants the running answer to stop.
    pub(crate) fn stops(&self) -> Event {
        let number = self.said.fetch_add(1, Ordering::Relaxed);
        self.event(number, EventKind::StopPressed)
    }

    fn event(&self, number: u64, kind: EventKind) -> Event {
        Event {
            id: EventId::new(format!("{}-{number}", self.run)).expect("plain"),
            conversation: self.conversation.clone(),
            place: self.place.clone(),
            author: self.author.clone(),
            at: self.clock.now(),
            kind,
            language: None,
        }
    }
}
