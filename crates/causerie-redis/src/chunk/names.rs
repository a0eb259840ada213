//! Names that platforms give.

use crate::{
    fault::Fault,
    pack::{Packer, Unpacker},
};
use causerie_core::{id::MessageRef, message::Message};
use std::collections::HashMap;

pub(super) const DAMAGED: Fault = Fault::Damaged("a chunk that names what is not there");

/// Writes and reads names. Many platforms count: then a name is how far it is from the last one.
#[derive(Default)]
pub(super) struct Names {
    last: u64,
}

impl Names {
    pub(super) fn write(&mut self, packer: &mut Packer, name: &str) {
        match number(name) {
            Some(number) => {
                packer.flag(true);
                self.write_number(packer, number);
            }
            None => {
                packer.flag(false);
                packer.words(name);
            }
        }
    }

    pub(super) fn write_number(&mut self, packer: &mut Packer, number: u64) {
        packer.from(self.last, number);
        self.last = number;
    }

    pub(super) fn read(&mut self, packed: &mut Unpacker<'_>) -> Result<String, Fault> {
        match packed.flag()? {
            true => self.read_number(packed),
            false => packed.words(),
        }
    }

    pub(super) fn read_number(&mut self, packed: &mut Unpacker<'_>) -> Result<String, Fault> {
        self.last = packed.from(self.last)?;
        Ok(self.last.to_string())
    }
}

/// The number that `name` is, if it is written as we would write it.
pub(super) fn number(name: &str) -> Option<u64> {
    let number: u64 = name.parse().ok()?;
    (number.to_string() == name).then_some(number)
}

/// Writes and reads names that messages of the chunk may carry: how many names on from the last one
/// that was meant.
pub(super) struct Carried<'a> {
    names: Vec<&'a str>,
    places: HashMap<&'a str, usize>,
    at: usize,
    others: Names,
}

impl<'a> Carried<'a> {
    pub(super) fn by(messages: &'a [Message]) -> Self {
        let names = messages.iter().flat_map(|message| &message.refs);
        let names: Vec<&str> = names.map(MessageRef::as_str).collect();
        let places = names.iter().enumerate().map(|(i, name)| (*name, i));
        Self {
            places: places.collect(),
            names,
            at: 0,
            others: Names::default(),
        }
    }

    pub(super) fn write(&mut self, packer: &mut Packer, name: &str) {
        let Some(&place) = self.places.get(name) else {
            packer.flag(false);
            return self.others.write(packer, name);
        };
        packer.flag(true);
        packer.from(self.at as u64, place as u64);
        self.at = place;
    }

    pub(super) fn read(&mut self, packed: &mut Unpacker<'_>) -> Result<String, Fault> {
        if !packed.flag()? {
            return self.others.read(packed);
        }
        let place = packed.from(self.at as u64)?;
        self.at = usize::try_from(place).map_err(|_| DAMAGED)?;
        let name = self.names.get(self.at).ok_or(DAMAGED)?;
        Ok((*name).to_owned())
    }
}
