//! How often we may speak: one budget for each chat and one for the bot, shared by messages, edits
//! and drafts.
//!
//! Telegram tells no exact limits, only when we are above them and for how long we must be silent.
//! So what is final goes at once, until it is refused: then nothing goes to that chat before the
//! second that was named, and for a while afterwards no faster than Telegram's rule of thumb (a
//! message a second, twenty a minute in groups). Chats that are refused together mean the bot as a
//! whole: then all wait, and go on at thirty a second. What only shows that something grows has a
//! pace of its own from the beginning, and gives way to what is final.
//!
//! Nobody sleeps here: whoever is too early is told when to come back.
//!
//! Source of the rules of thumb: <https://core.telegram.org/bots/faq>.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// What is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// A message in its last form, or the first words of one.
    Final,
    /// What grows: a preview or an edit.
    Growing,
    /// A sign of being at work.
    Sign,
}

/// For so long after a refusal a chat or the bot is held to the rules of thumb.
const CAREFUL: Duration = Duration::from_secs(60);
/// In private chats: the least time between two messages while we are careful.
const PRIVATE_GAP: Duration = Duration::from_millis(1000);
/// In groups.
const GROUP_GAP: Duration = Duration::from_millis(3000);
/// Between two things that grow in one chat.
const PRIVATE_GROWING: Duration = Duration::from_millis(400);
/// In groups.
const GROUP_GROWING: Duration = Duration::from_millis(3000);
/// While the bot is careful: the least time between two messages, wherever.
const BOT_GAP: Duration = Duration::from_millis(34);
/// The least time between two things that grow, wherever.
const BOT_GROWING: Duration = Duration::from_millis(40);
/// So many chats refused within [`TOGETHER`] mean the bot.
const MANY: usize = 3;
/// See [`MANY`].
const TOGETHER: Duration = Duration::from_secs(1);
/// Chats that are remembered. Those beyond have no pace until others are forgotten.
const MOST: usize = 20_000;

/// The budgets of one bot.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    chats: HashMap<i64, Lane>,
    bot: Lane,
    /// Chats that were refused lately.
    refused: Vec<(i64, Instant)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Lane {
    /// Nothing before this.
    silent: Option<Instant>,
    /// Rules of thumb until this.
    careful: Option<Instant>,
    /// The time of the last message; of the bot's, or the last one that was promised.
    last: Option<Instant>,
    /// When a message that came too early was told to come back.
    promised: Option<Instant>,
    /// The last thing that grew.
    grew: Option<Instant>,
}

impl Lane {
    /// When something of this weight may go, and whether anything keeps it.
    fn free(&self, weight: Weight, gap: Duration, growing: Duration, now: Instant) -> Instant {
        let careful = self.careful.is_some_and(|until| now < until);
        let after = |last: Option<Instant>, gap: Duration| last.map(|last| last + gap);
        let paced = match weight {
            Weight::Final if careful => after(self.last, gap),
            Weight::Final => None,
            Weight::Growing | Weight::Sign => after(self.grew.max(self.last), growing),
        };
        paced.into_iter().chain(self.silent).fold(now, Instant::max)
    }

    fn went(&mut self, weight: Weight, now: Instant) {
        match weight {
            Weight::Final => self.last = self.last.max(Some(now)),
            Weight::Growing => self.grew = Some(now),
            // What grows may follow a sign at once.
            Weight::Sign => {}
        }
    }

    fn refused(&mut self, until: Instant, now: Instant) {
        self.silent = self.silent.max(Some(until));
        self.careful = Some(until.max(now) + CAREFUL);
    }

    fn is_idle(&self, now: Instant) -> bool {
        let recent = |at: Option<Instant>| at.is_some_and(|at| now < at + GROUP_GAP);
        let ahead = |at: Option<Instant>| at.is_some_and(|at| now < at);
        !(recent(self.last)
            || recent(self.grew)
            || ahead(self.silent)
            || ahead(self.careful)
            || ahead(self.promised))
    }
}

