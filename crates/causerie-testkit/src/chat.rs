//! Tests written as conversations: say something, and look at what people see.
//!
//! ```no_run
//! # async fn example() {
//! use causerie_testkit::{backend::Script, chat::Chat};
//! let mut chat = Chat::new();
//! chat.backend.expect([Script::say("Hello!")]);
//! assert_eq!(chat.say("Hi").await, "bot: Hello!");
//! # }
//! ```
//!
//! Run such tests with tokio's time paused: waiting costs nothing then, and the store's clock is
//! tokio's too.

mod setup;

use crate::{
    backend::ScriptedBackend,
    platform::{RecordingPlatform, Seen},
};
use causerie_core::{
    Clock, Text,
    event::{Event, EventKind, Participant, Posted, Quoted, Rating},
    id::{ConversationId, EventId, MessageRef, ParticipantId, Place, PlatformId},
    message::Message,
    outcome::{Outcome, TurnRecord},
    platform::{Accepted, Inbox},
    store::{HistoryRange, Store, TurnQuery},
};
use causerie_engine::{EngineError, RunReport};
use causerie_store::MemoryStore;
use setup::start;
pub use setup::{Around, Setup, TokioClock};
use std::{collections::BTreeMap, fmt::Write, sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The longest a test waits for an answer, in the test's time.
const PATIENCE: Duration = Duration::from_secs(3600);

/// A conversation with a running engine.
pub struct Chat {
    /// The model.
    pub backend: Arc<ScriptedBackend>,
    /// What people see.
    pub platform: Arc<RecordingPlatform>,
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// The time of all of it.
    pub clock: TokioClock,
    /// Who speaks next.
    pub speaker: Participant,
    /// The language in which the speaker wants to be spoken to.
    pub language: Option<String>,
    setup: Setup,
    inbox: Arc<dyn Inbox>,
    stop: CancellationToken,
    running: JoinHandle<Result<RunReport, EngineError>>,
    conversation: ConversationId,
    replicas: u32,
    events: u64,
    said: Vec<Said>,
    shown: Vec<Seen>,
}

/// What a person said, and how many messages of ours were there by then.
struct Said {
    message: MessageRef,
    name: String,
    text: String,
    after: usize,
}

impl Chat {
    /// A conversation with the defaults.
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// A conversation for which `change` has prepared.
    ///
    /// # Panics
    /// If the engine will not have it.
    pub fn with(change: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = Setup::default();
        change(&mut setup);
        let clock = TokioClock::default();
        let store = setup
            .store
            .clone()
            .unwrap_or_else(|| Arc::new(MemoryStore::new(Arc::new(clock))));
        let platform = RecordingPlatform::new(setup.capabilities.clone());
        let backend = ScriptedBackend::new();
        let conversation = conversation("room");
        let started = start(&setup, &store, clock, &platform, &backend, 1);
        Self {
            backend,
            platform,
            store,
            clock,
            speaker: person("ann"),
            language: None,
            setup,
            inbox: started.inbox,
            stop: started.stop,
            running: started.running,
            conversation,
            replicas: 1,
            events: 0,
            said: vec![],
            shown: vec![],
        }
    }

    /// Where events go in.
    pub fn inbox(&self) -> Arc<dyn Inbox> {
        Arc::clone(&self.inbox)
    }

    /// The conversation.
    pub fn conversation(&self) -> &ConversationId {
        &self.conversation
    }

    /// Goes on in another conversation, and says which one it was so far.
    pub fn move_to(&mut self, conversation: ConversationId) -> ConversationId {
        std::mem::replace(&mut self.conversation, conversation)
    }

    /// Says something, waits until everything has its outcome, and shows what is new to see.
    pub async fn say(&mut self, text: &str) -> String {
        self.post(text).await;
        self.settle().await
    }

    /// Says something and waits for nothing.
    pub async fn post(&mut self, text: &str) -> MessageRef {
        self.post_with(text, None).await
    }

    /// Says something in reply, and waits for nothing.
    pub async fn reply(&mut self, text: &str, to: Quoted) -> MessageRef {
        self.post_with(text, Some(to)).await
    }

    async fn post_with(&mut self, text: &str, quoted: Option<Quoted>) -> MessageRef {
        let message = MessageRef::new(format!("p{}", self.events + 1)).expect("a valid id");
        self.said.push(Said {
            message: message.clone(),
            name: self.speaker.name.expose().to_owned(),
            text: text.to_owned(),
            after: self.platform.seen().len(),
        });
        let posted = Posted {
            message: message.clone(),
            text: text.into(),
            quoted,
            attachments: vec![],
            shared: false,
        };
        self.offer(EventKind::Posted(posted)).await;
        message
    }

    /// Whether something was said that was not taken back.
    pub fn has_said(&self) -> bool {
        !self.said.is_empty()
    }

    /// Changes what was said last, waits, and shows what is new to see.
    pub async fn edit(&mut self, text: &str) -> String {
        self.send_edit(text).await;
        self.settle().await
    }

    /// Changes what was said last and waits for nothing.
    ///
    /// # Panics
    /// If nothing was said.
    pub async fn send_edit(&mut self, text: &str) {
        let last = self.said.last_mut().expect("something was said");
        text.clone_into(&mut last.text);
        let (message, text) = (last.message.clone(), Text::new(text));
        self.offer(EventKind::Edited { message, text }).await;
    }

    /// Takes back what was said last, waits, and shows what is new to see.
    pub async fn delete(&mut self) -> String {
        self.send_delete().await;
        self.settle().await
    }

    /// Takes back what was said last and waits for nothing.
    ///
    /// # Panics
    /// If nothing was said.
    pub async fn send_delete(&mut self) {
        let message = self.said.pop().expect("something was said").message;
        self.offer(EventKind::Deleted { message }).await;
    }

    /// Presses stop, waits, and shows what is new to see.
    pub async fn press_stop(&mut self) -> String {
        self.offer(EventKind::StopPressed).await;
        self.settle().await
    }

    /// Judges a message of ours.
    pub async fn judge(&mut self, message: &MessageRef, rating: Rating) {
        let message = message.clone();
        self.offer(EventKind::Feedback { message, rating }).await;
        self.settle().await;
    }

    /// Offers an event of the speaker.
    ///
    /// # Panics
    /// If the store does not take it.
    pub async fn offer(&mut self, kind: EventKind) -> Accepted {
        // The engine may not have begun to run yet.
        tokio::task::yield_now().await;
        let event = self.event(kind);
        self.inbox
            .offer(event)
            .await
            .expect("the store takes events")
    }

    /// The next event of the speaker, not offered yet.
    pub fn event(&mut self, kind: EventKind) -> Event {
        self.events += 1;
        Event {
            id: EventId::new(format!("e{}", self.events)).expect("a valid id"),
            conversation: self.conversation.clone(),
            place: Place::new("room").expect("a fixed id"),
            author: self.speaker.clone(),
            at: self.clock.now(),
            kind,
            language: self.language.clone(),
        }
    }

    /// Waits until everything has its outcome, and shows what is new to see.
    ///
    /// # Panics
    /// If that takes an hour.
    pub async fn settle(&mut self) -> String {
        let settled = async {
            while !self
                .store
                .pending(&self.conversation)
                .await
                .expect("a store")
                .is_empty()
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, settled)
            .await
            .expect("everything has an outcome in time");
        self.news()
    }

    /// What is new to see since somebody last looked: new messages, and such as read differently.
    pub fn news(&mut self) -> String {
        let seen = self.platform.seen();
        let fresh = seen.iter().filter(|message| !self.shown.contains(message));
        let lines = fresh.map(line).collect::<Vec<_>>().join("\n");
        self.shown = seen;
        lines
    }

    /// Everything people see, in order.
    pub fn transcript(&self) -> String {
        let seen = self.platform.seen();
        let mut text = String::new();
        for at in 0..=seen.len() {
            for said in self
                .said
                .iter()
                .filter(|said| said.after.min(seen.len()) == at)
            {
                writeln!(text, "{}: {}", said.name, said.text).expect("a String takes everything");
            }
            if let Some(message) = seen.get(at) {
                writeln!(text, "{}", line(message)).expect("a String takes everything");
            }
        }
        text
    }

    /// What the store keeps of what was said, one line for each message.
    ///
    /// # Panics
    /// If the store does not answer.
    pub async fn history(&self) -> Vec<Message> {
        let range = HistoryRange::default();
        self.store
            .history(&self.conversation, range)
            .await
            .expect("a store")
    }

    /// The history as text: `User: Hi`. Where we told that an answer is not whole, `[note]` stands.
    pub async fn history_text(&self) -> String {
        let history = self.history().await;
        let lines = history.iter().map(|message| {
            let note = message.note().map_or("", |_| " [note]");
            let text = message.text();
            format!("{:?}: {}{note}", message.role, text.expose().trim_end())
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The records of turns, the newest first.
    ///
    /// # Panics
    /// If the store does not answer.
    pub async fn turns(&self) -> Vec<TurnRecord> {
        let query = TurnQuery::Conversation(self.conversation.clone());
        self.store.turns(&query, 1000).await.expect("a store")
    }

    /// How the events ended, in the order of their ids. Every event has exactly one outcome.
    ///
    /// # Panics
    /// If an event has two.
    pub async fn outcomes(&self) -> Vec<(String, Outcome)> {
        let mut all = BTreeMap::new();
        for (event, outcome) in self.turns().await.into_iter().flat_map(|turn| turn.events) {
            let number = event.as_str()[1..]
                .parse::<u64>()
                .expect("the chat's own ids");
            let before = all.insert(number, outcome);
            assert!(before.is_none(), "event {event} has two outcomes");
        }
        all.into_iter()
            .map(|(number, outcome)| (format!("e{number}"), outcome))
            .collect()
    }

    /// The process dies without a word, and another begins on the same store.
    pub async fn restart_after_kill(&mut self) {
        self.running.abort();
        (&mut self.running).await.expect_err("it was killed");
        self.restart();
    }

    /// Stops the process in good order.
    ///
    /// # Panics
    /// If the engine fails.
    pub async fn shut_down(&mut self) -> RunReport {
        self.stop.cancel();
        let ended = (&mut self.running)
            .await
            .expect("the engine does not panic");
        ended.expect("the engine runs once")
    }

    /// Begins another process beside the one that runs. What is said from now on goes to it.
    pub fn start_another(&mut self) {
        self.restart();
    }

    /// Begins another process on the same store.
    pub fn restart(&mut self) {
        self.replicas += 1;
        let (clock, replica) = (self.clock, self.replicas);
        let started = start(
            &self.setup,
            &self.store,
            clock,
            &self.platform,
            &self.backend,
            replica,
        );
        self.inbox = started.inbox;
        self.stop = started.stop;
        self.running = started.running;
    }
}

impl Default for Chat {
    fn default() -> Self {
        Self::new()
    }
}

/// A person of this name.
///
/// # Panics
/// If the name cannot be an id.
pub fn person(name: &str) -> Participant {
    Participant {
        id: ParticipantId::new(format!("recording/{name}")).expect("a name that can be an id"),
        name: name.into(),
        is_bot: false,
        roles: vec![],
    }
}

/// A conversation on the recording platform.
///
/// # Panics
/// If `rest` cannot be an id.
pub fn conversation(rest: &str) -> ConversationId {
    let platform = PlatformId::new("recording").expect("a fixed name");
    ConversationId::on(&platform, rest).expect("the test gives an id")
}

/// `bot: Hello`, with what is special about it in brackets.
fn line(seen: &Seen) -> String {
    let mut line = String::from("bot");
    if let Some(notice) = &seen.notice {
        write!(line, " [{notice:?}]").expect("a String takes everything");
    }
    if !seen.complete {
        line.push_str(" (growing)");
    }
    format!("{line}: {}", seen.markdown)
}
