//! What stands before every route: who may ask, from where, and which headers an answer carries.

use crate::{Config, app::App, login::is_logged_in, reply::ApiError};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};

/// Everything comes from this server, nothing is inline, nobody can frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self' data:; font-src 'self'; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'";

/// Lets a request pass if host, token and origin allow it, and puts the headers on what comes back.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&app, &request) {
        Some(refused) => refused,
        None => next.run(request).await,
    };
    add_headers(response.headers_mut());
    response
}

fn refusal(app: &App, request: &Request) -> Option<Response> {
    let headers = request.headers();
    if !host_is_ours(&app.config, host(request.uri(), headers)) {
        let message = "this name is not one of the server's; add it to its list of hosts";
        let error = ApiError::new(StatusCode::MISDIRECTED_REQUEST, "wrong_host", message);
        return Some(error.into_response());
    }
    if changes_something(request.method()) && !comes_from_us(headers) {
        let message = "requests from other sites are not accepted";
        return Some(ApiError::new(StatusCode::FORBIDDEN, "cross_site", message).into_response());
    }
    if !is_open(request.uri().path()) && !is_logged_in(app, headers) {
        return Some(login_required(request.uri().path()));
    }
    None
}

/// What is reachable without the token: the way to give it. The files hold no secret.
fn is_open(path: &str) -> bool {
    path == "/login" || path.starts_with("/assets/")
}

fn login_required(path: &str) -> Response {
    if path == "/" {
        return Redirect::to("/login").into_response();
    }
    let message = "log in at /login, or send the access token as a bearer token";
    ApiError::new(StatusCode::UNAUTHORIZED, "login_required", message).into_response()
}

fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    uri.authority()
        .map(|authority| authority.as_str())
        .or_else(|| {
            headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok())
        })
}

/// Against names of others that lead to our address: on loopback only known names are answered.
/// On a public address every name is, because there a token is needed, and the cookie that stands
/// for it is never sent to another name.
fn host_is_ours(config: &Config, host: Option<&str>) -> bool {
    let Some(name) = host.map(without_port) else {
        return false;
    };
    let listed = config
        .hosts
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name));
    let local = ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|own| own.eq_ignore_ascii_case(name));
    let open = config.hosts.is_empty() && !config.listen.ip().is_loopback();
    listed || local || open || name == config.listen.ip().to_string()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // The colons of a bare IPv6 address stand within brackets.
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn changes_something(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

/// Browsers say where a request comes from, and a page cannot make them lie. What says nothing is
/// no browser, so no visitor's cookie can be abused by it.
fn comes_from_us(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    match headers.get(header::ORIGIN).map(HeaderValue::to_str) {
        None => true,
        Some(Ok(origin)) => {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            let host = headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok());
            authority.is_some() && authority == host
        }
        Some(Err(_)) => false,
    }
}

fn add_headers(headers: &mut HeaderMap) {
    let fixed: [(HeaderName, &'static str); 7] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

/// The answer to a method that a known path does not have.
pub(crate) async fn method_not_allowed() -> ApiError {
    let message = "this path does not take this method";
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        message,
    )
}
