//! What every platform promises of [`Platform::perform`] and [`Platform::run`], one function per
//! promise. A promise about what a platform's capabilities rule out is kept by doing nothing.
//!
//! A platform's test file names how to set a stage, and
//! [`platform_conformance!`](crate::platform_conformance!) makes a test of each promise:
//!
//! ```text
//! async fn stage() -> impl Stage { … }
//! causerie_testkit::platform_conformance!(stage);
//! ```

use async_trait::async_trait;
use causerie_core::{
    backend::Readiness,
    event::Event,
    id::{ConversationId, MessageRef, Nonce, ParticipantId, Place, Seq, TurnNumber},
    platform::{
        Accepted, Action, Content, ConversationEntry, Creates, Inbox, InboxError, Operation,
        Platform, PlatformCapabilities, PlatformError, Receipt, Status, Streaming, Transcript,
    },
};
use std::{sync::Arc, time::Duration};

/// A platform with one empty place, and eyes to see what people see there.
#[async_trait]
pub trait Stage: Send + Sync {
    /// The platform.
    fn platform(&self) -> Arc<dyn Platform>;

    /// The conversation of the place.
    fn conversation(&self) -> ConversationId;

    /// The place.
    fn place(&self) -> Place;

    /// The words of our messages that people see there now, oldest first; previews apart. Plain
    /// words without markup are shown as they are.
    async fn seen(&self) -> Vec<String>;
}

/// How long a platform may take to end.
const SOON: Duration = Duration::from_secs(30);

/// A stage and short words for what the promises do on it.
struct Play<S>(S);

impl<S: Stage> Play<S> {
    fn can(&self) -> PlatformCapabilities {
        self.0.platform().capabilities(&self.0.place()).clone()
    }

    fn nonce(&self, part: u32) -> Nonce {
        Nonce::derive(&self.0.conversation(), TurnNumber(1), part)
    }

    async fn perform(&self, action: Action) -> Result<Receipt, PlatformError> {
        let operation = Operation {
            conversation: self.0.conversation(),
            place: self.0.place(),
            action,
        };
        let platform = self.0.platform();
        loop {
            match platform.perform(&operation).await {
                Err(PlatformError::RateLimited { retry_after }) => {
                    assert!(retry_after < SOON, "a wait of {retry_after:?}");
                    tokio::time::sleep(retry_after).await;
                }
                performed => return performed,
            }
        }
    }

    async fn done(&self, action: Action) -> Receipt {
        let done = self.perform(action.clone()).await;
        done.unwrap_or_else(|error| panic!("{action:?} was answered {error}"))
    }

    async fn post(&self, part: u32, content: Content) -> MessageRef {
        let post = Action::Post {
            nonce: self.nonce(part),
            reply_to: None,
            content,
        };
        let receipt = self.done(post).await;
        receipt.message.expect("a create tells what it created")
    }

    async fn edit(&self, message: &MessageRef, content: Content) -> Result<Receipt, PlatformError> {
        let message = message.clone();
        self.perform(Action::Edit { message, content }).await
    }

    async fn assert_seen(&self, words: &[&str]) {
        assert_eq!(self.0.seen().await, words);
    }
}

fn growing(words: &str) -> Content {
    Content {
        markdown: words.into(),
        ..Content::default()
    }
}

fn whole(words: &str) -> Content {
    Content {
        complete: true,
        ends: true,
        ..growing(words)
    }
}

/// Two messages with nonces of their own are two, in order; the same nonce again is what
/// [`Creates`] says.
pub async fn a_create_is_repeated_as_its_nonce_says<S: Stage>(stage: S) {
    let play = Play(stage);
    let first = play.post(0, growing("one")).await;
    let second = play.post(1, whole("two")).await;
    assert_ne!(first, second);
    play.assert_seen(&["one", "two"]).await;
    match play.can().creates {
        Creates::Idempotent => {
            assert_eq!(play.post(0, whole("uno")).await, first);
            match play.can().edits {
                true => play.assert_seen(&["uno", "two"]).await,
                // What was shown once cannot be changed there, so the newest is shown too.
                false => play.assert_seen(&["one", "two", "uno"]).await,
            }
        }
        Creates::Remembered => {
            assert_eq!(play.post(0, growing("one")).await, first);
            play.assert_seen(&["one", "two"]).await;
        }
        Creates::Ambiguous => {}
    }
}

/// A message reads as the last edit says, however often that is said.
pub async fn an_edit_replaces_the_words<S: Stage>(stage: S) {
    let play = Play(stage);
    if !play.can().edits {
        return;
    }
    let message = play.post(0, growing("one")).await;
    play.post(1, whole("other")).await;
    for content in [growing("one two"), whole("three"), whole("three")] {
        play.edit(&message, content).await.expect("it is edited");
    }
    play.assert_seen(&["three", "other"]).await;
}

/// What is deleted is gone; saying so again does no harm, and an edit of it is told. Where a nonce
/// is a name for ever, an edit may make the message anew: an earlier process may have created it.
pub async fn a_message_that_is_deleted_is_gone<S: Stage>(stage: S) {
    let play = Play(stage);
    if !play.can().deletes {
        return;
    }
    let message = play.post(0, whole("one")).await;
    play.post(1, whole("two")).await;
    let delete = Action::Delete {
        message: message.clone(),
    };
    play.done(delete.clone()).await;
    play.assert_seen(&["two"]).await;
    let again = play.perform(delete).await;
    assert!(
        matches!(again, Ok(_) | Err(PlatformError::Gone)),
        "{again:?}"
    );
    if play.can().edits && play.can().creates != Creates::Idempotent {
        let edited = play.edit(&message, whole("back")).await;
        assert!(matches!(edited, Err(PlatformError::Gone)), "{edited:?}");
        play.assert_seen(&["two"]).await;
    }
}

