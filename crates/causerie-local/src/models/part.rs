//! A file that is coming in.
//!
//! Bytes go into a part file beside the place they are for. Its name holds the beginning of the sum
//! the file must have, so what lies there after a crash is either the beginning of the same file
//! or not looked at.

use super::{
    disk,
    error::{ModelError, SourceFailure},
    fetch::{Arrived, Job, Trouble},
};
use reqwest::header::HeaderValue;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use tokio::{
    fs::File,
    io::{AsyncSeekExt, AsyncWriteExt, BufWriter},
};

/// The growing file and its growing sum.
pub(super) struct Part {
    path: PathBuf,
    file: BufWriter<File>,
    hasher: Sha256,
    pub(super) len: u64,
    /// The bytes that came since it was opened, those thrown away included.
    pub(super) received: u64,
    /// What the server calls the state of the file that these are bytes of.
    pub(super) tag: Option<HeaderValue>,
}

impl Part {
    pub(super) async fn open(path: &Path, resume: bool) -> Result<Self, ModelError> {
        let wrong = |error| ModelError::disk(path, error);
        let (hasher, len) = if resume && disk::size_of(path).is_some() {
            disk::hash_file(path.to_owned()).await?
        } else {
            (Sha256::new(), 0)
        };
        let mut file = File::options()
            .create(true)
            .truncate(len == 0)
            .write(true)
            .open(path)
            .await
            .map_err(wrong)?;
        file.seek(std::io::SeekFrom::Start(len))
            .await
            .map_err(wrong)?;
        let file = BufWriter::with_capacity(1 << 20, file);
        Ok(Self {
            path: path.to_owned(),
            file,
            hasher,
            len,
            received: 0,
            tag: None,
        })
    }

    pub(super) async fn append(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        self.file
            .write_all(bytes)
            .await
            .map_err(|error| self.wrong(error))?;
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        self.received += bytes.len() as u64;
        Ok(())
    }

    /// Throws away what is there.
    pub(super) async fn restart(&mut self) -> Result<(), ModelError> {
        // A write still under way would land in the new file.
        self.flush().await?;
        let received = self.received;
        *self = Self::open(&self.path, false).await?;
        self.received = received;
        Ok(())
    }

    /// Writes down what has come, so that the next attempt or process can go on from there.
    pub(super) async fn flush(&mut self) -> Result<(), ModelError> {
        self.file.flush().await.map_err(|error| self.wrong(error))
    }

    pub(super) fn check_room(&self, total: Option<u64>) -> Result<(), ModelError> {
        let Some(needed) = total.map(|total| total.saturating_sub(self.len)) else {
            return Ok(());
        };
        let dir = self.path.parent().unwrap_or(Path::new("."));
        disk::check_room(dir, needed)
    }

    /// Compares, and makes sure that the bytes are on the disk. A part that is wrong is removed.
    pub(super) async fn finish(&mut self, job: &Job<'_>) -> Result<Arrived, Trouble> {
        self.flush().await?;
        self.file
            .get_ref()
            .sync_all()
            .await
            .map_err(|error| self.wrong(error))?;
        let arrived = Arrived {
            size: self.len,
            sha256: disk::hexadecimal(self.hasher.clone()),
        };
        let failure = match (job.size, &job.sha256) {
            (Some(wanted), _) if wanted != arrived.size => SourceFailure::WrongSize {
                actual: arrived.size,
                wanted,
            },
            (_, Some(wanted)) if *wanted != arrived.sha256 => SourceFailure::WrongSum {
                actual: arrived.sha256,
                wanted: wanted.clone(),
            },
            _ => return Ok(arrived),
        };
        tokio::fs::remove_file(&self.path)
            .await
            .map_err(|error| self.wrong(error))?;
        Err(failure.into())
    }

    fn wrong(&self, error: std::io::Error) -> ModelError {
        ModelError::disk(&self.path, error)
    }
}

/// The name of the part that becomes `target`, with the beginning of the sum it will have.
pub(super) fn part_of(target: &Path, sha256: Option<&str>) -> PathBuf {
    let sum = sha256.and_then(|sum| sum.get(..16)).unwrap_or("unknown");
    disk::beside(target, &format!("{sum}.part"))
}
