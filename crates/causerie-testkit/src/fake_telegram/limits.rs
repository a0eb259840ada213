//! How often a bot may send, and faults on demand.

use super::state::{ChatKind, State};
use serde_json::Value;
use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

/// So many calls in such a time.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// How many.
    pub calls: usize,
    /// In which time.
    pub per: Duration,
}

impl Rate {
    /// So many calls in such a time.
    pub const fn new(calls: usize, per: Duration) -> Self {
        Self { calls, per }
    }
}

/// How often a bot may send and edit messages. What is `None` is not limited.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// In one private chat.
    pub per_chat: Option<Rate>,
    /// In one group.
    pub per_group: Option<Rate>,
    /// In all chats together.
    pub overall: Option<Rate>,
    /// Drafts in one chat; they count for nothing else.
    pub drafts: Option<Rate>,
}

impl Limits {
    /// What Telegram's own answers to questions say: one message a second in a chat, twenty a minute
    /// in a group, thirty a second in all.
    pub const fn documented() -> Self {
        let second = Duration::from_secs(1);
        Self {
            per_chat: Some(Rate::new(1, second)),
            per_group: Some(Rate::new(20, Duration::from_secs(60))),
            overall: Some(Rate::new(30, second)),
            drafts: None,
        }
    }
}

/// What goes wrong with a call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Nothing is done; 429, to try again after so many seconds.
    TooMany {
        /// How many.
        retry_after: u64,
    },
    /// Nothing is done; a status without more.
    Status(u16),
    /// It is done, but the connection ends without an answer.
    DoneThenDrop,
    /// Nothing is done, and the connection ends without an answer.
    DropBefore,
    /// Nothing is done, and no answer comes.
    Hang,
    /// It is done, but the answer takes so long.
    Late(Duration),
    /// Nothing is done; this code and this description.
    Reply(u16, String),
}

/// When calls that count were made.
#[derive(Default)]
pub(super) struct Buckets {
    calls: HashMap<(bool, Option<i64>), VecDeque<Instant>>,
}

impl State {
    /// How many seconds a call has to wait. If it has not, it counts.
    pub(super) fn limited(&mut self, method: &str, chat: &Value) -> Option<u64> {
        let sends = method.starts_with("send") && method != "sendChatAction";
        if !sends && !method.starts_with("edit") {
            return None;
        }
        let chat = chat.as_i64()?;
        let draft = method.ends_with("Draft");
        let private = self.chats.get(&chat)?.kind == ChatKind::Private;
        let Limits {
            per_chat,
            per_group,
            overall,
            drafts,
        } = self.limits;
        let of_chat = if draft {
            drafts
        } else if private {
            per_chat
        } else {
            per_group
        };
        let rates = [
            ((draft, Some(chat)), of_chat),
            ((draft, None), overall.filter(|_| !draft)),
        ];
        let now = Instant::now();
        let mut wait = Duration::ZERO;
        for (key, rate) in rates {
            let Some(rate) = rate else { continue };
            let calls = self.buckets.calls.entry(key).or_default();
            while calls.front().is_some_and(|at| now - *at >= rate.per) {
                calls.pop_front();
            }
            if calls.len() >= rate.calls {
                let first = calls.front().map_or(now, |at| *at);
                wait = wait.max((first + rate.per).saturating_duration_since(now));
                wait = wait.max(Duration::from_millis(1));
            }
        }
        if wait.is_zero() {
            for (key, rate) in rates {
                if rate.is_some() {
                    self.buckets.calls.entry(key).or_default().push_back(now);
                }
            }
            return None;
        }
        Some(wait.as_millis().div_ceil(1000) as u64)
    }
}
