//! What a draft does next.

use super::{Draft, Step, message::Known, message::Shown, words::Part};
use crate::{
    Text,
    id::Nonce,
    platform::{Action, Content, Status, Streaming},
};
use std::time::Duration;

/// What a draft does next.
pub(super) enum Plan {
    /// This, now.
    Now(Box<Planned>),
    /// Something at this time.
    At(Duration),
    /// Nothing before something is said.
    Nothing,
}

/// A step, and what is true once it is done.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) step: Step,
    /// The place among the messages, for steps that have one.
    pub(super) place: Option<usize>,
    /// What the message shows then.
    pub(super) shown: Shown,
    /// The bytes that stand in the message then, for appending.
    pub(super) appended: usize,
    /// Whether an earlier try may have taken effect.
    pub(super) repeats: bool,
}

/// What stands in a message that is one too many and cannot be taken back.
const PLACEHOLDER: &str = "…";

/// The revision of [`PLACEHOLDER`], which no part ever has.
const PLACEHOLDER_REVISION: u64 = u64::MAX;

impl Draft {
    pub(super) fn plan(&self, now: Duration) -> Plan {
        if !self.deliverable {
            return Plan::Nothing;
        }
        if let Some(again) = &self.again {
            return due(now, self.not_before, || again.clone());
        }
        match (self.plan_words(now), self.plan_status(now)) {
            (Plan::Now(planned), _) | (_, Plan::Now(planned)) => {
                due(now, self.not_before, || *planned)
            }
            (Plan::At(one), Plan::At(other)) => Plan::At(one.min(other)),
            (Plan::At(at), Plan::Nothing) | (Plan::Nothing, Plan::At(at)) => Plan::At(at),
            (Plan::Nothing, Plan::Nothing) => Plan::Nothing,
        }
    }

    fn plan_words(&self, now: Duration) -> Plan {
        let parts = self.words.parts();
        for (place, part) in parts.iter().enumerate() {
            let complete = place + 1 < parts.len() || self.ending.is_some();
            let waits = self.words.is_file(place) && self.ending.is_none();
            let plan = match part.blank || waits {
                true => Plan::Nothing,
                false => self.plan_part(place, part, complete, now),
            };
            if !matches!(plan, Plan::Nothing) {
                return plan;
            }
        }
        let says_something = parts.iter().any(|part| !part.blank);
        match self.ending.is_some() && says_something {
            true => self.plan_surplus(),
            false => Plan::Nothing,
        }
    }

    fn plan_part(&self, place: usize, part: &Part, complete: bool, now: Duration) -> Plan {
        match self.messages.get(place).map(|message| &message.known) {
            Some(Known::Lost) => Plan::Nothing,
            Some(Known::There(_)) => self.plan_change(place, part, complete, now),
            Some(Known::Absent | Known::Begun(_)) | None => {
                self.plan_create(place, part, complete, now)
            }
        }
    }

    fn plan_create(&self, place: usize, part: &Part, complete: bool, now: Duration) -> Plan {
        let post = || {
            self.planned(place, part, complete, |nonce| Action::Post {
                nonce,
                reply_to: self.reply_to(place),
                content: self.content(place, part, complete),
            })
        };
        let known = self.messages.get(place).map(|message| &message.known);
        let is_begun = matches!(known, Some(Known::Begun(_)));
        match self.streaming() {
            Streaming::None if self.ending.is_none() => Plan::Nothing,
            Streaming::None => Plan::Now(Box::new(post())),
            Streaming::Edit { .. } if self.ending.is_some() => Plan::Now(Box::new(post())),
            Streaming::Edit { first, every } => due(now, self.after(every).max(first), post),
            // What was begun as an open message is found again as one.
            Streaming::Preview { .. } if complete => Plan::Now(Box::new(post())),
            Streaming::Append { .. } if complete && !is_begun => Plan::Now(Box::new(post())),
            Streaming::Preview {
                first,
                every,
                lasts,
            } => {
                let times = (first, every, lasts);
                self.plan_preview(place, part, times, now)
            }
            Streaming::Append { .. } => {
                let mut open = self.planned(place, part, false, |nonce| Action::OpenStream {
                    nonce,
                    reply_to: self.reply_to(place),
                });
                open.shown.revision = 0;
                Plan::Now(Box::new(open))
            }
        }
    }

    fn plan_preview(
        &self,
        place: usize,
        part: &Part,
        (first, every, lasts): (Duration, Duration, Duration),
        now: Duration,
    ) -> Plan {
        let wanted = shown(part, false);
        let is_shown = self.shown(place) == Some(wanted);
        let wait = if is_shown {
            every.max(lasts * 3 / 4)
        } else {
            every
        };
        due(now, self.after(wait).max(first), || {
            let mut planned = self.planned(place, part, false, |nonce| Action::Preview {
                nonce,
                content: self.content(place, part, false),
            });
            planned.step.creates = None;
            planned
        })
    }

    /// The message is there and may not show its part.
    fn plan_change(&self, place: usize, part: &Part, complete: bool, now: Duration) -> Plan {
        let message = &self.messages[place];
        if message.shown == Some(shown(part, complete)) {
            return Plan::Nothing;
        }
        let edits = self.capabilities.edits;
        match self.streaming() {
            Streaming::Append { every } if message.open && !complete => {
                self.plan_append(place, part, every, now)
            }
            Streaming::Append { .. } if complete && (message.open || !edits) => {
                Plan::Now(Box::new(self.close(place, part)))
            }
            Streaming::Edit { .. } if edits && self.ending.is_some() => {
                Plan::Now(Box::new(self.edit(place, part, complete)))
            }
            Streaming::Append { every } | Streaming::Edit { every, .. } if edits => {
                due(now, self.after(every), || self.edit(place, part, complete))
            }
            Streaming::None | Streaming::Preview { .. } if edits && self.ending.is_some() => {
                Plan::Now(Box::new(self.edit(place, part, complete)))
            }
            // What cannot be changed stays as it is.
            _ => Plan::Nothing,
        }
    }

