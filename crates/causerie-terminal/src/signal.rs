//! Ctrl-C, as a stream.

use futures::{
    FutureExt, StreamExt,
    future::pending,
    stream::{self, BoxStream},
};
use tokio::sync::Mutex;

/// Every Ctrl-C since it was made.
pub(crate) struct Interrupts(Mutex<BoxStream<'static, ()>>);

impl Interrupts {
    pub(crate) fn new(presses: BoxStream<'static, ()>) -> Self {
        Self(Mutex::new(presses))
    }

    /// Those of the keyboard. From the first time it is asked, Ctrl-C no longer ends the process.
    pub(crate) fn keyboard() -> Self {
        Self::new(presses())
    }

    /// Waits for the next one.
    pub(crate) async fn next(&self) {
        if self.0.lock().await.next().await.is_none() {
            // Nobody can press it any more.
            pending::<()>().await;
        }
    }

    /// Forgets those that nobody waited for.
    pub(crate) async fn clear(&self) {
        let mut presses = self.0.lock().await;
        while let Some(Some(())) = presses.next().now_or_never() {}
    }
}

#[cfg(unix)]
fn presses() -> BoxStream<'static, ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = async { stream::iter(signal(SignalKind::interrupt()).ok()) };
    let each = |signal| {
        stream::unfold(signal, |mut signal: tokio::signal::unix::Signal| async {
            signal.recv().await.map(|()| ((), signal))
        })
    };
    listen.flatten_stream().flat_map(each).boxed()
}

#[cfg(not(unix))]
fn presses() -> BoxStream<'static, ()> {
    stream::unfold((), |()| async {
        tokio::signal::ctrl_c().await.ok().map(|()| ((), ()))
    })
    .boxed()
}
