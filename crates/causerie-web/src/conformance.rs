//! The page keeps the promises of every platform.

use crate::{Config, CookieKey, Web};
use async_trait::async_trait;
use causerie_core::{
    Clock, Timestamp,
    id::{ConversationId, Place, PlatformId},
    platform::Platform,
};
use causerie_testkit::platform_conformance::Stage;
use std::sync::Arc;

struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_795_521_600_000)
    }
}

struct Page(Arc<Web>);

#[async_trait]
impl Stage for Page {
    fn platform(&self) -> Arc<dyn Platform> {
        self.0.clone()
    }

    fn conversation(&self) -> ConversationId {
        ConversationId::on(self.0.id(), "visitor.room").expect("a plain name")
    }

    fn place(&self) -> Place {
        Place::new("room").expect("a plain name")
    }

    async fn seen(&self) -> Vec<String> {
        let state = self.0.rooms.state(&self.conversation());
        let words = |html: String| html.replace("<p>", "").replace("</p>", "");
        let answers = state.answers.iter();
        answers
            .map(|(item, _)| words(item.blocks.concat()).trim().to_owned())
            .collect()
    }
}

async fn stage() -> Page {
    let key = CookieKey::from_hex(&"0a".repeat(32)).expect("a key");
    let id = PlatformId::new("web").expect("a plain name");
    let listen = "127.0.0.1:0".parse().expect("an address");
    let web = Web::bind(Config::new(id, listen, key), Arc::new(StoppedClock)).await;
    Page(Arc::new(web.expect("a port is free")))
}

causerie_testkit::platform_conformance!(stage);
