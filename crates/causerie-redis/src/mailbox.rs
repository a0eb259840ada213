//! Mail and claims.

use crate::{
    RedisStore,
    book::Tail,
    conversation::{ATTEMPTS, Chunks, Kind, Rewrite, Rewritten, View},
    fault::Fault,
    reply::{self, Reply, word},
};
use async_trait::async_trait;
use causerie_core::{
    Timestamp,
    event::{Event, EventKind},
    id::{ConversationId, EventId, Fence, Seq, TurnNumber},
    message::Message,
    store::{
        Claim, ClaimKey, Claimant, Commit, Committed, JournalEntry, Mailbox, Offered, Release,
        Renewed, ReservationId, StoreError, amend, forget, title, transfer::EventMark,
    },
};
use futures::future::join_all;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// The most events of one conversation that are remembered. One that would make a younger one than
/// 48 hours be forgotten is answered [`Offered::Full`].
const SEEN_LIMIT: usize = 16 << 10;

#[async_trait]
impl Mailbox for RedisStore {
    async fn offer(
        &self,
        event: &Event,
        claimant: Option<&Claimant>,
    ) -> Result<Offered, StoreError> {
        let offered = self.offer_event(event, claimant).await;
        offered.map_err(|fault| self.error(fault))
    }

    async fn claim(&self, claimant: &Claimant) -> Result<Option<Claim>, StoreError> {
        let claimed = self.claim_longest_waiting(claimant).await;
        claimed.map_err(|fault| self.error(fault))
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let asked = self.partitions().map(|partition| {
            let call = self.scripts.due.on(self.slot(partition), self.time());
            call.reads().send(&self.link)
        });
        let mut least = None;
        for answer in join_all(asked).await {
            let answer = answer.and_then(word).map_err(|fault| self.error(fault))?;
            if !answer.is_empty() {
                let wait = reply::parse(&answer).map_err(|fault| self.error(fault))?;
                least = Some(least.map_or(wait, |least: u64| least.min(wait)));
            }
        }
        Ok(least.map(|wait| self.here() + Duration::from_millis(wait)))
    }

    async fn renew(&self, claim: &ClaimKey, ttl: Duration) -> Result<Renewed, StoreError> {
        let call = self.on(&self.scripts.renew, &claim.conversation);
        let call = call.arg(claim.fence.0).arg(millis(ttl));
        let renewed = kept(call.send(&self.link).await).map_err(|fault| self.error(fault))?;
        Ok(Renewed {
            stop: renewed == "stop",
        })
    }

    async fn note(&self, claim: &ClaimKey, entry: &JournalEntry) -> Result<(), StoreError> {
        let noted = async {
            let place = format!("{} j", self.place(&claim.conversation));
            let entry = self.seal.write(&place, entry)?;
            let call = self.on(&self.scripts.note, &claim.conversation);
            let call = call.arg(claim.fence.0).arg(token()).arg(entry);
            kept(call.send(&self.link).await)
        };
        let noted = noted.await.map_err(|fault| self.error(fault));
        noted.map(|_| ())
    }

    async fn commit(&self, claim: &ClaimKey, commit: &Commit) -> Result<Committed, StoreError> {
        let committed = self.commit_turn(claim, commit).await;
        committed.map_err(|fault| self.error(fault))
    }

    async fn release(&self, claim: &ClaimKey, release: Release) -> Result<(), StoreError> {
        let call = self.on(&self.scripts.release, &claim.conversation);
        let (at, counts) = match release {
            Release::Handover => (String::new(), false),
            Release::Retry { at } => (at.0.to_string(), true),
            Release::Postpone { at } => (at.0.to_string(), false),
        };
        let call = call.arg(claim.fence.0).arg(at).arg(u8::from(counts));
        let released = kept(call.send(&self.link).await).map_err(|fault| self.error(fault));
        released.map(|_| ())
    }
}

/// What a look into a partition finds.
enum Peeked {
    /// Mail, and since when the first of it has waited.
    Waits(u64),
    /// A conversation whose end is to be packed.
    Rests(ConversationId),
    Nothing,
}

impl RedisStore {
    async fn offer_event(
        &self,
        event: &Event,
        claimant: Option<&Claimant>,
    ) -> Result<Offered, Fault> {
        for _ in 0..ATTEMPTS {
            // What waits is encrypted, so only we can see whether there is anything to change. The
            // script then makes sure that nothing came or went since.
            let mut seen = String::new();
            if amend::target(event).is_some() {
                let view = self
                    .read(&event.conversation, Chunks::None, true, false)
                    .await?;
                if view.applies(event) {
                    match self.amend(event).await? {
                        Some(offered) => return Ok(offered),
                        None => continue,
                    }
                }
                seen = view.mail_version.to_string();
            }
            match self.append(event, claimant, &seen).await? {
                Some(offered) => return Ok(offered),
                None => continue,
            }
        }
        Err(Fault::Contended)
    }

