//! A chunk of history as bytes: many messages and turn records in one record.
//!
//! What repeats from one to the next is left out before it is compressed: a position, turn or time
//! is the difference to the one before; a record does not name its conversation; and an event or a
//! platform message that a record names is, where a message of the chunk carries the same name, a
//! number among those.

use crate::fault::Fault;
use causerie_core::{
    Timestamp,
    id::{ConversationId, EventId, MessageRef, Seq, TurnNumber},
    message::Message,
    outcome::{Outcome, PromptShape, TurnRecord, Usage},
    record,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Messages and records, the oldest first. A record has a number by which those of all
/// conversations are ordered.
#[derive(Default)]
pub(crate) struct Chunk {
    pub(crate) messages: Vec<Message>,
    pub(crate) turns: Vec<(u64, TurnRecord)>,
    /// How long it was before compression.
    pub(crate) bytes: usize,
}

/// A chunk by position (see [`causerie_core::record`]).
#[derive(Serialize, Deserialize)]
struct Stored {
    messages: Vec<Message>,
    turns: Vec<Turn>,
}

/// A record by position.
#[derive(Serialize, Deserialize)]
struct Turn {
    number: u64,
    turn: TurnNumber,
    started: Timestamp,
    took: i64,
    events: Vec<(Name, Outcome)>,
    asked: Vec<Name>,
    attempts: u32,
    persona: Option<causerie_core::id::PersonaName>,
    model: Option<causerie_core::id::ModelName>,
    usage: Usage,
    prompt: PromptShape,
    first_text_ms: Option<u64>,
    steps: u32,
    delivered: Vec<Name>,
    notes: Vec<String>,
}

#[derive(Serialize, Deserialize)]
enum Name {
    /// The name of the message of the chunk with this number.
    Of(usize),
    Other(String),
}

impl Chunk {
    pub(crate) fn encode(self) -> Result<Vec<u8>, Fault> {
        let Chunk {
            mut messages,
            turns,
            ..
        } = self;
        let names = names(&messages).enumerate();
        let names: HashMap<&str, usize> = names.map(|(i, name)| (name.as_str(), i)).collect();
        let name = |name: &str| match names.get(name) {
            Some(&i) => Name::Of(i),
            None => Name::Other(name.to_owned()),
        };
        let mut before = (0, 0, 0);
        let turn = |(number, record): (u64, TurnRecord)| {
            let here = (number, record.turn.0, record.started.0);
            let turn = Turn {
                number: here.0.wrapping_sub(before.0),
                turn: TurnNumber(here.1.wrapping_sub(before.1)),
                started: Timestamp(here.2.wrapping_sub(before.2)),
                took: record.ended.0.wrapping_sub(record.started.0),
                events: (record.events.into_iter())
                    .map(|(id, outcome)| (name(id.as_str()), outcome))
                    .collect(),
                asked: (record.asked.iter())
                    .map(|message| name(message.as_str()))
                    .collect(),
                attempts: record.attempts,
                persona: record.persona,
                model: record.model,
                usage: record.usage,
                prompt: record.prompt,
                first_text_ms: record.first_text_ms,
                steps: record.steps,
                delivered: (record.delivered.iter())
                    .map(|message| name(message.as_str()))
                    .collect(),
                notes: record.notes,
            };
            before = here;
            turn
        };
        let turns = turns.into_iter().map(turn).collect();
        for i in (1..messages.len()).rev() {
            let (seq, turn, at) = position(&messages[i - 1]);
            let message = &mut messages[i];
            message.seq.0 = message.seq.0.wrapping_sub(seq);
            message.turn.0 = message.turn.0.wrapping_sub(turn);
            message.at.0 = message.at.0.wrapping_sub(at);
        }
        record::encode(&Stored { messages, turns }).map_err(Fault::Record)
    }

    /// Reads a chunk of `conversation`.
    pub(crate) fn decode(conversation: &ConversationId, bytes: &[u8]) -> Result<Self, Fault> {
        let Stored {
            mut messages,
            turns,
        } = record::decode(bytes).map_err(Fault::Record)?;
        for i in 1..messages.len() {
            let (seq, turn, at) = position(&messages[i - 1]);
            let message = &mut messages[i];
            message.seq = Seq(message.seq.0.wrapping_add(seq));
            message.turn = TurnNumber(message.turn.0.wrapping_add(turn));
            message.at = Timestamp(message.at.0.wrapping_add(at));
        }
        let names: Vec<&MessageRef> = names(&messages).collect();
        let name = |name: Name| match name {
            Name::Of(i) => names
                .get(i)
                .map(|name| name.as_str().to_owned())
                .ok_or(NAME),
            Name::Other(name) => Ok(name),
        };
        let mut before = (0_u64, 0_u64, 0_i64);
        let turn = |turn: Turn| {
            before = (
                before.0.wrapping_add(turn.number),
                before.1.wrapping_add(turn.turn.0),
                before.2.wrapping_add(turn.started.0),
            );
            let event = |(id, outcome)| {
                let id = EventId::new(name(id)?).map_err(|_| NAME)?;
                Ok::<_, Fault>((id, outcome))
            };
            let message = |id| MessageRef::new(name(id)?).map_err(|_| NAME);
            let record = TurnRecord {
                conversation: conversation.clone(),
                turn: TurnNumber(before.1),
                started: Timestamp(before.2),
                ended: Timestamp(before.2.wrapping_add(turn.took)),
                events: turn
                    .events
                    .into_iter()
                    .map(event)
                    .collect::<Result<_, _>>()?,
                asked: (turn.asked.into_iter())
                    .map(message)
                    .collect::<Result<_, _>>()?,
                attempts: turn.attempts,
                persona: turn.persona,
                model: turn.model,
                usage: turn.usage,
                prompt: turn.prompt,
                first_text_ms: turn.first_text_ms,
                steps: turn.steps,
                delivered: turn
                    .delivered
                    .into_iter()
                    .map(message)
                    .collect::<Result<_, _>>()?,
                notes: turn.notes,
            };
            Ok((before.0, record))
        };
        let turns = turns.into_iter().map(turn).collect::<Result<_, Fault>>()?;
        Ok(Self {
            turns,
            messages,
            bytes: bytes.len(),
        })
    }
}

const NAME: Fault = Fault::Damaged("a turn that names what is not there");

fn names(messages: &[Message]) -> impl Iterator<Item = &MessageRef> {
    messages.iter().flat_map(|message| &message.refs)
}

fn position(message: &Message) -> (u64, u64, i64) {
    (message.seq.0, message.turn.0, message.at.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use causerie_core::{Text, message::Part, message::Role, outcome::Failure};

    fn id() -> ConversationId {
        ConversationId::new("web/a").unwrap()
    }

    fn message(seq: u64, turn: u64, at: i64, refs: &[&str]) -> Message {
        Message {
            seq: Seq(seq),
            turn: TurnNumber(turn),
            at: Timestamp(at),
            role: Role::User,
            author: None,
            parts: vec![Part::Text(Text::new("words"))],
            quoted: None,
            refs: refs
                .iter()
                .map(|name| MessageRef::new(name).unwrap())
                .collect(),
            shared: false,
        }
    }

    fn record(turn: u64, started: i64, events: &[&str], delivered: &[&str]) -> TurnRecord {
        TurnRecord {
            conversation: id(),
            turn: TurnNumber(turn),
            started: Timestamp(started),
            ended: Timestamp(started - 7),
            events: (events.iter())
                .map(|name| {
                    (
                        EventId::new(name).unwrap(),
                        Outcome::Failed(Failure::Internal),
                    )
                })
                .collect(),
            asked: (events.iter())
                .map(|name| MessageRef::new(name).unwrap())
                .collect(),
            attempts: 2,
            persona: None,
            model: None,
            usage: Usage::default(),
            prompt: PromptShape::default(),
            first_text_ms: Some(3),
            steps: 1,
            delivered: delivered
                .iter()
                .map(|name| MessageRef::new(name).unwrap())
                .collect(),
            notes: vec!["retried".to_owned()],
        }
    }

    #[test]
    fn what_is_written_is_read_whatever_its_numbers() {
        let messages = vec![
            message(9, 4, i64::MIN, &["m1", "m1"]),
            message(8, u64::MAX, i64::MAX, &[]),
            message(u64::MAX, 0, -1, &["m2", "m1"]),
        ];
        let turns = vec![
            (u64::MAX, record(3, i64::MAX, &["m1", "e9"], &["m2"])),
            (5, record(0, -5, &[], &["gone"])),
        ];
        let chunk = Chunk {
            messages: messages.clone(),
            turns: turns.clone(),
            bytes: 0,
        };
        let bytes = chunk.encode().unwrap();
        let read = Chunk::decode(&id(), &bytes).unwrap();
        assert_eq!((read.messages, read.turns), (messages, turns));
        assert_eq!(read.bytes, bytes.len());
        for length in 0..bytes.len() {
            assert!(Chunk::decode(&id(), &bytes[..length]).is_err());
        }
    }

    #[test]
    fn names_that_messages_carry_are_not_written_twice() {
        let long = "x".repeat(100);
        let chunk = Chunk {
            messages: vec![message(1, 1, 1, &[&long])],
            turns: vec![(1, record(1, 1, &[&long], &[&long, &long]))],
            bytes: 0,
        };
        assert!(chunk.encode().unwrap().len() < 180);
    }
}
