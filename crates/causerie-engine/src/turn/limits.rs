//! What a turn takes from budgets.

use super::{Halt, Progress, Question, Turn};
use crate::line::Line;
use causerie_core::{
    event::Event,
    limit::{Charge, Limit, LimitScope, LimitUnit},
    message::Message,
    outcome::{Outcome, Refusal},
    store::{ReservationId, Reserved},
};
use std::collections::BTreeMap;

impl Turn<'_> {
    /// Takes what the turn may use from the persona's budgets: an estimate that is settled in the
    /// commit. Once in a turn; a later attempt finds it taken.
    pub(super) async fn reserve(
        &self,
        lead: &Event,
        question: &Question,
        tokens: u64,
        progress: &mut Progress,
    ) -> Result<(), Halt> {
        if self.persona.limits.is_empty() || !progress.charges.is_empty() {
            return Ok(());
        }
        progress.charges = self.charges(lead, question, tokens);
        let id = self.reservation();
        match self
            .patiently(|| self.engine.store.reserve(&id, &progress.charges))
            .await?
        {
            Reserved::Granted => Ok(()),
            Reserved::Refused { key, until } => {
                progress.charges.clear();
                let refusal = Refusal::Limit { key, until };
                let line = Line::refusal(&refusal, self.started);
                Err(Halt::Ended(Outcome::Refused(refusal), line))
            }
        }
    }

    /// What all of the persona's limits are charged.
    pub(super) fn charges(&self, lead: &Event, question: &Question, tokens: u64) -> Vec<Charge> {
        let limits = self.persona.limits.iter();
        limits
            .flat_map(|limit| charges(limit, lead, question, tokens))
            .collect()
    }

    pub(super) fn reservation(&self) -> ReservationId {
        ReservationId {
            conversation: self.claim.key.conversation.clone(),
            turn: self.claim.turn,
        }
    }
}

/// What one limit is charged. A limit on each participant's messages is charged for everybody who
/// spoke; tokens are charged to whoever is answered.
fn charges(limit: &Limit, lead: &Event, question: &Question, tokens: u64) -> Vec<Charge> {
    let platform = lead
        .conversation
        .as_str()
        .split('/')
        .next()
        .unwrap_or_default();
    let count = question.messages.len() as u64;
    let whose: BTreeMap<String, u64> = match (limit.scope, limit.unit) {
        (LimitScope::Participant, LimitUnit::Messages) => by_author(&question.messages),
        (LimitScope::Participant, LimitUnit::Tokens) => {
            [(format!("participant/{}", lead.author.id), tokens)].into()
        }
        (LimitScope::Conversation, unit) => [(
            format!("conversation/{}", lead.conversation),
            amount(unit, count, tokens),
        )]
        .into(),
        (LimitScope::Platform, unit) => {
            [(format!("platform/{platform}"), amount(unit, count, tokens))].into()
        }
    };
    let charge = |(whose, amount)| Charge {
        key: format!("{whose}/{}/{}", unit_word(limit.unit), window_word(limit)),
        capacity: limit.amount,
        window: limit.window,
        amount,
    };
    whose.into_iter().map(charge).collect()
}

fn by_author(messages: &[Message]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for author in messages
        .iter()
        .filter_map(|message| message.author.as_ref())
    {
        *counts
            .entry(format!("participant/{}", author.id))
            .or_default() += 1;
    }
    counts
}

fn amount(unit: LimitUnit, messages: u64, tokens: u64) -> u64 {
    match unit {
        LimitUnit::Messages => messages,
        LimitUnit::Tokens => tokens,
    }
}

fn unit_word(unit: LimitUnit) -> &'static str {
    match unit {
        LimitUnit::Messages => "messages",
        LimitUnit::Tokens => "tokens",
    }
}

fn window_word(limit: &Limit) -> &'static str {
    use causerie_core::limit::Window::{Day, Hour, Minute, Month};
    match limit.window {
        Minute => "minute",
        Hour => "hour",
        Day => "day",
        Month => "month",
    }
}

/// What was used of each charge: a turn that cost nothing counts for nothing.
pub(super) fn used(charges: &[Charge], tokens: u64) -> Vec<u64> {
    let of = |charge: &Charge| match charge.key.rsplit('/').nth(1) {
        Some("tokens") => tokens,
        _ if tokens == 0 => 0,
        _ => charge.amount,
    };
    charges.iter().map(of).collect()
}
