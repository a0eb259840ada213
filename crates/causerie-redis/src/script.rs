//! The scripts, and how they are called.
//!
//! Each operation is one script on the keys of one slot. They are asked for by their hash; a server
//! that does not know one (it is new, or took over) is sent the whole text, which it keeps.
//!
//! A call names the keys that the script writes to, as far as they are known before. On a cluster
//! that is just moving the slot elsewhere, such a call is refused as a whole (`TRYAGAIN`) where some
//! of the keys have left and others have not, instead of working on the half of them.

use crate::{fault::Fault, link::Link};
use causerie_core::store::REMEMBER_EVENTS;
use redis::{ErrorKind, FromRedisValue, ServerErrorKind, ToRedisArgs, cmd, from_redis_value};
use std::time::Duration;

/// A script: its text and the hash Redis knows it by.
pub(crate) struct Script {
    text: String,
    hash: String,
    /// Keys of the slot that every call of it names.
    keys: &'static [&'static str],
}

/// What all scripts on a partition may write to.
const PARTITION: &[&str] = &["tick", "all", "count", "ready", "due", "light"];

/// For how long nothing is added to a conversation before its end is packed.
pub(crate) const REST: Duration = Duration::from_secs(600);

/// All scripts.
pub(crate) struct Scripts {
    pub(crate) offer: Script,
    pub(crate) claim: Script,
    pub(crate) peek: Script,
    pub(crate) due: Script,
    pub(crate) renew: Script,
    pub(crate) note: Script,
    pub(crate) commit: Script,
    pub(crate) release: Script,
    pub(crate) read: Script,
    pub(crate) chunks: Script,
    pub(crate) rewrite: Script,
    pub(crate) people: Script,
    pub(crate) places: Script,
    pub(crate) latest: Script,
    pub(crate) census: Script,
    pub(crate) settled: Script,
    pub(crate) reserve: Script,
    pub(crate) settle: Script,
    pub(crate) lease: Script,
    pub(crate) export: Script,
    pub(crate) import: Script,
    pub(crate) busy: Script,
    pub(crate) scan: Script,
    pub(crate) entries: Script,
    pub(crate) put: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        let constants = format!(
            "local REMEMBER, REST = {}, {}\n",
            REMEMBER_EVENTS.as_secs(),
            REST.as_millis()
        );
        let time = include_str!("lua/time.lua");
        let conversation = include_str!("lua/conversation.lua");
        let partition =
            |text: &str| Script::new([&constants, time, conversation, text].concat(), PARTITION);
        let ledger = |text: &str| Script::new([time, text].concat(), &[]);
        Self {
            offer: partition(include_str!("lua/offer.lua")),
            claim: partition(include_str!("lua/claim.lua")),
            peek: partition(include_str!("lua/peek.lua")),
            due: partition(include_str!("lua/due.lua")),
            renew: partition(include_str!("lua/renew.lua")),
            note: partition(include_str!("lua/note.lua")),
            commit: partition(include_str!("lua/commit.lua")),
            release: partition(include_str!("lua/release.lua")),
            read: partition(include_str!("lua/read.lua")),
            chunks: partition(include_str!("lua/chunks.lua")),
            rewrite: partition(include_str!("lua/rewrite.lua")),
            people: partition(include_str!("lua/people.lua")),
            places: partition(include_str!("lua/places.lua")),
            latest: partition(include_str!("lua/latest.lua")),
            census: partition(include_str!("lua/census.lua")),
            settled: partition(include_str!("lua/settled.lua")),
            reserve: ledger(include_str!("lua/reserve.lua")),
            settle: ledger(include_str!("lua/settle.lua")),
            lease: ledger(include_str!("lua/lease.lua")),
            export: partition(include_str!("lua/export.lua")),
            import: partition(include_str!("lua/import.lua")),
            busy: partition(include_str!("lua/busy.lua")),
            scan: ledger(include_str!("lua/scan.lua")),
            entries: ledger(include_str!("lua/entries.lua")),
            put: ledger(include_str!("lua/put.lua")),
        }
    }
}

/// A call under construction.
pub(crate) struct Call<'a> {
    script: &'a Script,
    slot: String,
    keys: Vec<String>,
    arguments: Vec<Vec<u8>>,
    writes: bool,
}

impl Script {
    fn new(text: String, keys: &'static [&'static str]) -> Self {
        let hash = redis::Script::new(&text).get_hash().to_owned();
        Self { text, hash, keys }
    }

    /// A call on the slot whose keys begin with `slot`, at a test's time or Redis's own.
    pub(crate) fn on(&self, slot: String, time: Option<(i64, i64)>) -> Call<'_> {
        let call = Call {
            script: self,
            arguments: vec![slot.clone().into_bytes()],
            keys: self.keys.iter().map(|key| format!("{slot}{key}")).collect(),
            slot,
            writes: true,
        };
        match time {
            Some((millis, micros)) => call.arg(millis).arg(micros),
            None => call.arg("").arg(""),
        }
    }
}

impl Call<'_> {
    pub(crate) fn arg(mut self, argument: impl ToRedisArgs) -> Self {
        self.arguments.extend(argument.to_redis_args());
        self
    }

    /// It may write to this key of its slot.
    pub(crate) fn key(mut self, key: &str) -> Self {
        self.keys.push(format!("{}{key}", self.slot));
        self
    }

    /// It changes nothing, so no replica need confirm it.
    pub(crate) fn reads(mut self) -> Self {
        self.writes = false;
        self
    }

    pub(crate) async fn send<T: FromRedisValue>(self, link: &Link) -> Result<T, Fault> {
        let writes = self.writes.then_some(&self.slot[..]);
        let value = match link
            .send(&self.command("EVALSHA", &self.script.hash), writes)
            .await
        {
            Err(Fault::Redis(error))
                if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) =>
            {
                link.send(&self.command("EVAL", &self.script.text), writes)
                    .await?
            }
            sent => sent?,
        };
        from_redis_value(value).map_err(|error| Fault::Redis(error.into()))
    }

    fn command(&self, name: &str, script: &str) -> redis::Cmd {
        let mut command = cmd(name);
        command.arg(script).arg(self.keys.len()).arg(&self.keys);
        for argument in &self.arguments {
            command.arg(&argument[..]);
        }
        command
    }
}
