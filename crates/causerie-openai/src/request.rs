//! A prompt as the endpoint wants it.

use crate::{
    Config,
    config::{OutputLimit, SamplingFields},
    endpoint::Endpoint,
    picture::{Pictures, data_url},
};
use causerie_core::{
    event::Attachment,
    id::{ConversationId, ToolName},
    message::ToolCall,
    prompt::{Prompt, PromptMessage, PromptRole},
    tool::ToolSpec,
};
use serde_json::{Map, Number, Value, json};
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// What stands for a picture that cannot be shown.
const NOT_SHOWN: &str = "[a picture that could not be shown]";

/// What of a completion's request is the same for every prompt: the answers to "which field?".
#[derive(Clone, Debug)]
pub(crate) struct Form {
    model: String,
    extra: Map<String, Value>,
    output_limit: OutputLimit,
    sampling_fields: SamplingFields,
    cache_key: bool,
    include_usage: bool,
    images: bool,
}

impl Form {
    pub(crate) fn new(config: &Config, endpoint: &Endpoint) -> Self {
        let (limit, fields) = (config.output_limit, config.sampling_fields);
        let cache_key = config.prompt_cache_key;
        Self {
            model: config.model.clone(),
            extra: config.extra.clone(),
            output_limit: limit.unwrap_or_else(|| endpoint.output_limit()),
            sampling_fields: fields.unwrap_or_else(|| endpoint.sampling_fields()),
            cache_key: cache_key.unwrap_or_else(|| endpoint.knows_cache_keys()),
            include_usage: config.include_usage,
            images: config.images,
        }
    }

    /// The request for a completion of `prompt`. No `user` is sent: it would tell the provider who asks.
    pub(crate) async fn fill(&self, prompt: &Prompt, pictures: &dyn Pictures) -> Value {
        let mut request = Map::new();
        request.insert("model".into(), json!(self.model));
        if !prompt.tools().is_empty() {
            let tools = prompt.tools().iter().map(definition);
            request.insert("tools".into(), tools.collect());
        }
        let mut messages = Vec::with_capacity(prompt.messages().len());
        for one in prompt.messages() {
            messages.push(self.message(one, pictures).await);
        }
        request.insert("messages".into(), messages.into());
        request.insert("stream".into(), json!(true));
        if self.include_usage {
            request.insert("stream_options".into(), json!({"include_usage": true}));
        }
        let limit = match self.output_limit {
            OutputLimit::MaxTokens => "max_tokens",
            OutputLimit::MaxCompletionTokens => "max_completion_tokens",
        };
        request.insert(limit.into(), json!(prompt.max_output_tokens()));
        self.sampling(prompt, &mut request);
        if self.cache_key {
            request.insert(
                "prompt_cache_key".into(),
                json!(cache_key(prompt.conversation())),
            );
        }
        self.merge_extra(&mut request);
        Value::Object(request)
    }

