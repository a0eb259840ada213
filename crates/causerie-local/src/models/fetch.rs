//! One file from one server: redirects, resuming, patience, sum.
//!
//! If the sum comes out wrong after a resume, the part is thrown away and fetched afresh, once.

use super::{
    error::{ModelError, SourceFailure},
    origins::{Credential, Patience},
    part::Part,
    progress::{Progress, PullEvent, Stage},
};
use futures::StreamExt;
use reqwest::{
    Client, Method, Response, StatusCode, Url,
    header::{
        ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue,
        IF_RANGE, LOCATION, RANGE,
    },
};
use std::{path::PathBuf, time::Duration};
use tokio::time::timeout;

/// What happened instead of a file.
#[derive(Debug)]
pub(super) enum Trouble {
    /// With this source; another may do better.
    Source(SourceFailure),
    /// With this machine; no source will help.
    Here(ModelError),
}

impl From<SourceFailure> for Trouble {
    fn from(failure: SourceFailure) -> Self {
        Trouble::Source(failure)
    }
}

impl From<ModelError> for Trouble {
    fn from(error: ModelError) -> Self {
        Trouble::Here(error)
    }
}

/// What is to be fetched.
pub(super) struct Job<'a> {
    pub(super) url: Url,
    pub(super) credential: Option<&'a Credential>,
    /// Where the bytes go.
    pub(super) part: PathBuf,
    pub(super) size: Option<u64>,
    pub(super) sha256: Option<String>,
}

/// What came.
pub(super) struct Arrived {
    pub(super) size: u64,
    pub(super) sha256: String,
}

/// Talks to one source.
pub(super) struct Fetcher<'a> {
    client: &'a Client,
    patience: Patience,
    /// The source, as people know it.
    source: String,
    watch: &'a (dyn Fn(PullEvent) + Send + Sync),
}

/// The client for all sources. It follows no redirect by itself, so that no credential leaves its
/// server.
pub(super) fn client(patience: Patience) -> Client {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Fails only if somebody else was quicker, and then there is one.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    Client::builder()
        .connect_timeout(patience.connect)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("causerie/", env!("CARGO_PKG_VERSION")))
        .build()
        .expect("no setting here depends on anything outside")
}

impl<'a> Fetcher<'a> {
    pub(super) fn new(
        client: &'a Client,
        patience: Patience,
        source: String,
        watch: &'a (dyn Fn(PullEvent) + Send + Sync),
    ) -> Self {
        Self {
            client,
            patience,
            source,
            watch,
        }
    }

    pub(super) fn report(&self, stage: Stage, done: u64, total: Option<u64>) {
        let source = self.source.clone();
        (self.watch)(PullEvent::Progress(Progress {
            stage,
            source,
            done,
            total,
        }));
    }

    /// Gets `url`, wherever it leads.
    async fn get(
        &self,
        url: Url,
        credential: Option<&Credential>,
        headers: HeaderMap,
    ) -> Result<Response, SourceFailure> {
        let anywhere = |_: &Url, _: &Url| true;
        self.ask(Method::GET, url, credential, headers, anywhere, |_| ())
            .await
    }

    /// Asks what a server says of `url`. Goes no further than that server: another one it sends us
    /// to may give the file and yet not answer this.
    pub(super) async fn head(
        &self,
        url: Url,
        credential: Option<&Credential>,
        inspect: impl FnMut(&HeaderMap) + Send,
    ) -> Result<StatusCode, SourceFailure> {
        let at_home = |from: &Url, to: &Url| from.origin() == to.origin();
        let headers = HeaderMap::new();
        let response = self
            .ask(Method::HEAD, url, credential, headers, at_home, inspect)
            .await?;
        Ok(response.status())
    }