    fn plan_append(&self, place: usize, part: &Part, every: Duration, now: Duration) -> Plan {
        let message = &self.messages[place];
        let (Some(id), Some(text)) = (message.id(), part.markdown.get(message.appended..)) else {
            return Plan::Nothing;
        };
        if text.is_empty() {
            return Plan::Nothing;
        }
        due(now, self.after(every), || {
            let mut planned = self.planned(place, part, false, |_| Action::Append {
                message: id.clone(),
                offset: message.appended,
                text: Text::new(text),
            });
            planned.step.changes = planned.step.creates.take();
            planned.appended = part.markdown.len();
            planned
        })
    }

    /// Messages that no part needs are taken back, or say nothing where that is impossible.
    fn plan_surplus(&self) -> Plan {
        let needed = self.words.parts().len();
        for (place, message) in self.messages.iter().enumerate().skip(needed) {
            let Some(id) = message.id() else {
                continue;
            };
            let placeholder = Shown {
                revision: PLACEHOLDER_REVISION,
                complete: true,
            };
            let action = if self.capabilities.deletes {
                Action::Delete {
                    message: id.clone(),
                }
            } else if self.capabilities.edits && message.shown != Some(placeholder) {
                Action::Edit {
                    message: id.clone(),
                    content: Content {
                        markdown: Text::new(PLACEHOLDER),
                        complete: true,
                        ..Content::default()
                    },
                }
            } else {
                continue;
            };
            return Plan::Now(Box::new(Planned {
                step: Step {
                    creates: None,
                    changes: Some(message.number),
                    action,
                },
                place: Some(place),
                shown: placeholder,
                appended: 0,
                repeats: false,
            }));
        }
        Plan::Nothing
    }

    fn plan_status(&self, now: Duration) -> Plan {
        let (Some(lasts), Some(status)) = (self.capabilities.typing, self.status) else {
            return Plan::Nothing;
        };
        let at = match self.status_shown {
            None if status == Status::Idle => return Plan::Nothing,
            Some((Status::Idle, _)) if status == Status::Idle => return Plan::Nothing,
            Some((shown, at)) if shown == status => at.saturating_add(lasts * 3 / 4),
            // Nobody waits for the end of a status that could not be shown.
            Some(_) if status == Status::Idle => Duration::ZERO,
            Some((_, at)) => at,
            None => Duration::ZERO,
        };
        due(now, at, || Planned {
            step: Step {
                creates: None,
                changes: None,
                action: Action::Status { status },
            },
            place: None,
            shown: Shown {
                revision: 0,
                complete: false,
            },
            appended: 0,
            repeats: false,
        })
    }

    fn edit(&self, place: usize, part: &Part, complete: bool) -> Planned {
        let id = self.messages[place].id().expect("the message is there");
        let mut planned = self.planned(place, part, complete, |_| Action::Edit {
            message: id.clone(),
            content: self.content(place, part, complete),
        });
        planned.step.changes = planned.step.creates.take();
        planned
    }

    fn close(&self, place: usize, part: &Part) -> Planned {
        let id = self.messages[place].id().expect("the message is there");
        let mut planned = self.planned(place, part, true, |_| Action::CloseStream {
            message: id.clone(),
            content: self.content(place, part, true),
        });
        planned.step.changes = planned.step.creates.take();
        planned
    }

    fn planned(
        &self,
        place: usize,
        part: &Part,
        complete: bool,
        action: impl FnOnce(Nonce) -> Action,
    ) -> Planned {
        let number = self.number(place);
        let nonce = Nonce::derive(&self.target.conversation, self.target.turn, number);
        Planned {
            step: Step {
                creates: Some(number),
                changes: None,
                action: action(nonce),
            },
            place: Some(place),
            shown: shown(part, complete),
            appended: 0,
            repeats: false,
        }
    }

    fn content(&self, place: usize, part: &Part, complete: bool) -> Content {
        let is_last = place + 1 == self.words.parts().len();
        Content {
            markdown: Text::new(part.markdown.trim_end()),
            complete,
            ends: is_last && self.ending.is_some(),
            notice: self
                .ending
                .filter(|_| is_last)
                .and_then(|ended| ended.notice),
            file: self.words.is_file(place),
        }
    }

    /// Only the first message stands in reply to something.
    fn reply_to(&self, place: usize) -> Option<crate::id::MessageRef> {
        self.target.reply_to.clone().filter(|_| place == 0)
    }

    fn number(&self, place: usize) -> u32 {
        match self.messages.get(place) {
            Some(message) => message.number,
            None => {
                let ahead = u32::try_from(place - self.messages.len()).unwrap_or(u32::MAX);
                self.next_number.saturating_add(ahead)
            }
        }
    }

    fn shown(&self, place: usize) -> Option<Shown> {
        self.messages.get(place).and_then(|message| message.shown)
    }

    /// The time `wait` after the words last moved.
    fn after(&self, wait: Duration) -> Duration {
        let moved = self
            .moved
            .map_or(Duration::ZERO, |moved| moved.saturating_add(wait));
        moved.max(self.not_growing_before)
    }
}

fn shown(part: &Part, complete: bool) -> Shown {
    Shown {
        revision: part.revision,
        complete,
    }
}

fn due(now: Duration, at: Duration, planned: impl FnOnce() -> Planned) -> Plan {
    match now >= at {
        true => Plan::Now(Box::new(planned())),
        false => Plan::At(at),
    }
}
