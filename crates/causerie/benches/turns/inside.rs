//! The engine on SQLite in this process, with a model that answers at once and a platform that
//! does nothing but look at the clock.

use crate::{millis, quantile, row};
use async_trait::async_trait;
use causerie_core::{
    Clock, Text, Timestamp,
    backend::{
        Backend, BackendCapabilities, BackendError, CompletionStream, Delta, Finish, FinishReason,
        Privacy, Readiness,
    },
    event::{Event, EventKind, Participant, Posted},
    id::{
        ConversationId, EventId, MessageRef, ModelName, ParticipantId, PersonaName, Place,
        PlatformId,
    },
    outcome::Usage,
    persona::Persona,
    platform::{
        Action, Creates, Inbox, Operation, Platform, PlatformCapabilities, PlatformError, Receipt,
        Stop, Streaming,
    },
    prompt::{ByteEstimate, Prompt, TokenCounter},
    store::Store,
};
use causerie_engine::{Config, Engine, Language, Parts, PlatformEntry, SystemClock};
use causerie_store::SqliteStore;
use futures::{StreamExt, stream};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// What people say and the model answers: 280 bytes, as chats go.
const WORDS: &str = "The quick brown fox jumps over the lazy dog, and the dog looks up, yawns, and \
    goes back to sleep in the sun. Later the fox comes by again, slower this time, and sits down. \
    They look at the river together and say nothing for a while. Then it rains, and both of them \
    walk home along it.";

const ALONE: usize = 2_000;
const TOGETHER: usize = 64;
const ROUNDS: usize = 100;

pub(crate) async fn run() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("bench.db");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Arc::new(SqliteStore::open(&path, &clock).expect("a new store"));
    let platform = Arc::new(Watching::default());
    let engine = engine(store.clone(), clock, platform.clone());
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (engine, stop) = (engine.clone(), stop.clone());
        async move { engine.run(stop).await }
    });
    let inbox = engine.inbox();
    // The engine takes claims once it runs.
    tokio::time::sleep(Duration::from_millis(50)).await;
    for number in 0..200 {
        turn(&platform, &*inbox, "warm", number).await;
    }

    let mut alone = Vec::with_capacity(ALONE);
    for number in 0..ALONE {
        // Ten messages to a conversation: history is read and grows as it does in life.
        alone.push(turn(&platform, &*inbox, &format!("alone{}", number / 10), number).await);
    }
    alone.sort_unstable();
    row(
        "added latency of a turn, p50",
        &millis(quantile(&alone, 0.5)),
    );
    row(
        "added latency of a turn, p99",
        &millis(quantile(&alone, 0.99)),
    );

    let began = Instant::now();
    stream::iter(0..TOGETHER)
        .for_each_concurrent(TOGETHER, |one| {
            let (platform, inbox) = (platform.clone(), inbox.clone());
            async move {
                for number in 0..ROUNDS {
                    let conversation = format!("together{one}.{}", number / 10);
                    turn(&platform, &*inbox, &conversation, number).await;
                }
            }
        })
        .await;
    let rate = (TOGETHER * ROUNDS) as f64 / began.elapsed().as_secs_f64();
    row(
        "turns per second, 64 conversations at once",
        &format!("{rate:.0}"),
    );

    stop.cancel();
    let report = running
        .await
        .expect("the engine does not panic")
        .expect("it runs once");
    assert_eq!(report.finished as usize, 200 + ALONE + TOGETHER * ROUNDS);
    store.close().await;
    let bytes = std::fs::metadata(&path).expect("the store is there").len();
    let messages = 2 * report.finished;
    row(
        "bytes on disk per message of 280 bytes, all told",
        &format!("{}", bytes / messages),
    );
}

