//! What an erasure takes from a message or an event: all of it, or what it quotes.

use crate::{
    event::{Event, EventKind, Quoted},
    id::{MessageRef, ParticipantId, Seq},
    message::Message,
    store::{Commit, ConversationState, Summary},
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

/// The state after `commit`, where `now` is what the store holds: the count of erasures is the
/// store's own, and a summary from before an erasure does not come back.
pub fn state_after(commit: &Commit, now: &ConversationState) -> ConversationState {
    let mut state = commit.state.clone();
    if state.erasures != now.erasures && !commit.erase {
        let began = state.began;
        state.summary = now.summary.clone().filter(|kept| kept.before > began);
    }
    state.erasures = now.erasures + u64::from(commit.erase);
    state
}

/// What is left of the state of a conversation that is erased.
pub fn erased_state(now: &ConversationState) -> ConversationState {
    ConversationState {
        erasures: now.erasures + 1,
        ..ConversationState::default()
    }
}

/// Whether `summary`, made after `erasures` erasures, belongs into `state`.
pub fn takes(state: &ConversationState, summary: &Summary, erasures: u64) -> bool {
    let further = (state.summary.as_ref()).is_none_or(|old| old.before < summary.before);
    let before_window = state.began < summary.before && summary.before <= state.window_start;
    further && before_window && state.erasures == erasures
}

/// Takes the summary away if it may hold the message at `seq`.
pub fn strip_summary(state: &mut ConversationState, seq: Seq) {
    state.summary = state.summary.take().filter(|summary| summary.before <= seq);
}
