//! Turns in which only we speak, and how our lines look.

use super::{Close, Halt, Turn};
use crate::{agenda::Agenda, command, line::Line, metric};
use causerie_core::{
    Text,
    draft::Ending,
    event::Rating,
    id::MessageRef,
    outcome::{Outcome, Refusal},
    platform::Notice,
};

impl Turn<'_> {
    /// Says one line of our own, or nothing, and ends the turn with it.
    pub(super) async fn speak(
        &self,
        agenda: &Agenda,
        outcome: Outcome,
        line: Option<Line>,
    ) -> Result<Close, Halt> {
        let mut close = self.close(outcome);
        if let Some(line) = line {
            let mut reply = self.reply(agenda, &[]);
            let ending = self.ending(&line, &close.outcome, false);
            let long_wait = self.long_wait(agenda.lead.at);
            close.told(self.until_taken(reply.end(ending, long_wait)).await??);
        }
        Ok(close)
    }

    pub(super) async fn command(
        &self,
        agenda: &Agenda,
        name: &str,
        argument: &Text,
    ) -> Result<Close, Halt> {
        let mut close = self.close(Outcome::Answered);
        let call = command::Call {
            engine: self.engine,
            claim: self.claim,
            state: &close.state,
            language: self.language,
            persona: &self.persona,
            argument: argument.expose().trim(),
        };
        let done = self.patiently(|| command::run(name, &call)).await?;
        let mut reply = self.reply(agenda, &[]);
        let ending = Ending::Replace {
            text: done.text.into(),
            notice: Some(Notice::Told),
        };
        let long_wait = self.long_wait(agenda.lead.at);
        close.told(self.until_taken(reply.end(ending, long_wait)).await??);
        close.state = done.state;
        close.erase = done.erase;
        Ok(close)
    }

    /// People asked to stop while their messages waited, or took them back. If an earlier attempt
    /// may have begun to answer, what it left is marked as stopped.
    pub(super) async fn stop(&self, agenda: &Agenda) -> Result<Close, Halt> {
        let begun = self.claim.attempt > 1 || !self.claim.journal.is_empty();
        self.speak(agenda, Outcome::Answered, begun.then_some(Line::Stopped))
            .await
    }

    pub(super) fn feedback(&self, message: &MessageRef, rating: Rating) -> Close {
        let rating = match rating {
            Rating::Up => "up",
            Rating::Down => "down",
        };
        metric::feedback(rating);
        self.close(Outcome::Answered)
            .note(&format!("feedback: {rating}, on message {message}"))
    }

    pub(super) fn ending(&self, line: &Line, outcome: &Outcome, said: bool) -> Ending {
        let words = line.say(self.language);
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
}
