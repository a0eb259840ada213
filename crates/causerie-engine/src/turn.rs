//! The life of one turn.

mod chain;
mod close;
mod follow;
mod halt;
mod limits;
mod notice;
mod progress;
mod question;
mod rounds;
mod thread;
mod tools;

use crate::{
    admission::Denied,
    agenda::{Agenda, Job, agenda},
    config::PlatformEntry,
    deliver::LongWait,
    engine::Engine,
    line::{Language, Line},
    live::Signals,
    metric,
    reply::{Reply, Told},
};
use causerie_core::{
    Timestamp,
    draft::Ending,
    event::{Event, EventKind},
    id::MessageRef,
    outcome::{Failure, Outcome, Refusal},
    persona::Persona,
    store::{Claim, Erase, Release},
};
use close::Close;
pub(crate) use halt::Halt;
pub(crate) use limits::{Bill, estimate};
use progress::Progress;
use question::Question;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tracing::Instrument;

/// How a turn ended for dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By a commit.
    Committed {
        /// More mail waits in the conversation.
        more: bool,
    },
    /// It was given back.
    HandedOver,
    /// It was given back until later.
    Postponed,
    /// It was given back before it began, because more mail has come by now that belongs to it.
    Again,
    /// Somebody else has it now.
    Lost,
}

impl Engine {
    /// The life of a turn, from claim to commit.
    pub(crate) async fn respond(&self, claim: Claim, signals: &Signals) -> Ended {
        let span = tracing::info_span!(
            "turn",
            conversation = %claim.key.conversation,
            turn = claim.turn.0,
            attempt = claim.attempt,
        );
        let Some(entry) = self.platform_of(&claim.key.conversation) else {
            return self.not_ours(&claim).await;
        };
        let responding = async {
            if let Some(ended) = self.await_the_rest(&claim, signals).await {
                return ended;
            }
            let agenda = agenda(&claim, |event| self.check(event));
            let language = Self::language_of(&agenda, entry);
            let turn = Turn::new(self, &claim, signals, entry, language);
            metric::waited(turn.started.since(agenda.lead.at));
            match turn.work(&agenda).await {
                Ok(close) => turn.commit(&agenda, close).await,
                Err(Halt::Handover) => turn.hand_over(&agenda).await,
                Err(Halt::Later(wait)) => turn.postpone(&agenda, wait).await,
                Err(_) => Ended::Lost,
            }
        };
        Box::pin(responding.instrument(span)).await
    }

    /// Waits while more of what is said here is on its way. If it did, the claim does not hold all
    /// of it, and is given back for the one that does.
    async fn await_the_rest(&self, claim: &Claim, signals: &Signals) -> Option<Ended> {
        let conversation = &claim.key.conversation;
        let (waited, ended) = tokio::select! {
            waited = self.dispatch.expected.all_is_here(conversation) => (waited, Ended::Again),
            () = signals.handover.cancelled() => (true, Ended::HandedOver),
            () = signals.lost.cancelled() => return Some(Ended::Lost),
        };
        if !waited {
            return None;
        }
        match self.store.release(&claim.key, Release::Handover).await {
            Ok(()) => Some(ended),
            Err(_) => Some(Ended::Lost),
        }
    }

    /// The claim is on a platform that this process does not run: another replica may, or an
    /// operator who took it out of the configuration may put it back. However often that is seen,
    /// it is no attempt.
    async fn not_ours(&self, claim: &Claim) -> Ended {
        tracing::warn!(conversation = %claim.key.conversation, "mail for a platform that is not here");
        let at = self.clock.now() + self.config.claim_ttl;
        let release = Release::Postpone { at };
        match self.store.release(&claim.key, release).await {
            Ok(()) => Ended::HandedOver,
            Err(_) => Ended::Lost,
        }
    }

    /// Whether an event may be answered at all: who it is from, and its size.
    pub(crate) fn check(&self, event: &Event) -> Result<(), Denied> {
        self.config.admission.check(event)?;
        let told = |refusal| {
            Err(Denied {
                refusal,
                told: true,
            })
        };
        let limit = self.config.max_message_bytes;
        match &event.kind {
            EventKind::Posted(posted) if posted.text.len() > limit => told(Refusal::TooLarge {
                limit: limit as u64,
            }),
            EventKind::Edited { text, .. } if text.len() > limit => told(Refusal::TooLarge {
                limit: limit as u64,
            }),
            EventKind::Posted(posted)
                if posted.text.is_blank() && posted.attachments.is_empty() =>
            {
                told(Refusal::Empty)
            }
            _ => Ok(()),
        }
    }

