//! The store contract of [`causerie_core::store`], kept in Redis, so that several replicas of a
//! server share one memory: a single server, Sentinel or Cluster, version 6.2 or later.
//!
//! # The layout
//!
//! 1. There are 16 partitions. A conversation belongs to the one that the hash of its name says.
//!    All keys of a partition begin with `causerie:{pN}:`; the braces make Redis Cluster keep them
//!    in one slot, so a script can work on all of them at once. That is the same on a single server.
//! 2. A conversation is one hash, `c:<name>`: its numbers (claim, fence, turn, versions), waiting
//!    mail, journal, the events that were seen, title, state, and its history and turn records in
//!    chunks (`lua/conversation.lua` names the fields). One large value instead of many small ones
//!    is what makes a stored message short.
//! 3. Beside it in the partition stand: `ready` and `due`, which conversations can be claimed now,
//!    and which later and when; `all`, every conversation by when something last happened in it;
//!    `p:<participant>`, where somebody has spoken or is quoted; `count`, how many messages and how
//!    much mail there is; `owed`, settlements that are to be done; `light`, conversations whose end
//!    is not packed yet, and when it will be; `tick`, the last number given.
//! 4. Budgets, reservations and leases are no part of a conversation, and one reservation may touch
//!    several budgets. They share one slot, `causerie:{ledger}:`. A turn reserves once and settles
//!    once, and a turn takes a model seconds: one server carries thousands of them.
//! 5. `causerie:schema` holds the version of the layout, the number of partitions, and a word that
//!    is encrypted with the current key, so that a wrong key is found out at the start.
//!
//! # What is packed when
//!
//! A turn adds to the end of history, so its last chunk stands there light, as it is written. When it
//! is full it is packed, and so it is when its conversation has rested for ten minutes: whoever looks
//! for mail and finds none packs it. So a turn in a conversation that goes on waits for no
//! compression, and what rests is small.
//!
//! # What is atomic
//!
//! 1. Each operation on a conversation is *one* script: `offer` (deduplicates, appends, lists the
//!    participant, grants the claim), `claim` in a partition, `renew`, `note`, `release`, `commit`.
//! 2. Redis cannot read what is compressed and encrypted. Operations that change such values (the
//!    last chunk in `commit`; edits of waiting mail; `summarise`; `erase`) first read them together
//!    with a version, and the script refuses if the version is another by then; then they are tried
//!    again. Nothing in between is ever visible.
//! 3. `claim` asks all partitions at once, in one round trip, which conversation has waited longest,
//!    and claims in that partition: two round trips. Between the two another replica may be faster;
//!    then the next is tried. More partitions would spread a cluster's load better and make this
//!    dearer; 16 serve a cluster of 16 masters, and cost an idle replica 16 short scripts each time
//!    it looks.
//! 4. `commit` writes a settlement down as owed, in the same script as the rest; then it is settled
//!    in the ledger's slot and crossed out. If the process dies in between, the next `claim` of any
//!    replica does it. Until then the reservation stands, so budgets never allow too much.
//! 5. `turns(All)`, `conversations`, `census` and the erasure of a participant ask partition after
//!    partition; each answer is a state that was, but not all of the same instant. Conversations
//!    are ordered by the clocks of their masters: exactly on one server, and as well as clocks
//!    agree in a cluster.
//!
//! While a cluster moves a partition's slot from one master to another, operations on it are
//! refused as [`StoreError::Unavailable`] as long as its keys are in two places. A reservation that
//! meets the ledger's slot half-way may count in one of its budgets and yet be refused.
//!
//! # Time
//!
//! The time is Redis's own (`TIME` in the script), so clocks of replicas do not matter: when the next
//! conversation falls due is told by the asking machine's clock, as far ahead as it is for Redis. A
//! test passes its clock with each call. Fences and the like are microseconds of that time, raised where
//! needed so that they only grow within a partition; they grow on even where a conversation was
//! forgotten.
//!
//! # Repeating
//!
//! Every operation may be repeated. A command whose answer was lost is
//! [`StoreError::Unavailable`], and is not repeated here: a repeated offer is a duplicate, a
//! repeated commit is stale, a repeated reservation is granted; what a lost claim held is claimed
//! again when it runs out.
//!
//! # What Redis can promise
//!
//! What an operation answered is in the memory of a master. It survives the death of that process
//! if Redis appends to a file before it answers (`appendonly yes`, `appendfsync always`; with
//! `everysec` the last second may be lost), and the loss of the machine if a replica has it:
//! [`Config::confirm_replicas`] waits for that (`WAIT`), and `min-replicas-to-write` makes a master
//! that was cut off stop taking writes it would lose. Replication is asynchronous: a master that
//! dies between its answer and the replica's copy takes that write with it, unless one of the two
//! is set. `maxmemory-policy` must be `noeviction`, or Redis throws conversations away when it is
//! full. [`RedisStore::health`] tells all of this.
//!
//! # What encryption hides
//!
//! Words, names of people as they are shown, titles, turn records, waiting mail. Not hidden are the
//! ids of conversations and participants, times, and lengths. What is encrypted is compressed before,
//! so a length tells about how much was written and how predictable it was. Somebody who both writes
//! in a conversation and sees the lengths of its values could guess at other words in the same chunk,
//! a guess for each answered message.
//!
//! In reading order: [`config`] and [`address`], `link` (the connection), `script` and `lua/`,
//! `seal` (compression, encryption), `book`, `chunk`, `pack` and `opened` (history), `conversation`,
//! then `mailbox`, `archive`, `ledger`, `reseal`, `transfer`, and [`health`].

