//! What an error object says, in the shapes that endpoints give it.

use serde_json::Value;

/// An error object. Its message may quote what people wrote: it is looked at and never passed on.
#[derive(Default)]
pub(crate) struct Fault {
    /// Such as `context_length_exceeded`. A number is kept as [`Fault::status`] instead.
    code: Option<String>,
    /// Such as `invalid_request_error`.
    kind: Option<String>,
    /// The field of the request that it complains about.
    param: Option<String>,
    /// The HTTP status it stands for, where the real one could no longer be sent.
    pub(crate) status: Option<u16>,
    /// The message, in lower case.
    message: String,
    /// The prompt's tokens, if told.
    pub(crate) tokens: Option<u32>,
    /// The context window, if told.
    pub(crate) window: Option<u32>,
    /// Whether a moderator stopped it.
    pub(crate) moderated: bool,
    /// Headers of the provider behind the endpoint (OpenRouter), names in lower case.
    headers: Vec<(String, String)>,
    /// How long to wait (Google), such as `34s`.
    pub(crate) delay: Option<String>,
}

impl Fault {
    /// Reads `value` if it is an error: a body, or a piece of a stream.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        // Google wraps the object into a list.
        let value = value
            .as_array()
            .and_then(|list| list.first())
            .unwrap_or(value);
        match value.get("error") {
            Some(Value::String(message)) => Some(Self {
                message: message.to_lowercase(),
                ..Self::read(value)
            }),
            Some(error @ Value::Object(_)) => Some(Self::read(error)),
            Some(Value::Bool(true)) => Some(Self::read(value)),
            _ => {
                let named = value["object"] == "error" || value["type"] == "error";
                // FastAPI's own errors, which vLLM and others let through.
                let detail = value.get("detail").is_some() && value.get("choices").is_none();
                (named || detail).then(|| Self::read(value))
            }
        }
    }

    /// Reads `error`, which is known to be one, whatever it looks like.
    pub(crate) fn read(error: &Value) -> Self {
        let text = |key: &str| error[key].as_str().map(str::to_owned);
        let number = |key: &str| u32::try_from(error[key].as_u64()?).ok();
        let code = &error["code"];
        let status = code.as_u64().or_else(|| code.as_str()?.parse().ok());
        let status = status.and_then(|code| u16::try_from(code).ok());
        let inner = &error["innererror"]["code"];
        let reasons = &error["metadata"]["reasons"];
        Self {
            code: text("code").filter(|_| status.is_none()),
            kind: text("type").or_else(|| text("status")),
            param: text("param"),
            status: status.filter(|status| (400..600).contains(status)),
            message: text("message")
                .or_else(|| text("detail"))
                .or_else(|| error.as_str().map(str::to_owned))
                .unwrap_or_default()
                .to_lowercase(),
            tokens: number("n_prompt_tokens"),
            window: number("n_ctx"),
            moderated: *inner == "ResponsibleAIPolicyViolation" || reasons.is_array(),
            headers: provider_headers(&error["metadata"]["headers"]),
            delay: retry_delay(&error["details"]),
        }
    }

    /// Whether its code or type is one of `names`.
    pub(crate) fn is(&self, names: &[&str]) -> bool {
        let said = [&self.code, &self.kind];
        said.into_iter().flatten().any(|said| {
            let said = said.to_ascii_lowercase();
            names.contains(&said.as_str())
        })
    }

    /// Whether its message has one of `phrases`, which are in lower case. The last resort: most
    /// endpoints that are not OpenAI give no code.
    pub(crate) fn says(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.message.contains(phrase))
    }

    /// The header `name` that the provider behind the endpoint sent.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(key, _)| key == name)?;
        Some(&header.1)
    }

    /// The field it complains about, if it has the look of one.
    pub(crate) fn param(&self) -> Option<&str> {
        self.param.as_deref().filter(|param| is_word(param))
    }

    /// Code and type for the operator: `, type …, code …`. Only if they look like names, for an
    /// endpoint may put anything there.
    pub(crate) fn names(&self) -> String {
        let named = [("type", &self.kind), ("code", &self.code)];
        named
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
            .filter(|(_, value)| is_word(value))
            .map(|(name, value)| format!(", {name} {value}"))
            .collect()
    }
}

/// Whether it is one short word of the kind that programs write.
pub(crate) fn is_word(text: &str) -> bool {
    let in_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']');
    !text.is_empty() && text.len() <= 64 && text.chars().all(in_word)
}

fn provider_headers(headers: &Value) -> Vec<(String, String)> {
    let Some(headers) = headers.as_object() else {
        return vec![];
    };
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), text(value)))
        .collect()
}

fn retry_delay(details: &Value) -> Option<String> {
    let mut details = details.as_array()?.iter();
    details.find_map(|detail| Some(detail["retryDelay"].as_str()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn errors_are_found_in_every_shape() {
        let shapes = [
            json!({"error": {"message": "No", "type": "t", "code": "c"}}),
            json!({"error": "no"}),
            json!([{"error": {"code": 429, "message": "No", "status": "RESOURCE_EXHAUSTED"}}]),
            json!({"object": "error", "message": "no", "type": "BadRequestError", "code": 400}),
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "No"}}),
            json!({"detail": "No"}),
        ];
        for shape in shapes {
            let fault = Fault::of(&shape);
            assert!(fault.is_some_and(|fault| fault.says(&["no"])), "{shape}");
        }
        for fine in [
            json!({"choices": [], "error": null}),
            json!({"choices": []}),
            json!({"type": "ping"}),
            json!("error"),
            json!(null),
        ] {
            assert!(Fault::of(&fine).is_none(), "{fine}");
        }
    }

    #[test]
    fn only_names_are_repeated() {
        let fault = Fault::read(&json!({"type": "my dear Anna", "code": "insufficient_quota"}));
        assert_eq!(fault.names(), ", code insufficient_quota");
    }
}
