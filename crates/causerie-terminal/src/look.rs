//! How much a terminal can do.

use std::{env, io::IsTerminal};

/// What may be written to an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// Whether a person looks at it, so that a line may be written over.
    pub(crate) live: bool,
    /// Whether text may be coloured and set bold.
    pub(crate) styled: bool,
}

impl Look {
    /// Of an output, by the customs: `NO_COLOR`, and `TERM=dumb`.
    pub(crate) fn of(output: &impl IsTerminal) -> Self {
        Self::decide(output.is_terminal(), |name| env::var(name).ok())
    }

    fn decide(terminal: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        let live = terminal && variable("TERM").is_some_and(|term| term != "dumb");
        let plain = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            live,
            styled: live && !plain,
        }
    }
}

/// The columns of the terminal; 80 where nobody can tell.
pub(crate) fn width() -> usize {
    columns().map_or(80, |columns| usize::from(columns).max(8))
}

#[cfg(unix)]
fn columns() -> Option<u16> {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout()).ok()?;
    Some(size.ws_col).filter(|columns| *columns > 0)
}

#[cfg(not(unix))]
fn columns() -> Option<u16> {
    None
}

/// Remembers how the terminal was set, and sets it so again at the end: a line editor that is
/// still reading when the process stops would leave it raw.
pub(crate) struct Settings {
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

impl Settings {
    pub(crate) fn remember() -> Self {
        Self {
            #[cfg(unix)]
            before: rustix::termios::tcgetattr(rustix::stdio::stdin()).ok(),
        }
    }

    /// For an input that is no terminal of ours.
    pub(crate) fn none() -> Self {
        Self {
            #[cfg(unix)]
            before: None,
        }
    }
}

impl Settings {
    /// Shows no keys until it is dropped: while an answer comes, what is typed waits for the next
    /// line and would only tear the answer apart.
    pub(crate) fn quiet(&self) -> Quiet<'_> {
        #[cfg(unix)]
        if let Some(mut quiet) = self.before.clone() {
            use rustix::termios::LocalModes;
            quiet.local_modes.remove(LocalModes::ECHO);
            // Ctrl-C stops the answer; it is no reason to lose the next line.
            quiet.local_modes.insert(LocalModes::NOFLSH);
            set(&quiet);
        }
        Quiet(self)
    }

    fn restore(&self) {
        #[cfg(unix)]
        if let Some(before) = &self.before {
            set(before);
        }
    }
}

/// See [`Settings::quiet`].
pub(crate) struct Quiet<'a>(&'a Settings);

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        self.0.restore();
    }
}

#[cfg(unix)]
fn set(settings: &rustix::termios::Termios) {
    use rustix::termios::{OptionalActions, tcsetattr};
    // A terminal that is gone needs no settings.
    let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, settings);
}

impl Drop for Settings {
    fn drop(&mut self) {
        self.restore();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_need_a_terminal_that_has_them_and_a_person_who_wants_them() {
        let look = |terminal, set: &[(&str, &str)]| {
            let set = set.to_vec();
            let find = move |name: &str| {
                set.iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            };
            let Look { live, styled } = Look::decide(terminal, find);
            (live, styled)
        };
        let xterm = ("TERM", "xterm-256color");
        assert_eq!(look(true, &[xterm]), (true, true));
        assert_eq!(look(true, &[xterm, ("NO_COLOR", "1")]), (true, false));
        assert_eq!(look(true, &[xterm, ("NO_COLOR", "")]), (true, true));
        assert_eq!(look(true, &[("TERM", "dumb")]), (false, false));
        assert_eq!(look(true, &[]), (false, false));
        assert_eq!(look(false, &[xterm]), (false, false));
    }
}
