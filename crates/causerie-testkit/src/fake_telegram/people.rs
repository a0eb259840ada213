//! What people do.

use super::{
    FakeTelegram, Post, Sent,
    failure::Failure,
    methods::shown_member,
    state::{BOT, ChatKind, seconds},
};
use serde_json::{Value, json};
use std::time::Instant;

/// Somebody who uses Telegram.
#[derive(Clone, Debug)]
pub struct User {
    /// The id; of the private chat with them too.
    pub id: i64,
    /// The first name.
    pub name: String,
    /// The name with which they can be mentioned.
    pub username: Option<String>,
    /// The language of their program.
    pub language_code: Option<String>,
}

impl User {
    pub(super) fn json(&self) -> Value {
        let mut user = json!({"id": self.id, "is_bot": false, "first_name": self.name});
        if let Some(username) = &self.username {
            user["username"] = json!(username);
        }
        if let Some(language) = &self.language_code {
            user["language_code"] = json!(language);
        }
        user
    }
}

/// Who writes what a group itself says.
fn anonymous() -> Value {
    json!({
        "id": 1_087_968_824, "is_bot": true, "first_name": "Group",
        "username": "GroupAnonymousBot",
    })
}

/// What a button carries that has this text or carries just this.
fn data_of(markup: &Value, button: &str) -> String {
    let data = data_in(markup, button);
    data.unwrap_or_else(|| panic!("there is no button {button:?} in {markup}"))
}

fn data_in(markup: &Value, button: &str) -> Option<String> {
    let rows = markup["inline_keyboard"].as_array();
    let rows = rows.into_iter().flatten().filter_map(Value::as_array);
    let mut buttons = rows.flatten();
    let pressed = buttons.find(|one| one["text"] == button || one["callback_data"] == button);
    let data = pressed.and_then(|button| button["callback_data"].as_str());
    data.map(str::to_owned)
}

impl FakeTelegram {
    /// A user, and the private chat with them.
    pub fn user(&self, name: &str) -> User {
        let id = self.shared.state().fresh_person();
        self.add_user(User {
            id,
            name: name.to_owned(),
            username: Some(format!("{}_{id}", name.to_lowercase().replace(' ', "_"))),
            language_code: Some("en".to_owned()),
        })
    }

    /// Takes a user as they are, and makes the private chat with them.
    pub fn add_user(&self, user: User) -> User {
        let mut state = self.shared.state();
        state.add_chat(Some(user.id), ChatKind::Private, &user.name);
        state.people.insert(user.id, user.clone());
        user
    }

    /// A basic group. Gives its id, as the next ones do.
    pub fn group(&self, title: &str) -> i64 {
        self.shared.state().add_chat(None, ChatKind::Group, title)
    }

    /// A supergroup without topics.
    pub fn supergroup(&self, title: &str) -> i64 {
        self.shared
            .state()
            .add_chat(None, ChatKind::Supergroup, title)
    }

    /// A supergroup with topics.
    pub fn forum(&self, title: &str) -> i64 {
        self.shared.state().add_chat(None, ChatKind::Forum, title)
    }

    /// A topic of a forum, or of a private chat if the bot has topics. Gives its id. The bot is told.
    pub fn topic(&self, chat: i64, name: &str) -> i64 {
        let mut state = self.shared.state();
        let from = match state.people.get(&chat) {
            Some(user) => user.json(),
            None => anonymous(),
        };
        let (id, message) = state.add_topic(chat, name, &from);
        state.send("message", message);
        drop(state);
        self.shared.announce();
        id
    }

    /// Closes a topic. The bot is told.
    pub fn close_topic(&self, chat: i64, topic: i64) {
        let mut state = self.shared.state();
        let closed = state.chat(chat).topics.get_mut(&topic);
        closed.expect("the topic is there").closed = true;
        let mut message = state.message_json(chat, &anonymous(), Some(topic));
        message["forum_topic_closed"] = json!({});
        state.send("message", message);
        drop(state);
        self.shared.announce();
    }

    /// Removes a topic.
    pub fn remove_topic(&self, chat: i64, topic: i64) {
        self.shared.state().chat(chat).topics.remove(&topic);
    }

    /// A member's status, such as `administrator`; without this it is `member`.
    pub fn set_status(&self, chat: i64, user: &User, status: &str) {
        let mut state = self.shared.state();
        let statuses = &mut state.chat(chat).statuses;
        statuses.insert(user.id, status.to_owned());
    }