    fn sampling(&self, prompt: &Prompt, request: &mut Map<String, Value>) {
        let sampling = prompt.sampling();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                request.insert(name.into(), value);
            }
        };
        put("temperature", sampling.temperature.and_then(decimal));
        put("top_p", sampling.top_p.and_then(decimal));
        put("seed", sampling.seed.map(Value::from));
        if self.sampling_fields == SamplingFields::All {
            let penalty = sampling.repeat_penalty.and_then(decimal);
            put("top_k", sampling.top_k.map(Value::from));
            put("min_p", sampling.min_p.and_then(decimal));
            // llama.cpp, Ollama and LM Studio know it by the first name, vLLM by the second. Each
            // ignores what it does not know.
            put("repeat_penalty", penalty.clone());
            put("repetition_penalty", penalty);
        }
    }

    fn merge_extra(&self, request: &mut Map<String, Value>) {
        for (name, value) in &self.extra {
            match (name.as_str(), value) {
                ("messages" | "tools" | "stream", _) => {}
                (name, Value::Null) => {
                    request.remove(name);
                }
                (name, value) => {
                    request.insert(name.to_owned(), value.clone());
                }
            }
        }
    }

    async fn message(&self, message: &PromptMessage, pictures: &dyn Pictures) -> Value {
        let text = message.text.expose();
        match (message.role, &message.answers) {
            (PromptRole::System, _) => json!({"role": "system", "content": text}),
            (PromptRole::Assistant, _) if message.tool_calls.is_empty() => {
                json!({"role": "assistant", "content": text})
            }
            (PromptRole::Assistant, _) => {
                let calls = message.tool_calls.iter().map(called);
                let calls: Value = calls.collect();
                let content = (!text.is_empty()).then_some(text);
                json!({"role": "assistant", "content": content, "tool_calls": calls})
            }
            (PromptRole::Tool, Some(id)) => {
                json!({"role": "tool", "tool_call_id": call_id(id), "content": text})
            }
            (PromptRole::User | PromptRole::Tool, _) if message.images.is_empty() => {
                json!({"role": "user", "content": text})
            }
            (PromptRole::User | PromptRole::Tool, _) => {
                let parts = self.parts(text, &message.images, pictures).await;
                json!({"role": "user", "content": parts})
            }
        }
    }

    async fn parts(
        &self,
        text: &str,
        images: &[Attachment],
        pictures: &dyn Pictures,
    ) -> Vec<Value> {
        let mut parts = vec![];
        if !text.is_empty() {
            parts.push(json!({"type": "text", "text": text}));
        }
        for image in images {
            let url = if self.images {
                data_url(pictures, image).await
            } else {
                None
            };
            parts.push(match url {
                Some(url) => json!({"type": "image_url", "image_url": {"url": url}}),
                None => json!({"type": "text", "text": NOT_SHOWN}),
            });
        }
        parts
    }
}

/// The names of a prompt's tools as the endpoint takes them: letters, digits, `_` and `-`, at most 64.
#[derive(Debug, Default)]
pub(crate) struct ToolNames(Vec<(String, ToolName)>);

impl ToolNames {
    pub(crate) fn new(tools: &[ToolSpec]) -> Self {
        let names = tools.iter();
        Self(
            names
                .map(|tool| (written(tool.name.as_str()), tool.name.clone()))
                .collect(),
        )
    }

    /// The tool that the model means by `name`, which may be none that there is.
    pub(crate) fn read(&self, name: &str) -> ToolName {
        let known = self.0.iter().find(|(written, _)| written == name);
        if let Some((_, name)) = known {
            return name.clone();
        }
        ToolName::new(name)
            .or_else(|_| ToolName::new(written(name)))
            .or_else(|_| ToolName::new("unnamed"))
            .expect("a fixed name is a name")
    }
}

fn written(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let chars = name.chars().take(64);
    chars.map(|c| if allowed(c) { c } else { '_' }).collect()
}

fn definition(tool: &ToolSpec) -> Value {
    json!({
        "type": "function",
        "function": {
            "name": written(tool.name.as_str()),
            "description": tool.description,
            "parameters": tool.parameters,
        },
    })
}

fn called(call: &ToolCall) -> Value {
    let arguments = call.arguments.expose();
    // Several servers read the arguments again, and refuse the whole conversation for ever if the
    // model once wrote nonsense.
    let whole = serde_json::from_str::<Value>(arguments).is_ok_and(|value| value.is_object());
    json!({
        "id": call_id(&call.id),
        "type": "function",
        "function": {
            "name": written(call.name.as_str()),
            "arguments": if whole { arguments } else { "{}" },
        },
    })
}

/// The id of a call as every endpoint takes it. Mistral refuses any but nine letters and digits, and
/// OpenAI more than forty; a conversation may hold calls of models that others stand in for now.
fn call_id(id: &str) -> Cow<'_, str> {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    if id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Cow::Borrowed(id);
    }
    let hash = Sha256::digest(id);
    let digits = hash.iter().take(9);
    digits
        .map(|byte| char::from(DIGITS[usize::from(*byte) % DIGITS.len()]))
        .collect::<String>()
        .into()
}

/// `value` as people write it: 0.7, not 0.699999988079071.
fn decimal(value: f32) -> Option<Value> {
    let number: f64 = value.to_string().parse().ok()?;
    Number::from_f64(number).map(Value::Number)
}

/// The same for a conversation on every replica, and not its id, which may name a person.
fn cache_key(conversation: &ConversationId) -> String {
    let mut hash = Sha256::new();
    hash.update(b"causerie prompt_cache_key\0");
    hash.update(conversation.as_str());
    let hash = hash.finalize();
    hash.iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests;
