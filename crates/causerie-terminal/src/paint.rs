//! Markdown, as a terminal shows it.

use crate::look::Look;

/// Turns a growing message into what is written.
pub(crate) struct Painter {
    look: Look,
    width: usize,
}

impl Painter {
    pub(crate) fn new(look: Look, width: usize) -> Self {
        Self { look, width }
    }

    /// More of the message.
    pub(crate) fn push(&mut self, text: &str) -> String {
        let _ = (self.look, self.width);
        printable(text)
    }

    /// The end of the message.
    pub(crate) fn finish(&mut self) -> String {
        String::new()
    }

    /// A message that is there as a whole.
    pub(crate) fn whole(look: Look, width: usize, text: &str) -> String {
        let mut painter = Self::new(look, width);
        let mut painted = painter.push(text);
        painted.push_str(&painter.finish());
        painted
    }
}

/// Without characters that command a terminal: a model, or whoever writes to it, must not move the
/// cursor or set a title.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect()
}

/// `text` a little darker, where that can be done.
pub(crate) fn dim(look: Look, text: &str) -> String {
    if look.styled {
        format!("\x1b[2m{text}\x1b[22m")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_commands_the_terminal() {
        let plain = Look::default();
        let painted = Painter::whole(plain, 80, "a\x1b]0;title\x07b\r\u{9b}2Jc\td\n");
        assert_eq!(painted, "a]0;titleb2Jc\td\n");
    }
}
