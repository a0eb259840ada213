//! Messages of a chunk, but for their words.

use super::names::{DAMAGED, Names, number};
use crate::{
    fault::Fault,
    pack::{Packer, Unpacker},
};
use causerie_core::{
    Text, Timestamp,
    event::Participant,
    id::{MessageRef, Seq, TurnNumber},
    message::{Message, Part, Role},
};

const ROLE: u8 = 0b11;
const SHARED: u8 = 1 << 2;
const AUTHOR: u8 = 1 << 3;
const QUOTED: u8 = 1 << 4;
/// It is one text.
const PLAIN: u8 = 1 << 5;
/// One message of the platform carries it, and its name is a number.
const COUNTED: u8 = 1 << 6;

pub(super) fn write(packer: &mut Packer, messages: &[Message]) -> Result<(), Fault> {
    packer.count(messages.len());
    for message in messages {
        packer.byte(shape(message));
    }
    let (mut seq, mut turn, mut at) = (0, 0, 0);
    for message in messages {
        packer.from(seq, message.seq.0);
        seq = message.seq.0;
    }
    for message in messages {
        packer.from(turn, message.turn.0);
        turn = message.turn.0;
    }
    for message in messages {
        packer.from(at, message.at.0.cast_unsigned());
        at = message.at.0.cast_unsigned();
    }
    // Who spoke before is a number.
    let mut known: Vec<&Participant> = vec![];
    for author in messages
        .iter()
        .filter_map(|message| message.author.as_ref())
    {
        let place = known.iter().position(|known| *known == author);
        packer.count(place.unwrap_or(known.len()));
        if place.is_none() {
            packer.record(author)?;
            known.push(author);
        }
    }
    let mut names = Names::default();
    for message in messages {
        match counted(message) {
            Some(number) => names.write_number(packer, number),
            None => {
                packer.count(message.refs.len());
                for name in &message.refs {
                    names.write(packer, name.as_str());
                }
            }
        }
    }
    for message in messages.iter().filter(|message| !is_plain(message)) {
        packer.count(message.parts.len());
        for part in &message.parts {
            let is_text = matches!(part, Part::Text(_));
            packer.flag(is_text);
            if !is_text {
                packer.record(part)?;
            }
        }
    }
    for quoted in messages
        .iter()
        .filter_map(|message| message.quoted.as_ref())
    {
        packer.record(quoted)?;
    }
    Ok(())
}

pub(super) fn read(packed: &mut Unpacker<'_>) -> Result<Vec<Message>, Fault> {
    let shapes = packed.each(Unpacker::byte)?;
    let empty = |shape: &u8| {
        Ok(Message {
            seq: Seq(0),
            turn: TurnNumber(0),
            at: Timestamp(0),
            role: role(shape & ROLE)?,
            author: None,
            parts: vec![],
            quoted: None,
            refs: vec![],
            shared: shape & SHARED != 0,
        })
    };
    let messages: Result<Vec<Message>, Fault> = shapes.iter().map(empty).collect();
    let mut messages = messages?;
    let (mut seq, mut turn, mut at) = (0, 0, 0);
    for message in &mut messages {
        seq = packed.from(seq)?;
        message.seq = Seq(seq);
    }
    for message in &mut messages {
        turn = packed.from(turn)?;
        message.turn = TurnNumber(turn);
    }
    for message in &mut messages {
        at = packed.from(at)?;
        message.at = Timestamp(at.cast_signed());
    }
    let shaped = |messages: &mut [Message], read: &mut dyn FnMut(&mut Message, u8) -> _| {
        let mut messages = messages.iter_mut().zip(&shapes);
        messages.try_for_each(|(message, &shape)| read(message, shape))
    };
    let mut known: Vec<Participant> = vec![];
    shaped(&mut messages, &mut |message, shape| {
        if shape & AUTHOR != 0 {
            let place: usize = packed.small()?;
            if place == known.len() {
                known.push(packed.record()?);
            }
            message.author = Some(known.get(place).ok_or(DAMAGED)?.clone());
        }
        Ok(())
    })?;
    let mut names = Names::default();
    shaped(&mut messages, &mut |message, shape| {
        let refs = match shape & COUNTED {
            0 => packed.each(|packed| names.read(packed))?,
            _ => vec![names.read_number(packed)?],
        };
        let refs = refs.into_iter().map(MessageRef::new);
        message.refs = refs.collect::<Result<_, _>>().map_err(|_| DAMAGED)?;
        Ok(())
    })?;
    shaped(&mut messages, &mut |message, shape| {
        message.parts = match shape & PLAIN {
            0 => packed.each(|packed| match packed.flag()? {
                true => Ok(Part::Text(Text::default())),
                false => packed.record(),
            })?,
            _ => vec![Part::Text(Text::default())],
        };
        Ok(())
    })?;
    shaped(&mut messages, &mut |message, shape| {
        if shape & QUOTED != 0 {
            message.quoted = Some(packed.record()?);
        }
        Ok::<_, Fault>(())
    })?;
    Ok(messages)
}

fn shape(message: &Message) -> u8 {
    let role = match message.role {
        Role::User => 0,
        Role::Assistant => 1,
        Role::Tool => 2,
    };
    let flags = [
        (SHARED, message.shared),
        (AUTHOR, message.author.is_some()),
        (QUOTED, message.quoted.is_some()),
        (PLAIN, is_plain(message)),
        (COUNTED, counted(message).is_some()),
    ];
    let set = flags.iter().filter(|(_, is_set)| *is_set);
    set.fold(role, |shape, (flag, _)| shape | flag)
}

fn role(role: u8) -> Result<Role, Fault> {
    match role {
        0 => Ok(Role::User),
        1 => Ok(Role::Assistant),
        2 => Ok(Role::Tool),
        _ => Err(DAMAGED),
    }
}

fn is_plain(message: &Message) -> bool {
    matches!(message.parts[..], [Part::Text(_)])
}

fn counted(message: &Message) -> Option<u64> {
    match &message.refs[..] {
        [name] => number(name.as_str()),
        _ => None,
    }
}
