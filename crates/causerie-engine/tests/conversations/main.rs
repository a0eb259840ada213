//! What the engine does, told as conversations.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod albums;
mod answers;
mod away;
mod budgets;
mod changes;
mod chaos;
mod commands;
mod failures;
mod fallback;
mod limits;
mod load;
mod recovery;
mod summaries;
mod tools;
mod wiring;