    /// Appends `event` to the mail, unless that is not any more as it was `seen`.
    async fn append(
        &self,
        event: &Event,
        claimant: Option<&Claimant>,
        seen: &str,
    ) -> Result<Option<Offered>, Fault> {
        let id = &event.conversation;
        let title = match title::of_event(event) {
            Some(title) => self.write_title(id, Some(&title))?.split_off(1),
            None => vec![],
        };
        let ttl = claimant.map_or(String::new(), |claimant| millis(claimant.ttl).to_string());
        let quoted = quoted(event).unwrap_or_default();
        let mut call = self.on(&self.scripts.offer, id);
        for who in [event.author.id.as_str(), quoted] {
            call = call.key(&format!("p:{who}"));
        }
        let call = call
            .arg(&hash(&event.id)[..])
            .arg(u8::from(event.is_stop()))
            .arg(self.write_mail(id, event)?)
            .arg(title)
            .arg(event.author.id.as_str())
            .arg(quoted)
            .arg(self.mailbox_limit)
            .arg(SEEN_LIMIT)
            .arg(ttl)
            .arg(seen);
        let mut reply = Reply::new(call.send(&self.link).await?)?;
        Ok(Some(match reply.text()?.as_str() {
            "again" => return Ok(None),
            "duplicate" => Offered::Duplicate,
            "full" => Offered::Full,
            "granted" => Offered::Queued(Some(Box::new(self.granted(reply.list()?)?))),
            _ => Offered::Queued(None),
        }))
    }

    /// Changes mail that waits. `None` if it is not there any more, or something else changed.
    async fn amend(&self, change: &Event) -> Result<Option<Offered>, Fault> {
        let id = &change.conversation;
        let mut view = self.read(id, Chunks::All, true, true).await?;
        let taken = view.taken;
        let waits = |(number, mail): &(u64, Event)| *number > taken && amend::applies(change, mail);
        let Some(at) = view.mail.iter().position(waits) else {
            return Ok(None);
        };
        let (number, waiting) = view.mail[at].clone();
        let gone = waiting.id.clone();
        let mut rewrite = Rewrite {
            event: hash(&change.id).to_vec(),
            tail: Tail::Light,
            ..Rewrite::default()
        };
        let removed = match amend::apply(change, waiting) {
            Some(changed) => {
                view.mail[at].1 = changed.clone();
                rewrite.mail.push((number, changed));
                None
            }
            None => {
                view.mail.remove(at);
                rewrite.removed.push(number);
                Some(gone)
            }
        };
        let record = amend::record(change, removed, Timestamp(view.now));
        view.book.add(view.number, record);
        rewrite.title = Some(view.title());
        Ok(match self.rewrite(id, view, rewrite).await? {
            Some(Rewritten::Done) => Some(Offered::Amended),
            Some(Rewritten::Duplicate) => Some(Offered::Duplicate),
            None => None,
        })
    }

    /// Looks into all partitions at once, and claims in the one whose first has waited longest.
    async fn claim_longest_waiting(&self, claimant: &Claimant) -> Result<Option<Claim>, Fault> {
        self.opened.expire(Instant::now());
        let (mut waiting, mut resting) = (vec![], vec![]);
        let mut failed = None;
        for (partition, peeked) in self.partitions().zip(self.peek().await) {
            match peeked {
                Ok(Peeked::Waits(since)) => waiting.push((since, partition)),
                Ok(Peeked::Rests(id)) => resting.push(id),
                Ok(Peeked::Nothing) => {}
                Err(fault) => failed = Some(fault),
            }
        }
        waiting.sort_unstable();
        for (_, partition) in waiting {
            let call = self.scripts.claim.on(self.slot(partition), self.time());
            let mut reply = Reply::new(call.arg(millis(claimant.ttl)).send(&self.link).await?)?;
            if reply.text()? == "granted" {
                return self.granted(reply.list()?).map(Some);
            }
        }
        for id in resting {
            if let Err(fault) = self.pack(&id).await {
                tracing::warn!(conversation = %id, "what it said last stays unpacked: {fault}");
            }
        }
        // Mail of a partition that does not answer may wait, but that of the others need not.
        failed.map_or(Ok(None), Err)
    }

