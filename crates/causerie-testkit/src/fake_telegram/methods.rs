//! What the methods do.

mod chat;
mod edit;
mod profile;
mod send;

pub(super) use chat::shown_member;

use super::{
    Action, Answered,
    failure::Failure,
    request::Params,
    state::{ChatKind, State, Topic},
};
use serde_json::{Map, Value, json};
use std::time::Instant;

/// The actions that a chat can show.
const ACTIONS: &[&str] = &[
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
];

/// The colour of topics.
const ICON_COLOR: i64 = 7_322_096;

/// Files greater than this cannot be fetched.
const LARGEST_DOWNLOAD: usize = 20 << 20;

type Result<T> = std::result::Result<T, Failure>;

/// Does what a method does. Its parameters are such as it has.
pub(super) fn call(state: &mut State, name: &str, params: Params) -> Result<Value> {
    let values = &params.values;
    match name {
        "getMe" => Ok(state.bot.clone()),
        "getWebhookInfo" => Ok(state.webhook_info()),
        "sendMessage" => send::text(state, values),
        "sendRichMessage" => send::rich(state, values),
        "sendMessageDraft" | "sendRichMessageDraft" => send::draft(state, values),
        "sendDocument" => send::file(state, "document", params),
        "sendPhoto" => send::file(state, "photo", params),
        "sendAudio" => send::file(state, "audio", params),
        "sendVideo" => send::file(state, "video", params),
        "sendVoice" => send::file(state, "voice", params),
        "sendAnimation" => send::file(state, "animation", params),
        "editMessageText" => edit::text(state, values),
        "editMessageCaption" => edit::caption(state, values),
        "editMessageReplyMarkup" => edit::markup(state, values),
        "deleteMessage" => edit::delete(state, values),
        "deleteMessages" => edit::delete_all(state, values),
        "sendChatAction" => action(state, values),
        "setMessageReaction" => edit::react(state, values),
        "getFile" => file(state, values),
        "answerCallbackQuery" => answer_callback(state, values),
        "answerGuestQuery" => send::guest(state, values),
        "getChat" => chat::get(state, values),
        "getChatMember" => chat::member(state, values),
        "getChatAdministrators" => chat::administrators(state, values),
        "getBusinessConnection" => connection(state, values),
        "createForumTopic" => create_topic(state, values),
        "editForumTopic" | "closeForumTopic" | "reopenForumTopic" | "deleteForumTopic" => {
            change_topic(state, name, values)
        }
        "setMyCommands" | "getMyCommands" | "deleteMyCommands" => {
            profile::commands(state, name, values)
        }
        "setMyName"
        | "getMyName"
        | "setMyDescription"
        | "getMyDescription"
        | "setMyShortDescription"
        | "getMyShortDescription" => profile::text(state, name, values),
        _ => {
            if values.contains_key("chat_id") {
                target(state, values)?;
            }
            Ok(json!(true))
        }
    }
}

fn number(values: &Map<String, Value>, name: &str) -> Option<i64> {
    values.get(name).and_then(Value::as_i64)
}

fn string<'a>(values: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    values.get(name).and_then(Value::as_str)
}

fn is(values: &Map<String, Value>, name: &str) -> bool {
    values.get(name) == Some(&Value::Bool(true))
}

/// The chat that is meant, and on whose behalf.
fn target<'a>(state: &State, values: &'a Map<String, Value>) -> Result<(i64, Option<&'a str>)> {
    let business = string(values, "business_connection_id");
    if let Some(connection) = business {
        let connection = state.connections.get(connection);
        if connection.is_none_or(|connection| connection["is_enabled"] != true) {
            return Err(Failure::bad("business connection not found"));
        }
    }
    let digits = || string(values, "chat_id")?.parse().ok();
    let chat = number(values, "chat_id").or_else(digits);
    let chat = chat.and_then(|chat| state.chats.get(&chat));
    let chat = chat.ok_or_else(|| Failure::bad("chat not found"))?;
    match (&chat.blocked, business) {
        (Some(failure), None) => Err(failure.clone()),
        _ => Ok((chat.id, business)),
    }
}

fn action(state: &mut State, values: &Map<String, Value>) -> Result<Value> {
    let (chat, business) = target(state, values)?;
    let action = string(values, "action").unwrap_or_default();
    if !ACTIONS.contains(&action) {
        return Err(Failure::bad("wrong parameter action in request"));
    }
    // Here it may be any thread of a supergroup without topics.
    let thread = number(values, "message_thread_id");
    let thread = match state.chat(chat).kind {
        ChatKind::Supergroup => thread,
        _ => send::thread(state, chat, business, thread)?,
    };
    state.chat(chat).actions.push(Action {
        at: Instant::now(),
        action: action.to_owned(),
        thread,
    });
    Ok(json!(true))
}

