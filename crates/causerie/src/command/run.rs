//! `causerie run`: build, run, drain, and how it ended.

use super::{load, print, runtime};
use crate::{
    admin::{Admin, Pulse, Status},
    cli::Global,
    config::Config,
    failure::{self, Failure},
    telemetry,
    wire::{self, OpenStore, persona::personas},
};
use causerie_core::Clock;
use causerie_engine::{Engine, Parts, SystemClock};
use metrics_exporter_prometheus::PrometheusHandle;
use std::{process, sync::Arc};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

pub(super) fn run(global: &Global) -> Result<u8, Failure> {
    let loaded = load(global)?;
    telemetry::log(&loaded.config.server, global);
    allow_connections();
    let metrics = telemetry::measure().map_err(Failure::internal)?;
    runtime()?.block_on(serve(&loaded.config, metrics))
}

/// A turn holds a connection to its model and one to its platform. What a process may open at first
/// is often too little for that, and less than it may have.
fn allow_connections() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    const WANTED: u64 = 65_536;
    let now = getrlimit(Resource::Nofile);
    let possible = now.maximum.map_or(WANTED, |most| most.min(WANTED));
    if now.current.is_some_and(|current| current < possible) {
        let more = Rlimit {
            current: Some(possible),
            ..now
        };
        if let Err(error) = setrlimit(Resource::Nofile, more) {
            tracing::warn!(%error, "the number of connections stays small");
        }
    }
}

async fn serve(config: &Config, metrics: PrometheusHandle) -> Result<u8, Failure> {
    let stop = CancellationToken::new();
    let signals = stop_on_signals(stop.clone())?;
    let server = Server::build(config, metrics, &stop).await?;
    let code = server.run(stop).await;
    signals.abort();
    code
}

/// Everything of one running server.
struct Server {
    engine: Arc<Engine>,
    store: OpenStore,
    loading: wire::Loading,
    admin: JoinHandle<()>,
    admin_stop: CancellationToken,
}

impl Server {
    /// Takes the store first: whoever starts a second server on the same files is told so, and not
    /// of an address. Then the addresses, so that whoever asks early waits instead of being turned
    /// away, and models are left to load in the background.
    async fn build(
        config: &Config,
        metrics: PrometheusHandle,
        stop: &CancellationToken,
    ) -> Result<Self, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let personas = personas(config)?;
        let store = OpenStore::configured(config, &clock).await?;
        let admin = Admin::bind(config.server.admin, config.server.admin_allow_public).await?;
        let wire::Platforms {
            entries,
            mut places,
        } = wire::platforms(config, &clock).await?;
        places.push(("admin", format!("http://{}", admin.local_addr())));
        let speakers = entries.iter().map(|entry| entry.platform.clone());
        let pictures = Arc::new(wire::PlatformPictures::new(speakers.collect()));
        let (backends, loading) = wire::backends(config, &clock, &pictures)?;
        let parts = Parts {
            store: store.store.clone(),
            clock,
            backends: backends.clone(),
            personas,
            tools: wire::tools(),
            platforms: entries,
        };
        let engine = Engine::new(wire::engine(config), parts).map_err(Failure::internal)?;
        let status = Status {
            store: Pulse::new(store.store.clone()),
            backends,
            metrics,
            stopping: stop.clone(),
        };
        let admin_stop = CancellationToken::new();
        let admin = tokio::spawn(admin.serve(status, admin_stop.clone()));
        let lines = places
            .iter()
            .map(|(name, place)| format!("{name:<8} {place}\n"));
        print(&lines.collect::<String>())?;
        Ok(Self {
            engine,
            store,
            loading,
            admin,
            admin_stop,
        })
    }

    /// Runs until `stop`, then in this order: the engine drains, downloads end, the admin pages
    /// (which say "stopping" meanwhile) close, and the store is closed last.
    async fn run(mut self, stop: CancellationToken) -> Result<u8, Failure> {
        let report = self
            .engine
            .run(stop.clone())
            .await
            .map_err(Failure::internal)?;
        self.loading.shutdown().await;
        self.admin_stop.cancel();
        if let Err(error) = self.admin.await {
            tracing::error!(panicked = error.is_panic(), "the admin pages were lost");
        }
        self.store.close().await;
        tracing::info!(
            finished = report.finished,
            handed_over = report.handed_over,
            abandoned = report.abandoned,
            failed_platforms = report.failed.len(),
            "the server has ended"
        );
        Ok(if report.failed.is_empty() {
            0
        } else {
            failure::UNAVAILABLE
        })
    }
}

/// The first SIGTERM or SIGINT begins the end; a second one is the end.
fn stop_on_signals(stop: CancellationToken) -> Result<JoinHandle<()>, Failure> {
    let listen = |kind| signal(kind).map_err(Failure::io("cannot listen for signals"));
    let (mut term, mut int) = (
        listen(SignalKind::terminate())?,
        listen(SignalKind::interrupt())?,
    );
    Ok(tokio::spawn(async move {
        let name = either(&mut term, &mut int).await.0;
        tracing::info!(
            signal = name,
            "stopping: running answers may finish, a second signal ends at once"
        );
        stop.cancel();
        let (name, code) = either(&mut term, &mut int).await;
        tracing::warn!(
            signal = name,
            "ended at once; what was under way is finished after the next start"
        );
        process::exit(code);
    }))
}

async fn either(term: &mut Signal, int: &mut Signal) -> (&'static str, i32) {
    tokio::select! {
        _ = term.recv() => ("SIGTERM", 143),
        _ = int.recv() => ("SIGINT", 130),
    }
}
