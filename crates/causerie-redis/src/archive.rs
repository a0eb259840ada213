//! Reading and forgetting.

use crate::{
    RedisStore,
    book::Tail,
    chunk::Chunk,
    conversation::{ATTEMPTS, Chunks, Kind, Rewrite, View},
    fault::Fault,
    mailbox::NAMELESS,
    reply::Reply,
};
use async_trait::async_trait;
use causerie_core::{
    Timestamp,
    event::Event,
    id::{ConversationId, ParticipantId},
    message::Message,
    outcome::TurnRecord,
    platform::ConversationEntry,
    store::{
        Archive, Census, ConversationState, Erase, Erased, HistoryRange, StoreError, Summary,
        TurnQuery, amend,
        forget::{self, Fate, Target},
        select,
    },
};
use futures::future::{join_all, try_join_all};
use std::cmp::Reverse;

/// Chunks that are read at once.
const CHUNKS_AT_ONCE: usize = 32;

/// Conversations whose newest turns are read at once.
const CONVERSATIONS_AT_ONCE: usize = 16;

#[async_trait]
impl Archive for RedisStore {
    async fn history(
        &self,
        conversation: &ConversationId,
        range: HistoryRange,
    ) -> Result<Vec<Message>, StoreError> {
        let found = self.messages(conversation, range).await;
        found.map_err(|fault| self.error(fault))
    }

    async fn pending(&self, conversation: &ConversationId) -> Result<Vec<Event>, StoreError> {
        let view = self.read(conversation, Chunks::None, true, false).await;
        let mail = view.map_err(|fault| self.error(fault))?.mail;
        Ok(mail.into_iter().map(|(_, event)| event).collect())
    }

    async fn state(&self, conversation: &ConversationId) -> Result<ConversationState, StoreError> {
        let view = self.read(conversation, Chunks::None, false, false).await;
        view.map(|view| view.state)
            .map_err(|fault| self.error(fault))
    }

    async fn conversations(
        &self,
        participant: &ParticipantId,
        limit: usize,
    ) -> Result<Vec<ConversationEntry>, StoreError> {
        let found = self.list(participant, limit).await;
        found.map_err(|fault| self.error(fault))
    }

    async fn turns(&self, query: &TurnQuery, limit: usize) -> Result<Vec<TurnRecord>, StoreError> {
        let found = match query {
            TurnQuery::All => self.latest_turns(limit).await,
            TurnQuery::Conversation(id) | TurnQuery::Event(id, _) | TurnQuery::Message(id, _) => {
                let found = self.turns_of(id, query, limit, 0).await;
                found.map(|found| found.into_iter().map(|(_, record)| record).collect())
            }
        };
        found.map_err(|fault| self.error(fault))
    }

    async fn summarise(
        &self,
        conversation: &ConversationId,
        summary: &Summary,
        erasures: u64,
    ) -> Result<bool, StoreError> {
        let done = self.put_summary(conversation, summary, erasures).await;
        done.map_err(|fault| self.error(fault))
    }

    /// What is erased is gone from the memory of the masters when this answers. Replicas follow in
    /// a moment; the append-only file and snapshots hold older states until Redis rewrites them
    /// (`BGREWRITEAOF`, `BGSAVE`).
    async fn erase(&self, what: &Erase) -> Result<Erased, StoreError> {
        let erased = match what {
            Erase::Message(id, message) => self.forget(id, &Target::Message(message)).await,
            Erase::Conversation(id) => self.erase_conversation(id).await,
            Erase::Participant(who) => self.erase_participant(who).await,
        };
        erased.map_err(|fault| self.error(fault))
    }

    async fn census(&self) -> Result<Census, StoreError> {
        let counts = self.count().await;
        counts.map_err(|fault| self.error(fault))
    }
}

