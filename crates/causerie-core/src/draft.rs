//! The reply while it grows: deltas, capabilities and time in, platform steps out.
//!
//! A [`Draft`] is told what the model says ([`Draft::push`]), what we are at ([`Draft::status`])
//! and how the answer ends ([`Draft::finish`]); asked for the next step ([`Draft::next_step`]); and
//! told what became of it ([`Draft::report`]). It is pure, and one step is under way at a time, so
//! whatever is said meanwhile is in the next step.
//!
//! 1. The words are kept as *parts*, each within the platform's limit. Only the last part grows.
//!    When it no longer fits, it is cut at a good place and its head is *sealed*: it never changes.
//! 2. Beside the parts stand the platform's messages, by the same numbers. A step makes the first
//!    message that does not show its part show it: created, edited, appended to or closed, as the
//!    capabilities allow and no faster than they allow. Nothing blank is ever created.
//! 3. Messages found in the journal, or left from an earlier answer that this one replaces, are
//!    there from the beginning, so that they are edited instead of created. Those that are one too
//!    many at the end are taken back.
//! 4. A create of which nobody knows whether it took effect is not repeated where a repeat could
//!    make a second message. What it carried counts as shown, and the rest goes into the next
//!    message.

use crate::{
    Text,
    id::{ConversationId, MessageRef, TurnNumber},
    message::Part,
    platform::{Action, Creates, Notice, PlatformCapabilities, Status, Streaming},
    store::JournalEntry,
};
use std::{sync::Arc, time::Duration};

mod message;
mod plan;
mod report;
mod words;

use message::{Begun, Known, Message};
use plan::{Plan, Planned};
use words::Words;

/// How Markdown is cut. Passed in, so that this crate need not know Markdown.
pub trait Cutter: Send + Sync {
    /// How long `markdown` is in the unit and the form of `limit`, while it grows and when it is
    /// whole: the longer of both. More than `limit.max` if it does not fit for another reason.
    fn measure(&self, markdown: &str, limit: crate::platform::TextLimit) -> usize;

    /// Cuts `markdown`, which is longer than `limit` allows, into a head that is within the limit
    /// and the rest. Both stand by themselves: what is open in the head is closed there and opened
    /// again in the rest. No words are lost. The rest is strictly closer to the end.
    fn cut(&self, markdown: &str, limit: crate::platform::TextLimit) -> (String, String);

    /// What must follow `markdown` so that other words can follow it.
    fn closing(&self, markdown: &str) -> String;

    /// What must stand before words that go on where `markdown` ended, in another message.
    fn opening(&self, markdown: &str) -> String;
}

/// For whom the draft is.
#[derive(Clone, Debug)]
pub struct DraftTarget {
    /// The conversation.
    pub conversation: ConversationId,
    /// The turn.
    pub turn: TurnNumber,
    /// The message that is answered.
    pub reply_to: Option<MessageRef>,
    /// Messages of ours that this answer replaces, in order.
    pub replaces: Vec<MessageRef>,
}

/// How an answer ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is whole.
    Complete,
    /// It is not whole: this line follows it, so that it never looks whole.
    Note {
        /// The line.
        line: Text,
        /// Why we speak, if platforms should know.
        notice: Option<Notice>,
    },
    /// This is said instead of everything shown so far.
    Replace {
        /// The words.
        text: Text,
        /// Why we speak, if platforms should know.
        notice: Option<Notice>,
    },
}

impl Ending {
    /// What history keeps of it beside the model's words.
    pub fn note(&self) -> Option<Part> {
        match self {
            Ending::Complete => None,
            Ending::Note { line, notice } | Ending::Replace { text: line, notice } => {
                Some(Part::Note {
                    line: line.clone(),
                    notice: *notice,
                })
            }
        }
    }
}

/// Something to do on the platform now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The part whose message this creates; `None` if it creates none. Creating is what the
    /// journal is for.
    pub creates: Option<u32>,
    /// The part whose message this changes; `None` if it changes none. The journal should know
    /// when that message turns out to be gone.
    pub changes: Option<u32>,
    /// What to do.
    pub action: Action,
}

