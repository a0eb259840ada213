//! Reading and forgetting, as statements.

use super::{conversation::Row, fault::Fault, session::Session};
use crate::{
    amend,
    forget::{self, Fate, Target},
    select, title,
};
use causerie_core::{
    Text, Timestamp,
    event::Event,
    id::{ConversationId, ParticipantId, Seq},
    message::Message,
    outcome::TurnRecord,
    platform::ConversationEntry,
    record,
    store::{Census, ConversationState, Erase, Erased, HistoryRange, Summary, TurnQuery},
};
use rusqlite::params;

impl Session {
    pub(super) fn history(
        &self,
        id: &ConversationId,
        range: HistoryRange,
    ) -> Result<Vec<Message>, Fault> {
        let Some(row) = Row::find(self, id)? else {
            return Ok(vec![]);
        };
        let before = range.before.map_or(i64::MAX, place);
        let limit = range
            .limit
            .map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let mut statement = self.connection.prepare_cached(
            "SELECT body FROM message WHERE conversation = ? AND seq >= ? AND seq < ?
             ORDER BY seq DESC LIMIT ?",
        )?;
        let rows = statement.query(params![row.id, place(range.from), before, limit])?;
        let mut found: Vec<Message> = decode_all(rows)?;
        found.reverse();
        Ok(found)
    }

    pub(super) fn pending(&self, id: &ConversationId) -> Result<Vec<Event>, Fault> {
        let Some(row) = Row::find(self, id)? else {
            return Ok(vec![]);
        };
        Ok(self
            .mail(row.id, 0)?
            .into_iter()
            .map(|(_, event)| event)
            .collect())
    }

    pub(super) fn state(&self, id: &ConversationId) -> Result<ConversationState, Fault> {
        Row::find(self, id)?.map_or_else(|| Ok(ConversationState::default()), |row| row.state())
    }

