//! Carrying what is kept: what goes to another store, and comes back.

use super::{
    sample::{self, conversation, participant},
    world::{Opened, Setup, World, claimant, ids},
};
use causerie_core::{
    Clock, Timestamp,
    event::Event,
    id::{ConversationId, Seq, TurnNumber},
    limit::{Charge, Window},
    store::{
        Erase, JournalEntry, KEEP_TURNS, Offered, Release, ReservationId, Reserved, Summary,
        TurnQuery,
        transfer::{ContentHash, ConversationCopy, LedgerEntry, Migration, Taken},
    },
};
use causerie_store::MemoryStore;
use futures::FutureExt;
use std::{collections::BTreeMap, time::Duration};

/// What a store holds: each conversation's hash, and each budget and reservation.
#[derive(Debug, PartialEq)]
pub struct Contents {
    conversations: BTreeMap<String, ContentHash>,
    budgets: BTreeMap<String, (Timestamp, u64)>,
    reservations: BTreeMap<String, (bool, Vec<Taken>)>,
}

/// All that is in a world.
pub async fn contents(world: &World) -> Contents {
    let mut conversations = BTreeMap::new();
    for id in names(world, 100).await {
        let hash = exported(world, &id).await.hash().expect("it is hashed");
        conversations.insert(id.as_str().to_owned(), hash);
    }
    let (mut budgets, mut reservations) = (BTreeMap::new(), BTreeMap::new());
    for entry in entries(world).await {
        match entry {
            LedgerEntry::Budget { key, start, used } => {
                let latest = budgets.entry(key).or_insert((start, used));
                *latest = (*latest).max((start, used));
            }
            LedgerEntry::Reservation {
                id,
                settled,
                charges,
                ..
            } => {
                reservations.insert(format!("{id:?}"), (settled, charges));
            }
        }
    }
    Contents {
        conversations,
        budgets,
        reservations,
    }
}

/// Carries everything from one world to another.
pub async fn carry(from: &World, to: &World) {
    for id in names(from, 2).await {
        import(to, exported(from, &id).await).await;
    }
    let entries = entries(from).await;
    let put = to.transfer.put_entries(&entries).await;
    put.expect("entries are kept");
    let found = to.transfer.find_entries(&entries).await;
    let found = found.expect("entries are found");
    assert_eq!(found.len(), entries.len());
    for (entry, found) in entries.iter().zip(&found) {
        assert!(entry.is_kept(found.as_ref()), "{entry:?}: {found:?}");
    }
}

async fn names(world: &World, limit: usize) -> Vec<ConversationId> {
    let (mut all, mut cursor) = (vec![], None);
    loop {
        let page = world.transfer.conversations_after(cursor.as_ref(), limit);
        let page = page.await.expect("they are listed");
        assert!(page.items.len() <= limit);
        all.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return all;
        }
    }
}

async fn entries(world: &World) -> Vec<LedgerEntry> {
    let (mut all, mut cursor) = (vec![], None);
    loop {
        let page = (world.transfer).entries_after(cursor.as_ref(), 2, world.clock.now());
        let page = page.await.expect("they are listed");
        all.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return all;
        }
    }
}

async fn export(world: &World, id: &ConversationId) -> Option<ConversationCopy> {
    let copy = world.transfer.export(id, world.clock.now()).await;
    copy.expect("it is exported")
}

async fn exported(world: &World, id: &ConversationId) -> ConversationCopy {
    export(world, id).await.expect("it is known")
}

async fn import(world: &World, copy: ConversationCopy) {
    let imported = world.transfer.import(copy).await;
    imported.expect("it is imported");
}

async fn in_memory(setup: Setup) -> Opened {
    let store = MemoryStore::new(setup.clock).mailbox_limit(setup.mailbox_limit);
    Opened::new(store, ())
}

async fn memory() -> World {
    World::new(in_memory).await
}

