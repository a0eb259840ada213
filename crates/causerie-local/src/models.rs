//! Model files: which there are, where they lie, and how they come here.
//!
//! In reading order:
//!
//! * [`catalogue`]: models known by name
//! * [`reference`](mod@reference): what a person writes to name one
//! * [`origins`]: the servers files come from
//! * [`progress`], [`error`]: what a pull tells while it runs, and why it did not work
//!
//! What can be checked is checked. A file of the catalogue is compared with the sum that stands
//! there, wherever it comes from. For any other file of the hub we compare with the SHA-256 the hub itself
//! announces: that catches a damaged or cut file, but not a hub that lies.

pub mod catalogue;
pub(crate) mod disk;
pub mod error;
mod fetch;
mod hub;
mod index;
pub mod origins;
mod part;
pub mod progress;
mod pull;
pub mod reference;
mod wheel;

#[cfg(test)]
mod tests;

pub use catalogue::{BETTER, CATALOGUE, CatalogueEntry, DEFAULT_MODEL, Source};
pub use error::{ModelError, SourceFailure};
pub use origins::Origins;
pub use progress::{Checked, Progress, PullEvent, Pulled, Stage};
pub use reference::{HubFile, ModelRef, ModelRefError};

use self::disk::Sidecar;
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// The directory of model files, and the way to fill it.
#[derive(Clone, Debug)]
pub struct Models {
    dir: PathBuf,
    origins: Origins,
}

/// A model that can be had, or is here already.
#[derive(Clone, Debug)]
pub struct Listed {
    /// What to write to name it.
    pub reference: ModelRef,
    /// Where its file is, or would be.
    pub path: PathBuf,
    /// The bytes it takes on disk; `None` if it is not here.
    pub present: Option<u64>,
}

