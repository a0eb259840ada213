//! Errors as the page gets them, and requests as it sends them.

use axum::{
    Json,
    extract::{FromRequest, Request, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use causerie_core::platform::InboxError;
use serde::de::DeserializeOwned;
use serde_json::json;

/// Why a request was not done. Prints as `{"error":{"code":…,"message":…}}`: the code is for the
/// page, which has its own words for it; the message is for whoever calls by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    pub(crate) fn bad_request(message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing here")
    }

    pub(crate) fn unknown_visitor() -> Self {
        let message = "POST /api/visit first and keep its cookie";
        Self::new(StatusCode::UNAUTHORIZED, "unknown_visitor", message)
    }

    pub(crate) fn too_large(most: usize) -> Self {
        let message = format!("a message may have at most {most} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"error": {"code": self.code, "message": self.message}});
        (self.status, Json(body)).into_response()
    }
}

impl From<InboxError> for ApiError {
    fn from(error: InboxError) -> Self {
        if let InboxError::Unavailable(source) = &error {
            tracing::warn!(
                error = source as &dyn std::error::Error,
                "the store is not available"
            );
        }
        let message = "the message could not be kept; try again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }
}

/// A JSON body whose problems are told as JSON too, without quoting it.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(rejected(&rejection)),
        }
    }
}

fn rejected(rejection: &JsonRejection) -> ApiError {
    let status = rejection.status();
    match status {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            ApiError::new(status, "not_json", "send application/json")
        }
        _ => ApiError::bad_request("the body is not what this expects"),
    }
}
