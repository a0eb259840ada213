//! The bodies of requests.

use crate::{app::App, reply::ApiError};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use tokio::time::timeout;

/// How much of a body that is too large is read all the same, in bytes. Whoever is still sending
/// reads no answer, and finds a broken connection in its place: so a long text that somebody pasted
/// is read to its end, and only what nobody would paste is cut off.
const MOST_WASTED: usize = 16 << 20;

/// What became of a body.
enum Taken {
    Whole(Vec<u8>),
    /// It was larger than it may be.
    TooLarge {
        /// Whether it was read to its end.
        read: bool,
    },
    Broken,
}

/// Takes in the whole body before anything is done about a request: within a time, so that nobody can
/// hold a connection for nothing, and also where the body says nothing, for an answer before it has
/// arrived would cost the page its connection.
pub(crate) async fn take_in(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let most = app.config.largest_body();
    let taken = if is_refused_unread(&parts.headers, most) {
        Ok(Taken::TooLarge { read: false })
    } else {
        timeout(app.config.body_within, read(body, most)).await
    };
    let (refused, read) = match taken {
        Ok(Taken::Whole(body)) => return next.run(Request::from_parts(parts, body.into())).await,
        Ok(Taken::TooLarge { read }) => {
            let message = format!("the body is larger than {most} bytes");
            let error = ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message);
            (error, read)
        }
        Ok(Taken::Broken) => (ApiError::bad_request("the body broke off"), false),
        Err(_) => {
            let message = "the body took too long to arrive";
            let error = ApiError::new(StatusCode::REQUEST_TIMEOUT, "too_slow", message);
            (error, false)
        }
    };
    let mut response = refused.into_response();
    if !read {
        // What was not read ends the connection. Said, so that nobody asks again on it.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

/// Whether a body need not be sent at all: whoever asks first is told at once, and what says that it
/// is huge is not waited for.
fn is_refused_unread(headers: &HeaderMap, most: usize) -> bool {
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let bound = match headers.contains_key(header::EXPECT) {
        true => most,
        false => MOST_WASTED.max(most),
    };
    length.is_some_and(|length| length > bound)
}

/// Reads a body of at most `most` bytes.
async fn read(body: Body, most: usize) -> Taken {
    let mut pieces = body.into_data_stream();
    let mut kept = Vec::new();
    let mut length = 0;
    while let Some(piece) = pieces.next().await {
        let Ok(piece) = piece else {
            return Taken::Broken;
        };
        length += piece.len();
        if length <= most {
            kept.extend_from_slice(&piece);
        } else if length > MOST_WASTED.max(most) {
            return Taken::TooLarge { read: false };
        } else {
            kept = Vec::new();
        }
    }
    match length <= most {
        true => Taken::Whole(kept),
        false => Taken::TooLarge { read: true },
    }
}
