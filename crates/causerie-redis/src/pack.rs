//! A chunk as one stream of symbols, and beside it the bits that nobody could foresee.
//!
//! Words and whatever repeats (flags, differences, small numbers) go into the stream, which a
//! [`primer`] compresses. Of a larger number only how many bits it has is worth foreseeing: that
//! goes into the stream, and the bits themselves stand apart, as they are.
//!
//! Packed, it is the number of the primer, how long the stream was, how many bytes of bits follow,
//! those, and the compressed stream. That takes milliseconds, so a chunk that changes all the time is
//! left light: how many bytes of bits follow, those, and the stream as it is.

pub(crate) mod primer;

use crate::fault::Fault;
use causerie_core::record;
use serde::{Serialize, de::DeserializeOwned};
use std::borrow::Cow;

/// Numbers below stand in the stream as they are.
const SMALL: u64 = 192;

/// Ends words. No text holds such a byte.
const END: u8 = 0xff;

const DAMAGED: Fault = Fault::Damaged("a chunk that ends too early");

/// Writes the stream.
#[derive(Clone, Default)]
pub(crate) struct Packer {
    stream: Vec<u8>,
    bits: Vec<u8>,
    /// How many bits of the last byte are used; 0 if all are.
    used: u32,
}

impl Packer {
    pub(crate) fn flag(&mut self, flag: bool) {
        self.stream.push(flag.into());
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.stream.push(byte);
    }

    pub(crate) fn number(&mut self, number: u64) {
        if number < SMALL {
            self.stream.push(number as u8);
            return;
        }
        let length = number.ilog2();
        self.stream.push((SMALL + u64::from(length)) as u8);
        // The highest bit is known to be set.
        for i in (0..length).rev() {
            self.bit(number >> i & 1);
        }
    }

    pub(crate) fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    /// How far `number` is from what one would expect.
    pub(crate) fn from(&mut self, expected: u64, number: u64) {
        let difference = number.wrapping_sub(expected).cast_signed();
        self.number((difference << 1 ^ difference >> 63).cast_unsigned());
    }

    pub(crate) fn words(&mut self, words: &str) {
        self.stream.extend(words.as_bytes());
        self.stream.push(END);
    }

    /// What is rare enough to stand as a record.
    pub(crate) fn record<T: Serialize>(&mut self, value: &T) -> Result<(), Fault> {
        let bytes = record::encode(value).map_err(Fault::Record)?;
        self.count(bytes.len());
        self.stream.extend(bytes);
        Ok(())
    }

    /// The stream as it is, for a primer.
    #[cfg(test)]
    pub(crate) fn into_stream(self) -> Vec<u8> {
        self.stream
    }

    pub(crate) fn lighten(self) -> Vec<u8> {
        let mut light = Vec::with_capacity(self.stream.len() + self.bits.len() + 3);
        put_length(&mut light, self.bits.len());
        light.extend(self.bits);
        light.extend(self.stream);
        light
    }

    pub(crate) fn pack(self) -> Result<Vec<u8>, Fault> {
        let mut packed = vec![primer::NUMBER];
        put_length(&mut packed, self.stream.len());
        put_length(&mut packed, self.bits.len());
        packed.extend(self.bits);
        packed.extend(primer::compress(&self.stream)?);
        Ok(packed)
    }

    fn bit(&mut self, bit: u64) {
        if self.used == 0 {
            self.bits.push(0);
        }
        if let Some(last) = self.bits.last_mut() {
            *last |= (bit as u8) << self.used;
        }
        self.used = (self.used + 1) % 8;
    }
}

/// Reads the stream.
pub(crate) struct Unpacker<'a> {
    stream: &'a [u8],
    bits: &'a [u8],
    used: u32,
}

/// What was packed, with the stream as it was before compression.
pub(crate) struct Unpacked<'a> {
    pub(crate) stream: Cow<'a, [u8]>,
    bits: &'a [u8],
}

impl<'a> Unpacked<'a> {
    pub(crate) fn new(packed: &'a [u8]) -> Result<Self, Fault> {
        let (&number, mut rest) = packed.split_first().ok_or(DAMAGED)?;
        let length = take_length(&mut rest)?;
        let bits = take_length(&mut rest)?;
        let (bits, compressed) = rest.split_at_checked(bits).ok_or(DAMAGED)?;
        let stream = primer::expand(number, compressed, length)?.into();
        Ok(Self { stream, bits })
    }

    pub(crate) fn light(mut light: &'a [u8]) -> Result<Self, Fault> {
        let bits = take_length(&mut light)?;
        let (bits, stream) = light.split_at_checked(bits).ok_or(DAMAGED)?;
        let stream = stream.into();
        Ok(Self { stream, bits })
    }

