//! The end of a turn: what the commit holds, and what follows from it.

use super::{Ended, Progress, Question, Turn, limits::Held};
use crate::{
    agenda::{Agenda, Job},
    metric,
    reply::Told,
    summary,
};
use causerie_core::{
    Timestamp,
    assemble::Cut,
    event::Event,
    id::{EventId, ModelName, Seq},
    message::{Message, Part, Role},
    outcome::{Failure, Outcome, PromptShape, TurnRecord, Usage},
    store::{Commit, ConversationState, Summary},
};

/// What a turn came to.
pub(super) struct Close {
    pub(super) outcome: Outcome,
    pub(super) state: ConversationState,
    pub(super) truncate: Option<Seq>,
    /// Whether the conversation is erased for good.
    pub(super) erase: bool,
    /// Whether words were erased that models may have kept.
    pub(super) forget: bool,
    append: Vec<Message>,
    held: Option<Held>,
    usage: Usage,
    model: Option<ModelName>,
    shape: PromptShape,
    rounds: u32,
    cut: Option<Cut>,
    told: Told,
    notes: Vec<String>,
}

impl Turn<'_> {
    /// An end without a word.
    pub(super) fn close(&self, outcome: Outcome) -> Close {
        let mut state = self.claim.state.clone();
        // A summary made since the claim must not be undone.
        let reached = state.summary.as_ref().map_or(state.began, |old| old.before);
        let fits = |made: &Summary| reached < made.before && made.before <= state.window_start;
        if let Some(summary) = self.signals.summary().filter(fits) {
            state.summary = Some(summary);
        }
        Close {
            outcome,
            state,
            truncate: None,
            erase: false,
            forget: false,
            append: vec![],
            held: None,
            usage: Usage::default(),
            model: None,
            shape: PromptShape::default(),
            rounds: 0,
            cut: None,
            told: Told::default(),
            notes: vec![],
        }
    }

    /// Commits, however long the store takes, and does what follows from it.
    pub(super) async fn commit(&self, agenda: &Agenda, close: Close) -> Ended {
        let record = self.record(agenda, &close);
        let commit = Commit {
            consumed: record
                .events
                .iter()
                .map(|(event, _)| event.clone())
                .collect(),
            truncate: close.truncate,
            erase: close.erase,
            append: close.append,
            state: close.state,
            record,
            settle: close.held.map(|held| self.settlement(&held, &close.usage)),
        };
        let store = &self.engine.store;
        let Ok(committed) = self
            .patiently(|| store.commit(&self.claim.key, &commit))
            .await
        else {
            return Ended::Lost;
        };
        metric::committed(&commit.record);
        self.log(&commit.record);
        if close.erase || close.forget {
            self.engine.backends_forget(&self.claim.key.conversation);
        }
        if let (Some(_), Some(model), true) = (close.cut, close.model, self.persona.summarise) {
            let conversation = self.claim.key.conversation.clone();
            self.engine.summaries.enqueue(summary::Job {
                conversation,
                model,
                turn: self.claim.turn,
                lead: agenda.lead.clone(),
                limits: self.persona.limits.clone(),
            });
        }
        Ended::Committed {
            more: committed.more,
        }
    }

    fn record(&self, agenda: &Agenda, close: &Close) -> TurnRecord {
        let ended_so = |event: &EventId| (event.clone(), close.outcome.clone());
        let mut events: Vec<(EventId, Outcome)> = agenda.takes.iter().map(ended_so).collect();
        events.extend(agenda.settled.iter().cloned());
        for stop in self.signals.stopped_by() {
            if !events.iter().any(|(event, _)| *event == stop) {
                events.push((stop, Outcome::Answered));
            }
        }
        let mail = self.claim.mail.iter();
        let taken = mail.filter(|event| events.iter().any(|(id, _)| *id == event.id));
        let asked = taken.filter_map(Event::worded).cloned().collect();
        let delivered = &close.told.delivered;
        let answers =
            matches!(agenda.job, Job::Answer(_) | Job::Refuse(_)) || close.model.is_some();
        TurnRecord {
            conversation: self.claim.key.conversation.clone(),
            turn: self.claim.turn,
            started: self.started,
            ended: self.engine.clock.now(),
            events,
            asked,
            attempts: self.claim.attempt,
            persona: answers.then(|| self.persona.name.clone()),
            model: close.model.clone(),
            usage: close.usage,
            prompt: close.shape,
            first_text_ms: delivered
                .first_text_at
                .map(|at| at.since(self.started).as_millis() as u64),
            steps: close.rounds,
            delivered: delivered.refs.clone(),
            notes: close
                .notes
                .iter()
                .chain(&delivered.notes)
                .cloned()
                .collect(),
        }
    }

    fn log(&self, record: &TurnRecord) {
        let millis = record.ended.since(record.started).as_millis() as u64;
        let failed = record
            .events
            .iter()
            .any(|(_, o)| matches!(o, Outcome::Failed(_)));
        let outcome = record.events.first().map(|(_, outcome)| outcome);
        if failed {
            tracing::warn!(?outcome, millis, notes = ?record.notes, "a turn has failed");
        } else {
            tracing::debug!(?outcome, millis, "a turn has ended");
        }
    }
}