pub mod address;
mod archive;
mod book;
mod chunk;
pub mod config;
mod conversation;
mod fault;
pub mod health;
mod ledger;
mod link;
mod mailbox;
mod opened;
mod pack;
mod reply;
mod reseal;
mod schema;
mod script;
mod seal;
mod transfer;

pub use address::{Address, AddressError};
pub use config::{Config, Credentials, Key, KeyError, Retention};
pub use health::Health;

use causerie_core::{Clock, Timestamp, id::ConversationId, store::StoreError};
use fault::Fault;
use link::Link;
use opened::Opened;
use script::Scripts;
use seal::Seal;
use sha2::{Digest, Sha256};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// Into how many parts conversations are spread. It is written down in Redis, and cannot change.
pub const PARTITIONS: u8 = 16;

/// Keeps everything in Redis. See the crate's own page.
pub struct RedisStore {
    link: Link,
    scripts: Scripts,
    seal: Arc<Seal>,
    opened: Opened,
    /// Where it is, for errors: without a password.
    address: String,
    prefix: String,
    retention: Retention,
    mailbox_limit: usize,
    clock: Option<TestClock>,
}

/// What a store is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Use,
    Read,
}

/// The time of a test, and a count that tells apart what happens at the same one.
struct TestClock {
    clock: Arc<dyn Clock>,
    last: AtomicI64,
}

impl RedisStore {
    /// Connects to Redis, and writes down there how this store is laid out if nobody did.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if Redis does not answer, [`StoreError::Denied`] if it does not
    /// let us in, [`StoreError::Newer`] if a newer program laid it out, and [`StoreError::Sealed`]
    /// if what is there was encrypted with a key that `config` does not have.
    ///
    /// # Panics
    /// With TLS, if the process has not chosen a provider of cryptography for rustls.
    pub async fn connect(config: &Config) -> Result<Self, StoreError> {
        Self::open(config, None, Purpose::Use).await
    }

    /// [`RedisStore::connect`] for reading alone: nothing is written down, not even how the store
    /// is laid out, so something must be there.
    ///
    /// # Errors
    /// As [`RedisStore::connect`]; [`StoreError::Unavailable`] if there is no store.
    ///
    /// # Panics
    /// As [`RedisStore::connect`].
    pub async fn connect_source(config: &Config) -> Result<Self, StoreError> {
        Self::open(config, None, Purpose::Read).await
    }

    /// [`RedisStore::connect`] with a time other than Redis's, for tests.
    ///
    /// # Errors
    /// As [`RedisStore::connect`].
    pub async fn connect_at(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let last = AtomicI64::new(0);
        Self::open(config, Some(TestClock { clock, last }), Purpose::Use).await
    }

    async fn open(
        config: &Config,
        clock: Option<TestClock>,
        purpose: Purpose,
    ) -> Result<Self, StoreError> {
        let address = format!("{} ({})", config.address, config.prefix);
        let store = Self {
            link: Link::new(config).map_err(|fault| fault.at(&address))?,
            scripts: Scripts::new(),
            seal: Arc::new(Seal::new(&config.keys)),
            opened: Opened::default(),
            prefix: config.prefix.replace(['{', '}'], ""),
            retention: config.retention,
            mailbox_limit: config.mailbox_limit,
            address,
            clock,
        };
        match store.check_schema(!config.keys.is_empty(), purpose).await {
            Ok(()) => Ok(store),
            Err(fault) => Err(store.error(fault)),
        }
    }

    fn error(&self, fault: Fault) -> StoreError {
        fault.at(&self.address)
    }

    fn partitions(&self) -> impl Iterator<Item = u8> + use<> {
        0..PARTITIONS
    }

    fn partition(&self, id: &ConversationId) -> u8 {
        Sha256::digest(id.as_str().as_bytes())[0] % PARTITIONS
    }

    /// What the keys of a partition begin with.
    fn slot(&self, partition: u8) -> String {
        format!("{}{{p{partition}}}:", self.prefix)
    }

    /// What the keys of budgets, reservations and leases begin with.
    fn ledger_slot(&self) -> String {
        format!("{}{{ledger}}:", self.prefix)
    }

    /// A test's time in milliseconds, and in microseconds that only grow.
    fn time(&self) -> Option<(i64, i64)> {
        let TestClock { clock, last } = self.clock.as_ref()?;
        let now = clock.now().0;
        let next = |last| Some((now * 1000).max(last + 1));
        let before = last.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
        let before = before.unwrap_or_default();
        Some((now, (now * 1000).max(before + 1)))
    }

    /// The time on this machine.
    fn here(&self) -> Timestamp {
        match &self.clock {
            Some(test) => test.clock.now(),
            None => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                Timestamp(now.unwrap_or_default().as_millis() as i64)
            }
        }
    }

    /// Messages from before this are forgotten.
    fn oldest(&self, now: i64) -> Option<Timestamp> {
        let age = self.retention.age?;
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        Some(Timestamp(now.saturating_sub(age)))
    }
}
