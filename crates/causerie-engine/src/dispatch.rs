//! Which conversation is answered when.
//!
//! 1. An offer that finds a free place takes the claim with it, and its turn begins at once.
//! 2. What found no place waits in the store. The dispatch loop takes a place as soon as one is
//!    free, claims the conversation that has waited longest, and begins its turn.
//! 3. When nothing can be claimed, the loop sleeps until it is woken (mail without a place, a turn
//!    that left more mail behind), until the store says the next conversation falls due, or until
//!    the sweep: mail of replicas that died is found by nobody else.
//! 4. As long as the loop has work waiting, offers take no place past it.

use crate::{
    engine::{Engine, RunReport},
    expected::Expected,
    live::LiveTurns,
    metric,
    turn::Ended,
};
use causerie_core::{
    event::Event,
    platform::{Accepted, InboxError},
    store::{Claim, ClaimKey, Offered, Release},
};
use futures::FutureExt;
use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, timeout},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// The least time between two looks for work that nobody announced.
const LEAST_WAIT: Duration = Duration::from_millis(20);
/// How long to leave a store alone that did not answer.
const STORE_PAUSE: Duration = Duration::from_millis(500);
/// How long others have, after the store was away, to renew the claims of turns they are still at work
/// on, before those that ran out are taken over. More than [`STORE_PAUSE`], within which they notice.
const COMING_BACK: Duration = Duration::from_millis(1000);
/// How long turns may take to give their claims back.
const HANDOVER_TIME: Duration = Duration::from_secs(3);

/// What dispatch knows.
pub(crate) struct Dispatch {
    permits: Arc<Semaphore>,
    wake: Notify,
    /// Mail may wait that found no place: offers take none until the loop has seen to it.
    backlog: AtomicBool,
    /// The store did not answer when it was asked last.
    away: AtomicBool,
    pub(crate) live: LiveTurns,
    pub(crate) expected: Expected,
    turns: TaskTracker,
    begun: AtomicBool,
    draining: AtomicBool,
    /// Nothing is taken in any more.
    closed: AtomicBool,
    handover: CancellationToken,
    /// Cancelled when the run is dropped: turns do not outlive it.
    over: CancellationToken,
    finished: AtomicU64,
    handed_over: AtomicU64,
    abandoned: AtomicU64,
}

impl Dispatch {
    pub(crate) fn new(max_turns: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(max_turns.clamp(1, Semaphore::MAX_PERMITS))),
            wake: Notify::new(),
            backlog: AtomicBool::new(false),
            away: AtomicBool::new(false),
            live: LiveTurns::default(),
            expected: Expected::default(),
            turns: TaskTracker::new(),
            begun: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            handover: CancellationToken::new(),
            over: CancellationToken::new(),
            finished: AtomicU64::new(0),
            handed_over: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
        }
    }

    /// Whether this is the first run.
    pub(crate) fn begin(&self) -> bool {
        !self.begun.swap(true, Ordering::SeqCst)
    }

    /// Ends all turns when it is dropped, wherever they are. What they had in hand is found by
    /// whoever comes next.
    pub(crate) fn over(&self) -> DropGuard {
        self.over.clone().drop_guard()
    }

    /// Whether no new turn begins any more.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Lets turns at work end within `grace`, then has the rest handed over.
    pub(crate) async fn drain(&self, grace: Duration) {
        self.end_turns(grace).await;
        self.closed.store(true, Ordering::SeqCst);
    }

    async fn end_turns(&self, grace: Duration) {
        self.draining.store(true, Ordering::SeqCst);
        self.wake.notify_one();
        self.turns.close();
        if timeout(grace, self.turns.wait()).await.is_ok() {
            return;
        }
        self.handover.cancel();
        if timeout(HANDOVER_TIME, self.turns.wait()).await.is_err() {
            self.abandoned
                .fetch_add(self.live.len() as u64, Ordering::Relaxed);
            self.live.lose_all();
        }
    }

    pub(crate) fn tally(&self, report: &mut RunReport) {
        report.finished = self.finished.load(Ordering::Relaxed);
        report.handed_over = self.handed_over.load(Ordering::Relaxed);
        report.abandoned = self.abandoned.load(Ordering::Relaxed);
    }

    /// A place for a turn, if one is free and nobody waits for it.
    fn free_place(&self) -> Option<OwnedSemaphorePermit> {
        let open = self.begun.load(Ordering::Relaxed) && !self.is_draining();
        if !open || self.backlog.load(Ordering::SeqCst) {
            return None;
        }
        Arc::clone(&self.permits).try_acquire_owned().ok()
    }

    /// Has the loop look for mail.
    pub(crate) fn announce(&self) {
        self.backlog.store(true, Ordering::SeqCst);
        self.wake.notify_one();
    }
}

impl Engine {
    /// Takes an event for good, and begins its turn if there is a place.
    pub(crate) async fn take_in(self: &Arc<Self>, event: &Event) -> Result<Accepted, InboxError> {
        if self.dispatch.closed.load(Ordering::SeqCst) {
            return Err(InboxError::Stopping);
        }
        let place = self.dispatch.free_place();
        let claimant = place.as_ref().map(|_| self.claimant());
        let offered = self.store.offer(event, claimant.as_ref()).await;
        let accepted = match offered.map_err(InboxError::Unavailable)? {
            Offered::Queued(Some(claim)) => {
                let place = place.expect("a claim is only granted to a claimant");
                self.begin_turn(*claim, place);
                Accepted::Queued
            }
            Offered::Queued(None) => {
                if event.is_stop() && self.check(event).is_ok() {
                    self.dispatch.live.stop_for(event);
                }
                // With a place and no claim, a turn is at work in this conversation, and its
                // commit tells that there is more.
                if place.is_none() {
                    self.dispatch.announce();
                }
                Accepted::Queued
            }
            Offered::Amended => Accepted::Queued,
            Offered::Duplicate => Accepted::Duplicate,
            Offered::Full => Accepted::Full,
        };
        metric::offered(accepted);
        Ok(accepted)
    }

