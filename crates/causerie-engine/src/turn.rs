//! The life of one turn.

mod close;
mod limits;
mod progress;
mod rounds;

use crate::{
    admission::Denied,
    agenda::{Agenda, Job, Post, agenda},
    command,
    config::PlatformEntry,
    engine::Engine,
    line::Line,
    live::Signals,
    metric,
    reply::{Reply, Told},
};
use causerie_core::{
    Text, Timestamp,
    draft::Ending,
    event::{Event, EventKind, Rating},
    id::{MessageRef, Seq},
    message::{Message, Part, Role},
    outcome::{Failure, Outcome, Refusal},
    persona::Persona,
    platform::Notice,
    store::{Claim, Erase, HistoryRange, Release, StoreError, TurnQuery},
};
use close::Close;
use futures::FutureExt;
use progress::Progress;
use std::{future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, sleep_until};
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
    /// Somebody else has it now.
    Lost,
}

/// Why a turn's work does not go on.
#[derive(Debug)]
pub(crate) enum Halt {
    /// Somebody else has the claim: not another word.
    Lost,
    /// The process ends: somebody else goes on.
    Handover,
    /// A person asked to stop: what was said stays.
    Stopped,
    /// It ends like this, with a line that says so.
    Ended(Outcome, Option<Line>),
}

impl Halt {
    fn failed(failure: Failure) -> Self {
        Halt::Ended(Outcome::Failed(failure), Some(Line::Failed(failure)))
    }
}

/// The shortest and the longest pause before the store is asked again.
const STORE_PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How far back an edited message is looked for.
const RECENT: usize = 64;

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
        let turn = Turn::new(self, &claim, signals, entry);
        let responding = async {
            let agenda = agenda(&claim, |event| self.check(event));
            match turn.work(&agenda).await {
                Ok(close) => turn.commit(&agenda, close).await,
                Err(Halt::Handover) => turn.hand_over().await,
                Err(_) => Ended::Lost,
            }
        };
        Box::pin(responding.instrument(span)).await
    }

    /// The claim is on a platform that this process does not run: another replica may, or an
    /// operator who took it out of the configuration may put it back.
    async fn not_ours(&self, claim: &Claim) -> Ended {
        tracing::warn!(conversation = %claim.key.conversation, "mail for a platform that is not here");
        let at = self.clock.now() + self.config.claim_ttl;
        match self.store.release(&claim.key, Release::Retry { at }).await {
            Ok(()) => Ended::HandedOver,
            Err(_) => Ended::Lost,
        }
    }

    /// Whether an event may be answered at all: who it is from, and its size.
    fn check(&self, event: &Event) -> Result<(), Denied> {
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
    persona: Arc<Persona>,
    started: Timestamp,
    deadline: Instant,
}

/// What is to be answered.
pub(crate) struct Question {
    /// What people said, as it goes into history.
    messages: Vec<Message>,
    /// The messages that carry an earlier answer, which this one replaces.
    replaces: Vec<MessageRef>,
    /// Where history is given anew from, if it is.
    truncate: Option<Seq>,
    /// Whether a person speaks, or only bots.
    attended: bool,
}

impl<'a> Turn<'a> {
    fn new(
        engine: &'a Engine,
        claim: &'a Claim,
        signals: &'a Signals,
        entry: &'a PlatformEntry,
    ) -> Self {
        Self {
            engine,
            claim,
            signals,
            entry,
            persona: engine.persona_of(claim, entry),
            started: engine.clock.now(),
            deadline: Instant::now() + engine.config.turn_deadline,
        }
    }

