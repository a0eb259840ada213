//! Model files on disk: sums, the note beside a file, and the lock while it is fetched.

use super::{ModelRef, error::ModelError, progress::Checked};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File, TryLockError},
    io::{self, Read},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// What was learnt at the pull, kept beside the file so that it can be verified later.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Sidecar {
    pub(super) size: u64,
    pub(super) sha256: String,
    pub(super) checked: Checked,
    /// When the file had changed last, in nanoseconds since 1970, as it was read whole and found
    /// sound.
    #[serde(default)]
    pub(super) sound_as_of: Option<u64>,
}

impl Sidecar {
    fn path(file: &Path) -> PathBuf {
        beside(file, "json")
    }

    /// `None` if there is none, or none that can be read: then nothing is known of the file.
    pub(super) fn read(file: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(Self::path(file)).ok()?).ok()
    }

    pub(super) fn write(&self, file: &Path) -> Result<(), ModelError> {
        let path = Self::path(file);
        let json = serde_json::to_vec(self).expect("plain fields");
        fs::write(&path, json).map_err(|error| ModelError::disk(path, error))
    }
}

/// When a file was changed last, in nanoseconds since 1970.
pub(super) fn changed(path: &Path) -> Option<u64> {
    let changed = fs::metadata(path).ok()?.modified().ok()?;
    let since = changed.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok()
}

/// `file` with `.suffix` behind its whole name.
pub(crate) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// Held while a file is fetched. The lock is the system's, so it ends with the process however
/// that ends; the lock file stays, since removing it would let two processes lock two files.
pub(crate) struct Lock(#[expect(dead_code, reason = "held for its drop")] File);

impl Lock {
    /// `None` if another process holds it.
    pub(crate) fn try_take(file: &Path) -> Result<Option<Self>, ModelError> {
        let path = beside(file, "lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| ModelError::disk(&path, error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self(lock))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(ModelError::disk(path, error)),
        }
    }
}

/// Sees whether `needed` bytes more fit into `dir`. A file system that does not tell is believed to
/// have room.
pub(crate) fn check_room(dir: &Path, needed: u64) -> Result<(), ModelError> {
    match fs4::available_space(dir) {
        Ok(room) if room < needed => Err(ModelError::DiskFull {
            path: dir.to_owned(),
            needed: Some(needed),
        }),
        _ => Ok(()),
    }
}

/// The size of a file; `None` if there is no such file.
pub(super) fn size_of(path: &Path) -> Option<u64> {
    fs::metadata(path)
        .ok()
        .filter(fs::Metadata::is_file)
        .map(|meta| meta.len())
}

/// Every model file below `dir`, in order of path. A directory that is missing has none.
pub(super) fn gguf_files(dir: &Path) -> Result<Vec<PathBuf>, ModelError> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(ModelError::disk(dir, error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| ModelError::disk(&dir, error))?;
            let kind = entry
                .file_type()
                .map_err(|error| ModelError::disk(entry.path(), error))?;
            let path = entry.path();
            if kind.is_dir() {
                open.push(path);
            } else if path
                .extension()
                .is_some_and(|end| end.eq_ignore_ascii_case("gguf"))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Sees whether a file begins as model files do.
pub(super) fn check_magic(path: &Path, model: &ModelRef) -> Result<(), ModelError> {
    if has_magic(path).map_err(|error| ModelError::disk(path, error))? {
        return Ok(());
    }
    Err(ModelError::Corrupt {
        model: model.to_string(),
        path: path.to_owned(),
        reason: "it is no GGUF file".to_owned(),
    })
}

pub(super) fn has_magic(path: &Path) -> io::Result<bool> {
    let mut head = Vec::with_capacity(4);
    File::open(path)?.take(4).read_to_end(&mut head)?;
    Ok(head == b"GGUF")
}

/// The SHA-256 of a whole file. Reads on a thread of its own, for it may take seconds.
pub(super) async fn sum_of(path: &Path) -> Result<String, ModelError> {
    hash_file(path.to_owned())
        .await
        .map(|(hasher, _)| hexadecimal(hasher))
}

/// The state of the sum after a whole file, and its length.
pub(super) async fn hash_file(path: PathBuf) -> Result<(Sha256, u64), ModelError> {
    let read = move || -> Result<(Sha256, u64), ModelError> {
        let wrong = |error| ModelError::disk(&path, error);
        let mut file = File::open(&path).map_err(wrong)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        let mut len = 0;
        loop {
            let read = file.read(&mut buffer).map_err(wrong)?;
            if read == 0 {
                return Ok((hasher, len));
            }
            hasher.update(&buffer[..read]);
            len += read as u64;
        }
    };
    tokio::task::spawn_blocking(read)
        .await
        .expect("reading a file does not panic")
}

/// A finished sum, as people write it.
pub(super) fn hexadecimal(hasher: Sha256) -> String {
    hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