/// What became of a step. Times count from the beginning of the draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// It took effect.
    Done {
        /// When.
        at: Duration,
        /// The message that was created.
        message: Option<MessageRef>,
    },
    /// It did not take effect. The next step, which may say more by then, not before this.
    Later {
        /// When.
        at: Duration,
    },
    /// It is unknown whether it took effect, and a repeat does no harm: exactly the same again,
    /// not before this.
    Again {
        /// When.
        at: Duration,
    },
    /// It is unknown whether the message was created, and a repeat could create another.
    Unknown {
        /// When.
        at: Duration,
    },
    /// The message is gone. It is created anew the first time; when that message is gone too, the
    /// draft is not [`Draft::is_deliverable`] any more.
    Gone,
    /// It does not fit. The parts become smaller.
    TooLong,
    /// It does not matter: a status, or a preview that the next one makes up for.
    Skip {
        /// When.
        at: Duration,
    },
}

/// The reply while it grows.
pub struct Draft {
    capabilities: PlatformCapabilities,
    target: DraftTarget,
    words: Words,
    /// The message at each place shows the part at the same place.
    messages: Vec<Message>,
    /// The number of the next message that is created.
    next_number: u32,
    ending: Option<Ended>,
    /// What we are at, and what was last shown of it and when.
    status: Option<Status>,
    status_shown: Option<(Status, Duration)>,
    /// When the words last moved on the platform.
    moved: Option<Duration>,
    /// Nothing happens before this.
    not_before: Duration,
    /// Nothing grows before this; what is final may be shown.
    not_growing_before: Duration,
    under_way: Option<Planned>,
    /// A step that must be repeated exactly.
    again: Option<Planned>,
    deliverable: bool,
    notes: Vec<&'static str>,
}

/// How the answer ended, as far as its messages are concerned.
#[derive(Clone, Copy, Debug)]
struct Ended {
    notice: Option<Notice>,
}

impl Draft {
    /// An empty answer.
    pub fn new(
        capabilities: PlatformCapabilities,
        cutter: Arc<dyn Cutter>,
        target: DraftTarget,
    ) -> Self {
        let (limit, file_after) = (capabilities.message_limit, capabilities.file_after);
        let words = Words::new(cutter, limit, file_after);
        let mut messages = Vec::new();
        // Where nothing can be edited, nothing can be replaced: the answer is given anew.
        if capabilities.edits {
            for (number, message) in (0..).zip(&target.replaces) {
                messages.push(Message::found(number, message.clone()));
            }
        }
        Self {
            next_number: u32::try_from(messages.len()).unwrap_or(u32::MAX),
            messages,
            capabilities,
            target,
            words,
            ending: None,
            status: None,
            status_shown: None,
            moved: None,
            not_before: Duration::ZERO,
            not_growing_before: Duration::ZERO,
            under_way: None,
            again: None,
            deliverable: true,
            notes: Vec::new(),
        }
    }

    /// Takes up what an earlier attempt at the same turn left on the platform.
    pub fn resume(&mut self, journal: &[JournalEntry]) {
        for entry in journal {
            match entry {
                JournalEntry::Sending { part } => {
                    self.numbered(*part).begin(Begun::First);
                }
                JournalEntry::SendingWhole { part } => {
                    self.numbered(*part).begin(Begun::Whole);
                }
                JournalEntry::NotSent { part } => {
                    if self.numbered(*part).id().is_none() {
                        self.numbered(*part).known = Known::Absent;
                    }
                }
                JournalEntry::Sent { part, message } => {
                    self.numbered(*part).known = Known::There(message.clone());
                }
                JournalEntry::Gone { part } => {
                    let number = self.numbered(*part).number;
                    self.messages.retain(|message| message.number != number);
                }
                JournalEntry::Step { .. } | JournalEntry::Began { .. } => {}
            }
        }
        if self.capabilities.creates == Creates::Ambiguous {
            self.give_up_begun();
        }
    }

    /// The platform can do something else than it seemed, within the same limits for a message. Too
    /// late once there is one.
    pub fn adopt(&mut self, capabilities: PlatformCapabilities) {
        let begun = self.messages.iter().any(Message::is_visible);
        if !begun && self.under_way.is_none() {
            self.capabilities = capabilities;
        }
    }

    /// More of the answer. Nothing once it has ended.
    pub fn push(&mut self, delta: &str) {
        if self.ending.is_none() {
            self.words.push(delta);
        }
    }

    /// What we are at now.
    pub fn status(&mut self, status: Status) {
        if self.ending.is_none() {
            self.status = Some(status);
        }
    }