    pub(super) fn conversations(
        &self,
        participant: &ParticipantId,
        limit: usize,
    ) -> Result<Vec<ConversationEntry>, Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT name, title, at FROM spoken JOIN conversation ON id = conversation
             WHERE participant = ? ORDER BY at DESC, name LIMIT ?",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![participant.as_str(), limit])?;
        let mut found = vec![];
        while let Some(row) = rows.next()? {
            found.push(ConversationEntry {
                conversation: name(row.get(0)?)?,
                title: Text::new(row.get::<_, String>(1)?),
                at: Timestamp(row.get(2)?),
            });
        }
        Ok(found)
    }

    pub(super) fn turns(&self, query: &TurnQuery, limit: usize) -> Result<Vec<TurnRecord>, Fault> {
        let id = match query {
            TurnQuery::All => None,
            TurnQuery::Conversation(id) | TurnQuery::Event(id, _) | TurnQuery::Message(id, _) => {
                Some(id)
            }
        };
        let sql = match id {
            None => "SELECT body FROM turn WHERE ?1 = 0 ORDER BY id DESC",
            Some(_) => "SELECT body FROM turn WHERE conversation = ?1 ORDER BY id DESC",
        };
        let key = match id {
            None => 0,
            Some(id) => match Row::find(self, id)? {
                Some(row) => row.id,
                None => return Ok(vec![]),
            },
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([key])?;
        let mut found = vec![];
        while found.len() < limit
            && let Some(row) = rows.next()?
        {
            let record: TurnRecord = record::decode(&row.get::<_, Vec<u8>>(0)?)?;
            if select::is_meant(&record, query) {
                found.push(record);
            }
        }
        Ok(found)
    }

    pub(super) fn summarise(
        &mut self,
        id: &ConversationId,
        summary: &Summary,
        erasures: u64,
    ) -> Result<bool, Fault> {
        let Some(mut row) = Row::find(self, id)? else {
            return Ok(false);
        };
        let mut state = row.state()?;
        if !forget::takes(&state, summary, erasures) {
            return Ok(false);
        }
        state.summary = Some(summary.clone());
        row.set_state(&state)?;
        row.save(self)?;
        Ok(true)
    }

    pub(super) fn erase(&mut self, what: &Erase) -> Result<Erased, Fault> {
        let mut erased = Erased::default();
        match what {
            Erase::Message(id, message) => {
                if let Some(row) = Row::find(self, id)? {
                    self.forget(id, row, &Target::Message(message), &mut erased)?;
                }
            }
            Erase::Conversation(id) => {
                if let Some(row) = Row::find(self, id)? {
                    self.erase_conversation(id, row, &mut erased)?;
                }
            }
            Erase::Participant(who) => {
                // Somebody may be quoted where they never spoke: every conversation is looked at.
                for id in self.names()? {
                    if let Some(row) = Row::find(self, &id)? {
                        self.forget(&id, row, &Target::Participant(who), &mut erased)?;
                    }
                }
                self.execute("DELETE FROM spoken WHERE participant = ?", [who.as_str()])?;
            }
        }
        Ok(erased)
    }

    pub(super) fn census(&self) -> Result<Census, Fault> {
        let one = |sql: &str| -> Result<u64, Fault> {
            let count: i64 = self
                .connection
                .prepare_cached(sql)?
                .query_row([], |row| row.get(0))?;
            Ok(count.unsigned_abs())
        };
        Ok(Census {
            conversations: one("SELECT count(*) FROM conversation")?,
            messages: one("SELECT count(*) FROM message")?,
            mail: one("SELECT count(*) FROM mail")?,
            bytes: one("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")?,
        })
    }

    /// Takes out of one conversation what is meant, and the summary that may hold it.
    fn forget(
        &mut self,
        id: &ConversationId,
        mut row: Row,
        target: &Target<'_>,
        erased: &mut Erased,
    ) -> Result<(), Fault> {
        let mut state = row.state()?;
        let mut statement = self
            .connection
            .prepare_cached("SELECT body FROM message WHERE conversation = ?")?;
        let messages: Vec<Message> = decode_all(statement.query([row.id])?)?;
        drop(statement);
        let (before, mut changed) = (*erased, false);
        for mut message in messages {
            let fate = target.strip_message(&mut message);
            changed |= fate != Fate::Stays;
            match fate {
                Fate::Stays => {}
                Fate::Changed => self.put_message(row.id, &message)?,
                Fate::Gone => {
                    self.execute(
                        "DELETE FROM message WHERE conversation = ? AND seq = ?",
                        params![row.id, place(message.seq)],
                    )?;
                    forget::strip_summary(&mut state, message.seq);
                    erased.messages += 1;
                }
            }
        }
        state.erasures += u64::from(changed);
        let (mut gone, mut in_hand) = (vec![], false);
        for (number, mut event) in self.mail(row.id, 0)? {
            match target.strip_event(&mut event) {
                Fate::Stays => {}
                Fate::Changed => self.change_mail(row.id, number, &event)?,
                Fate::Gone => {
                    self.remove_mail(row.id, number)?;
                    row.waiting -= 1;
                    erased.mail += 1;
                    in_hand |= number <= row.taken;
                    gone.push(event);
                }
            }
        }
        if in_hand && matches!(target, Target::Participant(_)) {
            self.take_from_hand(&mut row)?;
        }
        if let Some(record) = amend::erased(id, &gone, self.now()) {
            self.record(row.id, &record)?;
        }
        if changed || *erased != before {
            row.set_state(&state)?;
            row.title = self.title(row.id)?;
            row.save(self)?;
        }
        Ok(())
    }

    /// Ends the claim whose mail was taken away, and the turn if no mail is left.
    fn take_from_hand(&self, row: &mut Row) -> Result<(), Fault> {
        row.until = 0;
        if row.waiting == 0 {
            row.turn += 1;
            row.attempts = 0;
            self.execute("DELETE FROM journal WHERE conversation = ?", [row.id])?;
        }
        Ok(())
    }

    /// Stores a message at its place, where there may be one already.
    pub(super) fn put_message(&self, conversation: i64, message: &Message) -> Result<(), Fault> {
        self.execute(
            "INSERT OR REPLACE INTO message (conversation, seq, body) VALUES (?, ?, ?)",
            params![conversation, place(message.seq), record::encode(message)?],
        )?;
        Ok(())
    }

    /// The title that what there is gives: history first, then mail.
    pub(super) fn title(&self, conversation: i64) -> Result<Text, Fault> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT body FROM message WHERE conversation = ? ORDER BY seq")?;
        let mut rows = statement.query([conversation])?;
        while let Some(row) = rows.next()? {
            let message: Message = record::decode(&row.get::<_, Vec<u8>>(0)?)?;
            if let Some(title) = title::of_message(&message) {
                return Ok(title);
            }
        }
        let mail = self.mail(conversation, 0)?;
        let title = mail.iter().find_map(|(_, event)| title::of_event(event));
        Ok(title.unwrap_or_default())
    }

    fn names(&self) -> Result<Vec<ConversationId>, Fault> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT name FROM conversation ORDER BY name")?;
        let mut rows = statement.query([])?;
        let mut found = vec![];
        while let Some(row) = rows.next()? {
            found.push(name(row.get(0)?)?);
        }
        Ok(found)
    }

    /// What remains is a row that remembers how far its numbers went and which events were seen, so
    /// that a late redelivery does not bring anything back.
    fn erase_conversation(
        &mut self,
        id: &ConversationId,
        mut row: Row,
        erased: &mut Erased,
    ) -> Result<(), Fault> {
        let mail: Vec<Event> = self.mail(row.id, 0)?.into_iter().map(|(_, e)| e).collect();
        let messages = self.execute("DELETE FROM message WHERE conversation = ?", [row.id])?;
        self.execute("DELETE FROM mail WHERE conversation = ?", [row.id])?;
        self.execute("DELETE FROM journal WHERE conversation = ?", [row.id])?;
        self.execute("DELETE FROM spoken WHERE conversation = ?", [row.id])?;
        if let Some(record) = amend::erased(id, &mail, self.now()) {
            self.record(row.id, &record)?;
        }
        let state = forget::erased_state(&row.state()?);
        row.set_state(&state)?;
        row.title = Text::default();
        row.last_seq = 0;
        row.turn += 1;
        row.attempts = 0;
        row.until = 0;
        row.taken = 0;
        row.not_before = 0;
        row.waiting = 0;
        row.save(self)?;
        erased.messages += messages as u64;
        erased.mail += mail.len() as u64;
        Ok(())
    }
}

pub(super) fn decode_all<T: serde::de::DeserializeOwned>(
    mut rows: rusqlite::Rows<'_>,
) -> Result<Vec<T>, Fault> {
    let mut found = vec![];
    while let Some(row) = rows.next()? {
        found.push(record::decode(&row.get::<_, Vec<u8>>(0)?)?);
    }
    Ok(found)
}

/// A position as SQLite holds it. Nobody has so many messages that it matters.
pub(super) fn place(seq: Seq) -> i64 {
    i64::try_from(seq.0).unwrap_or(i64::MAX)
}

/// A conversation's name as it is stored.
pub(super) fn name(text: String) -> Result<ConversationId, Fault> {
    ConversationId::new(text).map_err(|_| Fault::Value("a conversation without a name"))
}
