//! Messages of people.

use super::{
    User,
    entities::{self, Formatted},
    methods::unique,
    request::Upload,
    state::{BOT, ChatKind, State, USERNAME, seconds},
};
use axum::body::Bytes;
use serde_json::{Map, Value, json};

/// A message that somebody writes.
#[derive(Clone, Debug)]
pub struct Post {
    chat: i64,
    from: User,
    text: String,
    entities: Option<Vec<Value>>,
    topic: Option<i64>,
    reply_to: Option<i64>,
    file: Option<(&'static str, Upload)>,
    business: Option<String>,
    guest: Option<String>,
    more: Map<String, Value>,
}

impl Post {
    /// A message of `from` in `chat`. A private chat has the id of its user.
    pub fn new(chat: i64, from: &User, text: &str) -> Self {
        Self {
            chat,
            from: from.clone(),
            text: text.to_owned(),
            entities: None,
            topic: None,
            reply_to: None,
            file: None,
            business: None,
            guest: None,
            more: Map::new(),
        }
    }

    /// In a topic.
    #[must_use]
    pub fn topic(mut self, id: i64) -> Self {
        self.topic = Some(id);
        self
    }

    /// As an answer to a message.
    #[must_use]
    pub fn reply_to(mut self, message: i64) -> Self {
        self.reply_to = Some(message);
        self
    }

    /// With a picture; the text is its caption.
    #[must_use]
    pub fn photo(mut self, bytes: impl Into<Bytes>) -> Self {
        self.file = Some(("photo", upload("photo.jpg", "image/jpeg", bytes.into())));
        self
    }

    /// With a file; the text is its caption.
    #[must_use]
    pub fn document(mut self, name: &str, mime: &str, bytes: impl Into<Bytes>) -> Self {
        self.file = Some(("document", upload(name, mime, bytes.into())));
        self
    }

    /// With a spoken message.
    #[must_use]
    pub fn voice(mut self, bytes: impl Into<Bytes>) -> Self {
        self.file = Some(("voice", upload("voice.ogg", "audio/ogg", bytes.into())));
        self
    }

    /// As part of an album. Each part is a message of its own with the album's id.
    #[must_use]
    pub fn album(self, id: &str) -> Self {
        self.with("media_group_id", &json!(id))
    }

    /// To the account of somebody else, who has connected the bot to it.
    #[must_use]
    pub fn business(mut self, connection: &str) -> Self {
        self.business = Some(connection.to_owned());
        self
    }

    /// In a chat whose guest the bot is. Each needs a query of its own.
    #[must_use]
    pub fn guest(mut self, query: &str) -> Self {
        self.guest = Some(query.to_owned());
        self
    }

    /// With these entities in place of those that the server finds.
    #[must_use]
    pub fn entities(mut self, entities: &[Value]) -> Self {
        self.entities = Some(entities.to_vec());
        self
    }

    /// With any other field of a message.
    #[must_use]
    pub fn with(mut self, field: &str, value: &Value) -> Self {
        self.more.insert(field.to_owned(), value.clone());
        self
    }
}

fn upload(name: &str, mime: &str, bytes: Bytes) -> Upload {
    Upload {
        name: name.to_owned(),
        mime: mime.to_owned(),
        bytes,
    }
}

impl State {
    /// Adds a message and tells the bot about it, if it may know. Gives the message's id.
    pub(super) fn post(&mut self, post: Post) -> i64 {
        let business = post.business.as_deref();
        let quoted = post.reply_to.map(|id| {
            let place = self.chat(post.chat).place(business);
            let quoted = place.quoted(id);
            quoted.unwrap_or_else(|| panic!("there is no message {id} to answer"))
        });
        let thread = post.topic.or_else(|| {
            let quoted = quoted.as_ref()?;
            let kind = self.chat(post.chat).kind;
            let of_quoted = quoted["message_thread_id"].as_i64();
            // In a supergroup without topics a chain of answers is a thread.
            let root = || quoted["message_id"].as_i64();
            match kind {
                ChatKind::Supergroup => of_quoted.or_else(root),
                _ => of_quoted,
            }
        });
        let mut message = self.message_json(post.chat, &post.from.json(), thread);
        let id = message["message_id"].as_i64().unwrap_or_default();
        let (text, spans) = match &post.file {
            None => ("text", "entities"),
            Some((kind, upload)) => {
                message[*kind] = self.received(kind, upload);
                ("caption", "caption_entities")
            }
        };
        let own = post.entities.clone().unwrap_or_default();
        let tidy = entities::tidy(&post.text, &own);
        write(&mut message, text, spans, &tidy, post.entities.is_none());
        let answers_bot = quoted
            .as_ref()
            .is_some_and(|quoted| quoted["from"]["id"] == BOT);
        let shown = quoted.or_else(|| self.opening(post.chat, thread));
        if let Some(shown) = shown {
            message["reply_to_message"] = shown;
        }
        for (name, value) in post.more {
            message[name] = value;
        }
        let kind = if let Some(connection) = business {
            message["business_connection_id"] = json!(connection);
            "business_message"
        } else if let Some(query) = &post.guest {
            message["guest_query_id"] = json!(query);
            self.guests.insert(query.clone(), None);
            "guest_message"
        } else {
            "message"
        };
        let told = kind != "message" || answers_bot || self.tells(post.chat, &message);
        let place = self.chat(post.chat).place(business);
        place.known.insert(id, message.clone());
        if told {
            self.send(kind, message);
        }
        id
    }

