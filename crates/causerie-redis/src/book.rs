//! History as it is stored: a few chunks, each many messages and turn records compressed together.
//!
//! 1. A conversation has chunks with rising numbers. Messages and records are added to the last one
//!    until it is full; then a new one begins. The last one stays light until then, or until nothing
//!    was added for a while: packing takes milliseconds, which a turn need not wait for.
//! 2. The index, kept beside the conversation's numbers, tells of each chunk its number, its first
//!    and last position, and how many messages and records it holds, so that a range is found
//!    without reading the others.
//! 3. Records that are too many go with the others of their chunk, so a few more than
//!    [`KEEP_TURNS`] may be left.
//!
//! A [`Book`] is what was read of it: some chunks, or all. It is changed here and written back by a
//! script that checks that nobody else changed it since.

mod fill;

use crate::{chunk::Chunk, fault::Fault, reply, seal::Seal};
use causerie_core::{
    Text, Timestamp,
    id::{ConversationId, Seq},
    message::Message,
    outcome::TurnRecord,
    store::{
        ConversationState, KEEP_TURNS,
        forget::{self, Fate, Target},
        title,
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// A chunk with as many messages is full.
const FULL: usize = 64;

/// A chunk of as many bytes before compression is full: each commit writes the last one anew.
const FULL_BYTES: usize = 8 << 10;

/// The chunks that were read, and the index of all.
#[derive(Default)]
pub(crate) struct Book {
    spans: Vec<Span>,
    chunks: BTreeMap<u64, Chunk>,
    changed: BTreeSet<u64>,
    dropped: Vec<u64>,
}

/// What the index tells of a chunk. A chunk without messages, which may hold records, has zeros.
#[derive(Clone, Copy)]
struct Span {
    number: u64,
    first: u64,
    last: u64,
    count: u64,
    turns: u64,
}

/// What is to be written: the index, and the fields of chunks with `=` and their new value.
pub(crate) struct Written {
    pub(crate) index: String,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) tail: Tail,
}

/// What becomes of the last chunk.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Tail {
    /// It stays as it was.
    Kept = 0,
    /// It is written, and left light for what comes next.
    Light = 1,
    /// It is packed, or there is none.
    #[default]
    Packed = 2,
}

impl Book {
    /// Reads the index.
    pub(crate) fn read(index: &str) -> Result<Self, Fault> {
        let spans = index.split(';').filter(|span| !span.is_empty());
        Ok(Self {
            spans: spans.map(Span::parse).collect::<Result<_, _>>()?,
            ..Self::default()
        })
    }

    /// With the chunks that came with the index.
    pub(crate) fn with(mut self, chunks: Vec<(u64, Chunk)>) -> Self {
        self.chunks = chunks.into_iter().collect();
        self
    }

    /// Adds messages at the end.
    pub(crate) fn append(&mut self, messages: Vec<Message>) {
        if !messages.is_empty() {
            self.tail().messages.extend(messages);
        }
    }

    /// Adds a record at the end. A chunk that was read loses its own if there are enough newer ones.
    pub(crate) fn add(&mut self, number: u64, record: TurnRecord) {
        self.tail().turns.push((number, record));
        let mut newer = 0;
        for span in self.spans.iter().rev() {
            let Some(chunk) = self.chunks.get_mut(&span.number) else {
                newer += span.turns;
                continue;
            };
            let turns = chunk.turns.len() as u64;
            if newer >= KEEP_TURNS as u64 && turns > 0 {
                chunk.turns.clear();
                self.changed.insert(span.number);
            }
            newer += turns;
        }
    }

    /// Removes the messages from `from` on, and says how many there were. All chunks were read.
    pub(crate) fn truncate(&mut self, from: Seq) -> u64 {
        self.retain(|message| message.seq < from)
    }

    /// Removes all messages. All chunks were read.
    pub(crate) fn clear(&mut self) -> u64 {
        self.retain(|_| false)
    }

    /// Takes out what is meant, and says how many messages are gone. All chunks were read.
    pub(crate) fn forget(&mut self, target: &Target<'_>, state: &mut ConversationState) -> u64 {
        let mut gone = 0;
        for (number, chunk) in &mut self.chunks {
            let mut touched = false;
            chunk.messages.retain_mut(|message| {
                let fate = target.strip_message(message);
                touched |= fate != Fate::Stays;
                if fate == Fate::Gone {
                    gone += 1;
                    forget::strip_summary(state, message.seq);
                }
                fate != Fate::Gone
            });
            if touched {
                self.changed.insert(*number);
            }
        }
        gone
    }

