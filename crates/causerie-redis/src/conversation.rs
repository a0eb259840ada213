//! One conversation as it was read, and as it is written back.

use crate::{
    RedisStore,
    book::{self, Book, Tail, Written},
    chunk::Chunk,
    fault::Fault,
    opened::Opened,
    reply::{Reply, word},
    script::{Call, Script},
    seal::Seal,
};
use causerie_core::{
    Text,
    event::Event,
    id::{ConversationId, Fence},
    store::{ConversationState, KEEP_TURNS, title},
};
use std::{sync::Arc, time::Instant};

/// A light chunk of more bytes takes its time too.
const LARGE: usize = 64 << 10;

/// How often a change is tried again when somebody else's came between reading and writing.
pub(crate) const ATTEMPTS: u32 = 64;

/// Which chunks of history are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunks {
    None,
    /// The one that is added to.
    Last,
    /// That, and the first, which is trimmed.
    Ends,
    All,
}

/// What was read, and the versions by which a script knows whether it is still so.
pub(crate) struct View {
    pub(crate) version: u64,
    pub(crate) mail_version: u64,
    fence: u64,
    held: bool,
    pub(crate) taken: u64,
    pub(crate) seq: u64,
    pub(crate) messages: u64,
    /// A number for a record that is written.
    pub(crate) number: u64,
    pub(crate) now: i64,
    pub(crate) known: bool,
    pub(crate) state: ConversationState,
    pub(crate) mail: Vec<(u64, Event)>,
    pub(crate) book: Book,
}

impl View {
    pub(crate) fn holds(&self, fence: Fence) -> bool {
        self.held && self.fence == fence.0
    }

    /// The title that what there is gives: history first, then mail. All of both was read.
    pub(crate) fn title(&self) -> Option<Text> {
        let mut mail = self.mail.iter();
        let said = self.book.title();
        said.or_else(|| mail.find_map(|(_, event)| title::of_event(event)))
    }
}

/// A change to a conversation, refused if it is not any more as it was read.
#[derive(Default)]
pub(crate) struct Rewrite {
    /// Numbers of mail that goes.
    pub(crate) removed: Vec<u64>,
    pub(crate) state: Option<ConversationState>,
    pub(crate) title: Option<Option<Text>>,
    /// How the number of messages changes.
    pub(crate) messages: i64,
    /// The participant whose list it is struck from.
    pub(crate) strike: String,
    /// The hash of the event that changes waiting mail.
    pub(crate) event: Vec<u8>,
    pub(crate) kind: Kind,
    /// Mail that changes.
    pub(crate) mail: Vec<(u64, Event)>,
    /// How the last chunk is written, if any is.
    pub(crate) tail: Tail,
}

/// What a change means for the conversation as a whole.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Something happened in it.
    #[default]
    Ordinary = 0,
    /// It begins afresh.
    Afresh = 1,
    /// Nobody is to notice.
    Quiet = 2,
    /// The claim is lost; without mail the turn is over.
    Lost = 3,
}

/// What became of a change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rewritten {
    Done,
    /// The event that makes it was here before.
    Duplicate,
}

impl RedisStore {
    /// Reads a conversation: its numbers, its state, some chunks, and its mail if `mail`. If a
    /// `record` will be written, it is given a number.
    pub(crate) async fn read(
        &self,
        id: &ConversationId,
        chunks: Chunks,
        mail: bool,
        record: bool,
    ) -> Result<View, Fault> {
        let chunks = match chunks {
            Chunks::None => "none",
            Chunks::Last => "last",
            Chunks::Ends => "ends",
            Chunks::All => "all",
        };
        let call = self.on(&self.scripts.read, id).arg(chunks);
        let call = call.arg(u8::from(mail)).arg(u8::from(record));
        let call = call.arg(KEEP_TURNS);
        let call = if record { call } else { call.reads() };
        let mut reply = Reply::new(call.send(&self.link).await?)?;
        let mut numbers = reply.list()?;
        let index = reply.text()?;
        let state = self.read_state(id, &reply.bytes()?)?;
        let mail = reply.list()?.each(|mail| {
            let mut mail = mail.list()?;
            Ok((mail.parse()?, self.read_mail(id, &mail.bytes()?)?))
        })?;
        let (book, chunks) = (Book::read(&index)?, reply.list()?);
        let book = book.with(self.read_chunks(id, chunks).await?);
        Ok(View {
            version: numbers.parse()?,
            mail_version: numbers.parse()?,
            fence: numbers.parse()?,
            held: numbers.parse::<u8>()? == 1,
            taken: numbers.parse()?,
            seq: numbers.parse()?,
            messages: numbers.parse()?,
            number: numbers.parse()?,
            now: numbers.parse()?,
            known: reply.text()? == "1",
            state,
            mail,
            book,
        })
    }

