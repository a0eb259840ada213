//! Turn records of a chunk.

use super::names::{Carried, DAMAGED};
use crate::{
    fault::Fault,
    pack::{Packer, Unpacker},
};
use causerie_core::{
    Timestamp,
    id::{ConversationId, EventId, MessageRef, ModelName, PersonaName, TurnNumber},
    message::Message,
    outcome::{Outcome, TurnRecord},
};
use std::collections::HashMap;

type Numbered = (u64, TurnRecord);

/// What is written of a record as a number: how it is taken from it, what is expected, given the
/// record before, and how it is put back.
type Field = (
    fn(&TurnRecord) -> u64,
    Expected,
    fn(&mut TurnRecord, u64) -> Option<()>,
);

enum Expected {
    Nothing,
    /// As in the record before.
    Same,
}

macro_rules! field {
    ($expected:ident, $($name:ident).+) => {
        (
            |record| record.$($name).+.into(),
            Expected::$expected,
            |record, number| {
                record.$($name).+ = number.try_into().ok()?;
                Some(())
            },
        )
    };
}

const FIELDS: [Field; 11] = [
    field!(Nothing, attempts),
    field!(Nothing, steps),
    field!(Same, usage.input),
    field!(Same, usage.cached),
    field!(Nothing, usage.output),
    field!(Nothing, usage.cost),
    field!(Same, prompt.persona),
    field!(Same, prompt.summary),
    field!(Same, prompt.history),
    field!(Same, prompt.messages),
    field!(Nothing, prompt.tail),
];

pub(super) fn write(
    packer: &mut Packer,
    turns: &[Numbered],
    messages: &[Message],
) -> Result<(), Fault> {
    let records = || turns.iter().map(|(_, record)| record);
    packer.count(turns.len());
    let mut before = 0;
    for record in records() {
        packer.from(before, record.turn.0);
        before = record.turn.0;
    }
    let times = Times::of(messages);
    let mut before = 0;
    for record in records() {
        let started = record.started.0.cast_unsigned();
        packer.from(times.started(record.turn, before), started);
        before = started;
    }
    for record in records() {
        let ended = times.ended(record.turn, record.started.0.cast_unsigned());
        packer.from(ended, record.ended.0.cast_unsigned());
    }
    let mut before = 0;
    for (number, record) in turns {
        let off = number.wrapping_sub(micros(record));
        packer.from(before, off);
        before = off;
    }
    let mut carried = Carried::by(messages);
    for record in records() {
        packer.count(record.events.len());
        for (event, _) in &record.events {
            carried.write(packer, event.as_str());
        }
        for names in [&record.asked, &record.delivered] {
            packer.count(names.len());
            for name in names {
                carried.write(packer, name.as_str());
            }
        }
    }
    for (_, outcome) in records().flat_map(|record| &record.events) {
        let answered = *outcome == Outcome::Answered;
        packer.flag(answered);
        if !answered {
            packer.record(outcome)?;
        }
    }
    for (take, expected, _) in FIELDS {
        let mut before = 0;
        for number in records().map(take) {
            packer.from(before, number);
            before = expected.after(number);
        }
    }
    for record in records() {
        packer.flag(record.prompt.exact);
    }
    for record in records() {
        packer.flag(record.first_text_ms.is_some());
        packer.number(record.first_text_ms.unwrap_or_default());
    }
    write_names(
        packer,
        records().map(|record| record.persona.as_ref().map(PersonaName::as_str)),
    );
    write_names(
        packer,
        records().map(|record| record.model.as_ref().map(ModelName::as_str)),
    );
    for record in records() {
        packer.count(record.notes.len());
        for note in &record.notes {
            packer.words(note);
        }
    }
    Ok(())
}