    /// Follows redirects as long as `follow` says so. `inspect` sees the head of every answer on
    /// the way: a hub says more about a file than the host it sends us to.
    async fn ask(
        &self,
        method: Method,
        mut url: Url,
        credential: Option<&Credential>,
        headers: HeaderMap,
        follow: impl Fn(&Url, &Url) -> bool + Send,
        mut inspect: impl FnMut(&HeaderMap) + Send,
    ) -> Result<Response, SourceFailure> {
        for _ in 0..10 {
            let request = match credential {
                Some(credential) => credential.present(self.client, method.clone(), &url),
                None => self.client.request(method.clone(), url.clone()),
            };
            let sent = timeout(self.patience.stall, request.headers(headers.clone()).send()).await;
            let response = sent
                .map_err(|_| self.stalled())?
                .map_err(|e| self.unreachable(e))?;
            inspect(response.headers());
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let next = response.headers().get(LOCATION);
            let next = next.and_then(|to| url.join(to.to_str().ok()?).ok());
            let next = next.filter(|next| is_safe(&url, next));
            let next = next.ok_or(SourceFailure::Unreadable(
                "a redirect that leads nowhere, or away from a secure connection",
            ))?;
            if !follow(&url, &next) {
                return Ok(response);
            }
            url = next;
        }
        Err(SourceFailure::Unreadable(
            "more redirects than there should be",
        ))
    }

    /// A small page, whole.
    pub(super) async fn page(
        &self,
        url: Url,
        credential: Option<&Credential>,
        accept: &'static str,
    ) -> Result<(Option<String>, Url, Vec<u8>), SourceFailure> {
        const LIMIT: usize = 16 << 20;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        let response = self.get(url, credential, headers).await?;
        status_failure(response.status())?;
        let kind = response.headers().get(reqwest::header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).map(str::to_owned);
        let from = response.url().clone();
        let mut page = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = timeout(self.patience.stall, chunks.next())
            .await
            .map_err(|_| self.stalled())?
        {
            page.extend_from_slice(&chunk.map_err(|error| self.unreachable(error))?);
            if page.len() > LIMIT {
                return Err(SourceFailure::Unreadable("a page that is far too long"));
            }
        }
        Ok((kind, from, page))
    }

    /// Fetches a file into its part, and checks it.
    pub(super) async fn download(&self, job: &Job<'_>) -> Result<Arrived, Trouble> {
        let mut part = Part::open(&job.part, job.sha256.is_some()).await?;
        let resumed = part.len > 0;
        match self.fill(job, &mut part).await {
            Err(Trouble::Source(
                SourceFailure::WrongSum { .. } | SourceFailure::WrongSize { .. },
            )) if resumed => {
                let mut part = Part::open(&job.part, false).await?;
                self.fill(job, &mut part).await
            }
            other => other,
        }
    }

    /// Goes on until the part is whole. A download that breaks off is taken up again as long as
    /// bytes come; a server that never sent one is given up at once, for the next source.
    async fn fill(&self, job: &Job<'_>, part: &mut Part) -> Result<Arrived, Trouble> {
        let mut fruitless = 0;
        loop {
            let before = part.received;
            let failure = match self.attempt(job, part).await {
                Ok(()) => return part.finish(job).await,
                Err(Trouble::Source(failure)) => failure,
                Err(here) => return Err(here),
            };
            part.flush().await?;
            fruitless = match part.received > before {
                true => 0,
                false => fruitless + 1,
            };
            let hopeless = part.received == 0 || fruitless >= self.patience.attempts;
            if hopeless || !is_passing(&failure) {
                return Err(failure.into());
            }
            tokio::time::sleep(self.patience.pause).await;
        }
    }

