//! The embedded default: one SQLite file.

mod archive;
mod conversation;
mod fault;
mod file;
mod ledger;
mod mailbox;
mod schema;
mod session;
mod sweep;
mod transfer;
mod worker;

use crate::MAILBOX_LIMIT;
use async_trait::async_trait;
use causerie_core::{
    Clock, Timestamp,
    event::Event,
    id::{ConversationId, Fence, ParticipantId},
    limit::Charge,
    message::Message,
    outcome::TurnRecord,
    platform::ConversationEntry,
    store::{
        Archive, Census, Claim, ClaimKey, Claimant, Commit, Committed, ConversationState, Erase,
        Erased, HistoryRange, JournalEntry, Ledger, Mailbox, Offered, Release, Renewed,
        ReservationId, Reserved, StoreError, Summary, TurnQuery,
    },
};
use fault::Fault;
use session::Session;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use worker::Worker;

/// Threads that read, beside the one that writes.
const READERS: usize = 2;

/// Keeps everything in one SQLite file: write-ahead log, `synchronous=FULL`. What an operation
/// answered is on disk, whatever happens to the process or the machine after.
///
/// Erased text is overwritten in the file (`secure_delete`), and the log that may still hold it is
/// folded back and emptied before [`Archive::erase`] answers. What the file system or a backup
/// keeps of older states is beyond it.
///
/// What nobody asked to keep does not grow for ever: events are remembered for
/// [`REMEMBER_EVENTS`](crate::REMEMBER_EVENTS), reservations as long, the newest
/// [`KEEP_TURNS`](crate::KEEP_TURNS) turn records of each conversation, budgets until their window
/// has passed.
pub struct SqliteStore {
    path: PathBuf,
    /// `None` for a store that was opened for reading.
    writer: Option<Worker>,
    readers: Vec<Worker>,
    next_reader: AtomicUsize,
    /// Held as long as the store is open.
    _lock: Option<file::Lock>,
}

/// What can be set about a store. The default is right for nearly everybody.
#[derive(Clone, Debug)]
pub struct Options {
    /// The most events that may wait in one conversation.
    pub mailbox_limit: usize,
    /// The most bytes the file may grow to; as much as the disk holds if `None`.
    pub max_bytes: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mailbox_limit: MAILBOX_LIMIT,
            max_bytes: None,
        }
    }
}

impl SqliteStore {
    /// Opens the store at `path`, and makes it if nothing is there.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process has it open, [`StoreError::Newer`] if a newer
    /// program wrote it, [`StoreError::Corrupt`] if what is there is damaged or is no store of
    /// ours: it is left as it is.
    pub fn open(path: impl Into<PathBuf>, clock: &Arc<dyn Clock>) -> Result<Self, StoreError> {
        Self::open_with(path, clock, &Options::default())
    }

    /// [`SqliteStore::open`] with options.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn open_with(
        path: impl Into<PathBuf>,
        clock: &Arc<dyn Clock>,
        options: &Options,
    ) -> Result<Self, StoreError> {
        let path = path.into();
        let lock = file::Lock::take(&path)?;
        let connection = file::open(&path, options, schema::MIGRATIONS)?;
        let fault = |fault: Fault| fault.at(&path);
        let session = Session::new(connection, Arc::clone(clock), true, options.mailbox_limit);
        let writer = Worker::writer(session.map_err(fault)?).map_err(file::unavailable)?;
        let readers = Self::readers(&path, clock)?;
        Ok(Self {
            path,
            writer: Some(writer),
            readers,
            next_reader: AtomicUsize::new(0),
            _lock: Some(lock),
        })
    }

    /// Opens the store at `path` for reading, beside a process that has it open or not. Operations
    /// that write answer [`StoreError::Unavailable`].
    ///
    /// # Errors
    /// As [`SqliteStore::open`], but never [`StoreError::Locked`]; and if nothing is there.
    pub fn open_read_only(
        path: impl Into<PathBuf>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let path = path.into();
        let readers = Self::readers(&path, clock)?;
        Ok(Self {
            path,
            writer: None,
            readers,
            next_reader: AtomicUsize::new(0),
            _lock: None,
        })
    }

    /// Opens the store at `path` for reading, and keeps every other process from opening it for
    /// writing: a source of [`causerie_core::store::transfer`].
    ///
    /// # Errors
    /// As [`SqliteStore::open`]; and if nothing is there.
    pub fn open_source(
        path: impl Into<PathBuf>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let path = path.into();
        // Where nothing is, no lock is left either.
        file::open_read_only(&path)?;
        let lock = file::Lock::take(&path)?;
        let opened = Self::open_read_only(path, clock)?;
        Ok(Self {
            _lock: Some(lock),
            ..opened
        })
    }

    /// Says whether [`SqliteStore::open`] would open the store at `path`, and changes nothing.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn check(path: &Path) -> Result<(), StoreError> {
        file::examine(path)
    }

    /// Finishes what waits, folds the log back into the file, and closes it.
    pub async fn close(&self) {
        for reader in &self.readers {
            reader.close().await;
        }
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn readers(path: &Path, clock: &Arc<dyn Clock>) -> Result<Vec<Worker>, StoreError> {
        (0..READERS)
            .map(|_| {
                let connection = file::open_read_only(path)?;
                let session = Session::new(connection, Arc::clone(clock), false, 0);
                Worker::reader(session.map_err(|fault| fault.at(path))?).map_err(file::unavailable)
            })
            .collect()
    }

    async fn write<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Session) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let Some(writer) = &self.writer else {
            return Err(StoreError::Unavailable(
                "the store was opened for reading".into(),
            ));
        };
        writer
            .run(operation)
            .await
            .map_err(|fault| fault.at(&self.path))
    }

    /// Folds the log back into the file and empties it.
    async fn fold(&self) -> Result<(), StoreError> {
        let Some(writer) = &self.writer else {
            return Ok(());
        };
        let folded = writer.between(Session::fold).await;
        folded.map_err(|fault| fault.at(&self.path))
    }

    async fn read<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Session) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let next = self.next_reader.fetch_add(1, Ordering::Relaxed) % self.readers.len();
        self.readers[next]
            .run(operation)
            .await
            .map_err(|fault| fault.at(&self.path))
    }
}