    /// How we speak to whom we answer: as they wish, or as the platform does.
    fn language_of(agenda: &Agenda, entry: &PlatformEntry) -> Language {
        let wish = agenda.lead.language.as_deref();
        wish.and_then(Language::of_tag).unwrap_or(entry.language)
    }

    /// Who answers in a conversation: the persona chosen there, or the platform's.
    fn persona_of(&self, claim: &Claim, entry: &PlatformEntry) -> Arc<Persona> {
        let chosen = claim
            .state
            .persona
            .as_ref()
            .and_then(|name| self.personas.get(name));
        Arc::clone(chosen.unwrap_or_else(|| &self.personas[&entry.persona]))
    }
}

/// A turn at work.
pub(crate) struct Turn<'a> {
    engine: &'a Engine,
    claim: &'a Claim,
    signals: &'a Signals,
    entry: &'a PlatformEntry,
    language: Language,
    persona: Arc<Persona>,
    started: Timestamp,
    deadline: Instant,
}

impl<'a> Turn<'a> {
    fn new(
        engine: &'a Engine,
        claim: &'a Claim,
        signals: &'a Signals,
        entry: &'a PlatformEntry,
        language: Language,
    ) -> Self {
        Self {
            engine,
            claim,
            signals,
            entry,
            language,
            persona: engine.persona_of(claim, entry),
            started: engine.clock.now(),
            deadline: Instant::now() + engine.config.turn_deadline,
        }
    }

    /// Does what the agenda says, up to the commit.
    async fn work(&self, agenda: &Agenda) -> Result<Close, Halt> {
        if self.claim.attempt > self.engine.config.max_attempts {
            return self.give_up(agenda).await;
        }
        match &agenda.job {
            Job::Answer(posts) => self.answer(agenda, self.question(posts)).await,
            Job::Revise { message, text } => match self.revision(agenda, message, text).await? {
                Some(question) => self.answer(agenda, question).await,
                None => Ok(self
                    .close(Outcome::Superseded)
                    .note("the edit changed no answer")),
            },
            Job::Refuse(denied) => {
                let line = Line::refusal(&denied.refusal, self.started).filter(|_| denied.told);
                self.speak(agenda, Outcome::Refused(denied.refusal.clone()), line)
                    .await
            }
            Job::Command { name, argument } => self.command(agenda, name, argument).await,
            Job::Stop => self.stop(agenda).await,
            Job::Forget(message) => {
                let what = Erase::Message(self.claim.key.conversation.clone(), message.clone());
                self.patiently(|| self.engine.store.erase(&what)).await?;
                let mut close = self.close(Outcome::Answered);
                close.forget = true;
                Ok(close)
            }
            Job::Feedback { message, rating } => Ok(self.feedback(message, *rating)),
            Job::Nothing => Ok(self.close(Outcome::Answered)),
        }
    }

    /// It was begun too often. Whatever ended it each time must not end others too, so what was
    /// said is kept out of history.
    async fn give_up(&self, agenda: &Agenda) -> Result<Close, Halt> {
        let failure = Failure::GaveUp;
        let outcome = Outcome::Failed(failure);
        self.speak(agenda, outcome, Some(Line::Failed(failure)))
            .await
    }

    /// Answers a question: load, assemble, complete while delivering, tools. What comes out is
    /// ready for the commit, whether it went well or not.
    async fn answer(&self, agenda: &Agenda, question: Question) -> Result<Close, Halt> {
        if !question.attended && self.claim.state.unattended >= self.engine.config.loop_limit {
            return Ok(self.close(Outcome::Refused(Refusal::Loop)));
        }
        let history = self.history(&question).await?;
        let mut progress = Progress::resume(&self.claim.journal);
        let mut reply = self.reply(agenda, &question.replaces);
        let rounds = self.rounds(agenda, &question, &history, &mut progress, &mut reply);
        let halt = match self.guard(rounds).await {
            Ok(()) => self.verdict(&progress),
            Err(halt @ (Halt::Lost | Halt::Handover | Halt::Later(_))) => return Err(halt),
            Err(halt) => Some(halt),
        };
        self.finish(question, progress, reply, halt).await
    }

