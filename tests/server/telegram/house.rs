//! A server with one bot, and who writes to it.

use crate::program;
use causerie_testkit::{
    fake_models::{FakeModels, Reply, When},
    fake_telegram::{FakeTelegram, Sent, User},
    server::Server,
};
use std::{path::Path, time::Duration};

/// What a test waits for at most.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A bot, a model, and a server between them.
pub(super) struct House {
    pub(super) telegram: FakeTelegram,
    pub(super) models: FakeModels,
    pub(super) server: Option<Server>,
    pub(super) directory: tempfile::TempDir,
    more: String,
    above: String,
}

impl House {
    /// A server that says back what it is told.
    pub(super) async fn new() -> Self {
        Self::with("", "").await
    }

    /// The same with `more` in the bot's section, and `above` before all sections.
    pub(super) async fn with(more: &str, above: &str) -> Self {
        let mut house = Self::empty(more, above).await;
        house.open();
        house
    }

    /// The same before the server is started.
    pub(super) async fn empty(more: &str, above: &str) -> Self {
        Self {
            telegram: FakeTelegram::start().await,
            models: FakeModels::start().await,
            server: None,
            directory: tempfile::tempdir().expect("a directory can be made"),
            more: more.to_owned(),
            above: above.to_owned(),
        }
    }

    /// Starts the server, or starts it again.
    pub(super) fn open(&mut self) {
        let toml = self.toml();
        let server = Server::start(program(), self.directory.path(), &toml);
        self.server = Some(server);
    }

    pub(super) fn toml(&self) -> String {
        let (api, token) = (self.telegram.url(), self.telegram.token());
        let (url, more, above) = (self.models.url(), &self.more, &self.above);
        format!(
            "{above}\n[models.fake]\nkind = \"openai\"\nmodel = \"fake\"\nbase_url = \"{url}\"\n\
             context = 65536\nimages = true\n\
             timeouts = {{ first_token = \"2s\", between_tokens = \"2s\" }}\n\
             retry = {{ tries = 2, patience = \"3s\" }}\n\
             [personas.assistant]\nmodels = [\"fake\"]\nmax_output_tokens = 16384\n\
             [platforms.telegram.test]\ntoken = \"{token}\"\napi_url = \"{api}\"\n{more}\n"
        )
    }

    /// From now on the model says this.
    pub(super) fn says(&self, text: &str) {
        self.models.on(When::Always, Reply::say(text));
    }

    /// Waits for the last form of an answer in `chat`: a message without a button to stop.
    pub(super) async fn answer(&self, chat: i64) -> Sent {
        self.telegram.wait_for(chat, is_whole).await
    }

    /// Nothing was asked of Telegram that it does not know.
    pub(super) fn assert_lawful(&self) {
        let found = self.telegram.violations();
        assert!(found.is_empty(), "{found:#?}");
    }

    /// How many turns have a note for the operator that holds these words.
    pub(super) fn noted(&self, words: &str) -> usize {
        let output = std::process::Command::new(program())
            .args(["explain", "--json", "--limit", "100000", "--config"])
            .arg(self.path().join("causerie.toml"))
            .env("CAUSERIE__SERVER__DATA_DIR", self.path().join("data"))
            .output()
            .expect("it can be started");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout)
            .matches(words)
            .count()
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A person who has begun a private chat.
    pub(super) fn person(&self, name: &str) -> User {
        self.telegram.user(name)
    }
}

/// Whether a message grows no more.
pub(super) fn is_whole(sent: &Sent) -> bool {
    !sent.buttons().iter().any(|button| button.contains('⏹'))
}
