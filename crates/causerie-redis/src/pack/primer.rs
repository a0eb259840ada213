//! The compression of streams: PPMd, which has read a primer before it begins.
//!
//! A chat's few kilobytes are too short to learn from what words are likely. So the model reads a
//! few chats first, which we wrote for that: `chats.txt`, as the stream of `primer-1.bin`. What it
//! makes of them is the same each time, and is left out of what is stored.
//!
//! A primer, once published, never changes: what was written with it could not be read any more. A
//! better one gets the next number, and this one stays.

use crate::fault::Fault;
use ppmd_rust::{Ppmd7Decoder, Ppmd7Encoder};
use std::{
    io::{Read, Write},
    sync::OnceLock,
};

/// The primer that writes. What is stored begins with it.
pub(crate) const NUMBER: u8 = 1;

pub(crate) const PRIMER: &[u8] = include_bytes!("primer-1.bin");

/// How many bytes in a row the model knows.
const ORDER: u32 = 4;

/// What the model may remember. When that is full it begins anew, which long texts can afford.
const MEMORY: u32 = 1 << 20;

/// A stream that unpacks to more is damaged, or was made to hurt.
const MOST: usize = 256 << 20;

const DAMAGED: Fault = Fault::Damaged("a chunk that does not unpack");

/// Compresses `stream`.
pub(crate) fn compress(stream: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut encoder = primed()?;
    let read = encoder.get_ref().len();
    encoder.write_all(stream).map_err(|_| DAMAGED)?;
    let mut compressed = encoder.finish(false).map_err(|_| DAMAGED)?;
    Ok(compressed.split_off(read))
}

/// Expands what primer `number` compressed into a stream of `length` bytes.
pub(crate) fn expand(number: u8, compressed: &[u8], length: usize) -> Result<Vec<u8>, Fault> {
    if number != NUMBER {
        let (found, known) = (number.into(), NUMBER.into());
        return Err(Fault::Newer { found, known });
    }
    if length > MOST {
        return Err(DAMAGED);
    }
    let bytes = prefix()?.chain(compressed);
    let mut decoder = Ppmd7Decoder::new(bytes, ORDER, MEMORY).map_err(|_| DAMAGED)?;
    let mut read = vec![0; PRIMER.len()];
    decoder.read_exact(&mut read).map_err(|_| DAMAGED)?;
    let mut stream = vec![];
    let taken = decoder.take(length as u64).read_to_end(&mut stream);
    match taken {
        Ok(taken) if taken == length => Ok(stream),
        _ => Err(DAMAGED),
    }
}

/// An encoder that has read the primer.
fn primed() -> Result<Ppmd7Encoder<Vec<u8>>, Fault> {
    let encoder = Ppmd7Encoder::new(Vec::new(), ORDER, MEMORY);
    let mut encoder = encoder.map_err(|_| DAMAGED)?;
    encoder.write_all(PRIMER).map_err(|_| DAMAGED)?;
    Ok(encoder)
}

/// What the encoder has written when it has read the primer.
fn prefix() -> Result<&'static [u8], Fault> {
    static PREFIX: OnceLock<Vec<u8>> = OnceLock::new();
    if let Some(prefix) = PREFIX.get() {
        return Ok(prefix);
    }
    let prefix = primed()?.get_ref().clone();
    Ok(PREFIX.get_or_init(|| prefix))
}