    /// Removes what is too old, and so many of the oldest messages that of `total` at most `most`
    /// are left. Looks at the first chunks, as far as they were read.
    pub(crate) fn trim(&mut self, total: u64, most: Option<u64>, oldest: Option<Timestamp>) -> u64 {
        let mut gone = 0;
        while let Some(span) = self.spans.first().copied() {
            let excess = most.map_or(0, |most| (total - gone).saturating_sub(most));
            let last = self.spans.len() == 1;
            let Some(chunk) = self.chunks.get_mut(&span.number) else {
                if last || excess < span.count.max(1) {
                    break;
                }
                gone += span.count;
                self.drop_first(span.number);
                continue;
            };
            let (messages, turns) = (chunk.messages.len(), chunk.turns.len());
            let mut left = excess;
            let is_old = |at: Timestamp| oldest.is_some_and(|oldest| at < oldest);
            chunk.messages.retain(|message| {
                let goes = left > 0 || is_old(message.at);
                left = left.saturating_sub(1);
                !goes
            });
            chunk.turns.retain(|(_, record)| !is_old(record.ended));
            let removed = messages - chunk.messages.len();
            gone += removed as u64;
            if removed > 0 || turns > chunk.turns.len() {
                self.changed.insert(span.number);
            }
            if !chunk.messages.is_empty() || last || removed == 0 {
                break;
            }
            self.drop_first(span.number);
        }
        gone
    }

    /// Whether writing it takes milliseconds.
    pub(crate) fn is_heavy(&self, tail: Tail) -> bool {
        let last = self.last();
        let packed = |number: &u64| tail == Tail::Packed || *number != last;
        self.changed.iter().any(packed)
    }

    /// Has everything that was read written anew.
    pub(crate) fn renew(&mut self) {
        self.changed.extend(self.chunks.keys());
    }

    /// The title that the chunks give.
    pub(crate) fn title(&self) -> Option<Text> {
        let mut messages = self.chunks.values().flat_map(|chunk| &chunk.messages);
        messages.find_map(title::of_message)
    }

    /// Whether anything is to be written.
    pub(crate) fn is_changed(&self) -> bool {
        !self.changed.is_empty() || !self.dropped.is_empty()
    }

    /// What is to be written at `place`, the last chunk packed or light.
    pub(crate) fn write(mut self, seal: &Seal, place: &str, tail: Tail) -> Result<Written, Fault> {
        let mut fields = Vec::new();
        let last = self.last();
        let mut written = match self.changed.contains(&last) || self.dropped.contains(&last) {
            true => Tail::Packed,
            false => Tail::Kept,
        };
        for number in &self.changed {
            let chunk = self.chunks.remove(number).unwrap_or_default();
            let span = self.spans.iter_mut().find(|span| span.number == *number);
            let span = span.expect("a chunk that changed is in the index");
            *span = Span::of(*number, &chunk);
            let mut value = vec![b'='];
            if chunk.messages.is_empty() && chunk.turns.is_empty() {
                self.dropped.push(*number);
            } else {
                let light = tail == Tail::Light && *number == last;
                let encoded = chunk.encode(light)?;
                value.extend(seal.seal_chunk(&chunk_place(place, *number), &encoded, light));
                let rest = if light {
                    written = Tail::Light;
                    vec![b'=']
                } else {
                    split_off(&mut value)
                };
                fields.push((format!("h{number}"), value));
                fields.push((format!("g{number}"), rest));
            }
        }
        for number in &self.dropped {
            for field in ["h", "g"] {
                fields.push((format!("{field}{number}"), vec![b'=']));
            }
        }
        self.spans
            .retain(|span| !self.dropped.contains(&span.number));
        let index: Vec<String> = self.spans.iter().map(Span::print).collect();
        Ok(Written {
            index: index.join(";"),
            fields,
            tail: written,
        })
    }

    fn retain(&mut self, mut keeps: impl FnMut(&Message) -> bool) -> u64 {
        let mut gone = 0;
        for (number, chunk) in &mut self.chunks {
            let before = chunk.messages.len();
            chunk.messages.retain(&mut keeps);
            let removed = before - chunk.messages.len();
            gone += removed as u64;
            if removed > 0 {
                self.changed.insert(*number);
            }
        }
        gone
    }

    fn drop_first(&mut self, number: u64) {
        self.spans.remove(0);
        self.chunks.remove(&number);
        self.changed.remove(&number);
        self.dropped.push(number);
    }

