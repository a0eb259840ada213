//! One place in the context: a conversation's tokens, and the answer in the making.

use crate::{chooser::Chooser, utf8::Utf8, vocabulary::Vocabulary};
use causerie_core::{
    backend::{BackendError, Delta, Finish, FinishReason},
    id::ConversationId,
    outcome::Usage,
    thoughts::Thoughts,
};
use llama_cpp_2::token::LlamaToken;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// What the scheduler is asked to answer.
pub(crate) struct Request {
    pub(crate) conversation: ConversationId,
    pub(crate) tokens: Vec<LlamaToken>,
    /// Whether the prompt ends in the middle of the model's thinking.
    pub(crate) thinking: bool,
    pub(crate) chooser: Chooser,
    pub(crate) max_output: u32,
    /// Has room for every delta there can be, so that a slow reader never stops the model.
    pub(crate) deltas: mpsc::Sender<Result<Delta, BackendError>>,
    /// Its place among those that are answered or wait, until the answer has ended.
    pub(crate) permit: OwnedSemaphorePermit,
    /// The conversation was erased after this was asked.
    pub(crate) forgotten: bool,
}

/// One sequence of the context. `tokens` is what the model has worked through in it.
pub(crate) struct Slot {
    pub(crate) sequence: i32,
    pub(crate) owner: Option<ConversationId>,
    pub(crate) tokens: Vec<LlamaToken>,
    pub(crate) answer: Option<Answer>,
    /// When it was last used: larger is later.
    pub(crate) used: u64,
    /// The conversation is gone for good, and its tokens go when the answer ends.
    pub(crate) forgotten: bool,
}

/// An answer in the making.
pub(crate) struct Answer {
    pub(crate) prompt: Vec<LlamaToken>,
    /// The last token that was chosen. The model has not worked through it yet.
    pub(crate) next: Option<LlamaToken>,
    cached: usize,
    output: u32,
    max_output: u32,
    chooser: Chooser,
    utf8: Utf8,
    thoughts: Thoughts,
    deltas: mpsc::Sender<Result<Delta, BackendError>>,
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    /// An empty one.
    pub(crate) fn new(sequence: i32) -> Self {
        Self {
            sequence,
            owner: None,
            tokens: vec![],
            answer: None,
            used: 0,
            forgotten: false,
        }
    }

    /// Begins to answer. The slot holds a beginning of `prompt` already, and not all of it.
    pub(crate) fn begin(&mut self, request: Request, prompt: Vec<LlamaToken>, used: u64) {
        debug_assert!(prompt.starts_with(&self.tokens) && prompt.len() > self.tokens.len());
        self.owner = Some(request.conversation);
        self.used = used;
        self.forgotten = request.forgotten;
        self.answer = Some(Answer {
            cached: self.tokens.len(),
            prompt,
            next: None,
            output: 0,
            max_output: request.max_output.max(1),
            chooser: request.chooser,
            utf8: Utf8::default(),
            thoughts: Thoughts::new(request.thinking),
            deltas: request.deltas,
            _permit: request.permit,
        });
    }

    /// Tokens of the prompt that are still to be worked through; 0 once the answer grows.
    pub(crate) fn prompt_left(&self) -> usize {
        match &self.answer {
            Some(answer) if answer.next.is_none() => answer.prompt.len() - self.tokens.len(),
            _ => 0,
        }
    }

    /// Whether nobody listens any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.answer
            .as_ref()
            .is_some_and(|answer| answer.deltas.is_closed())
    }

    /// Chooses the next token from `logits` and passes on what it says. Gives back whether the
    /// answer goes on.
    pub(crate) fn grow(&mut self, logits: &[f32], vocabulary: &Vocabulary, context: usize) -> bool {
        let Some(answer) = &mut self.answer else {
            return false;
        };
        let token = answer.chooser.choose(logits);
        if vocabulary.ends(token) {
            answer.finish(FinishReason::Stop);
            return false;
        }
        answer.output += 1;
        answer.next = Some(token);
        if !answer.say(&vocabulary.piece(token)) {
            return false;
        }
        if answer.output >= answer.max_output || self.tokens.len() + 1 >= context {
            answer.finish(FinishReason::Length);
            return false;
        }
        true
    }

    /// Ends the answer with `error`.
    pub(crate) fn fail(&mut self, error: BackendError) {
        if let Some(answer) = self.answer.take() {
            let _ = answer.deltas.try_send(Err(error));
        }
    }
}

impl Answer {
    /// Whether anybody still listens.
    fn say(&mut self, bytes: &[u8]) -> bool {
        let text = self.utf8.push(bytes);
        let deltas = self.thoughts.push(&text);
        self.send(deltas)
    }

    fn finish(&mut self, reason: FinishReason) {
        let mut deltas = vec![];
        if let Some(half) = self.utf8.finish() {
            deltas.extend(self.thoughts.push(half.encode_utf8(&mut [0; 4])));
        }
        deltas.extend(self.thoughts.finish());
        let usage = Usage {
            input: self.prompt.len() as u64,
            cached: self.cached as u64,
            output: u64::from(self.output),
            ..Usage::default()
        };
        deltas.push(Delta::Finish(Finish { reason, usage }));
        self.send(deltas);
    }

    fn send(&self, deltas: Vec<Delta>) -> bool {
        deltas
            .into_iter()
            .all(|delta| self.deltas.try_send(Ok(delta)).is_ok())
    }
}
