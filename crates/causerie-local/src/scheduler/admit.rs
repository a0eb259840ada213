//! Who gets which slot, and what is known there already.

use super::{
    Scheduler,
    reuse::{align, common},
};
use crate::slot::Request;
use causerie_core::id::ConversationId;

/// Copying from another slot is worth it from so many tokens on.
const WORTH_COPYING: usize = 16;
/// A shorter state is recomputed sooner than read.
const WORTH_SAVING: usize = 64;

/// A slot that has worked through the beginning of a prompt.
#[derive(Clone, Copy)]
struct Relative {
    slot: usize,
    /// Tokens it has already.
    has: usize,
    /// Tokens it will have when its own prompt is done.
    will_have: usize,
}

impl Scheduler<'_> {
    /// Gives slots to those who wait, in the order they came.
    ///
    /// Whoever has a saved state and comes behind a copy waits for one step: llama.cpp only notes
    /// copies, and makes them in their order at the next step, but a state is restored at once,
    /// perhaps into a slot that is still to be copied.
    pub(super) fn admit(&mut self) {
        let (mut index, mut copies) = (0, false);
        while index < self.waiting.len() {
            if self.slots.iter().all(|slot| slot.answer.is_some()) {
                return;
            }
            if copies && self.is_saved(&self.waiting[index].conversation) {
                return;
            }
            let relative = self.relative(&self.waiting[index]);
            if self.will_soon_be_known(index, relative) {
                index += 1;
                continue;
            }
            let request = self
                .waiting
                .remove(index)
                .expect("the index is below the length");
            copies |= self.place(request, relative);
        }
    }

    /// The slot that knows, or will know, most of the prompt's beginning.
    fn relative(&self, request: &Request) -> Option<Relative> {
        let knows = |(slot, place): (usize, &crate::slot::Slot)| {
            let has = common(&request.tokens, &place.tokens);
            let coming = place
                .answer
                .as_ref()
                .map_or(0, |answer| common(&request.tokens, &answer.prompt));
            Relative {
                slot,
                has,
                will_have: coming.max(has),
            }
        };
        self.slots
            .iter()
            .enumerate()
            .map(knows)
            .max_by_key(|relative| (relative.will_have, relative.has))
    }

    /// Whether another slot is just now working through a beginning that both share, such as the
    /// persona's: waiting for it is cheaper than doing it twice.
    fn will_soon_be_known(&self, index: usize, relative: Option<Relative>) -> bool {
        let Some(relative) = relative else {
            return false;
        };
        let own = self.home(&self.waiting[index].conversation).is_some();
        let kept = self.is_saved(&self.waiting[index].conversation);
        !own && !kept && relative.will_have >= relative.has + WORTH_COPYING
    }

    fn is_saved(&self, conversation: &ConversationId) -> bool {
        let saved = self.saved.as_ref();
        saved.is_some_and(|saved| saved.has(conversation))
    }

    /// The idle slot that holds `conversation`.
    fn home(&self, conversation: &ConversationId) -> Option<usize> {
        let is_home = |slot: &crate::slot::Slot| {
            slot.answer.is_none() && slot.owner.as_ref() == Some(conversation)
        };
        self.slots.iter().position(is_home)
    }

    /// Gives a slot to `request`, and says whether something is to be copied there.
    fn place(&mut self, request: Request, relative: Option<Relative>) -> bool {
        let index = match self.home(&request.conversation) {
            Some(index) => index,
            None => self.make_room(&request.conversation),
        };
        // At least one token has to be computed, for its logits.
        let most = request.tokens.len() - 1;
        let (mut prompt, mut known) =
            align(&request.tokens, &self.slots[index].tokens, self.vocabulary);
        if prompt.len() >= self.window {
            (prompt, known) = (
                request.tokens.clone(),
                common(&request.tokens, &self.slots[index].tokens),
            );
        }
        known = known.min(prompt.len() - 1);
        let source = relative.filter(|r| r.slot != index && r.has >= known + WORTH_COPYING);
        if let Some(relative) = source {
            prompt = request.tokens.clone();
            known = relative.has.min(most);
            self.copy(relative.slot, index);
        }
        self.trim(index, known);
        self.uses += 1;
        self.slots[index].begin(request, prompt, self.uses);
        source.is_some()
    }

    /// An idle slot for a conversation that has none: an empty one or the longest unused, with
    /// what was saved of the conversation restored to it.
    fn make_room(&mut self, conversation: &ConversationId) -> usize {
        let idle = self
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.answer.is_none());
        let index = idle
            .min_by_key(|(_, slot)| (!slot.tokens.is_empty(), slot.used))
            .map(|(index, _)| index)
            .expect("somebody is let in only when a slot is idle");
        self.save(index);
        // What the slot holds may begin like the newcomer's prompt, so it stays unless there is
        // something better.
        self.slots[index].owner = None;
        let sequence = self.slots[index].sequence;
        if self.is_saved(conversation) {
            self.clear(index);
            let saved = self.saved.as_mut().expect("it has just been asked");
            match saved.restore(conversation, &mut self.context, sequence, self.window) {
                Some(tokens) => self.slots[index].tokens = tokens,
                None => self.clear(index),
            }
        }
        index
    }

    /// Saves an idle slot's state, if it is worth it and wanted.
    pub(super) fn save(&mut self, index: usize) {
        let slot = &self.slots[index];
        let (Some(saved), Some(owner)) = (&mut self.saved, &slot.owner) else {
            return;
        };
        if slot.tokens.len() >= WORTH_SAVING && !slot.forgotten {
            saved.save(owner, &self.context, slot.sequence, &slot.tokens);
        }
    }

    /// Copies all that slot `from` knows to slot `to`, whose own goes. llama.cpp moves the data at
    /// the next step, in the order of the copies, so until then nothing may be saved from `to` or
    /// written to `from`: see [`Self::admit`], which `step` always follows.
    fn copy(&mut self, from: usize, to: usize) {
        self.trim(to, 0);
        let (source, target) = (self.slots[from].sequence, self.slots[to].sequence);
        let copied = self.context.copy_kv_cache_seq(source, target, None, None);
        debug_assert!(copied.is_ok(), "the whole is always copied");
        self.slots[to].tokens = self.slots[from].tokens.clone();
    }
}
