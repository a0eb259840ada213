//! An engine that says what the test wants.

use async_trait::async_trait;
use causerie_core::{
    Text, Timestamp,
    backend::Readiness,
    event::{Event, EventKind},
    id::{ConversationId, MessageRef, Nonce, ParticipantId, Place, Seq, TurnNumber},
    message::{Message, Part, Role},
    outcome::Failure,
    platform::{
        Accepted, Action, Content, ConversationEntry, Inbox, InboxError, Notice, Operation,
        Platform, Transcript,
    },
};
use std::{
    sync::{Arc, Mutex, Weak},
    time::Duration,
};
use tokio::sync::Notify;

/// What the engine does about a message.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Streams this, piece by piece, and finishes it.
    Stream(&'static [&'static str]),
    /// Streams this, then waits to be stopped, and finishes what is there.
    Endless(&'static str),
    /// Streams this and finishes it with a line of ours.
    Broken(&'static str, &'static str, Notice),
    /// Says this itself.
    Notice(&'static str, Notice),
    /// Takes this long.
    Pause(Duration),
}

/// Where a stream waits to be stopped.
const END: &str = "\0";

/// The engine.
pub(crate) struct Engine {
    platform: Mutex<Option<Weak<dyn Platform>>>,
    acts: Vec<Act>,
    pub(crate) said: Mutex<Vec<EventKind>>,
    pub(crate) pending: Mutex<Vec<Event>>,
    pub(crate) history: Mutex<Vec<Message>>,
    pub(crate) readiness: Mutex<Readiness>,
    /// How often somebody asked whether the model is ready.
    pub(crate) asked: Mutex<u64>,
    pub(crate) accepts: Accepted,
    stop: Notify,
    turns: Mutex<u64>,
}

impl Engine {
    pub(crate) fn new(acts: impl IntoIterator<Item = Act>) -> Self {
        Self {
            platform: Mutex::new(None),
            acts: acts.into_iter().collect(),
            said: Mutex::default(),
            pending: Mutex::default(),
            history: Mutex::default(),
            readiness: Mutex::new(Readiness::Ready),
            asked: Mutex::default(),
            accepts: Accepted::Queued,
            stop: Notify::new(),
            turns: Mutex::new(0),
        }
    }

    pub(crate) fn serve(self: &Arc<Self>, platform: &Arc<dyn Platform>) {
        *self.platform.lock().unwrap() = Some(Arc::downgrade(platform));
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        let said = self.said.lock().unwrap();
        let text = |kind: &EventKind| match kind {
            EventKind::Posted(posted) => posted.text.expose().to_owned(),
            EventKind::StopPressed => "STOP".to_owned(),
            other => panic!("{other:?}"),
        };
        said.iter().map(text).collect()
    }

    async fn turn(&self, event: Event) {
        let conversation = event.conversation.clone();
        let number = {
            let mut turns = self.turns.lock().unwrap();
            *turns += 1;
            *turns
        };
        for (part, act) in (0..).zip(&self.acts) {
            let nonce = Nonce::derive(&conversation, TurnNumber(number), part);
            match act {
                Act::Stream(pieces) => self.stream(&event, nonce, pieces, None).await,
                Act::Endless(piece) => {
                    self.stream(&event, nonce, &[piece, END], None).await;
                }
                Act::Broken(piece, line, notice) => {
                    self.stream(&event, nonce, &[piece], Some((line, *notice)))
                        .await;
                }
                Act::Notice(text, notice) => {
                    let content = content(text, Some(*notice));
                    let post = Action::Post {
                        nonce,
                        reply_to: None,
                        content,
                    };
                    self.perform(&event, post).await;
                }
                Act::Pause(time) => tokio::time::sleep(*time).await,
            }
        }
        self.pending
            .lock()
            .unwrap()
            .retain(|pending| pending.id != event.id);
    }

    async fn stream(
        &self,
        event: &Event,
        nonce: Nonce,
        pieces: &[&str],
        remark: Option<(&str, Notice)>,
    ) {
        let open = Action::OpenStream {
            nonce,
            reply_to: None,
        };
        let Some(message) = self.perform(event, open).await else {
            return;
        };
        let mut whole = String::new();
        for piece in pieces {
            if *piece == END {
                self.stop.notified().await;
                break;
            }
            let (offset, text) = (whole.len(), Text::new(*piece));
            let append = Action::Append {
                message: message.clone(),
                offset,
                text,
            };
            self.perform(event, append).await;
            whole.push_str(piece);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut content = content(whole.trim_end(), None);
        if let Some((line, notice)) = remark {
            content.markdown.push(&format!("\n\n{line}"));
            content.notice = Some(notice);
        }
        self.perform(event, Action::CloseStream { message, content })
            .await;
    }

    async fn perform(&self, event: &Event, action: Action) -> Option<MessageRef> {
        let platform = self
            .platform
            .lock()
            .unwrap()
            .as_ref()
            .and_then(Weak::upgrade)?;
        let (conversation, place) = (event.conversation.clone(), event.place.clone());
        let operation = Operation {
            conversation,
            place,
            action,
        };
        platform.perform(&operation).await.unwrap().message
    }
}

/// The engine, where a platform can reach it.
pub(crate) struct Door(pub(crate) Arc<Engine>);

#[async_trait]
impl Inbox for Door {
    async fn offer(&self, event: Event) -> Result<Accepted, InboxError> {
        let engine = Arc::clone(&self.0);
        engine.said.lock().unwrap().push(event.kind.clone());
        if engine.accepts == Accepted::Full {
            return Ok(Accepted::Full);
        }
        if event.kind == EventKind::StopPressed {
            engine.stop.notify_one();
            return Ok(Accepted::Queued);
        }
        engine.pending.lock().unwrap().push(event.clone());
        tokio::spawn(async move { engine.turn(event).await });
        Ok(Accepted::Queued)
    }

    async fn transcript(
        &self,
        _conversation: &ConversationId,
        _before: Option<Seq>,
        limit: usize,
    ) -> Result<Transcript, InboxError> {
        let history = self.0.history.lock().unwrap();
        let messages = history[history.len().saturating_sub(limit)..].to_vec();
        Ok(Transcript {
            messages,
            pending: self.0.pending.lock().unwrap().clone(),
            more: false,
        })
    }

    async fn conversations(
        &self,
        _participant: &ParticipantId,
        _limit: usize,
    ) -> Result<Vec<ConversationEntry>, InboxError> {
        Ok(Vec::new())
    }

    async fn erase(&self, _conversation: &ConversationId) -> Result<(), InboxError> {
        Ok(())
    }

    fn readiness(&self) -> Readiness {
        *self.0.asked.lock().unwrap() += 1;
        self.0.readiness.lock().unwrap().clone()
    }
}

pub(crate) fn content(text: &str, notice: Option<Notice>) -> Content {
    Content {
        markdown: Text::new(text),
        complete: true,
        ends: true,
        notice,
        ..Content::default()
    }
}

pub(crate) const FAILED: Notice = Notice::Failed(Failure::Deadline);
pub(crate) const LIMITED: Notice = Notice::Refused {
    until: Some(Timestamp(5_000)),
};

pub(crate) fn message(role: Role, text: &str) -> Message {
    Message {
        seq: Seq(1),
        turn: TurnNumber(1),
        at: Timestamp(0),
        role,
        author: None,
        parts: vec![Part::Text(Text::new(text))],
        quoted: None,
        refs: Vec::new(),
        shared: false,
    }
}

pub(crate) fn waiting() -> Event {
    use causerie_core::{
        event::{Participant, Posted},
        id::EventId,
    };
    let author = Participant {
        id: ParticipantId::new("terminal/local").unwrap(),
        name: Text::new("Me"),
        is_bot: false,
        roles: vec![],
    };
    let posted = Posted {
        message: MessageRef::new("in-0").unwrap(),
        text: Text::new("from last time"),
        quoted: None,
        attachments: Vec::new(),
        shared: false,
    };
    Event {
        id: EventId::new("earlier").unwrap(),
        conversation: ConversationId::new("terminal/default").unwrap(),
        place: Place::new("tty").unwrap(),
        author,
        at: Timestamp(0),
        kind: EventKind::Posted(posted),
        language: None,
    }
}
