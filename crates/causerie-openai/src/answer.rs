//! The chunks of an answer become deltas.

use crate::{
    calls::Calls,
    fault::{Fault, is_word},
    reader::Piece,
    refusal::{Asked, judge, seen},
    request::ToolNames,
    usage,
};
use causerie_core::{
    Text,
    backend::{BackendError, Delta, Finish, FinishReason},
    message::ToolCall,
    outcome::Usage,
    prompt::{ByteEstimate, TokenCounter},
    thoughts::Thoughts,
};
use serde_json::Value;
use std::{collections::VecDeque, time::SystemTime};

/// The most bytes a model may say in one completion.
const MAX_SAID: usize = 16 << 20;

/// What comes out.
pub(crate) type Deltas = VecDeque<Result<Delta, BackendError>>;

/// What was asked, kept while the answer comes.
#[derive(Debug, Default)]
pub(crate) struct Question {
    /// The prompt's size.
    pub(crate) tokens: u32,
    /// How many messages the prompt has.
    pub(crate) messages: usize,
    /// The model's window.
    pub(crate) window: u32,
    /// The model's name at the endpoint.
    pub(crate) model: String,
    /// Where it was asked.
    pub(crate) host: String,
    /// The names of the tools.
    pub(crate) names: ToolNames,
    /// Whether the template opened the thinking.
    pub(crate) opens_thinking: bool,
}

impl Question {
    pub(crate) fn asked(&self) -> Asked<'_> {
        Asked {
            tokens: self.tokens,
            window: self.window,
            model: &self.model,
            host: &self.host,
        }
    }
}

/// An answer while it comes. Everything it has to say goes into the deltas it is given: at last one
/// finish or one error, and nothing after it.
///
/// The finish waits for the end of the stream, because usage comes behind the reason for it. The
/// stream is whole if it named such a reason or said `[DONE]`.
#[derive(Debug)]
pub(crate) struct Answer {
    question: Question,
    thoughts: Thoughts,
    calls: Calls,
    /// Everything said and thought, to estimate from where no usage is told.
    said: String,
    usage: Option<Usage>,
    reason: Option<FinishReason>,
    begun: bool,
    done: bool,
    over: bool,
}

impl Answer {
    pub(crate) fn new(question: Question) -> Self {
        Self {
            thoughts: Thoughts::new(question.opens_thinking),
            question,
            calls: Calls::default(),
            said: String::new(),
            usage: None,
            reason: None,
            begun: false,
            done: false,
            over: false,
        }
    }

    /// Whether the model has come to an end, and only figures can follow.
    pub(crate) fn is_complete(&self) -> bool {
        self.reason.is_some()
    }

    /// Whether the endpoint said that nothing follows.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// Whether the last delta is out.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Takes the next piece.
    pub(crate) fn take(&mut self, piece: &Piece, deltas: &mut Deltas) {
        if self.over || self.done {
            return;
        }
        match piece {
            Piece::Chunk(chunk) => self.chunk(chunk, deltas),
            Piece::Fault(fault) => self.fault(fault, deltas),
            Piece::Done => self.done = true,
            Piece::Hole => self.interrupt("a piece of the answer cannot be read", deltas),
            Piece::Page => {
                let host = &self.question.host;
                let reason = format!(
                    "{host} answered with a page for browsers: is base_url its API's address, which \
                     often ends in /v1?"
                );
                self.fail(BackendError::Misconfigured { reason }, deltas);
            }
        }
    }

    /// Nothing more will come; `broken` if that is no proper end.
    pub(crate) fn end(&mut self, broken: bool, deltas: &mut Deltas) {
        if self.over {
            return;
        }
        if self.reason.is_none() && !self.done {
            let reason = match (broken, self.begun) {
                (true, _) => "the connection broke",
                (false, true) => "the stream ended before the answer did",
                (false, false) => "an empty answer",
            };
            return if self.begun {
                self.interrupt(reason, deltas);
            } else {
                let reason = reason.to_owned();
                self.fail(BackendError::Unavailable { reason }, deltas);
            };
        }
        let rest = self.thoughts.finish();
        self.say(rest, deltas);
        self.finish(deltas);
    }

    fn finish(&mut self, deltas: &mut Deltas) {
        let mut reason = self.reason.unwrap_or(FinishReason::Stop);
        let broken_off = matches!(reason, FinishReason::Length | FinishReason::Filtered);
        let calls = std::mem::take(&mut self.calls);
        let (names, seed) = (&self.question.names, self.question.messages);
        let calls = calls.finish(names, broken_off, seed);
        // Some say `stop` after calls, and some `tool_calls` without one.
        if !broken_off {
            reason = match calls.is_empty() {
                true => FinishReason::Stop,
                false => FinishReason::ToolCalls,
            };
        }
        let usage = self.usage.unwrap_or_else(|| self.estimate(&calls));
        deltas.extend(calls.into_iter().map(|call| Ok(Delta::ToolCall(call))));
        deltas.push_back(Ok(Delta::Finish(Finish { reason, usage })));
        self.over = true;
    }

    fn estimate(&self, calls: &[ToolCall]) -> Usage {
        let calls = calls.iter().map(|call| {
            let (name, arguments) = (call.name.as_str(), call.arguments.expose());
            u64::from(ByteEstimate.count(name) + ByteEstimate.count(arguments))
        });
        Usage {
            input: u64::from(self.question.tokens),
            output: u64::from(ByteEstimate.count(&self.said)) + calls.sum::<u64>(),
            ..Usage::default()
        }
    }