pub(super) fn read(
    packed: &mut Unpacker<'_>,
    conversation: &ConversationId,
    messages: &[Message],
) -> Result<Vec<Numbered>, Fault> {
    let mut before = 0;
    let mut turns = packed.each(|packed| {
        before = packed.from(before)?;
        let turn = TurnNumber(before);
        // Its times are read further on.
        Ok((0, TurnRecord::new(conversation.clone(), turn, Timestamp(0))))
    })?;
    let times = Times::of(messages);
    let mut before = 0;
    for (_, record) in &mut turns {
        before = packed.from(times.started(record.turn, before))?;
        record.started = Timestamp(before.cast_signed());
    }
    for (_, record) in &mut turns {
        let ended = times.ended(record.turn, record.started.0.cast_unsigned());
        record.ended = Timestamp(packed.from(ended)?.cast_signed());
    }
    let mut before = 0;
    for (number, record) in &mut turns {
        before = packed.from(before)?;
        *number = before.wrapping_add(micros(record));
    }
    let mut carried = Carried::by(messages);
    for (_, record) in &mut turns {
        let event =
            |packed: &mut Unpacker<'_>| EventId::new(carried.read(packed)?).map_err(|_| DAMAGED);
        let events = packed.each(event)?;
        record.events = events
            .into_iter()
            .map(|event| (event, Outcome::Answered))
            .collect();
        for names in [&mut record.asked, &mut record.delivered] {
            *names = packed
                .each(|packed| MessageRef::new(carried.read(packed)?).map_err(|_| DAMAGED))?;
        }
    }
    for (_, outcome) in turns.iter_mut().flat_map(|(_, record)| &mut record.events) {
        if !packed.flag()? {
            *outcome = packed.record()?;
        }
    }
    for (_, expected, put) in FIELDS {
        let mut before = 0;
        for (_, record) in &mut turns {
            let number = packed.from(before)?;
            put(record, number).ok_or(DAMAGED)?;
            before = expected.after(number);
        }
    }
    for (_, record) in &mut turns {
        record.prompt.exact = packed.flag()?;
    }
    for (_, record) in &mut turns {
        let known = packed.flag()?;
        record.first_text_ms = Some(packed.number()?).filter(|_| known);
    }
    let personas = read_names(packed, turns.len())?;
    let models = read_names(packed, turns.len())?;
    for ((_, record), (persona, model)) in turns.iter_mut().zip(personas.iter().zip(models)) {
        let persona = persona.as_ref().map(PersonaName::new);
        record.persona = persona.transpose().map_err(|_| DAMAGED)?;
        record.model = model.map(ModelName::new).transpose().map_err(|_| DAMAGED)?;
    }
    for (_, record) in &mut turns {
        record.notes = packed.each(Unpacker::words)?;
    }
    Ok(turns)
}

impl Expected {
    /// What is expected after `number`.
    fn after(&self, number: u64) -> u64 {
        match self {
            Expected::Nothing => 0,
            Expected::Same => number,
        }
    }
}

/// When the first and the last message of each turn were said: a record's own times are close.
struct Times(HashMap<TurnNumber, (u64, u64)>);

impl Times {
    fn of(messages: &[Message]) -> Self {
        let mut times = HashMap::new();
        for message in messages {
            let at = message.at.0.cast_unsigned();
            times.entry(message.turn).or_insert((at, at)).1 = at;
        }
        Self(times)
    }

    fn started(&self, turn: TurnNumber, otherwise: u64) -> u64 {
        self.0.get(&turn).map_or(otherwise, |times| times.0)
    }

    fn ended(&self, turn: TurnNumber, otherwise: u64) -> u64 {
        self.0.get(&turn).map_or(otherwise, |times| times.1)
    }
}

/// The time of a record as the numbers of records count it.
fn micros(record: &TurnRecord) -> u64 {
    record.ended.0.cast_unsigned().wrapping_mul(1000)
}

/// None, the one before, or another.
fn write_names<'a>(packer: &mut Packer, names: impl Iterator<Item = Option<&'a str>>) {
    let mut before = None;
    for name in names {
        match name {
            None => packer.byte(0),
            Some(_) if name == before => packer.byte(1),
            Some(other) => {
                packer.byte(2);
                packer.words(other);
                before = name;
            }
        }
    }
}

fn read_names(packed: &mut Unpacker<'_>, count: usize) -> Result<Vec<Option<String>>, Fault> {
    let mut before = None;
    let mut names = vec![];
    for _ in 0..count {
        names.push(match packed.byte()? {
            0 => None,
            1 => before.clone(),
            _ => {
                before = Some(packed.words()?);
                before.clone()
            }
        });
    }
    Ok(names)
}
