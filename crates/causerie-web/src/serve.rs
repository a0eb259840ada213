//! Connections: how many, and for how long one may say nothing.

use crate::metric;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// How many connections are open at most. Whoever comes then waits in the system's queue.
const MOST_CONNECTIONS: usize = 4096;
/// How long a connection may take to begin a request, so that nobody can hold one for nothing.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);
/// How long to wait when a connection cannot be accepted: the process has no more files to open.
const BREATH: Duration = Duration::from_millis(250);
/// How long requests under way may take to end when the process stops.
const GRACE: Duration = Duration::from_secs(5);

/// Answers requests on `listener` until `stop`, and then those under way.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let taken = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place.expect("it is never closed"), accept(&listener).await)
        };
        let (place, stream) = tokio::select! {
            () = stop.cancelled() => break,
            taken = taken => taken,
            Some(_) = connections.join_next() => continue,
        };
        // Pieces of an answer are small and must not wait for more.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS_WITHIN)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        let counted = metric::connection();
        connections.spawn(async move {
            // A connection that broke is its browser's affair; it comes back by itself.
            let _ = connection.await;
            drop((place, counted));
        });
    }
    drop(listener);
    // What is still open after that is dropped with its task.
    let _ = timeout(GRACE, graceful.shutdown()).await;
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a connection was lost"
                );
                sleep(BREATH).await;
            }
        }
    }
}
