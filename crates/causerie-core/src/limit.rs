//! Budgets: how much of something may be used in a window of time.

use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// At most `amount` of `unit` in each `window`, for each `scope`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// For whom it counts.
    pub scope: LimitScope,
    /// What is counted.
    pub unit: LimitUnit,
    /// How much.
    pub amount: u64,
    /// In which time.
    pub window: Window,
}

/// For whom a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitScope {
    /// Each participant, wherever they speak on one platform.
    Participant,
    /// Each conversation.
    Conversation,
    /// All of one platform.
    Platform,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitUnit {
    /// Messages that want an answer.
    Messages,
    /// Tokens of prompts and completions together.
    Tokens,
}

/// A window of time, aligned to UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Window {
    /// From full minute to full minute.
    Minute,
    /// From full hour to full hour.
    Hour,
    /// From midnight to midnight.
    Day,
}

impl Window {
    /// Its length in milliseconds.
    pub fn millis(self) -> i64 {
        match self {
            Window::Minute => 60_000,
            Window::Hour => 3_600_000,
            Window::Day => 86_400_000,
        }
    }

    /// When the window that holds `now` began.
    pub fn start(self, now: Timestamp) -> Timestamp {
        Timestamp(now.0.div_euclid(self.millis()) * self.millis())
    }

    /// When the window that holds `now` ends and the next begins.
    pub fn end(self, now: Timestamp) -> Timestamp {
        Timestamp(self.start(now).0 + self.millis())
    }
}

/// A wish to use some of a budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Whose budget: for example `participant/telegram/42/messages/hour`. Holds no text of people.
    pub key: String,
    /// How much the budget holds.
    pub capacity: u64,
    /// In which time.
    pub window: Window,
    /// How much is wanted.
    pub amount: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_aligned_and_hold_the_present() {
        for window in [Window::Minute, Window::Hour, Window::Day] {
            for now in [Timestamp(0), Timestamp(-1), Timestamp(1_700_000_123_456)] {
                assert!(window.start(now) <= now && now < window.end(now));
                assert_eq!(window.start(now).0.rem_euclid(window.millis()), 0);
            }
        }
    }
}
