//! Tells what an endpoint sends in answer to a completion: the pieces of a stream, the whole answer
//! at once, or something else.

use crate::{
    events::{Event, Events},
    fault::Fault,
};
use serde_json::Value;

/// The most bytes of an answer that comes at once.
const MAX_WHOLE: usize = 16 << 20;

/// What was read.
pub(crate) enum Piece {
    /// A chunk of the answer, or all of it.
    Chunk(Value),
    /// An error.
    Fault(Fault),
    /// `[DONE]`: nothing follows.
    Done,
    /// A piece that cannot be read: what was in it is lost.
    Hole,
    /// A page for browsers.
    Page,
}

/// Reads a body. What it is shows in its first bytes; the content type often lies.
#[derive(Debug, Default)]
pub(crate) struct Reader(Kind);

#[derive(Debug, Default)]
enum Kind {
    #[default]
    Unknown,
    Stream(Events),
    Whole(Vec<u8>),
    Other,
}

impl Reader {
    /// Takes the next bytes and adds what they complete to `pieces`.
    pub(crate) fn push(&mut self, bytes: &[u8], pieces: &mut Vec<Piece>) {
        if matches!(self.0, Kind::Unknown) {
            let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
            self.0 = match first {
                None => return,
                Some(b'{' | b'[') => Kind::Whole(vec![]),
                Some(b'<') => {
                    pieces.push(Piece::Page);
                    Kind::Other
                }
                Some(_) => Kind::Stream(Events::default()),
            };
        }
        match &mut self.0 {
            Kind::Unknown | Kind::Other => {}
            Kind::Stream(events) => {
                let mut read = vec![];
                let fits = events.push(bytes, &mut read);
                pieces.extend(read.iter().flat_map(pieces_of));
                if fits.is_err() {
                    pieces.push(Piece::Hole);
                    self.0 = Kind::Other;
                }
            }
            Kind::Whole(body) if body.len() + bytes.len() > MAX_WHOLE => {
                pieces.push(Piece::Hole);
                self.0 = Kind::Other;
            }
            Kind::Whole(body) => body.extend_from_slice(bytes),
        }
    }

    /// There are no more bytes.
    pub(crate) fn finish(&mut self, pieces: &mut Vec<Piece>) {
        let mut read = vec![];
        match std::mem::replace(&mut self.0, Kind::Other) {
            Kind::Unknown | Kind::Other => {}
            Kind::Stream(events) => events.finish(&mut read),
            Kind::Whole(body) => match serde_json::from_slice(&body) {
                Ok(value) => pieces.push(piece_of(value)),
                // Lines of JSON, or one such line in front of a stream.
                Err(_) => {
                    let mut events = Events::default();
                    if events.push(&body, &mut read).is_ok() {
                        events.finish(&mut read);
                    }
                }
            },
        }
        pieces.extend(read.iter().flat_map(pieces_of));
    }
}

fn piece_of(value: Value) -> Piece {
    match Fault::of(&value) {
        Some(fault) => Piece::Fault(fault),
        None => Piece::Chunk(value),
    }
}

fn pieces_of(event: &Event) -> Vec<Piece> {
    let data = event.data.trim();
    if data == "[DONE]" {
        return vec![Piece::Done];
    }
    let value = serde_json::from_str::<Value>(data);
    if event.name == "error" {
        let value = value.unwrap_or_else(|_| Value::String(data.to_owned()));
        return vec![Piece::Fault(
            Fault::of(&value).unwrap_or_else(|| Fault::read(&value)),
        )];
    }
    if let Ok(value) = value {
        return vec![piece_of(value)];
    }
    if data.contains('\n') {
        // Events without the empty line between them.
        let lines = data.lines().map(|line| Event {
            name: String::new(),
            data: line.to_owned(),
        });
        return lines.flat_map(|line| pieces_of(&line)).collect();
    }
    // Words such as `ping` mean nothing; half an object held something.
    if data.starts_with(['{', '[']) {
        vec![Piece::Hole]
    } else {
        vec![]
    }
}
