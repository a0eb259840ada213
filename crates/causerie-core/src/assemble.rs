//! Prompt assembly: a pure function from what a conversation holds to what a model is sent, and the
//! only place that makes a [`Prompt`].
//!
//! 1. Everything becomes [`Piece`]s in order of stability: system prompt, examples, summary,
//!    history, what changes each time (date, reply thread, passages), this turn.
//! 2. Each piece is counted once. History is cut in whole turns if all together stand above the
//!    high-water mark.
//! 3. Neighbouring pieces of the same role become one message, because many chat templates insist
//!    on user and assistant taking turns.
//!
//! A turn's pieces depend on that turn alone, so history only ever grows at its end: every prompt
//! begins with the same bytes as the one before it, on every replica, until history is cut.
//!
//! The volatile piece stands in front of this turn's words and inside the user's message. A system
//! message there would be refused by some templates; behind the question it would lead small models
//! astray. What a message replies to is part of the message and never changes, so it is not volatile
//! but history.

mod budget;
mod piece;
mod speaker;
mod summary;
mod system;
mod tail;
#[cfg(test)]
mod tests;
mod transcript;

use crate::{
    Text, Timestamp,
    backend::BackendCapabilities,
    event::Participant,
    id::{ConversationId, Seq},
    message::Message,
    outcome::PromptShape,
    persona::Persona,
    prompt::{Prompt, PromptRole, TokenCount, TokenCounter},
    store::Summary,
    tool::ToolSpec,
};
use budget::Budget;
use piece::Piece;
use thiserror::Error;

pub use summary::{SummaryIngredients, SummaryPrompt, summary_prompt};
pub use system::{TemplateFault, check_persona};

/// What a prompt is made from.
#[derive(Clone, Copy)]
pub struct Ingredients<'a> {
    /// The conversation: the key under which a backend keeps the prompt's prefix.
    pub conversation: &'a ConversationId,
    /// Who answers.
    pub persona: &'a Persona,
    /// The tools the model may call, in any order. Left out if the model cannot call tools.
    pub tools: &'a [ToolSpec],
    /// What stood before the window, in short.
    pub summary: Option<&'a Summary>,
    /// The first message prompts show: `ConversationState::window_start`.
    pub window_start: Seq,
    /// Committed messages from `window_start` on, oldest first.
    pub history: &'a [Message],
    /// This turn's new messages, and its rounds of tool calls and outputs so far. Never cut.
    pub turn: &'a [Message],
    /// What is different each time.
    pub tail: &'a Tail,
    /// What the model can do.
    pub backend: &'a BackendCapabilities,
    /// Counts tokens for the model.
    pub counter: &'a dyn TokenCounter,
}

/// What is different in each prompt.
#[derive(Clone, Debug, Default)]
pub struct Tail {
    /// The present, told by the hour if [`Persona::tell_time`] is set. Pass the same instant in all
    /// steps of one turn.
    pub now: Timestamp,
    /// What led to the message that is replied to, oldest first, as far as the model would not see
    /// it otherwise. The oldest are left out if they do not fit.
    pub thread: Vec<ThreadMessage>,
    /// Retrieved passages, the best first. Those that no longer fit are left out.
    pub passages: Vec<Passage>,
}

/// A message that led to one that is replied to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadMessage {
    /// Who wrote it; `None` if it was us.
    pub author: Option<Participant>,
    /// What it says.
    pub text: Text,
}

/// A retrieved passage. Untrusted: whatever it says, it is shown as a quotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Where it is from, in a few words.
    pub source: Text,
    /// What it says.
    pub text: Text,
}

/// A prompt, and what its making decided.
#[derive(Debug)]
pub struct Assembled {
    /// What to send.
    pub prompt: Prompt,
    /// The first message of history in it: what `ConversationState::window_start` is from now on,
    /// and already in this turn's later steps, so that they share a prefix.
    pub window_start: Seq,
    /// What was cut from history just now.
    pub cut: Option<Cut>,
    /// What it is made of.
    pub shape: PromptShape,
}

/// Messages that no longer stand in prompts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The first of them.
    pub from: Seq,
    /// The first after them.
    pub before: Seq,
}

