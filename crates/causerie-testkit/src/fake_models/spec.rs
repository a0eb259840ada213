//! Whether requests are such as OpenAI's description of its API allows.

use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What requests must look like.
pub(super) struct Spec {
    chat: Validator,
    embeddings: Validator,
}

impl Spec {
    pub(super) fn new() -> Self {
        Self {
            chat: validator("CreateChatCompletionRequest"),
            embeddings: validator("CreateEmbeddingRequest"),
        }
    }

    /// What is wrong with `body`, sent to `path`. The fields in `allowed` are passed over.
    pub(super) fn violations(
        &self,
        path: &str,
        body: &Value,
        allowed: &BTreeSet<String>,
    ) -> Vec<String> {
        let validator = if path.ends_with("/embeddings") {
            &self.embeddings
        } else {
            &self.chat
        };
        let mut body = body.clone();
        if let Some(fields) = body.as_object_mut() {
            fields.retain(|name, _| !allowed.contains(name));
        }
        let errors = validator.iter_errors(&body);
        errors
            .map(|error| format!("{path}: {error} at {}", error.instance_path()))
            .collect()
    }
}

fn validator(definition: &str) -> Validator {
    let schema = include_str!("openai.schema.json");
    let mut schema: Value = serde_json::from_str(schema).expect("the schema is JSON");
    schema["$ref"] = json!(format!("#/$defs/{definition}"));
    jsonschema::validator_for(&schema).expect("the schema is a schema")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_openai_does_not_know_are_found_unless_they_are_allowed() {
        let spec = Spec::new();
        let found = |body: &Value, allowed: &[&str]| {
            let allowed = allowed.iter().map(|name| (*name).to_owned()).collect();
            spec.violations("/v1/chat/completions", body, &allowed)
                .len()
        };
        let mut body = json!({
            "model": "m",
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": [
                    {"type": "text", "text": "t"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
                ]},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                ]},
                {"role": "tool", "tool_call_id": "a", "content": "o"},
            ],
            "stream": true,
            "stream_options": {"include_usage": true},
            "max_tokens": 5,
        });
        assert_eq!(found(&body, &[]), 0);
        body["top_k"] = json!(40);
        assert!(found(&body, &[]) > 0 && found(&body, &["top_k"]) == 0);
        body["messages"][0]["colour"] = json!("red");
        assert!(found(&body, &["top_k"]) > 0);
        let embed = json!({"model": "m", "input": ["a"]});
        assert!(
            spec.violations("/v1/embeddings", &embed, &BTreeSet::new())
                .is_empty()
        );
    }
}
