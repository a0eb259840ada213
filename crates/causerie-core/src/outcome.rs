//! How a turn ended, and why: what `/why` and `causerie explain` show.

use crate::{
    Timestamp,
    id::{ConversationId, EventId, MessageRef, ModelName, PersonaName, TurnNumber},
    price::Prices,
};
use serde::{Deserialize, Serialize};

/// How an accepted event ended. Every one has exactly one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It was answered, or it was done where nothing was to be said.
    Answered,
    /// It was not answered, on purpose.
    Refused(Refusal),
    /// Something later took its place: an edit, a deletion, a stop.
    Superseded,
    /// It could not be answered; the person was shown one line.
    Failed(Failure),
}

/// Why a message was not answered, on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The platform, place or participant is blocked, or not on the list of those allowed.
    NotAllowed,
    /// A limit is used up until the instant given.
    Limit {
        /// Which limit, in the words of its key.
        key: String,
        /// When there is room again.
        until: Timestamp,
    },
    /// Bots are not answered.
    Bot,
    /// Too many turns went by without a person.
    Loop,
    /// There was nothing in it to answer.
    Empty,
    /// It is larger than one message may be.
    TooLarge {
        /// The most bytes one message may have.
        limit: u64,
    },
}

/// Why a message could not be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Failure {
    /// The model is not there, or not there yet.
    ModelUnavailable,
    /// The model took longer than the turn may.
    Deadline,
    /// The model broke off.
    Interrupted,
    /// The model gave nothing that can be shown.
    EmptyAnswer,
    /// The model's provider would not answer this.
    Declined,
    /// The message does not fit into the model's context window.
    TooLong,
    /// The operator must repair something: a key, a model name, a template.
    Misconfigured,
    /// The platform would not take the answer.
    Undeliverable,
    /// It was tried too many times.
    GaveUp,
    /// Something is wrong with us.
    Internal,
}

/// What happened in one turn, kept with its outcome. No text of people, no secrets.
///
/// Stored by position (see [`crate::record`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnRecord {
    /// The conversation.
    pub conversation: ConversationId,
    /// The turn.
    pub turn: TurnNumber,
    /// When it was claimed.
    pub started: Timestamp,
    /// When it was committed.
    pub ended: Timestamp,
    /// The events it took, and how each ended.
    pub events: Vec<(EventId, Outcome)>,
    /// The platform messages whose words they hold.
    pub asked: Vec<MessageRef>,
    /// How often it was begun: more than once after a crash or a hand-over.
    pub attempts: u32,
    /// The persona that answered.
    pub persona: Option<PersonaName>,
    /// The model that answered.
    pub model: Option<ModelName>,
    /// What was used, all steps together.
    pub usage: Usage,
    /// What the last prompt was made of.
    pub prompt: PromptShape,
    /// Milliseconds from the claim to the first visible text.
    pub first_text_ms: Option<u64>,
    /// How many rounds of completion and tools.
    pub steps: u32,
    /// The platform messages that carry the answer.
    pub delivered: Vec<MessageRef>,
    /// What is worth telling besides, in English, for the operator: retries, fallbacks, cuts.
    pub notes: Vec<String>,
}

impl TurnRecord {
    /// A turn that began and ended at `at`, took no events and used nothing.
    pub fn new(conversation: ConversationId, turn: TurnNumber, at: Timestamp) -> Self {
        Self {
            conversation,
            turn,
            started: at,
            ended: at,
            events: vec![],
            asked: vec![],
            attempts: 0,
            persona: None,
            model: None,
            usage: Usage::default(),
            prompt: PromptShape::default(),
            first_text_ms: None,
            steps: 0,
            delivered: vec![],
            notes: vec![],
        }
    }
}

/// Tokens used, and what they cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt.
    pub input: u64,
    /// Those of them the model had already worked through.
    pub cached: u64,
    /// Tokens of the completion.
    pub output: u64,
    /// Money, in millionths of the currency that the operator's price table is in. 0 for models
    /// without a price.
    pub cost: u64,
}

impl Usage {
    /// Prompt and completion together.
    pub fn total(&self) -> u64 {
        self.input + self.output
    }

    /// The same, with what it costs at `prices`: nothing for a model without.
    #[must_use]
    pub fn priced(self, prices: Option<Prices>) -> Self {
        let cost = prices.map_or(0, |prices| prices.cost(&self));
        Self { cost, ..self }
    }

    /// What was used since it was `before`.
    #[must_use]
    pub fn since(&self, before: &Usage) -> Usage {
        Usage {
            input: self.input - before.input,
            cached: self.cached - before.cached,
            output: self.output - before.output,
            cost: self.cost - before.cost,
        }
    }

    /// Adds another step's use.
    pub fn add(&mut self, other: Usage) {
        self.input += other.input;
        self.cached += other.cached;
        self.output += other.output;
        self.cost += other.cost;
    }
}

/// What a prompt was made of, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptShape {
    /// Tool definitions, system prompt and examples.
    pub persona: u32,
    /// The summary of what was cut.
    pub summary: u32,
    /// History.
    pub history: u32,
    /// Messages of history in it.
    pub messages: u32,
    /// The volatile tail and the new messages.
    pub tail: u32,
    /// Whether the numbers were counted rather than estimated.
    pub exact: bool,
}
