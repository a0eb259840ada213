//! One step of computation.

use super::Scheduler;
use causerie_core::backend::BackendError;
use llama_cpp_2::DecodeError;
use std::time::Instant;

/// What one slot has in the batch.
struct Share {
    slot: usize,
    tokens: usize,
    /// The place in the batch whose logits say what comes next.
    logits: Option<i32>,
}

impl Scheduler<'_> {
    /// Computes one batch: the last token of each growing answer and pieces of prompts.
    pub(super) fn step(&mut self) {
        let plan = self.plan();
        let shares = self.fill(&plan);
        if shares.is_empty() {
            return;
        }
        let prompts: usize = plan.iter().sum();
        let begun = Instant::now();
        let done = self.context.decode(&mut self.batch);
        match done {
            Ok(()) => {
                self.grow(&shares);
                self.pace.learn(prompts, begun.elapsed());
            }
            Err(error) => self.give_up(&shares, &error),
        }
    }

    /// How many tokens of its prompt each slot gets. The shortest rest goes first, so that a short
    /// question does not wait for a long one.
    fn plan(&self) -> Vec<usize> {
        let growing = self
            .slots
            .iter()
            .filter(|slot| slot.answer.is_some() && slot.prompt_left() == 0)
            .count();
        let mut plan = vec![0; self.slots.len()];
        let mut room = self
            .pace
            .chunk(growing > 0)
            .min(crate::load::BATCH as usize - growing);
        let mut hungry: Vec<usize> = (0..self.slots.len())
            .filter(|i| self.slots[*i].prompt_left() > 0)
            .collect();
        hungry.sort_by_key(|index| self.slots[*index].prompt_left());
        for index in hungry {
            plan[index] = self.slots[index].prompt_left().min(room);
            room -= plan[index];
        }
        plan
    }

    /// Fills the batch in the order of the sequences, which lets llama.cpp compute neighbours
    /// together. Logits are asked for only where a token will be chosen.
    fn fill(&mut self, plan: &[usize]) -> Vec<Share> {
        self.batch.clear();
        let mut shares = vec![];
        for (index, slot) in self.slots.iter().enumerate() {
            let Some(answer) = &slot.answer else { continue };
            let at = slot.tokens.len();
            let next = answer.next.as_slice();
            let tokens = if next.is_empty() {
                &answer.prompt[at..at + plan[index]]
            } else {
                next
            };
            let complete = !next.is_empty() || at + tokens.len() == answer.prompt.len();
            for (offset, token) in tokens.iter().enumerate() {
                let position = i32::try_from(at + offset).expect("a context fits an i32");
                let logits = complete && offset + 1 == tokens.len();
                self.batch
                    .add(*token, position, &[slot.sequence], logits)
                    .expect("the plan leaves room for every token");
            }
            if !tokens.is_empty() {
                let logits = complete.then(|| self.batch.n_tokens() - 1);
                shares.push(Share {
                    slot: index,
                    tokens: tokens.len(),
                    logits,
                });
            }
        }
        shares
    }

    fn grow(&mut self, shares: &[Share]) {
        for share in shares {
            let slot = &mut self.slots[share.slot];
            let Some(answer) = &mut slot.answer else {
                continue;
            };
            match answer.next.take() {
                Some(token) => slot.tokens.push(token),
                None => {
                    let at = slot.tokens.len();
                    slot.tokens
                        .extend_from_slice(&answer.prompt[at..at + share.tokens]);
                }
            }
            let Some(place) = share.logits else { continue };
            let logits = self.context.get_logits_ith(place);
            if !slot.grow(logits, self.vocabulary, self.window) {
                slot.answer = None;
            }
        }
    }

    /// The step failed. What the context holds of it is unknown, so it all goes.
    fn give_up(&mut self, shares: &[Share], error: &DecodeError) {
        tracing::warn!(%error, "the model failed to compute a step");
        for share in shares {
            self.slots[share.slot].fail(BackendError::Interrupted {
                reason: error.to_string(),
            });
            self.clear(share.slot);
        }
    }
}
