//! A web platform with a person at the other end instead of an engine: the test itself hears what
//! was said and answers it step by step.

use crate::desk::Desk;
use causerie_core::{
    Clock, Text, Timestamp,
    event::Event,
    id::{MessageRef, Nonce, PlatformId, TurnNumber},
    platform::{Action, Content, Notice, Operation, Platform, Status},
};
use causerie_web::{Config, CookieKey, Web};
use std::{net::SocketAddr, sync::Arc, time::SystemTime};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

pub(crate) struct House {
    pub(crate) web: Arc<Web>,
    pub(crate) desk: Arc<Desk>,
    heard: tokio::sync::Mutex<mpsc::UnboundedReceiver<Event>>,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

/// What outlives a process.
pub(crate) type Left = (Arc<Desk>, mpsc::UnboundedReceiver<Event>);

struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        Timestamp(i64::try_from(since.as_millis()).unwrap())
    }
}

pub(crate) fn config() -> Config {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let key = CookieKey::new([9; 32]);
    Config::new(PlatformId::new("web").unwrap(), listen, key)
}

pub(crate) async fn bind(config: Config) -> Result<Web, causerie_web::WebError> {
    Web::bind(config, Arc::new(Wall)).await
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let (desk, heard) = Desk::new();
        Self::again(config, (Arc::new(desk), heard)).await
    }

    /// Opens with what another house left.
    pub(crate) async fn again(config: Config, (desk, heard): Left) -> Self {
        let web = Arc::new(bind(config).await.unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = Box::pin(async move {
            let _ = stopped.await;
        });
        let (running, inbox) = (web.clone(), desk.clone());
        let running = tokio::spawn(async move { running.run(inbox, stopped).await.unwrap() });
        Self {
            web,
            desk,
            heard: tokio::sync::Mutex::new(heard),
            stop: Some(stop),
            running,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.web.local_addr())
    }

    /// Waits for the next event.
    pub(crate) async fn hear(&self) -> Event {
        self.heard.lock().await.recv().await.unwrap()
    }

    pub(crate) async fn perform(&self, event: &Event, action: Action) -> Option<MessageRef> {
        let operation = Operation {
            conversation: event.conversation.clone(),
            place: event.place.clone(),
            action,
        };
        self.web.perform(&operation).await.unwrap().message
    }

    pub(crate) async fn status(&self, event: &Event, status: Status) {
        self.perform(event, Action::Status { status }).await;
    }

    /// Begins an answer.
    pub(crate) async fn answer(&self, event: &Event) -> Answer<'_> {
        let turn = TurnNumber(self.desk.turns(&event.conversation) + 1);
        let nonce = Nonce::derive(&event.conversation, turn, 0);
        let open = Action::OpenStream {
            nonce,
            reply_to: event.message().cloned(),
        };
        let message = self.perform(event, open).await.unwrap();
        Answer {
            house: self,
            event: event.clone(),
            message,
            turn,
            markdown: String::new(),
        }
    }

    /// Says something ourselves.
    pub(crate) async fn notice(&self, event: &Event, notice: Notice, words: &str) {
        let content = Content {
            markdown: Text::new(words),
            complete: true,
            ends: true,
            notice: Some(notice),
            ..Content::default()
        };
        let nonce = Nonce::derive(&event.conversation, TurnNumber(99), 0);
        let reply_to = event.message().cloned();
        self.perform(
            event,
            Action::Post {
                nonce,
                reply_to,
                content,
            },
        )
        .await;
        self.desk.settle(&event.id);
    }

    /// Stops, and waits until it has.
    pub(crate) async fn close(mut self) -> Left {
        self.stop.take().unwrap().send(()).unwrap();
        self.running.await.unwrap();
        (self.desk, self.heard.into_inner())
    }
}

pub(crate) struct Answer<'a> {
    house: &'a House,
    event: Event,
    pub(crate) message: MessageRef,
    turn: TurnNumber,
    markdown: String,
}

impl Answer<'_> {
    pub(crate) async fn say(&mut self, more: &str) {
        let append = Action::Append {
            message: self.message.clone(),
            offset: self.markdown.len(),
            text: Text::new(more),
        };
        self.markdown.push_str(more);
        self.house.perform(&self.event, append).await;
    }

    /// Closes it, and then commits the turn.
    pub(crate) async fn end(self) {
        let content = Content {
            markdown: Text::new(&self.markdown),
            complete: true,
            ends: true,
            ..Content::default()
        };
        let message = self.message.clone();
        self.house
            .perform(&self.event, Action::CloseStream { message, content })
            .await;
        self.house
            .desk
            .commit(&self.event, self.turn, self.message, self.markdown);
    }
}
