//! The beginning of a conversation, for lists.

use crate::{
    Text,
    event::{Event, EventKind},
    message::{Message, Role},
};

/// The most characters of a title.
const LENGTH: usize = 80;

/// The title an event gives, if it posts words.
pub fn of_event(event: &Event) -> Option<Text> {
    match &event.kind {
        EventKind::Posted(posted) => first_line(&posted.text),
        _ => None,
    }
}

/// The title a message of history gives, if a person said it.
pub fn of_message(message: &Message) -> Option<Text> {
    match message.role {
        Role::User => first_line(&message.text()),
        Role::Assistant | Role::Tool => None,
    }
}

fn first_line(text: &Text) -> Option<Text> {
    let line = text.expose().lines().find(|line| !line.trim().is_empty())?;
    Some(Text::new(
        line.trim().chars().take(LENGTH).collect::<String>(),
    ))
}