    /// The answer ends like this. The first ending counts, unless a later one replaces the words.
    pub fn finish(&mut self, ending: Ending) {
        let replaces = matches!(ending, Ending::Replace { .. });
        if self.ending.is_some() && !replaces {
            return;
        }
        let notice = match ending {
            Ending::Complete => None,
            Ending::Note { line, notice } => {
                self.words.add_line(line.expose());
                notice
            }
            Ending::Replace { text, notice } => {
                if self.can_replace() {
                    self.words.replace(text.expose());
                } else {
                    self.words.add_line(text.expose());
                }
                notice
            }
        };
        self.words.settle();
        self.ending = Some(Ended { notice });
        self.status = self.status.map(|_| Status::Idle);
    }

    /// The step that is due, if one is and none is under way.
    pub fn next_step(&mut self, now: Duration) -> Option<Step> {
        if self.under_way.is_some() {
            return None;
        }
        self.words.settle();
        let Plan::Now(planned) = self.plan(now) else {
            return None;
        };
        self.again = None;
        if let Some(place) = planned.place {
            self.make_place(place);
        }
        // What a create carries must stay the beginning of its part until it is known.
        self.words.hold(planned.step.creates.is_some());
        let step = planned.step.clone();
        self.under_way = Some(*planned);
        Some(step)
    }

    /// When a step will be due if nothing else is said; `None` if none will, or one is under way.
    pub fn next_wake(&self, now: Duration) -> Option<Duration> {
        if self.under_way.is_some() {
            return None;
        }
        match self.plan(now) {
            Plan::Now(_) => Some(now),
            Plan::At(at) => Some(at),
            Plan::Nothing => None,
        }
    }

    /// Whether everything is shown in its last form.
    pub fn is_settled(&self) -> bool {
        self.ending.is_some()
            && self.under_way.is_none()
            && matches!(self.plan(Duration::MAX), Plan::Nothing)
    }

    /// Whether there is still hope to show it.
    pub fn is_deliverable(&self) -> bool {
        self.deliverable
    }

    /// The messages that carry the answer, as far as they are known, in order.
    pub fn messages(&self) -> Vec<MessageRef> {
        let carrying = self.messages.iter().take(self.words.parts().len());
        carrying
            .filter_map(|message| message.id().cloned())
            .collect()
    }

    /// What is worth telling the operator. No text of people.
    pub fn notes(&self) -> &[&'static str] {
        &self.notes
    }

    /// Whether what is shown can be taken back by showing something else.
    fn can_replace(&self) -> bool {
        self.capabilities.edits
            || matches!(self.capabilities.streaming, Streaming::Append { .. })
            || self.messages.iter().all(|message| !message.is_visible())
    }

    /// The message with this number, which may not exist yet.
    fn numbered(&mut self, number: u32) -> &mut Message {
        let at = self.messages.partition_point(|one| one.number < number);
        if self.messages.get(at).is_none_or(|one| one.number != number) {
            self.messages.insert(at, Message::absent(number));
        }
        self.next_number = self.next_number.max(number + 1);
        &mut self.messages[at]
    }

    /// Makes sure that there is a message at `place`.
    fn make_place(&mut self, place: usize) {
        while self.messages.len() <= place {
            let number = self.take_number();
            self.messages.push(Message::absent(number));
        }
    }

    fn take_number(&mut self) -> u32 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }

    /// Settles the creates that an earlier attempt began and that may not be repeated.
    ///
    /// What was created in its last form counts as sent, and so does everything where only what
    /// is finished is posted. Where the answer grows, the message carried its first words at most,
    /// and the answer is given in the next message.
    fn give_up_begun(&mut self) {
        let only_whole = matches!(
            self.streaming(),
            Streaming::None | Streaming::Preview { .. }
        );
        let begun = |message: &Message| matches!(message.known, Known::Begun(_));
        let counts_as_sent =
            |message: &Message| only_whole || matches!(message.known, Known::Begun(Begun::Whole));
        if !self.messages.iter().any(begun) {
            return;
        }
        self.notes.push(NOTE_UNKNOWN);
        self.messages
            .retain(|message| !begun(message) || counts_as_sent(message));
        for message in &mut self.messages {
            if begun(message) {
                message.known = Known::Lost;
            }
        }
    }

    /// How the answer is shown while it grows, given that edits must be possible for some ways.
    fn streaming(&self) -> Streaming {
        match self.capabilities.streaming {
            Streaming::Edit { .. } if !self.capabilities.edits => Streaming::None,
            streaming => streaming,
        }
    }
}

/// For the operator: nobody knows whether a message was created.
const NOTE_UNKNOWN: &str =
    "it is unknown whether a message was created; it was not sent a second time";

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft")
            .field("target", &self.target)
            .field("parts", &self.words.parts().len())
            .field("messages", &self.messages)
            .field("ended", &self.ending.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
