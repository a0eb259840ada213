//! What a fake model server sends.

use bytes::Bytes;
use serde_json::{Value, json};
use std::time::Duration;

/// One answer, down to its bytes and pauses.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    /// Before anything is sent, the status included.
    pub(super) delay: Duration,
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Send(Bytes),
    Wait(Duration),
    /// The connection is cut.
    Cut,
}

impl Reply {
    /// Says `text`, word by word, as OpenAI does: a role, the words, a reason, the usage, `[DONE]`.
    pub fn say(text: &str) -> Self {
        let words = text.split_inclusive(' ').collect::<Vec<_>>();
        let deltas = words.iter().map(|word| json!({"content": word}));
        Self::stream(deltas.collect(), "stop", words.len())
    }

    /// Thinks `thought` in the field `field`, such as `reasoning_content`, and says `text`.
    pub fn think(field: &str, thought: &str, text: &str) -> Self {
        let mut deltas: Vec<Value> = thought
            .split_inclusive(' ')
            .map(|word| json!({field: word}))
            .collect();
        deltas.extend(
            text.split_inclusive(' ')
                .map(|word| json!({"content": word})),
        );
        let count = deltas.len();
        Self::stream(deltas, "stop", count)
    }

    /// Calls tools: id, name and arguments of each, the arguments in two pieces.
    pub fn call(calls: &[(&str, &str, &str)]) -> Self {
        let mut deltas = vec![];
        for (index, (id, name, arguments)) in calls.iter().enumerate() {
            let mut half = arguments.len() / 2;
            while !arguments.is_char_boundary(half) {
                half += 1;
            }
            let (first, rest) = arguments.split_at(half);
            deltas.push(
                json!({"tool_calls": [{"index": index, "id": id, "type": "function",
                "function": {"name": name, "arguments": first}}]}),
            );
            deltas.push(json!({"tool_calls": [{"index": index, "function": {"arguments": rest}}]}));
        }
        Self::stream(deltas, "tool_calls", calls.len())
    }

    /// A stream of these deltas, with a finish for `reason` and the usage behind them.
    pub fn stream(deltas: Vec<Value>, reason: &str, output: usize) -> Self {
        let chunk = |choices: Value, usage: Value| {
            json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000,
                "model": "fake", "choices": choices, "usage": usage})
        };
        let mut events = vec![chunk(
            json!([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": null}]),
            Value::Null,
        )];
        events.extend(deltas.into_iter().map(|delta| {
            let choices = json!([{"index": 0, "delta": delta, "finish_reason": null}]);
            chunk(choices, Value::Null)
        }));
        let end = json!([{"index": 0, "delta": {}, "finish_reason": reason}]);
        events.push(chunk(end, Value::Null));
        let usage = json!({"prompt_tokens": 7, "completion_tokens": output,
            "total_tokens": 7 + output, "prompt_tokens_details": {"cached_tokens": 4}});
        events.push(chunk(json!([]), usage));
        let mut pieces: Vec<_> = events
            .iter()
            .map(|event| format!("data: {event}\n\n"))
            .collect();
        pieces.push("data: [DONE]\n\n".into());
        Self::pieces(200, "text/event-stream", pieces)
    }

    /// `body`, as JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::pieces(status, "application/json", [body.to_string()])
    }

    /// An error as OpenAI writes it.
    pub fn error(status: u16, kind: &str, code: &str, message: &str) -> Self {
        let error = json!({"message": message, "type": kind, "param": null, "code": code});
        Self::json(status, &json!({ "error": error }))
    }

    /// 429, with a `Retry-After` of `seconds`.
    pub fn busy(seconds: u64) -> Self {
        Self::error(429, "requests", "rate_limit_exceeded", "Rate limit reached")
            .header("retry-after", &seconds.to_string())
    }

    /// A page for browsers, as proxies send.
    pub fn page(status: u16) -> Self {
        let page = format!("<html><head><title>{status}</title></head><body>nginx</body></html>");
        Self::pieces(status, "text/html", [page])
    }

    /// A body as it was recorded, in pieces of `size` bytes.
    pub fn recorded(bytes: &[u8], size: usize) -> Self {
        Self::pieces(
            200,
            "text/event-stream",
            bytes.chunks(size.max(1)).map(<[u8]>::to_vec),
        )
    }

    /// Anything: a status, a content type, and a body in pieces.
    pub fn pieces<P: Into<Bytes>>(
        status: u16,
        content_type: &str,
        pieces: impl IntoIterator<Item = P>,
    ) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), content_type.into())],
            delay: Duration::ZERO,
            steps: pieces
                .into_iter()
                .map(|piece| Step::Send(piece.into()))
                .collect(),
        }
    }

    /// Sends this header too.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Is silent for so long before the status.
    #[must_use]
    pub fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Pauses before each piece.
    #[must_use]
    pub fn paced(mut self, pace: Duration) -> Self {
        let steps = self.steps.into_iter();
        self.steps = steps.flat_map(|step| [Step::Wait(pace), step]).collect();
        self
    }

    /// Is silent for so long in front of piece number `at`.
    #[must_use]
    pub fn stalled_at(self, at: usize, pause: Duration) -> Self {
        self.with(at, [Step::Wait(pause)])
    }

    /// Sends `count` comments, `pause` apart, in front of piece number `at`: alive, and no progress.
    #[must_use]
    pub fn kept_alive_at(self, at: usize, count: usize, pause: Duration) -> Self {
        let comment = Bytes::from_static(b": keep-alive\n\n");
        let one = [Step::Wait(pause), Step::Send(comment)];
        self.with(at, (0..count).flat_map(|_| one.clone()))
    }

    /// Sends this in front of piece number `at`.
    #[must_use]
    pub fn with_piece_at(self, at: usize, piece: impl Into<Bytes>) -> Self {
        self.with(at, [Step::Send(piece.into())])
    }

    /// The connection is cut in front of piece number `at`.
    #[must_use]
    pub fn cut_at(mut self, at: usize) -> Self {
        let position = self.position(at);
        self.steps.truncate(position);
        // What was sent before is on its way when the connection goes.
        self.steps
            .extend([Step::Wait(Duration::from_millis(20)), Step::Cut]);
        self
    }

    /// The body ends properly in front of piece number `at`.
    #[must_use]
    pub fn ended_at(mut self, at: usize) -> Self {
        let position = self.position(at);
        self.steps.truncate(position);
        self
    }

    /// Leaves `[DONE]` out.
    #[must_use]
    pub fn without_done(mut self) -> Self {
        let done =
            |step: &Step| matches!(step, Step::Send(piece) if piece.starts_with(b"data: [DONE]"));
        self.steps.retain(|step| !done(step));
        self
    }

    fn with(mut self, at: usize, steps: impl IntoIterator<Item = Step>) -> Self {
        let position = self.position(at);
        self.steps.splice(position..position, steps);
        self
    }

    /// Where piece number `at` is among the steps.
    fn position(&self, at: usize) -> usize {
        let pieces = self.steps.iter().enumerate();
        let mut pieces = pieces.filter(|(_, step)| matches!(step, Step::Send(_)));
        pieces
            .nth(at)
            .map_or(self.steps.len(), |(position, _)| position)
    }
}
