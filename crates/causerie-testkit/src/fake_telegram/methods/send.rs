//! Methods that send messages.

use super::{Result, is, number, string, target, unique};
use crate::fake_telegram::{
    Draft, Sent, SentFile,
    entities::{self, Formatted},
    failure::Failure,
    request::Params,
    rich,
    spec::UPLOAD,
    state::{ChatKind, State},
};
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Instant};

/// The longest text, in UTF-16 units.
const LONGEST_TEXT: usize = 4096;
/// The longest caption.
pub(super) const LONGEST_CAPTION: usize = 1024;
/// The most bytes that a button may carry.
const LONGEST_DATA: usize = 64;

pub(super) fn text(state: &mut State, values: &Map<String, Value>) -> Result<Value> {
    let (chat, business) = target(state, values)?;
    let formatted = formatted(state, values, "text", "entities")?;
    check_text(&formatted, false)?;
    send(
        state,
        chat,
        business,
        values,
        Content {
            formatted,
            ..Content::default()
        },
    )
}

pub(super) fn rich(state: &mut State, values: &Map<String, Value>) -> Result<Value> {
    let (chat, business) = target(state, values)?;
    let rich = values.get("rich_message").cloned().unwrap_or_default();
    let text = rich::check(&rich, false)?;
    let formatted = Formatted {
        text,
        entities: vec![],
    };
    check_text(&formatted, true)?;
    let content = Content {
        formatted,
        rich: Some(rich),
        file: None,
    };
    send(state, chat, business, values, content)
}

pub(super) fn file(state: &mut State, kind: &str, mut params: Params) -> Result<Value> {
    let values = &params.values;
    let (chat, business) = target(state, values)?;
    let formatted = formatted(state, values, "caption", "caption_entities")?;
    if entities::units(&formatted.text) > LONGEST_CAPTION {
        return Err(Failure::bad("message caption is too long"));
    }
    let given = &values[kind];
    let file = match given[UPLOAD].as_str() {
        Some(name) => {
            let upload = params.files.remove(name);
            let upload = upload.ok_or_else(|| Failure::bad("file must be non-empty"))?;
            if upload.bytes.is_empty() {
                return Err(Failure::bad("file must be non-empty"));
            }
            let id = state.keep(&format!("{kind}s"), upload.clone());
            SentFile::new(kind, &id, &upload)
        }
        None => {
            let id = given.as_str().unwrap_or_default();
            let stored = state
                .files
                .get(id)
                .ok_or_else(|| Failure::bad("wrong file identifier/HTTP URL specified"))?;
            SentFile::new(kind, id, &stored.upload)
        }
    };
    let content = Content {
        formatted,
        rich: None,
        file: Some(file),
    };
    send(state, chat, business, values, content)
}

/// What a message holds.
#[derive(Default)]
struct Content {
    formatted: Formatted,
    rich: Option<Value>,
    file: Option<SentFile>,
}

fn send(
    state: &mut State,
    chat: i64,
    business: Option<&str>,
    values: &Map<String, Value>,
    content: Content,
) -> Result<Value> {
    let markup = markup(values)?;
    if state.chat(chat).restricted && business.is_none() {
        return Err(Failure::bad(
            "not enough rights to send text messages to the chat",
        ));
    }
    let (reply_to, quoted) = reply(state, chat, business, values)?;
    let of_quoted = quoted
        .as_ref()
        .filter(|quoted| quoted["is_topic_message"] == true);
    let of_quoted = of_quoted.and_then(|quoted| quoted["message_thread_id"].as_i64());
    let asked = number(values, "message_thread_id").or(of_quoted);
    let thread = thread(state, chat, business, asked)?;
    let from = match business {
        None => state.bot_json(),
        Some(connection) => state.connections[connection]["user"].clone(),
    };
    let mut message = state.message_json(chat, &from, thread);
    if let Some(connection) = business {
        message["business_connection_id"] = json!(connection);
        message["sender_business_bot"] = state.bot_json();
    }
    let shown = quoted.or_else(|| state.opening(chat, thread));
    if let Some(shown) = shown {
        message["reply_to_message"] = shown;
    }
    let mut sent = Sent {
        id: message["message_id"].as_i64().unwrap_or_default(),
        chat,
        at: Instant::now(),
        text: content.formatted.text,
        entities: content.formatted.entities,
        parse_mode: string(values, "parse_mode").map(str::to_owned),
        thread,
        reply_to,
        markup,
        rich: content.rich,
        document: content.file,
        business: business.map(str::to_owned),
        versions: vec![],
    };
    sent.note();
    show(&mut message, &sent);
    let chat = state.chat(chat);
    if business.is_none() {
        chat.drafts.retain(|draft| draft.thread != thread);
    }
    let place = chat.place(business);
    place.known.insert(sent.id, message.clone());
    place.sent.push(Arc::new(sent));
    Ok(message)
}

