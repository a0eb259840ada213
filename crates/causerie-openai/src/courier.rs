//! Sends requests that async-openai makes, once each, and gives back answers that are answers.

use crate::{
    Config,
    endpoint::Endpoint,
    fault::Fault,
    refusal::{Asked, judge},
};
use async_openai::{Client, error::OpenAIError, middleware::HttpRequestFactory};
use causerie_core::backend::BackendError;
use reqwest::{Certificate, Proxy, Response, redirect};
use secrecy::ExposeSecret;
use serde_json::Value;
use std::{
    error::Error,
    io,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};
use tokio::time::timeout;
use tower::service_fn;

/// The most bytes of an error that are read, and how long they may take.
const MAX_ERROR: usize = 64 << 10;
const ERROR_PATIENCE: Duration = Duration::from_secs(5);
/// The most bytes of an answer that is not a stream.
const MAX_ANSWER: usize = 64 << 20;

/// The way to one endpoint.
#[derive(Clone)]
pub(crate) struct Courier {
    http: reqwest::Client,
    api: Client<Endpoint>,
}

impl Courier {
    /// # Errors
    /// [`BackendError::Misconfigured`] if the proxy or the certificates cannot be used.
    pub(crate) fn new(config: &Config, endpoint: Endpoint) -> Result<Self, BackendError> {
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("causerie/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(config.connect_timeout)
            // A redirected POST would arrive as a GET.
            .redirect(redirect::Policy::none());
        if let Some(proxy) = &config.proxy {
            let proxy = Proxy::all(proxy.expose_secret());
            http = http.proxy(proxy.map_err(|_| wrong("proxy is no URL"))?);
        } else if endpoint.is_loopback() {
            http = http.no_proxy();
        }
        if let Some(file) = &config.ca_file {
            http = http.tls_certs_merge(certificates(file)?);
        }
        let http = http
            .build()
            .map_err(|_| wrong("the system's certificates cannot be used: set ca_file"))?;
        Ok(Self {
            api: Client::build(http.clone(), endpoint),
            http,
        })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.api.config()
    }

    /// Begins a completion: what comes back has a status of success, and its body is not yet read.
    pub(crate) async fn chat(
        &self,
        request: &Value,
        asked: Asked<'_>,
    ) -> Result<Response, BackendError> {
        let call = async |api: Client<Endpoint>| {
            let made = api.chat().create_stream_byot::<_, Value>(request).await;
            made.map(drop)
        };
        self.send(call, asked).await
    }

    /// Asks for embeddings.
    pub(crate) async fn embed(
        &self,
        request: &Value,
        asked: Asked<'_>,
    ) -> Result<Value, BackendError> {
        let call = async |api: Client<Endpoint>| {
            let made = api.embeddings().create_byot::<_, Value>(request).await;
            made.map(drop)
        };
        let response = self.send(call, asked).await?;
        value(response, asked).await
    }

    /// Asks for the list of models.
    pub(crate) async fn models(&self, asked: Asked<'_>) -> Result<Value, BackendError> {
        let call = async |api: Client<Endpoint>| {
            let made = api.models().list_byot::<Value>().await;
            made.map(drop)
        };
        let response = self.send(call, asked).await?;
        value(response, asked).await
    }

    /// What the server has at `path`, which is no part of OpenAI's API. `None` if it has nothing.
    pub(crate) async fn beside(&self, path: &str) -> Option<Value> {
        let url = self.endpoint().beside(path);
        let headers = self.endpoint().headers().clone();
        let response = self.http.get(url).headers(headers).send().await.ok()?;
        let response = response.error_for_status().ok()?;
        serde_json::from_slice(&body(response, MAX_ERROR).await.ok()?).ok()
    }

    /// Sends the request that `call` makes. async-openai is handed an empty answer in place of the
    /// real one, which is ours to read.
    async fn send(
        &self,
        call: impl AsyncFnOnce(Client<Endpoint>) -> Result<(), OpenAIError>,
        asked: Asked<'_>,
    ) -> Result<Response, BackendError> {
        let slot = Arc::new(Mutex::new(None));
        let (http, put) = (self.http.clone(), Arc::clone(&slot));
        let service = service_fn(move |request: HttpRequestFactory| {
            let (http, put) = (http.clone(), Arc::clone(&put));
            async move {
                let answer = http.execute(request.build().await?).await;
                *put.lock().expect("nothing panics while it is held") = Some(answer);
                Ok::<_, OpenAIError>(Response::from(http::Response::new("null")))
            }
        });
        let made = call(self.api.clone().with_http_service(service)).await;
        let answer = slot.lock().expect("nothing panics while it is held").take();
        let Some(answer) = answer else {
            // It quotes nothing: an address or a header that cannot be put together.
            debug_assert!(made.is_err(), "a request was made and not sent");
            return Err(wrong("base_url or a header does not make a request"));
        };
        let response = answer.map_err(|error| unsent(&error, asked))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(refused(response, asked).await)
    }
}

/// What an answer with another status than success means.
async fn refused(response: Response, asked: Asked<'_>) -> BackendError {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let body = timeout(ERROR_PATIENCE, body(response, MAX_ERROR)).await;
    let body = body.ok().and_then(Result::ok).unwrap_or_default();
    let value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let fault = Fault::of(&value).unwrap_or_default();
    let header = |name: &str| headers.get(name)?.to_str().ok();
    judge(Some(status), &fault, header, SystemTime::now(), asked)
}

/// An answer that is not a stream.
async fn value(response: Response, asked: Asked<'_>) -> Result<Value, BackendError> {
    let unreadable = |reason: &str| BackendError::Unavailable {
        reason: reason.to_owned(),
    };
    let body = body(response, MAX_ANSWER).await;
    let body = body.map_err(|_| unreadable("the connection broke"))?;
    let value =
        serde_json::from_slice(&body).map_err(|_| unreadable("an answer that is no JSON"))?;
    match Fault::of(&value) {
        Some(fault) => Err(judge(None, &fault, |_| None, SystemTime::now(), asked)),
        None => Ok(value),
    }
}

/// The body, if it is no longer than `most`.
async fn body(mut response: Response, most: usize) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = vec![];
    while let Some(piece) = response.chunk().await? {
        let room = most - body.len();
        body.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room {
            break;
        }
    }
    Ok(body)
}

