//! A chunk of history as bytes: many messages and turn records, packed or light.
//!
//! It is written field by field, not message by message: all authors, all times, and so on, the
//! words last. So what repeats stands side by side, and a [`Packer`] makes little of it. What can be
//! expected is not written either: a position, turn or time is the difference to the one before; a
//! record does not name its conversation, and its times are those of its turn's messages; and an
//! event or a platform message that a record names is, where a message of the chunk carries the
//! same name, a number among those.

mod first;
mod messages;
mod names;
#[cfg(test)]
mod primer;
mod turns;

use crate::{
    fault::Fault,
    pack::{Packer, Unpacked},
    seal::Body,
};
use causerie_core::{
    Text,
    id::ConversationId,
    message::{Message, Part},
    outcome::TurnRecord,
};

/// Messages and records, the oldest first. A record has a number by which those of all
/// conversations are ordered.
#[derive(Clone, Default)]
pub(crate) struct Chunk {
    pub(crate) messages: Vec<Message>,
    pub(crate) turns: Vec<(u64, TurnRecord)>,
    /// How long it was before compression.
    pub(crate) bytes: usize,
    /// It was not compressed.
    pub(crate) light: bool,
}

impl Chunk {
    /// Packs it, or leaves it light.
    pub(crate) fn encode(&self, light: bool) -> Result<Vec<u8>, Fault> {
        let packer = self.packer()?;
        if light {
            return Ok(packer.lighten());
        }
        packer.pack()
    }

    /// Reads a chunk of `conversation`.
    pub(crate) fn decode(conversation: &ConversationId, body: &Body) -> Result<Self, Fault> {
        let unpacked = match body {
            Body::Record(record) => return first::decode(conversation, record),
            Body::Packed(packed) => Unpacked::new(packed)?,
            Body::Light(light) => Unpacked::light(light)?,
        };
        let mut packed = unpacked.unpacker();
        let mut messages = messages::read(&mut packed)?;
        let turns = turns::read(&mut packed, conversation, &messages)?;
        for part in messages.iter_mut().flat_map(|message| &mut message.parts) {
            if let Part::Text(text) = part {
                *text = Text::new(packed.words()?);
            }
        }
        Ok(Self {
            turns,
            messages,
            bytes: unpacked.stream.len(),
            light: matches!(body, Body::Light(_)),
        })
    }

    fn packer(&self) -> Result<Packer, Fault> {
        let mut packer = Packer::default();
        messages::write(&mut packer, &self.messages)?;
        turns::write(&mut packer, &self.turns, &self.messages)?;
        for part in self.messages.iter().flat_map(|message| &message.parts) {
            if let Part::Text(text) = part {
                packer.words(text.expose());
            }
        }
        Ok(packer)
    }
}
#[cfg(test)]
mod tests {
    use super::*;
    use causerie_core::{
        Timestamp,
        event::{Participant, Quoted},
        id::{EventId, MessageRef, Seq, ToolName, TurnNumber},
        message::{Role, ToolCall},
        outcome::{Failure, Outcome, PromptShape, Usage},
    };

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
            ..Chunk::default()
        };
        for (form, light) in [(Body::Packed as fn(_) -> _, false), (Body::Light, true)] {
            let bytes = chunk.encode(light).unwrap();
            let read = Chunk::decode(&id(), &form(bytes.clone())).unwrap();
            assert_eq!((&read.messages, &read.turns), (&messages, &turns));
            assert!(read.bytes > 0 && read.light == light);
            for length in 0..bytes.len() - 8 {
                let cut = form(bytes[..length].to_vec());
                assert!(Chunk::decode(&id(), &cut).is_err());
            }
        }
    }

    #[test]
    fn names_that_messages_carry_are_not_written_twice() {
        let long = "x".repeat(100);
        let chunk = Chunk {
            messages: vec![message(1, 1, 1, &[&long])],
            turns: vec![(1, record(1, 1, &[&long], &[&long, &long]))],
            ..Chunk::default()
        };
        assert!(chunk.encode(false).unwrap().len() < 100);
    }

    #[test]
    fn what_is_rare_is_kept_too() {
        let author = |name: &str, is_bot| Participant {
            id: format!("web/{name}").parse().unwrap(),
            name: Text::new(name),
            is_bot,
            roles: vec!["admin".to_owned()],
        };
        let mut messages: Vec<Message> = (1..=4)
            .map(|n| {
                message(
                    n,
                    1,
                    5,
                    &[&n.to_string(), "007", "xyzu"][..n as usize % 3 + 1],
                )
            })
            .collect();
        messages[0].author = Some(author("a", false));
        messages[1].author = Some(author("b", true));
        messages[1].shared = true;
        messages[2].author = Some(author("a", false));
        messages[2].quoted = Some(Quoted {
            message: MessageRef::new("7").unwrap(),
            author: Some(author("b", true)),
            text: Text::new("said before"),
        });
        messages[3].role = Role::Assistant;
        messages[3].parts = vec![
            Part::Text(Text::new("first")),
            Part::ToolCall(ToolCall {
                id: "c1".to_owned(),
                name: ToolName::new("clock").unwrap(),
                arguments: Text::new("{}"),
            }),
            Part::Text(Text::default()),
        ];
        messages.push(Message {
            role: Role::Tool,
            parts: vec![],
            ..message(5, 1, 6, &[])
        });
        let mut odd = record(1, 5, &[], &[]);
        odd.model = Some("m".parse().unwrap());
        odd.prompt.exact = true;
        odd.usage.cost = u64::MAX;
        odd.first_text_ms = None;
        let turns = vec![(1, odd), (2, record(2, 9, &["e", "e"], &["007"]))];
        let chunk = Chunk {
            messages: messages.clone(),
            turns: turns.clone(),
            ..Chunk::default()
        };
        let body = Body::Packed(chunk.encode(false).unwrap());
        let read = Chunk::decode(&id(), &body).unwrap();
        assert_eq!((read.messages, read.turns), (messages, turns));
    }
}