/// What is appended stands once, however often it is sent, and reads in the end as the close says.
pub async fn appends_are_taken_once<S: Stage>(stage: S) {
    let play = Play(stage);
    if !matches!(play.can().streaming, Streaming::Append { .. }) {
        return;
    }
    let open = Action::OpenStream {
        nonce: play.nonce(0),
        reply_to: None,
    };
    let opened = play.done(open.clone()).await.message;
    let message = opened.expect("a create tells what it created");
    if play.can().creates != Creates::Ambiguous {
        assert_eq!(play.done(open).await.message.as_ref(), Some(&message));
    }
    for (offset, text) in [(0, "one "), (0, "one "), (4, "two"), (4, "two")] {
        let (message, text) = (message.clone(), text.into());
        let append = Action::Append {
            message,
            offset,
            text,
        };
        play.done(append).await;
    }
    play.assert_seen(&["one two"]).await;
    for _ in 0..2 {
        let close = Action::CloseStream {
            message: message.clone(),
            content: whole("one two three"),
        };
        play.done(close).await;
    }
    play.assert_seen(&["one two three"]).await;
}

/// A draft is no message, and the message takes its place.
pub async fn a_preview_is_no_message<S: Stage>(stage: S) {
    let play = Play(stage);
    if !matches!(play.can().streaming, Streaming::Preview { .. }) {
        return;
    }
    for words in ["one", "one two", "one two"] {
        let preview = Action::Preview {
            nonce: play.nonce(0),
            content: growing(words),
        };
        play.done(preview).await;
    }
    play.assert_seen(&[]).await;
    play.post(0, whole("one two")).await;
    play.assert_seen(&["one two"]).await;
}

/// A sign of work is no message, whichever it is.
pub async fn a_status_is_no_message<S: Stage>(stage: S) {
    let play = Play(stage);
    if play.can().typing.is_none() {
        return;
    }
    for status in [
        Status::Queued,
        Status::Loading,
        Status::Typing,
        Status::Typing,
        Status::Working,
        Status::Idle,
    ] {
        play.done(Action::Status { status }).await;
    }
    play.assert_seen(&[]).await;
}

/// What fits, fits to the last character; what does not is told and not cut.
pub async fn what_does_not_fit_is_told<S: Stage>(stage: S) {
    let play = Play(stage);
    let Some(limit) = play.can().message_limit else {
        return;
    };
    let fits = "x".repeat(limit.max);
    play.post(0, whole(&fits)).await;
    let too_long = Action::Post {
        nonce: play.nonce(1),
        reply_to: None,
        content: whole(&(fits.clone() + "x")),
    };
    let told = play.perform(too_long).await;
    assert!(matches!(told, Err(PlatformError::TooLong)), "{told:?}");
    play.assert_seen(&[&fits]).await;
}

/// It runs until it is told to stop, and ends soon then.
pub async fn a_run_ends_with_its_stop<S: Stage>(stage: S) {
    let platform = stage.platform();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let stopped = Box::pin(async move { drop(stopped.await) });
    let running = platform.run(Arc::new(DeafInbox), stopped);
    tokio::pin!(running);
    for _ in 0..100 {
        tokio::select! {
            biased;
            ended = &mut running => panic!("it ended by itself: {ended:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
    drop(stop);
    let ended = tokio::time::timeout(SOON, running).await;
    ended.expect("it ends soon").expect("it ends well");
}

/// Takes everything and answers nothing.
pub struct DeafInbox;

#[async_trait]
impl Inbox for DeafInbox {
    async fn offer(&self, _event: Event) -> Result<Accepted, InboxError> {
        Ok(Accepted::Queued)
    }

    async fn transcript(
        &self,
        _conversation: &ConversationId,
        _before: Option<Seq>,
        _limit: usize,
    ) -> Result<Transcript, InboxError> {
        Ok(Transcript::default())
    }

    async fn conversations(
        &self,
        _participant: &ParticipantId,
        _limit: usize,
    ) -> Result<Vec<ConversationEntry>, InboxError> {
        Ok(vec![])
    }

    async fn erase(&self, _conversation: &ConversationId) -> Result<(), InboxError> {
        Ok(())
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }
}

/// Makes a `#[tokio::test]` of each promise. `$stage` is an `async fn() -> impl Stage`.
#[macro_export]
macro_rules! platform_conformance {
    ($stage:path) => {
        $crate::platform_conformance! { $stage =>
            a_create_is_repeated_as_its_nonce_says
            an_edit_replaces_the_words
            a_message_that_is_deleted_is_gone
            appends_are_taken_once
            a_preview_is_no_message
            a_status_is_no_message
            what_does_not_fit_is_told
            a_run_ends_with_its_stop
        }
    };
    ($stage:path => $($promise:ident)*) => {
        $(
            #[tokio::test]
            async fn $promise() {
                let stage = $stage().await;
                $crate::platform_conformance::$promise(stage).await;
            }
        )*
    };
}
