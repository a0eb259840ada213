use super::*;
use serde_json::{Value, json};

fn judged(status: u16, body: &Value) -> BackendError {
    let fault = Fault::of(body).unwrap_or_default();
    let asked = Asked {
        tokens: 9000,
        window: 8192,
        model: "m",
        host: "h",
    };
    let status = (status != 200).then_some(status);
    judge(status, &fault, |_| None, SystemTime::UNIX_EPOCH, asked)
}

fn kind(error: &BackendError) -> &'static str {
    match error {
        BackendError::Busy { .. } => "busy",
        BackendError::Unavailable { .. } => "unavailable",
        BackendError::Overflow { .. } => "overflow",
        BackendError::Declined => "declined",
        BackendError::Misconfigured { .. } => "misconfigured",
        other => panic!("{other}"),
    }
}

/// What providers answer, after their documentation, and what it means.
fn table() -> Vec<(u16, Value, &'static str)> {
    vec![
        // OpenAI
        (
            429,
            json!({"error": {"message": "Rate limit reached for gpt-4o", "type": "tokens", "code": "rate_limit_exceeded"}}),
            "busy",
        ),
        (
            429,
            json!({"error": {"message": "You exceeded your current quota, please check your plan and billing details.", "type": "insufficient_quota", "code": "insufficient_quota"}}),
            "misconfigured",
        ),
        (
            401,
            json!({"error": {"message": "Incorrect API key provided: sk-ab****yz.", "type": "invalid_request_error", "code": "invalid_api_key"}}),
            "misconfigured",
        ),
        (
            404,
            json!({"error": {"message": "The model `x` does not exist", "type": "invalid_request_error", "code": "model_not_found"}}),
            "misconfigured",
        ),
        (
            400,
            json!({"error": {"message": "This model's maximum context length is 8192 tokens.", "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}}),
            "overflow",
        ),
        (
            400,
            json!({"error": {"message": "Invalid prompt: your prompt was flagged as potentially violating our usage policy.", "code": "invalid_prompt"}}),
            "declined",
        ),
        (
            400,
            json!({"error": {"message": "Unsupported parameter: 'max_tokens'", "type": "invalid_request_error", "param": "max_tokens", "code": "unsupported_parameter"}}),
            "misconfigured",
        ),
        (
            500,
            json!({"error": {"message": "The server had an error", "type": "server_error"}}),
            "unavailable",
        ),
        (
            503,
            json!({"error": {"message": "The engine is currently overloaded", "type": "service_unavailable"}}),
            "unavailable",
        ),
        // Azure
        (
            400,
            json!({"error": {"message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.", "code": "content_filter", "status": 400, "innererror": {"code": "ResponsibleAIPolicyViolation"}}}),
            "declined",
        ),
        (
            404,
            json!({"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}}),
            "misconfigured",
        ),
        (
            401,
            json!({"statusCode": 401, "message": "Unauthorized."}),
            "misconfigured",
        ),
        // vLLM, old and new
        (
            400,
            json!({"object": "error", "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens", "type": "BadRequestError", "param": null, "code": 400}),
            "overflow",
        ),
        (
            400,
            json!({"error": {"message": "The decoder prompt (length 9) is longer than the maximum model length... reduce the length of the messages", "type": "BadRequestError", "code": 400}}),
            "overflow",
        ),
        (
            422,
            json!({"detail": [{"loc": ["body", "messages"], "msg": "field required"}]}),
            "misconfigured",
        ),
        // llama.cpp's server
        (
            400,
            json!({"error": {"code": 400, "message": "the request exceeds the available context size, try increasing it", "type": "exceed_context_size_error", "n_prompt_tokens": 9100, "n_ctx": 4096}}),
            "overflow",
        ),
        (
            503,
            json!({"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}),
            "unavailable",
        ),
        // Ollama, LM Studio
        (
            404,
            json!({"error": {"message": "model \"x\" not found, try pulling it first", "type": "api_error"}}),
            "misconfigured",
        ),
        (
            400,
            json!({"error": "Trying to keep the first 4200 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens"}),
            "overflow",
        ),
        // OpenRouter
        (
            402,
            json!({"error": {"code": 402, "message": "Insufficient credits"}}),
            "misconfigured",
        ),
        (
            403,
            json!({"error": {"code": 403, "message": "Input flagged", "metadata": {"reasons": ["violence"], "flagged_input": "…"}}}),
            "declined",
        ),
        (
            502,
            json!({"error": {"code": 502, "message": "Provider returned error"}}),
            "unavailable",
        ),
        (
            200,
            json!({"error": {"code": 429, "message": "Provider returned error"}}),
            "busy",
        ),
        (
            200,
            json!({"error": {"code": 502, "message": "Provider returned error"}}),
            "unavailable",
        ),
        // DeepSeek
        (
            402,
            json!({"error": {"message": "Insufficient Balance", "type": "unknown_error", "code": "invalid_request_error"}}),
            "misconfigured",
        ),
        (
            400,
            json!({"error": {"message": "Content Exists Risk", "type": "invalid_request_error"}}),
            "declined",
        ),
        // Anthropic's
        (
            529,
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
            "unavailable",
        ),
        (
            429,
            json!({"type": "error", "error": {"type": "rate_limit_error", "message": "…"}}),
            "busy",
        ),
        (
            400,
            json!({"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 210000 tokens > 200000 maximum"}}),
            "overflow",
        ),
        (
            413,
            json!({"type": "error", "error": {"type": "request_too_large", "message": "…"}}),
            "overflow",
        ),
        // Google's
        (
            429,
            json!([{"error": {"code": 429, "message": "Resource exhausted", "status": "RESOURCE_EXHAUSTED", "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}]}}]),
            "busy",
        ),
        // Nothing that can be read
        (502, Value::Null, "unavailable"),
        (409, Value::Null, "unavailable"),
        (408, Value::Null, "unavailable"),
        (307, Value::Null, "misconfigured"),
        (418, Value::Null, "misconfigured"),
    ]
}

#[test]
fn what_providers_answer_is_understood() {
    for (status, body, expected) in table() {
        assert_eq!(kind(&judged(status, &body)), expected, "{status} {body}");
    }
}

#[test]
fn the_operator_is_told_what_to_do_and_nothing_that_was_written() {
    let body = json!({"error": {"message": "sk-secret and what Anna wrote", "type": "invalid_request_error", "code": "invalid_api_key"}});
    assert_eq!(
        judged(401, &body).to_string(),
        "the model cannot be used: h does not accept the API key: check api_key (status 401, type \
         invalid_request_error, code invalid_api_key)"
    );
    for (status, body, _) in table() {
        let said = judged(status, &body).to_string();
        for word in ["sk-", "Provider returned", "flagged", "Loading", "Anna"] {
            assert!(!said.contains(word), "{said}");
        }
    }
}

#[test]
fn sizes_and_waits_are_taken_from_the_body_where_it_has_them() {
    let llama = json!({"error": {"type": "exceed_context_size_error", "n_prompt_tokens": 9100, "n_ctx": 4096}});
    let BackendError::Overflow { tokens, window } = judged(400, &llama) else {
        panic!("it is too long");
    };
    assert_eq!((tokens, window), (9100, 4096));
    let openrouter = json!({"error": {"code": 429, "message": "Rate limit exceeded: free-models-per-day",
        "metadata": {"headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "60"}}}});
    let google = json!([{"error": {"code": 429, "details": [{"retryDelay": "34s"}]}}]);
    for (body, expected) in [(openrouter, 60), (google, 34)] {
        let BackendError::Busy { retry_after } = judged(429, &body) else {
            panic!("it asks to wait");
        };
        assert_eq!(retry_after, Some(Duration::from_secs(expected)));
    }
}

#[test]
fn a_server_error_with_a_time_asks_to_wait() {
    let header = |name: &str| (name == "retry-after").then_some("7");
    let fault = Fault::default();
    let now = SystemTime::UNIX_EPOCH;
    let error = judge(Some(503), &fault, header, now, Asked::default());
    assert!(matches!(error, BackendError::Busy { retry_after: Some(wait) } if wait.as_secs() == 7));
}
