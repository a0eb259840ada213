//! The vocabulary of Causerie: what a conversation is, what a turn does, and the four traits
//! that platforms, backends, stores and tools implement.
//!
//! This crate is pure: no runtime, no I/O and no clock. Everything that needs one of them is
//! handed it from outside.
//!
//! In reading order:
//!
//! * [`id`] and [`text`]: names of things, and what people write
//! * [`time`]: instants, windows and the clock that is passed in
//! * [`event`]: what comes in from a platform
//! * [`message`]: one item of history and its parts
//! * [`persona`]: who answers, and within which bounds
//! * [`prompt`]: what is sent to a model; [`assemble`] is the only place that makes one
//! * [`backend`], [`tool`]: ways to a model and things a model may call; [`thoughts`] tells thinking
//!   from answer
//! * [`platform`]: ways to people; [`draft`] turns a growing answer into platform steps
//! * [`outcome`]: how a turn ended, and why
//! * [`price`] and [`limit`][]: what models cost, and budgets
//! * [`store`]: what must outlive the process

pub mod assemble;
pub mod backend;
pub mod draft;
pub mod event;
pub mod id;
pub mod limit;
pub mod message;
pub mod outcome;
pub mod persona;
pub mod platform;
pub mod price;
pub mod prompt;
pub mod record;
pub mod store;
pub mod text;
pub mod thoughts;
pub mod time;
pub mod tool;

pub use text::Text;
pub use time::{Clock, Timestamp};
