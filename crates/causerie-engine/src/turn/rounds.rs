//! Rounds of completion and tools, until the answer is complete.

use super::{
    Halt, Progress, Question, Turn,
    chain::{Fall, Link, Refused},
    limits::{Slot, estimate},
};
use crate::{agenda::Agenda, reply::Reply};
use causerie_core::{
    assemble::{AssembleError, Assembled, Ingredients, Tail, ThreadMessage, assemble},
    backend::{Backend, BackendCapabilities, BackendError, CompletionStream, Readiness},
    message::{Message, ToolCall},
    outcome::{Failure, Outcome},
    platform::{Creates, Status},
    prompt::{Prompt, TokenCounter},
    store::JournalEntry,
};

/// What a round is made from: the same in all rounds of a turn.
struct Material<'t> {
    agenda: &'t Agenda,
    question: &'t Question,
    history: &'t [Message],
    thread: Vec<ThreadMessage>,
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
            thread: self.thread(question, history).await?,
        };
        reply.push(&progress.said());
        self.note_mail(agenda);
        self.settle_earlier(&agenda.lead, question, progress)
            .await?;
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
    fn note_mail(&self, agenda: &Agenda) {
        let needless = self.creates_are_idempotent() && self.persona.tools.is_empty();
        if !needless {
            self.note_beginning(agenda);
        }
    }

    /// Notes which mail the turn answers, unless an earlier attempt has.
    pub(super) fn note_beginning(&self, agenda: &Agenda) {
        let began = |entry: &JournalEntry| matches!(entry, JournalEntry::Began { .. });
        if self.claim.journal.iter().any(began) {
            return;
        }
        let settled = agenda.settled.iter().map(|(event, _)| event);
        let events = agenda.takes.iter().chain(settled).cloned().collect();
        let began = JournalEntry::Began { events };
        self.signals.unwritten.add(began);
    }

    pub(super) fn creates_are_idempotent(&self) -> bool {
        let place = &self.claim.mail[0].place;
        self.entry.platform.capabilities(place).creates == Creates::Idempotent
    }

    /// One round with the first model of the chain that answers, and what it wants to call.
    async fn round(
        &self,
        material: &Material<'_>,
        progress: &mut Progress,
        reply: &mut Reply,
    ) -> Result<Vec<ToolCall>, Halt> {
        let chain = self.chain(material.question, progress);
        let round = progress.rounds + 1;
        let mut end = Halt::failed(Failure::ModelUnavailable);
        for (place, link) in chain.iter().enumerate() {
            let model = link.model;
            if let Some(unfit) = link.unfit {
                progress
                    .notes
                    .push(format!("model {model} was passed over: {unfit}"));
                continue;
            }
            let slot = Slot { round, place };
            let fall = match self.ask(material, link, slot, progress, reply).await {
                Ok(calls) => return Ok(calls),
                Err(Refused::Halt(halt)) => return Err(halt),
                Err(Refused::Backend(error)) => Fall::of_backend(&error),
                Err(Refused::Prompt(error)) => Fall::of_prompt(&error),
            };
            let why = &fall.why;
            if matches!(
                fall.halt,
                Halt::Ended(Outcome::Failed(Failure::Misconfigured), _)
            ) {
                tracing::error!(%model, persona = %self.persona.name, %why, "a model cannot be used");
            }
            let next = fall.passing && chain[place + 1..].iter().any(|link| link.unfit.is_none());
            progress.notes.push(match next {
                true => format!("model {model} was passed over: {why}"),
                false => format!("model {model}: {why}"),
            });
            if !fall.passing {
                return Err(fall.halt);
            }
            end = fall.halt;
        }
        Err(end)
    }

    /// One round with one model.
    async fn ask(
        &self,
        material: &Material<'_>,
        link: &Link<'_>,
        slot: Slot,
        progress: &mut Progress,
        reply: &mut Reply,
    ) -> Result<Vec<ToolCall>, Refused> {
        let (prompt, stream) = self
            .begin_round(material, link, slot, progress, reply)
            .await?;
        progress.rounds = slot.round;
        self.follow(&prompt, link.backend, stream, progress, reply)
            .await
    }

    async fn begin_round(
        &self,
        material: &Material<'_>,
        link: &Link<'_>,
        slot: Slot,
        progress: &mut Progress,
        reply: &mut Reply,
    ) -> Result<(Prompt, CompletionStream), Refused> {
        let (model, backend) = (link.model, link.backend);
        self.until_ready(backend, reply).await?;
        let counter = backend.counter();
        let can = backend.capabilities();
        let assembled = self.assemble(material, &can, counter.as_ref(), progress)?;
        progress.prompted(model, &assembled);
        if slot.place > 0 && !can.tools && !self.persona.tools.is_empty() {
            progress
                .notes
                .push(format!("model {model} cannot call tools and goes without"));
        }
        let prompt = assembled.prompt;
        let estimate = estimate(&prompt, can.prices);
        let (lead, question) = (&material.agenda.lead, material.question);
        reply
            .beside(self.reserve(lead, question, slot, &estimate, progress))
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
        can: &BackendCapabilities,
        counter: &dyn TokenCounter,
        progress: &Progress,
    ) -> Result<Assembled, AssembleError> {
        let mut turn = material.question.messages.clone();
        turn.extend(progress.steps.iter().cloned());
        let state = &self.claim.state;
        assemble(&Ingredients {
            conversation: &self.claim.key.conversation,
            persona: &self.persona,
            tools: &self.engine.toolbox.specs(&self.persona.tools),
            summary: state.summary.as_ref(),
            window_start: state.window_start,
            history: material.history,
            turn: &turn,
            tail: &Tail {
                now: self.started,
                thread: material.thread.clone(),
                passages: vec![],
            },
            backend: can,
            counter,
        })
    }
}
