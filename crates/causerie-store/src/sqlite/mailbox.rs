//! Mail and claims, as statements.

use super::{
    archive::{name, place},
    conversation::Row,
    fault::Fault,
    session::Session,
};
use crate::{KEEP_TURNS, amend, forget, title};
use causerie_core::{
    Timestamp,
    event::Event,
    id::{ConversationId, Fence, Seq, TurnNumber},
    outcome::TurnRecord,
    record,
    store::{
        Claim, ClaimKey, Claimant, Commit, Committed, JournalEntry, Offered, Release, Renewed,
        transfer::EventMark,
    },
};
use rusqlite::{OptionalExtension, params};
use std::time::Duration;

impl Session {
    pub(super) fn offer(
        &mut self,
        event: &Event,
        claimant: Option<&Claimant>,
    ) -> Result<Offered, Fault> {
        let now = self.now();
        self.sweep(now)?;
        let mut row = match Row::find(self, &event.conversation)? {
            Some(row) => row,
            None => Row::create(self, &event.conversation)?,
        };
        if !self.see(row.id, event, now)? {
            return Ok(Offered::Duplicate);
        }
        if let Some(done) = self.amend(&mut row, event, now)? {
            self.record(row.id, &done)?;
            return Ok(Offered::Amended);
        }
        if row.waiting >= self.mailbox_limit as i64 {
            self.execute(
                "DELETE FROM seen WHERE conversation = ? AND event = ?",
                params![row.id, event.id.as_str()],
            )?;
            return Ok(Offered::Full);
        }
        self.append_mail(&mut row, event, now)?;
        let free = !row.is_held(now) && row.not_before <= now.0;
        let claim = match claimant.filter(|_| free) {
            Some(claimant) if row.waiting == 1 => {
                Some(self.grant(&mut row, &event.conversation, claimant, now, Some(event))?)
            }
            Some(claimant) => {
                Some(self.grant(&mut row, &event.conversation, claimant, now, None)?)
            }
            None => None,
        };
        row.save(self)?;
        Ok(Offered::Queued(claim.map(Box::new)))
    }

    pub(super) fn claim(&mut self, claimant: &Claimant) -> Result<Option<Claim>, Fault> {
        let now = self.now();
        let found = self
            .connection
            .prepare_cached(
                "SELECT name FROM conversation INDEXED BY conversation_ready
                 WHERE waiting > 0 AND until <= ?1 AND not_before <= ?1 ORDER BY ready LIMIT 1",
            )?
            .query_row([now.0], |row| row.get::<_, String>(0))
            .optional()?;
        let Some(found) = found else { return Ok(None) };
        let id = name(found)?;
        let Some(mut row) = Row::find(self, &id)? else {
            return Ok(None);
        };
        let claim = self.grant(&mut row, &id, claimant, now, None)?;
        row.save(self)?;
        Ok(Some(claim))
    }

    pub(super) fn next_due(&self) -> Result<Option<Timestamp>, Fault> {
        let due = self
            .connection
            .prepare_cached(
                "SELECT min(max(until, not_before)) FROM conversation INDEXED BY conversation_ready
                 WHERE waiting > 0 AND (until > ?1 OR not_before > ?1)",
            )?
            .query_row([self.now().0], |row| row.get::<_, Option<i64>>(0))?;
        Ok(due.map(Timestamp))
    }

