//! Budgets: how much of something may be used in a window of time.

use crate::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// At most `amount` of `unit` in each `window`, for each `scope`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// For whom it counts.
    pub scope: LimitScope,
    /// What is counted.
    pub unit: LimitUnit,
    /// How much.
    pub amount: u64,
    /// In which time.
    pub window: Window,
    /// Only participants with one of these roles are under the limit; everybody, if empty. With
    /// [`LimitScope::Role`] these are the roles that have a budget each.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Participants with one of these roles are not under it.
    #[serde(default)]
    pub except: Vec<String>,
}

impl Limit {
    /// A limit for everybody.
    pub fn new(scope: LimitScope, unit: LimitUnit, amount: u64, window: Window) -> Self {
        Self {
            scope,
            unit,
            amount,
            window,
            roles: vec![],
            except: vec![],
        }
    }

    /// Whether it counts for a participant who has the roles `has`.
    pub fn applies_to(&self, has: &[String]) -> bool {
        let any = |of: &[String]| of.iter().any(|role| has.contains(role));
        let meant = match self.scope {
            LimitScope::Role => any(&self.roles),
            _ => self.roles.is_empty() || any(&self.roles),
        };
        meant && !any(&self.except)
    }
}

/// For whom a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitScope {
    /// Each participant, wherever they speak on one platform.
    Participant,
    /// Each conversation.
    Conversation,
    /// Each place on a platform, whichever conversations go on in it.
    Place,
    /// All who have a role on one platform, together: one budget for each of [`Limit::roles`]. Who
    /// has several of them draws on all of these.
    Role,
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
    /// What models cost, in millionths of the currency of the operator's price table. Models
    /// without a price cost nothing.
    Money,
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
    /// From the first day of a month to the first of the next.
    Month,
}

impl Window {
    /// When the window that holds `now` began.
    pub fn start(self, now: Timestamp) -> Timestamp {
        let even = |millis: i64| Timestamp(now.0.div_euclid(millis) * millis);
        match self {
            Window::Minute => even(60_000),
            Window::Hour => even(3_600_000),
            Window::Day => even(DAY),
            Window::Month => first_of_month(now).unwrap_or_else(|| even(31 * DAY)),
        }
    }

    /// When the window that holds `now` ends and the next begins.
    pub fn end(self, now: Timestamp) -> Timestamp {
        let start = self.start(now).0;
        Timestamp(match self {
            Window::Minute => start + 60_000,
            Window::Hour => start + 3_600_000,
            Window::Day => start + DAY,
            // The first of a month and 31 days lie in the next month, whatever its length.
            Window::Month => Window::Month.start(Timestamp(start + 31 * DAY)).0,
        })
    }
}

/// A day in milliseconds.
const DAY: i64 = 86_400_000;

/// `None` beyond the years that have four digits.
fn first_of_month(now: Timestamp) -> Option<Timestamp> {
    let now = jiff::Timestamp::from_millisecond(now.0).ok()?;
    let first = TimeZone::UTC.to_datetime(now).first_of_month();
    let start = TimeZone::UTC.to_timestamp(first.start_of_day()).ok()?;
    Some(Timestamp(start.as_millisecond()))
}

/// A wish to use some of a budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Whose budget of what in which time: `WHOSE/UNIT/WINDOW`, such as
    /// `participant/telegram/42/messages/hour`. Charges of one key are charges of one budget. Holds
    /// no text of people.
    ///
    /// | scope | whose |
    /// |---|---|
    /// | participant | `participant/PLATFORM/…` |
    /// | conversation | `conversation/PLATFORM/…` |
    /// | place | `place/PLATFORM/…` |
    /// | role | `role/PLATFORM/ROLE`, a role that the configuration names |
    /// | platform | `platform/PLATFORM` |
    ///
    /// A shared budget that is not for everybody says so behind it: `/only:ROLE+ROLE`,
    /// `/except:ROLE`. `told/KEY/CONVERSATION` is the mark that a refusal was told there: a budget
    /// of one in the same window.
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
    use proptest::prelude::*;

    const ALL: [Window; 4] = [Window::Minute, Window::Hour, Window::Day, Window::Month];

    proptest! {
        #[test]
        fn windows_hold_the_present_and_follow_each_other(
            now in -10_000_000_000_000_i64..200_000_000_000_000,
            window in prop::sample::select(ALL.as_slice()),
        ) {
            let now = Timestamp(now);
            let (start, end) = (window.start(now), window.end(now));
            prop_assert!(start <= now && now < end);
            prop_assert_eq!(window.start(start), start);
            prop_assert_eq!(window.start(end), end);
            prop_assert_eq!(window.start(Timestamp(end.0 - 1)), start);
        }
    }

    #[test]
    fn roles_let_in_and_take_out() {
        let roles = |names: &[&str]| -> Vec<String> { names.iter().map(|&n| n.into()).collect() };
        let limit = |scope, only: &[&str], except: &[&str]| Limit {
            roles: roles(only),
            except: roles(except),
            ..Limit::new(scope, LimitUnit::Messages, 1, Window::Hour)
        };
        use LimitScope::{Participant, Role};
        for (limit, has, applies) in [
            (limit(Participant, &[], &[]), &[][..], true),
            (limit(Participant, &["vip"], &[]), &[], false),
            (limit(Participant, &["vip"], &[]), &["vip", "mod"], true),
            (limit(Participant, &[], &["vip"]), &["mod"], true),
            (limit(Participant, &[], &["vip"]), &["vip"], false),
            (
                limit(Participant, &["mod"], &["vip"]),
                &["vip", "mod"],
                false,
            ),
            (limit(Role, &["mod"], &[]), &["mod"], true),
            (limit(Role, &[], &[]), &["mod"], false),
        ] {
            assert_eq!(limit.applies_to(&roles(has)), applies, "{limit:?} {has:?}");
        }
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let at = |text: &str| Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        for (now, start, end) in [
            (
                "2028-02-29T23:59:59Z",
                "2028-02-01T00:00:00Z",
                "2028-03-01T00:00:00Z",
            ),
            (
                "2026-12-31T12:00:00Z",
                "2026-12-01T00:00:00Z",
                "2027-01-01T00:00:00Z",
            ),
        ] {
            assert_eq!(Window::Month.start(at(now)), at(start));
            assert_eq!(Window::Month.end(at(now)), at(end));
        }
    }
}
