//! What is shown of a conversation: history, what waits, and what is being written.

use crate::{
    live::LiveState,
    update::{Item, Kind},
};
use causerie_core::{
    Text, Timestamp,
    event::{Event, EventKind},
    id::MessageRef,
    message::{Message, Role},
    platform::{Notice, Transcript},
};

/// A page of messages, oldest first.
pub(crate) struct View {
    pub(crate) messages: Vec<Item>,
    /// Where to ask for what is older, if anything is.
    pub(crate) older: Option<u64>,
}

impl View {
    /// History, as it is shown, and what waits.
    pub(crate) fn of(transcript: &Transcript) -> Self {
        let first = transcript.messages.first().map(|message| message.seq.0);
        let mut messages = history(&transcript.messages);
        for item in transcript.pending.iter().filter_map(waiting) {
            // It may have been answered between the two readings.
            if !messages.iter().any(|known| known.id == item.id) {
                messages.push(item);
            }
        }
        Self {
            messages,
            older: first.filter(|_| transcript.more),
        }
    }

    /// Adds what is live. History wins, unless a message of it is being written anew just now:
    /// then what changed last is what counts, for another process may have ended it meanwhile.
    pub(crate) fn with_live(mut self, live: &LiveState) -> Self {
        for (answer, touched) in &live.answers {
            let known = self.messages.iter().position(|item| item.id == answer.id);
            match known {
                Some(at) if !answer.complete && *touched > self.messages[at].at => {
                    self.messages[at] = answer.clone();
                }
                Some(_) => {}
                None if self.is_past(answer) => {}
                None => self.messages.insert(self.place_of(answer), answer.clone()),
            }
        }
        self
    }

    /// Whether a finished answer belongs to what is not shown here: it answers a message that is
    /// older than this page, or was erased. Notices stand for themselves.
    fn is_past(&self, answer: &Item) -> bool {
        let is_here =
            |asked: &MessageRef| self.messages.iter().any(|item| item.id == asked.as_str());
        let ours_to_show = !answer.complete || answer.notice.is_some();
        !ours_to_show
            && answer
                .reply_to
                .as_ref()
                .is_some_and(|asked| !is_here(asked))
    }

    /// Behind the message it answers and what answers it already, else by its time.
    fn place_of(&self, answer: &Item) -> usize {
        let asked = answer.reply_to.as_ref().and_then(|asked| {
            self.messages
                .iter()
                .position(|item| item.id == asked.as_str())
        });
        let Some(asked) = asked else {
            let later = |item: &Item| item.at > answer.at;
            return self
                .messages
                .iter()
                .position(later)
                .unwrap_or(self.messages.len());
        };
        let answers = self.messages[asked + 1..].iter();
        asked + 1 + answers.take_while(|item| item.kind == Kind::Answer).count()
    }
}

/// An answer with tool rounds is several messages of one turn; it is shown as the one it was.
fn history(messages: &[Message]) -> Vec<Item> {
    let mut shown: Vec<Shown<'_>> = Vec::with_capacity(messages.len());
    for message in messages.iter().filter(|message| message.role != Role::Tool) {
        let text = message.text();
        match shown.last_mut() {
            Some(last) if last.is_same_answer(message) => last.add(message, &text),
            _ if text.is_blank() && message.refs.is_empty() => {}
            _ => shown.push(Shown {
                first: message,
                refs: message.refs.first(),
                text,
                note: message.note(),
            }),
        }
    }
    shown
        .into_iter()
        .filter(|shown| !shown.text.is_blank() || shown.note.is_some())
        .map(Shown::item)
        .collect()
}

struct Shown<'a> {
    first: &'a Message,
    refs: Option<&'a MessageRef>,
    text: Text,
    /// What we said at its end.
    note: Option<(&'a Text, Option<Notice>)>,
}

impl<'a> Shown<'a> {
    fn is_same_answer(&self, message: &Message) -> bool {
        let both_ours = self.first.role == Role::Assistant && message.role == Role::Assistant;
        both_ours && self.first.turn == message.turn
    }

    fn add(&mut self, message: &'a Message, text: &Text) {
        self.refs = self.refs.or(message.refs.first());
        self.note = self.note.or(message.note());
        if !text.is_blank() {
            if !self.text.is_blank() {
                self.text.push("\n\n");
            }
            self.text.push(text.expose());
        }
    }

    fn item(self) -> Item {
        let seq = self.first.seq.0;
        let id = self
            .refs
            .map_or_else(|| format!("seq{seq}"), ToString::to_string);
        match self.first.role {
            Role::User => said(id, self.first.at, self.text, false),
            Role::Assistant | Role::Tool => {
                let line = self.note.map(|(line, _)| line);
                let words = Some(&self.text).filter(|words| !words.is_blank());
                // As while it was live: a remark behind words of the model does not make them ours.
                let alone = self.note.filter(|_| words.is_none());
                Item {
                    id,
                    kind: Kind::Answer,
                    at: self.first.at,
                    text: None,
                    blocks: (words.into_iter().chain(line))
                        .map(|markdown| causerie_markup::html(markdown.expose()))
                        .collect(),
                    complete: true,
                    waiting: false,
                    notice: alone.map(|(_, why)| why.unwrap_or(Notice::Told).into()),
                    reply_to: None,
                }
            }
        }
    }
}

/// What a person said, and whether it waits for its outcome.
pub(crate) fn said(id: String, at: Timestamp, text: Text, waiting: bool) -> Item {
    Item {
        id,
        kind: Kind::User,
        at,
        text: Some(text),
        blocks: Vec::new(),
        complete: true,
        waiting,
        notice: None,
        reply_to: None,
    }
}

fn waiting(event: &Event) -> Option<Item> {
    let id = event.message()?.to_string();
    match &event.kind {
        EventKind::Posted(posted) => Some(said(id, event.at, posted.text.clone(), true)),
        EventKind::Command { name, argument, .. } => {
            Some(said(id, event.at, command_line(name, argument), true))
        }
        _ => None,
    }
}

/// A command as it was typed.
fn command_line(name: &str, argument: &Text) -> Text {
    Text::new(format!("/{name} {}", argument.expose()).trim_end())
}

#[cfg(test)]
mod tests;
