//! What the engine asks for, as text that grows.
//!
//! Repeats do no harm: a message is named by its nonce, and an append says where it belongs. What was
//! shown cannot be changed any more, so where a message is to read differently it is shown again.

use causerie_core::{
    Text,
    id::{MessageRef, Nonce},
    platform::{Action, Content, Operation, PlatformError, Receipt, Status},
};
use std::collections::VecDeque;

/// How many messages are remembered for repeats. A turn has very few.
const REMEMBERED: usize = 64;

/// What is to be shown next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// More of the message that grows.
    Text(String),
    /// The message that grew is finished.
    Closed(Closed),
    /// A message that comes in one piece.
    Whole(Content),
    /// What we are at.
    Status(Status),
}

/// A finished message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    /// All it says.
    pub(crate) content: Content,
    /// What must follow the steps before it; `None` if they said something else, so that it must
    /// be shown again, whole.
    pub(crate) rest: Option<String>,
}

/// The messages of this run.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    messages: VecDeque<Reply>,
}

#[derive(Debug)]
struct Reply {
    message: MessageRef,
    /// What was appended; `None` once it is finished.
    open: Option<String>,
    /// What it reads once it is finished.
    said: Option<Text>,
    /// Whether it began in an earlier run, so that its beginning is not on this screen.
    torn: bool,
}

impl Replies {
    /// Takes an operation, and says what it changes on the screen.
    pub(crate) fn apply(
        &mut self,
        operation: &Operation,
    ) -> Result<(Receipt, Option<Step>), PlatformError> {
        match &operation.action {
            Action::Post { nonce, content, .. } => {
                self.create(nonce, None);
                Ok((receipt(nonce), self.post(&reference(nonce), content)))
            }
            Action::OpenStream { nonce, .. } => {
                self.create(nonce, Some(String::new()));
                Ok((receipt(nonce), None))
            }
            Action::Append {
                message,
                offset,
                text,
            } => {
                let step = self.append(message, *offset, text.expose())?;
                Ok((Receipt::default(), step))
            }
            Action::CloseStream { message, content } => {
                Ok((Receipt::default(), self.close(message, content)))
            }
            Action::Status { status } => Ok((Receipt::default(), Some(Step::Status(*status)))),
            Action::Edit { .. } | Action::Delete { .. } | Action::Preview { .. } => {
                Err(PlatformError::Forbidden)
            }
        }
    }

    fn create(&mut self, nonce: &Nonce, open: Option<String>) {
        let message = reference(nonce);
        if self.find(&message).is_none() {
            self.remember(Reply {
                message,
                open,
                said: None,
                torn: false,
            });
        }
    }

    /// `None` if it reads so already.
    fn post(&mut self, message: &MessageRef, content: &Content) -> Option<Step> {
        let reply = self.find(message).expect("it has just been created");
        let said = reply.said.replace(content.markdown.clone());
        reply.open = None;
        (said.as_ref() != Some(&content.markdown)).then(|| Step::Whole(content.clone()))
    }

    fn remember(&mut self, reply: Reply) -> &mut Reply {
        if self.messages.len() == REMEMBERED {
            self.messages.pop_front();
        }
        self.messages.push_back(reply);
        self.messages.back_mut().expect("just put there")
    }

    fn find(&mut self, message: &MessageRef) -> Option<&mut Reply> {
        self.messages
            .iter_mut()
            .rev()
            .find(|reply| reply.message == *message)
    }

    fn append(
        &mut self,
        message: &MessageRef,
        offset: usize,
        text: &str,
    ) -> Result<Option<Step>, PlatformError> {
        if self.find(message).is_none() {
            // Taken over from a run that ended in the middle: its end will be shown whole.
            let open = Some(String::new());
            self.remember(Reply {
                message: message.clone(),
                open,
                said: None,
                torn: true,
            });
        }
        let reply = self.find(message).expect("just made sure of");
        let Some(open) = reply.open.as_mut().filter(|_| !reply.torn) else {
            return Ok(None);
        };
        let Some(known) = open.len().checked_sub(offset) else {
            let reason = "a piece of the answer is missing".to_owned();
            return Err(PlatformError::Unavailable { reason });
        };
        let Some(more) = text.get(known..).filter(|more| !more.is_empty()) else {
            return Ok(None);
        };
        open.push_str(more);
        Ok(Some(Step::Text(more.to_owned())))
    }

    /// `None` if it is finished already.
    fn close(&mut self, message: &MessageRef, content: &Content) -> Option<Step> {
        let said = Some(content.markdown.clone());
        let (open, torn) = match self.find(message) {
            Some(reply) => {
                let open = reply.open.take()?;
                reply.said = said;
                (open, reply.torn)
            }
            None => {
                let reply = Reply {
                    message: message.clone(),
                    open: None,
                    said,
                    torn: true,
                };
                self.remember(reply);
                (String::new(), true)
            }
        };
        let content = content.clone();
        let rest = if torn {
            None
        } else {
            rest(&open, content.markdown.expose())
        };
        Some(Step::Closed(Closed { content, rest }))
    }
}

