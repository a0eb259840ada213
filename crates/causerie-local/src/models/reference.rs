//! What a person writes to name a model.

use super::catalogue::{CATALOGUE, CatalogueEntry};
use std::{
    fmt,
    path::{Component, Path, PathBuf},
    str::FromStr,
};
use thiserror::Error;

/// A model, as named on the command line or in the configuration.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelRef {
    /// One of the catalogue: `smollm2-135m`.
    Named(&'static CatalogueEntry),
    /// A file of one's own: anything with a slash in it, or ending in `.gguf`.
    File(PathBuf),
    /// A file of the Hugging Face hub: `hf:owner/repo/file.gguf`, with `@revision` if wanted.
    Hub(HubFile),
}

/// A file of the Hugging Face hub.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HubFile {
    /// Who published it.
    pub owner: String,
    /// The repository.
    pub repo: String,
    /// Its path in the repository.
    pub file: String,
    /// A branch, a tag or a commit; `None` for the newest.
    pub revision: Option<String>,
}

/// Why a text names no model.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ModelRefError {
    /// It has no characters.
    #[error("a model needs a name; `causerie models list` shows those that are known")]
    Empty,
    /// The catalogue has no such name.
    #[error(
        "there is no model {name:?}{}; `causerie models list` shows those that are known, and a \
         path or hf:owner/repo/file.gguf names any other",
        suggestion.map(|name| format!(", did you mean {name:?}?")).unwrap_or_default()
    )]
    Unknown {
        /// What was written.
        name: String,
        /// A name that looks like it.
        suggestion: Option<&'static str>,
    },
    /// It begins with `hf:` and does not go on as it should.
    #[error(
        "{text:?} is not of the form hf:owner/repo/file.gguf or hf:…/file.gguf@revision: {reason}"
    )]
    Hub {
        /// What was written.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl ModelRef {
    /// Reads what a person wrote. Looks at no disk.
    ///
    /// # Errors
    /// If it names no model, with the nearest name that does.
    pub fn parse(text: &str) -> Result<Self, ModelRefError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ModelRefError::Empty);
        }
        if let Some(rest) = text.strip_prefix("hf:") {
            return HubFile::parse(text, rest.trim_start_matches("//")).map(ModelRef::Hub);
        }
        if let Some(entry) = CATALOGUE
            .iter()
            .find(|entry| entry.name == text.to_ascii_lowercase())
        {
            return Ok(ModelRef::Named(entry));
        }
        if text.contains(['/', '\\']) || is_gguf(text) {
            return Ok(ModelRef::File(PathBuf::from(text)));
        }
        Err(ModelRefError::Unknown {
            name: text.to_owned(),
            suggestion: nearest(text),
        })
    }

    /// The reference of a file that lies in `dir`, so that it can be listed.
    pub(super) fn of_stored(dir: &Path, path: &Path) -> Self {
        let parts: Option<Vec<&str>> = path
            .strip_prefix(dir.join("hf"))
            .ok()
            .and_then(|rest| rest.iter().map(|part| part.to_str()).collect());
        match parts.as_deref() {
            Some([owner, repo, revision, file @ ..]) if !file.is_empty() => {
                ModelRef::Hub(HubFile {
                    owner: (*owner).to_owned(),
                    repo: (*repo).to_owned(),
                    file: file.join("/"),
                    revision: (*revision != "main").then(|| (*revision).to_owned()),
                })
            }
            _ => ModelRef::File(path.to_owned()),
        }
    }
}

impl FromStr for ModelRef {
    type Err = ModelRefError;

    fn from_str(text: &str) -> Result<Self, ModelRefError> {
        Self::parse(text)
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ModelRef::Named(entry) => f.write_str(entry.name),
            ModelRef::File(path) => write!(f, "{}", path.display()),
            ModelRef::Hub(file) => write!(f, "{file}"),
        }
    }
}

impl fmt::Display for HubFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hf:{}/{}/{}", self.owner, self.repo, self.file)?;
        match &self.revision {
            Some(revision) => write!(f, "@{revision}"),
            None => Ok(()),
        }
    }
}

