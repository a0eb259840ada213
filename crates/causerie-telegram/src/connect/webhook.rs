//! Updates that Telegram sends.
//!
//! What could not be stored is answered 503, and Telegram sends it again; for 24 hours.

use super::Backoff;
use crate::{Shared, client::CallError, config::Webhook, update::KINDS};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use causerie_core::platform::{Inbox, PlatformError, Stop};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::sync::Arc;
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;

/// The largest update. Telegram's have at most a few tens of kilobytes.
const LARGEST: usize = 1 << 20;
/// The header that shows the secret.
const SECRET: &str = "x-telegram-bot-api-secret-token";

struct Door {
    shared: Arc<Shared>,
    inbox: Arc<dyn Inbox>,
    secret: secrecy::SecretString,
}

/// Serves the webhook until `stop`.
pub(super) async fn run(
    shared: &Arc<Shared>,
    webhook: &Webhook,
    inbox: Arc<dyn Inbox>,
    listener: TcpListener,
    stop: Stop,
) -> Result<(), PlatformError> {
    let door = Arc::new(Door {
        shared: Arc::clone(shared),
        inbox,
        secret: webhook.secret.clone(),
    });
    let router = Router::new()
        .fallback(knock)
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(door);
    let serving = axum::serve(listener, router).with_graceful_shutdown(stop);
    let serving = async move { serving.await };
    tokio::pin!(serving);
    tokio::select! {
        served = &mut serving => return ended(served),
        announced = announce(shared, webhook) => announced?,
    }
    ended(serving.await)
}

fn ended(served: std::io::Result<()>) -> Result<(), PlatformError> {
    served.map_err(|error| PlatformError::Unavailable {
        reason: error.to_string(),
    })
}

/// Tells Telegram where to send updates, as often as it takes.
async fn announce(shared: &Shared, webhook: &Webhook) -> Result<(), PlatformError> {
    let fields = json!({
        "url": webhook.url,
        "secret_token": webhook.secret.expose_secret(),
        "allowed_updates": KINDS,
        "max_connections": 100,
    });
    let mut backoff = Backoff::default();
    loop {
        match shared.client.call::<Value>("setWebhook", &fields).await {
            Ok(_) => return Ok(()),
            Err(CallError::Bad(reason)) => {
                let reason = format!("Telegram does not take the webhook's url: {reason}");
                return Err(PlatformError::Misconfigured { reason });
            }
            Err(CallError::Unauthorized) => return Err(crate::client::refused()),
            Err(error) => {
                let error = error.platform();
                tracing::warn!(%error, "the webhook could not be set; trying again");
                backoff.wait().await;
            }
        }
    }
}

/// One update.
async fn knock(
    State(door): State<Arc<Door>>,
    method: Method,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Response {
    let shown = headers
        .get(SECRET)
        .map_or(&[][..], |value| value.as_bytes());
    let secret = door.secret.expose_secret().as_bytes();
    if !bool::from(shown.ct_eq(secret)) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if method != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let body = match body {
        Ok(body) => body,
        Err(rejected) => return rejected.status().into_response(),
    };
    let Ok(update) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match door.shared.take(door.inbox.as_ref(), update).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => {
            tracing::warn!(%error, "an update could not be stored; Telegram sends it again");
            let retry = [(header::RETRY_AFTER, "1")];
            (StatusCode::SERVICE_UNAVAILABLE, retry).into_response()
        }
    }
}
