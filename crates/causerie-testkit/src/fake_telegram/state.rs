//! What the server knows.

use super::{
    Action, Answered, Call, Draft, Fault, Limits, Sent, Times, User, failure::Failure,
    limits::Buckets, request::Upload, updates::Updates, webhook::Webhook,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime, UNIX_EPOCH},
};
use tokio::sync::Notify;

/// The bot's id.
pub(super) const BOT: i64 = 4242;
/// The bot's name.
pub(super) const USERNAME: &str = "causerie_bot";

/// What the server and the test share.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Something changed for those who wait for updates.
    pub(super) arrived: Notify,
    /// Something changed for the webhook.
    pub(super) deliver: Notify,
    /// Something changed that belongs to no chat.
    pub(super) changed: Arc<Notify>,
}

pub(super) struct State {
    pub(super) token: String,
    pub(super) bot: Value,
    pub(super) chats: HashMap<i64, Chat>,
    pub(super) people: HashMap<i64, User>,
    pub(super) connections: HashMap<String, Value>,
    pub(super) updates: Updates,
    pub(super) webhook: Option<Webhook>,
    pub(super) calls: Vec<Call>,
    pub(super) violations: Vec<String>,
    pub(super) answered: Vec<Answered>,
    /// Until when callback queries can be answered.
    pub(super) queries: HashMap<String, Instant>,
    /// Guest queries, and the inline message that answered each.
    pub(super) guests: HashMap<String, Option<String>>,
    pub(super) inline: HashMap<String, Arc<Sent>>,
    pub(super) files: HashMap<String, Stored>,
    pub(super) commands: BTreeMap<(String, String), Value>,
    pub(super) profile: BTreeMap<(String, String), String>,
    pub(super) faults: HashMap<String, VecDeque<Fault>>,
    pub(super) missing: BTreeSet<String>,
    pub(super) limits: Limits,
    pub(super) buckets: Buckets,
    pub(super) times: Times,
    next_message: i64,
    next_person: i64,
    next_name: u64,
}

/// A file that the server keeps.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) path: String,
    pub(super) upload: Upload,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChatKind {
    Private,
    Group,
    Supergroup,
    Forum,
}

pub(super) struct Chat {
    pub(super) id: i64,
    pub(super) kind: ChatKind,
    pub(super) title: String,
    pub(super) topics: BTreeMap<i64, Topic>,
    pub(super) place: Place,
    /// Messages on behalf of others, by their connection.
    pub(super) business: HashMap<String, Place>,
    pub(super) blocked: Option<Failure>,
    pub(super) restricted: bool,
    pub(super) drafts: Vec<Draft>,
    pub(super) actions: Vec<Action>,
    pub(super) statuses: HashMap<i64, String>,
    pub(super) changed: Arc<Notify>,
    next_message: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) closed: bool,
}

/// The messages of a chat.
#[derive(Default)]
pub(super) struct Place {
    /// All of them, as the server shows them.
    pub(super) known: BTreeMap<i64, Value>,
    /// The bot's, in the order in which they were sent.
    pub(super) sent: Vec<Arc<Sent>>,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State::new()),
            arrived: Notify::new(),
            deliver: Notify::new(),
            changed: Arc::new(Notify::new()),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A test that fails while it holds the state says so itself.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Updates were added.
    pub(super) fn announce(&self) {
        self.arrived.notify_waiters();
        self.deliver.notify_one();
        self.changed.notify_waiters();
    }
}

impl State {
    fn new() -> Self {
        let bot = json!({
            "id": BOT, "is_bot": true, "first_name": "Causerie", "username": USERNAME,
            "can_join_groups": true, "can_read_all_group_messages": false,
            "supports_inline_queries": false, "can_connect_to_business": false,
            "has_main_web_app": false, "has_topics_enabled": false,
            "allows_users_to_create_topics": false, "supports_guest_queries": true,
            "can_manage_bots": false, "supports_join_request_queries": false,
        });
        Self {
            token: format!("{BOT}:TEST-TOKEN-of-the-fake-server-00000"),
            bot,
            chats: HashMap::new(),
            people: HashMap::new(),
            connections: HashMap::new(),
            updates: Updates::default(),
            webhook: None,
            calls: vec![],
            violations: vec![],
            answered: vec![],
            queries: HashMap::new(),
            guests: HashMap::new(),
            inline: HashMap::new(),
            files: HashMap::new(),
            commands: BTreeMap::new(),
            profile: BTreeMap::new(),
            faults: HashMap::new(),
            missing: BTreeSet::new(),
            limits: Limits::default(),
            buckets: Buckets::default(),
            times: Times::default(),
            next_message: 1,
            next_person: 1001,
            next_name: 1,
        }
    }

    /// A number that nothing else has: for names.
    pub(super) fn fresh(&mut self) -> u64 {
        self.next_name += 1;
        self.next_name
    }

