//! What every request can reach, and the table of routes.

use crate::{
    Config, api, assets, events, gate, intake, live::Rooms, login, reply::ApiError,
    visitor::Visitor,
};
use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRequestParts},
    http::request::Parts,
    middleware,
    routing::{get, post},
};
use causerie_core::{Clock, platform::Inbox};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// How many pages can watch at the same time.
const MOST_WATCHERS: usize = 2048;

/// What every request can reach.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) config: Arc<Config>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) inbox: Arc<dyn Inbox>,
    /// Ends every stream of events.
    pub(crate) stop: CancellationToken,
    pub(crate) watchers: Arc<Semaphore>,
}

impl App {
    pub(crate) fn new(
        config: Arc<Config>,
        clock: Arc<dyn Clock>,
        rooms: Arc<Rooms>,
        inbox: Arc<dyn Inbox>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            config,
            clock,
            rooms,
            inbox,
            stop,
            watchers: Arc::new(Semaphore::new(MOST_WATCHERS)),
        }
    }

    /// The table of routes.
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/", get(assets::page))
            .route("/login", get(assets::login_page).post(login::log_in))
            .route("/logout", post(login::log_out))
            .route("/assets/{name}", get(assets::asset))
            .route("/api/visit", post(api::visit))
            .route("/api/status", get(api::status))
            .route("/api/conversations", get(api::conversations))
            .route(
                "/api/conversations/{name}",
                get(api::transcript).delete(api::erase),
            )
            .route("/api/conversations/{name}/messages", post(api::say))
            .route("/api/conversations/{name}/stop", post(api::stop))
            .route("/api/conversations/{name}/feedback", post(api::judge))
            .route("/api/conversations/{name}/events", get(events::watch))
            .fallback(async || ApiError::not_found())
            .method_not_allowed_fallback(gate::method_not_allowed)
            .layer(middleware::from_fn_with_state(
                self.clone(),
                intake::take_in,
            ))
            // What was taken in has been held to its size.
            .layer(DefaultBodyLimit::disable())
            .layer(middleware::from_fn_with_state(self.clone(), gate::guard))
            .with_state(self)
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        Visitor::of(&parts.headers, &app.config.cookie_key).ok_or_else(ApiError::unknown_visitor)
    }
}
