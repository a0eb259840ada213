//! Answers that are being written, or were just now, and who watches them.
//!
//! What is here is a convenience: the store holds what was said. A room appears when somebody
//! watches a conversation or an answer begins in it, and goes when neither is so any more.

mod answer;

use crate::{
    metric,
    update::{Item, Update, status_word},
};
use answer::Answer;
use causerie_core::{
    Clock, Timestamp,
    id::{ConversationId, MessageRef},
    platform::{Action, Content, Receipt, Status},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::broadcast;

/// How long a sign such as "typing" lasts if it is not repeated.
pub(crate) const STATUS_LASTS: Duration = Duration::from_secs(15);
/// How many updates a slow page may be behind before it gets a snapshot instead.
const BACKLOG: usize = 128;
/// How many answers one room keeps; older finished ones go first.
const MOST_ANSWERS: usize = 16;
/// How many rooms there are at most, far more than can be watched: anybody can name conversations
/// without end.
const MOST_ROOMS: usize = 4096;
/// How long a finished answer stays, so that it is seen until history has it: a moment, as a rule. A
/// thousand of them are megabytes.
const FINISHED_STAYS: Duration = Duration::from_secs(3);
/// How long a line stays that says why a message has no answer. History never has it, and it holds
/// nothing that people wrote.
const REASON_STAYS: Duration = Duration::from_secs(600);
/// How long an unfinished answer stays that nobody goes on with.
const ABANDONED_STAYS: Duration = Duration::from_secs(3600);

/// All rooms.
pub(crate) struct Rooms {
    rooms: Mutex<HashMap<ConversationId, Arc<Mutex<Room>>>>,
    clock: Arc<dyn Clock>,
}

/// What is live in one conversation.
struct Room {
    /// Counts updates, so that a snapshot can say which ones it contains.
    seq: u64,
    answers: Vec<Answer>,
    status: Status,
    /// When the status was last shown.
    status_at: Timestamp,
    /// Only while somebody watches: its backlog takes more memory than all else in a room.
    updates: Option<broadcast::Sender<Numbered>>,
}

/// An update and its number in the room.
#[derive(Clone, Debug)]
pub(crate) struct Numbered {
    pub(crate) seq: u64,
    pub(crate) update: Arc<Update>,
}

/// What is live in a room at one moment.
pub(crate) struct LiveState {
    /// The last update it contains.
    pub(crate) seq: u64,
    pub(crate) status: &'static str,
    /// Each answer, and when it last changed.
    pub(crate) answers: Vec<(Item, Timestamp)>,
}

impl Rooms {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            rooms: Mutex::default(),
            clock,
        }
    }

    /// Every update of a conversation from now on.
    pub(crate) fn watch(&self, conversation: &ConversationId) -> broadcast::Receiver<Numbered> {
        lock(&self.entered(conversation)).watch()
    }

    /// Somebody stops to watch, and still holds their receiver. A room they leave empty goes at
    /// once, so that coming and going fills nothing.
    pub(crate) fn leave(&self, conversation: &ConversationId) {
        let mut rooms = lock(&self.rooms);
        let last = rooms.get(conversation).is_some_and(|shared| {
            let mut room = lock(shared);
            let alone = room.watchers() <= 1;
            if alone {
                room.updates = None;
            }
            is_unused(shared) && room.answers.is_empty() && alone
        });
        if last {
            rooms.remove(conversation);
        }
    }

    /// What is live now.
    pub(crate) fn state(&self, conversation: &ConversationId) -> LiveState {
        let now = self.clock.now();
        let Some(room) = self.known(conversation) else {
            return Room::new().state(now);
        };
        let mut room = lock(&room);
        room.forget_old(now);
        room.state(now)
    }

    /// Tells everybody who watches.
    pub(crate) fn tell(&self, conversation: &ConversationId, update: Update) {
        if let Some(room) = self.known(conversation) {
            lock(&room).tell(update);
        }
    }

    /// The conversation is gone for good.
    pub(crate) fn erase(&self, conversation: &ConversationId) {
        if let Some(room) = self.known(conversation) {
            let mut room = lock(&room);
            room.answers.clear();
            room.status = Status::Idle;
            room.tell(Update::Erased {});
        }
    }

    /// Does one step of a reply. Each step works on a message this process never heard of too: it
    /// may have begun in another one.
    pub(crate) fn perform(&self, conversation: &ConversationId, action: &Action) -> Receipt {
        let now = self.clock.now();
        lock(&self.entered(conversation)).perform(action, now)
    }

    /// Drops what is old and the rooms with nothing in them.
    pub(crate) fn sweep(&self) {
        let now = self.clock.now();
        let mut rooms = lock(&self.rooms);
        rooms.retain(|_, shared| {
            let mut room = lock(shared);
            room.forget_old(now);
            let watched = room.watchers() > 0;
            watched || !room.answers.is_empty() || !is_unused(shared)
        });
        metric::rooms(rooms.len());
    }

    fn known(&self, conversation: &ConversationId) -> Option<Arc<Mutex<Room>>> {
        lock(&self.rooms).get(conversation).cloned()
    }

    /// The room of a conversation, new if there was none.
    fn entered(&self, conversation: &ConversationId) -> Arc<Mutex<Room>> {
        let mut rooms = lock(&self.rooms);
        if rooms.len() >= MOST_ROOMS && !rooms.contains_key(conversation) {
            give_one_up(&mut rooms);
        }
        let room = rooms.entry(conversation.clone());
        Arc::clone(room.or_insert_with(|| Arc::new(Mutex::new(Room::new()))))
    }
}

