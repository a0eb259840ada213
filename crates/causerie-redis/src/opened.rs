//! Packed chunks that were opened: each turn of a long conversation reads the same ones again, and
//! opening one takes milliseconds.
//!
//! A chunk is known by the value it was read from, so it is never another than what Redis holds. What
//! is erased through this process is taken out with it; what nobody read for ten minutes goes, and
//! the longest unread goes where there are too many.

use crate::{chunk::Chunk, script::REST};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// How many bytes are kept, before compression.
const MOST_BYTES: usize = 8 << 20;

pub(crate) type Name = [u8; 32];

#[derive(Default)]
pub(crate) struct Opened(Mutex<Chunks>);

#[derive(Default)]
struct Chunks {
    all: HashMap<Name, Kept>,
    bytes: usize,
}

struct Kept {
    place: String,
    chunk: Chunk,
    read: Instant,
}

impl Opened {
    /// What a chunk is known by.
    pub(crate) fn name(place: &str, number: u64, value: &[u8]) -> Name {
        let mut digest = Sha256::new();
        digest.update(place);
        digest.update(b" ");
        digest.update(number.to_be_bytes());
        digest.update(value);
        digest.finalize().into()
    }

    pub(crate) fn keep(&self, name: Name, place: &str, chunk: Chunk, now: Instant) {
        let mut chunks = self.lock();
        chunks.remove(&name);
        chunks.bytes += chunk.bytes;
        let kept = Kept {
            place: place.to_owned(),
            chunk,
            read: now,
        };
        chunks.all.insert(name, kept);
        while chunks.bytes > MOST_BYTES {
            let unread = chunks.all.iter().min_by_key(|(_, kept)| kept.read);
            let Some((&name, _)) = unread else { break };
            chunks.remove(&name);
        }
    }

    pub(crate) fn find(&self, name: &Name, now: Instant) -> Option<Chunk> {
        let mut chunks = self.lock();
        let kept = chunks.all.get_mut(name)?;
        kept.read = now;
        Some(kept.chunk.clone())
    }

    /// Takes out what was read from `place`.
    pub(crate) fn forget(&self, place: &str) {
        self.lock().retain(|kept| kept.place != place);
    }

    /// Takes out what nobody reads any more.
    pub(crate) fn expire(&self, now: Instant) {
        self.lock()
            .retain(|kept| now.saturating_duration_since(kept.read) < REST);
    }

    fn lock(&self) -> MutexGuard<'_, Chunks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chunks {
    fn remove(&mut self, name: &Name) {
        if let Some(kept) = self.all.remove(name) {
            self.bytes -= kept.chunk.bytes;
        }
    }

    fn retain(&mut self, stays: impl Fn(&Kept) -> bool) {
        let bytes = &mut self.bytes;
        self.all.retain(|_, kept| {
            let stays = stays(kept);
            if !stays {
                *bytes -= kept.chunk.bytes;
            }
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    fn name(n: u64) -> Name {
        Opened::name("place", n, b"value")
    }

    fn chunk(bytes: usize) -> Chunk {
        Chunk {
            bytes,
            ..Chunk::default()
        }
    }

    #[test]
    fn the_longest_unread_goes_where_there_are_too_many() {
        let (opened, now) = (Opened::default(), Instant::now());
        opened.keep(name(1), "place", chunk(MOST_BYTES / 2), now);
        opened.keep(name(2), "place", chunk(MOST_BYTES / 2), now + SECOND);
        assert!(opened.find(&name(1), now + 2 * SECOND).is_some());
        // The same again takes no more room.
        opened.keep(name(2), "place", chunk(MOST_BYTES / 2), now + SECOND);
        opened.keep(name(3), "place", chunk(1), now + 3 * SECOND);
        let found = [1, 2, 3].map(|n| opened.find(&name(n), now).is_some());
        assert_eq!(found, [true, false, true]);
        // One that alone is too large is not kept.
        opened.keep(name(4), "place", chunk(MOST_BYTES + 1), now + 4 * SECOND);
        assert!(opened.find(&name(4), now).is_none());
    }

    #[test]
    fn what_is_erased_or_unread_is_gone() {
        let (opened, now) = (Opened::default(), Instant::now());
        opened.keep(name(1), "place", chunk(1), now);
        opened.keep(name(2), "elsewhere", chunk(1), now);
        opened.forget("place");
        assert!(opened.find(&name(1), now).is_none());
        opened.expire(now + REST - SECOND);
        assert!(opened.find(&name(2), now + SECOND).is_some());
        opened.expire(now + REST);
        assert!(opened.find(&name(2), now).is_some());
        opened.expire(now + REST);
        assert!(opened.find(&name(2), now).is_none());
        assert_eq!(opened.lock().bytes, 0);
        assert_ne!(name(2), Opened::name("elsewhere", 2, b"value"));
    }
}
