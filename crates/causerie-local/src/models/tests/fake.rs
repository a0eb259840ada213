//! A server that plays hub, content host and package index, and notes what it is asked.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::Response,
};
use futures::{StreamExt, stream};
use std::{
    collections::{HashMap, VecDeque},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, task::JoinSet};

/// How one GET of a file is answered.
#[derive(Clone, Debug)]
pub(super) enum Serve {
    /// As asked.
    Properly,
    /// The whole file, whatever range was asked for.
    Whole,
    /// Breaks off after this many bytes.
    Cut(usize),
    /// Falls silent after this many bytes.
    Silent(usize),
    /// Says this.
    Status(u16),
    /// Sends the asker elsewhere.
    To(String),
}

/// One request, as it came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: Method,
    pub(super) range: Option<String>,
    pub(super) authorization: Option<String>,
}

#[derive(Default)]
struct Inner {
    files: HashMap<String, Bytes>,
    kinds: HashMap<String, &'static str>,
    linked: Option<(u64, String)>,
    tag: Option<&'static str>,
    heads: Option<(u16, String)>,
    script: VecDeque<Serve>,
    seen: Vec<Seen>,
}

/// The server; it ends when it is dropped.
pub(super) struct Fake {
    inner: Arc<Mutex<Inner>>,
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Fake {
    pub(super) async fn start() -> Self {
        let inner = Arc::new(Mutex::new(Inner::default()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&inner));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            inner,
            address,
            _tasks: tasks,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn file(self, path: &str, bytes: impl Into<Bytes>) -> Self {
        self.inner
            .lock()
            .unwrap()
            .files
            .insert(path.to_owned(), bytes.into());
        self
    }

    pub(super) fn page(self, path: &str, kind: &'static str, text: String) -> Self {
        self.inner
            .lock()
            .unwrap()
            .kinds
            .insert(path.to_owned(), kind);
        self.file(path, text)
    }

    /// Announces this of every file, as the hub does.
    pub(super) fn linking(self, size: u64, sha256: &str) -> Self {
        self.inner.lock().unwrap().linked = Some((size, sha256.to_owned()));
        self
    }

    /// Answers every HEAD with this, and sends the asker there.
    pub(super) fn heading(self, status: u16, to: String) -> Self {
        self.inner.lock().unwrap().heads = Some((status, to));
        self
    }

    /// Gives every file this tag.
    pub(super) fn tagged(self, tag: Option<&'static str>) -> Self {
        self.inner.lock().unwrap().tag = tag;
        self
    }

    /// Answers the next GETs of files so; every later one properly.
    pub(super) fn script(&self, steps: impl IntoIterator<Item = Serve>) {
        self.inner.lock().unwrap().script.extend(steps);
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.inner.lock().unwrap().seen.clone()
    }

    pub(super) fn ranges(&self) -> Vec<Option<String>> {
        let gets = self
            .seen()
            .into_iter()
            .filter(|seen| seen.method == Method::GET);
        gets.map(|seen| seen.range).collect()
    }
}

async fn answer(State(inner): State<Arc<Mutex<Inner>>>, request: Request) -> Response {
    let text = |name| {
        request
            .headers()
            .get(name)
            .map(|v| v.to_str().unwrap().to_owned())
    };
    let path = request.uri().path().to_owned();
    let seen = Seen {
        method: request.method().clone(),
        range: text(header::RANGE),
        authorization: text(header::AUTHORIZATION),
    };
    let mut inner = inner.lock().unwrap();
    inner.seen.push(seen.clone());
    let mut head = Response::builder();
    if let Some((size, sum)) = &inner.linked {
        head = head
            .header("x-linked-size", *size)
            .header("x-linked-etag", format!("\"{sum}\""));
    }
    if let Some(tag) = inner.tag {
        head = head.header(header::ETAG, tag);
    }
    if let Some(kind) = inner.kinds.get(&path) {
        head = head.header(header::CONTENT_TYPE, *kind);
        return head.body(Body::from(inner.files[&path].clone())).unwrap();
    }
    let Some(bytes) = inner.files.get(&path).cloned() else {
        return head.status(404).body(Body::empty()).unwrap();
    };
    if seen.method == Method::HEAD {
        if let Some((status, to)) = &inner.heads {
            let head = head.status(*status).header(header::LOCATION, to);
            return head.body(Body::empty()).unwrap();
        }
        return head.status(200).body(Body::empty()).unwrap();
    }
    let serve = inner.script.pop_front().unwrap_or(Serve::Properly);
    drop(inner);
    let start = match &serve {
        Serve::Whole => 0,
        _ => start_of(request.headers()),
    };
    match serve {
        Serve::Status(code) => return head.status(code).body(Body::empty()).unwrap(),
        Serve::To(url) => {
            return head
                .status(302)
                .header(header::LOCATION, url)
                .body(Body::empty())
                .unwrap();
        }
        _ => {}
    }
    if start > 0 && start >= bytes.len() {
        return head
            .status(StatusCode::RANGE_NOT_SATISFIABLE)
            .body(Body::empty())
            .unwrap();
    }
    let rest = bytes.slice(start..);
    head = head.header(header::CONTENT_LENGTH, rest.len());
    if start > 0 {
        let range = format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len());
        head = head.status(206).header(header::CONTENT_RANGE, range);
    }
    let some = |n: usize| stream::iter([Ok::<_, io::Error>(rest.slice(..n))]);
    let body = match serve {
        Serve::Cut(n) => {
            // The bytes must be on their way before the connection breaks.
            let end = stream::once(async {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                Err(io::Error::other("cut"))
            });
            Body::from_stream(some(n).chain(end))
        }
        Serve::Silent(n) => Body::from_stream(some(n).chain(stream::pending())),
        _ => Body::from(rest),
    };
    head.body(body).unwrap()
}

fn start_of(headers: &HeaderMap) -> usize {
    let range = headers
        .get(header::RANGE)
        .map(|range| range.to_str().unwrap());
    range.map_or(0, |range| {
        range
            .strip_prefix("bytes=")
            .unwrap()
            .strip_suffix('-')
            .unwrap()
            .parse()
            .unwrap()
    })
}
