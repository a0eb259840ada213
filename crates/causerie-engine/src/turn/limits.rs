//! What a turn takes from budgets.
//!
//! 1. Before each completion its estimate is taken: the prompt and the longest answer, at the price
//!    of the model that is about to be asked. Each completion has a reservation of its own, named
//!    by its round and the model's place in the chain, so that another attempt at the turn finds
//!    what an earlier one took.
//! 2. What a completion used is settled before the next one is reserved, and that of the last one
//!    within the commit. However many rounds a turn has, it goes over a budget by no more than what
//!    one completion used beyond its estimate.
//! 3. Messages are charged once, with the first round, and count for nothing if nothing was used.
//! 4. A summary takes what it uses from the same budgets, tokens and money of whoever was answered when
//!    history was cut. Where there is no budget left there is no summary.
//! 5. A budget that is used up is told once in its window and conversation. The mark is a budget of
//!    one in the same window, so that it holds in all replicas and after a restart.

use super::{Halt, Progress, Question, Turn};
use crate::line::Line;
use causerie_core::{
    Timestamp,
    event::{Event, Participant},
    limit::{Charge, Limit, LimitScope, LimitUnit, Window},
    outcome::{Outcome, Refusal, Usage},
    price::Prices,
    prompt::Prompt,
    store::{ReservationId, Reserved},
};
use std::collections::BTreeMap;

/// The part of a turn's reservations that marks a refusal as told. Those of completions are higher.
const TOLD: u32 = 0;

/// Which completion of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// The round, from 1.
    pub(super) round: u32,
    /// The model's place in the chain, from 0.
    pub(super) place: usize,
}

impl Slot {
    /// The same in each attempt at the turn.
    fn part(self) -> u32 {
        (self.round << 8) | (self.place as u32 & 0xff)
    }
}

/// What was taken for a completion and is not settled yet.
#[derive(Debug)]
pub(super) struct Held {
    slot: Slot,
    owed: Vec<Owed>,
    /// What the turn had used before it.
    before: Usage,
}

impl Held {
    /// What of each charge was used, when the turn has used `usage` by now.
    fn used(&self, usage: &Usage, messages: bool) -> Vec<u64> {
        used(&self.owed, &usage.since(&self.before), messages)
    }
}

/// A charge, and what it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owed {
    unit: LimitUnit,
    charge: Charge,
}

/// What a completion may use at most: the prompt and the longest answer, at the model's prices.
pub(crate) fn estimate(prompt: &Prompt, prices: Option<Prices>) -> Usage {
    let most = Usage {
        input: prompt.tokens().tokens.into(),
        output: prompt.max_output_tokens().into(),
        ..Usage::default()
    };
    most.priced(prices)
}

/// What a summary takes from budgets.
#[derive(Debug)]
pub(crate) struct Bill {
    owed: Vec<Owed>,
}

impl Bill {
    /// What is charged under `limits` for a summary that follows on the answer to `lead`. `None` if
    /// nothing is.
    pub(crate) fn new(limits: &[Limit], lead: &Event, estimate: &Usage) -> Option<Self> {
        // Of no round: nobody said anything for it.
        let owed = owed(limits, lead, None, 0, estimate);
        (!owed.is_empty()).then_some(Self { owed })
    }

    pub(crate) fn charges(&self) -> Vec<Charge> {
        self.owed.iter().map(|owed| owed.charge.clone()).collect()
    }

    /// What of each charge `usage` is.
    pub(crate) fn used(&self, usage: &Usage) -> Vec<u64> {
        used(&self.owed, usage, false)
    }
}