    /// Writes a change back. `Ok(None)` if the conversation is not any more as it was read.
    pub(crate) async fn rewrite(
        &self,
        id: &ConversationId,
        view: View,
        change: Rewrite,
    ) -> Result<Option<Rewritten>, Fault> {
        let removed: Vec<String> = change.removed.iter().map(u64::to_string).collect();
        let state = match &change.state {
            Some(state) => self.write_state(id, state)?,
            None => vec![],
        };
        let title = match &change.title {
            Some(title) => self.write_title(id, title.as_ref())?,
            None => vec![],
        };
        let written = match view.book.is_changed() {
            true => Some(self.write_book(id, view.book, change.tail).await?),
            false => None,
        };
        let forgets = change.kind != Kind::Quiet && written.is_some();
        let (index, chunks, tail) = match written {
            Some(written) => (written.index, written.fields, written.tail),
            None => ("-".to_owned(), vec![], Tail::Kept),
        };
        let mut call = (self.on(&self.scripts.rewrite, id))
            .arg(view.version)
            .arg(view.mail_version)
            .arg(removed.join(","))
            .arg(state)
            .arg(title)
            .arg(index)
            .arg(change.messages)
            .arg(change.strike)
            .arg(change.event)
            .arg(change.kind as u8)
            .arg(tail as u8);
        for (number, event) in &change.mail {
            let mail = [b"=", &self.write_mail(id, event)?[..]].concat();
            call = call.arg(format!("e{number}")).arg(mail);
        }
        for (field, value) in chunks {
            call = call.arg(field).arg(value);
        }
        let sent = call.send(&self.link).await;
        if forgets {
            self.opened.forget(&self.place(id));
        }
        Ok(match word(sent?)?.as_str() {
            "again" => None,
            "duplicate" => Some(Rewritten::Duplicate),
            _ => Some(Rewritten::Done),
        })
    }

    /// Writes what changed.
    pub(crate) async fn write_book(
        &self,
        id: &ConversationId,
        book: Book,
        tail: Tail,
    ) -> Result<Written, Fault> {
        let (seal, place) = (Arc::clone(&self.seal), self.place(id));
        let heavy = book.is_heavy(tail);
        let write = move || book.write(&seal, &place, tail);
        if heavy { beside(write).await } else { write() }
    }

    /// Reads chunks as scripts give them: pairs of a number and a value.
    pub(crate) async fn read_chunks(
        &self,
        id: &ConversationId,
        chunks: Reply,
    ) -> Result<Vec<(u64, Chunk)>, Fault> {
        let chunks = chunks.each(|chunk| {
            let mut chunk = chunk.list()?;
            Ok((chunk.parse()?, chunk.bytes()?))
        })?;
        let place = self.place(id);
        let now = Instant::now();
        let mut found = vec![];
        let mut packed = vec![];
        for (at, (number, value)) in chunks.into_iter().enumerate() {
            let chunk = if Seal::is_light(&value) && value.len() < LARGE {
                book::open_chunk(&self.seal, id, &place, number, &value)?
            } else {
                let name = Opened::name(&place, number, &value);
                self.opened.find(&name, now).unwrap_or_else(|| {
                    packed.push((at, name, value));
                    Chunk::default()
                })
            };
            found.push((number, chunk));
        }
        if packed.is_empty() {
            return Ok(found);
        }
        let (seal, id, here) = (Arc::clone(&self.seal), id.clone(), place.clone());
        let (found, opened) = beside(move || {
            let mut opened = vec![];
            for (at, name, value) in packed {
                let (number, chunk) = &mut found[at];
                *chunk = book::open_chunk(&seal, &id, &here, *number, &value)?;
                opened.push((name, chunk.clone()));
            }
            Ok((found, opened))
        })
        .await?;
        for (name, chunk) in opened {
            self.opened.keep(name, &place, chunk, now);
        }
        Ok(found)
    }

    /// A call on a conversation, its first argument.
    pub(crate) fn on<'a>(&self, script: &'a Script, id: &ConversationId) -> Call<'a> {
        let slot = self.slot(self.partition(id));
        script
            .on(slot, self.time())
            .key(&format!("c:{id}"))
            .arg(id.as_str())
    }

    /// What the conversation's values are bound to, besides the field.
    pub(crate) fn place(&self, id: &ConversationId) -> String {
        format!("{}c:{id}", self.slot(self.partition(id)))
    }

    pub(crate) fn write_mail(&self, id: &ConversationId, mail: &Event) -> Result<Vec<u8>, Fault> {
        self.seal.write(&format!("{} e", self.place(id)), mail)
    }

    pub(crate) fn read_mail(&self, id: &ConversationId, bytes: &[u8]) -> Result<Event, Fault> {
        self.seal.read(&format!("{} e", self.place(id)), bytes)
    }

    /// `=` and the state, or `=` alone for the default one.
    pub(crate) fn write_state(
        &self,
        id: &ConversationId,
        state: &ConversationState,
    ) -> Result<Vec<u8>, Fault> {
        if *state == ConversationState::default() {
            return Ok(b"=".to_vec());
        }
        let bytes = self.seal.write(&format!("{} s", self.place(id)), state)?;
        Ok([b"=", &bytes[..]].concat())
    }

    pub(crate) fn read_state(
        &self,
        id: &ConversationId,
        bytes: &[u8],
    ) -> Result<ConversationState, Fault> {
        if bytes.is_empty() {
            return Ok(ConversationState::default());
        }
        self.seal.read(&format!("{} s", self.place(id)), bytes)
    }

    /// `=` and the title, or `=` alone for none.
    pub(crate) fn write_title(
        &self,
        id: &ConversationId,
        title: Option<&Text>,
    ) -> Result<Vec<u8>, Fault> {
        let Some(title) = title else {
            return Ok(b"=".to_vec());
        };
        let bytes = self.seal.write(&format!("{} t", self.place(id)), title)?;
        Ok([b"=", &bytes[..]].concat())
    }

    pub(crate) fn read_title(&self, id: &ConversationId, bytes: &[u8]) -> Result<Text, Fault> {
        if bytes.is_empty() {
            return Ok(Text::default());
        }
        self.seal.read(&format!("{} t", self.place(id)), bytes)
    }
}

/// Does work of milliseconds beside the runtime's own threads.
async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        // The runtime is going down.
        Err(_) => Err(Fault::Busy),
    })
}
