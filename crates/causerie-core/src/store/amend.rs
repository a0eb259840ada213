//! Edits and deletions of mail that still waits: what they do, and what is recorded of it.

use crate::{
    Timestamp,
    event::{Event, EventKind},
    id::{ConversationId, EventId, MessageRef, TurnNumber},
    outcome::{Outcome, TurnRecord},
};

/// The message an event edits or deletes.
pub fn target(event: &Event) -> Option<&MessageRef> {
    match &event.kind {
        EventKind::Edited { message, .. } | EventKind::Deleted { message } => Some(message),
        _ => None,
    }
}

/// Whether `change` edits or deletes the message that `waiting` posts.
pub fn applies(change: &Event, waiting: &Event) -> bool {
    let posted =
        matches!(&waiting.kind, EventKind::Posted(p) if Some(&p.message) == target(change));
    posted && waiting.author.id == change.author.id
}

/// What becomes of `waiting`: its new form, or `None` if it is gone.
pub fn apply(change: &Event, mut waiting: Event) -> Option<Event> {
    let EventKind::Edited { text, .. } = &change.kind else {
        return None;
    };
    if let EventKind::Posted(posted) = &mut waiting.kind {
        posted.text = text.clone();
    }
    Some(waiting)
}

/// The record of a change to waiting mail: turn 0, nothing used. `removed` is the event that ended
/// with it.
pub fn record(change: &Event, removed: Option<EventId>, now: Timestamp) -> TurnRecord {
    let mut events = vec![(change.id.clone(), Outcome::Answered)];
    events.extend(removed.map(|id| (id, Outcome::Superseded)));
    let asked = target(change).into_iter().cloned().collect();
    outside_of_turns(&change.conversation, events, asked, now)
}

/// The record of mail that was erased while it waited, if there was any.
pub fn erased(conversation: &ConversationId, mail: &[Event], now: Timestamp) -> Option<TurnRecord> {
    let events = mail.iter().map(|e| (e.id.clone(), Outcome::Superseded));
    let asked = mail.iter().filter_map(Event::worded).cloned().collect();
    (!mail.is_empty()).then(|| outside_of_turns(conversation, events.collect(), asked, now))
}

/// A record with turn 0 and nothing used.
fn outside_of_turns(
    conversation: &ConversationId,
    events: Vec<(EventId, Outcome)>,
    asked: Vec<MessageRef>,
    now: Timestamp,
) -> TurnRecord {
    TurnRecord {
        events,
        asked,
        ..TurnRecord::new(conversation.clone(), TurnNumber(0), now)
    }
}
