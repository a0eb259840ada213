//! The states of idle conversations on disk.

use causerie_core::id::ConversationId;
use llama_cpp_2::{context::LlamaContext, token::LlamaToken};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    ffi::OsString,
    fs::{self, DirBuilder, File},
    io::Read,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// What a change of ours to the meaning of the files is told by.
const FORMAT: &str = "3";
const SUFFIX: &str = "state";

/// A bounded directory of states; the longest unused goes first.
///
/// A file's name says whose state it is (as a hash), which model's, and how long it is. It gets
/// that name when it is complete, so one that a crash cut never has the right length.
pub(crate) struct Saved {
    dir: PathBuf,
    model: String,
    most_bytes: u64,
    entries: HashMap<String, Entry>,
    bytes: u64,
    /// Grows with each use: larger is later.
    uses: u64,
}

struct Entry {
    path: PathBuf,
    bytes: u64,
    used: u64,
}

impl Saved {
    /// Opens `dir` for the states of the model at `model`. States of other models and files that
    /// are not whole are removed when they are found.
    ///
    /// # Errors
    /// If the directory cannot be made or read.
    pub(crate) fn open(dir: &Path, model: &Path, most_bytes: u64) -> std::io::Result<Self> {
        make_private(dir)?;
        let mut saved = Self {
            dir: dir.to_owned(),
            model: fingerprint(model)?,
            most_bytes,
            entries: HashMap::new(),
            bytes: 0,
            uses: 0,
        };
        let mut found: Vec<(SystemTime, PathBuf)> = fs::read_dir(dir)?
            .flatten()
            .filter(|entry| {
                entry
                    .path()
                    .extension()
                    .is_some_and(|end| end == SUFFIX || end == "part")
            })
            .map(|entry| (modified(&entry.path()), entry.path()))
            .collect();
        found.sort();
        for (_, path) in found {
            saved.adopt(&path);
        }
        saved.shrink();
        Ok(saved)
    }

    /// Saves what `sequence` of `context` holds: `tokens`. A failure costs time later and nothing
    /// else, so it is only logged.
    pub(crate) fn save(
        &mut self,
        conversation: &ConversationId,
        context: &LlamaContext<'_>,
        sequence: i32,
        tokens: &[LlamaToken],
    ) {
        let key = name_of(conversation);
        self.remove(&key);
        let part = self.dir.join(format!("{key}.part"));
        let bytes = match context.state_seq_save_file(&part, sequence, tokens) {
            Ok(_) => fs::metadata(&part).map_or(0, |meta| meta.len()),
            Err(error) => {
                tracing::warn!(%error, "the state of an idle conversation could not be saved");
                let _ = fs::remove_file(&part);
                return;
            }
        };
        let path = self
            .dir
            .join(format!("{key}.{}.{bytes}.{SUFFIX}", self.model));
        if let Err(error) = fs::rename(&part, &path) {
            tracing::warn!(%error, "the state of an idle conversation could not be saved");
            let _ = fs::remove_file(&part);
            return;
        }
        self.insert(key, path, bytes);
        self.shrink();
    }

    /// Restores into `sequence` and gives back the tokens it then holds. `None` if there is
    /// nothing or it is of no use; the sequence is to be cleared then. The file goes either way:
    /// the slot is newer from now on.
    pub(crate) fn restore(
        &mut self,
        conversation: &ConversationId,
        context: &mut LlamaContext<'_>,
        sequence: i32,
        most_tokens: usize,
    ) -> Option<Vec<LlamaToken>> {
        let key = name_of(conversation);
        let entry = self.entries.get(&key)?;
        let whole = fs::metadata(&entry.path).is_ok_and(|meta| meta.len() == entry.bytes);
        let restored = whole
            .then(|| context.state_seq_load_file(&entry.path, sequence, most_tokens))
            .and_then(Result::ok)
            .map(|(tokens, _)| tokens);
        self.remove(&key);
        restored
    }

    /// Whether there is a state of `conversation`.
    pub(crate) fn has(&self, conversation: &ConversationId) -> bool {
        self.entries.contains_key(&name_of(conversation))
    }

    /// Removes what there is of `conversation`.
    pub(crate) fn forget(&mut self, conversation: &ConversationId) {
        self.remove(&name_of(conversation));
    }

    fn adopt(&mut self, path: &Path) {
        let bytes = fs::metadata(path).map_or(0, |meta| meta.len());
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let parts: Vec<&str> = name
            .as_deref()
            .map(|name| name.split('.').collect())
            .unwrap_or_default();
        match parts[..] {
            [key, model, size, SUFFIX] if model == self.model && size.parse() == Ok(bytes) => {
                self.insert(key.to_owned(), path.to_owned(), bytes);
            }
            _ => drop(fs::remove_file(path)),
        }
    }