/// Drops the room that is missed least: nobody watches, nothing grows, and it is quiet for longest.
fn give_one_up(rooms: &mut HashMap<ConversationId, Arc<Mutex<Room>>>) {
    let missed = |shared: &Arc<Mutex<Room>>| {
        let room = lock(shared);
        let unwatched = is_unused(shared) && room.watchers() == 0;
        unwatched.then(|| (room.grows(), room.touched()))
    };
    let least = rooms
        .iter()
        .filter_map(|(name, shared)| Some((missed(shared)?, name)))
        .min();
    if let Some(name) = least.map(|(_, name)| name.clone()) {
        rooms.remove(&name);
    }
}

/// Whether nobody is about to do something with a room. Asked while all rooms are locked, so that
/// nobody can begin to.
fn is_unused(shared: &Arc<Mutex<Room>>) -> bool {
    Arc::strong_count(shared) == 1
}

/// A panic while a room was locked leaves at worst one answer half updated; the next whole edit
/// mends it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Room {
    fn new() -> Self {
        Self {
            seq: 0,
            answers: Vec::new(),
            status: Status::Idle,
            status_at: Timestamp::default(),
            updates: None,
        }
    }

    fn watch(&mut self) -> broadcast::Receiver<Numbered> {
        let updates = self
            .updates
            .get_or_insert_with(|| broadcast::Sender::new(BACKLOG));
        updates.subscribe()
    }

    fn watchers(&self) -> usize {
        self.updates
            .as_ref()
            .map_or(0, broadcast::Sender::receiver_count)
    }

    fn grows(&self) -> bool {
        !self.answers.iter().all(Answer::is_complete)
    }

    fn touched(&self) -> Timestamp {
        let answers = self.answers.iter().map(Answer::touched);
        answers.fold(self.status_at, Timestamp::max)
    }

    fn state(&self, now: Timestamp) -> LiveState {
        let answers = self.answers.iter();
        LiveState {
            seq: self.seq,
            status: status_word(self.status_now(now)),
            answers: answers
                .map(|answer| (answer.item(), answer.touched()))
                .collect(),
        }
    }

    fn tell(&mut self, update: Update) {
        self.seq += 1;
        let numbered = Numbered {
            seq: self.seq,
            update: Arc::new(update),
        };
        // Nobody watching is no error: who comes later gets a snapshot.
        if self.watchers() == 0
            || self
                .updates
                .as_ref()
                .is_none_or(|to| to.send(numbered).is_err())
        {
            self.updates = None;
        }
    }

    fn perform(&mut self, action: &Action, now: Timestamp) -> Receipt {
        match action {
            Action::Post {
                nonce,
                reply_to,
                content,
            } => {
                let message = answer::name(nonce);
                self.replace(&message, reply_to.as_ref(), content, now);
                return Receipt {
                    message: Some(message),
                };
            }
            Action::OpenStream { nonce, reply_to } => {
                let message = answer::name(nonce);
                self.open(&message, reply_to.as_ref(), now);
                return Receipt {
                    message: Some(message),
                };
            }
            Action::Preview { nonce, content } => {
                self.replace(&answer::name(nonce), None, content, now);
            }
            Action::Edit { message, content } | Action::CloseStream { message, content } => {
                self.replace(message, None, content, now);
            }
            Action::Append {
                message,
                offset,
                text,
            } => {
                let change = self
                    .answer(message, None, now)
                    .append(*offset, text.expose(), now);
                if let Some(change) = change {
                    self.tell(Update::Answer(change));
                }
            }
            Action::Delete { message } => self.remove(message),
            Action::Status { status } => self.show(*status, now),
        }
        Receipt::default()
    }

    fn open(&mut self, message: &MessageRef, reply_to: Option<&MessageRef>, now: Timestamp) {
        let change = self.answer(message, reply_to, now).whole();
        self.tell(Update::Answer(change));
    }

    fn replace(
        &mut self,
        message: &MessageRef,
        reply_to: Option<&MessageRef>,
        content: &Content,
        now: Timestamp,
    ) {
        if content.complete {
            // Nobody needs to say so besides.
            self.status = Status::Idle;
        }
        let change = self.answer(message, reply_to, now).replace(content, now);
        self.tell(Update::Answer(change));
    }

    fn remove(&mut self, message: &MessageRef) {
        self.answers.retain(|answer| answer.message() != message);
        self.tell(Update::Gone {
            id: message.clone(),
        });
    }

    /// The sign is passed on each time it is repeated, so that the page too can let it expire.
    fn show(&mut self, status: Status, now: Timestamp) {
        self.status = status;
        self.status_at = now;
        self.tell(Update::Status {
            status: status_word(status),
        });
    }

    fn status_now(&self, now: Timestamp) -> Status {
        if now.since(self.status_at) < STATUS_LASTS {
            self.status
        } else {
            Status::Idle
        }
    }

    /// The answer called `message`, new if it was not known.
    fn answer(
        &mut self,
        message: &MessageRef,
        reply_to: Option<&MessageRef>,
        now: Timestamp,
    ) -> &mut Answer {
        let known = self
            .answers
            .iter()
            .position(|answer| answer.message() == message);
        let at = known.unwrap_or_else(|| {
            self.make_room();
            self.answers
                .push(Answer::new(message.clone(), reply_to.cloned(), now));
            self.answers.len() - 1
        });
        &mut self.answers[at]
    }

    fn make_room(&mut self) {
        if self.answers.len() >= MOST_ANSWERS {
            let finished = self.answers.iter().position(Answer::is_complete);
            self.answers.remove(finished.unwrap_or(0));
        }
    }

    fn forget_old(&mut self, now: Timestamp) {
        self.answers.retain(|answer| {
            let stays = match (answer.is_complete(), answer.is_reason()) {
                (false, _) => ABANDONED_STAYS,
                (true, false) => FINISHED_STAYS,
                (true, true) => REASON_STAYS,
            };
            now.since(answer.touched()) < stays
        });
    }
}

#[cfg(test)]
mod tests;
