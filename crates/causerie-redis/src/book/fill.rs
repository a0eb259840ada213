//! A whole history that comes from another store.

use super::Book;
use crate::fault::Fault;
use causerie_core::{message::Message, outcome::TurnRecord, record};

impl Book {
    /// The book of `messages` and of `turns` with their numbers. A turn stands in the chunk of its
    /// last message, as a commit puts it.
    pub(crate) fn fill(
        messages: Vec<Message>,
        turns: Vec<(u64, TurnRecord)>,
    ) -> Result<Self, Fault> {
        let mut book = Self::default();
        let mut messages = messages.into_iter().peekable();
        for (number, record) in turns {
            while let Some(message) = messages.next_if(|message| message.turn <= record.turn) {
                book.push(message)?;
            }
            let bytes = record::encode(&record).map_err(Fault::Record)?.len();
            let tail = book.tail();
            tail.bytes += bytes;
            tail.turns.push((number, record));
        }
        messages.try_for_each(|message| book.push(message))?;
        Ok(book)
    }

    /// Adds a message and counts its bytes, so that chunks become as full as commits make them.
    fn push(&mut self, message: Message) -> Result<(), Fault> {
        let bytes = record::encode(&message).map_err(Fault::Record)?.len();
        let tail = self.tail();
        tail.bytes += bytes;
        tail.messages.push(message);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{FULL, FULL_BYTES};
    use causerie_core::{
        Text, Timestamp,
        id::{Seq, TurnNumber},
        message::{Part, Role},
    };

    fn message(seq: u64, text: &str) -> Message {
        Message {
            seq: Seq(seq),
            turn: TurnNumber(seq),
            at: Timestamp(0),
            role: Role::User,
            author: None,
            parts: vec![Part::Text(Text::new(text))],
            quoted: None,
            refs: vec![],
            shared: false,
        }
    }

    #[test]
    fn chunks_are_full_and_no_fuller() {
        let short = (1..=200).map(|seq| message(seq, "words")).collect();
        let book = Book::fill(short, vec![]).unwrap();
        assert_eq!(book.chunks.len(), 200_usize.div_ceil(FULL));
        let text = "x".repeat(FULL_BYTES / 2);
        let long = (1..=20).map(|seq| message(seq, &text)).collect();
        let book = Book::fill(long, vec![]).unwrap();
        assert_eq!(book.chunks.len(), 10);
    }
}
