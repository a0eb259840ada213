//! Rounds of completion and tools, until the answer is complete.

use super::{Halt, Progress, Question, Turn};
use crate::{agenda::Agenda, line::Line, reply::Reply};
use causerie_core::{
    assemble::{AssembleError, Assembled, Ingredients, Tail, assemble},
    backend::{Backend, BackendError, CompletionStream, Readiness},
    id::ModelName,
    message::{Message, ToolCall},
    outcome::{Failure, Outcome, Refusal},
    platform::{Creates, Status},
    prompt::{Prompt, TokenCounter},
    store::JournalEntry,
};
use std::sync::Arc;

/// What a round is made from: the same in all rounds of a turn.
struct Material<'t> {
    agenda: &'t Agenda,
    question: &'t Question,
    history: &'t [Message],
}

impl Turn<'_> {
    /// Completes while the answer is shown, and calls tools, for at most as many rounds as the
    /// persona allows.
    pub(super) async fn rounds(
        &self,
        agenda: &Agenda,
        question: &Question,
        history: &[Message],
        progress: &mut Progress,
        reply: &mut Reply,
    ) -> Result<(), Halt> {
        let material = Material {
            agenda,
            question,
            history,
        };
        reply.push(&progress.said());
        reply.beside(self.note_mail(agenda)).await??;
        if progress.done {
            // An earlier attempt took them; they are settled with what it used.
            progress.charges = self.charges(&agenda.lead, question, 0);
        }
        while !progress.done {
            self.call_tools(agenda, progress, reply).await?;
            let calls = self.round(&material, progress, reply).await?;
            progress.done = calls.is_empty() || progress.rounds >= self.persona.max_steps.max(1);
            if progress.done && !calls.is_empty() {
                progress
                    .notes
                    .push("the most rounds of tools were reached".into());
            }
        }
        Ok(())
    }

    /// A later attempt must know which mail the journal belongs to. While creating a message twice
    /// makes one, and no tools are called, there is no journal, and mail that came since may be
    /// answered in the same message.
    async fn note_mail(&self, agenda: &Agenda) -> Result<(), Halt> {
        let needless = self.creates_are_idempotent() && self.persona.tools.is_empty();
        match needless {
            true => Ok(()),
            false => self.note_beginning(agenda).await,
        }
    }

    /// Notes which mail the turn answers, unless an earlier attempt has.
    pub(super) async fn note_beginning(&self, agenda: &Agenda) -> Result<(), Halt> {
        let began = |entry: &JournalEntry| matches!(entry, JournalEntry::Began { .. });
        if self.claim.journal.iter().any(began) {
            return Ok(());
        }
        let settled = agenda.settled.iter().map(|(event, _)| event);
        let events = agenda.takes.iter().chain(settled).cloned().collect();
        self.journal(&JournalEntry::Began { events }).await
    }

    pub(super) fn creates_are_idempotent(&self) -> bool {
        self.entry.platform.capabilities().creates == Creates::Idempotent
    }

    /// One round with the first model that begins to answer, and what it wants to call.
    async fn round(
        &self,
        material: &Material<'_>,
        progress: &mut Progress,
        reply: &mut Reply,
    ) -> Result<Vec<ToolCall>, Halt> {
        let models = self.candidates();
        for (at, model) in models.iter().enumerate() {
            let backend = &self.engine.backends[model];
            let begun = self
                .begin_round(material, model, backend.as_ref(), progress, reply)
                .await;
            match begun {
                Ok((prompt, stream)) => {
                    progress.rounds += 1;
                    return self
                        .follow(&prompt, backend.as_ref(), stream, progress, reply)
                        .await;
                }
                Err(Refused::Backend(error)) if at + 1 < models.len() && is_passing(&error) => {
                    progress
                        .notes
                        .push(format!("model {model} was passed over: {error}"));
                }
                Err(Refused::Backend(error)) => {
                    progress.notes.push(format!("model {model}: {error}"));
                    return Err(halt_of(&error));
                }
                Err(Refused::Halt(halt)) => return Err(halt),
            }
        }
        Err(Halt::failed(Failure::ModelUnavailable))
    }

    /// The models that may answer: the one chosen here, then the persona's in order.
    fn candidates(&self) -> Vec<&ModelName> {
        let allowed = &self.persona.models;
        let chosen = self
            .claim
            .state
            .model
            .as_ref()
            .filter(|model| allowed.contains(model));
        let others = allowed.iter().filter(|model| Some(*model) != chosen);
        chosen.into_iter().chain(others).collect()
    }

    async fn begin_round(
        &self,
        material: &Material<'_>,
        model: &ModelName,
        backend: &dyn Backend,
        progress: &mut Progress,
        reply: &mut Reply,
    ) -> Result<(Prompt, CompletionStream), Refused> {
        self.until_ready(backend, reply).await?;
        let counter = backend.counter();
        let assembled = self.assemble(material, backend, &counter, progress)?;
        progress.prompted(model, &assembled);
        let prompt = assembled.prompt;
        let estimate = u64::from(prompt.tokens().tokens) + u64::from(prompt.max_output_tokens());
        let (lead, question) = (&material.agenda.lead, material.question);
        reply
            .beside(self.reserve(lead, question, estimate, progress))
            .await??;
        let stream = reply.beside(backend.complete(&prompt)).await??;
        Ok((prompt, stream))
    }

    /// Waits for a model that loads; the turn's deadline stands above.
    async fn until_ready(&self, backend: &dyn Backend, reply: &mut Reply) -> Result<(), Refused> {
        let mut readiness = backend.readiness();
        if matches!(readiness, Readiness::Loading { .. }) {
            reply.status(Status::Loading);
            readiness = reply.beside(backend.ready()).await?;
        }
        reply.status(Status::Typing);
        match readiness {
            Readiness::Failed(reason) => Err(BackendError::Misconfigured { reason }.into()),
            Readiness::Ready | Readiness::Loading { .. } => Ok(()),
        }
    }

    fn assemble(
        &self,
        material: &Material<'_>,
        backend: &dyn Backend,
        counter: &Arc<dyn TokenCounter>,
        progress: &Progress,
    ) -> Result<Assembled, Refused> {
        let mut turn = material.question.messages.clone();
        turn.extend(progress.steps.iter().cloned());
        let state = &self.claim.state;
        let assembled = assemble(&Ingredients {
            conversation: &self.claim.key.conversation,
            persona: &self.persona,
            tools: &self.engine.toolbox.specs(&self.persona.tools),
            summary: state.summary.as_ref(),
            window_start: state.window_start,
            history: material.history,
            turn: &turn,
            tail: &Tail {
                now: self.started,
                passages: vec![],
            },
            backend: &backend.capabilities(),
            counter: counter.as_ref(),
        });
        Ok(assembled.map_err(|error| self.unassembled(&error))?)
    }

    fn unassembled(&self, error: &AssembleError) -> Halt {
        match error {
            AssembleError::TurnTooLong { .. } => Halt::failed(Failure::TooLong),
            AssembleError::Empty => {
                Halt::Ended(Outcome::Refused(Refusal::Empty), Some(Line::Empty))
            }
            AssembleError::PersonaTooLong { .. }
            | AssembleError::Template { .. }
            | AssembleError::Window => {
                tracing::error!(persona = %self.persona.name, %error, "no prompt can be made");
                Halt::failed(Failure::Misconfigured)
            }
        }
    }
}

