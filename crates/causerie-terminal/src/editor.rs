//! What is typed: with editing and history on a terminal, plain lines from anything else.

use rustyline::{
    Cmd, Config, DefaultEditor, ExternalPrinter as _, KeyCode, KeyEvent, Modifiers,
    error::ReadlineError,
};
use std::{
    fs,
    io::{self, BufRead},
    path::Path,
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
    ask: mpsc::SyncSender<oneshot::Sender<Line>>,
}

impl Lines {
    pub(crate) fn new(mut read: impl FnMut() -> Line + Send + 'static) -> io::Result<Self> {
        let (ask, asked) = mpsc::sync_channel::<oneshot::Sender<Line>>(1);
        thread::Builder::new()
            .name("terminal-input".to_owned())
            .spawn(move || {
                for answer in asked {
                    // Whoever asked may have left meanwhile.
                    let _ = answer.send(read());
                }
            })?;
        Ok(Self { ask })
    }

    /// Lines of an input that is no terminal.
    pub(crate) fn piped(mut input: impl BufRead + Send + 'static) -> io::Result<Self> {
        Self::new(move || {
            let mut line = String::new();
            match input.read_line(&mut line) {
                Ok(0) => Line::End,
                Ok(_) => Line::Text(line.trim_end_matches(['\n', '\r']).to_owned()),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    Line::Broken("the input is not UTF-8 text".to_owned())
                }
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
        let lines = Self::new(move || {
            let line = line_of(editor.readline(prompt));
            if let (Line::Text(_), Some(history)) = (&line, &history) {
                // Losing a line of history is no reason to lose what was typed.
                let _ = editor.append_history(history);
            }
            line
        })?;
        let printer = Box::new(move |text| printer.print(text).map_err(plain));
        Ok((lines, printer, warning))
    }

    /// The next line.
    pub(crate) async fn next(&self) -> Line {
        let (answer, answered) = oneshot::channel();
        if self.ask.try_send(answer).is_err() {
            return Line::Broken("the keyboard is being read already".to_owned());
        }
        answered.await.unwrap_or(Line::End)
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
fn open_history(editor: &mut DefaultEditor, path: &Path) -> io::Result<std::path::PathBuf> {
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