impl Models {
    /// Keeps model files in `dir`, and fetches them from the public servers.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            origins: Origins::default(),
        }
    }

    /// Fetches from `origins` instead.
    pub fn with_origins(mut self, origins: Origins) -> Self {
        self.origins = origins;
        self
    }

    /// As the environment says: `CAUSERIE_MODELS_DIR`, else `causerie/models` in the user's cache
    /// directory; and the servers of [`Origins::from_env`].
    ///
    /// # Errors
    /// [`ModelError::NoDirectory`] if there is no home directory, [`ModelError::Setting`] if a
    /// variable holds something unusable.
    pub fn from_env() -> Result<Self, ModelError> {
        let dir = default_dir(|name| env::var(name).ok()).ok_or(ModelError::NoDirectory)?;
        Ok(Self::new(dir).with_origins(Origins::from_env()?))
    }

    /// Where the files are kept.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the file of `model` is, or would be.
    pub fn path_of(&self, model: &ModelRef) -> PathBuf {
        match model {
            ModelRef::Named(entry) => self.dir.join(entry.file),
            ModelRef::File(path) => path.clone(),
            ModelRef::Hub(file) => self
                .dir
                .join("hf")
                .join(&file.owner)
                .join(&file.repo)
                .join(file.revision.as_deref().unwrap_or("main"))
                .join(&file.file),
        }
    }

    /// The whole catalogue, then every other model file that lies here.
    ///
    /// # Errors
    /// [`ModelError::Disk`] if the directory cannot be read; a missing one is empty.
    pub fn list(&self) -> Result<Vec<Listed>, ModelError> {
        let mut listed: Vec<Listed> = CATALOGUE
            .iter()
            .map(|entry| {
                let reference = ModelRef::Named(entry);
                let path = self.path_of(&reference);
                Listed {
                    present: disk::size_of(&path),
                    reference,
                    path,
                }
            })
            .collect();
        for path in disk::gguf_files(&self.dir)? {
            if listed.iter().any(|known| known.path == path) {
                continue;
            }
            let reference = ModelRef::of_stored(&self.dir, &path);
            listed.push(Listed {
                present: disk::size_of(&path),
                reference,
                path,
            });
        }
        Ok(listed)
    }

    /// The file of `model` if it is here and has the size it should have. Looks at no content, so
    /// it is quick enough for every start; [`Models::verify`] is the thorough one, which
    /// [`Models::pull`] does.
    ///
    /// # Errors
    /// [`ModelError::Missing`] or [`ModelError::Corrupt`], both saying what to do.
    pub fn find(&self, model: &ModelRef) -> Result<PathBuf, ModelError> {
        let path = self.path_of(model);
        let size = disk::size_of(&path).ok_or_else(|| ModelError::Missing {
            model: model.to_string(),
            path: path.clone(),
        })?;
        match self.expected(model, &path).size {
            Some(wanted) if wanted != size => Err(ModelError::Corrupt {
                model: model.to_string(),
                path,
                reason: format!("it has {size} bytes and should have {wanted}"),
            }),
            _ => disk::check_magic(&path, model).map(|()| path),
        }
    }

    /// Reads the whole file of `model` and compares it with its sum.
    ///
    /// # Errors
    /// [`ModelError::Missing`] or [`ModelError::Corrupt`], both saying what to do.
    pub async fn verify(&self, model: &ModelRef) -> Result<Checked, ModelError> {
        let path = self.find(model)?;
        let expected = self.expected(model, &path);
        let Some(wanted) = expected.sha256 else {
            return Ok(Checked::Nothing);
        };
        let changed = disk::changed(&path);
        let actual = disk::sum_of(&path).await?;
        if actual == wanted {
            let note = Sidecar {
                size: disk::size_of(&path).unwrap_or_default(),
                sha256: wanted,
                checked: expected.by,
                sound_as_of: changed,
            };
            // Without the note it is only read again the next time.
            let _ = note.write(&path);
            return Ok(expected.by);
        }
        Err(ModelError::Corrupt {
            model: model.to_string(),
            path,
            reason: format!("its SHA-256 is {actual} and should be {wanted}"),
        })
    }

    /// Like [`Models::verify`], but a file that has not changed since is not read again.
    async fn verify_once(&self, model: &ModelRef) -> Result<Checked, ModelError> {
        let path = self.find(model)?;
        let expected = self.expected(model, &path);
        let sound = Sidecar::read(&path).is_some_and(|note| {
            Some(note.size) == disk::size_of(&path)
                && Some(note.sha256) == expected.sha256
                && note.sound_as_of.is_some()
                && note.sound_as_of == disk::changed(&path)
        });
        match sound {
            true => Ok(expected.by),
            false => self.verify(model).await,
        }
    }

    /// Says once what to expect of a model that only shows that everything works, and names better
    /// ones. `None` for any other model, and once it has been said: a file beside the model's
    /// remembers.
    pub fn advice(&self, model: &ModelRef) -> Option<String> {
        let ModelRef::Named(entry) = model else {
            return None;
        };
        let said = disk::beside(&self.path_of(model), "advised");
        if !entry.demonstration || said.exists() {
            return None;
        }
        // Where nothing can be remembered it is said again: better than never.
        let _ = fs::write(said, "");
        let better = |name: &&str| {
            let entry = CatalogueEntry::named(name)?;
            Some(format!("{name} ({})", entry.good_for))
        };
        let better: Vec<String> = BETTER.iter().filter_map(better).collect();
        Some(format!(
            "{} is a demonstration: {}. Better ones are {}. `causerie models list` shows all; name \
             one as `model` in the configuration.",
            entry.name,
            entry.good_for,
            better.join(", ")
        ))
    }

    /// Brings the file of `model` here, unless it is here already and sound: from its sources in
    /// order,
    /// resuming what an earlier attempt left, checked while it comes in, and put in place in one
    /// step. Two processes that pull the same file do so one after the other. `watch` is called
    /// from this future, often; it must return quickly.
    ///
    /// # Errors
    /// Every variant of [`ModelError`] says what to do.
    ///
    /// # Cancel safety
    /// Dropping the future stops the download; the next pull goes on where it stopped.
    pub async fn pull(
        &self,
        model: &ModelRef,
        watch: &(dyn Fn(PullEvent) + Send + Sync),
    ) -> Result<Pulled, ModelError> {
        pull::pull(self, model, watch).await
    }

    /// What is known of the file: the catalogue's word first, else what was noted at the pull.
    fn expected(&self, model: &ModelRef, path: &Path) -> Expected {
        if let ModelRef::Named(entry) = model {
            return Expected {
                size: Some(entry.size),
                sha256: Some(entry.sha256.to_owned()),
                by: Checked::Catalogue,
            };
        }
        match Sidecar::read(path) {
            Some(noted) => Expected {
                size: Some(noted.size),
                sha256: Some(noted.sha256),
                by: noted.checked,
            },
            None => Expected {
                size: None,
                sha256: None,
                by: Checked::Nothing,
            },
        }
    }
}

/// What a finished file must be.
#[derive(Clone, Debug)]
struct Expected {
    size: Option<u64>,
    /// In lower-case hexadecimal.
    sha256: Option<String>,
    /// Who says so.
    by: Checked,
}

/// Where model files are kept when nothing else is said.
fn default_dir(variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let set = |name: &str| {
        variable(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(dir) = set("CAUSERIE_MODELS_DIR") {
        return Some(dir);
    }
    // The XDG rules say that a relative path here is to be ignored.
    let cache = set("XDG_CACHE_HOME")
        .filter(|dir| dir.is_absolute())
        .or_else(|| set("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("causerie").join("models"))
}