#[async_trait]
impl Mailbox for SqliteStore {
    async fn offer(
        &self,
        event: &Event,
        claimant: Option<&Claimant>,
    ) -> Result<Offered, StoreError> {
        let (event, claimant) = (event.clone(), claimant.cloned());
        self.write(move |session| session.offer(&event, claimant.as_ref()))
            .await
    }

    async fn claim(&self, claimant: &Claimant) -> Result<Option<Claim>, StoreError> {
        let claimant = claimant.clone();
        self.write(move |session| session.claim(&claimant)).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|session| session.next_due()).await
    }

    async fn renew(&self, claim: &ClaimKey, ttl: Duration) -> Result<Renewed, StoreError> {
        let claim = claim.clone();
        self.write(move |session| session.renew(&claim, ttl)).await
    }

    async fn note(&self, claim: &ClaimKey, entry: &JournalEntry) -> Result<(), StoreError> {
        let (claim, entry) = (claim.clone(), entry.clone());
        self.write(move |session| session.note(&claim, &entry))
            .await
    }

    async fn note_all(&self, claim: &ClaimKey, entries: &[JournalEntry]) -> Result<(), StoreError> {
        let (claim, entries) = (claim.clone(), entries.to_vec());
        let note = move |session: &mut Session| {
            let noted = entries.iter().map(|entry| session.note(&claim, entry));
            noted.collect()
        };
        self.write(note).await
    }

    async fn commit(&self, claim: &ClaimKey, commit: &Commit) -> Result<Committed, StoreError> {
        let (claim, commit) = (claim.clone(), commit.clone());
        let erases = commit.erase;
        let committed = self
            .write(move |session| session.commit_turn(&claim, &commit))
            .await?;
        if erases && let Err(error) = self.fold().await {
            // The commit took effect and must not look as if it had not: the next fold makes up.
            tracing::warn!(%error, "erased text may stay in the log for a while");
        }
        Ok(committed)
    }

    async fn release(&self, claim: &ClaimKey, release: Release) -> Result<(), StoreError> {
        let claim = claim.clone();
        self.write(move |session| session.release(&claim, release))
            .await
    }
}

#[async_trait]
impl Archive for SqliteStore {
    async fn history(
        &self,
        conversation: &ConversationId,
        range: HistoryRange,
    ) -> Result<Vec<Message>, StoreError> {
        let id = conversation.clone();
        self.read(move |session| session.history(&id, range)).await
    }

    async fn pending(&self, conversation: &ConversationId) -> Result<Vec<Event>, StoreError> {
        let id = conversation.clone();
        self.read(move |session| session.pending(&id)).await
    }

    async fn state(&self, conversation: &ConversationId) -> Result<ConversationState, StoreError> {
        let id = conversation.clone();
        self.read(move |session| session.state(&id)).await
    }

    async fn conversations(
        &self,
        participant: &ParticipantId,
        limit: usize,
    ) -> Result<Vec<ConversationEntry>, StoreError> {
        let participant = participant.clone();
        self.read(move |session| session.conversations(&participant, limit))
            .await
    }

    async fn turns(&self, query: &TurnQuery, limit: usize) -> Result<Vec<TurnRecord>, StoreError> {
        let query = query.clone();
        self.read(move |session| session.turns(&query, limit)).await
    }

    async fn summarise(
        &self,
        conversation: &ConversationId,
        summary: &Summary,
        erasures: u64,
    ) -> Result<bool, StoreError> {
        let (id, summary) = (conversation.clone(), summary.clone());
        self.write(move |session| session.summarise(&id, &summary, erasures))
            .await
    }

    async fn erase(&self, what: &Erase) -> Result<Erased, StoreError> {
        let what = what.clone();
        let erased = self.write(move |session| session.erase(&what)).await?;
        self.fold().await?;
        Ok(erased)
    }

    async fn census(&self) -> Result<Census, StoreError> {
        self.read(|session| session.census()).await
    }
}

#[async_trait]
impl Ledger for SqliteStore {
    async fn reserve(
        &self,
        id: &ReservationId,
        charges: &[Charge],
    ) -> Result<Reserved, StoreError> {
        let (id, charges) = (id.clone(), charges.to_vec());
        self.write(move |session| session.reserve(&id, &charges))
            .await
    }

    async fn settle(&self, id: &ReservationId, used: &[u64]) -> Result<(), StoreError> {
        let (id, used) = (id.clone(), used.to_vec());
        self.write(move |session| session.settle(&id, &used)).await
    }

    async fn lease(&self, role: &str, claimant: &Claimant) -> Result<Option<Fence>, StoreError> {
        let (role, claimant) = (role.to_owned(), claimant.clone());
        self.write(move |session| session.lease(&role, &claimant))
            .await
    }
}
