//! The backend itself: what the engine sees of a local model.

use crate::{
    Config,
    chooser::Chooser,
    load, saved,
    scheduler::{Job, Orders, Scheduler},
    size::Size,
    slot::Request,
    vocabulary::Vocabulary,
};
use async_trait::async_trait;
use causerie_core::{
    Clock,
    backend::{Backend, BackendCapabilities, BackendError, CompletionStream, Privacy, Readiness},
    id::ConversationId,
    persona::Sampling,
    prompt::{ByteEstimate, Prompt, PromptMessage, TokenCounter},
};
use futures::{StreamExt, stream};
use std::{
    hash::{BuildHasher, Hasher, RandomState},
    path::PathBuf,
    sync::{Arc, OnceLock, atomic::Ordering},
    thread::{self, JoinHandle},
    time::Duration,
};
use tokio::sync::{Semaphore, mpsc, watch};

/// When all slots are taken and the queue is full, somebody is done in about this time.
const COME_BACK: Duration = Duration::from_secs(3);
/// More wait than any process has conversations at once.
const MOST_WAITING: usize = 1 << 20;
/// What is said of the context before the model has loaded, if the operator said nothing.
const PROVISIONAL_CONTEXT: u32 = 2048;

/// A GGUF model in this process, as a [`Backend`].
///
/// Dropping it stops its thread, which saves the states of idle conversations first.
pub struct Local {
    shared: Arc<Shared>,
    /// Without a bound of its own: each question holds a permit of [`Shared::room`].
    jobs: mpsc::UnboundedSender<Job>,
    sampling: Sampling,
    provisional: BackendCapabilities,
    state_dir: Option<PathBuf>,
    thread: Option<JoinHandle<()>>,
}

/// What the backend and its thread both see.
struct Shared {
    readiness: watch::Sender<Readiness>,
    orders: Orders,
    model: OnceLock<(Arc<Vocabulary>, Size)>,
    /// How many more may be answered or wait.
    room: Arc<Semaphore>,
}

/// What is asked of the model: a [`Prompt`] without the engine's bookkeeping.
pub(crate) struct Ask {
    pub(crate) conversation: ConversationId,
    pub(crate) messages: Vec<PromptMessage>,
    pub(crate) sampling: Sampling,
    pub(crate) max_output_tokens: u32,
}

impl Local {
    /// Starts to load the model and returns at once; [`Backend::ready`] waits for it. `clock`
    /// tells the day to chat templates that ask for it.
    pub fn open(config: Config, clock: Arc<dyn Clock>) -> Self {
        let (jobs, inbox) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            readiness: watch::Sender::new(Readiness::Loading { percent: Some(0) }),
            orders: Orders::default(),
            model: OnceLock::new(),
            room: Arc::new(Semaphore::new(config.queue.min(MOST_WAITING))),
        });
        let sampling = config.sampling;
        let provisional = capabilities(config.context.unwrap_or(PROVISIONAL_CONTEXT));
        let state_dir = config.state_dir.clone();
        let thread = thread::Builder::new().name("causerie-local".into()).spawn({
            let shared = shared.clone();
            move || shared.run(&config, clock, inbox)
        });
        let thread = thread.inspect_err(|error| {
            shared.fail(format!("no thread could be started for the model: {error}"));
        });
        Self {
            shared,
            jobs,
            sampling,
            provisional,
            state_dir,
            thread: thread.ok(),
        }
    }

    /// Queues what is asked. See [`Backend::complete`].
    pub(crate) async fn begin(&self, ask: Ask) -> Result<CompletionStream, BackendError> {
        let Some((vocabulary, size)) = self.shared.model.get() else {
            return Err(self.shared.why_not());
        };
        let room = self.shared.room.clone();
        let permit = room.try_acquire_owned().map_err(|_| BackendError::Busy {
            retry_after: Some(COME_BACK),
        })?;
        let vocabulary = vocabulary.clone();
        let messages = ask.messages;
        let rendered = tokio::task::spawn_blocking(move || vocabulary.prompt(&messages)).await;
        let (tokens, thinking) = rendered
            .map_err(|error| BackendError::Unavailable {
                reason: error.to_string(),
            })?
            .map_err(|error| BackendError::Misconfigured {
                reason: error.to_string(),
            })?;
        if tokens.is_empty() || tokens.len() >= size.context as usize {
            let tokens = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
            return Err(BackendError::Overflow {
                tokens,
                window: size.context,
            });
        }
        let entropy = RandomState::new().build_hasher().finish();
        // Three deltas at most come from the last token, and one from each other.
        let most = ask.max_output_tokens.min(size.context) as usize + 4;
        let (deltas, mut stream) = mpsc::channel(most);
        let request = Request {
            conversation: ask.conversation,
            tokens,
            thinking,
            chooser: Chooser::new(&ask.sampling, &self.sampling, entropy),
            max_output: ask.max_output_tokens,
            deltas,
            permit,
            forgotten: false,
        };
        self.jobs
            .send(Job::Answer(Box::new(request)))
            .map_err(|_| self.shared.why_not())?;
        Ok(stream::poll_fn(move |context| stream.poll_recv(context)).boxed())
    }

    /// Wakes the thread, should it sleep.
    fn wake(&self) {
        let _ = self.jobs.send(Job::Wake);
    }
}

