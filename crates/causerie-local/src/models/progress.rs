//! What a pull tells while it runs, and at its end.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Something to show while a file comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullEvent {
    /// How far it is. Comes often; only the latest matters.
    Progress(Progress),
    /// One line worth keeping: a source that did not work, and which is tried next.
    Note(String),
}

/// How far a pull is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// The server it is done with, as people know it.
    pub source: String,
    /// Bytes so far in this stage.
    pub done: u64,
    /// Bytes in all, once known.
    pub total: Option<u64>,
}

/// What a pull is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Another process pulls the same file; we wait for it.
    Waiting,
    /// A server is asked.
    Connecting,
    /// Bytes come in.
    Downloading,
    /// The model is taken out of the archive it came in.
    Unpacking,
}

impl Progress {
    /// From 0 to 100; 100 only when everything is there. `None` while the size is unknown.
    pub fn percent(&self) -> Option<u8> {
        let total = self.total.filter(|total| *total > 0)?;
        let percent = u128::from(self.done) * 100 / u128::from(total);
        Some(u8::try_from(percent.min(100)).expect("at most 100"))
    }
}

/// A file that is here now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it was here before.
    pub was_here: bool,
    /// What it was compared with.
    pub checked: Checked,
}

/// What a file was compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Checked {
    /// The SHA-256 that this program knows.
    Catalogue,
    /// The SHA-256 that the server announced: whole, if the server is honest.
    Announced,
    /// Nothing: no sum is known.
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_percent_means_all() {
        let at = |done, total| {
            Progress {
                stage: Stage::Downloading,
                source: String::new(),
                done,
                total,
            }
            .percent()
        };
        assert_eq!(at(0, Some(1000)), Some(0));
        assert_eq!(at(999, Some(1000)), Some(99));
        assert_eq!(at(1000, Some(1000)), Some(100));
        assert_eq!(at(5, None), None);
        assert_eq!(at(0, Some(0)), None);
    }
}