/// Why there is no prompt.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AssembleError {
    /// Tell the person: this turn alone is larger than the model takes.
    #[error("this turn has {tokens} tokens and there is room for {room}")]
    TurnTooLong {
        /// Its size.
        tokens: u32,
        /// What there is room for besides the persona.
        room: u32,
    },
    /// Tell the operator: system prompt, examples and tools leave no room for a conversation.
    #[error("system prompt, examples and tools have {tokens} tokens and there is room for {room}")]
    PersonaTooLong {
        /// Their size.
        tokens: u32,
        /// What the model takes besides the answer.
        room: u32,
    },
    /// Tell the operator: the system prompt cannot be rendered.
    #[error("the system prompt, line {line}: {fault}")]
    Template {
        /// The line of the template, from 1.
        line: u32,
        /// What is wrong in it.
        fault: TemplateFault,
    },
    /// Tell the operator: the window policy makes no sense.
    #[error("low_water must be below high_water, and both above 0 and at most 1")]
    Window,
    /// Nothing was said in this turn that could be shown to the model.
    #[error("there is nothing to answer")]
    Empty,
}

/// Makes the prompt for the next completion of a turn.
///
/// Equal ingredients give equal prompts. The prompt's tokens never exceed the context window less
/// the room kept for the answer.
///
/// # Errors
/// If the persona's template fails, or what may not be cut does not fit.
pub fn assemble(from: &Ingredients<'_>) -> Result<Assembled, AssembleError> {
    let shared = from.turn.iter().any(|message| message.shared);
    let tools = offered_tools(from);
    let head = head(from.persona, shared)?;
    let turn = transcript::pieces(from.turn, from.backend);
    if turn.is_empty() {
        return Err(AssembleError::Empty);
    }
    let mut budget = Budget::new(from.persona, from.backend, from.counter);
    let persona_tokens = budget.take_persona(&tools, &head)?;
    let turn_tokens = budget.take_turn(&turn)?;
    let tail = tail::piece(from.tail, from.persona.tell_time, &mut budget);
    let summary = from
        .summary
        .map(tail::summary)
        .filter(|piece| budget.try_take(piece));
    let history = transcript::pieces(from.history, from.backend);
    let kept = budget.take_history(&history);
    let window_start = window_start(from, &history, kept.first);

    let volatile = tail.is_some();
    let shape = PromptShape {
        persona: persona_tokens,
        summary: summary.as_ref().map_or(0, |piece| budget.cost(piece)),
        history: kept.tokens,
        messages: from
            .history
            .iter()
            .filter(|message| message.seq >= window_start)
            .count() as u32,
        tail: turn_tokens + tail.as_ref().map_or(0, |piece| budget.cost(piece)),
        exact: from.counter.exact(),
    };
    let mut pieces = head;
    pieces.extend(summary);
    pieces.extend(history.into_iter().skip(kept.first));
    let fixed = pieces.len();
    pieces.extend(tail);
    pieces.extend(turn);
    let size = budget.tally(&pieces);
    let joined = piece::join(pieces, volatile.then_some(fixed));
    let tokens = TokenCount {
        tokens: size,
        exact: from.counter.exact() && tools.is_empty() && joined.is_plain(),
    };
    Ok(Assembled {
        prompt: Prompt {
            conversation: from.conversation.clone(),
            tools,
            messages: joined.messages,
            stable_messages: joined.stable,
            sampling: from.persona.sampling,
            max_output_tokens: budget.output(),
            tokens,
        },
        window_start,
        cut: cut(from, window_start),
        shape,
    })
}

fn offered_tools(from: &Ingredients<'_>) -> Vec<ToolSpec> {
    if !from.backend.tools {
        return vec![];
    }
    let mut tools = from.tools.to_vec();
    tools.sort_by(|a, b| a.name.cmp(&b.name));
    tools
}

/// System prompt and examples: what only the persona decides.
fn head(persona: &Persona, shared: bool) -> Result<Vec<Piece>, AssembleError> {
    let mut system = system::render(persona)?;
    if shared {
        system = piece::paragraphs(&[&system, speaker::NOTE]);
    }
    let mut head = vec![];
    if !system.is_empty() {
        head.push(Piece::words(PromptRole::System, system));
    }
    for example in &persona.examples {
        head.push(Piece::words(PromptRole::User, example.user.expose()));
        head.push(Piece::words(
            PromptRole::Assistant,
            example.assistant.expose(),
        ));
    }
    Ok(head)
}

fn window_start(from: &Ingredients<'_>, history: &[Piece], first: usize) -> Seq {
    if first == 0 {
        return from.window_start;
    }
    let kept = history.get(first).and_then(|piece| piece.opens);
    kept.or_else(|| from.history.last().map(|message| message.seq.next()))
        .unwrap_or(from.window_start)
}

fn cut(from: &Ingredients<'_>, window_start: Seq) -> Option<Cut> {
    let first = from.history.first()?.seq;
    (window_start > first).then_some(Cut {
        from: first,
        before: window_start,
    })
}
