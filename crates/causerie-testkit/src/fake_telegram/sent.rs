//! What the server tells the test.

use super::request::Upload;
use axum::body::Bytes;
use serde_json::Value;
use std::time::{Duration, Instant};

/// A message of the bot as it is now.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Its id.
    pub id: i64,
    /// Its chat.
    pub chat: i64,
    /// When it was sent.
    pub at: Instant,
    /// Its text; of a file, the caption; of a rich message, all its words.
    pub text: String,
    /// The entities that were sent.
    pub entities: Vec<Value>,
    /// How the server was to read the text.
    pub parse_mode: Option<String>,
    /// Its topic or thread.
    pub thread: Option<i64>,
    /// The message that it answers.
    pub reply_to: Option<i64>,
    /// The buttons.
    pub markup: Option<Value>,
    /// The rich message, as it was sent.
    pub rich: Option<Value>,
    /// The file.
    pub document: Option<SentFile>,
    /// On whose behalf it was sent.
    pub business: Option<String>,
    /// All its versions, this one as the last.
    pub versions: Vec<Version>,
}

/// A message at some time.
#[derive(Clone, Debug)]
pub struct Version {
    /// Since when.
    pub at: Instant,
    /// Its text.
    pub text: String,
    /// Its entities.
    pub entities: Vec<Value>,
    /// The rich message.
    pub rich: Option<Value>,
    /// The buttons.
    pub markup: Option<Value>,
}

/// A file of the bot.
#[derive(Clone, Debug)]
pub struct SentFile {
    /// What it was sent as: `document`, `photo`, …
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its type.
    pub mime: String,
    /// What is in it.
    pub bytes: Bytes,
}

impl SentFile {
    pub(super) fn new(kind: &str, id: &str, upload: &Upload) -> Self {
        Self {
            kind: kind.to_owned(),
            id: id.to_owned(),
            name: upload.name.clone(),
            mime: upload.mime.clone(),
            bytes: upload.bytes.clone(),
        }
    }
}

impl Sent {
    /// Remembers how it is now.
    pub(super) fn note(&mut self) {
        self.versions.push(Version {
            at: Instant::now(),
            text: self.text.clone(),
            entities: self.entities.clone(),
            rich: self.rich.clone(),
            markup: self.markup.clone(),
        });
    }

    /// The texts of the buttons below it.
    pub fn buttons(&self) -> Vec<String> {
        let rows = self
            .markup
            .as_ref()
            .map(|markup| &markup["inline_keyboard"]);
        let rows = rows.and_then(Value::as_array).into_iter().flatten();
        let buttons = rows.filter_map(Value::as_array).flatten();
        buttons
            .filter_map(|button| button["text"].as_str().map(str::to_owned))
            .collect()
    }
}

/// A message that the bot is still writing.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Its id.
    pub id: i64,
    /// Its topic.
    pub thread: Option<i64>,
    /// When it was shown last.
    pub at: Instant,
    /// Its text; of a rich draft, all its words.
    pub text: String,
    /// Its entities.
    pub entities: Vec<Value>,
    /// The rich message.
    pub rich: Option<Value>,
    /// Whether it has a button to stop it.
    pub can_stop: bool,
    /// Whether it stays for a while when it is stopped.
    pub keep_on_stop: bool,
    /// How many times it was sent.
    pub frames: usize,
}

/// A call of a method.
#[derive(Clone, Debug)]
pub struct Call {
    /// When.
    pub at: Instant,
    /// Which, as the description spells it.
    pub method: String,
    /// With what.
    pub params: Value,
    /// Whether it came as the answer to a webhook.
    pub by_webhook: bool,
}

/// An answer to a pressed button.
#[derive(Clone, Debug)]
pub struct Answered {
    /// When.
    pub at: Instant,
    /// The query's id.
    pub id: String,
    /// What is shown.
    pub text: Option<String>,
    /// Whether it has to be clicked away.
    pub show_alert: bool,
}

/// What a chat says that the bot does.
#[derive(Clone, Debug)]
pub struct Action {
    /// When.
    pub at: Instant,
    /// What, such as `typing`.
    pub action: String,
    /// In which topic.
    pub thread: Option<i64>,
}

/// How long things take. Without a change: as long as at Telegram.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// What the webhook's pauses (2, 4, 8 … of it) and `Retry-After` are counted in.
    pub retry: Duration,
    /// How long a draft is shown.
    pub draft: Duration,
    /// How long an update waits to be taken.
    pub update: Duration,
    /// How long a pressed button waits to be taken and answered.
    pub callback: Duration,
    /// How long an inline query waits.
    pub inline: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            retry: Duration::from_secs(1),
            draft: Duration::from_secs(30),
            update: Duration::from_secs(24 * 60 * 60),
            callback: Duration::from_secs(150),
            inline: Duration::from_secs(30),
        }
    }
}
