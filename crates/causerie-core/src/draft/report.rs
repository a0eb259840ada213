//! What a draft learns from what became of a step.

use super::{
    Draft, NOTE_UNKNOWN, Report,
    message::{Begun, Known, Message},
    plan::Planned,
};
use crate::{
    id::MessageRef,
    platform::{Action, Content, Creates},
};
use std::time::Duration;

/// For the operator: somebody deleted a message of ours while it grew.
const NOTE_GONE: &str = "a message was gone; it was created anew";

/// For the operator: the platform takes less than its capabilities say.
const NOTE_TOO_LONG: &str = "a message was too long for the platform; it was cut smaller";

/// Whether something only shows that the answer grows.
fn is_growing(action: &Action) -> bool {
    !action.lasts() && !matches!(action, Action::Delete { .. } | Action::Status { .. })
}

impl Draft {
    /// What became of the step that was under way.
    pub fn report(&mut self, report: Report) {
        let Some(planned) = self.under_way.take() else {
            return;
        };
        match report {
            Report::Done { at, message } => self.done(&planned, at, message),
            // What may have taken effect stays as it is until it is known.
            Report::Later { at } if planned.repeats => return self.again(planned, at),
            Report::Later { at } if is_growing(&planned.step.action) => {
                self.not_growing_before = at;
            }
            Report::Later { at } => self.not_before = at,
            Report::Again { at } => return self.again(planned, at),
            Report::Unknown { at } => {
                self.moved = Some(at);
                self.unknown(&planned);
            }
            Report::Gone => self.gone(&planned),
            Report::TooLong => {
                let place = planned.place;
                self.deliverable = place.is_some_and(|place| self.words.shrink(place));
                self.note(NOTE_TOO_LONG);
            }
            Report::Skip { at } => self.skip(&planned, at),
        }
        self.words.hold(false);
    }

    /// Exactly the same again, not before `at`.
    fn again(&mut self, mut planned: Planned, at: Duration) {
        self.not_before = at;
        if let (Some(_), Some(place)) = (planned.step.creates, planned.place) {
            self.messages[place].begin(Begun::First);
        }
        planned.repeats = true;
        self.again = Some(planned);
    }

    fn done(&mut self, planned: &Planned, at: Duration, message: Option<MessageRef>) {
        if let Action::Status { status } = planned.step.action {
            self.status_shown = Some((status, at));
            return;
        }
        let Some(place) = planned.place else {
            return;
        };
        let edits = self.capabilities.edits;
        let slot = &mut self.messages[place];
        match &planned.step.action {
            Action::Delete { .. } => {
                self.messages.remove(place);
                return;
            }
            Action::Post { .. } | Action::OpenStream { .. } => {
                // A message that an earlier try had made says what that try carried.
                let was_begun = matches!(slot.known, Known::Begun(_));
                let opens = matches!(planned.step.action, Action::OpenStream { .. });
                slot.known = message.map_or(Known::Lost, Known::There);
                slot.shown = Some(planned.shown).filter(|_| !was_begun || !(edits || opens));
                slot.open = opens && !was_begun;
            }
            _ => slot.shown = Some(planned.shown),
        }
        match planned.step.action {
            Action::CloseStream { .. } => slot.open = false,
            Action::Append { .. } => slot.appended = planned.appended,
            _ => {}
        }
        self.moved = Some(at);
    }

    /// Nobody knows whether the message was created, and it may not be created again.
    fn unknown(&mut self, planned: &Planned) {
        let (Some(_), Some(place)) = (planned.step.creates, planned.place) else {
            return;
        };
        self.note(NOTE_UNKNOWN);
        let counts_as_shown = match &planned.step.action {
            Action::Post {
                content: Content { markdown, .. },
                ..
            } => self.words.seal(place, markdown.expose()),
            _ => false,
        };
        if counts_as_shown {
            self.messages[place].known = Known::Lost;
        } else {
            self.messages.remove(place);
        }
    }

    fn gone(&mut self, planned: &Planned) {
        let Some(place) = planned.place else {
            return;
        };
        if matches!(planned.step.action, Action::Delete { .. }) {
            self.messages.remove(place);
            return;
        }
        match planned.step.creates {
            Some(_) => self.nothing_to_create_at(place),
            None => self.lost(place),
        }
    }

    /// A create met with what is gone: what is answered, or a message that the nonce names for
    /// ever. The place may still be there.
    fn nothing_to_create_at(&mut self, place: usize) {
        let answered = self.target.reply_to.take().is_some();
        let names = self.capabilities.creates == Creates::Idempotent;
        let number = self.take_number();
        let slot = &mut self.messages[place];
        let again = names && slot.losses == 0;
        if again {
            *slot = Message::absent(number);
            slot.losses = 1;
        }
        self.deliverable = answered || again;
    }

    /// Somebody deleted the message at `place`. The messages after it move up, so that the words
    /// stay in order and a message that an earlier attempt made in its stead is found; a new one
    /// comes behind them.
    fn lost(&mut self, place: usize) {
        let number = self.take_number();
        let losses = self.messages.remove(place).losses + 1;
        self.deliverable = losses == 1;
        let can_move = |message: &&Message| self.capabilities.edits && message.id().is_some();
        let moved = self.messages[place..].iter().take_while(can_move).count();
        let new = Message {
            losses,
            ..Message::absent(number)
        };
        self.messages.insert(place + moved, new);
        self.note(NOTE_GONE);
    }

    fn skip(&mut self, planned: &Planned, at: Duration) {
        match planned.step.action {
            Action::Status { status } => self.status_shown = Some((status, at)),
            _ => self.moved = Some(at),
        }
    }

    fn note(&mut self, note: &'static str) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}
