//! A conversation as it is read from the tables, and as it is put into them.

use crate::sqlite::{archive::decode_all, conversation::Row, fault::Fault, session::Session};
use causerie_core::{
    Timestamp,
    id::{ConversationId, EventId, ParticipantId, Seq},
    record,
    store::transfer::{ConversationCopy, EventMark},
};
use rusqlite::{Params, params, types::FromSql};
use serde::de::DeserializeOwned;

impl Session {
    pub(super) fn export(
        &self,
        id: &ConversationId,
        now: Timestamp,
    ) -> Result<Option<ConversationCopy>, Fault> {
        let Some(row) = Row::find(self, id)? else {
            return Ok(None);
        };
        let mail = self.mail(row.id, 0)?;
        let copy = ConversationCopy {
            conversation: id.clone(),
            title: row.title.clone(),
            state: row.state()?,
            last_seq: Seq(row.last_seq.unsigned_abs()),
            turns: row.turn.unsigned_abs(),
            attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
            not_before: Timestamp(row.not_before),
            messages: self.bodies(
                "SELECT body FROM message WHERE conversation = ? ORDER BY seq",
                row.id,
            )?,
            taken: mail
                .iter()
                .filter(|(number, _)| *number <= row.taken)
                .count(),
            mail: mail.into_iter().map(|(_, event)| event).collect(),
            journal: self.journal(row.id)?,
            records: self.bodies(
                "SELECT body FROM turn WHERE conversation = ? ORDER BY id",
                row.id,
            )?,
            spoken: self.spoken(row.id)?,
            seen: self.seen(row.id)?,
        };
        Ok(Some(copy.canonical(now)))
    }

    pub(super) fn import(&mut self, copy: &ConversationCopy) -> Result<(), Fault> {
        let now = self.now();
        let mut row = match Row::find(self, &copy.conversation)? {
            Some(row) => row,
            None => Row::create(self, &copy.conversation)?,
        };
        self.clear(row.id)?;
        for message in &copy.messages {
            self.put_message(row.id, message)?;
        }
        for (number, event) in (1i64..).zip(&copy.mail) {
            self.execute(
                "INSERT INTO mail (conversation, number, event, stop, body) VALUES (?, ?, ?, ?, ?)",
                params![
                    row.id,
                    number,
                    event.id.as_str(),
                    event.is_stop(),
                    record::encode(event)?
                ],
            )?;
        }
        for (number, entry) in (1i64..).zip(&copy.journal) {
            self.execute(
                "INSERT INTO journal (conversation, number, body) VALUES (?, ?, ?)",
                params![row.id, number, record::encode(entry)?],
            )?;
        }
        for (time, turn) in copy.record_times(now).into_iter().zip(&copy.records) {
            // The first free number from there on: records of other conversations have theirs.
            self.execute(
                "INSERT INTO turn (id, conversation, body) VALUES (
                     (SELECT coalesce(
                         (SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM turn WHERE id = ?1)),
                         (SELECT min(id) + 1 FROM turn AS t WHERE id >= ?1
                          AND NOT EXISTS (SELECT 1 FROM turn WHERE id = t.id + 1)))),
                     ?2, ?3)",
                params![time as i64, row.id, record::encode(turn)?],
            )?;
        }
        for (who, at) in &copy.spoken {
            self.execute(
                "INSERT INTO spoken (participant, conversation, at) VALUES (?, ?, ?)",
                params![who.as_str(), row.id, at.0],
            )?;
        }
        for (mark, second) in &copy.seen {
            self.execute(
                "INSERT OR REPLACE INTO seen_mark (conversation, mark, at) VALUES (?, ?, ?)",
                params![row.id, mark.0, second.saturating_mul(1000)],
            )?;
        }
        row.title = copy.title.clone();
        row.set_state(&copy.state)?;
        row.last_seq = whole(copy.last_seq.0);
        row.turn = whole(copy.turns);
        row.attempts = copy.attempts.into();
        row.not_before = copy.not_before.0;
        row.last_mail = copy.mail.len() as i64;
        row.waiting = row.last_mail;
        row.taken = copy.taken as i64;
        row.until = 0;
        row.ready = copy.waits_since(now).0;
        self.last_ready = self.last_ready.max(row.ready);
        row.save(self)
    }

    /// Takes away what there is of a conversation, but for its row.
    fn clear(&self, conversation: i64) -> Result<(), Fault> {
        for table in [
            "message",
            "mail",
            "journal",
            "turn",
            "spoken",
            "seen",
            "seen_mark",
        ] {
            let sql = format!("DELETE FROM {table} WHERE conversation = ?");
            self.execute(&sql, [conversation])?;
        }
        Ok(())
    }

    fn spoken(&self, conversation: i64) -> Result<Vec<(ParticipantId, Timestamp)>, Fault> {
        let sql = "SELECT participant, at FROM spoken WHERE conversation = ?";
        let found: Vec<(String, i64)> = self.pairs(sql, [conversation])?;
        let named = |(who, at)| {
            let who = ParticipantId::new(who);
            let who = who.map_err(|_| Fault::Value("a participant without a name"))?;
            Ok((who, Timestamp(at)))
        };
        found.into_iter().map(named).collect()
    }

    fn seen(&self, conversation: i64) -> Result<Vec<(EventMark, i64)>, Fault> {
        let sql = "SELECT event, at FROM seen WHERE conversation = ?";
        let named: Vec<(String, i64)> = self.pairs(sql, [conversation])?;
        let marked: Vec<([u8; 8], i64)> = match self.is_from_before()? {
            true => vec![],
            false => self.pairs(
                "SELECT mark, at FROM seen_mark WHERE conversation = ?",
                [conversation],
            )?,
        };
        let marked = marked
            .into_iter()
            .map(|(mark, at)| Ok((EventMark(mark), at)));
        let named = named.into_iter().map(|(event, at)| {
            let id = EventId::new(event).map_err(|_| Fault::Value("an event without a name"))?;
            Ok((EventMark::of(&id), at))
        });
        let second = |(mark, at): (EventMark, i64)| (mark, at.div_euclid(1000));
        named.chain(marked).map(|seen| seen.map(second)).collect()
    }

    fn pairs<A: FromSql, B: FromSql>(
        &self,
        sql: &str,
        parameters: impl Params,
    ) -> Result<Vec<(A, B)>, Fault> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(parameters, |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn bodies<T: DeserializeOwned>(&self, sql: &str, conversation: i64) -> Result<Vec<T>, Fault> {
        decode_all(self.connection.prepare_cached(sql)?.query([conversation])?)
    }
}

/// A number as SQLite holds it.
fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
