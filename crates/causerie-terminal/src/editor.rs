//! What is typed: with editing and history on a terminal, plain lines from anything else.

use crate::input::LIMIT;
use rustyline::{
    Cmd, Config, DefaultEditor, ExternalPrinter as _, KeyCode, KeyEvent, Modifiers,
    error::ReadlineError,
};
use std::{
    fs,
    io::{self, BufRead, Read},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};
use tokio::sync::oneshot;

/// The most lines the history file keeps.
const HISTORY: usize = 1_000;

/// What came of waiting for a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line, or several that were pasted together.
    Text(String),
    /// Ctrl-C while editing.
    Interrupted,
    /// Ctrl-D, or the end of the input.
    End,
    /// The input cannot be read.
    Broken(String),
}

/// Writes above the line that is being edited.
pub(crate) type Printer = Box<dyn FnMut(String) -> io::Result<()> + Send>;

/// Reads lines on a thread of its own, one when asked for one.
///
/// The thread cannot be called back while it waits for the keyboard, so nobody joins it: it ends
/// with the process.
pub(crate) struct Lines {
    ask: mpsc::SyncSender<Request>,
}

/// What the thread is asked for.
enum Request {
    Line(oneshot::Sender<Line>),
    Forget(oneshot::Sender<io::Result<bool>>),
}

/// Where lines come from.
pub(crate) trait Typed: Send + 'static {
    /// Waits for the next one.
    fn read(&mut self) -> Line;

    /// Removes what is kept of earlier ones; whether anything is kept at all.
    fn forget(&mut self) -> io::Result<bool> {
        Ok(false)
    }
}

impl<F: FnMut() -> Line + Send + 'static> Typed for F {
    fn read(&mut self) -> Line {
        self()
    }
}

impl Lines {
    pub(crate) fn new(mut typed: impl Typed) -> io::Result<Self> {
        let (ask, asked) = mpsc::sync_channel(1);
        thread::Builder::new()
            .name("terminal-input".to_owned())
            .spawn(move || {
                for request in asked {
                    // Whoever asked may have left meanwhile.
                    match request {
                        Request::Line(answer) => drop(answer.send(typed.read())),
                        Request::Forget(answer) => drop(answer.send(typed.forget())),
                    }
                }
            })?;
        Ok(Self { ask })
    }

    /// Lines of an input that is no terminal.
    pub(crate) fn piped(mut input: impl BufRead + Send + 'static) -> io::Result<Self> {
        Self::new(move || {
            let mut line = vec![];
            match (&mut input).take(LIMIT + 1).read_until(b'\n', &mut line) {
                Ok(0) => Line::End,
                Ok(_) => plain_line(line),
                Err(error) => Line::Broken(error.to_string()),
            }
        })
    }

    /// Lines edited on the terminal, the printer that may be used meanwhile, and what is worth
    /// telling of the history file.
    pub(crate) fn edited(
        prompt: &'static str,
        history: Option<&Path>,
    ) -> io::Result<(Self, Printer, Option<String>)> {
        let config = Config::builder()
            .max_history_size(HISTORY)
            .map_err(plain)?
            // A line that begins with a space is not kept, as in shells.
            .history_ignore_space(true)
            .auto_add_history(true)
            .bracketed_paste(true)
            .build();
        let mut editor = DefaultEditor::with_config(config).map_err(plain)?;
        editor.bind_sequence(KeyEvent(KeyCode::Enter, Modifiers::ALT), Cmd::Newline);
        let mut printer = editor.create_external_printer().map_err(plain)?;
        let (history, warning) = match history.map(|path| open_history(&mut editor, path)) {
            Some(Ok(path)) => (Some(path), None),
            Some(Err(error)) => (None, Some(format!("the history is not kept: {error}"))),
            None => (None, None),
        };
        let lines = Self::new(Edited {
            editor,
            prompt,
            history,
        })?;
        let printer = Box::new(move |text| printer.print(text).map_err(plain));
        Ok((lines, printer, warning))
    }

