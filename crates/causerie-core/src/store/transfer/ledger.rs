//! Budgets and reservations on their way.

use crate::{
    Timestamp,
    store::{REMEMBER_EVENTS, ReservationId},
};
use std::time::Duration;

/// The longest window a budget may have: that of a month.
pub const LONGEST_WINDOW: Duration = Duration::from_secs(31 * 86_400);

/// The largest number that every store counts exactly. What is more counts as this.
pub const MOST: u64 = 1 << 53;

/// A budget or a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerEntry {
    /// What was used of a budget.
    Budget {
        /// Its key.
        key: String,
        /// When its window began.
        start: Timestamp,
        /// How much.
        used: u64,
    },
    /// What a turn has taken.
    Reservation {
        /// Its name.
        id: ReservationId,
        /// When it was made, as well as the store can tell.
        at: Timestamp,
        /// Whether it was settled.
        settled: bool,
        /// What it took.
        charges: Vec<Taken>,
    },
}

/// What a reservation took of one budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The budget's key.
    pub key: String,
    /// When the window began that it was taken in.
    pub start: Timestamp,
    /// How much.
    pub amount: u64,
}

impl LedgerEntry {
    /// Whether every store may have forgotten it by `now`.
    pub fn is_past(&self, now: Timestamp) -> bool {
        match self {
            LedgerEntry::Budget { start, .. } => now.since(*start) >= LONGEST_WINDOW,
            LedgerEntry::Reservation { at, .. } => now.since(*at) >= REMEMBER_EVENTS,
        }
    }

    /// Whether `found`, which a store keeps in its place, makes it superfluous: it says the same, or
    /// is a later window of the same budget. When a reservation was made is no part of what it says.
    pub fn is_kept(&self, found: Option<&LedgerEntry>) -> bool {
        use LedgerEntry::{Budget, Reservation};
        match (self, found) {
            (
                Budget { key, start, used },
                Some(Budget {
                    key: other,
                    start: began,
                    used: found,
                }),
            ) => key == other && (began > start || began == start && used == found),
            (
                Reservation {
                    id,
                    settled,
                    charges,
                    ..
                },
                Some(Reservation {
                    id: other,
                    settled: done,
                    charges: found,
                    ..
                }),
            ) => id == other && settled == done && charges == found,
            _ => false,
        }
    }

    /// With no number above [`MOST`]. Every store gives its entries so.
    #[must_use]
    pub fn canonical(mut self) -> Self {
        match &mut self {
            LedgerEntry::Budget { used, .. } => *used = (*used).min(MOST),
            LedgerEntry::Reservation { charges, .. } => {
                for charge in charges {
                    charge.amount = charge.amount.min(MOST);
                }
            }
        }
        self
    }
}