    /// Whether the bot is told of a message: in groups only of what is meant for it, unless it may
    /// read everything.
    fn tells(&mut self, chat: i64, message: &Value) -> bool {
        if self.chat(chat).bot_leads() {
            return true;
        }
        let service = message.get("text").or(message.get("caption")).is_none()
            && ["photo", "document", "voice"]
                .iter()
                .all(|kind| message.get(*kind).is_none());
        if service || self.bot["can_read_all_group_messages"] == true {
            return true;
        }
        let (text, spans) = match message.get("text") {
            Some(text) => (text, &message["entities"]),
            None => (&message["caption"], &message["caption_entities"]),
        };
        let text: Vec<u16> = text.as_str().unwrap_or_default().encode_utf16().collect();
        spans.as_array().into_iter().flatten().any(|entity| {
            let at = |name: &str| usize::try_from(entity[name].as_i64().unwrap_or_default());
            let (from, length) = (at("offset").unwrap_or(0), at("length").unwrap_or(0));
            let piece = text.get(from..from + length).unwrap_or_default();
            let piece = String::from_utf16_lossy(piece).to_lowercase();
            match entity["type"].as_str() {
                Some("mention") => piece == format!("@{USERNAME}"),
                Some("text_mention") => entity["user"]["id"] == BOT,
                Some("bot_command") => {
                    let to = piece.split_once('@').map(|(_, to)| to);
                    to.is_none_or(|to| to == USERNAME)
                }
                _ => false,
            }
        })
    }

    /// Changes a message of somebody and tells the bot.
    pub(super) fn rewrite(&mut self, chat: i64, id: i64, business: Option<&str>, text: &str) {
        let tidy = entities::tidy(text, &[]);
        let place = self.chat(chat).place(business);
        let message = place.known.get_mut(&id);
        let message = message.unwrap_or_else(|| panic!("there is no message {id} to edit"));
        let (text, spans) = match message.get("text") {
            Some(_) => ("text", "entities"),
            None => ("caption", "caption_entities"),
        };
        write(message, text, spans, &tidy, true);
        message["edit_date"] = json!(seconds());
        let message = message.clone();
        match business {
            Some(_) => self.send("edited_business_message", message),
            None if self.tells(chat, &message) => self.send("edited_message", message),
            None => 0,
        };
    }

    fn received(&mut self, kind: &str, upload: &Upload) -> Value {
        let id = self.keep(&format!("{kind}s"), upload.clone());
        let size = upload.bytes.len();
        let mut file = json!({
            "file_id": id, "file_unique_id": unique(&id), "file_size": size,
        });
        match kind {
            "photo" => {
                let small = upload.clone();
                let small = self.keep("thumbnails", small);
                file["width"] = json!(1280);
                file["height"] = json!(960);
                return json!([
                    {"file_id": small, "file_unique_id": unique(&small), "file_size": size,
                        "width": 90, "height": 67},
                    file,
                ]);
            }
            "voice" => file["duration"] = json!(1),
            _ => file["file_name"] = json!(upload.name),
        }
        file["mime_type"] = json!(upload.mime);
        file
    }
}

fn write(message: &mut Value, text: &str, spans: &str, tidy: &Formatted, detect: bool) {
    let Some(message) = message.as_object_mut() else {
        return;
    };
    message.remove(spans);
    if tidy.text.is_empty() {
        message.remove(text);
        return;
    }
    let entities = if detect {
        entities::shown(tidy)
    } else {
        tidy.entities.clone()
    };
    if !entities.is_empty() {
        message.insert(spans.to_owned(), Value::Array(entities));
    }
    message.insert(text.to_owned(), json!(tidy.text));
}