impl Close {
    /// Adds a note for the operator.
    pub(super) fn note(mut self, note: &str) -> Self {
        self.notes.push(note.to_owned());
        self
    }

    /// Adds what was said on both sides to history, and the `note` that told people of an answer
    /// that it is not whole. A question that is too long for the model stays
    /// out: in history it would push everything else out of the next prompt.
    pub(super) fn answered(
        &mut self,
        question: Question,
        progress: &Progress,
        told: &Told,
        note: Option<Part>,
        at: Timestamp,
    ) {
        // What was refused was not said; an answer that a budget ended was.
        let begun = progress.has_text() || !progress.steps.is_empty();
        if matches!(self.outcome, Outcome::Refused(_)) && !begun {
            return;
        }
        self.state.unattended = if question.attended {
            0
        } else {
            self.state.unattended + 1
        };
        self.truncate = question.truncate;
        if self.outcome == Outcome::Failed(Failure::TooLong) {
            return;
        }
        if let Some(from) = progress.window_start {
            self.state.window_start = from;
        }
        let asked = question.messages.last().cloned();
        self.append = question.messages;
        let unseen = self.outcome == Outcome::Failed(Failure::Undeliverable);
        if unseen && told.delivered.refs.is_empty() {
            return;
        }
        let mut steps = progress.steps.clone();
        if let Some(asked) = asked {
            let mut parts = vec![];
            if !progress.text.trim().is_empty() {
                parts.push(Part::Text(progress.text.as_str().into()));
            }
            match (note, steps.last_mut()) {
                (Some(note), Some(last)) if parts.is_empty() && last.role == Role::Assistant => {
                    last.parts.push(note);
                }
                (note, _) => parts.extend(note),
            }
            if !parts.is_empty() {
                steps.push(spoken(&asked, parts, at));
            }
        }
        for step in steps.iter_mut().filter(|step| step.role == Role::Assistant) {
            step.refs = told.delivered.refs.clone();
        }
        self.append.extend(steps);
    }

    /// Adds what the answer used, and how it was delivered.
    pub(super) fn used(&mut self, progress: Progress, told: Told) {
        self.held = progress.held;
        self.usage = progress.usage;
        self.model = progress.model;
        self.shape = progress.shape;
        self.rounds = progress.rounds;
        self.cut = progress.cut;
        self.notes.extend(progress.notes);
        self.told(told);
    }

    /// Adds how it was delivered.
    pub(super) fn told(&mut self, told: Told) {
        self.told = told;
    }
}

/// What the last round said, though it did not come to its end, and what we said of that.
fn spoken(asked: &Message, parts: Vec<Part>, at: Timestamp) -> Message {
    Message {
        at,
        role: Role::Assistant,
        author: None,
        parts,
        quoted: None,
        refs: vec![],
        ..asked.clone()
    }
}
