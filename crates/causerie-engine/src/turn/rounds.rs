//! Rounds of completion and tools, until the answer is complete.

use super::{Halt, Progress, Question, Turn};
use crate::{agenda::Agenda, line::Line, reply::Reply};
use causerie_core::{
    Text,
    assemble::{AssembleError, Assembled, Ingredients, Tail, assemble},
    backend::{Backend, BackendError, Delta, Finish, FinishReason, Readiness},
    id::ModelName,
    message::{Message, Part, Role, ToolCall},
    outcome::{Failure, Outcome, Refusal, Usage},
    platform::{Creates, Status},
    prompt::{Prompt, TokenCounter},
    store::{JournalEntry, StoreError},
    tool::ToolContext,
};
use futures::StreamExt;
use std::sync::Arc;

/// The most bytes one answer may have. A model that runs wild is stopped there.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

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
        reply.beside(self.note_beginning(agenda)).await??;
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

    /// A later attempt must know which mail the journal belongs to. Where creating a message twice
    /// makes one, and no tools are called, there is no journal.
    async fn note_beginning(&self, agenda: &Agenda) -> Result<(), Halt> {
        let needless = self.creates_are_idempotent() && self.persona.tools.is_empty();
        if needless || !self.claim.journal.is_empty() {
            return Ok(());
        }
        let settled = agenda.settled.iter().map(|(event, _)| event);
        let events = agenda.takes.iter().chain(settled).cloned().collect();
        self.journal(&JournalEntry::Began { events }).await
    }

    fn creates_are_idempotent(&self) -> bool {
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
    ) -> Result<(Prompt, causerie_core::backend::CompletionStream), Refused> {
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

    /// Shows a completion while it grows, and keeps it when it is complete.
    async fn follow(
        &self,
        prompt: &Prompt,
        backend: &dyn Backend,
        mut stream: causerie_core::backend::CompletionStream,
        progress: &mut Progress,
        reply: &mut Reply,
    ) -> Result<Vec<ToolCall>, Halt> {
        let mut calls = vec![];
        // Until the model says what it used, a turn that breaks off has used this.
        let before = progress.usage;
        progress.usage.add(Usage {
            input: prompt.tokens().tokens.into(),
            ..Usage::default()
        });
        let counter = backend.counter();
        let mut between = progress.has_text();
        while let Some(delta) = reply.beside(stream.next()).await? {
            match delta {
                Ok(Delta::Text(text)) => {
                    if std::mem::take(&mut between) {
                        reply.push(&Text::new("\n\n"));
                    }
                    progress.text.push_str(text.expose());
                    progress.usage.output += u64::from(counter.count(text.expose()));
                    reply.push(&text);
                    if progress.text.len() > MAX_ANSWER {
                        progress
                            .notes
                            .push("the answer was larger than any answer may be".into());
                        progress.finish = Some(FinishReason::Length);
                        return self.keep(vec![], progress).await;
                    }
                }
                // Thoughts are paid for and not kept.
                Ok(Delta::Reasoning(text)) => {
                    progress.usage.output += u64::from(counter.count(text.expose()));
                }
                Ok(Delta::ToolCall(call)) => calls.push(call),
                Ok(Delta::Finish(Finish { reason, usage })) => {
                    progress.usage = before;
                    progress.usage.add(usage);
                    progress.finish = Some(reason);
                    return self.keep(calls, progress).await;
                }
                Err(error) => {
                    progress.notes.push(format!("the model broke off: {error}"));
                    return Err(halt_in_stream(&error, progress.has_text()));
                }
            }
        }
        progress.notes.push("the model's answer was cut".into());
        Err(Halt::failed(Failure::Interrupted))
    }

    /// Makes the round that ended a step, and notes it so that nobody pays for it again.
    async fn keep(
        &self,
        calls: Vec<ToolCall>,
        progress: &mut Progress,
    ) -> Result<Vec<ToolCall>, Halt> {
        let last = calls.is_empty() || progress.rounds >= self.persona.max_steps.max(1);
        let text = std::mem::take(&mut progress.text);
        let mut parts = vec![];
        if !text.trim().is_empty() {
            parts.push(Part::Text(Text::new(text)));
        }
        if !last {
            parts.extend(calls.iter().cloned().map(Part::ToolCall));
        }
        if !parts.is_empty() {
            let message = self.step(Role::Assistant, parts);
            // Where nothing can come between the last words and the commit, the commit is the note.
            if !(last && self.creates_are_idempotent()) {
                let usage = self.unnoted(progress);
                self.journal(&JournalEntry::Step {
                    message: message.clone(),
                    usage,
                    last,
                })
                .await?;
            }
            progress.steps.push(message);
        }
        Ok(calls)
    }

    /// What was used and stands in no note yet.
    fn unnoted(&self, progress: &mut Progress) -> Usage {
        let mut usage = progress.usage;
        usage.input -= progress.noted.input;
        usage.cached -= progress.noted.cached;
        usage.output -= progress.noted.output;
        progress.noted = progress.usage;
        usage
    }

    /// Calls the tools that the last step asks for and that have given nothing back yet.
    async fn call_tools(
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
            self.journal(&JournalEntry::Step {
                message: message.clone(),
                usage,
                last,
            })
            .await?;
            progress.steps.push(message);
        }
        Ok(())
    }

    fn step(&self, role: Role, parts: Vec<Part>) -> Message {
        Message {
            seq: self.claim.next_seq,
            turn: self.claim.turn,
            at: self.engine.clock.now(),
            role,
            author: None,
            parts,
            quoted: None,
            refs: vec![],
            shared: false,
        }
    }

    /// Notes what a later attempt should know. A store that is away is no reason to stop talking:
    /// without the note a crash would cost a second completion, no more.
    async fn journal(&self, entry: &JournalEntry) -> Result<(), Halt> {
        match self.engine.store.note(&self.claim.key, entry).await {
            Ok(()) => Ok(()),
            Err(StoreError::Stale) => Err(Halt::Lost),
            Err(error) => {
                tracing::warn!(%error, "a step was not noted");
                Ok(())
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

/// Whether another model may do better.
fn is_passing(error: &BackendError) -> bool {
    !matches!(
        error,
        BackendError::Declined | BackendError::Overflow { .. }
    )
}

fn halt_of(error: &BackendError) -> Halt {
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

/// An answer that had begun was interrupted, whatever the reason; the note says which.
fn halt_in_stream(error: &BackendError, begun: bool) -> Halt {
    match error {
        BackendError::Declined | BackendError::TimedOut => halt_of(error),
        _ if begun => Halt::failed(Failure::Interrupted),
        _ => halt_of(error),
    }
}
