//! What an error means for whoever asked.
//!
//! The endpoint's code and type are asked first, then the status, and its words only where most
//! endpoints give no code. What is passed on holds the status, the code and the type: never the
//! message, which may quote what people wrote.

use crate::{fault::Fault, wait};
use causerie_core::backend::BackendError;
use std::time::{Duration, SystemTime};

/// The prompt is too long.
const TOO_LONG: &[&str] = &[
    "context_length_exceeded",
    "context_window_exceeded",
    "model_context_window_exceeded",
    "exceed_context_size_error",
    "contextwindowexceedederror",
    "prompt_too_long",
    "request_too_large",
];
const TOO_LONG_SAID: &[&str] = &[
    "context length",
    "context_length",
    "context window",
    "context size",
    "context limit",
    "maximum context",
    "prompt is too long",
    "input is too long",
    "prompt too long",
    "too many tokens",
    "exceeds the maximum number of tokens",
    "input token count",
    "reduce the length of the messages",
    "longer than the model's context",
];

/// Waiting does not help: somebody must pay.
const NO_MONEY: &[&str] = &[
    "insufficient_quota",
    "insufficient_balance",
    "insufficient_credits",
    "billing_hard_limit_reached",
    "billing_not_active",
    "billing_error",
    "payment_required",
    "account_deactivated",
    "access_terminated",
    "exceeded_current_quota_error",
];
const NO_MONEY_SAID: &[&str] = &["insufficient balance", "check your plan and billing"];

/// The provider will not have the words.
const DECLINED: &[&str] = &[
    "content_policy_violation",
    "content_filter",
    "content_filter_error",
    "contentpolicyviolationerror",
    "responsibleaipolicyviolation",
    "data_inspection_failed",
    "datainspectionfailed",
    "invalid_prompt",
    "moderation_blocked",
    "content_blocked",
    "safety_error",
];
const DECLINED_SAID: &[&str] = &[
    "content management policy",
    "content exists risk",
    "violating our usage policy",
    "violates our usage policies",
    "flagged by our safety",
];

/// Come back later, though no status says so.
const BUSY: &[&str] = &[
    "rate_limit_exceeded",
    "rate_limit_error",
    "rate_limit_reached_error",
    "resource_exhausted",
    "too_many_requests",
    "throttling",
    "tokens",
    "requests",
];

/// What was asked, as far as an error tells of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked<'a> {
    /// The prompt's size.
    pub(crate) tokens: u32,
    /// The model's window.
    pub(crate) window: u32,
    /// The model's name at the endpoint.
    pub(crate) model: &'a str,
    /// Where it was asked.
    pub(crate) host: &'a str,
}

/// What an error means: `status` as HTTP gave it, unless it was 200, and what the body said.
pub(crate) fn judge<'a>(
    status: Option<u16>,
    fault: &'a Fault,
    header: impl Fn(&str) -> Option<&'a str>,
    now: SystemTime,
    asked: Asked<'_>,
) -> BackendError {
    let retry_after = wait::wait(|name| header(name).or_else(|| fault.header(name)), now)
        .or_else(|| fault.delay.as_deref().and_then(wait::span));
    let status = status.or(fault.status);
    let request = matches!(status, None | Some(400 | 413 | 422 | 500));
    if fault.is(TOO_LONG) || status == Some(413) || request && fault.says(TOO_LONG_SAID) {
        return BackendError::Overflow {
            tokens: fault.tokens.unwrap_or(asked.tokens),
            window: fault.window.unwrap_or(asked.window),
        };
    }
    let refused = matches!(status, None | Some(400 | 403 | 451));
    if fault.is(DECLINED) || fault.moderated || refused && fault.says(DECLINED_SAID) {
        return BackendError::Declined;
    }
    if fault.is(NO_MONEY) || status == Some(402) || fault.says(NO_MONEY_SAID) {
        let what =
            "the account has no credit left, or its plan does not allow this: see its billing";
        return misconfigured(what, status, fault);
    }
    if status == Some(429) || status.is_none() && fault.is(BUSY) {
        return BackendError::Busy { retry_after };
    }
    by_status(status, fault, retry_after, asked)
}

fn by_status(
    status: Option<u16>,
    fault: &Fault,
    retry_after: Option<Duration>,
    asked: Asked<'_>,
) -> BackendError {
    let Asked { model, host, .. } = asked;
    let what = match status {
        // An endpoint that names a time asks to wait, whatever it calls its trouble.
        Some(500..) if retry_after.is_some() => return BackendError::Busy { retry_after },
        None | Some(408 | 409 | 425 | 500..) => {
            return BackendError::Unavailable {
                reason: seen(status, fault),
            };
        }
        Some(300..=399) => {
            format!("{host} redirects: base_url must be the address it redirects to")
        }
        Some(401) => format!("{host} does not accept the API key: check api_key"),
        Some(403) => format!("{host} does not let this API key use the model {model:?}"),
        Some(404) => format!(
            "{host} knows no model {model:?}, or base_url is not its API's address, which often ends \
             in /v1"
        ),
        Some(405) => format!("base_url is not the address of the API of {host}"),
        Some(_) => match fault.param() {
            Some("max_tokens") => {
                "it wants another limit of the answer: set output_limit".to_owned()
            }
            Some(param) => format!("it does not accept {param} as it is sent: see extra"),
            None => format!("{host} does not accept the request for the model {model:?}"),
        },
    };
    misconfigured(&what, status, fault)
}

fn misconfigured(what: &str, status: Option<u16>, fault: &Fault) -> BackendError {
    BackendError::Misconfigured {
        reason: format!("{what} ({})", seen(status, fault)),
    }
}

/// Status, type and code.
pub(crate) fn seen(status: Option<u16>, fault: &Fault) -> String {
    let names = fault.names();
    match status {
        Some(status) => format!("status {status}{names}"),
        None if names.is_empty() => "an error without a code".to_owned(),
        None => names.trim_start_matches(", ").to_owned(),
    }
}

#[cfg(test)]
mod tests;
