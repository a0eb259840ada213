//! Threads that own a connection each, and the queue in front of them.
//!
//! One writer takes all operations that wait, runs each in a savepoint of its own inside one
//! transaction, makes them durable with one flush, and only then answers. The busier it is, the
//! more operations share a flush. Readers do the same without a transaction.

use super::{fault::Fault, session::Session};
use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};
use tokio::sync::{mpsc, oneshot};

/// Operations that may wait for one worker; more wait at the callers.
const QUEUE: usize = 1024;

/// Operations that may share one transaction.
const GROUP: usize = 256;

/// A thread with a connection.
pub(super) struct Worker {
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

enum Job {
    /// Runs inside the transaction of its group.
    Operation(Operation),
    /// Runs alone, between two transactions.
    Between(Operation),
}

/// It is run, and what it gives back is called once it is durable or has failed to be.
type Operation = Box<dyn FnOnce(&mut Session) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Result<(), Fault>) + Send>;

impl Worker {
    /// Starts the thread that writes.
    pub(super) fn writer(session: Session) -> io::Result<Self> {
        Self::start("store-writer", session, write)
    }

    /// Starts a thread that reads.
    pub(super) fn reader(session: Session) -> io::Result<Self> {
        Self::start("store-reader", session, read)
    }

    fn start(
        name: &str,
        session: Session,
        body: fn(Session, mpsc::Receiver<Job>),
    ) -> io::Result<Self> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .stack_size(512 * 1024)
            .spawn(move || body(session, jobs))?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Has `operation` run by the thread, and waits for its durable result.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Session) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.send(Job::Operation, |session| session.isolated(operation))
            .await
    }

    /// Has `operation` run outside any transaction.
    pub(super) async fn between<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Session) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.send(Job::Between, operation).await
    }

    async fn send<T: Send + 'static>(
        &self,
        kind: fn(Operation) -> Job,
        operation: impl FnOnce(&mut Session) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let (sender, answer) = oneshot::channel();
        let job = kind(Box::new(move |session| {
            let result = operation(session);
            Box::new(move |durable| {
                // The caller may have gone away; then nobody needs the answer.
                let _ = sender.send(durable.and(result));
            })
        }));
        let queue = lock(&self.queue).clone();
        queue
            .ok_or(Fault::Closed)?
            .send(job)
            .await
            .map_err(|_| Fault::Closed)?;
        answer.await.map_err(|_| Fault::Closed)?
    }

    /// Takes nothing more in, finishes what waits, and closes the connection.
    pub(super) async fn close(&self) {
        if let Some(thread) = self.end() {
            // A thread that panicked has nothing left to close.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }

    /// Takes nothing more in, and gives the thread to wait for.
    fn end(&self) -> Option<thread::JoinHandle<()>> {
        drop(lock(&self.queue).take());
        lock(&self.thread).take()
    }
}

/// Whoever drops a worker without closing it waits until it has written what it took: the lock of
/// the file, which is dropped after, must not be free while somebody writes.
impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(thread) = self.end() {
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write(mut session: Session, mut jobs: mpsc::Receiver<Job>) {
    let mut answers = Vec::with_capacity(GROUP);
    let mut next = jobs.blocking_recv();
    while let Some(job) = next.take() {
        match job {
            Job::Between(operation) => operation(&mut session)(Ok(())),
            Job::Operation(first) => {
                next = write_group(&mut session, first, &mut jobs, &mut answers);
            }
        }
        if next.is_none() {
            next = jobs.blocking_recv();
        }
    }
    session.close();
}

/// Runs `first` and what waits behind it in one transaction, and answers all when it is durable.
/// Gives back the job it met that has to run alone.
fn write_group(
    session: &mut Session,
    first: Operation,
    jobs: &mut mpsc::Receiver<Job>,
    answers: &mut Vec<Answer>,
) -> Option<Job> {
    session.begin();
    answers.push(first(session));
    let mut alone = None;
    while answers.len() < GROUP && alone.is_none() && !session.is_broken() {
        match jobs.try_recv() {
            Ok(Job::Operation(operation)) => answers.push(operation(session)),
            Ok(job) => alone = Some(job),
            Err(_) => break,
        }
    }
    let durable = session.end();
    for answer in answers.drain(..) {
        answer(durable.as_ref().map_err(Fault::again).copied());
    }
    alone
}

fn read(mut session: Session, mut jobs: mpsc::Receiver<Job>) {
    while let Some(Job::Operation(operation) | Job::Between(operation)) = jobs.blocking_recv() {
        operation(&mut session)(Ok(()));
    }
}
