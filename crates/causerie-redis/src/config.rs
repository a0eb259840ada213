//! What the operator decides about Redis.

use crate::address::{Address, AddressError};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use std::{fmt, path::PathBuf, time::Duration};
use thiserror::Error;

/// Where Redis is, and how it is used. Passwords and keys print as nothing.
#[derive(Debug)]
pub struct Config {
    /// Where: see [`Address`].
    pub address: Address,
    /// What all keys begin with, so that several stores can share a server. Braces
    /// in it are left out.
    pub prefix: String,
    /// The certificate (PEM) that signed the server's, if it is none of the public ones.
    pub ca_file: Option<PathBuf>,
    /// Name and password for the Sentinels, if they ask for other ones than Redis does.
    pub sentinel: Option<Credentials>,
    /// Encrypts what people write. The first key writes, all of them read. To change keys, put a
    /// new one in front everywhere; [`reseal`](crate::RedisStore::reseal) then writes all with it,
    /// and the old one can be taken away. The ids of conversations, participants and roles are names
    /// of keys in Redis and stay readable. Nothing is encrypted if there is no key.
    pub keys: Vec<Key>,
    /// What is forgotten, and when.
    pub retention: Retention,
    /// The most events that may wait in one conversation.
    pub mailbox_limit: usize,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long an answer may take. Every operation has an end within a few times this.
    pub response_timeout: Duration,
    /// The most commands under way at once; more wait, within `response_timeout`.
    pub max_in_flight: usize,
    /// How many replicas must confirm a write before it is answered (`WAIT`), and no more than the
    /// half of `response_timeout` is waited for them. With 0, a write that a master confirmed may
    /// be lost if that master dies in the same moment.
    pub confirm_replicas: u32,
}

impl Config {
    /// The configuration for Redis at `address`, everything else as usual.
    ///
    /// # Errors
    /// If `address` is none.
    pub fn new(address: &str) -> Result<Self, AddressError> {
        Ok(Self::at(address.parse()?))
    }

    /// The configuration for Redis at `address`, everything else as usual.
    pub fn at(address: Address) -> Self {
        Self {
            address,
            prefix: "causerie:".to_owned(),
            ca_file: None,
            sentinel: None,
            keys: vec![],
            retention: Retention::default(),
            mailbox_limit: causerie_core::store::MAILBOX_LIMIT,
            connect_timeout: Duration::from_secs(3),
            response_timeout: Duration::from_secs(3),
            max_in_flight: 256,
            confirm_replicas: 0,
        }
    }
}

/// A name and a password.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// The user of Redis's access lists; the default one if `None`.
    pub user: Option<String>,
    /// The password.
    pub password: Option<SecretString>,
}

/// What is forgotten by itself. Everything is kept if nothing is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Messages older than this go with the next commit, and are shown no more before that;
    /// conversations in which nothing happened for so long go whole. Events are remembered for
    /// deduplication for 48 hours at least, so a shorter time only hides messages earlier.
    pub age: Option<Duration>,
    /// The most messages one conversation keeps; the oldest go.
    pub messages: Option<u64>,
}

impl Retention {
    pub(crate) fn is_set(&self) -> bool {
        self.age.is_some() || self.messages.is_some()
    }
}

/// A key of 32 bytes that encrypts, and its name. Prints as its name.
pub struct Key {
    id: String,
    bytes: SecretBox<[u8; 32]>,
}

/// Why something is no key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum KeyError {
    /// Its name is of no use.
    #[error("the name of an encryption key has 1 to 32 letters, digits, '-', '_' or '.'")]
    Name,
    /// It is something else than 32 bytes.
    #[error("an encryption key is 64 hexadecimal digits; `openssl rand -hex 32` makes one")]
    Digits,
}

impl Key {
    /// A key from its bytes.
    ///
    /// # Errors
    /// If `id` is empty, longer than 32 characters, or has others than letters, digits, `-_.`.
    pub fn new(id: impl Into<String>, bytes: [u8; 32]) -> Result<Self, KeyError> {
        let id = id.into();
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if id.is_empty() || id.len() > 32 || !id.chars().all(named) {
            return Err(KeyError::Name);
        }
        let bytes = SecretBox::new(Box::new(bytes));
        Ok(Self { id, bytes })
    }

    /// A key from 64 hexadecimal digits.
    ///
    /// # Errors
    /// As [`Key::new`], and if `digits` are none.
    pub fn from_hex(id: impl Into<String>, digits: &SecretString) -> Result<Self, KeyError> {
        let digits = digits.expose_secret().trim().as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 64 {
            return Err(KeyError::Digits);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let digit = |c: u8| char::from(c).to_digit(16).ok_or(KeyError::Digits);
            *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
        }
        Self::new(id, bytes)
    }

    /// Its name, which stands beside what it encrypted.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        self.bytes.expose_secret()
    }
}

impl Clone for Key {
    fn clone(&self) -> Self {
        Self {
            id: self.id.clone(),
            bytes: SecretBox::new(Box::new(*self.bytes())),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_64_digits_and_print_as_their_name() {
        let digits = |text: &str| SecretString::from(text.to_owned());
        let key = Key::from_hex("k1", &digits(&"0aF1".repeat(16))).unwrap();
        assert_eq!(key.bytes()[..2], [0x0a, 0xf1]);
        assert_eq!(format!("{key:?}"), "Key(k1)");
        assert_eq!(
            Key::from_hex("k", &digits("12")).err(),
            Some(KeyError::Digits)
        );
        assert_eq!(
            Key::from_hex("k", &digits(&"x".repeat(64))).err(),
            Some(KeyError::Digits)
        );
        assert_eq!(Key::new("", [0; 32]).err(), Some(KeyError::Name));
        assert_eq!(Key::new("a b", [0; 32]).err(), Some(KeyError::Name));
    }

    #[test]
    fn no_password_is_printed() {
        let config = Config::new("rediss://bot:hunter2@redis.example:6380/1").unwrap();
        assert!(!format!("{config:?} {}", config.address).contains("hunter2"));
    }
}