    pub(super) fn fresh_person(&mut self) -> i64 {
        self.next_person += 1;
        self.next_person
    }

    /// Adds a chat. Without an id it gets one as its kind has them.
    pub(super) fn add_chat(&mut self, id: Option<i64>, kind: ChatKind, title: &str) -> i64 {
        let number = i64::try_from(self.fresh()).unwrap_or_default();
        let id = id.unwrap_or(match kind {
            ChatKind::Private => number,
            ChatKind::Group => -500_000 - number,
            ChatKind::Supergroup | ChatKind::Forum => -1_001_000_000_000 - number,
        });
        let chat = Chat {
            id,
            kind,
            title: title.to_owned(),
            topics: BTreeMap::new(),
            place: Place::default(),
            business: HashMap::new(),
            blocked: None,
            restricted: false,
            drafts: vec![],
            actions: vec![],
            statuses: HashMap::new(),
            changed: Arc::new(Notify::new()),
            next_message: 1,
        };
        self.chats.insert(id, chat);
        id
    }

    /// A chat of the test's.
    pub(super) fn chat(&mut self, id: i64) -> &mut Chat {
        let chat = self.chats.get_mut(&id);
        chat.unwrap_or_else(|| panic!("there is no chat {id}"))
    }

    /// The next message's id: private chats and groups share a counter, supergroups have their own.
    pub(super) fn message_id(&mut self, chat: i64) -> i64 {
        let chat = self.chat(chat);
        let counter = match chat.kind {
            ChatKind::Private | ChatKind::Group => &mut self.next_message,
            ChatKind::Supergroup | ChatKind::Forum => &mut chat.next_message,
        };
        *counter += 1;
        *counter - 1
    }

    /// A chat as the server shows it.
    pub(super) fn chat_json(&self, id: i64) -> Value {
        let chat = &self.chats[&id];
        match chat.kind {
            ChatKind::Private => {
                let mut shown = json!({"id": id, "type": "private", "first_name": chat.title});
                let person = self.people.get(&id);
                if let Some(username) = person.and_then(|person| person.username.as_ref()) {
                    shown["username"] = json!(username);
                }
                shown
            }
            ChatKind::Group => json!({"id": id, "type": "group", "title": chat.title}),
            ChatKind::Supergroup => json!({"id": id, "type": "supergroup", "title": chat.title}),
            ChatKind::Forum => {
                json!({"id": id, "type": "supergroup", "title": chat.title, "is_forum": true})
            }
        }
    }

    /// The bot as messages show it.
    pub(super) fn bot_json(&self) -> Value {
        json!({
            "id": self.bot["id"], "is_bot": true,
            "first_name": self.bot["first_name"], "username": self.bot["username"],
        })
    }

    /// A message with what each has.
    pub(super) fn message_json(&mut self, chat: i64, from: &Value, thread: Option<i64>) -> Value {
        let id = self.message_id(chat);
        let mut message = json!({
            "message_id": id, "from": from, "chat": self.chat_json(chat), "date": seconds(),
        });
        if let Some(thread) = thread {
            message["message_thread_id"] = json!(thread);
            if self.chat(chat).topics.contains_key(&thread) {
                message["is_topic_message"] = json!(true);
            }
        }
        message
    }

    /// Keeps a file and gives the id under which it can be asked for.
    pub(super) fn keep(&mut self, folder: &str, upload: Upload) -> String {
        let number = self.fresh();
        let extension = upload.name.rsplit_once('.');
        let extension = extension.map_or("bin", |(_, extension)| extension);
        let path = format!("{folder}/file_{number}.{extension}");
        let id = format!("FILE-{number}-{folder}");
        self.files.insert(id.clone(), Stored { path, upload });
        id
    }
}

impl Chat {
    /// Whether the bot may do there what administrators may.
    pub(super) fn bot_leads(&self) -> bool {
        let status = self.statuses.get(&BOT).map(String::as_str);
        self.kind == ChatKind::Private || matches!(status, Some("administrator" | "creator"))
    }

    /// The messages of the bot's own account or those on behalf of another.
    pub(super) fn place(&mut self, business: Option<&str>) -> &mut Place {
        match business {
            None => &mut self.place,
            Some(connection) => self.business.entry(connection.to_owned()).or_default(),
        }
    }
}

impl Place {
    /// The bot's message with this id.
    pub(super) fn sent(&mut self, id: i64) -> Option<&mut Sent> {
        let sent = self.sent.iter_mut().rev().find(|sent| sent.id == id)?;
        Some(Arc::make_mut(sent))
    }

    /// A message as one that answers it shows it: without what that one answers.
    pub(super) fn quoted(&self, id: i64) -> Option<Value> {
        let mut message = self.known.get(&id)?.clone();
        message.as_object_mut()?.remove("reply_to_message");
        Some(message)
    }
}

/// Now, in seconds of the usual epoch.
pub(super) fn seconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