/// Something of everything: `a` was talked in, `b` has a turn that was given back and mail behind it,
/// `c` was erased, `d` waits, and there are budgets.
async fn fill(world: &World) {
    for n in 1..=3 {
        world
            .exchange(&sample::posted("a", n, "ann", "hello"))
            .await;
        world.clock.advance(Duration::from_secs(1));
    }
    let quoting = sample::quoting("a", 4, "bob", "what she said", "eve", 1);
    let claim = world.offer_and_claim(&quoting).await.expect("it is free");
    let mut commit = sample::answer(&claim);
    commit.state.window_start = claim.next_seq;
    commit.state.unattended = 2;
    world.commit(&claim, &commit).await;
    let summary = Summary {
        text: "so far".into(),
        before: Seq(3),
    };
    let summed = world.store.summarise(&conversation("a"), &summary, 0).await;
    assert!(summed.expect("it is summed up"));
    world
        .erase(&Erase::Message(conversation("a"), sample::inbound(4)))
        .await;

    world.exchange(&sample::posted("b", 1, "ann", "one")).await;
    let claim = world
        .offer_and_claim(&sample::posted("b", 2, "ann", "two"))
        .await;
    let claim = claim.expect("it is free");
    let events = vec![sample::event_id(2)];
    world.note(&claim, &JournalEntry::Began { events }).await;
    world.note(&claim, &JournalEntry::Sending { part: 0 }).await;
    world.offer(&sample::stop("b", 3, "ann")).await;
    world.offer(&sample::posted("b", 4, "bob", "four")).await;
    let at = world.clock.now() + Duration::from_secs(40);
    world.release(&claim, Release::Retry { at }).await;

    world
        .exchange(&sample::posted("c", 1, "ann", "secret"))
        .await;
    world.offer(&sample::posted("c", 2, "ann", "secret")).await;
    world.erase(&Erase::Conversation(conversation("c"))).await;
    world.offer(&sample::posted("d", 1, "bob", "hello?")).await;
    for (part, amount) in [(0, 3), (1, 4)] {
        let (id, charges) = (reservation(part), charges(amount));
        let reserved = world.store.reserve(&id, &charges).await;
        assert_eq!(reserved.expect("it answers"), Reserved::Granted);
    }
    let settled = world.store.settle(&reservation(0), &[1, 1]).await;
    settled.expect("it is settled");
}

fn reservation(part: u32) -> ReservationId {
    ReservationId {
        conversation: conversation("a"),
        turn: TurnNumber(5),
        part,
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
        charge("to:kens [of] *", Window::Hour, amount),
        charge("messages", Window::Month, 1),
    ]
}

async fn filled() -> World {
    let world = memory().await;
    fill(&world).await;
    world
}

/// A world into which a filled one was carried.
async fn carried(world: World) -> World {
    let from = filled().await;
    let passed = from.clock.now().since(world.clock.now());
    world.clock.advance(passed);
    carry(&from, &world).await;
    world
}

/// Pages end, and hold every conversation once.
pub async fn every_conversation_is_listed_once(world: World) {
    assert_eq!(names(&world, 3).await, []);
    let mut expected = vec![];
    for n in 0..12 {
        let name = format!("c{n}");
        world.offer(&sample::posted(&name, 1, "ann", "hello")).await;
        expected.push(conversation(&name));
    }
    expected.sort_unstable();
    for limit in [1, 3, 12, 100] {
        let mut found = names(&world, limit).await;
        found.sort_unstable();
        assert_eq!(found, expected, "by {limit}");
    }
    assert!(export(&world, &conversation("unknown")).await.is_none());
}

/// What was done alike hashes alike.
pub async fn a_copy_is_the_same_from_any_store(world: World) {
    fill(&world).await;
    let other = filled().await;
    for id in names(&other, 100).await {
        let copies = (exported(&world, &id).await, exported(&other, &id).await);
        assert_eq!(copies.0, copies.1);
    }
    assert_eq!(contents(&world).await, contents(&other).await);
    let mut copy = exported(&world, &conversation("a")).await;
    let hash = copy.hash().expect("it is hashed");
    copy.messages[0].at.0 += 1;
    assert_ne!(copy.hash().expect("it is hashed"), hash);
}

/// It comes to another store and back as it was.
pub async fn a_copy_goes_there_and_back(world: World) {
    fill(&world).await;
    let before = contents(&world).await;
    let there = memory().await;
    carry(&world, &there).await;
    carry(&there, &world).await;
    assert_eq!(contents(&there).await, before);
    assert_eq!(contents(&world).await, before);
}

/// The second time does nothing.
pub async fn an_import_twice_changes_nothing(world: World) {
    let from = filled().await;
    carry(&from, &world).await;
    let before = (contents(&world).await, world.store.census().await);
    carry(&from, &world).await;
    let after = (contents(&world).await, world.store.census().await);
    assert_eq!(before.0, after.0);
    let (before, after) = (before.1.expect("it counts"), after.1.expect("it counts"));
    let counts =
        |census: causerie_core::store::Census| (census.conversations, census.messages, census.mail);
    assert_eq!(counts(before), counts(after));
}

