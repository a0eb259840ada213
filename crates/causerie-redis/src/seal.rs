//! How values stand in Redis: a record, compressed where that helps, encrypted if a key was given.
//!
//! The first byte says which of the two was done, or that it is a chunk of history, which
//! [`crate::pack`] compresses or leaves light. Then, if it is encrypted, the name of the key, a random
//! nonce of 24 bytes, and the ciphertext with its tag. What is encrypted is bound to the place it is
//! kept in (the Redis key and the field): moved elsewhere, it does not open.

use crate::{config::Key, fault::Fault};
use causerie_core::record;
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate, KeyInit, Payload},
};
use serde::{Serialize, de::DeserializeOwned};
use std::io::Write as _;

const PLAIN: u8 = 0x10;
const COMPRESSED: u8 = 1;
const ENCRYPTED: u8 = 2;
const PACKED: u8 = 4;
const LIGHT: u8 = 8;

/// Shorter records are not worth the trouble.
const WORTH_COMPRESSING: usize = 512;

/// A record that unpacks to more is damaged, or was made to hurt.
const MOST: u64 = 256 << 20;

/// What a value holds.
pub(crate) enum Body {
    /// A record.
    Record(Vec<u8>),
    /// A chunk as [`crate::pack`] makes it, which compresses by itself.
    Packed(Vec<u8>),
    /// A chunk as it makes it, not compressed.
    Light(Vec<u8>),
}

/// Writes and reads values.
pub(crate) struct Seal {
    /// The first one writes, all read.
    keys: Vec<(String, XChaCha20Poly1305)>,
}

impl Seal {
    pub(crate) fn new(keys: &[Key]) -> Self {
        let cipher = |key: &Key| {
            let cipher = XChaCha20Poly1305::new(key.bytes().into());
            (key.id().to_owned(), cipher)
        };
        Self {
            keys: keys.iter().map(cipher).collect(),
        }
    }

    /// Writes `value` for `place`.
    pub(crate) fn write<T: Serialize>(&self, place: &str, value: &T) -> Result<Vec<u8>, Fault> {
        let bytes = record::encode(value).map_err(Fault::Record)?;
        Ok(self.seal(place, &bytes))
    }

    /// Reads what was written for `place`.
    pub(crate) fn read<T: DeserializeOwned>(&self, place: &str, bytes: &[u8]) -> Result<T, Fault> {
        match self.open(place, bytes)? {
            Body::Record(record) => record::decode(&record).map_err(Fault::Record),
            Body::Packed(_) | Body::Light(_) => Err(Fault::Damaged("a chunk where none belongs")),
        }
    }

    /// Seals a chunk that was packed, or is light.
    pub(crate) fn seal_chunk(&self, place: &str, chunk: &[u8], light: bool) -> Vec<u8> {
        let form = if light { LIGHT } else { PACKED };
        self.close(place, PLAIN | form, chunk)
    }

    /// Whether what was sealed is a light chunk, which is opened in no time.
    pub(crate) fn is_light(sealed: &[u8]) -> bool {
        sealed.first().is_some_and(|form| form & LIGHT != 0)
    }

    fn seal(&self, place: &str, record: &[u8]) -> Vec<u8> {
        match compress(record) {
            Some(compressed) => self.close(place, PLAIN | COMPRESSED, &compressed),
            None => self.close(place, PLAIN, record),
        }
    }

    fn close(&self, place: &str, form: u8, body: &[u8]) -> Vec<u8> {
        let Some((id, cipher)) = self.keys.first() else {
            return [&[form], body].concat();
        };
        let nonce = XNonce::generate();
        let payload = Payload {
            msg: body,
            aad: place.as_bytes(),
        };
        let sealed = cipher
            .encrypt(&nonce, payload)
            .expect("a record is shorter than the 256 GiB that one nonce serves");
        // `Key` holds no id longer than a byte can tell.
        let length = u8::try_from(id.len()).unwrap_or(u8::MAX);
        let head = [form | ENCRYPTED, length];
        [&head[..], id.as_bytes(), &nonce[..], &sealed[..]].concat()
    }

    /// Opens what was sealed.
    pub(crate) fn open(&self, place: &str, bytes: &[u8]) -> Result<Body, Fault> {
        let (&form, rest) = bytes.split_first().ok_or(DAMAGED)?;
        let packing = form & (COMPRESSED | PACKED | LIGHT);
        if form & !(packing | ENCRYPTED) != PLAIN || packing.count_ones() > 1 {
            return Err(Fault::Damaged("a value of a form that is not known"));
        }
        let body = match form & ENCRYPTED {
            0 => rest.to_vec(),
            _ => self.decrypt(place, rest)?,
        };
        match packing {
            COMPRESSED => expand(&body).map(Body::Record),
            PACKED => Ok(Body::Packed(body)),
            LIGHT => Ok(Body::Light(body)),
            _ => Ok(Body::Record(body)),
        }
    }

