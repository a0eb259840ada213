//! Methods that tell about chats.

use super::{Result, number, target};
use crate::fake_telegram::{
    failure::Failure,
    state::{BOT, State},
};
use serde_json::{Map, Value, json};

pub(super) fn get(state: &mut State, values: &Map<String, Value>) -> Result<Value> {
    let (chat, _) = target(state, values)?;
    let mut shown = state.chat_json(chat);
    shown["accent_color_id"] = json!(0);
    shown["max_reaction_count"] = json!(11);
    shown["accepted_gift_types"] = json!({
        "unlimited_gifts": true, "limited_gifts": true, "unique_gifts": true,
        "premium_subscription": true, "gifts_from_channels": true,
    });
    Ok(shown)
}

pub(super) fn member(state: &mut State, values: &Map<String, Value>) -> Result<Value> {
    let (chat, _) = target(state, values)?;
    let id = number(values, "user_id").unwrap_or_default();
    let status = state.chat(chat).statuses.get(&id).cloned();
    let user = match (state.people.get(&id), id == BOT) {
        (Some(user), _) => user.json(),
        (None, true) => state.bot_json(),
        (None, false) => return Err(Failure::bad("user not found")),
    };
    Ok(shown_member(&user, status.as_deref().unwrap_or("member")))
}

pub(super) fn administrators(state: &mut State, values: &Map<String, Value>) -> Result<Value> {
    let (chat, _) = target(state, values)?;
    let statuses = state.chat(chat).statuses.clone();
    let leading = statuses.iter().filter_map(|(id, status)| {
        let leads = matches!(status.as_str(), "creator" | "administrator");
        let user = state.people.get(id).filter(|_| leads)?;
        Some(shown_member(&user.json(), status))
    });
    Ok(leading.collect())
}

/// A member as the server shows it.
pub(in crate::fake_telegram) fn shown_member(user: &Value, status: &str) -> Value {
    match status {
        "creator" => json!({"status": status, "user": user, "is_anonymous": false}),
        "kicked" => json!({"status": status, "user": user, "until_date": 0}),
        "administrator" => json!({
            "status": status, "user": user, "can_be_edited": false, "is_anonymous": false,
            "can_manage_chat": true, "can_delete_messages": true, "can_manage_video_chats": true,
            "can_restrict_members": true, "can_promote_members": false, "can_change_info": true,
            "can_invite_users": true, "can_post_stories": false, "can_edit_stories": false,
            "can_delete_stories": false, "can_send_welcome_messages": false,
        }),
        _ => json!({"status": status, "user": user}),
    }
}