    /// Looks into each partition. Does on the way what is left to do: settles what is owed.
    async fn peek(&self) -> Vec<Result<Peeked, Fault>> {
        let idle = self.retention.age.map(|age| {
            // What was seen must be remembered longer than that.
            millis(age.max(causerie_core::store::REMEMBER_EVENTS)).to_string()
        });
        let idle = idle.unwrap_or_default();
        let peeks = self.partitions().map(|partition| {
            let idle = &idle;
            async move {
                let call = self.scripts.peek.on(self.slot(partition), self.time());
                let mut reply = Reply::new(call.arg(idle).send(&self.link).await?)?;
                let (since, resting) = (reply.maybe()?, reply.text()?);
                for owed in reply.list()?.each(Reply::pair)? {
                    self.settle_owed(partition, &owed.0, &owed.1).await?;
                }
                Ok(match since {
                    Some(since) => Peeked::Waits(since),
                    None if resting.is_empty() => Peeked::Nothing,
                    None => Peeked::Rests(ConversationId::new(resting).map_err(|_| NAMELESS)?),
                })
            }
        });
        join_all(peeks).await
    }

    /// Packs the end of a conversation where nothing was said for a while. If somebody is just at
    /// work in it, they will have it packed.
    async fn pack(&self, id: &ConversationId) -> Result<(), Fault> {
        let mut view = self.read(id, Chunks::Last, false, false).await?;
        view.book.renew();
        let rewrite = Rewrite {
            kind: Kind::Quiet,
            ..Rewrite::default()
        };
        self.rewrite(id, view, rewrite).await.map(|_| ())
    }

    async fn commit_turn(&self, claim: &ClaimKey, commit: &Commit) -> Result<Committed, Fault> {
        let chunks = match (removes(commit), self.retention.is_set()) {
            (true, _) => Chunks::All,
            (false, true) => Chunks::Ends,
            (false, false) => Chunks::Last,
        };
        for _ in 0..ATTEMPTS {
            // A title is taken from history, then from mail.
            let retitles = chunks != Chunks::Last;
            let id = &claim.conversation;
            let view = self.read(id, chunks, retitles, true).await?;
            if !view.holds(claim.fence) {
                return Err(Fault::Stale);
            }
            if let Some(committed) = self.commit_on(claim, commit, view).await? {
                if let Some((id, used)) = &commit.settle {
                    let (id, used) = (owed_name(id), owed_value(used));
                    let partition = self.partition(&claim.conversation);
                    if let Err(fault) = self.settle_owed(partition, &id, &used).await {
                        tracing::warn!("a settlement is owed, and will be done later: {fault}");
                    }
                }
                return Ok(committed);
            }
        }
        Err(Fault::Contended)
    }

    /// Ends the turn. `None` if the conversation is not any more as it was read.
    async fn commit_on(
        &self,
        claim: &ClaimKey,
        commit: &Commit,
        mut view: View,
    ) -> Result<Option<Committed>, Fault> {
        let id = &claim.conversation;
        let state = forget::state_after(commit, &view.state);
        let mut gone = 0;
        if commit.erase {
            gone += view.book.clear();
            view.seq = 0;
        }
        if let Some(from) = commit.truncate {
            gone += view.book.truncate(from);
            view.seq = from.0.saturating_sub(1);
        }
        let mut append = commit.append.clone();
        for message in &mut append {
            view.seq += 1;
            message.seq = Seq(view.seq);
        }
        let waits = |(_, event): &(u64, Event)| !commit.consumed.contains(&event.id);
        view.mail.retain(waits);
        let authors: BTreeSet<&str> = append.iter().filter_map(author).collect();
        let mut quotes: BTreeSet<&str> = append.iter().filter_map(quoted_author).collect();
        let mut kept = String::new();
        if commit.erase {
            // Whose mail waits on keeps the conversation in their list, and who is quoted in it must
            // be found by an erasure of theirs.
            let waiting = || view.mail.iter().map(|(_, event)| event);
            quotes.extend(waiting().filter_map(quoted));
            let writers = waiting().map(|event| event.author.id.as_str()).collect();
            kept = format!("\n{}\n", lines(&writers));
        }
        let people: Vec<String> = authors
            .union(&quotes)
            .map(|who| (*who).to_owned())
            .collect();
        let (authors, quoted) = (lines(&authors), lines(&quotes));
        let added = append.len() as u64;
        view.book.append(append);
        view.book.add(view.number, commit.record.clone());
        let total = view.messages.saturating_sub(gone) + added;
        let trimmed = self.trim(&mut view, total);
        let title = (removes(commit) || trimmed > 0).then(|| view.title());
        let consumed: Vec<u8> = commit.consumed.iter().flat_map(hash).collect();
        let (owed, used) = match &commit.settle {
            Some((id, used)) => (owed_name(id), owed_value(used)),
            None => (String::new(), String::new()),
        };
        let mail_version = match &title {
            Some(_) => view.mail_version.to_string(),
            None => String::new(),
        };
        let written = self.write_book(id, view.book, Tail::Light).await?;
        let mut call = self.on(&self.scripts.commit, id).key("owed");
        for who in &people {
            call = call.key(&format!("p:{who}"));
        }
        call = call
            .arg(claim.fence.0)
            .arg(view.version)
            .arg(mail_version)
            .arg(consumed)
            .arg(self.write_state(id, &state)?)
            .arg(match &title {
                Some(title) => self.write_title(id, title.as_ref())?,
                None => vec![],
            })
            .arg(written.index)
            .arg(view.seq)
            .arg(added as i64 - (gone + trimmed) as i64)
            .arg(authors)
            .arg(quoted)
            .arg(owed)
            .arg(used)
            .arg(kept)
            .arg(written.tail as u8);
        for (field, value) in written.fields {
            call = call.arg(field).arg(value);
        }
        let sent = call.send(&self.link).await;
        if removes(commit) {
            self.opened.forget(&self.place(id));
        }
        let mut reply = Reply::new(sent?)?;
        match reply.text()?.as_str() {
            "stale" => Err(Fault::Stale),
            "again" => Ok(None),
            _ => Ok(Some(Committed {
                more: reply.text()? == "1",
            })),
        }
    }

