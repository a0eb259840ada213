//! Things a model may call.

use crate::{
    Text,
    event::Participant,
    id::{ConversationId, ToolName},
};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a tool is, as the model is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// What the model calls it.
    pub name: ToolName,
    /// When to call it and what comes back.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub parameters: serde_json::Value,
}

/// Who asks, and where.
#[derive(Clone, Debug)]
pub struct ToolContext {
    /// The conversation.
    pub conversation: ConversationId,
    /// The person whose message is being answered.
    pub participant: Participant,
}

/// Something a model may call.
#[async_trait]
pub trait Tool: Send + Sync {
    /// What the model is told. The same each time.
    fn spec(&self) -> ToolSpec;

    /// Called by the engine for each call the model makes. `arguments` is what the model wrote:
    /// untrusted, and perhaps no JSON at all. What comes back is shown to the model.
    ///
    /// # Cancel safety
    /// Dropping the future gives the call up; what it had done stays done.
    async fn call(&self, arguments: &Text, context: &ToolContext) -> Result<Text, ToolError>;
}

/// Why a tool gave nothing back. The model is told, and may try again or do without.
#[derive(Debug, Error)]
pub enum ToolError {
    /// The arguments do not fit the schema; the text says how, without quoting them.
    #[error("the arguments do not fit: {0}")]
    Arguments(&'static str),
    /// What the tool needs did not answer.
    #[error("the tool is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Whoever asks may not use it.
    #[error("the tool may not be used here")]
    Forbidden,
}
