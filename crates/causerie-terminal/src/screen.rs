//! What is shown: text that only moves forward, and one line that is written over while we wait.

use crate::{
    look::Look,
    paint::{dim, printable},
};
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
        }
    }

    pub(crate) fn look(&self) -> Look {
        self.look
    }

    /// Writes more of the message that grows.
    pub(crate) fn grow(&mut self, text: &str) -> io::Result<()> {
        self.write(&printable(text))
    }

    /// Leaves a line empty where a person reads.
    pub(crate) fn gap(&mut self) -> io::Result<()> {
        self.end_line()?;
        self.write(if self.look.live { "\n" } else { "" })
    }

    /// Writes a whole message on lines of its own.
    pub(crate) fn message(&mut self, markdown: &str) -> io::Result<()> {
        self.end_line()?;
        self.grow(markdown.trim_end())?;
        self.end_line()
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

    /// Ends the line, if one stands there unfinished.
    pub(crate) fn end_line(&mut self) -> io::Result<()> {
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

    #[test]
    fn nothing_moves_where_nobody_looks() {
        let (mut screen, paper) = screen(Look::default(), || 80);
        screen.wait("thinking").unwrap();
        screen.aside("stopped").unwrap();
        screen.message("a\n\n").unwrap();
        assert_eq!(paper.read(), "stopped\na\n");
    }
}