    fn trim(&self, view: &mut View, total: u64) -> u64 {
        if !self.retention.is_set() {
            return 0;
        }
        let oldest = self.oldest(view.now);
        view.book.trim(total, self.retention.messages, oldest)
    }

    fn granted(&self, mut reply: Reply) -> Result<Claim, Fault> {
        let id = ConversationId::new(reply.text()?).map_err(|_| NAMELESS)?;
        let journal = format!("{} j", self.place(&id));
        Ok(Claim {
            key: ClaimKey {
                fence: Fence(reply.parse()?),
                conversation: id.clone(),
            },
            turn: TurnNumber(reply.parse()?),
            attempt: reply.parse()?,
            next_seq: Seq(reply.parse()?),
            state: self.read_state(&id, &reply.bytes()?)?,
            mail: (reply.list()?).each(|mail| self.read_mail(&id, &mail.bytes()?))?,
            journal: (reply.list()?).each(|entry| self.seal.read(&journal, &entry.bytes()?))?,
        })
    }
}

pub(crate) const NAMELESS: Fault = Fault::Damaged("a conversation without a name");

impl View {
    /// Whether `change` changes mail that no turn has begun to answer.
    fn applies(&self, change: &Event) -> bool {
        let mut waiting = self.mail.iter().filter(|(number, _)| *number > self.taken);
        waiting.any(|(_, mail)| amend::applies(change, mail))
    }
}

/// Whether it takes out messages from anywhere in history, and the title may go with them.
fn removes(commit: &Commit) -> bool {
    commit.erase || commit.truncate.is_some()
}

/// What a script says about a claim that holds.
fn kept(answer: Result<redis::Value, Fault>) -> Result<String, Fault> {
    match word(answer?)? {
        word if word == "stale" => Err(Fault::Stale),
        word => Ok(word),
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    // Beyond this, numbers of scripts are not exact; it is 285 000 years.
    u64::try_from(duration.as_millis())
        .unwrap_or(u64::MAX)
        .min(1 << 53)
}

/// Eight bytes that stand for an event within its conversation.
fn hash(id: &EventId) -> [u8; 8] {
    EventMark::of(id).0
}

/// Names one call, so that a command that a cluster's connection repeats is done once.
fn token() -> u64 {
    use chacha20poly1305::aead::Generate;
    let bytes = <[u8; 8]>::generate();
    u64::from_le_bytes(bytes) >> 11 | 1
}

fn author(message: &Message) -> Option<&str> {
    message.author.as_ref().map(|author| author.id.as_str())
}

pub(crate) fn quoted_author(message: &Message) -> Option<&str> {
    let author = message.quoted.as_ref()?.author.as_ref()?;
    Some(author.id.as_str())
}

/// Who is quoted in what an event posts.
pub(crate) fn quoted(event: &Event) -> Option<&str> {
    match &event.kind {
        EventKind::Posted(posted) => {
            let author = posted.quoted.as_ref()?.author.as_ref()?;
            Some(author.id.as_str())
        }
        _ => None,
    }
}

fn lines(names: &BTreeSet<&str>) -> String {
    names.iter().copied().collect::<Vec<_>>().join("\n")
}

/// A reservation's name in Redis. No conversation's name holds a space.
pub(crate) fn owed_name(id: &ReservationId) -> String {
    format!("{}.{} {}", id.turn.0, id.part, id.conversation)
}

fn owed_value(used: &[u64]) -> String {
    let used: Vec<String> = used.iter().map(u64::to_string).collect();
    used.join(" ")
}
