//! One item of history.

use crate::{
    Text, Timestamp,
    event::{Attachment, Participant, Quoted},
    id::{MessageRef, Seq, ToolName, TurnNumber},
    platform::Notice,
};
use serde::{Deserialize, Serialize};

/// Who speaks to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Role {
    /// A person.
    User,
    /// The model.
    Assistant,
    /// A tool that the model called.
    Tool,
}

/// One item of history. Stored by position (see [`crate::record`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its position in the conversation.
    pub seq: Seq,
    /// The turn that brought it.
    pub turn: TurnNumber,
    /// When it was said.
    pub at: Timestamp,
    /// Who speaks to the model.
    pub role: Role,
    /// The person, if it was one.
    pub author: Option<Participant>,
    /// What it consists of.
    pub parts: Vec<Part>,
    /// What it replies to.
    pub quoted: Option<Quoted>,
    /// The platform messages that carry it: one inbound, or all parts of an answer.
    pub refs: Vec<MessageRef>,
    /// Whether several people can speak here.
    pub shared: bool,
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// Words.
    Text(Text),
    /// A picture or a file.
    Attachment(Attachment),
    /// The model asks for a tool.
    ToolCall(ToolCall),
    /// What the tool gave back.
    ToolOutput {
        /// The call it answers.
        call: String,
        /// What the model is shown.
        text: Text,
    },
    /// What we said ourselves behind the words or in their place, because they are not the whole
    /// answer. People are shown it; models are not.
    Note {
        /// The line.
        line: Text,
        /// Why we spoke, if platforms should know.
        notice: Option<Notice>,
    },
}

/// The model asks for a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Names this call, so that its output can be matched.
    pub id: String,
    /// The tool.
    pub name: ToolName,
    /// The arguments as JSON, exactly as the model wrote them. Untrusted.
    pub arguments: Text,
}

impl Message {
    /// All its words, joined by blank lines.
    pub fn text(&self) -> Text {
        let words: Vec<&str> = self
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::Text(text) => Some(text.expose()),
                _ => None,
            })
            .collect();
        Text::new(words.join("\n\n"))
    }

    /// What we said ourselves at its end, if it is not whole, and why.
    pub fn note(&self) -> Option<(&Text, Option<Notice>)> {
        self.parts.iter().find_map(|part| match part {
            Part::Note { line, notice } => Some((line, *notice)),
            _ => None,
        })
    }
}