    async fn attempt(&self, job: &Job<'_>, part: &mut Part) -> Result<(), Trouble> {
        if job.size.is_some_and(|size| size == part.len) {
            return Ok(());
        }
        self.report(Stage::Connecting, part.len, job.size);
        let mut response = self.get_rest(job, part).await?;
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            // The part is longer than the file: it is of another one.
            part.restart().await?;
            response = self.get_rest(job, part).await?;
        }
        status_failure(response.status())?;
        match begins_at(&response) {
            0 => part.restart().await?,
            start if start == part.len => {}
            _ => return Err(SourceFailure::Unreadable("bytes that nobody asked for").into()),
        }
        part.tag = strong_tag(&response);
        let total = job
            .size
            .or_else(|| length_of(&response).map(|more| part.len + more));
        part.check_room(total)?;
        self.stream(response, part, total).await
    }

    /// Asks for what is missing. Without a sum to compare with at the end, a part is gone on with
    /// only if the server says that the file is still the same.
    async fn get_rest(&self, job: &Job<'_>, part: &Part) -> Result<Response, SourceFailure> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let known = job.sha256.is_some();
        if part.len > 0 && (known || part.tag.is_some()) {
            let range = HeaderValue::try_from(format!("bytes={}-", part.len)).expect("digits");
            headers.insert(RANGE, range);
            if let Some(tag) = part.tag.clone().filter(|_| !known) {
                headers.insert(IF_RANGE, tag);
            }
        }
        self.get(job.url.clone(), job.credential, headers).await
    }

    async fn stream(
        &self,
        response: Response,
        part: &mut Part,
        total: Option<u64>,
    ) -> Result<(), Trouble> {
        /// How many bytes pass between two reports.
        const STEP: u64 = 256 << 10;
        let mut chunks = response.bytes_stream();
        let mut reported = part.len;
        self.report(Stage::Downloading, part.len, total);
        while let Some(chunk) = timeout(self.patience.stall, chunks.next())
            .await
            .map_err(|_| self.stalled())?
        {
            let chunk = chunk.map_err(|_| SourceFailure::Cut { done: part.len })?;
            part.append(&chunk).await?;
            if part.len >= reported + STEP {
                reported = part.len;
                self.report(Stage::Downloading, part.len, total);
            }
            if let Some(total) = total.filter(|total| part.len > *total) {
                let actual = part.len;
                return Err(SourceFailure::WrongSize {
                    actual,
                    wanted: total,
                }
                .into());
            }
        }
        self.report(Stage::Downloading, part.len, total);
        match total {
            Some(total) if part.len < total => Err(SourceFailure::Cut { done: part.len }.into()),
            _ => Ok(()),
        }
    }

    fn stalled(&self) -> SourceFailure {
        SourceFailure::Stalled(self.patience.stall.as_secs().max(1))
    }

    /// The innermost reason, without the address, which may hold what is nobody's business.
    fn unreachable(&self, error: reqwest::Error) -> SourceFailure {
        let error = error.without_url();
        if error.is_timeout() {
            return SourceFailure::Unreachable(format!(
                "no connection within {} s",
                self.patience.connect.max(Duration::from_secs(1)).as_secs()
            ));
        }
        let mut reason: &dyn std::error::Error = &error;
        while let Some(deeper) = reason.source() {
            reason = deeper;
        }
        SourceFailure::Unreachable(reason.to_string())
    }
}

/// What a status other than success means.
pub(super) fn status_failure(status: StatusCode) -> Result<(), SourceFailure> {
    let code = status.as_u16();
    match code {
        200..300 => Ok(()),
        401 | 403 => Err(SourceFailure::Forbidden(code)),
        404 | 410 => Err(SourceFailure::NotFound(code)),
        _ => Err(SourceFailure::Status(code)),
    }
}

/// Whether trying again may help.
fn is_passing(failure: &SourceFailure) -> bool {
    match failure {
        SourceFailure::Unreachable(_) | SourceFailure::Stalled(_) | SourceFailure::Cut { .. } => {
            true
        }
        SourceFailure::Status(code) => *code == 429 || *code >= 500,
        _ => false,
    }
}

fn is_safe(from: &Url, to: &Url) -> bool {
    to.scheme() == "https" || (to.scheme() == "http" && from.scheme() == "http")
}

/// The first byte of what an answer brings: 0 unless it says that it is a later part. A server
/// that does not know ranges sends the whole file.
fn begins_at(response: &Response) -> u64 {
    if response.status() != StatusCode::PARTIAL_CONTENT {
        return 0;
    }
    let range = response
        .headers()
        .get(CONTENT_RANGE)
        .and_then(|range| range.to_str().ok());
    range
        .and_then(|range| {
            range
                .strip_prefix("bytes ")?
                .split_once('-')?
                .0
                .trim()
                .parse()
                .ok()
        })
        .unwrap_or(0)
}

/// What names this very state of the file; a weak tag only says that it means the same.
fn strong_tag(response: &Response) -> Option<HeaderValue> {
    let tag = response.headers().get(ETAG)?;
    tag.as_bytes().starts_with(b"\"").then(|| tag.clone())
}

fn length_of(response: &Response) -> Option<u64> {
    response
        .headers()
        .get(CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}
