//! Random operations, given to a store and to the one in memory: the answers are the same.

use super::{
    sample::{self, conversation, participant},
    transfer::{carry, contents},
    world::{Opened, Setup, TTL, World, claimant},
};
use causerie_core::{
    event::Event,
    id::{Seq, TurnNumber},
    limit::{Charge, Window},
    message::Message,
    outcome::TurnRecord,
    store::{
        Claim, Commit, Erase, HistoryRange, JournalEntry, Offered, Release, ReservationId,
        StoreError, Summary, TurnQuery,
    },
};
use causerie_store::MemoryStore;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde::Serialize;
use std::{fmt::Debug, future::Future, time::Duration};

/// Sequences that are tried.
const CASES: u32 = 64;

/// Sequences whose world is carried from one store to another and back: three stores for each.
const JOURNEYS: u32 = 24;

/// One thing to do to both stores. Numbers choose among what there is.
#[derive(Clone, Debug)]
enum Operation {
    Offer(OfferedEvent, bool),
    Claim,
    Advance(u64),
    /// These work on a claim that was granted at some time.
    Renew(usize),
    Note(usize, u32),
    Commit(usize, Option<u64>, [bool; 2]),
    Release(usize, Option<u64>, bool),
    Erase(u8, usize, usize),
    Summarise(usize, u64, bool),
    Reserve(u64, u64),
    Settle(u64, u64),
    Lease(bool),
}

#[derive(Clone, Debug)]
struct OfferedEvent {
    conversation: usize,
    author: usize,
    number: u32,
    /// 0 to 3 post, the rest do something else.
    kind: u8,
    of: u32,
}

const CONVERSATIONS: [&str; 3] = ["a", "b", "c"];
const PEOPLE: [&str; 2] = ["ann", "bob"];
const NUMBERS: u32 = 24;

/// Runs the comparison.
///
/// # Panics
/// If an answer differs, with the shortest sequence found that makes it differ.
pub fn compare<F: Future<Output = Opened>>(open: impl Fn(Setup) -> F) {
    for_all(CASES, async |operations| {
        same_answers(&open, &operations).await
    });
}

/// Carries random worlds from memory into a store and back.
///
/// # Panics
/// If something is not as it was, with the shortest sequence found after which it is not.
pub fn carried_there_and_back<F: Future<Output = Opened>>(open: impl Fn(Setup) -> F) {
    carried_between(in_memory, open);
}

/// Carries random worlds from one store into another and back into a new one of the first kind.
///
/// # Panics
/// If something is not as it was, with the shortest sequence found after which it is not.
pub fn carried_between<F, G>(open: impl Fn(Setup) -> F, other: impl Fn(Setup) -> G)
where
    F: Future<Output = Opened>,
    G: Future<Output = Opened>,
{
    for_all(JOURNEYS, async |operations| {
        let mut side = Side::new(World::new(&open).await);
        for operation in &operations {
            side.perform(operation).await;
        }
        let (there, back) = (World::new(&other).await, World::new(&open).await);
        for world in [&there, &back] {
            use causerie_core::Clock;
            let passed = side.world.clock.now().since(world.clock.now());
            world.clock.advance(passed);
        }
        carry(&side.world, &there).await;
        carry(&there, &back).await;
        let before = contents(&side.world).await;
        prop_assert_eq!(&before, &contents(&there).await, "there");
        prop_assert_eq!(&before, &contents(&back).await, "back");
        let claimed = (side.claimable().await, Side::new(back).claimable().await);
        prop_assert_eq!(claimed.0, claimed.1, "claimed");
        Ok(())
    });
}

fn for_all(cases: u32, test: impl AsyncFn(Vec<Operation>) -> Result<(), TestCaseError>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let sequences = prop::collection::vec(operation(), 1..60);
    let result =
        TestRunner::new(config).run(&sequences, |operations| runtime.block_on(test(operations)));
    if let Err(error) = result {
        panic!("{error}");
    }
}

async fn same_answers<F: Future<Output = Opened>>(
    open: impl Fn(Setup) -> F,
    operations: &[Operation],
) -> Result<(), TestCaseError> {
    let mut reference = Side::new(World::new(in_memory).await);
    let mut other = Side::new(World::new(open).await);
    for operation in operations {
        let expected = reference.perform(operation).await;
        let found = other.perform(operation).await;
        prop_assert_eq!(expected, found, "after {:?}", operation);
        let (expected, found) = (reference.look().await, other.look().await);
        prop_assert_eq!(expected, found, "to be seen after {:?}", operation);
    }
    Ok(())
}

