//! The access token: typed once, then a signed session cookie stands for it.

use crate::{
    app::App,
    reply::ApiError,
    visitor::{self, cookie, is_https, set_cookie},
};
use axum::{
    Form,
    extract::{State, rejection::FormRejection},
    http::{HeaderMap, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Redirect, Response},
};
use causerie_core::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The cookie that stands for the token.
const COOKIE: &str = "causerie_session";
const PURPOSE: &str = "session";
/// A session lasts 30 days.
const LASTS_SECONDS: u32 = 30 * 24 * 3600;

/// What the login form sends.
#[derive(Deserialize)]
pub(crate) struct LoginForm {
    token: SecretString,
}

/// `POST /login`
pub(crate) async fn log_in(
    State(app): State<App>,
    headers: HeaderMap,
    form: Result<Form<LoginForm>, FormRejection>,
) -> Response {
    let Ok(Form(form)) = form else {
        return ApiError::bad_request("the form lacks its token").into_response();
    };
    let Some(token) = &app.config.access_token else {
        return Redirect::to("/").into_response();
    };
    if !same(token, form.token.expose_secret()) {
        return Redirect::to("/login?wrong").into_response();
    }
    let session = session(&app, token, app.clock.now());
    // Lax, so that a link to the page from elsewhere opens it; what changes something is guarded
    // by its origin besides.
    let line = set_cookie(COOKIE, &session, "Lax", LASTS_SECONDS, is_https(&headers));
    ([(header::SET_COOKIE, line)], Redirect::to("/")).into_response()
}

/// `POST /logout`
///
/// Whoever logs in next on this browser is somebody else.
pub(crate) async fn log_out(headers: HeaderMap) -> Response {
    let secure = is_https(&headers);
    let gone = |name: &str, site: &str| (header::SET_COOKIE, set_cookie(name, "", site, 0, secure));
    let lines = AppendHeaders([gone(COOKIE, "Lax"), gone(visitor::COOKIE, "Strict")]);
    (StatusCode::NO_CONTENT, lines).into_response()
}

/// Whether a request may see anything: there is no token, or it carries it, or a session.
pub(crate) fn is_logged_in(app: &App, headers: &HeaderMap) -> bool {
    let Some(token) = &app.config.access_token else {
        return true;
    };
    has_session(app, token, headers) || has_bearer(token, headers)
}

fn has_bearer(token: &SecretString, headers: &HeaderMap) -> bool {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .is_some_and(|given| same(token, given))
}

/// `expiry.signature`; the signature covers the token, so that a new token ends every session.
fn session(app: &App, token: &SecretString, now: Timestamp) -> String {
    let expiry = now.0 / 1000 + i64::from(LASTS_SECONDS);
    let signature = app.config.cookie_key.sign(PURPOSE, &signed(expiry, token));
    format!("{expiry}.{signature}")
}

fn has_session(app: &App, token: &SecretString, headers: &HeaderMap) -> bool {
    let read = || {
        let (expiry, signature) = cookie(headers, COOKIE)?.split_once('.')?;
        Some((expiry.parse::<i64>().ok()?, signature))
    };
    read().is_some_and(|(expiry, signature)| {
        expiry > app.clock.now().0 / 1000
            && app
                .config
                .cookie_key
                .verifies(PURPOSE, &signed(expiry, token), signature)
    })
}

fn signed(expiry: i64, token: &SecretString) -> String {
    format!("{expiry}.{}", token.expose_secret())
}

/// Spaces around either are nobody's intention. Compares digests, so that neither the time taken nor the length tells anything.
fn same(token: &SecretString, given: &str) -> bool {
    let digest = |text: &str| Sha256::digest(text.trim().as_bytes());
    let (token, given) = (digest(token.expose_secret()), digest(given));
    token.as_slice().ct_eq(given.as_slice()).into()
}
