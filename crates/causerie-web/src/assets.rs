//! The files of the page.
//!
//! They are written by hand and sent as they are: no framework and no build step, so that
//! `cargo install` is all it takes.

use crate::{Config, app::App, reply::ApiError};
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Assets;

/// `GET /`
pub(crate) async fn page(State(app): State<App>) -> Response {
    html(&app.config, "index.html")
}

/// `GET /login`
pub(crate) async fn login_page(State(app): State<App>) -> Response {
    html(&app.config, "login.html")
}

/// `GET /assets/{name}`
pub(crate) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some((file, kind)) = Assets::get(&name).zip(media_type(&name)) else {
        return ApiError::not_found().into_response();
    };
    let tag = tag(&file);
    if headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known == tag.as_str())
    {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    // Asked for each time and sent only when changed, so that page and server fit after an update.
    let caching = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::ETAG, tag),
    ];
    (caching, file.data).into_response()
}

fn html(config: &Config, name: &str) -> Response {
    let Some(file) = Assets::get(name) else {
        return ApiError::not_found().into_response();
    };
    let page = String::from_utf8_lossy(&file.data)
        .replace("{{title}}", &escape(&config.title))
        .replace("{{language}}", config.language.tag());
    Html(page).into_response()
}

fn tag(file: &EmbeddedFile) -> String {
    format!(
        "\"{}\"",
        crate::key::hex(&file.metadata.sha256_hash()[..16])
    )
}

/// The pages themselves are not among the files.
fn media_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

fn escape(text: &str) -> String {
    text.chars().fold(String::new(), |mut safe, c| {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
        safe
    })
}
