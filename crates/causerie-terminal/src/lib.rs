//! Causerie in the terminal: a conversation ([`Chat`]), and one question for scripts ([`Ask`]).
//!
//! Both are platforms. Their [`run`](causerie_core::platform::Platform::run) ends when the person
//! leaves or the question has its outcome, and the process should stop then, with the exit code of
//! their [`Ending`]. Both take Ctrl-C themselves while they run: it stops an answer and not the
//! program, so whoever runs them must not stop the process on SIGINT.
//!
//! * [`chat`], [`ask`]: the two platforms
//! * [`input`]: the question of a script
//! * [`ending`]: exit codes
//! * `speaker`, `turn`: the person at the keyboard as events, and the way to an outcome
//! * `reply`: what the engine asks for, as text that grows
//! * `screen`, `paint`, `look`: what is shown, and how much a terminal can do
//! * `editor`, `signal`: what is typed, and Ctrl-C

pub mod ask;
pub mod chat;
mod editor;
pub mod ending;
pub mod input;
mod look;
mod paint;
mod reply;
mod screen;
mod signal;
mod speaker;
mod turn;

#[cfg(test)]
mod tests;

pub use ask::{Ask, AskConfig};
pub use chat::{Chat, ChatConfig, ChatError};
pub use ending::Ending;
pub use input::{InputError, question};

use causerie_core::platform::{Creates, PlatformCapabilities, Streaming};
use std::time::Duration;

/// The name of this platform in ids and in the configuration.
pub const PLATFORM: &str = "terminal";

/// The conversation of those who name none.
pub const CONVERSATION: &str = "default";

/// A terminal only moves forward: what is written stays.
const CAPABILITIES: PlatformCapabilities = PlatformCapabilities {
    streaming: Streaming::Append {
        every: Duration::from_millis(30),
    },
    message_limit: None,
    creates: Creates::Idempotent,
    edits: false,
    deletes: false,
    // A sign stays until it is changed; this only has to be longer than any turn.
    typing: Some(Duration::from_secs(24 * 60 * 60)),
    file_after: None,
};
