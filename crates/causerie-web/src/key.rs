//! The key that signs cookies.

use crate::WebError;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretSlice};
use sha2::Sha256;
use std::{
    fmt::Write as _,
    fs::{self, OpenOptions},
    io::{self, Read, Write as _},
    path::Path,
};

/// 32 secret bytes. Whoever has them can be any visitor. Prints as nothing.
#[derive(Debug)]
pub struct CookieKey(SecretBox<[u8; 32]>);

impl CookieKey {
    /// A key from bytes kept elsewhere.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// A key from 64 hexadecimal digits; `None` if they are none.
    pub fn from_hex(digits: &str) -> Option<Self> {
        let bytes = SecretSlice::from(unhex(digits.trim())?);
        Some(Self::new(bytes.expose_secret().try_into().ok()?))
    }

    /// The key in the file at `path`; a new random one is written there, readable by its owner
    /// only, if there is none. Several processes may do so at once: the first one wins.
    ///
    /// # Errors
    /// If the file can be neither read nor written, or holds something else than a key.
    pub fn load_or_create(path: &Path) -> Result<Self, WebError> {
        let problem = |source| WebError::Key {
            path: path.to_owned(),
            source,
        };
        match read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => return found.map_err(problem),
        }
        create(path).and_then(|()| read(path)).map_err(problem)
    }

    /// The signature of `text`, which is to be used for `purpose` only. 64 hexadecimal digits.
    pub(crate) fn sign(&self, purpose: &str, text: &str) -> String {
        hex(&self.mac(purpose, text).finalize().into_bytes())
    }

    /// Whether `signature` is [`CookieKey::sign`]'s, compared in constant time.
    pub(crate) fn verifies(&self, purpose: &str, text: &str, signature: &str) -> bool {
        unhex(signature).is_some_and(|bytes| self.mac(purpose, text).verify_slice(&bytes).is_ok())
    }

    fn mac(&self, purpose: &str, text: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret())
            .expect("HMAC takes keys of any length");
        // The zero byte keeps purpose and text apart; neither can hold one.
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(text.as_bytes());
        mac
    }
}

fn read(path: &Path) -> io::Result<CookieKey> {
    let mut bytes = Vec::with_capacity(33);
    // One byte more than a key, so that a longer file is noticed.
    fs::File::open(path)?.take(33).read_to_end(&mut bytes)?;
    let key = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "a key has 32 bytes, this file has another size",
        )
    })?;
    Ok(CookieKey::new(key))
}

/// Writes a key beside `path` and links it into place: nobody ever reads half a key, and of two
/// processes that start together both read the same one.
fn create(path: &Path) -> io::Result<()> {
    let fresh = path.with_extension(format!("new-{}", hex(&rand::random::<[u8; 8]>())));
    let written = write_private(&fresh, &rand::random::<[u8; 32]>());
    let linked = written.and_then(|()| match fs::hard_link(&fresh, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    let _ = fs::remove_file(&fresh);
    linked
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// `bytes` in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    digits
        .chunks_exact(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_purpose_and_text_only() {
        let key = CookieKey::new([7; 32]);
        let signature = key.sign("visitor", "ab");
        assert!(key.verifies("visitor", "ab", &signature));
        assert!(!key.verifies("session", "ab", &signature));
        assert!(!key.verifies("visitor", "ac", &signature));
        assert!(!CookieKey::new([8; 32]).verifies("visitor", "ab", &signature));
        for forged in ["", "0", "zz", &signature[2..], &"é".repeat(32)] {
            assert!(!key.verifies("visitor", "ab", forged));
        }
    }

    #[test]
    fn the_key_is_made_once_and_belongs_to_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cookie.key");
        let first = CookieKey::load_or_create(&path).unwrap().sign("p", "t");
        assert_eq!(
            first,
            CookieKey::load_or_create(&path).unwrap().sign("p", "t")
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
        fs::write(&path, b"short").unwrap();
        assert!(matches!(
            CookieKey::load_or_create(&path),
            Err(WebError::Key { .. })
        ));
    }

    #[test]
    fn sixty_four_digits_are_a_key() {
        let key = CookieKey::from_hex(&format!("{}\n", "0a".repeat(32))).unwrap();
        assert_eq!(key.sign("p", "t"), CookieKey::new([10; 32]).sign("p", "t"));
        for digits in ["", "0a", &"0g".repeat(32), &"0a".repeat(33)] {
            assert!(CookieKey::from_hex(digits).is_none(), "{digits}");
        }
    }

    #[test]
    fn it_prints_as_nothing() {
        assert!(!format!("{:?}", CookieKey::new([7; 32])).contains('7'));
    }
}