impl RedisStore {
    async fn messages(
        &self,
        id: &ConversationId,
        range: HistoryRange,
    ) -> Result<Vec<Message>, Fault> {
        let limit = range.limit.unwrap_or(usize::MAX);
        if limit == 0 {
            return Ok(vec![]);
        }
        let before = range.before.map_or(String::new(), |seq| seq.0.to_string());
        'again: for _ in 0..ATTEMPTS {
            let mut found: Vec<Message> = vec![];
            let (mut below, mut version) = (String::new(), None);
            loop {
                let range_of = [range.from.0.to_string(), before.clone()];
                // A chunk is rarely half full: so many are likely to be enough.
                let most = (limit - found.len()).div_ceil(16).clamp(2, CHUNKS_AT_ONCE);
                let page = self.page(id, range_of, &below, most).await?;
                if version.is_some_and(|version| version != page.version) {
                    // Somebody committed or erased between two pages.
                    continue 'again;
                }
                version = Some(page.version);
                let oldest = self.oldest(page.now);
                for (number, chunk) in page.chunks {
                    below = number.to_string();
                    let meant = chunk.messages.into_iter().rev().filter(|message| {
                        let old = oldest.is_some_and(|oldest| message.at < oldest);
                        let before = range.before.is_none_or(|before| message.seq < before);
                        message.seq >= range.from && before && !old
                    });
                    found.extend(meant.take(limit - found.len()));
                }
                if found.len() >= limit || !page.more {
                    found.reverse();
                    return Ok(found);
                }
            }
        }
        Err(Fault::Contended)
    }

    /// Turns that `query` means with a number of at least `from`, the newest first.
    async fn turns_of(
        &self,
        id: &ConversationId,
        query: &TurnQuery,
        limit: usize,
        from: u64,
    ) -> Result<Vec<(u64, TurnRecord)>, Fault> {
        let mut found = vec![];
        let (mut below, mut most) = (String::new(), 1);
        while found.len() < limit {
            let page = self
                .page(id, [String::new(), String::new()], &below, most)
                .await?;
            let mut oldest = u64::MAX;
            for (number, chunk) in page.chunks {
                below = number.to_string();
                oldest = chunk.turns.first().map_or(oldest, |turn| turn.0);
                let meant = chunk.turns.into_iter().rev();
                found.extend(meant.filter(|(_, record)| select::is_meant(record, query)));
            }
            if !page.more || oldest < from {
                break;
            }
            most = CHUNKS_AT_ONCE;
        }
        found.truncate(limit);
        Ok(found)
    }

    /// The newest turns of all conversations. Each conversation is known by when something last
    /// happened in it, which no turn of it is newer than: they are looked at in that order, until
    /// the rest can hold nothing newer than what was found.
    async fn latest_turns(&self, limit: usize) -> Result<Vec<TurnRecord>, Fault> {
        let mut found: Vec<(u64, TurnRecord)> = vec![];
        let (mut skip, mut more) = (0, limit > 0);
        while more {
            let pages = self.partitions().map(|partition| async move {
                let call = self.scripts.latest.on(self.slot(partition), self.time());
                let call = call.arg(skip).arg(CHUNKS_AT_ONCE).reads();
                Reply::new(call.send(&self.link).await?)?.each(Reply::pair)
            });
            let pages: Vec<Vec<(String, String)>> = try_join_all(pages).await?;
            more = pages.iter().any(|page| page.len() == CHUNKS_AT_ONCE);
            skip += CHUNKS_AT_ONCE;
            // Behind the last of a full page there may be more, none of it later.
            let mut hidden = 0;
            let mut latest = vec![];
            for page in pages {
                for (i, (id, at)) in page.into_iter().enumerate() {
                    let at: u64 = crate::reply::parse(&at)?;
                    if i + 1 == CHUNKS_AT_ONCE {
                        hidden = hidden.max(at);
                    }
                    latest.push((at, ConversationId::new(id).map_err(|_| NAMELESS)?));
                }
            }
            latest.sort_unstable_by(|a, b| b.cmp(a));
            for group in latest.chunks(CONVERSATIONS_AT_ONCE) {
                let edge = edge(&found, limit);
                let newer = group.iter().filter(|(at, _)| *at >= edge);
                let turns = newer.map(|(_, id)| self.turns_of(id, &TurnQuery::All, limit, edge));
                for turns in join_all(turns).await {
                    found.extend(turns?);
                }
                found.sort_by_key(|(number, _)| Reverse(*number));
                found.truncate(limit);
            }
            more &= hidden >= edge(&found, limit);
        }
        Ok(found.into_iter().map(|(_, record)| record).collect())
    }

    async fn list(
        &self,
        who: &ParticipantId,
        limit: usize,
    ) -> Result<Vec<ConversationEntry>, Fault> {
        if limit == 0 {
            return Ok(vec![]);
        }
        let lists = self.partitions().map(|partition| async move {
            let call = self.scripts.people.on(self.slot(partition), self.time());
            let call = call.arg(who.as_str()).arg(limit.min(1 << 20)).reads();
            Reply::new(call.send(&self.link).await?)?.each(|entries| {
                let mut entry = entries.list()?;
                let conversation = ConversationId::new(entry.text()?).map_err(|_| NAMELESS)?;
                let at = Timestamp(entry.parse()?);
                let title = self.read_title(&conversation, &entry.bytes()?)?;
                Ok(ConversationEntry {
                    conversation,
                    title,
                    at,
                })
            })
        });
        let lists: Vec<Vec<ConversationEntry>> = try_join_all(lists).await?;
        let mut found: Vec<ConversationEntry> = lists.into_iter().flatten().collect();
        found.sort_by(|a, b| {
            let later = b.at.cmp(&a.at);
            later.then_with(|| a.conversation.cmp(&b.conversation))
        });
        found.truncate(limit);
        Ok(found)
    }

    async fn put_summary(
        &self,
        id: &ConversationId,
        summary: &Summary,
        erasures: u64,
    ) -> Result<bool, Fault> {
        for _ in 0..ATTEMPTS {
            let view = self.read(id, Chunks::None, false, false).await?;
            if !view.known || !forget::takes(&view.state, summary, erasures) {
                return Ok(false);
            }
            let mut state = view.state.clone();
            state.summary = Some(summary.clone());
            let rewrite = Rewrite {
                state: Some(state),
                ..Rewrite::default()
            };
            if self.rewrite(id, view, rewrite).await?.is_some() {
                return Ok(true);
            }
        }
        Err(Fault::Contended)
    }

    /// Takes out of one conversation what is meant, and the summary that may hold it.
    async fn forget(&self, id: &ConversationId, target: &Target<'_>) -> Result<Erased, Fault> {
        for _ in 0..ATTEMPTS {
            let mut view = self.read(id, Chunks::All, true, true).await?;
            if !view.known {
                return Ok(Erased::default());
            }
            let mut rewrite = Rewrite {
                tail: Tail::Light,
                ..Rewrite::default()
            };
            let messages = view.book.forget(target, &mut view.state);
            let changed = view.book.is_changed();
            view.state.erasures += u64::from(changed);
            let (mut gone, mut in_hand) = (vec![], false);
            view.mail.retain_mut(|(number, event)| {
                let fate = target.strip_event(event);
                match fate {
                    Fate::Stays => {}
                    Fate::Changed => rewrite.mail.push((*number, event.clone())),
                    Fate::Gone => {
                        rewrite.removed.push(*number);
                        in_hand |= *number <= view.taken;
                        gone.push(event.clone());
                    }
                }
                fate != Fate::Gone
            });
            let erased = Erased {
                messages,
                mail: rewrite.removed.len() as u64,
            };
            if erased != Erased::default() {
                rewrite.title = Some(view.title());
            }
            rewrite.state = changed.then(|| view.state.clone());
            rewrite.messages = -(messages as i64);
            if let Target::Participant(who) = target {
                rewrite.strike = who.as_str().to_owned();
                if in_hand {
                    rewrite.kind = Kind::Lost;
                }
            } else if !changed && rewrite.mail.is_empty() && gone.is_empty() {
                return Ok(erased);
            }
            record_erased(id, &mut view, &gone);
            if self.rewrite(id, view, rewrite).await?.is_some() {
                return Ok(erased);
            }
        }
        Err(Fault::Contended)
    }

    /// What remains is a shell that remembers which events were seen, so that a late redelivery
    /// does not bring the conversation back, how far its numbers went, and its turn records.
    async fn erase_conversation(&self, id: &ConversationId) -> Result<Erased, Fault> {
        for _ in 0..ATTEMPTS {
            let mut view = self.read(id, Chunks::All, true, true).await?;
            if !view.known {
                return Ok(Erased::default());
            }
            let erased = Erased {
                messages: view.book.clear(),
                mail: view.mail.len() as u64,
            };
            let mail: Vec<Event> = view.mail.drain(..).map(|(_, event)| event).collect();
            record_erased(id, &mut view, &mail);
            let rewrite = Rewrite {
                state: Some(forget::erased_state(&view.state)),
                title: Some(None),
                messages: -(erased.messages as i64),
                kind: Kind::Afresh,
                tail: Tail::Light,
                ..Rewrite::default()
            };
            if self.rewrite(id, view, rewrite).await?.is_some() {
                return Ok(erased);
            }
        }
        Err(Fault::Contended)
    }

    async fn erase_participant(&self, who: &ParticipantId) -> Result<Erased, Fault> {
        let mut erased = Erased::default();
        for partition in self.partitions() {
            let call = self.scripts.places.on(self.slot(partition), self.time());
            let places = Reply::new(call.arg(who.as_str()).reads().send(&self.link).await?)?;
            for id in places.each(Reply::text)? {
                let id = ConversationId::new(id).map_err(|_| NAMELESS)?;
                let gone = self.forget(&id, &Target::Participant(who)).await?;
                erased.messages += gone.messages;
                erased.mail += gone.mail;
            }
        }
        Ok(erased)
    }

    async fn count(&self) -> Result<Census, Fault> {
        let counts = self.partitions().map(|partition| async move {
            let call = self.scripts.census.on(self.slot(partition), self.time());
            Reply::new(call.reads().send(&self.link).await?)?.each(Reply::parse::<i64>)
        });
        let mut census = Census::default();
        for counts in try_join_all(counts).await? {
            let [conversations, messages, mail] = counts[..] else {
                return Err(Fault::Damaged("a census without numbers"));
            };
            census.conversations += conversations.max(0).unsigned_abs();
            census.messages += messages.max(0).unsigned_abs();
            census.mail += mail.max(0).unsigned_abs();
        }
        census.bytes = self.memory().await?;
        Ok(census)
    }

    /// Some chunks of a conversation, the newest first.
    async fn page(
        &self,
        id: &ConversationId,
        [from, before]: [String; 2],
        below: &str,
        most: usize,
    ) -> Result<Page, Fault> {
        let call = self.on(&self.scripts.chunks, id).arg(from).arg(before);
        let call = call.arg(below).arg(most).reads();
        let mut reply = Reply::new(call.send(&self.link).await?)?;
        Ok(Page {
            version: reply.parse()?,
            more: reply.text()? == "1",
            now: reply.parse()?,
            chunks: self.read_chunks(id, reply.list()?).await?,
        })
    }
}

struct Page {
    version: u64,
    /// There are older ones.
    more: bool,
    now: i64,
    chunks: Vec<(u64, Chunk)>,
}

/// Records mail that is erased while it waits.
fn record_erased(id: &ConversationId, view: &mut View, mail: &[Event]) {
    if let Some(record) = amend::erased(id, mail, Timestamp(view.now)) {
        view.book.add(view.number, record);
    }
}

/// What a turn must be newer than to be among the `limit` newest, given those that were found.
fn edge(found: &[(u64, TurnRecord)], limit: usize) -> u64 {
    found.get(limit - 1).map_or(0, |(number, _)| *number)
}
