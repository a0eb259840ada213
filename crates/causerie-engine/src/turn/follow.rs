//! One completion: shown while it grows, and kept when it is complete.

use super::{
    Halt, Progress, Turn,
    chain::{Refused, halt_of},
};
use crate::reply::Reply;
use causerie_core::{
    Text,
    backend::{Backend, BackendError, CompletionStream, Delta, Finish, FinishReason},
    message::{Message, Part, Role, ToolCall},
    outcome::{Failure, Usage},
    prompt::Prompt,
    store::{JournalEntry, StoreError},
};
use futures::StreamExt;

/// The most bytes one answer may have. A model that runs wild is stopped there.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

impl Turn<'_> {
    /// Shows a completion while it grows, and keeps it when it is complete. One that fails before
    /// anybody has seen a word of it is [`Refused::Backend`]: another model may take its place.
    pub(super) async fn follow(
        &self,
        prompt: &Prompt,
        backend: &dyn Backend,
        mut stream: CompletionStream,
        progress: &mut Progress,
        reply: &mut Reply,
    ) -> Result<Vec<ToolCall>, Refused> {
        let mut calls = vec![];
        // Until the model says what it used, a turn that breaks off has used this.
        let before = progress.usage;
        let mut heard = Usage {
            input: prompt.tokens().tokens.into(),
            ..Usage::default()
        };
        let (counter, prices) = (backend.counter(), backend.capabilities().prices);
        let mut count = |text: &str, progress: &mut Progress| {
            heard.output += u64::from(counter.count(text));
            heard = heard.priced(prices);
            progress.usage = before;
            progress.usage.add(heard);
        };
        count("", progress);
        let mut between = progress.has_text();
        while let Some(delta) = reply.beside(stream.next()).await? {
            match delta {
                Ok(Delta::Text(text)) => {
                    if std::mem::take(&mut between) {
                        reply.push(&Text::new("\n\n"));
                    }
                    progress.text.push_str(text.expose());
                    count(text.expose(), progress);
                    reply.push(&text);
                    if progress.text.len() > MAX_ANSWER {
                        progress
                            .notes
                            .push("the answer was larger than any answer may be".into());
                        progress.finish = Some(FinishReason::Length);
                        return Ok(self.keep(vec![], progress).await?);
                    }
                }
                // Thoughts are paid for and not kept.
                Ok(Delta::Reasoning(text)) => count(text.expose(), progress),
                Ok(Delta::ToolCall(call)) => calls.push(call),
                Ok(Delta::Note(note)) => progress.notes.push(note),
                Ok(Delta::Finish(Finish { reason, usage })) => {
                    progress.usage = before;
                    progress.usage.add(usage);
                    progress.finish = Some(reason);
                    return Ok(self.keep(calls, progress).await?);
                }
                Err(error) => return Err(broke_off(error, progress)),
            }
        }
        let reason = "the answer was cut".into();
        Err(broke_off(BackendError::Interrupted { reason }, progress))
    }

    /// Makes the round that ended a step, and notes it so that nobody pays for it again.
    pub(super) async fn keep(
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
                let step = JournalEntry::Step {
                    message: message.clone(),
                    usage,
                    last,
                };
                match last {
                    // It is shown for good next, and written before.
                    true => {
                        self.signals.unwritten.add(step);
                        progress.noted_whole_at = Some(message.at);
                    }
                    false => self.journal(step).await?,
                }
            }
            progress.steps.push(message);
        }
        Ok(calls)
    }

    /// What was used and stands in no note yet.
    pub(super) fn unnoted(&self, progress: &mut Progress) -> Usage {
        let usage = progress.usage.since(&progress.noted);
        progress.noted = progress.usage;
        usage
    }

    pub(super) fn step(&self, role: Role, parts: Vec<Part>) -> Message {
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
    pub(super) async fn journal(&self, entry: JournalEntry) -> Result<(), Halt> {
        self.signals.unwritten.add(entry);
        self.write().await
    }

    /// Writes what is unwritten.
    pub(super) async fn write(&self) -> Result<(), Halt> {
        let entries = self.signals.unwritten.take();
        if entries.is_empty() {
            return Ok(());
        }
        let noted = self.engine.store.note_all(&self.claim.key, &entries);
        match noted.await {
            Ok(()) => Ok(()),
            Err(StoreError::Stale) => Err(Halt::Lost),
            Err(error) => {
                tracing::warn!(%error, "a step was not noted");
                Ok(())
            }
        }
    }
}

/// A completion ended with an error. What people have seen of it stays, and ends with a line; an
/// answer of another model would change what they have read already.
fn broke_off(error: BackendError, progress: &mut Progress) -> Refused {
    if progress.text.trim().is_empty() {
        progress.text.clear();
        return Refused::Backend(error);
    }
    progress.notes.push(format!("in mid-answer: {error}"));
    Refused::Halt(match error {
        BackendError::Declined | BackendError::TimedOut => halt_of(&error),
        _ => Halt::failed(Failure::Interrupted),
    })
}
