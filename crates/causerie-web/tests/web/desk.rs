//! What stands for engine and store: it keeps what was said in memory and hands each event to the
//! test.

use async_trait::async_trait;
use causerie_core::{
    Text,
    backend::Readiness,
    event::{Event, EventKind},
    id::{ConversationId, EventId, MessageRef, ParticipantId, Seq, TurnNumber},
    message::{Message, Part, Role},
    platform::{Accepted, ConversationEntry, Inbox, InboxError, Transcript},
};
use std::{collections::HashMap, sync::Mutex};
use tokio::sync::mpsc;

/// What stands for engine and store.
pub(crate) struct Desk {
    state: Mutex<State>,
    say: mpsc::UnboundedSender<Event>,
}

struct State {
    history: HashMap<ConversationId, Vec<Message>>,
    pending: Vec<Event>,
    seen: Vec<(ConversationId, EventId)>,
    readiness: Readiness,
    /// Whether there is room for one more.
    full: bool,
}

impl Desk {
    /// A desk, and where its events are heard.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (say, heard) = mpsc::unbounded_channel();
        let state = State {
            history: HashMap::new(),
            pending: Vec::new(),
            seen: Vec::new(),
            readiness: Readiness::Ready,
            full: false,
        };
        let state = Mutex::new(state);
        (Self { state, say }, heard)
    }

    pub(crate) fn readiness(&self, readiness: Readiness) {
        self.state.lock().unwrap().readiness = readiness;
    }

    pub(crate) fn full(&self, full: bool) {
        self.state.lock().unwrap().full = full;
    }

    /// Puts one more turn into history, as if it had been said long ago.
    pub(crate) fn remember(&self, like: &Event, number: u64) {
        let mut event = like.clone();
        if let EventKind::Posted(posted) = &mut event.kind {
            posted.message = MessageRef::new(format!("u{number}")).unwrap();
            posted.text = Text::new(format!("Question {number}"));
        }
        let answer = MessageRef::new(format!("a{number}")).unwrap();
        let turn = TurnNumber(number + 1);
        self.commit(&event, turn, answer, format!("Answer {number}"));
    }

    /// Makes `count` more conversations of the same visitor.
    pub(crate) fn converse(&self, like: &Event, count: usize) {
        let mut state = self.state.lock().unwrap();
        let said = state.history[&like.conversation].clone();
        for n in 0..count {
            let name = format!("{}{n:016}", &like.conversation.as_str()[..37]);
            let name = ConversationId::new(name).unwrap();
            state.history.insert(name, said.clone());
        }
    }

    pub(crate) fn turns(&self, conversation: &ConversationId) -> u64 {
        let state = self.state.lock().unwrap();
        let history = state.history.get(conversation);
        history
            .and_then(|history| history.last())
            .map_or(0, |last| last.turn.0)
    }

    pub(crate) fn settle(&self, event: &EventId) {
        self.state
            .lock()
            .unwrap()
            .pending
            .retain(|waiting| waiting.id != *event);
    }

    pub(crate) fn commit(
        &self,
        event: &Event,
        turn: TurnNumber,
        message: MessageRef,
        answer: String,
    ) {
        self.settle(&event.id);
        let EventKind::Posted(posted) = &event.kind else {
            return;
        };
        let mut state = self.state.lock().unwrap();
        let history = state.history.entry(event.conversation.clone()).or_default();
        let said = [
            (Role::User, posted.text.clone(), posted.message.clone()),
            (Role::Assistant, Text::new(answer), message),
        ];
        for (role, text, name) in said {
            history.push(Message {
                seq: Seq(history.len() as u64 + 1),
                turn,
                at: event.at,
                role,
                author: (role == Role::User).then(|| event.author.clone()),
                parts: vec![Part::Text(text)],
                quoted: None,
                refs: vec![name],
                shared: false,
            });
        }
    }
}

#[async_trait]
impl Inbox for Desk {
    async fn offer(&self, event: Event) -> Result<Accepted, InboxError> {
        let mut state = self.state.lock().unwrap();
        if state.full {
            return Ok(Accepted::Full);
        }
        let name = (event.conversation.clone(), event.id.clone());
        if state.seen.contains(&name) {
            return Ok(Accepted::Duplicate);
        }
        state.seen.push(name);
        if event.message().is_some() {
            state.pending.push(event.clone());
        }
        self.say.send(event).unwrap();
        Ok(Accepted::Queued)
    }

    async fn transcript(
        &self,
        conversation: &ConversationId,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<Transcript, InboxError> {
        let state = self.state.lock().unwrap();
        let all = state.history.get(conversation).cloned().unwrap_or_default();
        let wanted: Vec<Message> = all
            .into_iter()
            .filter(|message| before.is_none_or(|before| message.seq < before))
            .collect();
        let cut = wanted.len().saturating_sub(limit);
        let pending = state
            .pending
            .iter()
            .filter(|event| event.conversation == *conversation);
        Ok(Transcript {
            messages: wanted[cut..].to_vec(),
            pending: pending.cloned().collect(),
            more: cut > 0,
        })
    }

    async fn conversations(
        &self,
        participant: &ParticipantId,
        limit: usize,
    ) -> Result<Vec<ConversationEntry>, InboxError> {
        let state = self.state.lock().unwrap();
        let listed = state.history.iter().filter_map(|(conversation, history)| {
            let first = history.first()?;
            let theirs = first.author.as_ref()?.id == *participant;
            theirs.then(|| ConversationEntry {
                conversation: conversation.clone(),
                title: first.text(),
                at: first.at,
            })
        });
        let mut listed: Vec<_> = listed.take(limit).collect();
        listed.sort_by_key(|entry| std::cmp::Reverse(entry.at));
        Ok(listed)
    }

    async fn erase(&self, conversation: &ConversationId) -> Result<(), InboxError> {
        let mut state = self.state.lock().unwrap();
        state.history.remove(conversation);
        state
            .pending
            .retain(|event| event.conversation != *conversation);
        Ok(())
    }

    fn readiness(&self) -> Readiness {
        self.state.lock().unwrap().readiness.clone()
    }
}
