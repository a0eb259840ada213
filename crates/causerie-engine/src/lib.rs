//! Makes turns happen: takes events in, decides which conversation is answered when, answers with
//! a model and tools, and records how each event ended.
//!
//! In reading order:
//!
//! * [`config`]: what the operator decides, and what the engine is made of
//! * [`engine`]: putting it together, running it, and how it ends
//! * [`inbox`]: where platforms put what they hear; [`command`] recognises commands in it
//! * [`dispatch`]: which conversation is answered when; [`live`] knows the turns at work,
//!   [`renew`] keeps their claims
//! * [`turn`]: the life of one turn, top to bottom
//! * [`wrap`]: what stands around a model: retries, breaker, quota, timeouts, meter
//! * [`deliver`]: shows the answer while it grows, and to the end
//! * [`admission`]: who is answered; [`toolbox`]: what models may call
//! * [`line`](mod@line): every line we speak ourselves; [`explain`]: why a turn ended as it did
//! * [`summary`]: what was said before the window, in short, made in the background

mod admission;
mod agenda;
mod carry;
mod clock;
pub mod command;
mod config;
pub mod deliver;
mod dispatch;
mod engine;
mod expected;
pub mod explain;
mod inbox;
pub mod line;
mod live;
mod metric;
mod renew;
mod reply;
mod summary;
mod toolbox;
mod turn;
pub mod wrap;

pub use admission::{Admission, Pattern, Rule};
pub use clock::SystemClock;
pub use config::{Config, Parts, PlatformEntry};
pub use engine::{Engine, EngineError, RunReport};
pub use line::Language;