async fn in_memory(setup: Setup) -> Opened {
    let store = MemoryStore::new(setup.clock).mailbox_limit(setup.mailbox_limit);
    Opened::new(store, ())
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation as O;
    let event = (0..3usize, 0..2usize, 0..NUMBERS, 0..8u8, 0..NUMBERS).prop_map(
        |(conversation, author, number, kind, of)| OfferedEvent {
            conversation,
            author,
            number,
            kind,
            of,
        },
    );
    prop_oneof![
        12 => (event, any::<bool>()).prop_map(|(event, claim)| O::Offer(event, claim)),
        4 => Just(O::Claim),
        2 => prop_oneof![Just(1u64), Just(20), Just(31), Just(3600)].prop_map(O::Advance),
        1 => (0..4usize).prop_map(O::Renew),
        2 => (0..4usize, 0..3u32).prop_map(|(claim, part)| O::Note(claim, part)),
        8 => (
            0..3usize,
            prop::option::weighted(0.2, 0..8u64),
            any::<bool>(),
            prop::bool::weighted(0.15),
        ).prop_map(|(claim, truncate, settle, erase)| O::Commit(claim, truncate, [settle, erase])),
        2 => (0..3usize, prop::option::of(0..40u64), any::<bool>())
            .prop_map(|(claim, at, counts)| O::Release(claim, at, counts)),
        2 => (0..3u8, 0..3usize, 0..24usize).prop_map(|(what, a, b)| O::Erase(what, a, b)),
        2 => (0..3usize, 0..6u64, prop::bool::weighted(0.8))
            .prop_map(|(name, before, fresh)| O::Summarise(name, before, fresh)),
        2 => (0..6u64, 0..6u64).prop_map(|(turn, amount)| O::Reserve(turn, amount)),
        1 => (0..6u64, 0..9u64).prop_map(|(turn, used)| O::Settle(turn, used)),
        1 => any::<bool>().prop_map(O::Lease),
    ]
}

/// One of the two stores, and the claims it granted, the newest first.
struct Side {
    world: World,
    claims: Vec<Claim>,
}

impl Side {
    fn new(world: World) -> Self {
        let claims = vec![];
        Self { world, claims }
    }

    /// Does it, and tells the answer without the numbers that a store chooses.
    async fn perform(&mut self, operation: &Operation) -> String {
        let store = &self.world.store;
        match operation {
            Operation::Offer(event, claims) => {
                let claimant = claimant("a");
                let event = event.event();
                let offered = store.offer(&event, claims.then_some(&claimant)).await;
                self.offered(offered)
            }
            Operation::Claim => {
                let claim = store.claim(&claimant("b")).await;
                match claim.expect("a claim is answered") {
                    Some(claim) => self.granted(claim),
                    None => "none".to_owned(),
                }
            }
            Operation::Advance(seconds) => {
                self.world.clock.advance(Duration::from_secs(*seconds));
                String::new()
            }
            Operation::Erase(what, name, number) => {
                answer(store.erase(&erased(*what, *name, *number)).await)
            }
            Operation::Summarise(name, before, fresh) => {
                let summary = Summary {
                    text: format!("until {before}").into(),
                    before: Seq(*before),
                };
                let id = conversation(CONVERSATIONS[*name]);
                let state = store.state(&id).await.expect("it is read");
                let erasures = state.erasures + u64::from(!fresh);
                answer(store.summarise(&id, &summary, erasures).await)
            }
            Operation::Reserve(turn, amount) => {
                answer(store.reserve(&reservation(*turn), &charges(*amount)).await)
            }
            Operation::Settle(turn, used) => {
                answer(store.settle(&reservation(*turn), &[*used, 1]).await)
            }
            Operation::Lease(a) => {
                let who = claimant(if *a { "a" } else { "b" });
                let lease = store.lease("poller", &who).await;
                answer(lease.map(|fence| fence.is_some()))
            }
            Operation::Renew(claim)
            | Operation::Note(claim, _)
            | Operation::Commit(claim, ..)
            | Operation::Release(claim, ..) => match self.claims.get(*claim) {
                Some(claim) => self.with_claim(claim, operation).await,
                None => String::new(),
            },
        }
    }

    async fn with_claim(&self, claim: &Claim, operation: &Operation) -> String {
        let (store, key) = (&self.world.store, &claim.key);
        match operation {
            Operation::Note(_, part) => {
                let entry = JournalEntry::Sending { part: *part };
                answer(store.note(key, &entry).await)
            }
            Operation::Commit(_, truncate, [settle, erase]) => {
                let commit = ending(claim, *truncate, *settle, *erase);
                answer(store.commit(key, &commit).await)
            }
            Operation::Release(_, None, _) => answer(store.release(key, Release::Handover).await),
            Operation::Release(_, Some(seconds), counts) => {
                use causerie_core::Clock;
                let at = self.world.clock.now() + Duration::from_secs(*seconds);
                let release = match counts {
                    true => Release::Retry { at },
                    false => Release::Postpone { at },
                };
                answer(store.release(key, release).await)
            }
            _ => answer(store.renew(key, TTL).await),
        }
    }

