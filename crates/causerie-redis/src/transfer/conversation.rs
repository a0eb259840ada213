//! A conversation as it is read from Redis, and as it is put there.

use crate::{
    RedisStore,
    book::{Book, Tail},
    conversation::Chunks,
    fault::Fault,
    mailbox::{quoted, quoted_author},
    reply::{Reply, word},
};
use causerie_core::{
    Timestamp,
    id::{ConversationId, ParticipantId, Seq},
    store::transfer::{ConversationCopy, EventMark},
};
use std::collections::BTreeSet;

/// An event that is remembered: its mark and four bytes of seconds.
const SEEN: usize = 12;

impl RedisStore {
    pub(super) async fn export_all(
        &self,
        id: &ConversationId,
    ) -> Result<Option<ConversationCopy>, Fault> {
        let call = self.on(&self.scripts.export, id).reads();
        let mut reply = Reply::new(call.send(&self.link).await?)?;
        if reply.text()? == "unknown" {
            return Ok(None);
        }
        let place = self.place(id);
        let (last_seq, turns, attempts) = (Seq(reply.parse()?), reply.parse()?, reply.parse()?);
        let (not_before, taken) = (Timestamp(reply.parse()?), reply.parse::<u64>()?);
        let title = self.read_title(id, &reply.bytes()?)?;
        let state = self.read_state(id, &reply.bytes()?)?;
        let mail = reply.list()?.each(|mail| {
            let mut mail = mail.list()?;
            Ok((mail.parse::<u64>()?, self.read_mail(id, &mail.bytes()?)?))
        })?;
        let journal = format!("{place} j");
        let journal = (reply.list()?).each(|entry| self.seal.read(&journal, &entry.bytes()?))?;
        let people = reply.list()?.each(|person| {
            let mut person = person.list()?;
            let who = ParticipantId::new(person.text()?).map_err(|_| NOBODY)?;
            Ok((who, Timestamp(person.parse()?)))
        })?;
        let seen = reply.bytes()?;
        let chunks = self.read_chunks(id, reply.list()?).await?;
        let (mut messages, mut records) = (vec![], vec![]);
        for (_, chunk) in chunks {
            messages.extend(chunk.messages);
            records.extend(chunk.turns.into_iter().map(|(_, record)| record));
        }
        // Who is only quoted stands in the list before the epoch.
        let spoke = |(_, at): &(ParticipantId, Timestamp)| at.0 >= 0;
        Ok(Some(ConversationCopy {
            conversation: id.clone(),
            title,
            state,
            last_seq,
            turns,
            attempts,
            not_before,
            messages,
            taken: mail.iter().filter(|(number, _)| *number <= taken).count(),
            mail: mail.into_iter().map(|(_, event)| event).collect(),
            journal,
            records,
            spoken: people.into_iter().filter(spoke).collect(),
            seen: seen.chunks_exact(SEEN).map(remembered).collect(),
        }))
    }

    pub(super) async fn import_all(&self, copy: ConversationCopy) -> Result<(), Fault> {
        let id = &copy.conversation;
        let now = Timestamp(self.read(id, Chunks::None, false, false).await?.now);
        let times = copy.record_times(now);
        let ready = copy.waits_since(now).0.unsigned_abs() * 1000;
        let last = copy.last_time(now).0.unsigned_abs() * 1000;
        let said = copy.messages.iter().filter_map(quoted_author);
        let quotes: BTreeSet<&str> = said.chain(copy.mail.iter().filter_map(quoted)).collect();
        let title = Some(&copy.title).filter(|title| !title.is_empty());
        let mut call = self.on(&self.scripts.import, id);
        for who in copy.spoken.iter().map(|(who, _)| who.as_str()) {
            call = call.key(&format!("p:{who}"));
        }
        for who in &quotes {
            call = call.key(&format!("p:{who}"));
        }
        call = call
            .arg(copy.last_seq.0)
            .arg(copy.turns)
            .arg(copy.attempts)
            .arg(copy.not_before.0)
            .arg(copy.taken)
            .arg(copy.messages.len())
            .arg(ready)
            .arg(last)
            .arg(times.last().copied().unwrap_or_default())
            .arg(self.write_title(id, title)?)
            .arg(self.write_state(id, &copy.state)?);
        let quotes: Vec<String> = quotes.into_iter().map(str::to_owned).collect();
        let turns = times.into_iter().zip(copy.records).collect();
        let written = self
            .write_book(id, Book::fill(copy.messages, turns)?, Tail::Packed)
            .await?;
        call = call
            .arg(written.index)
            .arg(copy.seen.iter().flat_map(remember).collect::<Vec<u8>>())
            .arg(copy.mail.len())
            .arg(copy.journal.len())
            .arg(copy.spoken.len())
            .arg(quotes.len());
        for event in &copy.mail {
            call = call.arg(&EventMark::of(&event.id).0[..]);
            call = call.arg(u8::from(event.is_stop()));
            call = call.arg(self.write_mail(id, event)?);
        }
        let journal = format!("{} j", self.place(id));
        for entry in &copy.journal {
            call = call.arg(self.seal.write(&journal, entry)?);
        }
        for (who, at) in &copy.spoken {
            call = call.arg(who.as_str()).arg(at.0);
        }
        for who in quotes {
            call = call.arg(who);
        }
        for (field, value) in written.fields {
            call = call.arg(field).arg(value);
        }
        word(call.send(&self.link).await?).map(|_| ())
    }
}

const NOBODY: Fault = Fault::Damaged("a participant without a name");

fn remembered(bytes: &[u8]) -> (EventMark, i64) {
    let (mut mark, mut second) = ([0; 8], [0; 4]);
    mark.copy_from_slice(&bytes[..8]);
    second.copy_from_slice(&bytes[8..]);
    (EventMark(mark), u32::from_be_bytes(second).into())
}

fn remember((mark, second): &(EventMark, i64)) -> impl Iterator<Item = u8> + use<> {
    let second = u32::try_from((*second).max(0)).unwrap_or(u32::MAX);
    mark.0.into_iter().chain(second.to_be_bytes())
}
