//! What is shown: text that only moves forward, and one line that is written over while we wait.

use crate::{
    look::Look,
    paint::{dim, printable},
};
use causerie_markup::{AnsiStream, AnsiStyle, ansi};
use std::io::{self, Write};

const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// An output, and where on it we are.
pub(crate) struct Screen {
    out: Box<dyn Write + Send>,
    look: Look,
    /// The columns there are now: a window may change.
    width: fn() -> usize,
    /// Whether the waiting line stands there and must go before anything else comes.
    waiting: bool,
    frame: usize,
    /// Whether the last thing written ended its line.
    at_start: bool,
    /// The Markdown of the message that grows, where it is rendered.
    growing: Option<AnsiStream>,
}

impl Screen {
    pub(crate) fn new(out: Box<dyn Write + Send>, look: Look, width: fn() -> usize) -> Self {
        Self {
            out,
            look,
            width,
            waiting: false,
            frame: 0,
            at_start: true,
            growing: None,
        }
    }

    pub(crate) fn look(&self) -> Look {
        self.look
    }

    /// Writes more of the message that grows. It is finished where its line is ended.
    pub(crate) fn grow(&mut self, markdown: &str) -> io::Result<()> {
        let text = match self.style() {
            Some(style) => self
                .growing
                .get_or_insert_with(|| AnsiStream::new(style))
                .push(markdown),
            None => printable(markdown),
        };
        self.write(&text)
    }

    /// A whole message as it is written, with the end of its last line.
    pub(crate) fn rendered(&self, markdown: &str) -> String {
        match (self.style(), markdown.trim_end()) {
            (_, "") => String::new(),
            (Some(style), markdown) => ansi(markdown, &style),
            (None, markdown) => printable(markdown) + "\n",
        }
    }

    /// How Markdown looks here; `None` where it is shown as it was written.
    fn style(&self) -> Option<AnsiStyle> {
        self.look.styled.then(|| AnsiStyle {
            width: (self.width)(),
            color: true,
            // Not every terminal knows them, and none says so.
            hyperlinks: false,
        })
    }

    /// Leaves a line empty where a person reads.
    pub(crate) fn gap(&mut self) -> io::Result<()> {
        self.end_line()?;
        self.write(if self.look.live { "\n" } else { "" })
    }

    /// Writes a whole message on lines of its own.
    pub(crate) fn message(&mut self, markdown: &str) -> io::Result<()> {
        self.end_line()?;
        self.write(&self.rendered(markdown))
    }

    fn write(&mut self, painted: &str) -> io::Result<()> {
        if painted.is_empty() {
            return Ok(());
        }
        self.clear()?;
        self.at_start = painted.ends_with('\n');
        self.out.write_all(painted.as_bytes())?;
        self.out.flush()
    }

    /// Ends the message that grows, and the line, if one stands there unfinished.
    pub(crate) fn end_line(&mut self) -> io::Result<()> {
        if let Some(mut growing) = self.growing.take() {
            self.write(&growing.finish())?;
        }
        self.clear()?;
        if !self.at_start {
            self.out.write_all(b"\n")?;
            self.at_start = true;
        }
        self.out.flush()
    }

    /// Writes what a program reads, as it is.
    pub(crate) fn raw(&mut self, text: &str) -> io::Result<()> {
        self.write(text)
    }

    /// Writes what is not part of the conversation, a little darker.
    pub(crate) fn aside(&mut self, text: &str) -> io::Result<()> {
        self.end_line()?;
        let line = dim(self.look, &printable(text));
        self.out.write_all(line.as_bytes())?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }

    /// Shows what we wait for. Nothing on an output that nobody watches.
    pub(crate) fn wait(&mut self, label: &str) -> io::Result<()> {
        if !self.look.live || !self.at_start {
            return Ok(());
        }
        let line = format!("{} {label}", FRAMES[self.frame % FRAMES.len()]);
        self.frame += 1;
        // The last column stays empty: a terminal might begin a new line after it.
        let line: String = line
            .chars()
            .take((self.width)().saturating_sub(1))
            .collect();
        write!(self.out, "\r\x1b[2K{}", dim(self.look, &line))?;
        self.waiting = true;
        self.out.flush()
    }

