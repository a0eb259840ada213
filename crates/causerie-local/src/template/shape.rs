//! The shapes of conversation that chat templates take.

use causerie_core::{
    Text,
    prompt::{PromptMessage, PromptRole},
};

/// What a template asks of a conversation. Many take anything; some raise an exception unless
/// user and assistant alternate, and some know no system role.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shape {
    /// Messages of one role in a row are joined.
    alternating: bool,
    /// What the system says stands before what the first user says.
    no_system: bool,
}

/// One message as the template is shown it.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) role: PromptRole,
    pub(super) text: Text,
}

impl Shape {
    /// Anything.
    pub(super) const FREE: Self = Self {
        alternating: false,
        no_system: false,
    };
    /// User and assistant in turn, after the system.
    pub(super) const ALTERNATING: Self = Self {
        alternating: true,
        no_system: false,
    };
    /// User and assistant in turn, the user first, and nothing else.
    pub(super) const STRICT: Self = Self {
        alternating: true,
        no_system: true,
    };

    /// The messages in this shape. A tool's output is shown as the user's, and what is empty (a
    /// call of a tool) is left out: a text model has never seen either.
    pub(super) fn apply(self, messages: &[PromptMessage]) -> Vec<Said> {
        let mut said: Vec<Said> = vec![];
        for message in messages.iter().filter(|message| !message.text.is_blank()) {
            let role = match message.role {
                PromptRole::Tool => PromptRole::User,
                PromptRole::System if self.no_system => PromptRole::User,
                PromptRole::System if self.alternating && !said.is_empty() => PromptRole::User,
                role => role,
            };
            match said.last_mut() {
                Some(last) if self.alternating && last.role == role => {
                    join(&mut last.text, &message.text);
                }
                _ => said.push(Said {
                    role,
                    text: message.text.clone(),
                }),
            }
        }
        if self.alternating {
            begin_with_user(&mut said);
        }
        said
    }
}

fn join(text: &mut Text, more: &Text) {
    text.push("\n\n");
    text.push(more.expose());
}

/// History that was cut may begin with an answer; its question is gone and the answer goes too.
fn begin_with_user(said: &mut Vec<Said>) {
    let first = usize::from(
        said.first()
            .is_some_and(|first| first.role == PromptRole::System),
    );
    while said.len() > first + 1 && said[first].role == PromptRole::Assistant {
        said.remove(first);
    }
}
