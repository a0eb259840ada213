//! Budgets and reservations as they are read from Redis, and as they are put there.

use super::STRANGE;
use crate::{
    RedisStore,
    fault::Fault,
    mailbox::{millis, owed_name},
    reply::{self, Reply},
};
use causerie_core::{
    Timestamp,
    id::{ConversationId, TurnNumber},
    store::{
        REMEMBER_EVENTS, ReservationId,
        transfer::{Cursor, LONGEST_WINDOW, LedgerEntry, MOST, Page, Taken},
    },
};
use futures::future::try_join_all;
use redis::{cmd, from_redis_value};
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

/// How much longer than others what is put here is kept, so that it is there when it is compared.
const GRACE: Duration = Duration::from_secs(3600);

/// Leases that are looked for at once.
const LEASES: usize = 256;

/// What commits left owed: what was used, by the reservation's name.
type Owed = HashMap<String, Vec<u64>>;

impl RedisStore {
    /// A cursor is the kind of key and Redis's own cursor.
    pub(super) async fn scan_entries(
        &self,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<LedgerEntry>, Fault> {
        let after = after.map_or("b0", |cursor| cursor.0.as_str());
        let (kind, cursor) = after.split_at_checked(1).ok_or(STRANGE)?;
        let (next, names) = self.scan(&format!("{kind}:"), cursor, limit).await?;
        let entries = self.entries(names).await?.into_iter().flatten();
        let next = match (next.as_str(), kind) {
            ("0", "b") => Some("r0".to_owned()),
            ("0", _) => None,
            (next, kind) => Some(format!("{kind}{next}")),
        };
        Ok(Page {
            items: entries.filter(|entry| !entry.is_past(now)).collect(),
            next: next.map(Cursor),
        })
    }

    pub(super) async fn entries_like(
        &self,
        entries: &[LedgerEntry],
    ) -> Result<Vec<Option<LedgerEntry>>, Fault> {
        self.entries(entries.iter().map(name).collect()).await
    }

    pub(super) async fn put_all(&self, entries: &[LedgerEntry]) -> Result<(), Fault> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut call = self.scripts.put.on(self.ledger_slot(), self.time());
        for entry in entries {
            call = call.key(&name(entry)).arg(name(entry));
            call = match entry {
                LedgerEntry::Budget { start, used, .. } => {
                    let until = *start + LONGEST_WINDOW + GRACE;
                    call.arg(until.0).arg(1).arg((*used).min(MOST))
                }
                LedgerEntry::Reservation {
                    at,
                    settled,
                    charges,
                    ..
                } => {
                    let until = *at + REMEMBER_EVENTS + GRACE;
                    call = call.arg(until.0).arg(1 + 2 * charges.len());
                    call = call.arg(u8::from(*settled));
                    for taken in charges {
                        call = call.arg(budget(&taken.key, taken.start));
                        call = call.arg(taken.amount.min(MOST));
                    }
                    call
                }
            };
        }
        call.send::<redis::Value>(&self.link).await?;
        Ok(())
    }

    /// How many roles are held.
    pub(super) async fn roles(&self) -> Result<u64, Fault> {
        let (mut held, mut cursor) = (0, "0".to_owned());
        loop {
            let (next, names) = self.scan("l:", &cursor, LEASES).await?;
            let leases = self.ask(&names).await?.each(Reply::list)?;
            held += leases.into_iter().filter(|lease| !lease.is_empty()).count() as u64;
            cursor = next;
            if cursor == "0" {
                return Ok(held);
            }
        }
    }

    async fn scan(
        &self,
        kind: &str,
        cursor: &str,
        limit: usize,
    ) -> Result<(String, Vec<String>), Fault> {
        let call = self.scripts.scan.on(self.ledger_slot(), self.time());
        let call = call.key(kind).arg(kind).arg(cursor).arg(limit.max(1));
        let mut reply = Reply::new(call.reads().send(&self.link).await?)?;
        Ok((reply.text()?, reply.list()?.each(Reply::text)?))
    }

    /// What is kept under some names, as it will be when what is owed is settled.
    async fn entries(&self, names: Vec<String>) -> Result<Vec<Option<LedgerEntry>>, Fault> {
        let owed = self.owed().await?;
        let due = self.adjustments(&owed).await?;
        let found = self.ask(&names).await?.each(Reply::list)?;
        let pairs = names.into_iter().zip(found);
        let read = |(name, reply): (String, Reply)| {
            let Some(mut entry) = read(&name, reply)? else {
                return Ok(None);
            };
            match &mut entry {
                LedgerEntry::Budget { used, .. } => {
                    for (taken, instead) in due.get(&name).into_iter().flatten() {
                        *used = used.saturating_sub(*taken).saturating_add(*instead);
                    }
                }
                LedgerEntry::Reservation { id, settled, .. } => {
                    *settled |= owed.contains_key(&owed_name(id));
                }
            }
            Ok(Some(entry.canonical()))
        };
        pairs.map(read).collect()
    }