    /// Makes the bot an administrator of a group: it reads everything there.
    pub fn promote(&self, chat: i64) {
        let mut state = self.shared.state();
        let statuses = &mut state.chat(chat).statuses;
        statuses.insert(BOT, "administrator".to_owned());
    }

    /// Somebody writes. Gives the message's id.
    pub fn post(&self, post: Post) -> i64 {
        let id = self.shared.state().post(post);
        self.shared.announce();
        id
    }

    /// Somebody writes just a text. Gives the message's id.
    pub fn say(&self, chat: i64, from: &User, text: &str) -> i64 {
        self.post(Post::new(chat, from, text))
    }

    /// Somebody changes their message.
    pub fn edit(&self, chat: i64, message: i64, text: &str) {
        self.shared.state().rewrite(chat, message, None, text);
        self.shared.announce();
    }

    /// Somebody changes their message to a connected account.
    pub fn edit_business(&self, connection: &str, chat: i64, message: i64, text: &str) {
        let mut state = self.shared.state();
        state.rewrite(chat, message, Some(connection), text);
        drop(state);
        self.shared.announce();
    }

    /// Somebody removes a message. Telegram does not tell bots.
    pub fn remove(&self, chat: i64, message: i64) {
        self.shared.state().forget(chat, message);
    }

    /// Somebody presses a button below a message of the bot, found by its text or its data. Gives the
    /// query's id.
    ///
    /// # Panics
    /// If there is no such button.
    pub fn press(&self, user: &User, chat: i64, message: i64, button: &str) -> String {
        let shown = {
            let mut state = self.shared.state();
            let chat = state.chat(chat);
            let mut places = std::iter::once(&chat.place).chain(chat.business.values());
            places.find_map(|place| place.known.get(&message).cloned())
        };
        let shown = shown.unwrap_or_else(|| panic!("there is no message {message} in {chat}"));
        let mut query = json!({"chat_instance": format!("{chat}"), "message": shown});
        query["data"] = json!(data_of(&shown["reply_markup"], button));
        self.pressed(user, query)
    }

    /// Somebody presses a button that a message of the bot's had once: their program shows it still.
    /// Gives the query's id.
    ///
    /// # Panics
    /// If it never had such a button.
    pub fn press_late(&self, user: &User, chat: i64, message: &Sent, button: &str) -> String {
        let mut versions = message.versions.iter();
        let data = versions.find_map(|one| data_in(one.markup.as_ref()?, button));
        let data = data.unwrap_or_else(|| panic!("it never had a button {button:?}"));
        let shown = {
            let mut state = self.shared.state();
            let known = &state.chat(chat).place.known;
            known.get(&message.id).cloned()
        };
        let shown = shown.unwrap_or_else(|| panic!("there is no message {} in {chat}", message.id));
        let query = json!({"chat_instance": format!("{chat}"), "message": shown, "data": data});
        self.pressed(user, query)
    }

    /// Somebody presses a button below the bot's answer to a guest. Gives the query's id.
    ///
    /// # Panics
    /// If there is no such button.
    pub fn press_guest(&self, user: &User, guest: &str, button: &str) -> String {
        let inline = self.shared.state().guests.get(guest).cloned().flatten();
        let inline = inline.unwrap_or_else(|| panic!("guest {guest} was not answered"));
        let sent = self.guest_answer(guest).and_then(|sent| sent.markup);
        let data = data_of(&sent.unwrap_or_default(), button);
        let query = json!({"chat_instance": guest, "inline_message_id": inline, "data": data});
        self.pressed(user, query)
    }

    fn pressed(&self, user: &User, mut query: Value) -> String {
        let mut state = self.shared.state();
        let id = format!("{}", 8_000_000 + state.fresh());
        let until = Instant::now() + state.times.callback;
        state.queries.insert(id.clone(), until);
        query["id"] = json!(id);
        query["from"] = user.json();
        state.send("callback_query", query);
        drop(state);
        self.shared.announce();
        id
    }

