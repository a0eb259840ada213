//! The web platform: an HTTP server and a chat page.
//!
//! In reading order:
//!
//! * [`Config`]: what the operator decides, and [`CookieKey`], which signs cookies
//! * `app`: the table of routes
//! * `serve`: connections
//! * `gate`, `login`, `visitor`: who may ask, and who asks
//! * `api`, `events`: the page's requests and its stream of events
//! * `live`: answers while they are written
//! * `transcript`, `update`: what the page is told
//! * `assets`: the page itself
//! * `metric`: what is measured
//!
//! ```no_run
//! # use causerie_core::{Clock, platform::{Inbox, Platform}, id::PlatformId};
//! # use causerie_web::{Config, CookieKey, Web};
//! # use std::{path::Path, sync::Arc};
//! # async fn example(clock: Arc<dyn Clock>, inbox: Arc<dyn Inbox>) -> Result<(), Box<dyn std::error::Error>> {
//! let key = CookieKey::load_or_create(Path::new("data/cookie.key"))?;
//! let listen = "127.0.0.1:8080".parse()?;
//! let web = Web::bind(Config::new(PlatformId::new("web")?, listen, key), clock).await?;
//! println!("http://{}", web.local_addr());
//! web.run(inbox, Box::pin(std::future::pending())).await?;
//! # Ok(())
//! # }
//! ```

mod api;
mod app;
mod assets;
mod config;
#[cfg(test)]
mod conformance;
mod events;
mod gate;
mod intake;
mod key;
mod live;
mod login;
mod metric;
mod reply;
mod serve;
mod transcript;
mod update;
mod visitor;

pub use config::{Config, Language, WebError};
pub use key::CookieKey;

use app::App;
use async_trait::async_trait;
use causerie_core::{
    Clock,
    id::{Place, PlatformId},
    platform::{
        Creates, Inbox, Operation, Platform, PlatformCapabilities, PlatformError, Receipt, Stop,
        Streaming,
    },
};
use live::Rooms;
use secrecy::ExposeSecret;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{net::TcpListener, time::interval};
use tokio_util::sync::CancellationToken;

/// An access token shorter than this could be guessed.
const LEAST_TOKEN: usize = 16;
/// How often pages are told how an answer grows. About as often as an eye can tell.
const EVERY: Duration = Duration::from_millis(40);
/// How often what is old is dropped.
const SWEEP: Duration = Duration::from_secs(1);

/// The web platform.
pub struct Web {
    config: Arc<Config>,
    clock: Arc<dyn Clock>,
    capabilities: PlatformCapabilities,
    rooms: Arc<Rooms>,
    /// Taken by `run`.
    listener: Mutex<Option<TcpListener>>,
    local_addr: SocketAddr,
}

impl Web {
    /// Takes the address. From now on pages that ask are not turned away; they wait for `run`.
    ///
    /// # Errors
    /// If the configuration is not safe, or the address cannot be taken.
    pub async fn bind(config: Config, clock: Arc<dyn Clock>) -> Result<Self, WebError> {
        let listen = config.listen;
        let token = config.access_token.as_ref();
        check_access(listen, token.map(ExposeSecret::expose_secret))?;
        let problem = |source| WebError::Listen { listen, source };
        let listener = TcpListener::bind(listen).await.map_err(problem)?;
        Ok(Self {
            config: Arc::new(config),
            rooms: Arc::new(Rooms::new(clock.clone())),
            clock,
            capabilities: capabilities(),
            local_addr: listener.local_addr().map_err(problem)?,
            listener: Mutex::new(Some(listener)),
        })
    }

    /// Where it listens, with the port that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }
}

/// Whether a page may be served there with this access token.
///
/// # Errors
/// [`WebError::Open`] if anybody could use it, [`WebError::WeakToken`] if the token can be guessed.
pub fn check_access(listen: SocketAddr, token: Option<&str>) -> Result<(), WebError> {
    let length = token.map(|token| token.trim().chars().count());
    match length {
        Some(length) if length < LEAST_TOKEN => Err(WebError::WeakToken {
            length,
            least: LEAST_TOKEN,
        }),
        None if !listen.ip().is_loopback() => Err(WebError::Open { listen }),
        _ => Ok(()),
    }
}

fn capabilities() -> PlatformCapabilities {
    PlatformCapabilities {
        streaming: Streaming::Append { every: EVERY },
        message_limit: None,
        creates: Creates::Idempotent,
        edits: true,
        deletes: true,
        typing: Some(Duration::from_secs(10)),
        file_after: None,
    }
}

#[async_trait]
impl Platform for Web {
    fn id(&self) -> &PlatformId {
        &self.config.id
    }

    fn capabilities(&self, _place: &Place) -> &PlatformCapabilities {
        &self.capabilities
    }

    async fn run(&self, inbox: Arc<dyn Inbox>, stop: Stop) -> Result<(), PlatformError> {
        let listener = self
            .listener
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(listener) = listener else {
            let reason = "the web platform was run twice".to_owned();
            return Err(PlatformError::Misconfigured { reason });
        };
        metric::describe();
        let ending = CancellationToken::new();
        let app = App::new(
            self.config.clone(),
            self.clock.clone(),
            self.rooms.clone(),
            inbox,
            ending.clone(),
        );
        let serving = serve::serve(listener, app.router(), ending.clone());
        tokio::pin!(serving);
        tokio::select! {
            () = stop => {
                ending.cancel();
                serving.await;
                Ok(())
            }
            () = &mut serving => Ok(()),
            never = self.sweep() => match never {},
        }
    }

    async fn perform(&self, operation: &Operation) -> Result<Receipt, PlatformError> {
        if operation.conversation.platform().as_ref() != Ok(&self.config.id) {
            return Err(PlatformError::Gone);
        }
        Ok(self
            .rooms
            .perform(&operation.conversation, &operation.action))
    }
}

impl Web {
    async fn sweep(&self) -> std::convert::Infallible {
        let mut tick = interval(SWEEP);
        loop {
            tick.tick().await;
            self.rooms.sweep();
        }
    }
}