    pub(crate) fn unpacker(&self) -> Unpacker<'_> {
        Unpacker {
            stream: &self.stream,
            bits: self.bits,
            used: 0,
        }
    }
}

impl Unpacker<'_> {
    pub(crate) fn flag(&mut self) -> Result<bool, Fault> {
        Ok(self.byte()? != 0)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Fault> {
        let (&byte, rest) = self.stream.split_first().ok_or(DAMAGED)?;
        self.stream = rest;
        Ok(byte)
    }

    pub(crate) fn number(&mut self) -> Result<u64, Fault> {
        let symbol = u64::from(self.byte()?);
        let Some(length) = symbol.checked_sub(SMALL) else {
            return Ok(symbol);
        };
        if length >= u64::from(u64::BITS) {
            return Err(DAMAGED);
        }
        let mut number = 1;
        for _ in 0..length {
            number = number << 1 | self.bit()?;
        }
        Ok(number)
    }

    pub(crate) fn small<T: TryFrom<u64>>(&mut self) -> Result<T, Fault> {
        T::try_from(self.number()?).map_err(|_| DAMAGED)
    }

    /// So many things, each read by `read`.
    pub(crate) fn each<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        // A damaged count ends where the stream does: nothing is set aside for it.
        let mut found = vec![];
        for _ in 0..self.number()? {
            found.push(read(self)?);
        }
        Ok(found)
    }

    pub(crate) fn from(&mut self, expected: u64) -> Result<u64, Fault> {
        let folded = self.number()?;
        let difference = folded >> 1 ^ (folded & 1).wrapping_neg();
        Ok(expected.wrapping_add(difference))
    }

    pub(crate) fn words(&mut self) -> Result<String, Fault> {
        let end = self.stream.iter().position(|&byte| byte == END);
        let (words, rest) = self.stream.split_at(end.ok_or(DAMAGED)?);
        self.stream = &rest[1..];
        String::from_utf8(words.to_vec()).map_err(|_| DAMAGED)
    }

    pub(crate) fn record<T: DeserializeOwned>(&mut self) -> Result<T, Fault> {
        let length = self.small()?;
        let (record, rest) = self.stream.split_at_checked(length).ok_or(DAMAGED)?;
        self.stream = rest;
        record::decode(record).map_err(Fault::Record)
    }

    fn bit(&mut self) -> Result<u64, Fault> {
        let &byte = self.bits.first().ok_or(DAMAGED)?;
        let bit = byte >> self.used & 1;
        self.used = (self.used + 1) % 8;
        if self.used == 0 {
            self.bits = &self.bits[1..];
        }
        Ok(bit.into())
    }
}

/// Seven bits to a byte, the lowest first; the highest bit says that more follow.
fn put_length(packed: &mut Vec<u8>, mut length: usize) {
    while length > 0x7f {
        packed.push(length as u8 | 0x80);
        length >>= 7;
    }
    packed.push(length as u8);
}

fn take_length(packed: &mut &[u8]) -> Result<usize, Fault> {
    let mut length = 0;
    for shift in (0..35).step_by(7) {
        let (&byte, rest) = packed.split_first().ok_or(DAMAGED)?;
        *packed = rest;
        length |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(length);
        }
    }
    Err(DAMAGED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let numbers = [
            0,
            1,
            191,
            192,
            193,
            255,
            256,
            1 << 40,
            u64::MAX - 1,
            u64::MAX,
        ];
        let mut packer = Packer::default();
        for number in numbers {
            packer.number(number);
            packer.from(5, number);
        }
        packer.words("short words, ä and 天");
        packer.words("");
        packer.flag(true);
        packer.record(&("a", 7_u8)).unwrap();
        let light = packer.clone().lighten();
        let packed = packer.pack().unwrap();
        for unpacked in [Unpacked::new(&packed), Unpacked::light(&light)] {
            let unpacked = unpacked.unwrap();
            let mut unpacker = unpacked.unpacker();
            for number in numbers {
                assert_eq!(unpacker.number().unwrap(), number);
                assert_eq!(unpacker.from(5).unwrap(), number);
            }
            assert_eq!(unpacker.words().unwrap(), "short words, ä and 天");
            assert_eq!(unpacker.words().unwrap(), "");
            assert!(unpacker.flag().unwrap());
            let record: (String, u8) = unpacker.record().unwrap();
            assert_eq!(record, ("a".to_owned(), 7));
            assert!(unpacker.byte().is_err());
        }
    }

    #[test]
    fn lengths_are_read_as_written() {
        for length in [0, 127, 128, 300, 1 << 20, 200 << 20] {
            let mut bytes = vec![];
            put_length(&mut bytes, length);
            assert_eq!(take_length(&mut &bytes[..]).unwrap(), length);
        }
        assert!(take_length(&mut &[0x80; 9][..]).is_err());
    }
}