impl Turn<'_> {
    /// Takes what a completion may use from the persona's budgets, and settles what the one before
    /// it has used.
    pub(super) async fn reserve(
        &self,
        lead: &Event,
        question: &Question,
        slot: Slot,
        estimate: &Usage,
        progress: &mut Progress,
    ) -> Result<(), Halt> {
        self.settle(slot, progress).await?;
        let owed = owed(
            &self.persona.limits,
            lead,
            Some(question),
            slot.round,
            estimate,
        );
        if owed.is_empty() {
            return Ok(());
        }
        let charges: Vec<Charge> = owed.iter().map(|owed| owed.charge.clone()).collect();
        let id = self.reservation(slot.part());
        let reserving = self.patiently(|| self.engine.store.reserve(&id, &charges));
        match reserving.await? {
            Reserved::Granted => {
                progress.held = Some(Held {
                    slot,
                    owed,
                    before: progress.usage,
                });
                Ok(())
            }
            Reserved::Refused { key, until } => {
                let charge = charges.iter().find(|charge| charge.key == key);
                let window = charge.map_or(Window::Minute, |charge| charge.window);
                Err(self.refusal(key, window, until, progress).await?)
            }
        }
    }

    /// Settles what is held, before the completion at `next`. If that is of the same round, the
    /// one before came to nothing, and the messages are charged with the next.
    async fn settle(&self, next: Slot, progress: &mut Progress) -> Result<(), Halt> {
        let Some(held) = progress.held.take() else {
            return Ok(());
        };
        let used = held.used(&progress.usage, held.slot.round != next.round);
        let id = self.reservation(held.slot.part());
        self.patiently(|| self.engine.store.settle(&id, &used))
            .await
    }

    /// Settles the rounds that an earlier attempt has paid for and did not come to settle. Which
    /// model answered is not known any more; where nothing was taken, settling changes nothing.
    pub(super) async fn settle_earlier(
        &self,
        lead: &Event,
        question: &Question,
        progress: &Progress,
    ) -> Result<(), Halt> {
        for (round, usage) in (1..).zip(&progress.paid) {
            let owed = owed(&self.persona.limits, lead, Some(question), round, usage);
            if owed.is_empty() {
                continue;
            }
            let used = used(&owed, usage, true);
            for place in 0..self.persona.models.len() {
                let id = self.reservation(Slot { round, place }.part());
                self.patiently(|| self.engine.store.settle(&id, &used))
                    .await?;
            }
        }
        Ok(())
    }

    /// What the commit settles.
    pub(super) fn settlement(&self, held: &Held, usage: &Usage) -> (ReservationId, Vec<u64>) {
        let id = self.reservation(held.slot.part());
        (id, held.used(usage, true))
    }

    /// The end of a turn for which there is no budget. An answer that had begun always says why it
    /// does not go on.
    async fn refusal(
        &self,
        key: String,
        window: Window,
        until: Timestamp,
        progress: &mut Progress,
    ) -> Result<Halt, Halt> {
        let told = !self.mark_told(&key, window).await? && !progress.has_text();
        if told {
            let note = "the refusal was told before in this window, and not again";
            progress.notes.push(note.into());
        }
        let refusal = Refusal::Limit { key, until };
        let line = Line::refusal(&refusal, self.started).filter(|_| !told);
        Ok(Halt::Ended(Outcome::Refused(refusal), line))
    }

    /// Marks a refusal as told. Whether it was not before, or by an earlier attempt at this turn.
    async fn mark_told(&self, key: &str, window: Window) -> Result<bool, Halt> {
        let mark = [Charge {
            key: format!("told/{key}/{}", self.claim.key.conversation),
            capacity: 1,
            window,
            amount: 1,
        }];
        let id = self.reservation(TOLD);
        let marked = self.patiently(|| self.engine.store.reserve(&id, &mark));
        Ok(marked.await? == Reserved::Granted)
    }

    fn reservation(&self, part: u32) -> ReservationId {
        ReservationId {
            conversation: self.claim.key.conversation.clone(),
            turn: self.claim.turn,
            part,
        }
    }
}

/// What of each charge `usage` is.
fn used(owed: &[Owed], usage: &Usage, messages: bool) -> Vec<u64> {
    let of = |owed: &Owed| match owed.unit {
        LimitUnit::Tokens => usage.total(),
        LimitUnit::Money => usage.cost,
        LimitUnit::Messages if messages && usage.total() > 0 => owed.charge.amount,
        LimitUnit::Messages => 0,
    };
    owed.iter().map(of).collect()
}

