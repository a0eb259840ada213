//! The Hugging Face hub, or a mirror of it.

use super::{
    Expected,
    error::SourceFailure,
    fetch::{Arrived, Fetcher, Job, Trouble, status_failure},
    origins::Origins,
    part::part_of,
    progress::{Checked, Stage},
};
use reqwest::{
    StatusCode, Url,
    header::{HeaderMap, HeaderValue},
};
use std::path::{Path, PathBuf};

/// Fetches one file of a repository for `target`; gives back the part it lies in.
pub(super) async fn fetch(
    fetcher: &Fetcher<'_>,
    origins: &Origins,
    address: (&str, &str, &str),
    expected: &Expected,
    target: &Path,
) -> Result<(PathBuf, Arrived, Checked), Trouble> {
    let url = resolve(&origins.hub, address);
    let announced = announced(fetcher, origins, url.clone()).await?;
    let (sha256, checked) = match (&expected.sha256, announced.sha256) {
        (Some(wanted), Some(actual)) if *wanted != actual => {
            return Err(SourceFailure::WrongSum {
                actual,
                wanted: wanted.clone(),
            }
            .into());
        }
        (Some(wanted), _) => (Some(wanted.clone()), expected.by),
        (None, Some(actual)) => (Some(actual), Checked::Announced),
        (None, None) => (None, Checked::Nothing),
    };
    let job = Job {
        url,
        credential: origins.hub_credential.as_ref(),
        part: part_of(target, sha256.as_deref()),
        size: expected.size.or(announced.size),
        sha256,
    };
    let arrived = fetcher.download(&job).await?;
    Ok((job.part, arrived, checked))
}

/// What the hub says of a file before it sends it.
#[derive(Debug, Default)]
struct Announced {
    size: Option<u64>,
    sha256: Option<String>,
}

impl Announced {
    /// Large files are kept by their SHA-256, which the hub gives as the tag of what it links to.
    /// Only a tag of that shape is one; for small files it is another sum.
    fn note(&mut self, headers: &HeaderMap) {
        let value = |name: &str| {
            headers
                .get(name)
                .map(HeaderValue::to_str)
                .and_then(Result::ok)
        };
        if let Some(size) = value("x-linked-size").and_then(|size| size.parse().ok()) {
            self.size.get_or_insert(size);
        }
        let tag = value("x-linked-etag").map(|tag| tag.trim_start_matches("W/").trim_matches('"'));
        if let Some(sum) = tag.filter(|tag| is_sum(tag)) {
            self.sha256.get_or_insert(sum.to_ascii_lowercase());
        }
    }
}

async fn announced(
    fetcher: &Fetcher<'_>,
    origins: &Origins,
    url: Url,
) -> Result<Announced, SourceFailure> {
    fetcher.report(Stage::Connecting, 0, None);
    let mut announced = Announced::default();
    let credential = origins.hub_credential.as_ref();
    match fetcher
        .head(url, credential, |headers| announced.note(headers))
        .await?
    {
        // A mirror that knows no HEAD may still have the file.
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => Ok(announced),
        status if status.is_redirection() => Ok(announced),
        status => status_failure(status).map(|()| announced),
    }
}

fn resolve(hub: &Url, (repo, revision, file): (&str, &str, &str)) -> Url {
    let mut url = hub.clone();
    url.path_segments_mut()
        .expect("a web address has a path")
        .pop_if_empty()
        .extend(repo.split('/'))
        .extend(["resolve", revision])
        .extend(file.split('/'));
    url
}

fn is_sum(tag: &str) -> bool {
    tag.len() == 64 && tag.bytes().all(|b| b.is_ascii_hexdigit())
}