impl Pace {
    /// Takes room for something to `chat`, or says after how long to come back.
    pub(crate) fn take(&self, chat: i64, weight: Weight, now: Instant) -> Result<(), Duration> {
        let mut state = self.state();
        let (gap, growing) = match chat > 0 {
            true => (PRIVATE_GAP, PRIVATE_GROWING),
            false => (GROUP_GAP, GROUP_GROWING),
        };
        let lane = state.chats.get(&chat).copied().unwrap_or_default();
        let promised = lane.promised.filter(|_| weight == Weight::Final);
        let of_bot = match promised {
            // Everybody has a turn of their own, so that those who wait do not all come together.
            Some(promised) => promised.max(state.bot.silent.unwrap_or(now)),
            None => state.bot.free(weight, BOT_GAP, BOT_GROWING, now),
        };
        let free = lane.free(weight, gap, growing, now).max(of_bot);
        if free > now {
            if weight == Weight::Final && promised.is_none() && of_bot > now {
                state.bot.last = state.bot.last.max(Some(of_bot));
                state.chats.entry(chat).or_default().promised = Some(of_bot);
            }
            return Err(free - now);
        }
        if promised.is_some() {
            state.chats.entry(chat).or_default().promised = None;
        } else {
            state.bot.went(weight, now);
        }
        if state.chats.len() >= MOST {
            state.chats.retain(|_, lane| !lane.is_idle(now));
        }
        if state.chats.len() < MOST || state.chats.contains_key(&chat) {
            state.chats.entry(chat).or_default().went(weight, now);
        }
        Ok(())
    }

    /// Telegram refused something to `chat` for so long.
    pub(crate) fn refused(&self, chat: i64, wait: Duration, now: Instant) {
        let mut state = self.state();
        let until = now + wait;
        state.chats.entry(chat).or_default().refused(until, now);
        state
            .refused
            .retain(|(other, at)| *other != chat && now < *at + TOGETHER);
        state.refused.push((chat, now));
        if state.refused.len() >= MANY {
            state.refused.clear();
            state.bot.refused(until, now);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_final_goes_at_once_until_it_is_refused() {
        let (pace, now) = (Pace::default(), Instant::now());
        for _ in 0..100 {
            assert_eq!(pace.take(5, Weight::Final, now), Ok(()));
        }
        pace.refused(5, secs(7), now);
        assert_eq!(pace.take(5, Weight::Final, now + secs(2)), Err(secs(5)));
        assert_eq!(pace.take(6, Weight::Final, now + secs(2)), Ok(()));
        let then = now + secs(7);
        assert_eq!(pace.take(5, Weight::Final, then), Ok(()));
        assert_eq!(pace.take(5, Weight::Final, then), Err(PRIVATE_GAP));
        assert_eq!(pace.take(5, Weight::Final, then + CAREFUL), Ok(()));
        assert_eq!(pace.take(5, Weight::Final, then + CAREFUL), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_grows_gives_way() {
        let (pace, now) = (Pace::default(), Instant::now());
        assert_eq!(pace.take(-5, Weight::Final, now), Ok(()));
        assert_eq!(pace.take(-5, Weight::Growing, now), Err(GROUP_GROWING));
        assert_eq!(pace.take(-5, Weight::Final, now), Ok(()));
        assert!(pace.take(7, Weight::Growing, now + BOT_GROWING).is_ok());
        assert!(pace.take(8, Weight::Growing, now + BOT_GROWING).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn chats_refused_together_mean_the_bot() {
        let (pace, now) = (Pace::default(), Instant::now());
        for chat in 1..=3 {
            pace.refused(chat, secs(4), now);
        }
        assert_eq!(pace.take(9, Weight::Final, now), Err(secs(4)));
        let then = now + secs(4);
        assert_eq!(pace.take(9, Weight::Final, then), Ok(()));
        assert_eq!(pace.take(10, Weight::Final, then), Err(BOT_GAP));
        assert_eq!(pace.take(11, Weight::Final, then), Err(BOT_GAP * 2));
        assert_eq!(pace.take(11, Weight::Final, then + BOT_GAP), Err(BOT_GAP));
        assert_eq!(pace.take(10, Weight::Final, then + BOT_GAP), Ok(()));
        assert_eq!(pace.take(11, Weight::Final, then + BOT_GAP * 2), Ok(()));
    }
}
