//! What is shown while answers come and lines are edited.

use crate::{
    editor::Printer,
    ending::Ending,
    reply::{Replies, Step},
    screen::Screen,
};
use causerie_core::platform::Status;
use std::io;

/// What is shown, and what was shown before.
pub(super) struct Stage {
    pub(super) replies: Replies,
    pub(super) screen: Screen,
    pub(super) printer: Option<Printer>,
    /// Whether a line is being edited.
    pub(super) editing: bool,
    /// Whether the message that grows is not being shown, for its beginning was not.
    pub(super) behind: bool,
    pub(super) label: String,
    pub(super) ending: Ending,
    /// Why nothing more can be written.
    pub(super) broken: bool,
}

/// What we wait for when nobody says.
pub(super) const THINKING: &str = "thinking (Ctrl-C stops)";

impl Stage {
    /// Shows the next step of a reply.
    pub(super) fn show(&mut self, step: Step) -> io::Result<()> {
        match step {
            Step::Text(_) if self.editing || self.behind => self.behind = true,
            Step::Text(text) => self.screen.grow(&text)?,
            Step::Closed(closed) => {
                let behind = std::mem::take(&mut self.behind);
                match closed.rest.filter(|_| !behind && !self.editing) {
                    Some(rest) => {
                        self.screen.grow(&rest)?;
                        self.screen.end_line()?;
                    }
                    None => {
                        self.screen.end_line()?;
                        self.whole(closed.content.markdown.expose())?;
                    }
                }
            }
            Step::Whole(content) => self.whole(content.markdown.expose())?,
            Step::Status(status) => self.label = label(status).to_owned(),
        }
        Ok(())
    }

    fn whole(&mut self, markdown: &str) -> io::Result<()> {
        match &mut self.printer {
            Some(printer) if self.editing => printer(self.screen.rendered(markdown)),
            _ => self.screen.message(markdown),
        }
    }
}

fn label(status: Status) -> &'static str {
    match status {
        Status::Queued => "waiting for its turn (Ctrl-C stops)",
        Status::Loading => "loading the model (Ctrl-C stops)",
        Status::Working => "using a tool (Ctrl-C stops)",
        Status::Typing | Status::Idle => THINKING,
    }
}