    /// The next line.
    pub(crate) async fn next(&self) -> Line {
        let (answer, answered) = oneshot::channel();
        if self.ask.try_send(Request::Line(answer)).is_err() {
            return Line::Broken("the keyboard is being read already".to_owned());
        }
        answered.await.unwrap_or(Line::End)
    }

    /// Removes the history of what was typed, while no line is being read. `false` if none is
    /// kept.
    pub(crate) async fn forget(&self) -> io::Result<bool> {
        let (answer, answered) = oneshot::channel();
        if self.ask.try_send(Request::Forget(answer)).is_err() {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        answered.await.unwrap_or(Ok(false))
    }
}

/// The line editor on the terminal.
struct Edited {
    editor: DefaultEditor,
    prompt: &'static str,
    history: Option<PathBuf>,
}

impl Typed for Edited {
    fn read(&mut self) -> Line {
        let line = line_of(self.editor.readline(self.prompt));
        if let (Line::Text(_), Some(history)) = (&line, &self.history) {
            // Losing a line of history is no reason to lose what was typed.
            let _ = self.editor.append_history(history);
        }
        line
    }

    fn forget(&mut self) -> io::Result<bool> {
        self.editor.clear_history().map_err(plain)?;
        let Some(history) = &self.history else {
            return Ok(false);
        };
        // The file stays, with its permissions.
        fs::File::options()
            .write(true)
            .truncate(true)
            .open(history)?;
        Ok(true)
    }
}

/// A line as it was piped in.
fn plain_line(line: Vec<u8>) -> Line {
    if line.len() as u64 > LIMIT {
        let most = LIMIT >> 20;
        return Line::Broken(format!(
            "a line of the input has more than {most} MB, which no model can read"
        ));
    }
    match String::from_utf8(line) {
        Ok(line) => Line::Text(line.trim_end_matches(['\n', '\r']).to_owned()),
        Err(_) => Line::Broken("the input is not UTF-8 text".to_owned()),
    }
}

fn line_of(read: Result<String, ReadlineError>) -> Line {
    match read {
        Ok(text) => Line::Text(text),
        Err(ReadlineError::Interrupted) => Line::Interrupted,
        Err(ReadlineError::Eof) => Line::End,
        Err(error) => Line::Broken(error.to_string()),
    }
}

/// Makes sure that nobody else can read the history, then loads it.
fn open_history(editor: &mut DefaultEditor, path: &Path) -> io::Result<PathBuf> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    let mut options = fs::File::options();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    drop(file);
    editor.load_history(path).map_err(plain)?;
    Ok(path.to_owned())
}

fn plain(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn piped_lines_come_one_by_one() {
        let lines = Lines::piped(io::Cursor::new("one\r\n\ntwo")).unwrap();
        assert_eq!(lines.next().await, Line::Text("one".into()));
        assert_eq!(lines.next().await, Line::Text(String::new()));
        assert_eq!(lines.next().await, Line::Text("two".into()));
        assert_eq!(lines.next().await, Line::End);
        let lines = Lines::piped(io::Cursor::new(b"\xff\n")).unwrap();
        assert_eq!(
            lines.next().await,
            Line::Broken("the input is not UTF-8 text".into())
        );
    }

    #[tokio::test]
    async fn a_line_without_an_end_does_not_fill_the_memory() {
        let lines = Lines::piped(io::BufReader::new(io::repeat(b'a'))).unwrap();
        let Line::Broken(reason) = lines.next().await else {
            panic!("it was read")
        };
        assert!(reason.contains("more than 64 MB"), "{reason}");
    }

    #[cfg(unix)]
    #[test]
    fn the_history_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state/history");
        let mut editor = DefaultEditor::new().unwrap();
        open_history(&mut editor, &path).unwrap();
        editor.add_history_entry("two\nlines").unwrap();
        editor.append_history(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let mut again = DefaultEditor::new().unwrap();
        open_history(&mut again, &path).unwrap();
        assert_eq!(again.history().iter().collect::<Vec<_>>(), ["two\nlines"]);
    }
}