/// Puts into a message what it holds.
pub(super) fn show(message: &mut Value, sent: &Sent) {
    let Some(message) = message.as_object_mut() else {
        return;
    };
    for name in [
        "text",
        "entities",
        "caption",
        "caption_entities",
        "rich_message",
        "reply_markup",
    ] {
        message.remove(name);
    }
    let (text, spans) = match &sent.document {
        None => ("text", "entities"),
        Some(file) => {
            message.insert(file.kind.clone(), shown_file(file));
            ("caption", "caption_entities")
        }
    };
    if let Some(rich) = &sent.rich {
        message.insert("rich_message".to_owned(), rich::shown(rich));
    } else if !sent.text.is_empty() {
        let formatted = Formatted {
            text: sent.text.clone(),
            entities: sent.entities.clone(),
        };
        let entities = entities::shown(&formatted);
        if !entities.is_empty() {
            message.insert(spans.to_owned(), Value::Array(entities));
        }
        message.insert(text.to_owned(), json!(sent.text));
    }
    let inline = sent.markup.as_ref();
    if let Some(markup) = inline.filter(|markup| markup.get("inline_keyboard").is_some()) {
        message.insert("reply_markup".to_owned(), markup.clone());
    }
}

fn shown_file(file: &SentFile) -> Value {
    let size = file.bytes.len();
    let mut shown = json!({
        "file_id": file.id, "file_unique_id": unique(&file.id), "file_size": size,
    });
    match file.kind.as_str() {
        "photo" => {
            shown["width"] = json!(640);
            shown["height"] = json!(480);
            return json!([shown]);
        }
        "voice" => shown["duration"] = json!(1),
        "audio" => {
            shown["duration"] = json!(1);
            shown["file_name"] = json!(file.name);
        }
        "video" | "animation" => {
            shown["duration"] = json!(1);
            shown["width"] = json!(640);
            shown["height"] = json!(480);
        }
        _ => shown["file_name"] = json!(file.name),
    }
    shown["mime_type"] = json!(file.mime);
    shown
}

/// The text that is to be sent, as the server makes it.
pub(super) fn formatted(
    state: &mut State,
    values: &Map<String, Value>,
    text: &str,
    spans: &str,
) -> Result<Formatted> {
    let text = string(values, text).unwrap_or_default();
    let spans = values.get(spans).and_then(Value::as_array);
    let spans = spans.map(Vec::as_slice).unwrap_or_default();
    if let Some(mode) = string(values, "parse_mode")
        && !matches!(
            mode.to_ascii_lowercase().as_str(),
            "markdown" | "markdownv2" | "html" | ""
        )
    {
        return Err(Failure::bad("unsupported parse_mode"));
    }
    if let Err(wrong) = entities::check(text, spans) {
        let wrong = format!("can't parse entities: {wrong}");
        state.violations.push(format!("{wrong} in {text:?}"));
        return Err(Failure::bad(&wrong));
    }
    Ok(entities::tidy(text, spans))
}

pub(super) fn check_text(formatted: &Formatted, rich: bool) -> Result<()> {
    if formatted.text.is_empty() && !rich {
        return Err(Failure::bad("message text is empty"));
    }
    if !rich && entities::units(&formatted.text) > LONGEST_TEXT {
        return Err(Failure::bad("message is too long"));
    }
    Ok(())
}

/// The buttons, if there are any.
pub(super) fn markup(values: &Map<String, Value>) -> Result<Option<Value>> {
    let Some(markup) = values.get("reply_markup") else {
        return Ok(None);
    };
    let Some(rows) = markup.get("inline_keyboard").and_then(Value::as_array) else {
        return Ok(Some(markup.clone()));
    };
    let buttons: Vec<&Value> = rows.iter().filter_map(Value::as_array).flatten().collect();
    for button in &buttons {
        if let Some(data) = button["callback_data"].as_str()
            && !(1..=LONGEST_DATA).contains(&data.len())
        {
            return Err(Failure::bad("BUTTON_DATA_INVALID"));
        }
        let fields = button.as_object().into_iter().flat_map(Map::keys);
        let look = ["text", "style", "icon_custom_emoji_id"];
        match fields.filter(|name| !look.contains(&name.as_str())).count() {
            0 => {
                return Err(Failure::bad(
                    "can't parse inline keyboard button: Text buttons are unallowed in the inline \
                     keyboard",
                ));
            }
            1 => {}
            _ => return Err(Failure::bad("BUTTON_TYPE_INVALID")),
        }
    }
    Ok((!buttons.is_empty()).then(|| markup.clone()))
}