    async fn ask(&self, names: &[String]) -> Result<Reply, Fault> {
        let call = self.scripts.entries.on(self.ledger_slot(), self.time());
        let mut call = call.key("l:").arg(millis(REMEMBER_EVENTS));
        for name in names {
            call = call.arg(name);
        }
        Reply::new(call.reads().send(&self.link).await?)
    }

    async fn owed(&self) -> Result<Owed, Fault> {
        let asked = self.partitions().map(|partition| async move {
            let mut get = cmd("HGETALL");
            get.arg(format!("{}owed", self.slot(partition)));
            let found = from_redis_value(self.link.send(&get, None).await?);
            found.map_err(|error| Fault::Redis(error.into()))
        });
        let found: Vec<BTreeMap<String, String>> = try_join_all(asked).await?;
        let numbers = |used: &str| {
            let numbers = used.split(' ').filter(|number| !number.is_empty());
            numbers.map(reply::parse).collect::<Result<Vec<u64>, _>>()
        };
        let all = found.into_iter().flatten();
        all.map(|(name, used)| Ok((name, numbers(&used)?)))
            .collect()
    }

    /// By a budget's name, what reservations that are to be settled took of it, and what takes its
    /// place.
    async fn adjustments(&self, owed: &Owed) -> Result<HashMap<String, Vec<(u64, u64)>>, Fault> {
        let mut due: HashMap<String, Vec<(u64, u64)>> = HashMap::new();
        let names: Vec<String> = owed.keys().map(|name| format!("r:{name}")).collect();
        if names.is_empty() {
            return Ok(due);
        }
        let found = self.ask(&names).await?.each(Reply::list)?;
        for ((name, reply), used) in names.iter().zip(found).zip(owed.values()) {
            let Some(LedgerEntry::Reservation {
                settled: false,
                charges,
                ..
            }) = read(name, reply)?
            else {
                continue;
            };
            for (taken, used) in charges.iter().zip(used) {
                let changes = due.entry(budget(&taken.key, taken.start)).or_default();
                changes.push((taken.amount, *used));
            }
        }
        Ok(due)
    }
}

/// Reads what the script tells of a name.
fn read(name: &str, mut reply: Reply) -> Result<Option<LedgerEntry>, Fault> {
    if reply.is_empty() {
        return Ok(None);
    }
    if name.starts_with("b:") {
        let (key, start) = read_budget(name)?;
        let used = reply.parse()?;
        return Ok(Some(LedgerEntry::Budget { key, start, used }));
    }
    let id = read_reservation(name)?;
    let (settled, at) = (reply.text()? == "1", Timestamp(reply.parse()?));
    let mut charges = vec![];
    while !reply.is_empty() {
        let (key, start) = read_budget(&reply.text()?)?;
        let amount = reply.parse()?;
        charges.push(Taken { key, start, amount });
    }
    Ok(Some(LedgerEntry::Reservation {
        id,
        at,
        settled,
        charges,
    }))
}

const UNREADABLE: Fault = Fault::Damaged("a budget or a reservation with a name that is none");

fn name(entry: &LedgerEntry) -> String {
    match entry {
        LedgerEntry::Budget { key, start, .. } => budget(key, *start),
        LedgerEntry::Reservation { id, .. } => format!("r:{}", owed_name(id)),
    }
}

fn budget(key: &str, start: Timestamp) -> String {
    format!("b:{}:{key}", start.0)
}

fn read_budget(name: &str) -> Result<(String, Timestamp), Fault> {
    let name = name.strip_prefix("b:").ok_or(UNREADABLE)?;
    let (start, key) = name.split_once(':').ok_or(UNREADABLE)?;
    Ok((key.to_owned(), Timestamp(reply::parse(start)?)))
}

fn read_reservation(name: &str) -> Result<ReservationId, Fault> {
    let name = name.strip_prefix("r:").ok_or(UNREADABLE)?;
    let (number, conversation) = name.split_once(' ').ok_or(UNREADABLE)?;
    let (turn, part) = number.split_once('.').ok_or(UNREADABLE)?;
    Ok(ReservationId {
        conversation: ConversationId::new(conversation).map_err(|_| UNREADABLE)?,
        turn: TurnNumber(reply::parse(turn)?),
        part: reply::parse(part)?,
    })
}
