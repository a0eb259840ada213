//! Chunks as the first version wrote them: one record, in which a position, turn or time is the
//! difference to the one before, and a name that a message of the chunk carries is its number.

use super::Chunk;
use crate::fault::Fault;
use causerie_core::{
    Timestamp,
    id::{ConversationId, EventId, MessageRef, Seq, TurnNumber},
    message::Message,
    outcome::{Outcome, PromptShape, TurnRecord, Usage},
    record,
};
use serde::Deserialize;

/// A chunk by position (see [`causerie_core::record`]).
#[derive(Deserialize)]
struct Stored {
    messages: Vec<Message>,
    turns: Vec<Turn>,
}

/// A record by position.
#[derive(Deserialize)]
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

#[derive(Deserialize)]
enum Name {
    /// The name of the message of the chunk with this number.
    Of(usize),
    Other(String),
}

/// Reads a chunk of `conversation`.
pub(super) fn decode(conversation: &ConversationId, bytes: &[u8]) -> Result<Chunk, Fault> {
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
    Ok(Chunk {
        turns,
        messages,
        bytes: bytes.len(),
        light: false,
    })
}

const NAME: Fault = Fault::Damaged("a turn that names what is not there");

fn names(messages: &[Message]) -> impl Iterator<Item = &MessageRef> {
    messages.iter().flat_map(|message| &message.refs)
}

fn position(message: &Message) -> (u64, u64, i64) {
    (message.seq.0, message.turn.0, message.at.0)
}
