//! What fits into the context window.

use super::{
    AssembleError,
    piece::{JOINT, Piece},
};
use crate::{
    backend::BackendCapabilities,
    message::ToolCall,
    persona::{Persona, WindowPolicy},
    prompt::TokenCounter,
    tool::ToolSpec,
};

/// What a picture costs, whatever its size: the providers' own sums stay below.
const IMAGE_TOKENS: u32 = 1600;

/// The tokens of one prompt, taken by one kind of piece after the other.
///
/// A piece's cost is an upper bound for what it adds: its content, and the frame of a message of its
/// own even if it will be joined to its neighbour. So the sum of costs is never below the size of
/// the prompt, each piece is counted once, and all of it is linear in the length of history.
pub(super) struct Budget<'a> {
    counter: &'a dyn TokenCounter,
    policy: WindowPolicy,
    output: u32,
    room: u32,
    used: u32,
    /// What the definitions of the tools take.
    tools: u32,
    /// What the text between two joined pieces takes.
    joint: u32,
}

/// What is left of history.
pub(super) struct Kept {
    /// The first piece of it.
    pub(super) first: usize,
    /// Its cost.
    pub(super) tokens: u32,
}

impl<'a> Budget<'a> {
    /// The answer gets what the persona asks for, but never more than half the window: a prompt
    /// must fit into small models too.
    pub(super) fn new(
        persona: &Persona,
        backend: &BackendCapabilities,
        counter: &'a dyn TokenCounter,
    ) -> Self {
        let output = persona.max_output_tokens.min(backend.context_window / 2);
        Self::with_output(output, persona.window, backend, counter)
    }

    pub(super) fn with_output(
        output: u32,
        policy: WindowPolicy,
        backend: &BackendCapabilities,
        counter: &'a dyn TokenCounter,
    ) -> Self {
        let output = output.max(1);
        Self {
            counter,
            policy,
            output,
            room: backend.context_window.saturating_sub(output),
            // The frame of the answer that the model is about to give.
            used: counter.per_message(),
            tools: 0,
            // One more, because a tokeniser may see the border between two pieces differently.
            joint: counter.count(JOINT) + 1,
        }
    }

    /// The most tokens the answer may have.
    pub(super) fn output(&self) -> u32 {
        self.output
    }

    /// What is left.
    pub(super) fn left(&self) -> u32 {
        self.room.saturating_sub(self.used)
    }

    /// How many tokens `text` has.
    pub(super) fn count(&self, text: &str) -> u32 {
        self.counter.count(text)
    }

    /// The most tokens `piece` can add to a prompt.
    pub(super) fn cost(&self, piece: &Piece) -> u32 {
        self.content(piece)
            .saturating_add(self.counter.per_message().max(self.joint))
    }

    /// Takes tools, system prompt and examples.
    pub(super) fn take_persona(
        &mut self,
        tools: &[ToolSpec],
        head: &[Piece],
    ) -> Result<u32, AssembleError> {
        self.tools = self.definitions(tools);
        let tokens = self.tools.saturating_add(self.sum(head));
        if tokens >= self.left() {
            let room = self.left();
            return Err(AssembleError::PersonaTooLong { tokens, room });
        }
        self.used += tokens;
        Ok(tokens)
    }

    /// Takes this turn's messages.
    pub(super) fn take_turn(&mut self, turn: &[Piece]) -> Result<u32, AssembleError> {
        let tokens = self.sum(turn);
        if tokens > self.left() {
            let room = self.left();
            return Err(AssembleError::TurnTooLong { tokens, room });
        }
        self.used += tokens;
        Ok(tokens)
    }

    /// Takes `piece` if there is room for it.
    pub(super) fn try_take(&mut self, piece: &Piece) -> bool {
        let tokens = self.cost(piece);
        let fits = tokens <= self.left();
        if fits {
            self.used += tokens;
        }
        fits
    }

    /// Takes history: all of it below the high-water mark, and otherwise as many of the last turns
    /// as stay below the low-water mark. The very last one stays even above it if the high-water
    /// mark allows, so that a long message does not make the model forget what it was answering.
    pub(super) fn take_history(&mut self, history: &[Piece]) -> Kept {
        let costs: Vec<u32> = history.iter().map(|piece| self.cost(piece)).collect();
        let all = total(&costs);
        let high = self.mark(self.policy.high_water);
        let low = self.mark(self.policy.low_water).min(high);
        if self.used.saturating_add(all) <= high {
            self.used += all;
            return Kept {
                first: 0,
                tokens: all,
            };
        }
        let mut kept = Kept {
            first: history.len(),
            tokens: 0,
        };
        let mut tokens = 0u32;
        for (index, piece) in history.iter().enumerate().rev() {
            tokens = tokens.saturating_add(costs[index]);
            if piece.opens.is_none() {
                continue;
            }
            let mark = if kept.first == history.len() {
                high
            } else {
                low
            };
            if self.used.saturating_add(tokens) > mark {
                break;
            }
            kept = Kept {
                first: index,
                tokens,
            };
        }
        self.used += kept.tokens;
        kept
    }

    /// The size of the prompt that consists of `pieces` and the tools taken.
    pub(super) fn tally(&self, pieces: &[Piece]) -> u32 {
        let mut tokens = self.tools.saturating_add(self.counter.per_message());
        for (index, piece) in pieces.iter().enumerate() {
            let frame = match index.checked_sub(1).map(|before| &pieces[before]) {
                Some(before) if piece.joins(before) => self.joint,
                _ => self.counter.per_message(),
            };
            tokens = tokens
                .saturating_add(self.content(piece))
                .saturating_add(frame);
        }
        tokens
    }

    fn mark(&self, share: f32) -> u32 {
        // Of a number that is none, nothing is taken: `as` makes it 0.
        (f64::from(self.room) * f64::from(share.clamp(0.0, 1.0))) as u32
    }

    fn sum(&self, pieces: &[Piece]) -> u32 {
        let costs: Vec<u32> = pieces.iter().map(|piece| self.cost(piece)).collect();
        total(&costs)
    }

    fn content(&self, piece: &Piece) -> u32 {
        *piece.counted.get_or_init(|| {
            let images = u32::try_from(piece.images.len()).unwrap_or(u32::MAX);
            let calls = piece.tool_calls.iter().map(|call| self.call(call));
            calls
                .fold(self.counter.count(&piece.text), u32::saturating_add)
                .saturating_add(images.saturating_mul(IMAGE_TOKENS))
        })
    }

    /// Counted in the widest form that chat templates write it in.
    fn call(&self, call: &ToolCall) -> u32 {
        let written = serde_json::json!({
            "type": "function",
            "id": call.id,
            "function": { "name": call.name.as_str(), "arguments": call.arguments.expose() },
        });
        self.counter.count(&format!("{written:#}"))
    }

    /// Counted in the widest form that chat templates write it in.
    fn definitions(&self, tools: &[ToolSpec]) -> u32 {
        let counts = tools.iter().map(|tool| {
            let written = serde_json::json!({ "type": "function", "function": tool });
            self.counter
                .count(&format!("{written:#}"))
                .saturating_add(self.counter.per_message())
        });
        counts.fold(0, u32::saturating_add)
    }
}

fn total(costs: &[u32]) -> u32 {
    costs.iter().copied().fold(0, u32::saturating_add)
}
