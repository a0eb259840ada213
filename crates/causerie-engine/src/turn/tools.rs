//! Calls of tools between two completions.

use super::{Halt, Progress, Turn};
use crate::{agenda::Agenda, reply::Reply};
use causerie_core::{
    message::{Message, Part, Role, ToolCall},
    outcome::Usage,
    platform::Status,
    store::JournalEntry,
    tool::ToolContext,
};

impl Turn<'_> {
    /// Calls the tools that the last step asks for and that have given nothing back yet.
    pub(super) async fn call_tools(
        &self,
        agenda: &Agenda,
        progress: &mut Progress,
        reply: &mut Reply,
    ) -> Result<(), Halt> {
        let open = open_calls(&progress.steps);
        if open.is_empty() {
            return Ok(());
        }
        reply.status(Status::Working);
        let context = ToolContext {
            conversation: self.claim.key.conversation.clone(),
            participant: agenda.lead.author.clone(),
        };
        for call in open {
            let running = self
                .engine
                .toolbox
                .call(&call, &self.persona.tools, &context);
            let output = reply.beside(running).await?;
            let part = Part::ToolOutput {
                call: call.id,
                text: output,
            };
            let message = self.step(Role::Tool, vec![part]);
            let (usage, last) = (Usage::default(), false);
            self.journal(JournalEntry::Step {
                message: message.clone(),
                usage,
                last,
            })
            .await?;
            progress.steps.push(message);
        }
        Ok(())
    }
}

/// The calls of the newest step of the model that have no output yet.
fn open_calls(steps: &[Message]) -> Vec<ToolCall> {
    let asked = steps.iter().rposition(|step| step.role == Role::Assistant);
    let Some(asked) = asked else { return vec![] };
    let answered = |id: &str| {
        let outputs = steps[asked + 1..].iter().flat_map(|step| &step.parts);
        outputs
            .into_iter()
            .any(|part| matches!(part, Part::ToolOutput { call, .. } if call == id))
    };
    let calls = steps[asked].parts.iter().filter_map(|part| match part {
        Part::ToolCall(call) if !answered(&call.id) => Some(call.clone()),
        _ => None,
    });
    calls.collect()
}
