//! Which turn records a query means.

use crate::{outcome::TurnRecord, store::TurnQuery};

/// Whether `query` means `record`.
pub fn is_meant(record: &TurnRecord, query: &TurnQuery) -> bool {
    match query {
        TurnQuery::All => true,
        TurnQuery::Conversation(id) => record.conversation == *id,
        TurnQuery::Event(id, event) => {
            record.conversation == *id && record.events.iter().any(|(e, _)| e == event)
        }
        TurnQuery::Message(id, message) => {
            let carries = record.delivered.contains(message) || record.asked.contains(message);
            record.conversation == *id && carries
        }
    }
}
