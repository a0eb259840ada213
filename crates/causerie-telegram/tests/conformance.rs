//! A Telegram bot keeps the promises of every platform, in a private chat and in a group.

use async_trait::async_trait;
use causerie_core::{
    id::{ConversationId, Place, PlatformId},
    platform::Platform,
};
use causerie_telegram::{Config, Telegram};
use causerie_testkit::{fake_telegram::FakeTelegram, platform_conformance::Stage};
use secrecy::SecretString;
use std::sync::Arc;

struct Bot {
    telegram: FakeTelegram,
    platform: Arc<Telegram>,
    chat: i64,
}

impl Bot {
    async fn new(chat: impl FnOnce(&FakeTelegram) -> i64) -> Self {
        let telegram = FakeTelegram::start().await;
        let chat = chat(&telegram);
        let id = PlatformId::new("telegram.test").expect("a name");
        let config = Config {
            api_url: telegram.url(),
            ..Config::new(id, SecretString::from(telegram.token()))
        };
        let platform = Telegram::new(config).await.expect("it is right");
        let platform = Arc::new(platform);
        Self {
            telegram,
            platform,
            chat,
        }
    }
}

#[async_trait]
impl Stage for Bot {
    fn platform(&self) -> Arc<dyn Platform> {
        self.platform.clone()
    }

    fn conversation(&self) -> ConversationId {
        ConversationId::on(self.platform.id(), self.chat.to_string()).expect("a number")
    }

    fn place(&self) -> Place {
        Place::new(self.chat.to_string()).expect("a number")
    }

    async fn seen(&self) -> Vec<String> {
        let violations = self.telegram.violations();
        assert!(violations.is_empty(), "{violations:#?}");
        let messages = self.telegram.messages(self.chat);
        messages.into_iter().map(|sent| sent.text).collect()
    }
}

mod in_private {
    async fn stage() -> super::Bot {
        super::Bot::new(|telegram| telegram.user("Ann").id).await
    }
    causerie_testkit::platform_conformance!(stage);
}

mod in_a_group {
    async fn stage() -> super::Bot {
        super::Bot::new(|telegram| telegram.supergroup("Team")).await
    }
    causerie_testkit::platform_conformance!(stage);
}