impl HubFile {
    fn parse(text: &str, rest: &str) -> Result<Self, ModelRefError> {
        let wrong = |reason| ModelRefError::Hub {
            text: text.to_owned(),
            reason,
        };
        let (path, revision) = match rest.rsplit_once('@') {
            Some((_, "")) => return Err(wrong("there is nothing after the @")),
            Some((path, revision)) => (path, Some(revision)),
            None => (rest, None),
        };
        let mut parts = path.splitn(3, '/');
        let (Some(owner), Some(repo), Some(file)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong("it needs an owner, a repository and a file"));
        };
        // Every piece becomes part of a path on disk and of an address.
        for piece in [owner, repo]
            .into_iter()
            .chain(file.split('/'))
            .chain(revision)
        {
            if !is_plain(piece) {
                return Err(wrong(
                    "a part of it is empty or has a character that is not allowed",
                ));
            }
        }
        if !is_gguf(file) {
            return Err(wrong("the file must end in .gguf"));
        }
        if is_split(file) {
            return Err(wrong(
                "this file is one of several parts; choose one that is whole",
            ));
        }
        Ok(Self {
            owner: owner.to_owned(),
            repo: repo.to_owned(),
            file: file.to_owned(),
            revision: revision.map(str::to_owned),
        })
    }
}

fn is_gguf(text: &str) -> bool {
    text.len() > 5 && text.to_ascii_lowercase().ends_with(".gguf")
}

fn is_plain(piece: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    matches!(
        Path::new(piece).components().next(),
        Some(Component::Normal(_))
    ) && piece.chars().all(allowed)
}

/// Whether the name says `-00001-of-00003`.
fn is_split(file: &str) -> bool {
    let stem = &file[..file.len() - 5];
    let Some((before, total)) = stem.rsplit_once("-of-") else {
        return false;
    };
    let number = before.rsplit('-').next().unwrap_or_default();
    let digits = |text: &str| text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
    digits(total) && digits(number)
}

fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    CATALOGUE
        .iter()
        .map(|entry| (strsim::jaro_winkler(&name, entry.name), entry.name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_paths_and_hub_files_are_told_apart() {
        assert!(matches!(
            ModelRef::parse("smollm2-135m"),
            Ok(ModelRef::Named(_))
        ));
        assert!(matches!(
            ModelRef::parse(" SmolLM2-135M "),
            Ok(ModelRef::Named(_))
        ));
        assert_eq!(
            ModelRef::parse("./x.gguf"),
            Ok(ModelRef::File("./x.gguf".into()))
        );
        assert_eq!(
            ModelRef::parse("x.gguf"),
            Ok(ModelRef::File("x.gguf".into()))
        );
        assert_eq!(
            ModelRef::parse("/m/model"),
            Ok(ModelRef::File("/m/model".into()))
        );
        let Ok(ModelRef::Hub(file)) = ModelRef::parse("hf:o/r/sub/f.gguf@v1.0") else {
            panic!("a hub file")
        };
        assert_eq!(
            (&*file.owner, &*file.repo, &*file.file),
            ("o", "r", "sub/f.gguf")
        );
        assert_eq!(file.revision.as_deref(), Some("v1.0"));
        assert_eq!(file.to_string(), "hf:o/r/sub/f.gguf@v1.0");
    }

    #[test]
    fn a_misspelt_name_brings_the_right_one() {
        let error = ModelRef::parse("smolm2-135").unwrap_err();
        assert!(
            error.to_string().contains("did you mean \"smollm2-135m\"?"),
            "{error}"
        );
        let error = ModelRef::parse("zzzz").unwrap_err();
        assert!(!error.to_string().contains("did you mean"), "{error}");
        assert_eq!(ModelRef::parse("  "), Err(ModelRefError::Empty));
    }

    #[test]
    fn a_bad_hub_file_says_why() {
        let reason = |text: &str| match ModelRef::parse(text).unwrap_err() {
            ModelRefError::Hub { reason, .. } => reason,
            other => panic!("{other}"),
        };
        assert!(reason("hf:owner/repo").contains("a file"));
        assert!(reason("hf:o/r/f.bin").contains(".gguf"));
        assert!(reason("hf:o/r/../../f.gguf").contains("not allowed"));
        assert!(reason("hf:o/../f.gguf").contains("not allowed"));
        assert!(reason("hf:o/r/f.gguf@..").contains("not allowed"));
        assert!(reason("hf:o/r/f.gguf@").contains("after the @"));
        assert!(reason("hf:o/r/f-00001-of-00002.gguf").contains("several parts"));
    }

    #[test]
    fn a_stored_file_is_named_as_it_was_pulled() {
        let dir = Path::new("/models");
        for text in ["hf:o/r/sub/f.gguf@v1", "hf:o/r/f.gguf"] {
            let reference = ModelRef::parse(text).unwrap();
            let path = crate::models::Models::new(dir).path_of(&reference);
            assert_eq!(ModelRef::of_stored(dir, &path), reference);
        }
        let own = Path::new("/models/own.gguf");
        assert_eq!(ModelRef::of_stored(dir, own), ModelRef::File(own.into()));
    }
}
