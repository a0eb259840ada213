//! A conversation at the keyboard keeps the promises of every platform.

use super::clock;
use crate::{
    Chat, ChatConfig,
    editor::{Line, Lines},
    look::Look,
    screen::{Screen, tests::Paper},
    signal::Interrupts,
};
use async_trait::async_trait;
use causerie_core::{
    id::{ConversationId, Place},
    platform::Platform,
};
use causerie_testkit::platform_conformance::Stage;
use futures::{StreamExt, stream};
use std::sync::{Arc, mpsc};

struct Desk {
    chat: Arc<Chat>,
    paper: Paper,
    /// Whoever sits there types nothing, and leaves with the test.
    _typist: mpsc::Sender<()>,
}

#[async_trait]
impl Stage for Desk {
    fn platform(&self) -> Arc<dyn Platform> {
        Arc::clone(&self.chat) as Arc<dyn Platform>
    }

    fn conversation(&self) -> ConversationId {
        ConversationId::on(self.chat.id(), "default").expect("a plain name")
    }

    fn place(&self) -> Place {
        Place::new("tty").expect("a plain name")
    }

    async fn seen(&self) -> Vec<String> {
        self.paper.read().lines().map(str::to_owned).collect()
    }
}

async fn stage() -> Desk {
    let paper = Paper::default();
    let screen = Screen::new(Box::new(paper.clone()), Look::default(), || 80);
    let (typist, typed) = mpsc::channel();
    let lines = Lines::new(move || {
        let left = typed.recv().is_err();
        if left {
            Line::End
        } else {
            Line::Text(String::new())
        }
    });
    let config = ChatConfig {
        conversation: None,
        name: "Me".to_owned(),
        history: None,
        clock: clock(),
    };
    let interrupts = Interrupts::new(stream::pending().boxed());
    let chat = Chat::on(config, screen, lines.unwrap(), None, interrupts);
    Desk {
        chat: Arc::new(chat.unwrap()),
        paper,
        _typist: typist,
    }
}

causerie_testkit::platform_conformance!(stage);