    fn decrypt(&self, place: &str, bytes: &[u8]) -> Result<Vec<u8>, Fault> {
        let (&length, rest) = bytes.split_first().ok_or(DAMAGED)?;
        let (id, rest) = rest.split_at_checked(length.into()).ok_or(DAMAGED)?;
        let (nonce, body) = rest.split_at_checked(24).ok_or(DAMAGED)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| DAMAGED)?;
        let id = std::str::from_utf8(id).map_err(|_| DAMAGED)?;
        let payload = Payload {
            msg: body,
            aad: place.as_bytes(),
        };
        let sealed = || Fault::Sealed(id.to_owned());
        let (_, cipher) = self
            .keys
            .iter()
            .find(|key| key.0 == id)
            .ok_or_else(sealed)?;
        cipher.decrypt(&nonce, payload).map_err(|_| sealed())
    }
}

const DAMAGED: Fault = Fault::Damaged("a value that was cut short");

/// `None` if it does not become shorter.
fn compress(record: &[u8]) -> Option<Vec<u8>> {
    if record.len() < WORTH_COMPRESSING {
        return None;
    }
    // The highest levels find the words of the format's own dictionary, which is what makes short
    // texts short; a large record does without, for they take a millisecond for each kilobyte.
    let (level, window) = if record.len() <= 24 << 10 {
        (10, 16)
    } else {
        (5, 20)
    };
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, level, window);
    writer.write_all(record).ok()?;
    let compressed = writer.into_inner();
    (compressed.len() < record.len()).then_some(compressed)
}

fn expand(body: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut record = Vec::new();
    let mut reader = std::io::Read::take(brotli::Decompressor::new(body, 4096), MOST);
    std::io::Read::read_to_end(&mut reader, &mut record)
        .map_err(|_| Fault::Damaged("a value that does not unpack"))?;
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, byte: u8) -> Key {
        Key::new(id, [byte; 32]).unwrap()
    }

    fn long() -> String {
        "the same words again and again, ".repeat(40)
    }

    #[test]
    fn what_is_written_is_read() {
        for keys in [vec![], vec![key("a", 1)]] {
            let seal = Seal::new(&keys);
            for text in [String::new(), "short".to_owned(), long()] {
                let bytes = seal.write("place", &text).unwrap();
                assert_eq!(seal.read::<String>("place", &bytes).unwrap(), text);
            }
            assert!(seal.write("place", &long()).unwrap().len() < 130);
        }
    }

    #[test]
    fn encrypted_values_hide_what_they_hold_and_where_they_belong_is_checked() {
        let seal = Seal::new(&[key("a", 1)]);
        let bytes = seal.write("here", &"secret words").unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"secret"));
        assert!(matches!(
            seal.read::<String>("there", &bytes),
            Err(Fault::Sealed(id)) if id == "a"
        ));
        assert_ne!(bytes, seal.write("here", &"secret words").unwrap());
    }

    #[test]
    fn the_first_key_writes_and_all_read() {
        let (old, new) = (key("old", 1), key("new", 2));
        let before = Seal::new(std::slice::from_ref(&old));
        let bytes = before.write("here", &"words").unwrap();
        let both = Seal::new(&[new.clone(), old]);
        assert_eq!(both.read::<String>("here", &bytes).unwrap(), "words");
        let bytes = both.write("here", &"words").unwrap();
        assert!(
            matches!(before.read::<String>("here", &bytes), Err(Fault::Sealed(id)) if id == "new")
        );
        let without = Seal::new(&[]);
        assert!(matches!(
            without.read::<String>("here", &bytes),
            Err(Fault::Sealed(_))
        ));
        let wrong = Seal::new(&[key("new", 3)]);
        assert!(matches!(
            wrong.read::<String>("here", &bytes),
            Err(Fault::Sealed(_))
        ));
    }

    #[test]
    fn plain_values_are_read_though_keys_are_given() {
        let bytes = Seal::new(&[]).write("here", &"words").unwrap();
        let seal = Seal::new(&[key("a", 1)]);
        assert_eq!(seal.read::<String>("here", &bytes).unwrap(), "words");
    }

    #[test]
    fn damage_is_an_error() {
        let seal = Seal::new(&[key("a", 1)]);
        let bytes = seal.write("here", &long()).unwrap();
        for length in 0..bytes.len() {
            assert!(seal.read::<String>("here", &bytes[..length]).is_err());
        }
        assert!(seal.read::<String>("here", b"\x40abc").is_err());
        assert!(seal.read::<String>("here", b"\x11abc").is_err());
    }
}