#[async_trait]
impl Backend for Local {
    fn capabilities(&self) -> BackendCapabilities {
        let size = self.shared.model.get().map(|(_, size)| *size);
        size.map_or_else(
            || self.provisional.clone(),
            |size| capabilities(size.context),
        )
    }

    fn readiness(&self) -> Readiness {
        self.shared.readiness.borrow().clone()
    }

    async fn ready(&self) -> Readiness {
        let mut readiness = self.shared.readiness.subscribe();
        let settled = readiness
            .wait_for(|now| !matches!(now, Readiness::Loading { .. }))
            .await;
        settled.map_or_else(|_| self.readiness(), |now| now.clone())
    }

    fn counter(&self) -> Arc<dyn TokenCounter> {
        match self.shared.model.get() {
            Some((vocabulary, _)) => vocabulary.clone(),
            None => Arc::new(ByteEstimate),
        }
    }

    async fn complete(&self, prompt: &Prompt) -> Result<CompletionStream, BackendError> {
        self.begin(Ask {
            conversation: prompt.conversation().clone(),
            messages: prompt.messages().to_vec(),
            sampling: *prompt.sampling(),
            max_output_tokens: prompt.max_output_tokens(),
        })
        .await
    }

    fn forget(&self, conversation: &ConversationId) {
        // While it loads, and once its thread has ended, there is nothing but files.
        if self.shared.model.get().is_some() && !self.jobs.is_closed() {
            self.shared.orders.forget(conversation.clone());
            self.wake();
        }
        if let Some(dir) = &self.state_dir {
            saved::forget(dir, conversation);
        }
    }
}

impl Drop for Local {
    /// Waits for the thread: one step of computation, and the saving of states.
    fn drop(&mut self) {
        self.shared.orders.stop.store(true, Ordering::Relaxed);
        self.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// The thread: loads the model, then answers until told to stop.
    fn run(
        self: Arc<Self>,
        config: &Config,
        clock: Arc<dyn Clock>,
        mut inbox: mpsc::UnboundedReceiver<Job>,
    ) {
        let fuse = Fuse(&self);
        let progress = self.clone();
        let loaded = load::load(config, clock, move |share| {
            let percent = Some((share * 100.0) as u8);
            progress
                .readiness
                .send_replace(Readiness::Loading { percent });
            !progress.orders.stop.load(Ordering::Relaxed)
        });
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(reason) => return self.fail(reason),
        };
        let scheduler = match Scheduler::new(config, &loaded) {
            Ok(scheduler) => scheduler,
            Err(reason) => return self.fail(reason),
        };
        let Size { context, slots } = loaded.size;
        tracing::info!(context, slots, "the local model is ready");
        self.room.add_permits(slots as usize);
        let _ = self.model.set((loaded.vocabulary.clone(), loaded.size));
        self.readiness.send_replace(Readiness::Ready);
        scheduler.run(&mut inbox, &self.orders);
        drop(fuse);
    }

    fn fail(&self, reason: String) {
        tracing::error!(reason, "the local model cannot be used");
        self.readiness.send_replace(Readiness::Failed(reason));
    }

    fn why_not(&self) -> BackendError {
        match &*self.readiness.borrow() {
            Readiness::Failed(reason) => BackendError::Misconfigured {
                reason: reason.clone(),
            },
            _ => BackendError::Loading,
        }
    }
}

/// Reports a thread that died without a word.
struct Fuse<'a>(&'a Shared);

impl Drop for Fuse<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0
                .fail("the local model stopped working. Restart the program".to_owned());
        }
    }
}

fn capabilities(context_window: u32) -> BackendCapabilities {
    BackendCapabilities {
        context_window,
        tools: false,
        images: false,
        privacy: Privacy::Local,
        prices: None,
    }
}