    /// What is wrong with an answer that came to its end.
    fn verdict(&self, progress: &Progress) -> Option<Halt> {
        use causerie_core::backend::FinishReason::{Filtered, Length};
        match progress.finish {
            _ if !progress.has_text() => Some(Halt::failed(Failure::EmptyAnswer)),
            Some(Length) => Some(Halt::Ended(Outcome::Answered, Some(Line::CutByLength))),
            Some(Filtered) => Some(Halt::failed(Failure::Declined)),
            _ => None,
        }
    }

    /// Brings the reply to its last form and says what the commit holds.
    async fn finish(
        &self,
        question: Question,
        progress: Progress,
        mut reply: Reply,
        halt: Option<Halt>,
    ) -> Result<Close, Halt> {
        let (outcome, line) = match halt {
            None => (Outcome::Answered, None),
            Some(Halt::Ended(outcome, line)) => (outcome, line),
            Some(_) => (Outcome::Superseded, Some(Line::Stopped)),
        };
        let said = progress.has_text();
        // An answer that stood before keeps standing if there is nothing better to put in its place.
        let stands = !said && !question.replaces.is_empty();
        let mut note = None;
        let told = match (&line, &outcome) {
            _ if stands => reply.leave(),
            (None, Outcome::Failed(_)) => Told {
                failed: true,
                ..reply.leave()
            },
            (None, _) => {
                let long_wait = progress.noted_whole_at.map(|at| self.long_wait(at));
                let long_wait = long_wait.unwrap_or(LongWait::Here);
                let end = reply.end(Ending::Complete, long_wait);
                self.until_taken(end).await??
            }
            (Some(line), _) => {
                let ending = self.ending(line, &outcome, said);
                note = ending.note();
                // What the model said would have to be asked for again.
                let end = reply.end(ending, LongWait::Here);
                self.until_taken(end).await??
            }
        };
        let outcome = match told.failed && outcome == Outcome::Answered {
            true => Outcome::Failed(Failure::Undeliverable),
            false => outcome,
        };
        let mut close = self.close(outcome);
        if !stands {
            close.answered(question, &progress, &told, note, self.engine.clock.now());
        }
        close.used(progress, told);
        Ok(close)
    }

    fn reply(&self, agenda: &Agenda, replaces: &[MessageRef]) -> Reply {
        let deadline = self.deadline;
        Reply::new(
            self.engine,
            self.claim,
            self.entry,
            &agenda.lead,
            replaces,
            deadline,
            self.signals,
        )
    }

    /// What to do when a platform makes us wait with what stands ready since `ready`.
    fn long_wait(&self, ready: Timestamp) -> LongWait {
        let patience = self.engine.config.delivery_patience;
        match self.engine.clock.now().since(ready) < patience {
            true => LongWait::Elsewhere,
            false => LongWait::Here,
        }
    }

    /// Gives the turn to whoever comes next.
    async fn hand_over(&self, agenda: &Agenda) -> Ended {
        let given = self.give(agenda, Release::Handover);
        given.await.unwrap_or(Ended::HandedOver)
    }

    /// Gives the turn to whoever comes after `wait`. It takes no place meanwhile.
    async fn postpone(&self, agenda: &Agenda, wait: Duration) -> Ended {
        // Many may wait at once: the metric tells of all of them.
        tracing::debug!(?wait, "an answer waits for its platform");
        metric::postponed();
        let at = self.engine.clock.now() + wait;
        let given = self.give(agenda, Release::Postpone { at });
        given.await.unwrap_or(Ended::Postponed)
    }

    /// Gives the turn to somebody who must know that its answer may have begun. `Some` if that does
    /// not go well.
    async fn give(&self, agenda: &Agenda, release: Release) -> Option<Ended> {
        self.note_beginning(agenda);
        if self.write().await.is_err() {
            return Some(Ended::Lost);
        }
        match self.engine.store.release(&self.claim.key, release).await {
            Ok(()) => None,
            Err(error) => {
                tracing::warn!(%error, "a claim could not be given back");
                Some(Ended::Lost)
            }
        }
    }
}