    fn chunk(&mut self, chunk: &Value, deltas: &mut Deltas) {
        self.begun = true;
        if let Some(usage) = usage::told(chunk) {
            self.usage = Some(usage);
        }
        let choices = chunk["choices"].as_array().into_iter().flatten();
        // We ask for one; whoever gives more is heard as if it did not.
        let ours = |choice: &&Value| choice["index"].as_u64().unwrap_or(0) == 0;
        for choice in choices.filter(ours) {
            self.choice(choice, deltas);
        }
    }

    fn choice(&mut self, choice: &Value, deltas: &mut Deltas) {
        let message = ["delta", "message"];
        let message = message.iter().map(|name| &choice[name]);
        if let Some(message) = message.clone().find(|message| message.is_object()) {
            self.message(message, deltas);
        } else if let Some(text) = choice["text"].as_str() {
            self.write(text, deltas);
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.close(reason, deltas);
        }
    }

    fn message(&mut self, message: &Value, deltas: &mut Deltas) {
        if let Some(thought) = thought(message) {
            if self.said.is_empty() {
                // The server tells thinking from answer, whatever the template opened.
                self.thoughts = Thoughts::new(false);
            }
            self.say(vec![Delta::Reasoning(Text::new(thought))], deltas);
        }
        match &message["content"] {
            Value::String(text) => self.write(text, deltas),
            Value::Array(parts) => {
                for part in parts {
                    self.part(part, deltas);
                }
            }
            _ => {}
        }
        if let Some(refusal) = message["refusal"].as_str() {
            self.write(refusal, deltas);
        }
        let calls = match &message["tool_calls"] {
            Value::Array(calls) => calls.as_slice(),
            one @ Value::Object(_) => std::slice::from_ref(one),
            _ => &[],
        };
        let old = Some(&message["function_call"]).filter(|call| call.is_object());
        for call in calls.iter().chain(old) {
            if self.calls.push(call).is_err() {
                return self.interrupt("more tool calls than one answer may make", deltas);
            }
        }
    }

    /// One of several parts of a content (Mistral, Anthropic).
    fn part(&mut self, part: &Value, deltas: &mut Deltas) {
        if let Some(text) = part["text"].as_str() {
            self.write(text, deltas);
        } else if let Some(thought) = joined(&part["thinking"]) {
            self.say(vec![Delta::Reasoning(Text::new(thought))], deltas);
        }
    }

    fn write(&mut self, text: &str, deltas: &mut Deltas) {
        if !text.is_empty() {
            let known = self.thoughts.push(text);
            self.say(known, deltas);
        }
    }

    fn say(&mut self, said: Vec<Delta>, deltas: &mut Deltas) {
        for delta in said {
            if let Delta::Text(text) | Delta::Reasoning(text) = &delta {
                self.said.push_str(text.expose());
            }
            if !self.over {
                deltas.push_back(Ok(delta));
            }
        }
        if self.said.len() > MAX_SAID {
            self.interrupt("a longer answer than any model gives", deltas);
        }
    }

    fn close(&mut self, reason: &str, deltas: &mut Deltas) {
        let reason = match reason.to_ascii_lowercase().as_str() {
            "" | "null" => return,
            "stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence" | "stop_token" => {
                FinishReason::Stop
            }
            "length" | "max_tokens" | "max_output_tokens" | "model_length" => FinishReason::Length,
            "tool_calls" | "function_call" | "tool_use" => FinishReason::ToolCalls,
            "content_filter" | "safety" | "recitation" | "prohibited_content" | "blocklist"
            | "refusal" | "sensitive" => FinishReason::Filtered,
            "error" | "abort" | "cancelled" | "network_error" | "insufficient_system_resource" => {
                return self.interrupt("the endpoint says that the model broke off", deltas);
            }
            unknown => {
                let word = if is_word(unknown) { unknown } else { "none" };
                let note = format!("the model finished for a reason that is not known: {word}");
                deltas.push_back(Ok(Delta::Note(note)));
                FinishReason::Stop
            }
        };
        self.reason = Some(reason);
    }

    fn fault(&mut self, fault: &Fault, deltas: &mut Deltas) {
        let now = SystemTime::now();
        let error = judge(None, fault, |_| None, now, self.question.asked());
        // Half an answer is out: what would be done about an answer that never began is no help.
        if self.said.is_empty() && self.calls.is_empty() || matches!(error, BackendError::Declined)
        {
            self.fail(error, deltas);
        } else {
            self.interrupt(&seen(fault.status, fault), deltas);
        }
    }

    fn interrupt(&mut self, reason: &str, deltas: &mut Deltas) {
        let reason = reason.to_owned();
        self.fail(BackendError::Interrupted { reason }, deltas);
    }

    fn fail(&mut self, error: BackendError, deltas: &mut Deltas) {
        if !self.over {
            deltas.push_back(Err(error));
            self.over = true;
        }
    }
}

/// The thinking in a message, by the names it has. Some send the same under several; the first counts.
fn thought(message: &Value) -> Option<String> {
    let names = [
        "reasoning_content",
        "reasoning",
        "thinking",
        "reasoning_details",
    ];
    names.iter().find_map(|name| joined(&message[name]))
}

/// A text, or the texts of a list of parts. `None` if there is nothing in it.
fn joined(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let text = |part: &Value| {
                let names = ["text", "summary"];
                let mut texts = names.iter().filter_map(|name| part[name].as_str());
                texts.next().map(str::to_owned)
            };
            parts.iter().filter_map(text).collect()
        }
        Value::Object(_) => joined(&value["text"]).or_else(|| joined(&value["content"]))?,
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