/// One message, from the offer until its answer is complete on the platform.
async fn turn(
    platform: &Watching,
    inbox: &dyn Inbox,
    conversation: &str,
    number: usize,
) -> Duration {
    let place = Place::new(conversation).expect("a word");
    let event = Event {
        id: EventId::new(format!("event{number}")).expect("a word"),
        conversation: ConversationId::on(&platform.id, conversation).expect("a word"),
        place: place.clone(),
        author: Participant {
            id: ParticipantId::on(&platform.id, conversation).expect("a word"),
            name: Text::new("Ann"),
            is_bot: false,
            roles: vec![],
        },
        at: Timestamp(1_795_521_600_000 + number as i64),
        kind: EventKind::Posted(Posted {
            message: MessageRef::new(format!("message{number}")).expect("a word"),
            text: Text::new(WORDS),
            quoted: None,
            attachments: vec![],
            shared: false,
        }),
        language: None,
    };
    let (answered, answer) = oneshot::channel();
    platform
        .waiting
        .lock()
        .expect("nobody panics")
        .insert(place, answered);
    let began = Instant::now();
    inbox.offer(event).await.expect("the store takes it");
    answer
        .await
        .expect("every message is answered")
        .duration_since(began)
}

fn engine(store: Arc<dyn Store>, clock: Arc<dyn Clock>, platform: Arc<Watching>) -> Arc<Engine> {
    let (model, name) = (ModelName::new("instant"), PersonaName::new("assistant"));
    let (model, name) = (model.expect("a word"), name.expect("a word"));
    let persona = Persona::new(name.clone(), "You are helpful.", vec![model.clone()]);
    let backend: Arc<dyn Backend> = Arc::new(Instantly);
    let parts = Parts {
        store,
        clock,
        backends: [(model, backend)].into(),
        personas: [(name.clone(), Arc::new(persona))].into(),
        tools: vec![],
        platforms: vec![PlatformEntry {
            platform,
            persona: name,
            language: Language::English,
        }],
    };
    Engine::new(Config::default(), parts).expect("all names are there")
}

/// Answers at once.
struct Instantly;

#[async_trait]
impl Backend for Instantly {
    fn capabilities(&self) -> BackendCapabilities {
        let privacy = Privacy::Local;
        BackendCapabilities {
            context_window: 32_768,
            tools: false,
            images: false,
            privacy,
        }
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }

    fn counter(&self) -> Arc<dyn TokenCounter> {
        Arc::new(ByteEstimate)
    }

    async fn complete(&self, _prompt: &Prompt) -> Result<CompletionStream, BackendError> {
        let finish = Finish {
            reason: FinishReason::Stop,
            usage: Usage::default(),
        };
        let deltas = [Ok(Delta::Text(Text::new(WORDS))), Ok(Delta::Finish(finish))];
        Ok(stream::iter(deltas).boxed())
    }
}

/// Tells whoever waits for a place when its answer was complete.
struct Watching {
    id: PlatformId,
    capabilities: PlatformCapabilities,
    waiting: Mutex<HashMap<Place, oneshot::Sender<Instant>>>,
}

impl Default for Watching {
    fn default() -> Self {
        let capabilities = PlatformCapabilities {
            streaming: Streaming::Append {
                every: Duration::from_millis(30),
            },
            message_limit: None,
            creates: Creates::Idempotent,
            edits: true,
            deletes: true,
            typing: None,
        };
        let id = PlatformId::new("bench").expect("a word");
        Self {
            id,
            capabilities,
            waiting: Mutex::default(),
        }
    }
}

#[async_trait]
impl Platform for Watching {
    fn id(&self) -> &PlatformId {
        &self.id
    }

    fn capabilities(&self) -> &PlatformCapabilities {
        &self.capabilities
    }

    async fn run(&self, _inbox: Arc<dyn Inbox>, stop: Stop) -> Result<(), PlatformError> {
        stop.await;
        Ok(())
    }

    async fn perform(&self, operation: &Operation) -> Result<Receipt, PlatformError> {
        let message = match &operation.action {
            Action::Post { nonce, content, .. } => {
                if content.complete {
                    self.complete(&operation.place);
                }
                Some(MessageRef::new(nonce.as_str()).expect("a nonce is a word"))
            }
            Action::OpenStream { nonce, .. } => {
                Some(MessageRef::new(nonce.as_str()).expect("a nonce is a word"))
            }
            Action::CloseStream { .. } => {
                self.complete(&operation.place);
                None
            }
            _ => None,
        };
        Ok(Receipt { message })
    }
}

impl Watching {
    fn complete(&self, place: &Place) {
        if let Some(waiting) = self.waiting.lock().expect("nobody panics").remove(place) {
            // The bench may have ended.
            let _ = waiting.send(Instant::now());
        }
    }
}