/// What it means that a request could not be sent, or that no answer to it began.
fn unsent(error: &reqwest::Error, asked: Asked<'_>) -> BackendError {
    let host = asked.host;
    if let Some(tls) = cause::<rustls::Error>(error) {
        let what = match tls {
            rustls::Error::InvalidCertificate(_) => {
                "its certificate is not trusted: name your authority's certificate in ca_file"
            }
            rustls::Error::InvalidMessage(_) => "it does not speak TLS: is it http:// there?",
            _ => "TLS cannot be agreed on",
        };
        return wrong(&format!("no safe connection to {host}: {what}"));
    }
    let refused = cause::<io::Error>(error)
        .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    let what = if refused {
        "refuses connections: is it running?"
    } else if error.is_timeout() {
        "does not take the connection in time"
    } else if error.is_connect() {
        "cannot be reached"
    } else if error.is_builder() {
        return wrong("base_url or a header does not make a request");
    } else {
        "closed the connection without an answer"
    };
    BackendError::Unavailable {
        reason: format!("{host} {what}"),
    }
}

/// The first of the error's causes that is a `T`. An `io::Error` may carry it inside.
fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn certificates(file: &Path) -> Result<Vec<Certificate>, BackendError> {
    let name = file.display();
    let pem = std::fs::read(file)
        .map_err(|error| wrong(&format!("ca_file {name} cannot be read: {}", error.kind())))?;
    let certificates = Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if certificates.is_empty() {
        return Err(wrong(&format!(
            "ca_file {name} holds no certificate in PEM"
        )));
    }
    Ok(certificates)
}

fn wrong(what: &str) -> BackendError {
    BackendError::Misconfigured {
        reason: what.to_owned(),
    }
}