    /// Removes the waiting line.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.waiting) {
            self.out.write_all(b"\r\x1b[2K")?;
            self.out.flush()?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// An output that can be read.
    #[derive(Clone, Default)]
    pub(crate) struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Paper {
        pub(crate) fn read(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn screen(look: Look, width: fn() -> usize) -> (Screen, Paper) {
        let paper = Paper::default();
        (Screen::new(Box::new(paper.clone()), look, width), paper)
    }

    #[test]
    fn the_waiting_line_goes_before_text_comes() {
        let (mut screen, paper) = screen(
            Look {
                live: true,
                styled: false,
            },
            || 12,
        );
        screen.wait("thinking about it").unwrap();
        screen.grow("Hi").unwrap();
        screen.wait("no room for this").unwrap();
        screen.end_line().unwrap();
        assert_eq!(paper.read(), "\r\x1b[2K⠋ thinking \r\x1b[2KHi\n");
    }

    const STYLED: Look = Look {
        live: true,
        styled: true,
    };

    #[test]
    fn markdown_is_rendered_as_it_grows_and_as_a_whole() {
        let markdown = "A **bold** word and `code`.\n\n# Head\n\n- one\n- two";
        let (mut growing, grown) = screen(STYLED, || 80);
        for piece in [
            "A **bo",
            "ld** wo",
            "rd and `co",
            "de`.\n\n# He",
            "ad\n\n- one\n- two",
        ] {
            growing.grow(piece).unwrap();
        }
        growing.end_line().unwrap();
        let (mut whole, shown) = screen(STYLED, || 80);
        whole.message(markdown).unwrap();
        assert_eq!(grown.read(), shown.read());
        let text = grown.read();
        assert!(text.contains("A \x1b[1mbold\x1b["), "{text:?}");
        assert!(!text.contains("**") && !text.contains('`'), "{text:?}");
        assert!(text.ends_with("two\n"), "{text:?}");
    }

    #[test]
    fn the_next_message_is_read_by_itself() {
        let (mut screen, paper) = screen(STYLED, || 80);
        screen.grow("```\ncode").unwrap();
        screen.end_line().unwrap();
        screen.grow("**so** ").unwrap();
        screen.end_line().unwrap();
        assert!(paper.read().contains("\x1b[1mso"), "{:?}", paper.read());
    }

    #[test]
    fn nothing_a_model_writes_commands_the_terminal() {
        let hostile = "a\x1b]0;title\x07 b\r \u{9b}2J `c\x1b[2J`\n\n```\x1b[1m\nd\x1b[H\x08\n```\n";
        let (mut growing, grown) = screen(STYLED, || 80);
        for character in hostile.chars() {
            growing.grow(&character.to_string()).unwrap();
        }
        growing.end_line().unwrap();
        let (mut whole, shown) = screen(STYLED, || 80);
        whole.message(hostile).unwrap();
        for text in [grown.read(), shown.read()] {
            // What is left without the colours, which are ours.
            let mut left = String::new();
            for (index, part) in text.split("\x1b[").enumerate() {
                let rest = part.split_once('m').filter(|_| index > 0);
                let colour = rest
                    .filter(|(codes, _)| codes.bytes().all(|b| b.is_ascii_digit() || b == b';'));
                assert!(index == 0 || colour.is_some(), "{text:?}");
                left.push_str(colour.map_or(part, |(_, rest)| rest));
            }
            assert!(
                left.chars().all(|c| !c.is_control() || c == '\n'),
                "{left:?}"
            );
        }
    }

    #[test]
    fn nothing_moves_where_nobody_looks() {
        let (mut screen, paper) = screen(Look::default(), || 80);
        screen.wait("thinking").unwrap();
        screen.aside("stopped").unwrap();
        screen.message("a\n\n").unwrap();
        assert_eq!(paper.read(), "stopped\na\n");
    }
}