    /// Does what the agenda says, up to the commit.
    async fn work(&self, agenda: &Agenda) -> Result<Close, Halt> {
        if self.claim.attempt > self.engine.config.max_attempts {
            let given_up = Outcome::Failed(Failure::GaveUp);
            return self
                .speak(agenda, given_up, Some(Line::Failed(Failure::GaveUp)))
                .await;
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
                Ok(self.close(Outcome::Answered))
            }
            Job::Feedback(rating) => Ok(self.feedback(*rating)),
            Job::Nothing => Ok(self.close(Outcome::Answered)),
        }
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
            Err(Halt::Lost) => return Err(Halt::Lost),
            Err(Halt::Handover) => return Err(Halt::Handover),
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
        let told = match (&line, &outcome) {
            _ if stands => reply.leave(),
            (None, Outcome::Failed(_)) => Told {
                failed: true,
                ..reply.leave()
            },
            (None, _) => self.until_taken(reply.end(Ending::Complete)).await??,
            (Some(line), _) => {
                let ending = self.ending(line, &outcome, said);
                self.until_taken(reply.end(ending)).await??
            }
        };
        let outcome = match told.failed && outcome == Outcome::Answered {
            true => Outcome::Failed(Failure::Undeliverable),
            false => outcome,
        };
        let mut close = self.close(outcome);
        if !stands {
            close.answered(question, &progress, &told, self.engine.clock.now());
        }
        close.used(progress, told);
        Ok(close)
    }

    /// Says one line of our own, or nothing, and ends the turn with it.
    async fn speak(
        &self,
        agenda: &Agenda,
        outcome: Outcome,
        line: Option<Line>,
    ) -> Result<Close, Halt> {
        let mut close = self.close(outcome);
        if let Some(line) = line {
            let mut reply = self.reply(agenda, &[]);
            let ending = self.ending(&line, &close.outcome, false);
            close.told(self.until_taken(reply.end(ending)).await??);
        }
        Ok(close)
    }

    async fn command(&self, agenda: &Agenda, name: &str, argument: &Text) -> Result<Close, Halt> {
        let mut close = self.close(Outcome::Answered);
        let call = command::Call {
            engine: self.engine,
            claim: self.claim,
            state: &close.state,
            language: self.entry.language,
            persona: &self.persona,
            argument: argument.expose().trim(),
        };
        let done = self.patiently(|| command::run(name, &call)).await?;
        let mut reply = self.reply(agenda, &[]);
        let ending = Ending::Replace {
            text: done.text.into(),
            notice: Some(Notice::Told),
        };
        close.told(self.until_taken(reply.end(ending)).await??);
        close.state = done.state;
        if done.erase {
            close.truncate = Some(Seq(1));
            close.erase = true;
        }
        Ok(close)
    }

    /// People asked to stop while their messages waited. If an earlier attempt had begun to
    /// answer, its words are marked as stopped.
    async fn stop(&self, agenda: &Agenda) -> Result<Close, Halt> {
        let begun = Reply::was_begun(&self.claim.journal);
        self.speak(agenda, Outcome::Answered, begun.then_some(Line::Stopped))
            .await
    }

    fn feedback(&self, rating: Rating) -> Close {
        let rating = match rating {
            Rating::Up => "up",
            Rating::Down => "down",
        };
        metric::feedback(rating);
        self.close(Outcome::Answered)
            .note(&format!("feedback: {rating}"))
    }

    fn question(&self, posts: &[Post]) -> Question {
        let messages = posts.iter().map(|post| self.message_of(post)).collect();
        Question {
            messages,
            replaces: vec![],
            truncate: None,
            attended: posts.iter().any(|post| !post.event.author.is_bot),
        }
    }

    fn message_of(&self, post: &Post) -> Message {
        let posted = &post.posted;
        let mut parts = vec![];
        if !posted.text.is_blank() {
            parts.push(Part::Text(posted.text.clone()));
        }
        parts.extend(posted.attachments.iter().cloned().map(Part::Attachment));
        Message {
            seq: self.claim.next_seq,
            turn: self.claim.turn,
            at: post.event.at,
            role: Role::User,
            author: Some(post.event.author.clone()),
            parts,
            quoted: posted.quoted.clone(),
            refs: vec![posted.message.clone()],
            shared: posted.shared,
        }
    }

    /// The last question as it reads after an edit, if its answer may still change: it is the
    /// newest turn, was answered a short time ago, and our messages can be edited here.
    async fn revision(
        &self,
        agenda: &Agenda,
        message: &MessageRef,
        text: &Text,
    ) -> Result<Option<Question>, Halt> {
        let conversation = &self.claim.key.conversation;
        let from = self.claim.state.window_start;
        let range = HistoryRange {
            from,
            before: None,
            limit: Some(RECENT),
        };
        let recent = self
            .patiently(|| self.engine.store.history(conversation, range))
            .await?;
        let edited = |m: &&Message| {
            let author = m.author.as_ref().map(|author| &author.id);
            m.refs.contains(message) && author == Some(&agenda.lead.author.id)
        };
        let Some(turn) = recent.iter().find(edited).map(|message| message.turn) else {
            return Ok(None);
        };
        let newest = recent.last().is_some_and(|message| message.turn == turn);
        if !newest || text.is_blank() || !self.entry.platform.capabilities().edits {
            return Ok(None);
        }
        let query = TurnQuery::Conversation(conversation.clone());
        let turns = self
            .patiently(|| self.engine.store.turns(&query, RECENT))
            .await?;
        let Some(record) = turns.into_iter().find(|record| record.turn == turn) else {
            return Ok(None);
        };
        if self.started.since(record.ended) > self.engine.config.edit_window {
            return Ok(None);
        }
        let of_turn = recent.into_iter().filter(|message| message.turn == turn);
        let mut asked: Vec<Message> = of_turn.filter(|m| m.role == Role::User).collect();
        let truncate = asked.first().map(|message| message.seq);
        for asked in asked
            .iter_mut()
            .filter(|asked| asked.refs.contains(message))
        {
            asked.parts.retain(|part| !matches!(part, Part::Text(_)));
            asked.parts.insert(0, Part::Text(text.clone()));
        }
        asked
            .iter_mut()
            .for_each(|asked| asked.turn = self.claim.turn);
        Ok(Some(Question {
            messages: asked,
            replaces: record.delivered,
            truncate,
            attended: true,
        }))
    }

    /// What the prompt shows of what was said before.
    async fn history(&self, question: &Question) -> Result<Vec<Message>, Halt> {
        let from = self.claim.state.window_start.max(Seq(1));
        let before = question.truncate.unwrap_or(self.claim.next_seq);
        if from >= before {
            return Ok(vec![]);
        }
        let range = HistoryRange {
            from,
            before: Some(before),
            limit: None,
        };
        let conversation = &self.claim.key.conversation;
        self.patiently(|| self.engine.store.history(conversation, range))
            .await
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
        )
    }

    fn ending(&self, line: &Line, outcome: &Outcome, said: bool) -> Ending {
        let words = line.say(self.entry.language);
        let notice = match outcome {
            Outcome::Failed(failure) => Some(Notice::Failed(*failure)),
            Outcome::Refused(Refusal::Limit { until, .. }) => Some(Notice::Refused {
                until: Some(*until),
            }),
            Outcome::Refused(_) => Some(Notice::Refused { until: None }),
            Outcome::Answered | Outcome::Superseded => None,
        };
        match said {
            true => Ending::Note {
                line: words.into(),
                notice,
            },
            false => Ending::Replace {
                text: words.into(),
                notice: notice.or(Some(Notice::Told)),
            },
        }
    }

    /// Runs the part of a turn that people and the process may end early. A panic ends it too.
    async fn guard<T>(&self, work: impl Future<Output = Result<T, Halt>>) -> Result<T, Halt> {
        let signals = self.signals;
        tokio::select! {
            biased;
            () = signals.lost.cancelled() => Err(Halt::Lost),
            () = signals.stop.cancelled() => Err(Halt::Stopped),
            () = signals.handover.cancelled() => Err(Halt::Handover),
            done = AssertUnwindSafe(work).catch_unwind() => done.unwrap_or_else(|_panic| {
                tracing::error!("a turn has panicked");
                Err(Halt::failed(Failure::Internal))
            }),
            () = sleep_until(self.deadline) => Err(Halt::failed(Failure::Deadline)),
        }
    }

    /// Runs the part of a turn that only ends early when somebody else goes on with it.
    ///
    /// What is done comes first: the next turn of the conversation may begin, and take the place of
    /// this one, as soon as a commit has taken effect, before this one has heard of it.
    async fn until_taken<T>(&self, work: impl Future<Output = T>) -> Result<T, Halt> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.signals.lost.cancelled() => Err(Halt::Lost),
            () = self.signals.handover.cancelled() => Err(Halt::Handover),
        }
    }

    /// Asks the store until it answers, with growing pauses, as long as the claim is ours.
    async fn patiently<T, F>(&self, mut ask: impl FnMut() -> F) -> Result<T, Halt>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let (mut pause, longest) = STORE_PAUSES;
        loop {
            match self.until_taken(ask()).await? {
                Ok(answer) => return Ok(answer),
                Err(StoreError::Stale) => return Err(Halt::Lost),
                Err(error) => tracing::warn!(%error, "the store is asked again"),
            }
            self.until_taken(sleep(pause)).await?;
            pause = (pause * 2).min(longest);
        }
    }

    async fn hand_over(&self) -> Ended {
        match self
            .engine
            .store
            .release(&self.claim.key, Release::Handover)
            .await
        {
            Ok(()) => Ended::HandedOver,
            Err(error) => {
                tracing::warn!(%error, "a claim could not be given back");
                Ended::Lost
            }
        }
    }
}