    fn last(&self) -> u64 {
        self.spans.last().map_or(0, |span| span.number)
    }

    /// The chunk that is added to.
    fn tail(&mut self) -> &mut Chunk {
        let last = self.last();
        let open = |chunk: &&Chunk| chunk.messages.len() < FULL && chunk.bytes < FULL_BYTES;
        let known = self.chunks.get(&last);
        let number = match known.filter(open) {
            Some(_) => last,
            None => {
                if known.is_some_and(|full| full.light) {
                    self.changed.insert(last);
                }
                self.spans.push(Span::of(last + 1, &Chunk::default()));
                last + 1
            }
        };
        self.changed.insert(number);
        self.chunks.entry(number).or_default()
    }
}

/// Opens the value of a chunk.
pub(crate) fn open_chunk(
    seal: &Seal,
    id: &ConversationId,
    place: &str,
    number: u64,
    value: &[u8],
) -> Result<Chunk, Fault> {
    Chunk::decode(id, &seal.open(&chunk_place(place, number), value)?)
}

/// Takes off the end of a value what is cheaper kept as one of its own, each with `=` before.
///
/// Redis's allocator has room of four sizes between a power of two and the next, so a value of a few
/// kilobytes wastes a tenth of itself. The largest size it fills, and the rest apart, wastes less.
fn split_off(value: &mut Vec<u8>) -> Vec<u8> {
    let length = value.len() - 1;
    let kept = room(length + HEAD) - HEAD;
    let smaller = smaller_room(length + HEAD).saturating_sub(HEAD);
    let apart = room(length.saturating_sub(smaller) + HEAD) + FIELD;
    let mut rest = vec![b'='];
    if smaller > WORTH_SPLITTING && smaller + apart < kept {
        rest.extend(value.drain(1 + smaller..));
    }
    rest
}

/// What Redis puts around a text of some length.
const HEAD: usize = 6;

/// What one more field of a hash costs, with its name.
const FIELD: usize = 32;

/// Shorter values are left whole.
const WORTH_SPLITTING: usize = 512;

/// How much the allocator (jemalloc) gives for so many bytes.
fn room(bytes: usize) -> usize {
    let step = (bytes.next_power_of_two() / 8).max(16);
    bytes.next_multiple_of(step)
}

/// The largest room that so many bytes fill.
fn smaller_room(bytes: usize) -> usize {
    let step = (bytes.next_power_of_two() / 8).max(16);
    bytes / step * step
}

fn chunk_place(place: &str, number: u64) -> String {
    format!("{place} h{number}")
}

impl Span {
    fn of(number: u64, chunk: &Chunk) -> Self {
        let messages = &chunk.messages;
        let seq = |message: Option<&Message>| message.map_or(0, |message| message.seq.0);
        Self {
            number,
            first: seq(messages.first()),
            last: seq(messages.last()),
            count: messages.len() as u64,
            turns: chunk.turns.len() as u64,
        }
    }

    fn parse(text: &str) -> Result<Self, Fault> {
        let mut numbers = text.split(',').map(reply::parse);
        let mut next = || numbers.next().unwrap_or_else(|| reply::parse(""));
        Ok(Self {
            number: next()?,
            first: next()?,
            last: next()?,
            count: next()?,
            turns: next()?,
        })
    }

    fn print(&self) -> String {
        let Span {
            number,
            first,
            last,
            count,
            turns,
        } = self;
        format!("{number},{first},{last},{count},{turns}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_what_jemalloc_gives() {
        let sizes = [
            (1, 16),
            (600, 640),
            (2048, 2048),
            (2049, 2560),
            (2561, 3072),
            (3600, 4096),
        ];
        for (bytes, given) in sizes {
            assert_eq!(room(bytes), given.max(16));
        }
        assert_eq!(smaller_room(2300), 2048);
        assert_eq!(smaller_room(4095), 3584);
    }

    #[test]
    fn a_value_is_split_only_where_that_is_cheaper() {
        for length in 0..10_000 {
            let mut value = [b"=", &vec![7; length][..]].concat();
            let rest = split_off(&mut value);
            assert_eq!(value.len() + rest.len(), length + 2);
            if rest.len() > 1 {
                let parts = room(value.len() - 1 + HEAD) + room(rest.len() - 1 + HEAD) + FIELD;
                assert!(parts < room(length + HEAD), "{length}");
            }
        }
    }
}