/// The message that is answered: its id, and how it is shown.
fn reply(
    state: &mut State,
    chat: i64,
    business: Option<&str>,
    values: &Map<String, Value>,
) -> Result<(Option<i64>, Option<Value>)> {
    let Some(reply) = values.get("reply_parameters") else {
        return Ok((None, None));
    };
    let Some(id) = reply["message_id"].as_i64() else {
        return Err(Failure::bad("message identifier is not specified"));
    };
    let of = reply["chat_id"].as_i64().unwrap_or(chat);
    if of != chat && !state.chats.contains_key(&of) {
        return Err(Failure::bad("chat not found"));
    }
    match state.chat(of).place(business).quoted(id) {
        Some(quoted) if of == chat => Ok((Some(id), Some(quoted))),
        Some(_) => Ok((Some(id), None)),
        None if reply["allow_sending_without_reply"] == true => Ok((None, None)),
        None => Err(Failure::bad("message to be replied not found")),
    }
}

/// The topic to send to.
pub(super) fn thread(
    state: &mut State,
    chat: i64,
    business: Option<&str>,
    thread: Option<i64>,
) -> Result<Option<i64>> {
    let Some(thread) = thread.filter(|_| business.is_none()) else {
        return Ok(None);
    };
    match state.chat(chat).topics.get(&thread) {
        Some(topic) if topic.closed => Err(Failure::bad("TOPIC_CLOSED")),
        Some(_) => Ok(Some(thread)),
        None => Err(Failure::bad("message thread not found")),
    }
}

pub(super) fn draft(state: &mut State, values: &Map<String, Value>) -> Result<Value> {
    let (chat, _) = target(state, values)?;
    if state.chat(chat).kind != ChatKind::Private {
        return Err(Failure::bad("TEXTDRAFT_PEER_INVALID"));
    }
    let id = number(values, "draft_id").unwrap_or_default();
    if id == 0 {
        return Err(Failure::bad("draft_id must be non-zero"));
    }
    let rich = values.get("rich_message");
    let formatted = match rich {
        Some(rich) => Formatted {
            text: rich::check(rich, true)?,
            entities: vec![],
        },
        None => formatted(state, values, "text", "entities")?,
    };
    if !formatted.text.is_empty() {
        check_text(&formatted, rich.is_some())?;
    }
    let thread = thread(state, chat, None, number(values, "message_thread_id"))?;
    let life = state.times.draft;
    let drafts = &mut state.chat(chat).drafts;
    drafts.retain(|draft| draft.at.elapsed() < life);
    let before = drafts
        .iter()
        .position(|draft| draft.id == id && draft.thread == thread);
    let before = before.map(|index| drafts.remove(index));
    drafts.push(Draft {
        id,
        thread,
        at: Instant::now(),
        text: formatted.text,
        entities: formatted.entities,
        rich: rich.cloned(),
        can_stop: is(values, "can_stop"),
        keep_on_stop: is(values, "keep_on_stop"),
        frames: before.map_or(1, |draft| draft.frames + 1),
    });
    Ok(json!(true))
}

/// Answers a guest: once.
pub(super) fn guest(state: &mut State, values: &Map<String, Value>) -> Result<Value> {
    let query = string(values, "guest_query_id").unwrap_or_default();
    if state.guests.get(query).is_none_or(Option::is_some) {
        return Err(Failure::bad(
            "query is too old and response timeout expired or query ID is invalid",
        ));
    }
    let content = &values["result"]["input_message_content"];
    let (formatted, rich) = match content.get("rich_message") {
        Some(rich) => {
            let text = rich::check(rich, false)?;
            (
                Formatted {
                    text,
                    entities: vec![],
                },
                Some(rich.clone()),
            )
        }
        None => {
            let content = content.as_object().cloned().unwrap_or_default();
            let formatted = formatted(state, &content, "message_text", "entities")?;
            check_text(&formatted, false)?;
            (formatted, None)
        }
    };
    let markup = markup(values["result"].as_object().unwrap_or(values))?;
    let id = format!("INLINE-{}", state.fresh());
    let mut sent = Sent {
        id: 0,
        chat: 0,
        at: Instant::now(),
        text: formatted.text,
        entities: formatted.entities,
        parse_mode: string(values, "parse_mode").map(str::to_owned),
        thread: None,
        reply_to: None,
        markup,
        rich,
        document: None,
        business: None,
        versions: vec![],
    };
    sent.note();
    state.inline.insert(id.clone(), Arc::new(sent));
    state.guests.insert(query.to_owned(), Some(id.clone()));
    Ok(json!({"inline_message_id": id}))
}