/// What follows `open` in `whole`. White space at the end of `open` may be missing there: nobody
/// sees it.
fn rest(open: &str, whole: &str) -> Option<String> {
    let base = open.trim_end();
    let rest = whole.strip_prefix(base)?;
    let there = open[base.len()..]
        .chars()
        .zip(rest.chars())
        .take_while(|(a, b)| a == b);
    Some(rest.chars().skip(there.count()).collect())
}

fn reference(nonce: &Nonce) -> MessageRef {
    MessageRef::new(format!("out-{}", nonce.as_str())).expect("a nonce is hexadecimal")
}

fn receipt(nonce: &Nonce) -> Receipt {
    Receipt {
        message: Some(reference(nonce)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causerie_core::{
        Text,
        id::{ConversationId, Place, TurnNumber},
    };

    fn perform(replies: &mut Replies, action: Action) -> Option<Step> {
        let operation = Operation {
            conversation: ConversationId::new("terminal/a").unwrap(),
            place: Place::new("tty").unwrap(),
            action,
        };
        replies.apply(&operation).unwrap().1
    }

    fn nonce() -> Nonce {
        Nonce::derive(
            &ConversationId::new("terminal/a").unwrap(),
            TurnNumber(1),
            0,
        )
    }

    fn says(text: &str) -> Content {
        Content {
            markdown: Text::new(text),
            complete: true,
            ends: true,
            ..Content::default()
        }
    }

    fn append(offset: usize, text: &str) -> Action {
        Action::Append {
            message: reference(&nonce()),
            offset,
            text: Text::new(text),
        }
    }

    fn close(text: &str) -> Action {
        Action::CloseStream {
            message: reference(&nonce()),
            content: says(text),
        }
    }

    #[test]
    fn repeated_operations_show_nothing_twice() {
        let mut replies = Replies::default();
        let open = || Action::OpenStream {
            nonce: nonce(),
            reply_to: None,
        };
        assert_eq!(perform(&mut replies, open()), None);
        assert_eq!(
            perform(&mut replies, append(0, "Hé")),
            Some(Step::Text("Hé".into()))
        );
        assert_eq!(perform(&mut replies, open()), None);
        assert_eq!(perform(&mut replies, append(0, "Hé")), None);
        assert_eq!(
            perform(&mut replies, append(0, "Héllo")),
            Some(Step::Text("llo".into()))
        );
        let closed = Closed {
            content: says("Héllo"),
            rest: Some(String::new()),
        };
        assert_eq!(
            perform(&mut replies, close("Héllo")),
            Some(Step::Closed(closed))
        );
        assert_eq!(perform(&mut replies, close("Héllo")), None);
        assert_eq!(perform(&mut replies, append(6, "late")), None);
        let post = |words| Action::Post {
            nonce: nonce(),
            reply_to: None,
            content: says(words),
        };
        assert_eq!(perform(&mut replies, post("Héllo")), None);
        let other = Some(Step::Whole(says("x")));
        assert_eq!(perform(&mut replies, post("x")), other, "it reads so now");
        assert_eq!(perform(&mut replies, post("x")), None);
    }

    #[test]
    fn the_end_may_add_a_line_and_drop_white_space() {
        assert_eq!(rest("One", "One").as_deref(), Some(""));
        assert_eq!(rest("One\n\n", "One").as_deref(), Some(""));
        assert_eq!(
            rest("One\n", "One\n\nStopped.").as_deref(),
            Some("\nStopped.")
        );
        assert_eq!(rest("", "One").as_deref(), Some("One"));
        assert_eq!(rest("One", "Two"), None);
    }

    #[test]
    fn a_message_taken_over_from_an_earlier_run_is_shown_at_its_end() {
        let mut replies = Replies::default();
        assert_eq!(perform(&mut replies, append(100, "the rest")), None);
        let closed = Closed {
            content: says("all of it"),
            rest: None,
        };
        assert_eq!(
            perform(&mut replies, close("all of it")),
            Some(Step::Closed(closed))
        );
        assert_eq!(perform(&mut replies, close("all of it")), None);
    }

    #[test]
    fn an_end_that_reads_differently_is_shown_whole() {
        let mut replies = Replies::default();
        perform(
            &mut replies,
            Action::OpenStream {
                nonce: nonce(),
                reply_to: None,
            },
        );
        perform(&mut replies, append(0, "One"));
        let closed = Closed {
            content: says("Two"),
            rest: None,
        };
        assert_eq!(
            perform(&mut replies, close("Two")),
            Some(Step::Closed(closed))
        );
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut replies = Replies::default();
        let id = ConversationId::new("terminal/a").unwrap();
        for turn in 0..200 {
            let nonce = Nonce::derive(&id, TurnNumber(turn), 0);
            perform(
                &mut replies,
                Action::OpenStream {
                    nonce,
                    reply_to: None,
                },
            );
        }
        assert_eq!(replies.messages.len(), REMEMBERED);
    }
}
