//! The thread that owns the context and decides what is computed next.
//!
//! It goes round and round:
//!
//! 1. Take in all that has been asked; sleep only when there is nothing to do.
//! 2. Forget the conversations that are gone, and let go of answers nobody listens to. What of
//!    them was asked before is among what was taken in, so it is marked and never saved.
//! 3. Give waiting prompts a slot ([`admit`]): the one that holds the conversation, else an empty
//!    one, else the longest unused, whose state is saved first. What another slot has worked
//!    through already is copied from there.
//! 4. Compute one step ([`step`]): one token for each growing answer, and with them as much of
//!    the prompts as keeps the step short.
//!
//! So an answer stops within one step of its reader going away, and a long prompt costs the
//! others some speed but never their flow.

mod admit;
mod pace;
mod reuse;
mod step;

use crate::{
    Config,
    load::{self, Loaded},
    saved::{self, Saved},
    slot::{Request, Slot},
    vocabulary::Vocabulary,
};
use causerie_core::id::ConversationId;
use llama_cpp_2::{context::LlamaContext, llama_batch::LlamaBatch};
use pace::Pace;
use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::mpsc;

/// What reaches the thread.
pub(crate) enum Job {
    /// Answer this.
    Answer(Box<Request>),
    /// Look at [`Orders`].
    Wake,
}

/// What the thread is told besides jobs. It never waits in a queue that may be full.
#[derive(Default)]
pub(crate) struct Orders {
    /// Stop, as soon as the present step is done.
    pub(crate) stop: AtomicBool,
    /// Conversations that are gone.
    forgotten: Mutex<BTreeSet<ConversationId>>,
}

impl Orders {
    /// `conversation` is gone. Only for a thread that answers: it empties the list at every step.
    pub(crate) fn forget(&self, conversation: ConversationId) {
        self.forgotten
            .lock()
            .unwrap_or_else(|broken| broken.into_inner())
            .insert(conversation);
    }

    fn take_forgotten(&self) -> BTreeSet<ConversationId> {
        std::mem::take(
            &mut *self
                .forgotten
                .lock()
                .unwrap_or_else(|broken| broken.into_inner()),
        )
    }
}

/// The scheduler's state.
pub(crate) struct Scheduler<'m> {
    vocabulary: &'m Vocabulary,
    context: LlamaContext<'m>,
    /// Tokens of one conversation.
    window: usize,
    batch: LlamaBatch<'static>,
    slots: Vec<Slot>,
    /// In the order they came. Each has a permit, and there are not many.
    waiting: VecDeque<Request>,
    saved: Option<Saved>,
    pace: Pace,
    /// Grows with each use of a slot.
    uses: u64,
}

impl<'m> Scheduler<'m> {
    /// Makes the context and opens the directory of saved states.
    ///
    /// # Errors
    /// What the operator has to do.
    pub(crate) fn new(config: &Config, loaded: &'m Loaded) -> Result<Self, String> {
        let saved = config.state_dir.as_ref().map(|dir| {
            let dir = saved::dir_of(dir, &config.path);
            Saved::open(&dir, &config.path, config.state_bytes)
        });
        let saved = saved.transpose();
        let slots = i32::try_from(loaded.size.slots).expect("at most 128 slots");
        Ok(Self {
            vocabulary: &loaded.vocabulary,
            context: load::context(config, loaded)?,
            window: loaded.size.context as usize,
            batch: LlamaBatch::new(load::BATCH as usize, 1),
            slots: (0..slots).map(Slot::new).collect(),
            waiting: VecDeque::new(),
            saved: saved.map_err(|error| {
                format!("the directory for states cannot be used: {error}. Change `state_dir`")
            })?,
            pace: Pace::default(),
            uses: 0,
        })
    }

    /// Runs until told to stop or until nobody can ask any more.
    pub(crate) fn run(mut self, jobs: &mut mpsc::UnboundedReceiver<Job>, orders: &Orders) {
        while self.take_in(jobs) && !orders.stop.load(Ordering::Relaxed) {
            self.forget(&orders.take_forgotten());
            self.let_go();
            self.admit();
            self.step();
        }
        self.forget(&orders.take_forgotten());
        self.save_all();
    }

    /// Takes all jobs there are. `false` when there can be no more and all is done.
    fn take_in(&mut self, jobs: &mut mpsc::UnboundedReceiver<Job>) -> bool {
        let idle = self.waiting.is_empty() && self.slots.iter().all(|slot| slot.answer.is_none());
        if idle {
            match jobs.blocking_recv() {
                Some(job) => self.take(job),
                None => return false,
            }
        }
        while let Ok(job) = jobs.try_recv() {
            self.take(job);
        }
        true
    }

    fn take(&mut self, job: Job) {
        if let Job::Answer(request) = job {
            self.waiting.push_back(*request);
        }
    }

    fn forget(&mut self, gone: &BTreeSet<ConversationId>) {
        for request in &mut self.waiting {
            request.forgotten |= gone.contains(&request.conversation);
        }
        for conversation in gone {
            if let Some(saved) = &mut self.saved {
                saved.forget(conversation);
            }
            for slot in self
                .slots
                .iter_mut()
                .filter(|slot| slot.owner.as_ref() == Some(conversation))
            {
                slot.forgotten = true;
            }
        }
        for index in 0..self.slots.len() {
            if self.slots[index].forgotten && self.slots[index].answer.is_none() {
                self.clear(index);
            }
        }
    }

    /// Frees the slots whose readers are gone. What they have worked through stays of use.
    fn let_go(&mut self) {
        self.waiting.retain(|request| !request.deltas.is_closed());
        for slot in self.slots.iter_mut().filter(|slot| slot.is_abandoned()) {
            slot.answer = None;
        }
    }

    /// Empties a slot.
    fn clear(&mut self, index: usize) {
        self.trim(index, 0);
        let slot = &mut self.slots[index];
        (slot.owner, slot.forgotten) = (None, false);
    }

    /// Keeps the first `len` tokens of a slot; none, if its model cannot go back.
    fn trim(&mut self, index: usize, len: usize) {
        let slot = &mut self.slots[index];
        if len > 0 && slot.tokens.len() == len {
            return;
        }
        let sequence = Some(slot.sequence.unsigned_abs());
        let from = u32::try_from(len).expect("a context fits a u32");
        let trimmed = self.context.clear_kv_cache_seq(sequence, Some(from), None);
        slot.tokens.truncate(len);
        if !matches!(trimmed, Ok(true)) {
            // Models with a running state cannot take back single tokens.
            let whole = self.context.clear_kv_cache_seq(sequence, None, None);
            debug_assert_eq!(whole, Ok(true), "whole sequences can always be removed");
            slot.tokens.clear();
        }
    }

    /// Keeps what the conversations will want after a restart.
    fn save_all(&mut self) {
        for index in 0..self.slots.len() {
            self.slots[index].answer = None;
            self.save(index);
        }
    }
}
