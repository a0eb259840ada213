//! Reading and forgetting, as statements.

use super::{conversation::Row, fault::Fault, session::Session};
use crate::select;
use causerie_core::{
    Text, Timestamp,
    event::Event,
    id::{ConversationId, ParticipantId},
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
        let before = range.before.map_or(i64::MAX, |seq| seq.0 as i64);
        let limit = range
            .limit
            .map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let mut statement = self.connection.prepare_cached(
            "SELECT body FROM message WHERE conversation = ? AND seq >= ? AND seq < ?
             ORDER BY seq DESC LIMIT ?",
        )?;
        let rows = statement.query(params![row.id, range.from.0 as i64, before, limit])?;
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
                conversation: ConversationId::new(row.get::<_, String>(0)?)
                    .map_err(|_| Fault::Value("a conversation without a name"))?,
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
    ) -> Result<(), Fault> {
        let Some(mut row) = Row::find(self, id)? else {
            return Ok(());
        };
        let mut state = row.state()?;
        let reaches = state
            .summary
            .as_ref()
            .is_none_or(|old| old.before < summary.before);
        if !reaches || summary.before > state.window_start {
            return Ok(());
        }
        state.summary = Some(summary.clone());
        row.set_state(&state)?;
        row.save(self)
    }

    pub(super) fn erase(&mut self, what: &Erase) -> Result<Erased, Fault> {
        let mut erased = Erased::default();
        match what {
            Erase::Message(id, message) => {
                if let Some(row) = Row::find(self, id)? {
                    let gone = |m: &Message| m.refs.contains(message);
                    self.forget(row, gone, |e| e.quotes(message), &mut erased)?;
                }
            }
            Erase::Conversation(id) => {
                if let Some(row) = Row::find(self, id)? {
                    self.erase_conversation(&row, &mut erased)?;
                }
            }
            Erase::Participant(who) => {
                for id in self.conversations(who, usize::MAX)? {
                    if let Some(row) = Row::find(self, &id.conversation)? {
                        let said = |m: &Message| m.author.as_ref().is_some_and(|a| a.id == *who);
                        self.forget(row, said, |e| e.author.id == *who, &mut erased)?;
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

    /// Erases the messages and waiting events of one conversation that are meant, and the summary
    /// that may hold them.
    fn forget(
        &mut self,
        mut row: Row,
        said: impl Fn(&Message) -> bool,
        wrote: impl Fn(&Event) -> bool,
        erased: &mut Erased,
    ) -> Result<(), Fault> {
        let mut statement = self
            .connection
            .prepare("SELECT body FROM message WHERE conversation = ?")?;
        let messages: Vec<Message> = decode_all(statement.query([row.id])?)?;
        drop(statement);
        let messages: Vec<Message> = messages
            .into_iter()
            .filter(|message| said(message))
            .collect();
        for message in &messages {
            self.execute(
                "DELETE FROM message WHERE conversation = ? AND seq = ?",
                params![row.id, message.seq.0 as i64],
            )?;
        }
        if !messages.is_empty() {
            let mut state = row.state()?;
            state.summary = None;
            row.set_state(&state)?;
            row.title = Text::default();
        }
        let mail: Vec<(i64, Event)> = self
            .mail(row.id, 0)?
            .into_iter()
            .filter(|(_, event)| wrote(event))
            .collect();
        for (number, _) in &mail {
            self.execute(
                "DELETE FROM mail WHERE conversation = ? AND number = ?",
                [row.id, *number],
            )?;
        }
        row.waiting -= mail.len() as i64;
        row.save(self)?;
        erased.messages += messages.len() as u64;
        erased.mail += mail.len() as u64;
        Ok(())
    }

    /// What remains is a row that remembers how far its numbers went and which events were seen, so
    /// that a late redelivery does not bring anything back.
    fn erase_conversation(&mut self, row: &Row, erased: &mut Erased) -> Result<(), Fault> {
        let messages = self.execute("DELETE FROM message WHERE conversation = ?", [row.id])?;
        let mail = self.execute("DELETE FROM mail WHERE conversation = ?", [row.id])?;
        self.execute("DELETE FROM journal WHERE conversation = ?", [row.id])?;
        self.execute("DELETE FROM spoken WHERE conversation = ?", [row.id])?;
        self.execute(
            "UPDATE conversation SET title = '', state = NULL, last_seq = 0, turn = turn + 1,
             attempts = 0, until = 0, taken = 0, not_before = 0, waiting = 0 WHERE id = ?",
            [row.id],
        )?;
        erased.messages += messages as u64;
        erased.mail += mail as u64;
        Ok(())
    }
}

fn decode_all<T: serde::de::DeserializeOwned>(
    mut rows: rusqlite::Rows<'_>,
) -> Result<Vec<T>, Fault> {
    let mut found = vec![];
    while let Some(row) = rows.next()? {
        found.push(record::decode(&row.get::<_, Vec<u8>>(0)?)?);
    }
    Ok(found)
}
