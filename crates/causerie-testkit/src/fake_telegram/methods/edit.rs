//! Methods that change and remove messages.

use super::{Result, number, send, string, target};
use crate::fake_telegram::{
    Sent,
    entities::{self, Formatted},
    failure::Failure,
    rich,
    state::{BOT, State, seconds},
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Where the message to edit is.
enum Found<'a> {
    Inline(&'a str),
    InChat(i64, Option<&'a str>, i64),
}

fn find<'a>(state: &mut State, values: &'a Map<String, Value>) -> Result<Found<'a>> {
    if let Some(inline) = string(values, "inline_message_id") {
        if state.inline.contains_key(inline) {
            return Ok(Found::Inline(inline));
        }
        return Err(Failure::bad("MESSAGE_ID_INVALID"));
    }
    let Some(id) = number(values, "message_id") else {
        return Err(Failure::bad("message identifier is not specified"));
    };
    let (chat, business) = target(state, values)?;
    let place = state.chat(chat).place(business);
    if place.sent(id).is_some() {
        return Ok(Found::InChat(chat, business, id));
    }
    Err(Failure::bad(if place.known.contains_key(&id) {
        "message can't be edited"
    } else {
        "message to edit not found"
    }))
}

impl Found<'_> {
    /// Changes the message; `false` if it is as before then.
    fn change(&self, state: &mut State, change: impl FnOnce(&mut Sent)) -> Result<Value> {
        let sent = match self {
            Found::Inline(id) => state.inline.get_mut(*id).map(Arc::make_mut),
            Found::InChat(chat, business, id) => state.chat(*chat).place(*business).sent(*id),
        };
        let sent = sent.ok_or_else(|| Failure::bad("message to edit not found"))?;
        let before = (
            sent.text.clone(),
            sent.entities.clone(),
            sent.rich.clone(),
            sent.markup.clone(),
        );
        change(sent);
        if (&before.0, &before.1, &before.2, &before.3)
            == (&sent.text, &sent.entities, &sent.rich, &sent.markup)
        {
            return Err(Failure::bad(
                "message is not modified: specified new message content and reply markup are \
                 exactly the same as a current content and reply markup of the message",
            ));
        }
        sent.note();
        let sent = sent.clone();
        let Found::InChat(chat, business, id) = self else {
            return Ok(json!(true));
        };
        let place = state.chat(*chat).place(*business);
        let message = place.known.get_mut(id);
        let message = message.ok_or_else(|| Failure::bad("message to edit not found"))?;
        send::show(message, &sent);
        message["edit_date"] = json!(seconds());
        Ok(message.clone())
    }
}

pub(super) fn text(state: &mut State, values: &Map<String, Value>) -> Result<Value> {
    let found = find(state, values)?;
    let markup = send::markup(values)?;
    let has_file = |sent: &Sent| sent.document.is_some();
    if let Found::InChat(chat, business, id) = &found
        && state
            .chat(*chat)
            .place(*business)
            .sent(*id)
            .is_some_and(|sent| has_file(sent))
    {
        return Err(Failure::bad("there is no text in the message to edit"));
    }
    let rich = values.get("rich_message");
    let formatted = match rich {
        Some(rich) if !values.contains_key("text") => Formatted {
            text: rich::check(rich, false)?,
            entities: vec![],
        },
        Some(_) => return Err(Failure::bad("either text or rich_message can be specified")),
        None => send::formatted(state, values, "text", "entities")?,
    };
    send::check_text(&formatted, rich.is_some())?;
    found.change(state, |sent| {
        sent.text = formatted.text;
        sent.entities = formatted.entities;
        sent.rich = rich.cloned();
        sent.parse_mode = string(values, "parse_mode").map(str::to_owned);
        sent.markup = markup;
    })
}

pub(super) fn caption(state: &mut State, values: &Map<String, Value>) -> Result<Value> {
    let found = find(state, values)?;
    let markup = send::markup(values)?;
    let formatted = send::formatted(state, values, "caption", "caption_entities")?;
    if entities::units(&formatted.text) > send::LONGEST_CAPTION {
        return Err(Failure::bad("message caption is too long"));
    }
    found.change(state, |sent| {
        sent.text = formatted.text;
        sent.entities = formatted.entities;
        sent.markup = markup;
    })
}

pub(super) fn markup(state: &mut State, values: &Map<String, Value>) -> Result<Value> {
    let found = find(state, values)?;
    let markup = send::markup(values)?;
    found.change(state, |sent| sent.markup = markup)
}

pub(super) fn delete(state: &mut State, values: &Map<String, Value>) -> Result<Value> {
    let (chat, _) = target(state, values)?;
    let id = number(values, "message_id").unwrap_or_default();
    if !state.may_delete(chat, id)? {
        return Err(Failure::bad("message can't be deleted"));
    }
    state.forget(chat, id);
    Ok(json!(true))
}

pub(super) fn delete_all(state: &mut State, values: &Map<String, Value>) -> Result<Value> {
    let (chat, _) = target(state, values)?;
    let ids = values.get("message_ids").and_then(Value::as_array);
    let ids = ids.map(Vec::as_slice).unwrap_or_default();
    if !(1..=100).contains(&ids.len()) {
        return Err(Failure::bad("message identifiers are not specified"));
    }
    for id in ids {
        let id = id.as_i64().unwrap_or_default();
        // What cannot be deleted is passed over.
        if let Ok(true) = state.may_delete(chat, id) {
            state.forget(chat, id);
        }
    }
    Ok(json!(true))
}

pub(super) fn react(state: &mut State, values: &Map<String, Value>) -> Result<Value> {
    let (chat, _) = target(state, values)?;
    let id = number(values, "message_id").unwrap_or_default();
    if state.chat(chat).place.known.contains_key(&id) {
        return Ok(json!(true));
    }
    Err(Failure::bad("message to react not found"))
}

impl State {
    /// Whether the bot may delete a message: in groups others' only if it leads there.
    fn may_delete(&mut self, chat: i64, id: i64) -> Result<bool> {
        let chat = self.chat(chat);
        let leads = chat.bot_leads();
        let known = chat.place.known.get(&id);
        let known = known.ok_or_else(|| Failure::bad("message to delete not found"))?;
        let opens = known.get("forum_topic_created").is_some();
        Ok((leads || known["from"]["id"] == BOT) && !opens)
    }

    /// Removes a message. `false` if there is none.
    pub(in crate::fake_telegram) fn forget(&mut self, chat: i64, id: i64) -> bool {
        let place = &mut self.chat(chat).place;
        place.sent.retain(|sent| sent.id != id);
        place.known.remove(&id).is_some()
    }
}