/// What all limits are charged for a completion of round `round`.
fn owed(
    limits: &[Limit],
    lead: &Event,
    question: Option<&Question>,
    round: u32,
    estimate: &Usage,
) -> Vec<Owed> {
    let mut owed: Vec<Owed> = vec![];
    for limit in limits {
        for (whose, amount) in budgets(limit, lead, question, round, estimate) {
            let (unit, window) = (unit_word(limit.unit), window_word(limit.window));
            let key = format!("{whose}/{unit}/{window}");
            // Of two limits on one budget the narrower one holds, and is charged once.
            if let Some(same) = owed.iter_mut().find(|owed| owed.charge.key == key) {
                same.charge.capacity = same.charge.capacity.min(limit.amount);
                continue;
            }
            owed.push(Owed {
                unit: limit.unit,
                charge: Charge {
                    key,
                    capacity: limit.amount,
                    window: limit.window,
                    amount,
                },
            });
        }
    }
    owed
}

/// The budgets that one limit charges, and how much. Messages are charged to everybody who spoke;
/// tokens and money to whoever is answered.
fn budgets(
    limit: &Limit,
    lead: &Event,
    question: Option<&Question>,
    round: u32,
    estimate: &Usage,
) -> BTreeMap<String, u64> {
    let mut budgets = BTreeMap::new();
    let mut charge = |who: &Participant, amount: u64| {
        for whose in whose(limit, who, lead) {
            *budgets.entry(whose).or_default() += amount;
        }
    };
    match limit.unit {
        LimitUnit::Messages if round == 1 => {
            let messages = question.map_or(&[][..], |question| &question.messages[..]);
            let authors = messages.iter().filter_map(|m| m.author.as_ref());
            authors.for_each(|author| charge(author, 1));
        }
        LimitUnit::Messages => {}
        LimitUnit::Tokens => charge(&lead.author, estimate.total()),
        LimitUnit::Money => charge(&lead.author, estimate.cost),
    }
    budgets
}

/// Whose budgets `who` draws on under a limit.
fn whose(limit: &Limit, who: &Participant, lead: &Event) -> Vec<String> {
    if !limit.applies_to(&who.roles) {
        return vec![];
    }
    let conversation = &lead.conversation;
    let platform = conversation.as_str().split('/').next().unwrap_or_default();
    let shared = |whose: String| vec![format!("{whose}{}", people(limit))];
    match limit.scope {
        LimitScope::Participant => vec![format!("participant/{}", who.id)],
        LimitScope::Conversation => shared(format!("conversation/{conversation}")),
        LimitScope::Place => shared(format!("place/{platform}/{}", lead.place)),
        LimitScope::Platform => shared(format!("platform/{platform}")),
        LimitScope::Role => {
            let mine = limit.roles.iter().filter(|role| who.roles.contains(role));
            mine.map(|role| format!("role/{platform}/{role}{}", people(limit)))
                .collect()
        }
    }
}

/// Whom a shared budget is for, if not for everybody: others must not use it up for them.
fn people(limit: &Limit) -> String {
    let list = |word: &str, roles: &[String]| match roles {
        [] => String::new(),
        roles => format!("/{word}:{}", roles.join("+")),
    };
    let only = match limit.scope {
        LimitScope::Role => String::new(),
        _ => list("only", &limit.roles),
    };
    only + &list("except", &limit.except)
}

fn unit_word(unit: LimitUnit) -> &'static str {
    match unit {
        LimitUnit::Messages => "messages",
        LimitUnit::Tokens => "tokens",
        LimitUnit::Money => "money",
    }
}

fn window_word(window: Window) -> &'static str {
    match window {
        Window::Minute => "minute",
        Window::Hour => "hour",
        Window::Day => "day",
        Window::Month => "month",
    }
}
