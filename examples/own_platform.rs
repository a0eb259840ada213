//! A platform of one's own: each line of standard input is a message, each answer a line.
//!
//! ```sh
//! printf 'hello\nhow are you?\n' | cargo run --example own_platform
//! ```

use async_trait::async_trait;
use causerie::{
    core::{
        Clock, Text, Timestamp,
        event::{Event, EventKind, Participant, Posted},
        id::*,
        platform::*,
    },
    echo::Echo,
    engine::{Config, Engine, Parts, SystemClock},
    store::MemoryStore,
};
use std::{sync::Arc, time::Duration};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio_util::sync::CancellationToken;

struct Lines(PlatformId, PlatformCapabilities);

impl Lines {
    fn event(&self, id: &str, line: String) -> Result<Event, IdError> {
        let you = ParticipantId::on(&self.0, "you")?;
        Ok(Event {
            id: EventId::new(id)?,
            conversation: ConversationId::on(&self.0, id)?,
            place: Place::new(id)?,
            author: Participant {
                id: you,
                name: Text::new("you"),
                is_bot: false,
                roles: vec![],
            },
            at: Timestamp(0),
            kind: EventKind::Posted(Posted {
                message: MessageRef::new(id)?,
                text: Text::new(line),
                quoted: None,
                attachments: vec![],
                shared: false,
            }),
            language: None,
        })
    }
}

#[async_trait]
impl Platform for Lines {
    fn id(&self) -> &PlatformId {
        &self.0
    }

    fn capabilities(&self, _place: &Place) -> &PlatformCapabilities {
        &self.1
    }

    async fn run(&self, inbox: Arc<dyn Inbox>, _stop: Stop) -> Result<(), PlatformError> {
        let mut lines = BufReader::new(stdin()).lines();
        let mut number = 0;
        while let Ok(Some(line)) = lines.next_line().await {
            number += 1;
            let event = self.event(&format!("line{number}"), line);
            let offered = inbox.offer(event.expect("a number makes an id"));
            offered.await.expect("memory takes it");
        }
        Ok(())
    }

    async fn perform(&self, operation: &Operation) -> Result<Receipt, PlatformError> {
        let Action::Post { content, .. } = &operation.action else {
            return Ok(Receipt::default());
        };
        println!("{}: {}", operation.place, content.markdown.expose());
        Ok(Receipt {
            message: MessageRef::new(operation.place.as_str()).ok(),
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let capabilities = PlatformCapabilities {
        creates: Creates::Idempotent,
        ..PlatformCapabilities::default()
    };
    let platform = Arc::new(Lines(PlatformId::new("lines")?, capabilities));
    let backend = Arc::new(Echo {
        delay: Duration::ZERO,
        pace: Duration::ZERO,
        context: 4096,
    });
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let parts = Parts::single(store, clock, backend, platform, "You repeat.");
    Engine::new(Config::default(), parts)?
        .run(CancellationToken::new())
        .await?;
    Ok(())
}