/// Nothing of what was in its place is left: no message, no mail, nobody's list, no claim.
pub async fn an_import_replaces_what_was_there(world: World) {
    world
        .exchange(&sample::posted("a", 7, "eve", "another"))
        .await;
    world.offer(&sample::posted("a", 8, "mal", "another")).await;
    let claim = world.claim().await.expect("mail waits");
    let world = carried(world).await;
    world.assert_lost(&claim.key, &sample::answer(&claim)).await;
    assert!(!world.words("a").await.contains(&"another".to_owned()));
    assert_eq!(world.pending("a").await, []);
    for who in ["eve", "mal"] {
        let list = world.store.conversations(&participant(who).id, 9).await;
        assert_eq!(list.expect("it is listed"), []);
    }
    let query = TurnQuery::Event(conversation("a"), sample::event_id(7));
    let turns = world.store.turns(&query, 9).await;
    assert_eq!(turns.expect("they are read"), []);
    let from = filled().await;
    assert_eq!(contents(&world).await, contents(&from).await);
    let (counted, expected) = (world.store.census().await, from.store.census().await);
    let (counted, expected) = (counted.expect("it counts"), expected.expect("it counts"));
    assert_eq!(
        (counted.conversations, counted.messages, counted.mail),
        (expected.conversations, expected.messages, expected.mail)
    );
}

