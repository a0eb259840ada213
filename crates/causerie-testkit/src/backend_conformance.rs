//! What every backend promises, one function per promise, and the same for any implementation.
//!
//! A backend's test file names how to make one, and
//! [`backend_conformance!`](crate::backend_conformance!) makes a test of each promise:
//!
//! ```ignore
//! async fn echo() -> Option<Plain> {
//!     Some(Plain::new(Echo { delay: Duration::ZERO, pace: Duration::ZERO, context: 8192 }))
//! }
//! causerie_testkit::backend_conformance!(echo);
//! ```
//!
//! A test that can make its model stand still or break off implements [`Subject`] itself; promises
//! that need it pass without a trial where it cannot.

use crate::prompt::PromptBuilder;
use causerie_core::{
    backend::{Backend, BackendError, CompletionStream, Delta, Finish, FinishReason, Readiness},
    id::ConversationId,
    message::Role,
    prompt::Prompt,
};
use futures::{StreamExt, future::join_all};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};

/// How long anything may take: a real model may be at work on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A backend under test, and how it is made to misbehave.
pub trait Subject: Send + Sync {
    /// The backend. The same each time.
    fn backend(&self) -> Arc<dyn Backend>;

    /// Makes the next completion say something and then stand still. Whether it can be made to.
    fn stall_next(&self) -> bool {
        false
    }

    /// Makes the next completion say something and then break off. Whether it can be made to.
    fn break_next(&self) -> bool {
        false
    }

    /// How many completions were given up while they ran, if that can be seen.
    fn given_up(&self) -> Option<usize> {
        None
    }
}

/// A backend that cannot be made to misbehave.
pub struct Plain(Arc<dyn Backend>);

impl Plain {
    /// `backend` as it is.
    pub fn new(backend: impl Backend + 'static) -> Self {
        Self(Arc::new(backend))
    }
}

impl Subject for Plain {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.0)
    }
}

/// Makes a `#[tokio::test]` of each promise. `$make` is an `async fn() -> Option<impl Subject>`:
/// `None` skips, and whoever makes it says so.
#[macro_export]
macro_rules! backend_conformance {
    ($make:path) => {
        $crate::backend_conformance! { $make =>
            a_completion_ends_with_one_finish
            usage_is_told
            completions_run_beside_each_other
            a_completion_that_is_dropped_is_given_up
            a_completion_that_breaks_off_ends_with_one_error
            a_completion_that_is_not_begun_costs_nothing
            a_prompt_that_is_too_large_is_refused
            ready_returns_and_says_what_readiness_says
            capabilities_stay_once_it_is_ready
            the_counter_counts
            forgetting_is_harmless
        }
    };
    ($make:path => $($promise:ident)*) => {
        $(
            #[tokio::test]
            async fn $promise() {
                if let Some(subject) = $make().await {
                    $crate::backend_conformance::$promise(&subject).await;
                }
            }
        )*
    };
}

/// Any number of deltas, then one finish, then nothing. No text is empty, and calls and their finish
/// go together.
pub async fn a_completion_ends_with_one_finish(subject: &impl Subject) {
    let backend = ready(subject).await;
    let (deltas, finish) = whole(begin(&*backend, &hello()).await).await;
    let said = deltas.iter().any(|delta| matches!(delta, Delta::Text(_)));
    let called = deltas
        .iter()
        .any(|delta| matches!(delta, Delta::ToolCall(_)));
    for delta in &deltas {
        if let Delta::Text(text) | Delta::Reasoning(text) = delta {
            assert!(!text.is_empty(), "a delta says nothing");
        }
    }
    assert!(said || called, "it says nothing at all");
    assert_eq!(called, finish.reason == FinishReason::ToolCalls);
}

/// Usage holds what the prompt and the answer took.
pub async fn usage_is_told(subject: &impl Subject) {
    let backend = ready(subject).await;
    let prompt = hello();
    let (_, Finish { usage, .. }) = whole(begin(&*backend, &prompt).await).await;
    assert!(usage.input > 0 && usage.output > 0, "{usage:?}");
    assert!(usage.cached <= usage.input, "{usage:?}");
    // The prompt's size is an estimate here, and estimates are never too low.
    let estimate = u64::from(prompt.tokens().tokens);
    assert!(usage.input <= estimate, "{usage:?} of {estimate}");
}

/// A backend is called from many turns at once.
pub async fn completions_run_beside_each_other(subject: &impl Subject) {
    let backend = ready(subject).await;
    let prompt = |n| {
        let id = format!("test/{n}");
        PromptBuilder::default()
            .conversation(&id)
            .lines(&[(Role::User, "Hello")])
            .build()
    };
    let completions = (0..6).map(|n| {
        let backend = &*backend;
        async move { whole(begin(backend, &prompt(n)).await).await }
    });
    assert_eq!(join_all(completions).await.len(), 6);
}

