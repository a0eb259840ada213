//! One row of the table `conversation`.

use super::{fault::Fault, session::Session};
use causerie_core::{Text, Timestamp, id::ConversationId, record, store::ConversationState};
use rusqlite::{OptionalExtension, params};

/// A conversation's row, read, changed, and written back.
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) title: Text,
    state: Option<Vec<u8>>,
    pub(super) last_seq: i64,
    pub(super) last_mail: i64,
    pub(super) turn: i64,
    pub(super) attempts: i64,
    pub(super) fence: i64,
    pub(super) until: i64,
    pub(super) taken: i64,
    pub(super) not_before: i64,
    pub(super) waiting: i64,
    pub(super) ready: i64,
    /// Whether its turn has a journal.
    pub(super) journaled: bool,
}

impl Row {
    pub(super) fn find(session: &Session, name: &ConversationId) -> Result<Option<Row>, Fault> {
        let mut statement = session.connection.prepare_cached(
            "SELECT id, title, state, last_seq, last_mail, turn, attempts, fence, until, taken,
                    not_before, waiting, ready,
                    EXISTS (SELECT 1 FROM journal WHERE journal.conversation = conversation.id)
             FROM conversation WHERE name = ?",
        )?;
        let row = statement.query_row([name.as_str()], |row| {
            Ok(Row {
                id: row.get(0)?,
                title: Text::new(row.get::<_, String>(1)?),
                state: row.get(2)?,
                last_seq: row.get(3)?,
                last_mail: row.get(4)?,
                turn: row.get(5)?,
                attempts: row.get(6)?,
                fence: row.get(7)?,
                until: row.get(8)?,
                taken: row.get(9)?,
                not_before: row.get(10)?,
                waiting: row.get(11)?,
                ready: row.get(12)?,
                journaled: row.get(13)?,
            })
        });
        Ok(row.optional()?)
    }

    pub(super) fn create(session: &Session, name: &ConversationId) -> Result<Row, Fault> {
        session.execute(
            "INSERT INTO conversation (name) VALUES (?)",
            [name.as_str()],
        )?;
        Row::find(session, name)?.ok_or(Fault::Value("a row that was just written is missing"))
    }

    pub(super) fn save(&self, session: &Session) -> Result<(), Fault> {
        session.execute(
            "UPDATE conversation SET title = ?2, state = ?3, last_seq = ?4, last_mail = ?5,
                    turn = ?6, attempts = ?7, fence = ?8, until = ?9, taken = ?10, not_before = ?11,
                    waiting = ?12, ready = ?13 WHERE id = ?1",
            params![
                self.id,
                self.title.expose(),
                self.state,
                self.last_seq,
                self.last_mail,
                self.turn,
                self.attempts,
                self.fence,
                self.until,
                self.taken,
                self.not_before,
                self.waiting,
                self.ready
            ],
        )?;
        Ok(())
    }

    pub(super) fn is_held(&self, now: Timestamp) -> bool {
        now.0 < self.until
    }

    pub(super) fn state(&self) -> Result<ConversationState, Fault> {
        match &self.state {
            Some(bytes) => Ok(record::decode(bytes)?),
            None => Ok(ConversationState::default()),
        }
    }

    /// The default state takes no bytes.
    pub(super) fn set_state(&mut self, state: &ConversationState) -> Result<(), Fault> {
        let default = *state == ConversationState::default();
        self.state = if default {
            None
        } else {
            Some(record::encode(state)?)
        };
        Ok(())
    }
}