fn file(state: &mut State, values: &Map<String, Value>) -> Result<Value> {
    let id = string(values, "file_id").unwrap_or_default();
    let stored = state.files.get(id);
    let stored = stored.ok_or_else(|| Failure::bad("invalid file_id"))?;
    let size = stored.upload.bytes.len();
    if size > LARGEST_DOWNLOAD {
        return Err(Failure::bad("file is too big"));
    }
    Ok(json!({
        "file_id": id, "file_unique_id": unique(id), "file_size": size, "file_path": stored.path,
    }))
}

/// What is the same for all ids of a file.
pub(super) fn unique(id: &str) -> String {
    format!("UNIQUE-{id}")
}

fn answer_callback(state: &mut State, values: &Map<String, Value>) -> Result<Value> {
    let id = string(values, "callback_query_id").unwrap_or_default();
    let known = state.queries.get(id);
    if known.is_none_or(|until| *until < Instant::now()) {
        return Err(Failure::bad(
            "query is too old and response timeout expired or query ID is invalid",
        ));
    }
    let text = string(values, "text");
    if text.is_some_and(|text| text.chars().count() > 200) {
        return Err(Failure::bad("MESSAGE_TOO_LONG"));
    }
    state.answered.push(Answered {
        at: Instant::now(),
        id: id.to_owned(),
        text: text.map(str::to_owned),
        show_alert: is(values, "show_alert"),
    });
    Ok(json!(true))
}

fn connection(state: &mut State, values: &Map<String, Value>) -> Result<Value> {
    let id = string(values, "business_connection_id").unwrap_or_default();
    let connection = state.connections.get(id).cloned();
    connection.ok_or_else(|| Failure::bad("business connection not found"))
}

fn create_topic(state: &mut State, values: &Map<String, Value>) -> Result<Value> {
    let (chat, _) = target(state, values)?;
    let topics_here = match state.chat(chat).kind {
        ChatKind::Private => state.bot["has_topics_enabled"] == true,
        ChatKind::Forum => true,
        ChatKind::Group | ChatKind::Supergroup => false,
    };
    if !topics_here {
        return Err(Failure::bad("the chat is not a forum"));
    }
    if !state.chat(chat).bot_leads() {
        return Err(Failure::bad("not enough rights to create a topic"));
    }
    let name = string(values, "name").unwrap_or_default();
    if !(1..=128).contains(&name.chars().count()) {
        return Err(Failure::bad("TOPIC_TITLE_INVALID"));
    }
    let bot = state.bot_json();
    let (id, _) = state.add_topic(chat, name, &bot);
    Ok(json!({"message_thread_id": id, "name": name, "icon_color": ICON_COLOR}))
}

fn change_topic(state: &mut State, method: &str, values: &Map<String, Value>) -> Result<Value> {
    let (chat, _) = target(state, values)?;
    let id = number(values, "message_thread_id").unwrap_or_default();
    let topics = &mut state.chat(chat).topics;
    let topic = topics.get_mut(&id);
    let topic = topic.ok_or_else(|| Failure::bad("message thread not found"))?;
    match method {
        "closeForumTopic" => topic.closed = true,
        "reopenForumTopic" => topic.closed = false,
        "deleteForumTopic" => {
            topics.remove(&id);
        }
        _ => {
            if let Some(name) = string(values, "name") {
                name.clone_into(&mut topic.name);
            }
        }
    }
    Ok(json!(true))
}

impl State {
    /// Adds a topic. Its id is that of the message that tells about it, which is given too.
    pub(super) fn add_topic(&mut self, chat: i64, name: &str, from: &Value) -> (i64, Value) {
        let mut message = self.message_json(chat, from, None);
        let id = message["message_id"].as_i64().unwrap_or_default();
        message["message_thread_id"] = json!(id);
        message["is_topic_message"] = json!(true);
        message["forum_topic_created"] = json!({"name": name, "icon_color": ICON_COLOR});
        let topic = Topic {
            name: name.to_owned(),
            closed: false,
        };
        let chat = self.chat(chat);
        chat.topics.insert(id, topic);
        chat.place.known.insert(id, message.clone());
        (id, message)
    }

    /// What messages in a forum's topic answer if they answer nothing else: that it was made.
    pub(super) fn opening(&mut self, chat: i64, thread: Option<i64>) -> Option<Value> {
        let chat = self.chat(chat);
        let forum = chat.kind == ChatKind::Forum;
        chat.place.quoted(thread.filter(|_| forum)?)
    }
}