/// Dropping a stream frees its place, at any moment.
pub async fn a_completion_that_is_dropped_is_given_up(subject: &impl Subject) {
    let backend = ready(subject).await;
    for _ in 0..6 {
        drop(begin(&*backend, &hello()).await);
    }
    let before = subject.given_up();
    if subject.stall_next() {
        let mut stream = begin(&*backend, &hello()).await;
        let first = within(stream.next()).await;
        assert!(matches!(first, Some(Ok(_))), "{first:?}");
        let next = timeout(Duration::from_millis(50), stream.next()).await;
        drop((next, stream));
        let given_up = || subject.given_up() > before || before.is_none();
        within(async {
            while !given_up() {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }
    whole(begin(&*backend, &hello()).await).await;
}

/// Any number of deltas, then one error, then nothing; or the stream ends without either.
pub async fn a_completion_that_breaks_off_ends_with_one_error(subject: &impl Subject) {
    let backend = ready(subject).await;
    if !subject.break_next() {
        return;
    }
    let stream = begin(&*backend, &hello()).await;
    let items: Vec<_> = within(stream.collect()).await;
    let finishes = items
        .iter()
        .any(|item| matches!(item, Ok(Delta::Finish(_))));
    assert!(!finishes, "it broke off and says that it finished");
    let errors: Vec<_> = items
        .iter()
        .filter_map(|item| item.as_ref().err())
        .collect();
    if let [error] = errors.as_slice() {
        assert!(
            items.last().is_some_and(Result::is_err),
            "{error} is not the end"
        );
    }
    assert!(errors.len() <= 1, "{errors:?}");
    whole(begin(&*backend, &hello()).await).await;
}

/// Dropping the future that begins a completion gives it up too.
pub async fn a_completion_that_is_not_begun_costs_nothing(subject: &impl Subject) {
    let backend = ready(subject).await;
    let prompt = hello();
    drop(backend.complete(&prompt));
    let begun = timeout(Duration::from_micros(1), backend.complete(&prompt)).await;
    drop(begun);
    whole(begin(&*backend, &prompt).await).await;
}

/// What does not fit is said to be too large, before anything is used.
pub async fn a_prompt_that_is_too_large_is_refused(subject: &impl Subject) {
    let backend = ready(subject).await;
    let window = backend.capabilities().context_window;
    // A sentence of nine words or so takes at least as many tokens as words.
    let sentence = "The quick brown fox jumps over the lazy dog. ";
    let text = sentence.repeat(window as usize / 8 + 1);
    let prompt = PromptBuilder::default()
        .room(window.saturating_mul(16))
        .lines(&[(Role::User, &text)])
        .build();
    let error = match within(backend.complete(&prompt)).await {
        Err(error) => Some(error),
        Ok(mut stream) => within(stream.next()).await.and_then(Result::err),
    };
    let Some(BackendError::Overflow { tokens, window }) = error else {
        panic!("a prompt that is too large gave {error:?}");
    };
    assert!(
        tokens >= window,
        "{tokens} tokens are not too many for {window}"
    );
    whole(begin(&*backend, &hello()).await).await;
}

/// `ready` comes back, and what it says is what `readiness` says from then on.
pub async fn ready_returns_and_says_what_readiness_says(subject: &impl Subject) {
    let backend = subject.backend();
    let ready = within(backend.ready()).await;
    assert!(!matches!(ready, Readiness::Loading { .. }), "{ready:?}");
    assert_eq!(backend.readiness(), ready);
    assert_eq!(within(backend.ready()).await, ready);
}

/// Capabilities may change once, and not after it is ready.
pub async fn capabilities_stay_once_it_is_ready(subject: &impl Subject) {
    let backend = ready(subject).await;
    let before = backend.capabilities();
    assert!(before.context_window > 0);
    whole(begin(&*backend, &hello()).await).await;
    assert_eq!(backend.capabilities(), before);
}

/// The counter counts the same each time, and more for more.
pub async fn the_counter_counts(subject: &impl Subject) {
    let counter = ready(subject).await.counter();
    assert_eq!(counter.count(""), 0);
    let mut less = 0;
    for text in [
        "a",
        "a dog",
        "a dog and a cat",
        "a dog, a cat, 今天天气很好 and 👍🏽",
    ] {
        let tokens = counter.count(text);
        assert!(tokens > less, "{tokens} for {text:?} after {less}");
        assert_eq!(tokens, counter.count(text));
        less = tokens;
    }
}

/// A conversation may be forgotten that is not known, in mid-answer, and twice.
pub async fn forgetting_is_harmless(subject: &impl Subject) {
    let backend = ready(subject).await;
    let prompt = hello();
    backend.forget(&ConversationId::new("test/unknown").expect("a fixed id"));
    let stream = begin(&*backend, &prompt).await;
    backend.forget(prompt.conversation());
    whole(stream).await;
    backend.forget(prompt.conversation());
    backend.forget(prompt.conversation());
    whole(begin(&*backend, &prompt).await).await;
}

/// A prompt that every model can answer, for a short answer. It has a system prompt: some templates
/// write one of their own where there is none, which nobody has counted.
fn hello() -> Prompt {
    PromptBuilder::default()
        .system("You are a helpful assistant")
        .persona(|persona| persona.max_output_tokens = 16)
        .lines(&[(Role::User, "Say hello to everybody")])
        .build()
}

async fn ready(subject: &impl Subject) -> Arc<dyn Backend> {
    let backend = subject.backend();
    assert_eq!(within(backend.ready()).await, Readiness::Ready);
    backend
}

async fn begin(backend: &dyn Backend, prompt: &Prompt) -> CompletionStream {
    let begun = within(backend.complete(prompt)).await;
    begun.unwrap_or_else(|error| panic!("a completion does not begin: {error}"))
}

/// The deltas and the finish of a stream that must be whole.
async fn whole(stream: CompletionStream) -> (Vec<Delta>, Finish) {
    let items: Vec<_> = within(stream.collect()).await;
    let mut deltas: Vec<Delta> = items
        .into_iter()
        .map(|item| item.unwrap_or_else(|error| panic!("a completion breaks off: {error}")))
        .collect();
    let Some(Delta::Finish(finish)) = deltas.pop() else {
        panic!("a completion does not end with a finish");
    };
    let finishes = deltas
        .iter()
        .filter(|delta| matches!(delta, Delta::Finish(_)));
    assert_eq!(finishes.count(), 0, "something comes after the finish");
    (deltas, finish)
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    let done = timeout(PATIENCE, future).await;
    done.expect("a backend comes back")
}