/// Whoever lets go of an import half-way finds all of it or nothing, and may do it again.
pub async fn an_import_is_whole_or_nothing(world: World) {
    let from = filled().await;
    let copy = exported(&from, &conversation("a")).await;
    for polls in 0..6 {
        let mut import = world.transfer.import(copy.clone());
        for _ in 0..polls {
            if (&mut import).now_or_never().is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(import);
        let found = export(&world, &copy.conversation).await;
        assert!(found.is_none_or(|found| found == copy));
    }
    import(&world, copy.clone()).await;
    assert_eq!(exported(&world, &copy.conversation).await, copy);
}

/// What came is not taken twice, the turn that was begun goes on, and history grows.
pub async fn a_conversation_goes_on_where_it_was(world: World) {
    let world = carried(world).await;
    let again = sample::posted("a", 1, "ann", "hello");
    assert_eq!(world.offer(&again).await, Offered::Duplicate);
    // Mail that a turn has begun to answer is not changed any more; what came behind it is.
    let edit = sample::edited("b", 8, "ann", 2, "two, and more");
    assert_eq!(world.offer(&edit).await, Offered::Queued(None));
    let edit = sample::edited("b", 9, "bob", 4, "four, and more");
    assert_eq!(world.offer(&edit).await, Offered::Amended);

    let first = world.claim().await.expect("d waits");
    assert_eq!(first.key.conversation, conversation("d"));
    world.answer(&first).await;
    assert_eq!(world.claim().await, None);
    world.clock.advance(Duration::from_secs(40));
    let claim = world.claim().await.expect("b goes on");
    assert_eq!((claim.turn, claim.attempt), (TurnNumber(2), 2));
    assert_eq!(ids(&claim.mail), ["e2", "e3", "e4", "e8"]);
    assert_eq!(claim.journal.len(), 2);
    assert_eq!(claim.next_seq, Seq(3));
    assert!(!world.renew(&claim).await.stop);
    world.answer(&claim).await;
    let words = world.words("b").await;
    assert_eq!(
        words[words.len() - 2..],
        ["four, and more", "re: four, and more"]
    );

    let claim = world.exchange(&sample::posted("a", 9, "ann", "more")).await;
    assert_eq!((claim.turn, claim.next_seq), (TurnNumber(5), Seq(9)));
    assert_eq!(claim.state.summary.map(|s| s.before), Some(Seq(3)));
    let list = world.store.conversations(&participant("ann").id, 9).await;
    let list = list.expect("it is listed");
    assert_eq!(list[0].conversation, conversation("a"));
    assert_eq!(list[0].title.expose(), "hello");
    let turns = world.store.turns(&TurnQuery::All, 3).await;
    let turns = turns.expect("they are read");
    let of = |n: usize| turns[n].conversation.clone();
    let newest = [conversation("a"), conversation("b"), conversation("d")];
    assert_eq!([of(0), of(1), of(2)], newest);
    let query = TurnQuery::Conversation(conversation("a"));
    let turns = world.store.turns(&query, KEEP_TURNS).await;
    assert_eq!(turns.expect("they are read").len(), 5);
}

/// A late redelivery does not bring it back elsewhere either.
pub async fn an_erased_conversation_stays_erased(world: World) {
    let world = carried(world).await;
    assert_eq!(world.words("c").await, [""; 0]);
    let late = sample::posted("c", 1, "ann", "secret");
    assert_eq!(world.offer(&late).await, Offered::Duplicate);
    let state = world.store.state(&conversation("c")).await;
    assert_eq!(state.expect("it is read").erasures, 1);
    let query = TurnQuery::Event(conversation("c"), sample::event_id(2));
    let turns = world.store.turns(&query, 9).await;
    assert_eq!(turns.expect("they are read").len(), 1);
}

/// All that somebody said and all that quotes them is found.
pub async fn who_was_carried_can_be_erased(world: World) {
    let from = memory().await;
    let quoting: Event = sample::quoting("a", 1, "ann", "she said", "eve", 7);
    from.exchange(&quoting).await;
    from.exchange(&sample::posted("b", 1, "eve", "me")).await;
    carry(&from, &world).await;
    let erased = world
        .erase(&Erase::Participant(participant("eve").id))
        .await;
    assert_eq!(erased.messages, 1);
    assert_eq!(world.history("a").await[0].quoted, None);
    assert_eq!(world.words("b").await, ["re: me"]);
}

/// Reservations are known, budgets are as much used, and settlements count once.
pub async fn the_ledger_counts_on(world: World) {
    let world = carried(world).await;
    let store = &world.store;
    // 1 + 4 of 10 are used.
    let again = store.reserve(&reservation(1), &charges(4)).await;
    assert_eq!(again.expect("it answers"), Reserved::Granted);
    let more = store.reserve(&reservation(2), &charges(6)).await;
    assert!(matches!(more, Ok(Reserved::Refused { .. })));
    for _ in 0..2 {
        for part in 0..2 {
            let settled = store.settle(&reservation(part), &[2, 1]).await;
            settled.expect("it is settled");
        }
    }
    // 1 + 2 are.
    let more = store.reserve(&reservation(3), &charges(8)).await;
    assert!(matches!(more, Ok(Reserved::Refused { .. })));
    let more = store.reserve(&reservation(4), &charges(7)).await;
    assert_eq!(more.expect("it answers"), Reserved::Granted);
}

/// Events that need not be remembered any more do not travel.
pub async fn what_is_past_stays_behind(world: World) {
    world
        .exchange(&sample::posted("a", 1, "ann", "hello"))
        .await;
    let copy = exported(&world, &conversation("a")).await;
    assert_eq!(copy.seen.len(), 1);
    world.clock.advance(Duration::from_secs(3 * 86_400));
    let copy = exported(&world, &conversation("a")).await;
    assert_eq!(copy.seen, []);
    assert_eq!(copy.messages.len(), 2);
}

/// Claims and roles that hold, and only these.
pub async fn a_store_in_use_says_so(world: World) {
    let in_use = async || {
        let found = world.transfer.in_use().await.expect("it tells");
        (found.claims, found.roles)
    };
    assert_eq!(in_use().await, (0, 0));
    let claim = world
        .offer_and_claim(&sample::posted("a", 1, "ann", "hello"))
        .await;
    let lease = world.store.lease("poller", &claimant("a")).await;
    assert!(lease.expect("it answers").is_some());
    assert_eq!(in_use().await, (1, 1));
    world.answer(&claim.expect("it is free")).await;
    assert_eq!(in_use().await, (0, 1));
    world.clock.advance(Duration::from_secs(31));
    assert_eq!(in_use().await, (0, 0));
}

/// The mark is found again.
pub async fn a_migration_is_marked(world: World) {
    let transfer = &world.transfer;
    assert_eq!(transfer.migration().await.expect("it tells"), None);
    for done in [false, true] {
        let migration = Migration {
            from: "sqlite:/somewhere".to_owned(),
            done,
        };
        transfer.mark(&migration).await.expect("it is marked");
        let found = transfer.migration().await.expect("it tells");
        assert_eq!(found, Some(migration));
    }
}
