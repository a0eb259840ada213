//! Why there is no model file, and what to do about it.

use std::{io, path::PathBuf};
use thiserror::Error;

/// Why a model file cannot be had. Every text says what to do.
#[derive(Debug, Error)]
pub enum ModelError {
    /// There is nowhere to keep files.
    #[error("there is no place for model files: set CAUSERIE_MODELS_DIR to a directory, or HOME")]
    NoDirectory,
    /// An environment variable or a file of pip holds something unusable.
    #[error("{name} cannot be used: {reason}")]
    Setting {
        /// The variable or the file.
        name: String,
        /// What is wrong with it, without its value, which may hold a secret.
        reason: String,
    },
    /// The file is not here.
    #[error("the model {model} is not here ({}): {}", path.display(), remedy(model, path))]
    Missing {
        /// The model, as it is named.
        model: String,
        /// Where it should be.
        path: PathBuf,
    },
    /// The file is here, and is not what it should be.
    #[error(
        "the file {} is damaged: {reason}. Delete it, then {}", path.display(), remedy(model, path)
    )]
    Corrupt {
        /// The model, as it is named.
        model: String,
        /// The file.
        path: PathBuf,
        /// What was seen.
        reason: String,
    },
    /// No source gave the file.
    #[error(
        "the model {model} could not be fetched:{}\nCheck the connection and the proxy settings \
         (HTTPS_PROXY), name a mirror of the hub in HF_ENDPOINT, or put the file at {} by hand",
        tried.iter().map(|(source, why)| format!("\n  {source}: {why}")).collect::<String>(),
        path.display()
    )]
    NoSource {
        /// The model, as it is named.
        model: String,
        /// Where its file would be.
        path: PathBuf,
        /// Every source, and why it did not work.
        tried: Vec<(String, SourceFailure)>,
    },
    /// The disk is full, or would be.
    #[error(
        "there is not enough room in {}{}: free some, or set CAUSERIE_MODELS_DIR to another disk",
        path.display(),
        needed.map(|bytes| format!(" for {} MB more", bytes.div_ceil(1_000_000))).unwrap_or_default()
    )]
    DiskFull {
        /// The directory.
        path: PathBuf,
        /// The bytes still missing, if known.
        needed: Option<u64>,
    },
    /// The disk would not do it.
    #[error("{} cannot be used: {source}. Check that it exists and may be written", path.display())]
    Disk {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl ModelError {
    /// Tells a full disk from any other trouble with it.
    pub(super) fn disk(path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                ModelError::DiskFull { path, needed: None }
            }
            _ => ModelError::Disk { path, source },
        }
    }
}

/// Why one source did not give the file.
#[derive(Debug, Error)]
pub enum SourceFailure {
    /// It could not be reached.
    #[error("it cannot be reached ({0})")]
    Unreachable(String),
    /// Nothing came for too long.
    #[error("nothing came for {0} s")]
    Stalled(u64),
    /// It broke off, again and again.
    #[error("the download broke off after {done} bytes, several times")]
    Cut {
        /// The bytes that had come.
        done: u64,
    },
    /// It has no such file.
    #[error("it has no such file (HTTP {0}); check the name and the revision")]
    NotFound(u16),
    /// It wants to know who we are.
    #[error(
        "it refuses (HTTP {0}); for a model behind a licence, accept the licence on its page and \
         set HF_TOKEN"
    )]
    Forbidden(u16),
    /// It answered something else.
    #[error("it answers HTTP {0}")]
    Status(u16),
    /// What it gave, or announces, is not the file we know.
    #[error("it offers another file: SHA-256 {actual} in place of {wanted}")]
    WrongSum {
        /// What came.
        actual: String,
        /// What should have come.
        wanted: String,
    },
    /// It gave more or less than it said.
    #[error("it gave {actual} bytes in place of {wanted}")]
    WrongSize {
        /// What came.
        actual: u64,
        /// What should have come.
        wanted: u64,
    },
    /// What it gave cannot be read.
    #[error("it gave something that cannot be read: {0}")]
    Unreadable(&'static str),
}

/// What to do to have the file. A file of one's own can only be named better.
fn remedy(model: &str, path: &std::path::Path) -> String {
    if path.as_os_str() == model {
        "check the path, or name a model of `causerie models list`".to_owned()
    } else {
        format!("run `causerie models pull {model}`")
    }
}
