//! What llama.cpp complains of, for people who have to do something about it.
//!
//! It says why it fails only in its log, which most operators do not see.

use std::{
    collections::VecDeque,
    fmt::{Debug, Write},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};
use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber,
    dispatcher::{get_default, with_default},
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};

/// Under what llama.cpp's lines come.
const TARGET: &str = "llama-cpp-2";
/// The last lines say what it came to.
const MOST_LINES: usize = 3;
const MOST_CHARACTERS: usize = 200;

/// Runs `work`, and gives back what llama.cpp complained of on this thread meanwhile: its last
/// errors in one line, without paths. Empty if it did not.
pub(crate) fn heard<T>(file: &Path, work: impl FnOnce() -> T) -> (T, String) {
    let lines = Lines::default();
    let listener = Listener {
        outer: get_default(Clone::clone),
        lines: lines.clone(),
    };
    let done = with_default(&Dispatch::new(listener), work);
    let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    let lines: Vec<String> = lines.iter().map(|line| without_paths(line, file)).collect();
    (done, lines.join("; "))
}

type Lines = Arc<Mutex<VecDeque<String>>>;

/// Keeps llama.cpp's errors, and passes everything on to whoever listened before.
struct Listener {
    outer: Dispatch,
    lines: Lines,
}

impl Listener {
    fn is_complaint(metadata: &Metadata<'_>) -> bool {
        metadata.target() == TARGET && *metadata.level() == Level::ERROR
    }
}

impl Subscriber for Listener {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if Self::is_complaint(metadata) {
            return Interest::sometimes();
        }
        self.outer.register_callsite(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        // What the others want to hear at most, and errors.
        Some(LevelFilter::current().max(LevelFilter::ERROR))
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        Self::is_complaint(metadata) || self.outer.enabled(metadata)
    }

    fn event(&self, event: &Event<'_>) {
        if Self::is_complaint(event.metadata()) {
            let mut line = Line(String::new());
            event.record(&mut line);
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() == MOST_LINES {
                lines.pop_front();
            }
            lines.push_back(line.0.trim().chars().take(MOST_CHARACTERS).collect());
        }
        if self.outer.enabled(event.metadata()) {
            self.outer.event(event);
        }
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.outer.new_span(span)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.outer.record(span, values);
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.outer.record_follows_from(span, follows);
    }

    fn enter(&self, span: &Id) {
        self.outer.enter(span);
    }

    fn exit(&self, span: &Id) {
        self.outer.exit(span);
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.outer.clone_span(id)
    }

    fn try_close(&self, id: Id) -> bool {
        self.outer.try_close(id)
    }
}

/// The message of an event.
struct Line(String);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.0.push_str(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            write!(self.0, "{value:?}").expect("writing to a string does not fail");
        }
    }
}

/// A path may name a person.
fn without_paths(line: &str, file: &Path) -> String {
    let line = line.replace(&*file.to_string_lossy(), "the file");
    let word = |word: &str| match word.contains(['/', '\\']) {
        true => "…".to_owned(),
        false => word.to_owned(),
    };
    line.split_whitespace()
        .map(word)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_errors_are_heard_whoever_else_listens() {
        let file = Path::new("/home/ada/my models/a.gguf");
        let (done, heard) = heard(file, || {
            for number in 1..=4 {
                tracing::error!(target: "llama-cpp-2", "error {number}\n");
            }
            tracing::warn!(target: "llama-cpp-2", "a warning");
            tracing::error!("ours");
            tracing::error!(target: "llama-cpp-2", "cannot open '{}' in /home/ada", file.display());
            7
        });
        assert_eq!(done, 7);
        assert_eq!(heard, "error 3; error 4; cannot open 'the file' in …");
        assert_eq!(super::heard(file, || ()).1, "");
    }
}
