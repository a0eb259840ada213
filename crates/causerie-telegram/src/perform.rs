//! What the engine wants done, as calls.

use crate::{
    Shared,
    client::CallError,
    pace::Weight,
    place::{self, Handle, Spot, Way},
    render::{self, Fields},
};
use causerie_core::{
    id::{MessageRef, Nonce},
    platform::{Action, Content, Operation, PlatformError, Receipt, Status},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::Instant;

/// How long an answer may take before a sign says that we are at work.
const SIGN_AFTER: Duration = Duration::from_millis(400);
/// What grows and finds no room asks again after this.
const GROWING_WAIT: Duration = Duration::from_millis(400);

#[derive(Deserialize)]
struct Sent {
    message_id: i64,
}

#[derive(Deserialize)]
struct GuestAnswer {
    inline_message_id: String,
}

impl Shared {
    pub(crate) async fn perform(
        self: &Arc<Self>,
        operation: &Operation,
    ) -> Result<Receipt, PlatformError> {
        let spot = Spot::parse(&operation.place).ok_or(PlatformError::Gone)?;
        match &operation.action {
            Action::Post {
                reply_to, content, ..
            } => {
                self.pace(&spot, weight(content))?;
                self.signs.cancel(operation.place.as_str());
                let message = self
                    .post(operation, &spot, reply_to.as_ref(), content)
                    .await?;
                self.note_finished(&message, content);
                return Ok(Receipt {
                    message: Some(message),
                });
            }
            Action::Edit { message, content } => {
                self.pace(&spot, weight(content))?;
                self.signs.cancel(operation.place.as_str());
                self.edit(operation, &spot, message, content).await?;
                self.note_finished(message, content);
            }
            Action::Delete { message } => self.delete(&spot, message).await?,
            Action::Preview { nonce, content } => {
                self.pace(&spot, Weight::Growing)?;
                self.signs.cancel(operation.place.as_str());
                self.preview(&spot, nonce, content).await?;
            }
            Action::Status { status } => self.status(operation, &spot, *status),
            // The capabilities rule them out.
            Action::OpenStream { .. } | Action::Append { .. } | Action::CloseStream { .. } => {}
        }
        Ok(Receipt::default())
    }

    fn note_finished(&self, message: &MessageRef, content: &Content) {
        match content.ends {
            true => self.finished.insert(message.clone()),
            false => self.finished.remove(message),
        }
    }

    fn pace(&self, spot: &Spot, weight: Weight) -> Result<(), PlatformError> {
        let taken = self.pace.take(spot.chat, weight, Instant::now());
        taken.map_err(|wait| {
            // In a crowd most of what grows finds no room, and need not ask again at once.
            let retry_after = match weight {
                Weight::Final => wait,
                Weight::Growing | Weight::Sign => wait.max(GROWING_WAIT),
            };
            PlatformError::RateLimited { retry_after }
        })
    }

    /// Notes when we must be silent in a chat.
    pub(crate) fn heed<R>(&self, chat: i64, called: Result<R, CallError>) -> Result<R, CallError> {
        if let Err(CallError::Wait(wait)) = called {
            self.pace.refused(chat, wait, Instant::now());
        }
        called
    }

    /// Calls `method` for a chat.
    async fn call<R: DeserializeOwned>(
        &self,
        spot: &Spot,
        method: &str,
        fields: &Fields,
    ) -> Result<R, CallError> {
        self.heed(spot.chat, self.client.call(method, fields).await)
    }

    async fn post(
        &self,
        operation: &Operation,
        spot: &Spot,
        reply_to: Option<&MessageRef>,
        content: &Content,
    ) -> Result<MessageRef, PlatformError> {
        if let Way::Guest(query) = &spot.way {
            return self.answer_guest(spot, query, content).await;
        }
        let mut fields = here(spot);
        if let Some(Handle::Number(number)) = reply_to.and_then(Handle::parse) {
            let reply = json!({"message_id": number, "allow_sending_without_reply": true});
            fields.insert("reply_parameters".into(), reply);
        }
        self.add_buttons(operation, content, &mut fields);
        match self.send(spot, content, fields.clone()).await {
            Ok(sent) => Ok(place::message(spot.chat, sent.message_id)),
            // The group has moved. Its new number is asked for with the next message; this one
            // still gets its answer.
            Err(CallError::Migrated(chat)) => {
                let moved = Spot {
                    chat,
                    ..spot.clone()
                };
                fields.insert("chat_id".into(), json!(chat));
                fields.remove("reply_parameters");
                let sent: Sent = self
                    .send(&moved, content, fields)
                    .await
                    .map_err(CallError::platform)?;
                Ok(place::message(chat, sent.message_id))
            }
            Err(error) => Err(error.platform()),
        }
    }

    /// Sends a file, or words, rich if they need it and the server can.
    async fn send(
        &self,
        spot: &Spot,
        content: &Content,
        mut fields: Fields,
    ) -> Result<Sent, CallError> {
        if content.file {
            return self.send_file(spot, content, fields).await;
        }
        if let Some(rich) = self.rich(content) {
            fields.insert("rich_message".into(), rich);
            match self.call(spot, "sendRichMessage", &fields).await {
                Err(error) if self.is_plain_then(&error) => {
                    fields.remove("rich_message");
                }
                sent => return sent,
            }
        }
        self.send_plain(spot, "sendMessage", content, fields).await
    }

    /// Words with their looks; without, should the server not take them: words matter more.
    async fn send_plain<R: DeserializeOwned>(
        &self,
        spot: &Spot,
        method: &str,
        content: &Content,
        mut fields: Fields,
    ) -> Result<R, CallError> {
        fields.extend(render::text(content));
        fields.insert("link_preview_options".into(), json!({"is_disabled": true}));
        let sent = self.call(spot, method, &fields).await;
        match (&sent, fields.remove("entities")) {
            (Err(CallError::Bad(reason)), Some(_)) => {
                tracing::warn!(reason, "a message was refused; it goes without its looks");
                self.call(spot, method, &fields).await
            }
            _ => sent,
        }
    }

    async fn send_file(
        &self,
        spot: &Spot,
        content: &Content,
        mut fields: Fields,
    ) -> Result<Sent, CallError> {
        let caption = render::file_caption(self.config.language);
        fields.insert("caption".into(), json!(caption));
        let bytes = content.markdown.expose().as_bytes().to_vec();
        let name = "answer.md".into();
        let sent = self
            .client
            .upload("sendDocument", &fields, "document", name, bytes);
        self.heed(spot.chat, sent.await)
    }

    /// A guest answers once, by the query.
    async fn answer_guest(
        &self,
        spot: &Spot,
        query: &str,
        content: &Content,
    ) -> Result<MessageRef, PlatformError> {
        let text = render::text(content);
        let words = text.get("text").and_then(Value::as_str).unwrap_or_default();
        let fits = words.encode_utf16().count() <= crate::MESSAGE.max;
        let shown = match self.rich(content) {
            Some(rich) => json!({"rich_message": rich}),
            None if !fits => json!({"rich_message": rich_of(content)}),
            None => {
                let mut shown = Fields::new();
                shown.insert("message_text".into(), text["text"].clone());
                if let Some(entities) = text.get("entities") {
                    shown.insert("entities".into(), entities.clone());
                }
                Value::Object(shown)
            }
        };
        let result = json!({
            "type": "article",
            "id": "answer",
            "title": "Answer",
            "input_message_content": shown,
        });
        let mut fields = Fields::new();
        fields.insert("guest_query_id".into(), json!(query));
        fields.insert("result".into(), result);
        let answered: Result<GuestAnswer, CallError> =
            self.call(spot, "answerGuestQuery", &fields).await;
        let answered = answered.map_err(CallError::platform)?;
        place::inline(&answered.inline_message_id).map_err(|_| PlatformError::Ambiguous)
    }

    async fn edit(
        &self,
        operation: &Operation,
        spot: &Spot,
        message: &MessageRef,
        content: &Content,
    ) -> Result<(), PlatformError> {
        let handle = Handle::parse(message).ok_or(PlatformError::Gone)?;
        if content.file {
            // A message of words cannot become a file. It makes way for one.
            let _ = self.delete(spot, message).await;
            return Err(PlatformError::Gone);
        }
        let mut fields = Fields::new();
        match handle {
            Handle::Number(number) => {
                fields.insert("chat_id".into(), json!(chat_of(message, spot)));
                fields.insert("message_id".into(), json!(number));
                if let Way::Business(connection) = &spot.way {
                    fields.insert("business_connection_id".into(), json!(connection));
                }
            }
            Handle::Inline(id) => {
                fields.insert("inline_message_id".into(), json!(id));
            }
        }
        self.add_buttons(operation, content, &mut fields);
        if let Some(rich) = self.rich(content) {
            fields.insert("rich_message".into(), rich);
            let edited = self.call::<Value>(spot, "editMessageText", &fields).await;
            match edited {
                Err(error) if self.is_plain_then(&error) => {
                    fields.remove("rich_message");
                }
                edited => return done(edited),
            }
        }
        let method = "editMessageText";
        done(self.send_plain(spot, method, content, fields).await)
    }

    async fn delete(&self, spot: &Spot, message: &MessageRef) -> Result<(), PlatformError> {
        let Some(Handle::Number(number)) = Handle::parse(message) else {
            return Err(PlatformError::Gone);
        };
        let mut fields = Fields::new();
        let method = match &spot.way {
            Way::Business(connection) => {
                fields.insert("business_connection_id".into(), json!(connection));
                fields.insert("message_ids".into(), json!([number]));
                "deleteBusinessMessages"
            }
            Way::Member | Way::Guest(_) => {
                fields.insert("chat_id".into(), json!(chat_of(message, spot)));
                fields.insert("message_id".into(), json!(number));
                "deleteMessage"
            }
        };
        match done(self.call::<Value>(spot, method, &fields).await) {
            Err(PlatformError::Gone) => Ok(()),
            deleted => deleted,
        }
    }

    async fn preview(
        &self,
        spot: &Spot,
        nonce: &Nonce,
        content: &Content,
    ) -> Result<(), PlatformError> {
        let mut fields = here(spot);
        fields.insert("draft_id".into(), json!(draft_id(nonce)));
        if !self.can.no_stop.load(Ordering::Relaxed) {
            fields.insert("can_stop".into(), json!(true));
            fields.insert("keep_on_stop".into(), json!(true));
        }
        let rich = self.rich(content);
        let method = match &rich {
            Some(rich) => {
                fields.insert("rich_message".into(), rich.clone());
                "sendRichMessageDraft"
            }
            None => {
                fields.extend(render::text(content));
                "sendMessageDraft"
            }
        };
        match self.call::<Value>(spot, method, &fields).await {
            Err(error) if rich.is_some() && self.is_plain_then(&error) => {
                Err(PlatformError::Unavailable {
                    reason: "rich previews are left out from now on".into(),
                })
            }
            Err(CallError::NoMethod) => {
                self.can.no_drafts.store(true, Ordering::Relaxed);
                Err(PlatformError::Gone)
            }
            // Servers before 10.3 have no button to stop; the next preview is without.
            Err(CallError::Bad(reason)) if reason.contains("stop") => {
                self.can.no_stop.store(true, Ordering::Relaxed);
                Err(PlatformError::Gone)
            }
            Err(CallError::Bad(_)) => {
                self.can.takes_no_drafts(spot.chat);
                Err(PlatformError::Gone)
            }
            shown => done(shown),
        }
    }

    /// Shows that we are at work, if nothing better is shown within a moment. Never waits.
    fn status(self: &Arc<Self>, operation: &Operation, spot: &Spot, status: Status) {
        let place = operation.place.as_str();
        if matches!(status, Status::Idle | Status::Queued) || matches!(spot.way, Way::Guest(_)) {
            return self.signs.cancel(place);
        }
        if self.signs.is_coming(place) {
            return;
        }
        let mut fields = here(spot);
        fields.insert("action".into(), json!("typing"));
        let (shared, spot) = (Arc::clone(self), spot.clone());
        let sign = tokio::spawn(async move {
            tokio::time::sleep(SIGN_AFTER).await;
            if shared.pace(&spot, Weight::Sign).is_ok() {
                let _ = shared.call::<Value>(&spot, "sendChatAction", &fields).await;
            }
        });
        self.signs.comes(place, sign.abort_handle());
    }

    /// The message as a rich one, if words and entities would lose something.
    fn rich(&self, content: &Content) -> Option<Value> {
        let wanted = self.config.rich && !self.can.no_rich.load(Ordering::Relaxed);
        (wanted && causerie_markup::needs_rich(content.markdown.expose())).then(|| rich_of(content))
    }

    /// Whether to go on without rich messages: the server does not know them, or not these.
    fn is_plain_then(&self, error: &CallError) -> bool {
        match error {
            CallError::NoMethod => {
                self.can.no_rich.store(true, Ordering::Relaxed);
                true
            }
            CallError::Bad(reason) => {
                tracing::debug!(reason, "a rich message was refused; it goes as plain text");
                true
            }
            CallError::TooLong => true,
            _ => false,
        }
    }

    fn add_buttons(&self, operation: &Operation, content: &Content, fields: &mut Fields) {
        let buttons = render::buttons(
            content,
            &operation.conversation,
            self.config.feedback,
            self.config.language,
        );
        let none = buttons["inline_keyboard"]
            .as_array()
            .is_none_or(Vec::is_empty);
        // An edit without buttons takes the old ones away; a new message has none.
        if !none {
            fields.insert("reply_markup".into(), buttons);
        }
    }
}

fn rich_of(content: &Content) -> Value {
    let markdown = content.markdown.expose();
    let blocks = match content.complete {
        true => causerie_markup::telegram_rich(markdown),
        false => causerie_markup::telegram_rich_growing(markdown),
    };
    // Names in a model's words must not become mentions.
    json!({"blocks": blocks, "skip_entity_detection": true})
}

/// What says where a message goes.
fn here(spot: &Spot) -> Fields {
    let mut fields = Fields::new();
    fields.insert("chat_id".into(), json!(spot.chat));
    if let Some(topic) = spot.topic {
        fields.insert("message_thread_id".into(), json!(topic));
    }
    if let Way::Business(connection) = &spot.way {
        fields.insert("business_connection_id".into(), json!(connection));
    }
    fields
}

/// The chat of a message: that of the place, unless the group has moved since.
fn chat_of(message: &MessageRef, spot: &Spot) -> i64 {
    let named = message.as_str().split_once('/');
    let named = named.and_then(|(chat, _)| chat.parse().ok());
    named.unwrap_or(spot.chat)
}

/// The last form, and what begins a message, come before what only grows.
fn weight(content: &Content) -> Weight {
    match content.complete {
        true => Weight::Final,
        false => Weight::Growing,
    }
}

/// The same for all drafts of one message, and never 0.
fn draft_id(nonce: &Nonce) -> i64 {
    let bits = u64::from_str_radix(nonce.as_str(), 16).unwrap_or(1);
    i64::try_from((bits & 0x7fff_ffff) | 1).unwrap_or(1)
}

/// An edit that changes nothing has its effect already.
fn done(called: Result<Value, CallError>) -> Result<(), PlatformError> {
    match called {
        Ok(_) | Err(CallError::NotModified) => Ok(()),
        Err(error) => Err(error.platform()),
    }
}
