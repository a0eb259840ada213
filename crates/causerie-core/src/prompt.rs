//! What is sent to a model. Only [`crate::assemble::assemble`] makes one.

mod estimate;

pub use estimate::ByteEstimate;

use crate::{
    Text, event::Attachment, id::ConversationId, message::ToolCall, persona::Sampling,
    tool::ToolSpec,
};

/// Everything one completion is made from.
///
/// The order is by stability: tools, system, examples, summary, history, volatile tail. The bytes
/// up to [`Prompt::stable_messages`] are the same from turn to turn until history is cut.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    pub(crate) conversation: ConversationId,
    pub(crate) tools: Vec<ToolSpec>,
    pub(crate) messages: Vec<PromptMessage>,
    pub(crate) stable_messages: usize,
    pub(crate) sampling: Sampling,
    pub(crate) max_output_tokens: u32,
    pub(crate) tokens: TokenCount,
}

impl Prompt {
    /// The conversation it was assembled for: the key under which a backend keeps its prefix.
    pub fn conversation(&self) -> &ConversationId {
        &self.conversation
    }

    /// The tools the model may call, sorted by name.
    pub fn tools(&self) -> &[ToolSpec] {
        &self.tools
    }

    /// The messages, in order.
    pub fn messages(&self) -> &[PromptMessage] {
        &self.messages
    }

    /// How many of the messages, from the first, will stand unchanged in the conversation's next
    /// prompt, unless history is cut or a summary comes. 0 says that nothing of this prompt comes
    /// again, so that a backend need not keep it.
    pub fn stable_messages(&self) -> usize {
        self.stable_messages
    }

    /// How the model chooses its words.
    pub fn sampling(&self) -> &Sampling {
        &self.sampling
    }

    /// The most tokens the answer may have.
    pub fn max_output_tokens(&self) -> u32 {
        self.max_output_tokens
    }

    /// Its size.
    pub fn tokens(&self) -> TokenCount {
        self.tokens
    }
}

/// One message as the model sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptMessage {
    /// Who speaks.
    pub role: PromptRole,
    /// The words, with the speaker's handle in front where several people speak.
    pub text: Text,
    /// Pictures, for models that can see.
    pub images: Vec<Attachment>,
    /// The tools this message asks for. Only on [`PromptRole::Assistant`].
    pub tool_calls: Vec<ToolCall>,
    /// The call this message answers. Only on [`PromptRole::Tool`].
    pub answers: Option<String>,
}

impl PromptMessage {
    /// A message of words alone.
    pub fn words(role: PromptRole, text: impl Into<Text>) -> Self {
        Self {
            role,
            text: text.into(),
            images: vec![],
            tool_calls: vec![],
            answers: None,
        }
    }
}

/// Who speaks in a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PromptRole {
    /// We do.
    System,
    /// A person does.
    User,
    /// The model did.
    Assistant,
    /// A tool did.
    Tool,
}

/// A number of tokens, and whether it was counted or estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCount {
    /// How many. An estimate is never too low.
    pub tokens: u32,
    /// Whether the model's own tokeniser counted them.
    pub exact: bool,
}

/// Counts the tokens of a text for one model.
pub trait TokenCounter: Send + Sync {
    /// How many tokens `text` takes, at least.
    fn count(&self, text: &str) -> u32;

    /// What a message costs beyond its text: the role marks and separators of the chat template.
    fn per_message(&self) -> u32;

    /// Whether [`TokenCounter::count`] is the model's own tokeniser.
    fn exact(&self) -> bool;
}