    fn insert(&mut self, key: String, path: PathBuf, bytes: u64) {
        self.uses += 1;
        self.bytes += bytes;
        self.entries.insert(
            key,
            Entry {
                path,
                bytes,
                used: self.uses,
            },
        );
    }

    fn remove(&mut self, key: &str) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.bytes;
            if let Err(error) = remove_file(&entry.path) {
                tracing::warn!(%error, "a saved state could not be removed");
            }
        }
    }

    fn shrink(&mut self) {
        while self.bytes > self.most_bytes {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            self.remove(&key);
        }
    }
}

/// Where in `state_dir` the states of the model at `model` are: those of one are of no use to
/// another, though its file may be named alike.
pub(crate) fn dir_of(state_dir: &Path, model: &Path) -> PathBuf {
    state_dir.join(name_of_model(model))
}

/// A name for what belongs to the model at a path, readable and its own.
pub(crate) fn name_of_model(model: &Path) -> OsString {
    let mut name = model.file_stem().unwrap_or_default().to_owned();
    let path = Sha256::digest(model.as_os_str().as_encoded_bytes());
    name.push(format!("-{}", hex(&path[..4])));
    name
}

/// Removes what the [`state_dir`](crate::Config::state_dir) `dir` holds of `conversation`, of any
/// model, whether it is loaded or not.
pub fn forget(dir: &Path, conversation: &ConversationId) {
    let key = name_of(conversation);
    for model in entries(dir).filter(|path| path.is_dir()) {
        for path in entries(&model).filter(|path| is_named(path, &key)) {
            if let Err(error) = remove_file(&path) {
                tracing::warn!(%error, "a saved state could not be removed");
            }
        }
    }
}

/// Removes from the [`state_dir`](crate::Config::state_dir) `dir` the states of all models but
/// those at `models`: nobody would ever read them, nor look for what a person wants forgotten.
pub fn keep_only(dir: &Path, models: &[PathBuf]) {
    let kept: Vec<PathBuf> = models.iter().map(|model| dir_of(dir, model)).collect();
    for path in entries(dir).filter(|path| path.is_dir() && !kept.contains(path)) {
        if let Err(error) = fs::remove_dir_all(&path) {
            tracing::warn!(%error, "the states of a model that is no longer used could not be removed");
        }
    }
}

fn entries(dir: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.path())
}

fn is_named(path: &Path, key: &str) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with(key))
}

/// What somebody else has removed is gone too.
fn remove_file(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What the files of a conversation's states begin with: a hash, which names nobody.
pub fn name_of(conversation: &ConversationId) -> String {
    hex(&Sha256::digest(conversation.as_str().as_bytes())[..16])
}

/// Tells models apart without reading them whole: length, time of change, and the beginning.
fn fingerprint(model: &Path) -> std::io::Result<String> {
    let meta = fs::metadata(model)?;
    let mut beginning = vec![];
    File::open(model)?
        .take(64 << 10)
        .read_to_end(&mut beginning)?;
    let changed = modified(model)
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let mut hash = Sha256::new();
    hash.update(FORMAT);
    hash.update(meta.len().to_le_bytes());
    hash.update(changed.as_nanos().to_le_bytes());
    hash.update(&beginning);
    Ok(hex(&hash.finalize()[..8]))
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path)
        .and_then(|meta| meta.modified())
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The states hold what people wrote: nobody else may read them.
fn make_private(dir: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_goes_from_every_model_and_so_do_models_that_are_gone() {
        let dir = tempfile::tempdir().unwrap();
        let [a, b] = ["test/a", "test/b"].map(|id| ConversationId::new(id).unwrap());
        let file = |model: &str, conversation| {
            let dir = dir_of(dir.path(), Path::new(model));
            fs::create_dir_all(&dir).unwrap();
            let path = dir.join(format!("{}.0.0.{SUFFIX}", name_of(conversation)));
            fs::write(&path, "x").unwrap();
            path
        };
        let of_a = [file("/m/one.gguf", &a), file("/m/two.gguf", &a)];
        let of_b = [file("/m/one.gguf", &b), file("/m/two.gguf", &b)];
        forget(dir.path(), &a);
        assert!(of_a.iter().all(|path| !path.exists()));
        assert!(of_b.iter().all(|path| path.exists()));
        let elsewhere = file("/elsewhere/two.gguf", &b);
        keep_only(dir.path(), &["/m/two.gguf".into()]);
        assert_eq!(of_b.map(|path| path.exists()), [false, true]);
        assert!(!elsewhere.exists());
        forget(&dir.path().join("nowhere"), &a);
    }
}
