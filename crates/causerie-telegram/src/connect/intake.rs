//! One update, taken for good.

use crate::{
    Shared,
    client::CallError,
    decode::{self, Heard, Pressed, Word},
    place::Spot,
    render,
    update::Update,
};
use causerie_core::{
    Text,
    event::{Attachment, Event, EventKind},
    id::ConversationId,
    platform::{Accepted, Inbox, InboxError},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// The next picture of an album comes within this.
const ALBUM: Duration = Duration::from_millis(900);
/// A text file that is longer is not read to the model.
const LONGEST_TEXT: u64 = 256 << 10;

/// Why a file is not read to the model, in words for it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum Unread {
    #[error("a file that was not read, since it is not text")]
    Kind,
    #[error("a file that was not read, since it is larger than {} KiB", LONGEST_TEXT >> 10)]
    Large,
    #[error("a file that was not read, since it is not in UTF-8")]
    Coding,
    #[error("a file that was not read, since it could not be fetched; it can be sent again")]
    Away,
}

impl Shared {
    /// Takes one update. When it returns well, the update is safe, or was not for us.
    ///
    /// # Errors
    /// If it could not be stored: it must be delivered again.
    pub(crate) async fn take(
        self: &Arc<Self>,
        inbox: &dyn Inbox,
        update: Value,
    ) -> Result<(), InboxError> {
        let number = update["update_id"].as_i64();
        let mut heard = match serde_json::from_value::<Update>(update) {
            Ok(update) => self.decode(update),
            Err(error) => {
                // The error tells a place in the update and none of its words.
                let at = error.column();
                tracing::warn!(number, at, "an update could not be read and is passed over");
                return Ok(());
            }
        };
        if let Some(pressed) = &mut heard.pressed {
            let message = pressed.message.as_ref();
            if pressed.word == Word::Stopping && message.is_some_and(|on| self.finished.has(on)) {
                pressed.word = Word::Finished;
                heard.events.clear();
            }
        }
        for mut event in heard.events {
            self.read_texts(&mut event).await;
            if heard.album {
                inbox.expect_more(&event.conversation, ALBUM);
            }
            let (place, language) = (event.place.clone(), event.language.clone());
            if inbox.offer(event).await? == Accepted::Full {
                self.tell_full(&place, language.as_deref());
            }
        }
        if let Some((old, new)) = heard.migrated {
            tracing::info!(
                old,
                new,
                "a group has become a supergroup with another number"
            );
            let of = |chat: i64| ConversationId::on(&self.config.id, chat.to_string());
            if let (Ok(old), Ok(new)) = (of(old), of(new)) {
                inbox.carry(&old, &new).await?;
            }
        }
        if let Some(pressed) = heard.pressed {
            self.answer_press(&pressed);
        }
        Ok(())
    }

    fn decode(&self, update: Update) -> Heard {
        let number = update.update_id;
        let me = self.me.get().cloned().unwrap_or_default();
        decode::decode(update, &self.config, &me).unwrap_or_else(|error| {
            tracing::warn!(number, %error, "an update names something that cannot be named");
            Heard::default()
        })
    }

    /// Puts the words of text files into the message: they are what is asked about. Of a file that
    /// is not read it says why, so that the model does not answer as if it had read it.
    async fn read_texts(&self, event: &mut Event) {
        let EventKind::Posted(posted) = &mut event.kind else {
            return;
        };
        let mut kept = Vec::new();
        for file in std::mem::take(&mut posted.attachments) {
            if file.is_image() {
                kept.push(file);
                continue;
            }
            let name = file.name.expose();
            let part = match self.words_of(&file).await {
                Ok(words) => {
                    let mark = fence(&words);
                    format!("{name}:\n{mark}\n{words}\n{mark}")
                }
                Err(unread) => format!("({name}: {unread})"),
            };
            let before = posted.text.expose();
            let gap = if before.is_empty() { "" } else { "\n\n" };
            posted.text = Text::new(format!("{before}{gap}{part}"));
        }
        posted.attachments = kept;
    }

    async fn words_of(&self, file: &Attachment) -> Result<String, Unread> {
        if !is_text(&file.media_type, file.name.expose()) {
            return Err(Unread::Kind);
        }
        if file.size.is_none_or(|size| size > LONGEST_TEXT) {
            return Err(Unread::Large);
        }
        let (_, id) = file.locator.split_once('/').ok_or(Unread::Away)?;
        let bytes = self.client.download(id, LONGEST_TEXT as usize).await;
        let bytes = bytes.map_err(|error| {
            tracing::warn!(?error, "a text file could not be fetched");
            Unread::Away
        })?;
        let words = String::from_utf8(bytes).map_err(|_| Unread::Coding)?;
        match words.contains('\0') {
            true => Err(Unread::Coding),
            false => Ok(words.trim_end().to_owned()),
        }
    }

    /// Says that too much waits. Nothing depends on it.
    fn tell_full(self: &Arc<Self>, place: &causerie_core::id::Place, language: Option<&str>) {
        let Some(spot) = Spot::parse(place) else {
            return;
        };
        let mut fields = json!({
            "chat_id": spot.chat,
            "text": render::full(self.config.language.of(language)),
        });
        if let Some(topic) = spot.topic {
            fields["message_thread_id"] = json!(topic);
        }
        let weight = crate::pace::Weight::Growing;
        let now = tokio::time::Instant::now();
        if self.pace.take(spot.chat, weight, now).is_err() {
            return;
        }
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            let told: Result<Value, CallError> = shared.client.call("sendMessage", &fields).await;
            let _ = shared.heed(spot.chat, told);
        });
    }

    /// A button turns until its press is answered.
    fn answer_press(self: &Arc<Self>, pressed: &Pressed) {
        let mut fields = json!({"callback_query_id": pressed.id});
        if let Some(word) = render::word(pressed.word, pressed.language) {
            fields["text"] = json!(word);
        }
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            let _: Result<Value, CallError> =
                shared.client.call("answerCallbackQuery", &fields).await;
        });
    }
}

/// Marks for a code block that `words` do not hold.
fn fence(words: &str) -> String {
    let mut longest = 2;
    let mut run = 0;
    for c in words.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    "`".repeat(longest + 1)
}

fn is_text(media_type: &str, name: &str) -> bool {
    const TYPES: &[&str] = &[
        "application/json",
        "application/xml",
        "application/toml",
        "application/yaml",
        "application/x-yaml",
        "application/javascript",
        "application/x-sh",
        "application/sql",
    ];
    const ENDINGS: &[&str] = &[
        "txt", "md", "csv", "tsv", "json", "toml", "yaml", "yml", "xml", "html", "rs", "py", "js",
        "ts", "go", "c", "h", "cpp", "java", "sh", "sql", "log", "ini", "tex",
    ];
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    media_type.starts_with("text/")
        || TYPES.contains(&media_type)
        || ending.is_some_and(|ending| ENDINGS.iter().any(|one| one.eq_ignore_ascii_case(ending)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(fence("a"), "```");
        assert_eq!(fence("a ```` b"), "`````");
    }
}
