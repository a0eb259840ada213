//! What a draft learns from what became of a step.

use super::{Draft, NOTE_UNKNOWN, Report, message::Known, plan::Planned};
use crate::{
    id::MessageRef,
    platform::{Action, Content},
};
use std::time::Duration;

/// For the operator: somebody deleted a message of ours while it grew.
const NOTE_GONE: &str = "a message was gone; it was created anew";

/// For the operator: the platform takes less than its capabilities say.
const NOTE_TOO_LONG: &str = "a message was too long for the platform; it was cut smaller";

impl Draft {
    /// What became of the step that was under way.
    pub fn report(&mut self, report: Report) {
        let Some(planned) = self.under_way.take() else {
            return;
        };
        match report {
            Report::Done { at, message } => self.done(&planned, at, message),
            Report::Later { at } => self.not_before = at,
            Report::Again { at } => {
                self.not_before = at;
                if let (Some(_), Some(place)) = (planned.step.creates, planned.place) {
                    self.messages[place].known = Known::Begun;
                }
                self.again = Some(planned);
                return;
            }
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
                let was_begun = matches!(slot.known, Known::Begun);
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
        if planned.step.creates.is_some() {
            // What is answered may be gone; the place may still be there.
            self.deliverable = self.target.reply_to.take().is_some();
            return;
        }
        let number = self.take_number();
        let slot = &mut self.messages[place];
        slot.losses += 1;
        self.deliverable = slot.losses == 1;
        slot.number = number;
        slot.known = Known::Absent;
        slot.shown = None;
        slot.open = false;
        slot.appended = 0;
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
