//! How far an answer has come.

use super::limits::Held;
use causerie_core::{
    Text, Timestamp,
    assemble::{Assembled, Cut},
    backend::FinishReason,
    id::{ModelName, Seq},
    message::{Message, Part, Role},
    outcome::{PromptShape, Usage},
    store::JournalEntry,
};

/// How far an answer has come. What is in `steps` is paid for and journaled; what is in `text` was
/// shown and belongs to a round that has not ended.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Rounds that ended: what the model said and called, and what tools gave back.
    pub(super) steps: Vec<Message>,
    /// What the present round has said so far.
    pub(super) text: String,
    /// Whether the answer is complete.
    pub(super) done: bool,
    /// Rounds of completion begun.
    pub(super) rounds: u32,
    /// How the last round ended, if it did.
    pub(super) finish: Option<FinishReason>,
    pub(super) usage: Usage,
    /// What of it stands in the journal.
    pub(super) noted: Usage,
    pub(super) model: Option<ModelName>,
    pub(super) shape: PromptShape,
    pub(super) window_start: Option<Seq>,
    pub(super) cut: Option<Cut>,
    /// When its last words were said, if they stand in the journal or will with the next entry.
    pub(super) noted_whole_at: Option<Timestamp>,
    /// What was taken from budgets for the present completion.
    pub(super) held: Option<Held>,
    /// What each round used that an earlier attempt has ended.
    pub(super) paid: Vec<Usage>,
    /// What the operator may want to know.
    pub(super) notes: Vec<String>,
}

impl Progress {
    /// What earlier attempts have paid for.
    pub(super) fn resume(journal: &[JournalEntry]) -> Self {
        let mut progress = Self::default();
        for entry in journal {
            if let JournalEntry::Step {
                message,
                usage,
                last,
            } = entry
            {
                progress.steps.push(message.clone());
                progress.usage.add(*usage);
                progress.noted = progress.usage;
                progress.done = *last;
                progress.noted_whole_at = last.then_some(message.at);
                if message.role == Role::Assistant {
                    progress.rounds += 1;
                    progress.paid.push(*usage);
                }
            }
        }
        progress
    }

    /// All that was said, as one text.
    pub(super) fn said(&self) -> Text {
        let rounds = self
            .steps
            .iter()
            .filter(|step| step.role == Role::Assistant);
        let mut said: Vec<String> = rounds.map(|step| step.text().into_exposed()).collect();
        said.push(self.text.clone());
        said.retain(|text| !text.trim().is_empty());
        Text::new(said.join("\n\n"))
    }

    /// Whether the model has called tools in this turn.
    pub(super) fn has_called(&self) -> bool {
        let parts = self.steps.iter().flat_map(|step| &step.parts);
        parts
            .into_iter()
            .any(|part| matches!(part, Part::ToolCall(_)))
    }

    /// Whether there is anything to show.
    pub(super) fn has_text(&self) -> bool {
        let worded = |step: &Message| {
            step.role == Role::Assistant
                && step
                    .parts
                    .iter()
                    .any(|part| matches!(part, Part::Text(text) if !text.is_blank()))
        };
        !self.text.trim().is_empty() || self.steps.iter().any(worded)
    }

    /// A prompt was made.
    pub(super) fn prompted(&mut self, model: &ModelName, assembled: &Assembled) {
        self.model = Some(model.clone());
        self.shape = assembled.shape;
        self.window_start = Some(assembled.window_start);
        self.cut = assembled.cut.or(self.cut);
    }
}