    /// Somebody stops what the bot is writing in the private chat with them. Gives the draft's id.
    ///
    /// # Panics
    /// If nothing can be stopped.
    pub fn stop_draft(&self, user: &User) -> i64 {
        let mut state = self.shared.state();
        let life = state.times.draft;
        let drafts = &mut state.chat(user.id).drafts;
        let stopped = drafts
            .iter()
            .rposition(|draft| draft.can_stop && draft.at.elapsed() < life);
        let stopped = stopped.expect("a draft that can be stopped is shown");
        let draft = drafts[stopped].clone();
        if !draft.keep_on_stop {
            drafts.remove(stopped);
        }
        let mut told = json!({"chat": state.chat_json(user.id), "draft_id": draft.id});
        if let Some(thread) = draft.thread {
            told["message_thread_id"] = json!(thread);
        }
        state.send("stopped_message_generation", told);
        drop(state);
        self.shared.announce();
        draft.id
    }

    /// Somebody reacts to a message with an emoji. In groups the bot is told only if it leads there.
    pub fn react(&self, user: &User, chat: i64, message: i64, emoji: &str) {
        let mut state = self.shared.state();
        let told = json!({
            "chat": state.chat_json(chat), "message_id": message, "user": user.json(),
            "date": seconds(), "old_reaction": [],
            "new_reaction": [{"type": "emoji", "emoji": emoji}],
        });
        if state.chat(chat).bot_leads() {
            state.send("message_reaction", told);
        }
        drop(state);
        self.shared.announce();
    }

    /// A group becomes a supergroup. Gives its new id; the old one is refused from now on.
    pub fn migrate(&self, group: i64) -> i64 {
        let mut state = self.shared.state();
        let title = state.chat(group).title.clone();
        let new = state.add_chat(None, ChatKind::Supergroup, &title);
        let anonymous = anonymous();
        for (chat, field, other) in [
            (group, "migrate_to_chat_id", new),
            (new, "migrate_from_chat_id", group),
        ] {
            let mut message = state.message_json(chat, &anonymous, None);
            message[field] = json!(other);
            message["sender_chat"] = state.chat_json(chat);
            state.send("message", message);
        }
        state.chat(group).blocked = Some(Failure::migrated(new));
        drop(state);
        self.shared.announce();
        new
    }

    /// Somebody blocks the bot.
    pub fn block(&self, user: &User) {
        let failure = Failure::forbidden("bot was blocked by the user");
        self.standing(user.id, user, Some(failure));
    }

    /// Somebody lets the bot in again: into their private chat or into a group.
    pub fn admit(&self, chat: i64, user: &User) {
        self.standing(chat, user, None);
    }

    /// Somebody throws the bot out of a group.
    pub fn kick(&self, chat: i64, user: &User) {
        let failure = match self.shared.state().chat(chat).kind {
            ChatKind::Supergroup | ChatKind::Forum => {
                Failure::forbidden("bot was kicked from the supergroup chat")
            }
            _ => Failure::forbidden("bot was kicked from the group chat"),
        };
        self.standing(chat, user, Some(failure));
    }

    fn standing(&self, chat: i64, user: &User, blocked: Option<Failure>) {
        let mut state = self.shared.state();
        let bot = state.bot_json();
        let (old, new) = match blocked {
            Some(_) => ("member", "kicked"),
            None => ("kicked", "member"),
        };
        state.chat(chat).blocked = blocked;
        let told = json!({
            "chat": state.chat_json(chat), "from": user.json(), "date": seconds(),
            "old_chat_member": shown_member(&bot, old), "new_chat_member": shown_member(&bot, new),
        });
        state.send("my_chat_member", told);
        drop(state);
        self.shared.announce();
    }

    /// The bot may not write in a chat.
    pub fn restrict(&self, chat: i64) {
        self.shared.state().chat(chat).restricted = true;
    }

    /// Somebody connects the bot to their account. Gives the connection's id.
    pub fn connect_business(&self, owner: &User) -> String {
        let mut state = self.shared.state();
        let id = format!("BUSINESS-{}", state.fresh());
        let connection = json!({
            "id": id, "user": owner.json(), "user_chat_id": owner.id, "date": seconds(),
            "rights": {"can_reply": true, "can_read_messages": true}, "is_enabled": true,
        });
        state.connections.insert(id.clone(), connection.clone());
        state.send("business_connection", connection);
        drop(state);
        self.shared.announce();
        id
    }

    /// Somebody ends a connection.
    pub fn disconnect_business(&self, connection: &str) {
        let mut state = self.shared.state();
        let known = state.connections.get_mut(connection);
        let known = known.expect("the connection was made");
        known["is_enabled"] = json!(false);
        let known = known.clone();
        state.send("business_connection", known);
        drop(state);
        self.shared.announce();
    }
}