    fn offered(&mut self, offered: Result<Offered, StoreError>) -> String {
        match offered.expect("an offer is answered") {
            Offered::Queued(Some(claim)) => self.granted(*claim),
            other => format!("{other:?}"),
        }
    }

    fn granted(&mut self, claim: Claim) -> String {
        let told = json(&(
            &claim.key.conversation,
            (claim.turn, claim.attempt, claim.next_seq),
            &claim.mail,
            &claim.journal,
            &claim.state,
        ));
        self.claims.insert(0, claim);
        told
    }

    /// All that is claimed when every claim has run out, by conversation.
    async fn claimable(&mut self) -> Vec<String> {
        self.world.clock.advance(Duration::from_secs(60));
        let mut claimed = vec![];
        while let Some(claim) = self.world.claim().await {
            claimed.push(self.granted(claim));
        }
        claimed.sort_unstable();
        claimed
    }

    /// All that can be read.
    async fn look(&self) -> Vec<String> {
        let store = &self.world.store;
        let mut seen = vec![];
        for name in CONVERSATIONS {
            let id = conversation(name);
            let history: Vec<Message> = self.world.history(name).await;
            let range = HistoryRange {
                from: Seq(2),
                before: Some(Seq(7)),
                limit: Some(3),
            };
            let some = self.world.range(name, range).await;
            let pending: Vec<Event> = self.world.pending(name).await;
            let state = store.state(&id).await.expect("it is read");
            seen.push(json(&(history, some, pending, state)));
        }
        for who in PEOPLE {
            let list = store.conversations(&participant(who).id, 2).await;
            for entry in list.expect("they are listed") {
                seen.push(json(&(entry.conversation, entry.title, entry.at)));
            }
        }
        let turns = async |query| -> Vec<TurnRecord> {
            let turns = store.turns(&query, 100).await;
            turns.expect("they are read")
        };
        for name in CONVERSATIONS {
            let query = TurnQuery::Conversation(conversation(name));
            seen.push(json(&turns(query).await));
        }
        // One erasure may record in several conversations at once: the order of these is free.
        let all = turns(TurnQuery::All).await;
        let mut all: Vec<String> = all.iter().map(json).collect();
        all.sort_unstable();
        seen.push(all.join("\n"));
        seen.push(answer(store.next_due().await));
        let census = store.census().await.expect("it counts");
        seen.push(format!("{} {}", census.messages, census.mail));
        seen
    }
}

impl OfferedEvent {
    fn event(&self) -> Event {
        let (name, author) = (CONVERSATIONS[self.conversation], PEOPLE[self.author]);
        let (n, of) = (self.number, self.of);
        match self.kind {
            4 => sample::edited(name, n, author, of, "edited"),
            5 => sample::deleted(name, n, author, of),
            6 => sample::quoting(name, n, author, "quoting", PEOPLE[1 - self.author], of),
            7 => sample::stop(name, n, author),
            _ => sample::posted(name, n, author, &format!("text {n}")),
        }
    }
}

fn ending(claim: &Claim, truncate: Option<u64>, settle: bool, erase: bool) -> Commit {
    let mut commit = sample::answer(claim);
    commit.truncate = truncate.map(Seq);
    commit.state.window_start = claim.next_seq;
    commit.state.unattended += 1;
    commit.erase = erase;
    if claim.turn.0.is_multiple_of(4) {
        commit.state.began = claim.next_seq;
    }
    let id = ReservationId {
        conversation: claim.key.conversation.clone(),
        turn: claim.turn,
        part: 0,
    };
    commit.settle = settle.then_some((id, vec![2, 1]));
    commit
}

fn erased(what: u8, name: usize, number: usize) -> Erase {
    let id = conversation(CONVERSATIONS[name]);
    match what {
        0 => Erase::Message(id, sample::inbound(number as u32)),
        1 => Erase::Conversation(id),
        _ => Erase::Participant(participant(PEOPLE[number % 2]).id),
    }
}

fn reservation(turn: u64) -> ReservationId {
    ReservationId {
        conversation: conversation("a"),
        turn: TurnNumber(turn / 2),
        part: (turn % 2) as u32,
    }
}

fn charges(amount: u64) -> [Charge; 2] {
    let charge = |key: &str, window, amount| Charge {
        key: key.to_owned(),
        capacity: 10,
        window,
        amount,
    };
    [
        charge("tokens", Window::Hour, amount),
        charge("messages", Window::Day, 1),
    ]
}

/// An answer as words. What an error says beside its kind is the store's own.
fn answer<T: Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(StoreError::Stale) => "stale".to_owned(),
        Err(other) => panic!("a store in good health answered {other}"),
    }
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("our types have a JSON form")
}