    pub(super) fn renew(&mut self, claim: &ClaimKey, ttl: Duration) -> Result<Renewed, Fault> {
        let mut row = self.held(claim)?;
        row.until = (self.now() + ttl).0;
        row.save(self)?;
        let stop = self
            .connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM mail WHERE conversation = ? AND number > ? AND stop)",
            )?
            .query_row([row.id, row.taken], |row| row.get(0))?;
        Ok(Renewed { stop })
    }

    pub(super) fn note(&mut self, claim: &ClaimKey, entry: &JournalEntry) -> Result<(), Fault> {
        let row = self.held(claim)?;
        self.execute(
            "INSERT INTO journal (conversation, number, body) VALUES (?1,
             (SELECT coalesce(max(number), 0) + 1 FROM journal WHERE conversation = ?1), ?2)",
            params![row.id, record::encode(entry)?],
        )?;
        Ok(())
    }

    pub(super) fn commit_turn(
        &mut self,
        claim: &ClaimKey,
        commit: &Commit,
    ) -> Result<Committed, Fault> {
        let mut row = self.held(claim)?;
        let state = forget::state_after(commit, &row.state()?);
        if commit.erase {
            self.execute("DELETE FROM message WHERE conversation = ?", [row.id])?;
            row.last_seq = 0;
        }
        if let Some(from) = commit.truncate {
            self.execute(
                "DELETE FROM message WHERE conversation = ? AND seq >= ?",
                params![row.id, place(from)],
            )?;
            row.last_seq = (place(from) - 1).max(0);
        }
        for message in &commit.append {
            row.last_seq += 1;
            let mut message = message.clone();
            message.seq = Seq(row.last_seq as u64);
            self.put_message(row.id, &message)?;
        }
        self.consume(&mut row, commit)?;
        if commit.erase {
            self.unlist(row.id)?;
        }
        for author in commit.append.iter().filter_map(|m| m.author.as_ref()) {
            self.execute(
                "INSERT OR IGNORE INTO spoken (participant, conversation, at) VALUES (?, ?, ?)",
                params![author.id.as_str(), row.id, self.now().0],
            )?;
        }
        if commit.truncate.is_some() || commit.erase {
            row.title = self.title(row.id)?;
        }
        self.record(row.id, &commit.record)?;
        if row.journaled {
            self.execute("DELETE FROM journal WHERE conversation = ?", [row.id])?;
        }
        if let Some((id, used)) = &commit.settle {
            self.settle(id, used)?;
        }
        row.set_state(&state)?;
        row.turn += 1;
        row.until = 0;
        row.taken = 0;
        row.attempts = 0;
        row.not_before = 0;
        if row.waiting > 0 {
            row.ready = self.next_ready();
        }
        row.save(self)?;
        Ok(Committed {
            more: row.waiting > 0,
        })
    }

    pub(super) fn release(&mut self, claim: &ClaimKey, release: Release) -> Result<(), Fault> {
        let mut row = self.held(claim)?;
        row.until = 0;
        match release {
            Release::Handover => row.attempts = (row.attempts - 1).max(0),
            Release::Retry { at } => row.not_before = at.0,
            Release::Postpone { at } => {
                row.attempts = (row.attempts - 1).max(0);
                row.not_before = at.0;
            }
        }
        row.save(self)
    }

    /// The row of the conversation a claim holds. A claim that ran out still holds until somebody
    /// takes it over.
    fn held(&self, claim: &ClaimKey) -> Result<Row, Fault> {
        let row = Row::find(self, &claim.conversation)?.ok_or(Fault::Stale)?;
        let held = row.until > 0 && row.fence as u64 == claim.fence.0;
        if held { Ok(row) } else { Err(Fault::Stale) }
    }

    /// Remembers an event. `false` if it was here before.
    fn see(&self, conversation: i64, event: &Event, now: Timestamp) -> Result<bool, Fault> {
        let new = self.execute(
            "INSERT OR IGNORE INTO seen (conversation, event, at) SELECT ?1, ?2, ?3
             WHERE NOT EXISTS (SELECT 1 FROM seen_mark WHERE conversation = ?1 AND mark = ?4)",
            params![
                conversation,
                event.id.as_str(),
                now.0,
                EventMark::of(&event.id).0
            ],
        )?;
        Ok(new == 1)
    }

    fn append_mail(&mut self, row: &mut Row, event: &Event, now: Timestamp) -> Result<(), Fault> {
        row.last_mail += 1;
        self.execute(
            "INSERT INTO mail (conversation, number, event, stop, body) VALUES (?, ?, ?, ?, ?)",
            params![
                row.id,
                row.last_mail,
                event.id.as_str(),
                event.is_stop(),
                record::encode(event)?
            ],
        )?;
        self.execute(
            "INSERT INTO spoken (participant, conversation, at) VALUES (?, ?, ?)
             ON CONFLICT (participant, conversation) DO UPDATE SET at = excluded.at",
            params![event.author.id.as_str(), row.id, now.0],
        )?;
        if row.title.is_empty() {
            row.title = title::of_event(event).unwrap_or_default();
        }
        if row.waiting == 0 {
            row.ready = self.next_ready();
        }
        row.waiting += 1;
        Ok(())
    }

    /// Applies an edit or a deletion to mail that no turn has begun to answer. `None` if `event` is
    /// mail of its own.
    fn amend(
        &self,
        row: &mut Row,
        event: &Event,
        now: Timestamp,
    ) -> Result<Option<TurnRecord>, Fault> {
        if amend::target(event).is_none() || row.waiting == 0 {
            return Ok(None);
        }
        let waiting = self.mail(row.id, row.taken)?;
        let Some((number, mail)) = waiting
            .into_iter()
            .find(|(_, waiting)| amend::applies(event, waiting))
        else {
            return Ok(None);
        };
        let id = mail.id.clone();
        let removed = if let Some(changed) = amend::apply(event, mail) {
            self.change_mail(row.id, number, &changed)?;
            None
        } else {
            self.remove_mail(row.id, number)?;
            row.waiting -= 1;
            Some(id)
        };
        row.title = self.title(row.id)?;
        row.save(self)?;
        Ok(Some(amend::record(event, removed, now)))
    }

    /// Gives `claimant` the conversation with all its mail; `only` is that mail, if the caller
    /// knows it. The caller saves the row.
    fn grant(
        &mut self,
        row: &mut Row,
        id: &ConversationId,
        claimant: &Claimant,
        now: Timestamp,
        only: Option<&Event>,
    ) -> Result<Claim, Fault> {
        let mail = match only {
            Some(event) => vec![event.clone()],
            None => self
                .mail(row.id, 0)?
                .into_iter()
                .map(|(_, event)| event)
                .collect(),
        };
        row.attempts += 1;
        row.fence += 1;
        row.until = (now + claimant.ttl).0;
        row.taken = row.last_mail;
        row.not_before = 0;
        Ok(Claim {
            key: ClaimKey {
                conversation: id.clone(),
                fence: Fence(row.fence as u64),
            },
            turn: TurnNumber(row.turn as u64 + 1),
            attempt: u32::try_from(row.attempts).unwrap_or(u32::MAX),
            mail,
            journal: if row.journaled {
                self.journal(row.id)?
            } else {
                vec![]
            },
            state: row.state()?,
            next_seq: Seq(row.last_seq as u64 + 1),
        })
    }

    fn consume(&self, row: &mut Row, commit: &Commit) -> Result<(), Fault> {
        for (number, event) in self.mail_names(row.id)? {
            if commit.consumed.iter().any(|id| id.as_str() == event) {
                self.remove_mail(row.id, number)?;
                row.waiting -= 1;
            }
        }
        Ok(())
    }

    /// Takes an erased conversation from the lists of all who have no mail that waits there.
    fn unlist(&self, conversation: i64) -> Result<(), Fault> {
        let waiting = self.mail(conversation, 0)?;
        let stay: Vec<&str> = (waiting.iter().map(|(_, e)| e.author.id.as_str())).collect();
        let mut statement = self
            .connection
            .prepare_cached("SELECT participant FROM spoken WHERE conversation = ?")?;
        let listed = statement.query_map([conversation], |row| row.get::<_, String>(0))?;
        for who in listed.collect::<Result<Vec<_>, _>>()? {
            if !stay.contains(&who.as_str()) {
                self.execute(
                    "DELETE FROM spoken WHERE conversation = ? AND participant = ?",
                    params![conversation, who],
                )?;
            }
        }
        Ok(())
    }

    pub(super) fn change_mail(
        &self,
        conversation: i64,
        number: i64,
        event: &Event,
    ) -> Result<(), Fault> {
        self.execute(
            "UPDATE mail SET body = ?3 WHERE conversation = ?1 AND number = ?2",
            params![conversation, number, record::encode(event)?],
        )?;
        Ok(())
    }

    pub(super) fn remove_mail(&self, conversation: i64, number: i64) -> Result<(), Fault> {
        self.execute(
            "DELETE FROM mail WHERE conversation = ? AND number = ?",
            [conversation, number],
        )?;
        Ok(())
    }

    /// Waiting mail behind number `after`, oldest first.
    pub(super) fn mail(&self, conversation: i64, after: i64) -> Result<Vec<(i64, Event)>, Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT number, body FROM mail WHERE conversation = ? AND number > ? ORDER BY number",
        )?;
        let mut rows = statement.query([conversation, after])?;
        let mut found = vec![];
        while let Some(row) = rows.next()? {
            found.push((
                row.get(0)?,
                record::decode(row.get_ref(1)?.as_blob().map_err(blob)?)?,
            ));
        }
        Ok(found)
    }

    fn mail_names(&self, conversation: i64) -> Result<Vec<(i64, String)>, Fault> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT number, event FROM mail WHERE conversation = ?")?;
        let rows = statement.query_map([conversation], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub(super) fn journal(&self, conversation: i64) -> Result<Vec<JournalEntry>, Fault> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT body FROM journal WHERE conversation = ? ORDER BY number")?;
        let mut rows = statement.query([conversation])?;
        let mut found = vec![];
        while let Some(row) = rows.next()? {
            found.push(record::decode(row.get_ref(0)?.as_blob().map_err(blob)?)?);
        }
        Ok(found)
    }

    /// Keeps a turn record, and drops those that are too many.
    pub(super) fn record(&self, conversation: i64, record: &TurnRecord) -> Result<(), Fault> {
        self.execute(
            "INSERT INTO turn (conversation, body) VALUES (?, ?)",
            params![conversation, record::encode(record)?],
        )?;
        self.execute(
            "DELETE FROM turn WHERE conversation = ?1 AND id <=
             (SELECT id FROM turn WHERE conversation = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            params![conversation, KEEP_TURNS as i64],
        )?;
        Ok(())
    }
}

fn blob(_: rusqlite::types::FromSqlError) -> Fault {
    Fault::Value("a record that is no blob")
}
