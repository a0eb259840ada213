//! What an erasure takes from a message or an event: all of it, or what it quotes.

use crate::{
    event::{Event, EventKind, Quoted},
    id::{MessageRef, ParticipantId, Seq},
    message::Message,
    store::ConversationState,
};

/// What is erased from what stays.
pub enum Target<'a> {
    /// One platform message.
    Message(&'a MessageRef),
    /// All that one participant said.
    Participant(&'a ParticipantId),
}

/// What becomes of an item.
#[derive(PartialEq)]
pub enum Fate {
    /// Nothing of it is meant.
    Stays,
    /// It lost what it quoted.
    Changed,
    /// It is erased.
    Gone,
}

impl Target<'_> {
    /// Takes what is meant out of a message of history.
    pub fn strip_message(&self, message: &mut Message) -> Fate {
        let gone = match self {
            Target::Message(reference) => message.refs.contains(reference),
            Target::Participant(id) => message.author.as_ref().is_some_and(|a| a.id == **id),
        };
        if gone {
            return Fate::Gone;
        }
        self.strip_quote(&mut message.quoted)
    }

    /// Takes what is meant out of an event that waits.
    pub fn strip_event(&self, event: &mut Event) -> Fate {
        let gone = match self {
            Target::Message(reference) => event.quotes(reference),
            Target::Participant(id) => event.author.id == **id,
        };
        if gone {
            return Fate::Gone;
        }
        match &mut event.kind {
            EventKind::Posted(posted) => self.strip_quote(&mut posted.quoted),
            _ => Fate::Stays,
        }
    }

    fn strip_quote(&self, quoted: &mut Option<Quoted>) -> Fate {
        let meant = quoted.as_ref().is_some_and(|quoted| match self {
            Target::Message(reference) => quoted.message == **reference,
            Target::Participant(id) => quoted.author.as_ref().is_some_and(|a| a.id == **id),
        });
        if !meant {
            return Fate::Stays;
        }
        *quoted = None;
        Fate::Changed
    }
}

/// Takes the summary away if it may hold the message at `seq`.
pub fn strip_summary(state: &mut ConversationState, seq: Seq) {
    state.summary = state.summary.take().filter(|summary| summary.before <= seq);
}
