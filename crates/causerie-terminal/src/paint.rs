//! Text, made fit for a terminal. Where there are no colours, Markdown is shown as it was written,
//! which is made to be read.

use crate::look::Look;

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
        let text = printable("a\x1b]0;title\x07b\r\u{9b}2Jc\td\n");
        assert_eq!(text, "a]0;titleb2Jc\td\n");
    }
}
