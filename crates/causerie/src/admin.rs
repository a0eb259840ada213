//! The operator's pages: `/healthz`, `/readyz` and `/metrics`.

mod pulse;

pub use pulse::Pulse;

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header, uri::Authority},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use causerie_core::{
    backend::{Backend, Readiness},
    id::ModelName,
};
use metrics::gauge;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use thiserror::Error;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why the pages cannot be served.
#[derive(Debug, Error)]
pub enum AdminError {
    /// Anybody could read them.
    #[error(
        "the admin pages would be open to other machines at {0}; let `admin` in [server] be on \
         127.0.0.1, or set `admin_allow_public`"
    )]
    Public(SocketAddr),
    /// The address cannot be taken.
    #[error("cannot listen on {address} for the admin pages: {source}; see `admin` in [server]")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// Whether the pages may be served there.
///
/// # Errors
/// If other machines could reach them and `allow_public` is not set.
pub fn check(address: SocketAddr, allow_public: bool) -> Result<(), AdminError> {
    match address.ip().is_loopback() || allow_public {
        true => Ok(()),
        false => Err(AdminError::Public(address)),
    }
}

/// What the pages tell about.
pub struct Status {
    /// What is kept.
    pub store: Pulse,
    /// The models, by name.
    pub backends: BTreeMap<ModelName, Arc<dyn Backend>>,
    /// What was counted.
    pub metrics: PrometheusHandle,
    /// Cancelled when nothing more is taken in.
    pub stopping: CancellationToken,
}

/// The pages, with their address taken.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    local_addr: SocketAddr,
}

impl Admin {
    /// Takes the address.
    ///
    /// # Errors
    /// If other machines could reach it and `allow_public` is not set, or it cannot be taken.
    pub async fn bind(address: SocketAddr, allow_public: bool) -> Result<Self, AdminError> {
        check(address, allow_public)?;
        let failed = |source| AdminError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            local_addr,
        })
    }

    /// Where it listens, with the port that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves the pages until `stop`.
    pub async fn serve(self, status: Status, stop: CancellationToken) {
        let ip = self.local_addr.ip();
        let guard =
            middleware::from_fn(move |request: Request, next: Next| guard(ip, request, next));
        let router = Router::new()
            .route("/healthz", get(async || "ok\n"))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .layer(guard)
            .with_state(Arc::new(status));
        let served = axum::serve(self.listener, router);
        tokio::select! {
            ended = served => if let Err(error) = ended {
                tracing::error!(%error, "the admin pages have failed");
            },
            () = stop.cancelled() => {}
        }
    }
}

/// Against foreign pages that lead a browser here by a name of theirs: on this machine's own address
/// only its own names are answered. Where other machines may ask, they know it by any name.
async fn guard(listen: IpAddr, request: Request, next: Next) -> Response {
    if listen.is_loopback() && !is_own_name(listen, request.headers()) {
        return (StatusCode::MISDIRECTED_REQUEST, "ask at 127.0.0.1\n").into_response();
    }
    next.run(request).await
}

fn is_own_name(listen: IpAddr, headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let Some(host) = host.and_then(|host| host.parse::<Authority>().ok()) else {
        return false;
    };
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    let is_loopback = |ip: IpAddr| ip.is_loopback() || ip == listen;
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(is_loopback)
}

/// Ready means: what is posted now is taken in and kept. A model that still loads does not make it
/// unready, since its messages wait; the body tells about each.
async fn ready(State(status): State<Arc<Status>>) -> impl IntoResponse {
    let stopping = status.stopping.is_cancelled();
    let store = status.store.writes().await;
    let models: BTreeMap<&str, serde_json::Value> = status
        .backends
        .iter()
        .map(|(name, backend)| (name.as_str(), describe(&backend.readiness())))
        .collect();
    let code = if store && !stopping {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = json!({
        "ready": code == StatusCode::OK,
        "stopping": stopping,
        "store": if store { "ok" } else { "unavailable" },
        "models": models,
    });
    (code, Json(body))
}

fn describe(readiness: &Readiness) -> serde_json::Value {
    match readiness {
        Readiness::Ready => json!({ "state": "ready" }),
        Readiness::Loading { percent } => json!({ "state": "loading", "percent": percent }),
        Readiness::Failed(reason) => json!({ "state": "failed", "reason": reason }),
    }
}

async fn metrics(State(status): State<Arc<Status>>) -> impl IntoResponse {
    if let Ok(Ok(census)) = timeout(PATIENCE, status.store.store().census()).await {
        gauge!("causerie_store_conversations").set(census.conversations as f64);
        gauge!("causerie_store_messages").set(census.messages as f64);
        gauge!("causerie_store_mail").set(census.mail as f64);
        gauge!("causerie_store_bytes").set(census.bytes as f64);
    }
    for (name, backend) in &status.backends {
        let ready = f64::from(u8::from(backend.readiness() == Readiness::Ready));
        gauge!("causerie_model_ready", "model" => name.to_string()).set(ready);
    }
    if let Some(bytes) = resident() {
        gauge!("process_resident_memory_bytes").set(bytes as f64);
    }
    status.metrics.run_upkeep();
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        status.metrics.render(),
    )
}

/// Memory of this process, where the system tells it the way Linux does.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}
