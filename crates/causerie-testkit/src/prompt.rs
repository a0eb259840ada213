//! Prompts for tests of backends. They come from `assemble`, as all prompts do.

use causerie_core::{
    Timestamp,
    assemble::{Ingredients, Tail, assemble},
    backend::{BackendCapabilities, Privacy},
    id::{ConversationId, PersonaName, Seq, ToolName, TurnNumber},
    message::{Message, Part, Role, ToolCall},
    persona::Persona,
    prompt::{ByteEstimate, Prompt},
    tool::ToolSpec,
};

/// A prompt that consists of one user message.
pub fn of(text: &str) -> Prompt {
    conversation(&[(Role::User, text)])
}

/// A prompt that shows `lines`, oldest first. The last one is this turn's and must not be the
/// assistant's. Lines with [`Role::Tool`] answer a call of the tool `lookup`, which is put in front
/// of them.
pub fn conversation(lines: &[(Role, &str)]) -> Prompt {
    PromptBuilder::default().lines(lines).build()
}

/// Makes prompts that need more than words: a system prompt, tools, sampling, another conversation.
#[derive(Debug)]
pub struct PromptBuilder {
    conversation: ConversationId,
    persona: Persona,
    tools: Vec<ToolSpec>,
    messages: Vec<Message>,
    capabilities: BackendCapabilities,
}

impl Default for PromptBuilder {
    fn default() -> Self {
        let name = PersonaName::new("test").expect("a fixed name");
        Self {
            conversation: ConversationId::new("test/1").expect("a fixed id"),
            persona: Persona::new(name, "", vec![]),
            tools: vec![],
            messages: vec![],
            capabilities: BackendCapabilities {
                context_window: 1 << 20,
                tools: true,
                images: true,
                privacy: Privacy::Local,
                prices: None,
            },
        }
    }
}

impl PromptBuilder {
    /// Sets the conversation the prompt is for.
    #[must_use]
    pub fn conversation(mut self, id: &str) -> Self {
        self.conversation = ConversationId::new(id).expect("the test gives an id");
        self
    }

    /// Sets the system prompt.
    #[must_use]
    pub fn system(mut self, text: &str) -> Self {
        self.persona.system = text.into();
        self
    }

    /// Changes the persona: sampling, the longest answer, examples.
    #[must_use]
    pub fn persona(mut self, change: impl FnOnce(&mut Persona)) -> Self {
        change(&mut self.persona);
        self
    }

    /// Assembles it for a model that takes so many tokens, instead of about a million.
    #[must_use]
    pub fn room(mut self, tokens: u32) -> Self {
        self.capabilities.context_window = tokens;
        self
    }

    /// Offers a tool.
    #[must_use]
    pub fn tool(mut self, tool: ToolSpec) -> Self {
        self.tools.push(tool);
        self
    }

    /// Adds lines as [`conversation`] does.
    #[must_use]
    pub fn lines(mut self, lines: &[(Role, &str)]) -> Self {
        for (role, text) in lines {
            match role {
                Role::Tool => {
                    let id = format!("call_{}", self.messages.len());
                    let call = ToolCall {
                        id: id.clone(),
                        name: ToolName::new("lookup").expect("a fixed name"),
                        arguments: "{}".into(),
                    };
                    let text = (*text).into();
                    self = self
                        .message(Role::Assistant, Part::ToolCall(call))
                        .message(Role::Tool, Part::ToolOutput { call: id, text });
                }
                role => self = self.message(*role, Part::Text((*text).into())),
            }
        }
        self
    }

    /// Adds a message of one part.
    #[must_use]
    pub fn message(mut self, role: Role, part: Part) -> Self {
        let turns = self
            .messages
            .iter()
            .filter(|m| m.role == Role::User)
            .count();
        let turn = turns + usize::from(role == Role::User);
        self.messages.push(Message {
            seq: Seq(self.messages.len() as u64 + 1),
            turn: TurnNumber(turn as u64),
            at: Timestamp(0),
            role,
            author: None,
            parts: vec![part],
            quoted: None,
            refs: vec![],
            shared: false,
        });
        self
    }

    /// Makes the prompt.
    ///
    /// # Panics
    /// If there is no user message, or the prompt does not fit into a million tokens.
    pub fn build(self) -> Prompt {
        let newest = self.messages.last().map(|message| message.turn);
        let first = self.messages.iter().position(|m| Some(m.turn) == newest);
        let (history, turn) = self.messages.split_at(first.unwrap_or(0));
        let assembled = assemble(&Ingredients {
            conversation: &self.conversation,
            persona: &self.persona,
            tools: &self.tools,
            summary: None,
            window_start: Seq(1),
            history,
            turn,
            tail: &Tail::default(),
            backend: &self.capabilities,
            counter: &ByteEstimate,
        });
        assembled.expect("a test's prompt fits").prompt
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causerie_core::prompt::PromptRole::{Assistant, System, Tool, User};

    #[test]
    fn a_conversation_with_a_tool_has_the_roles_a_model_expects() {
        let prompt = PromptBuilder::default()
            .system("Be brief.")
            .lines(&[
                (Role::User, "Hello"),
                (Role::Assistant, "Hello!"),
                (Role::User, "What is the weather?"),
                (Role::Tool, "Rain."),
            ])
            .build();
        let roles: Vec<_> = prompt.messages().iter().map(|m| m.role).collect();
        assert_eq!(roles, [System, User, Assistant, User, Assistant, Tool]);
        assert_eq!(of("Hello").messages()[0].text.expose(), "Hello");
    }
}