/// Why a round did not begin.
enum Refused {
    Backend(BackendError),
    Halt(Halt),
}

impl From<BackendError> for Refused {
    fn from(error: BackendError) -> Self {
        Refused::Backend(error)
    }
}

impl From<Halt> for Refused {
    fn from(halt: Halt) -> Self {
        Refused::Halt(halt)
    }
}

/// Whether another model may do better.
fn is_passing(error: &BackendError) -> bool {
    !matches!(
        error,
        BackendError::Declined | BackendError::Overflow { .. }
    )
}

pub(super) fn halt_of(error: &BackendError) -> Halt {
    let failure = match error {
        BackendError::Busy { retry_after } => {
            let outcome = Outcome::Failed(Failure::ModelUnavailable);
            return Halt::Ended(outcome, Some(Line::Busy(*retry_after)));
        }
        BackendError::Unavailable { .. } | BackendError::Loading => Failure::ModelUnavailable,
        BackendError::TimedOut => Failure::Deadline,
        BackendError::Interrupted { .. } => Failure::Interrupted,
        BackendError::Overflow { .. } => Failure::TooLong,
        BackendError::Declined => Failure::Declined,
        BackendError::Misconfigured { reason } => {
            tracing::error!(%reason, "a model cannot be used");
            Failure::Misconfigured
        }
    };
    Halt::failed(failure)
}
