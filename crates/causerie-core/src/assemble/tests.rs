//! What the tests of prompt assembly share: a conversation to assemble, and how a prompt looks.

mod chats;
mod edges;
mod growth;
mod properties;
mod stability;
mod summaries;

use super::*;
use crate::{
    backend::Privacy,
    event::{Participant, Quoted},
    id::{MessageRef, ParticipantId, PersonaName, ToolName, TurnNumber},
    message::{Part, Role, ToolCall},
    prompt::ByteEstimate,
};

/// A conversation and everything else a prompt is made from.
#[derive(Clone)]
struct Scene {
    persona: Persona,
    tools: Vec<ToolSpec>,
    summary: Option<Summary>,
    window_start: Seq,
    history: Vec<Message>,
    turn: Vec<Message>,
    tail: Tail,
    backend: BackendCapabilities,
    conversation: ConversationId,
}

impl Scene {
    fn new(system: &str) -> Self {
        let name = PersonaName::new("assistant").unwrap();
        Self {
            persona: Persona::new(name, system, vec![]),
            tools: vec![],
            summary: None,
            window_start: Seq(1),
            history: vec![],
            turn: vec![],
            tail: Tail {
                now: Timestamp(1_795_490_000_000),
                passages: vec![],
                thread: vec![],
            },
            backend: BackendCapabilities {
                context_window: 8192,
                tools: true,
                images: false,
                privacy: Privacy::Local,
                prices: None,
            },
            conversation: ConversationId::new("web/1").unwrap(),
        }
    }

    fn ingredients(&self) -> Ingredients<'_> {
        Ingredients {
            conversation: &self.conversation,
            persona: &self.persona,
            tools: &self.tools,
            summary: self.summary.as_ref(),
            window_start: self.window_start,
            history: &self.history,
            turn: &self.turn,
            tail: &self.tail,
            backend: &self.backend,
            counter: &ByteEstimate,
        }
    }

    fn assemble(&self) -> Result<Assembled, AssembleError> {
        assemble(&self.ingredients())
    }

    fn prompt(&self) -> Prompt {
        self.assemble().unwrap().prompt
    }

    /// What everybody saw of the last turn becomes history.
    fn commit(&mut self) {
        self.history.append(&mut self.turn);
    }
}

/// What a failed property prints.
impl std::fmt::Debug for Scene {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for message in self.history.iter().chain(&self.turn) {
            let (seq, turn) = (message.seq.0, message.turn.0);
            writeln!(
                f,
                "{turn}/{seq} {:?} {:?}",
                message.role,
                message.text().expose()
            )?;
        }
        match self.assemble() {
            Ok(assembled) => write!(f, "{:?}\n{:?}", assembled.cut, shown(&assembled.prompt)),
            Err(error) => write!(f, "{error}"),
        }
    }
}

fn message(seq: u64, turn: u64, role: Role, parts: Vec<Part>) -> Message {
    Message {
        seq: Seq(seq),
        turn: TurnNumber(turn),
        at: Timestamp(0),
        role,
        author: None,
        parts,
        quoted: None,
        refs: vec![],
        shared: false,
    }
}

fn user(seq: u64, turn: u64, text: &str) -> Message {
    message(seq, turn, Role::User, vec![Part::Text(text.into())])
}

fn answer(seq: u64, turn: u64, text: &str) -> Message {
    message(seq, turn, Role::Assistant, vec![Part::Text(text.into())])
}

fn call(seq: u64, turn: u64, id: &str, arguments: &str) -> Message {
    let call = ToolCall {
        id: id.into(),
        name: ToolName::new("weather").unwrap(),
        arguments: arguments.into(),
    };
    message(seq, turn, Role::Assistant, vec![Part::ToolCall(call)])
}

fn output(seq: u64, turn: u64, id: &str, text: &str) -> Message {
    let part = Part::ToolOutput {
        call: id.into(),
        text: text.into(),
    };
    message(seq, turn, Role::Tool, vec![part])
}

fn participant(id: u64, name: &str) -> Participant {
    Participant {
        id: ParticipantId::new(format!("telegram/{id}")).unwrap(),
        name: name.into(),
        is_bot: false,
        roles: vec![],
    }
}

fn in_room(mut message: Message, author: Participant) -> Message {
    message.author = Some(author);
    message.shared = true;
    message
}

fn replying(mut message: Message, author: Option<Participant>, text: &str) -> Message {
    message.quoted = Some(Quoted {
        message: MessageRef::new("7").unwrap(),
        author,
        text: text.into(),
    });
    message
}

fn weather() -> ToolSpec {
    tool("weather", "Tells the weather of a city.")
}

fn tool(name: &str, description: &str) -> ToolSpec {
    ToolSpec {
        name: ToolName::new(name).unwrap(),
        description: description.into(),
        parameters: serde_json::json!({
            "type": "object",
            "properties": { "city": { "type": "string" } },
            "required": ["city"],
        }),
    }
}

/// A prompt as a reader sees it. A line marks where the stable part ends.
fn shown(prompt: &Prompt) -> String {
    let mut lines = vec![];
    for tool in prompt.tools() {
        lines.push(format!("=== tool {}", tool.name));
    }
    for (index, message) in prompt.messages().iter().enumerate() {
        if index == prompt.stable_messages() {
            lines.push("~~~~~~ stable up to here".to_owned());
        }
        let answers = message.answers.as_deref().unwrap_or_default();
        let title = format!("=== {:?} {answers}", message.role).to_lowercase();
        lines.push(title.trim_end().to_owned());
        if !message.text.is_empty() {
            lines.push(message.text.expose().to_owned());
        }
        for call in &message.tool_calls {
            let arguments = call.arguments.expose();
            lines.push(format!("-> {} {} {arguments}", call.id, call.name));
        }
        for image in &message.images {
            lines.push(format!("<image {}>", image.locator));
        }
    }
    let count = prompt.tokens();
    let kind = if count.exact { "exactly" } else { "at most" };
    lines.push(format!("=== {kind} {} tokens", count.tokens));
    lines.join("\n")
}