    fn begin_turn(self: &Arc<Self>, claim: Claim, place: OwnedSemaphorePermit) {
        let engine = Arc::clone(self);
        let key = claim.key.clone();
        if self.dispatch.is_draining() {
            self.dispatch
                .turns
                .spawn(async move { engine.give_back(&key).await });
            return;
        }
        let (handover, sure) = (
            self.dispatch.handover.clone(),
            Instant::now() + self.config.claim_ttl,
        );
        let signals = self.dispatch.live.enter(key.clone(), handover, sure);
        metric::turns_active(self.dispatch.live.len());
        let over = self.dispatch.over.clone();
        self.dispatch.turns.spawn(async move {
            let turn = AssertUnwindSafe(engine.respond(claim, &signals)).catch_unwind();
            let Some(turn) = over.run_until_cancelled(turn).await else {
                return;
            };
            let ended = turn.unwrap_or_else(|_panic| {
                tracing::error!(conversation = %key.conversation, "a turn has panicked");
                Ended::Lost
            });
            engine.end_turn(&key, ended);
            drop(place);
        });
    }

    fn end_turn(&self, key: &ClaimKey, ended: Ended) {
        let dispatch = &self.dispatch;
        dispatch.live.leave(key);
        metric::turns_active(dispatch.live.len());
        match ended {
            Ended::Committed { more } => {
                dispatch.finished.fetch_add(1, Ordering::Relaxed);
                if more {
                    dispatch.announce();
                }
            }
            Ended::HandedOver => {
                dispatch.handed_over.fetch_add(1, Ordering::Relaxed);
            }
            // The loop must learn when it falls due.
            Ended::Again | Ended::Postponed => dispatch.announce(),
            Ended::Lost => {
                metric::claim_lost();
                dispatch.announce();
            }
        }
    }

    async fn give_back(&self, key: &ClaimKey) {
        match self.store.release(key, Release::Handover).await {
            Ok(()) => {
                self.dispatch.handed_over.fetch_add(1, Ordering::Relaxed);
            }
            // The claim runs out by itself.
            Err(error) => tracing::warn!(%error, "a claim could not be given back"),
        }
    }

    /// The dispatch loop.
    pub(crate) async fn dispatch_mail(self: Arc<Self>, stop: CancellationToken) {
        let looped = async {
            loop {
                let permits = Arc::clone(&self.dispatch.permits);
                let place = permits
                    .acquire_owned()
                    .await
                    .expect("the semaphore is never closed");
                if self.dispatch.is_draining() {
                    return;
                }
                if let Some(wait) = self.claim_next(place).await {
                    let woken = self.dispatch.wake.notified();
                    timeout(wait, woken).await.ok();
                }
            }
        };
        tokio::select! {
            () = looped => {}
            () = stop.cancelled() => {}
        }
    }

    /// Begins the turn that has waited longest, or says how long to sleep if there is none.
    async fn claim_next(self: &Arc<Self>, place: OwnedSemaphorePermit) -> Option<Duration> {
        self.dispatch.backlog.store(false, Ordering::SeqCst);
        if self.dispatch.away.load(Ordering::SeqCst) {
            drop(place);
            return Some(self.come_back().await);
        }
        let mut wait = None;
        // Asked twice before it sleeps: what fell due after the first answer, and before it was asked
        // what falls due, would otherwise be left until the sweep.
        loop {
            match (self.store.claim(&self.claimant()).await, wait) {
                (Ok(Some(claim)), _) => {
                    self.dispatch.backlog.store(true, Ordering::SeqCst);
                    self.begin_turn(claim, place);
                    return None;
                }
                (Ok(None), None) => wait = Some(self.until_due().await),
                (Ok(None), wait) => return wait,
                (Err(error), _) => {
                    tracing::warn!(%error, "mail could not be claimed");
                    self.dispatch.away.store(true, Ordering::SeqCst);
                    return Some(STORE_PAUSE);
                }
            }
        }
    }

    /// Asks whether the store is back after it was away. While it was, the claims of turns at work ran
    /// out everywhere: each replica renews its own before any takes over what is left.
    async fn come_back(&self) -> Duration {
        if self.store.next_due().await.is_err() {
            return STORE_PAUSE;
        }
        self.renew_all().await;
        self.dispatch.away.store(false, Ordering::SeqCst);
        tracing::info!("the store is back");
        sleep(COMING_BACK).await;
        Duration::ZERO
    }

    async fn until_due(&self) -> Duration {
        let sweep = self.config.claim_ttl;
        match self.store.next_due().await {
            Ok(Some(due)) => due
                .since(self.clock.now())
                .clamp(LEAST_WAIT, sweep.max(LEAST_WAIT)),
            Ok(None) => sweep,
            Err(_) => {
                self.dispatch.away.store(true, Ordering::SeqCst);
                STORE_PAUSE
            }
        }
    }
}
