//! A platform without people: it records what it is asked for and shows what they would see.

use async_trait::async_trait;
use causerie_core::{
    id::{MessageRef, Nonce, Place, PlatformId},
    platform::{
        Action, Content, Creates, Inbox, Notice, Operation, Platform, PlatformCapabilities,
        PlatformError, Receipt, Status, Stop, Streaming,
    },
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::time::Instant;

/// What one operation meets with, instead of taking effect and saying so.
#[derive(Debug)]
pub enum Mishap {
    /// Nothing happens; this is the answer.
    Fails(PlatformError),
    /// It takes effect; this is the answer all the same.
    DoneBut(PlatformError),
    /// It takes effect, after this long.
    Slow(Duration),
    /// The message it is about was deleted by somebody just before.
    Vanished,
}

/// A message as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its name.
    pub message: MessageRef,
    /// The words, as Markdown.
    pub markdown: String,
    /// Whether this is its last form.
    pub complete: bool,
    /// Why we speak ourselves.
    pub notice: Option<Notice>,
    /// What it answers.
    pub reply_to: Option<MessageRef>,
}

/// One operation that was asked for, and when.
#[derive(Clone, Debug)]
pub struct Asked {
    /// When.
    pub at: Instant,
    /// What.
    pub operation: Operation,
}

/// A platform without people.
///
/// It panics when asked for what its capabilities rule out, or for a blank message, so that no test
/// can overlook it.
pub struct RecordingPlatform {
    id: PlatformId,
    capabilities: PlatformCapabilities,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    asked: Vec<Asked>,
    /// In the order they were created. `None` once deleted.
    messages: Vec<(MessageRef, Option<Seen>)>,
    created: BTreeMap<String, MessageRef>,
    /// Messages that are open for appending.
    open: Vec<MessageRef>,
    previews: BTreeMap<String, (Instant, String)>,
    status: Option<Status>,
    mishaps: VecDeque<Option<Mishap>>,
    numbered: u64,
}

impl RecordingPlatform {
    /// A platform that can do this.
    pub fn new(capabilities: PlatformCapabilities) -> Arc<Self> {
        Arc::new(Self {
            id: PlatformId::new("recording").expect("a valid name"),
            capabilities,
            state: Mutex::default(),
        })
    }

    /// What most tests want: edits once a second, 2000 code points, nonces that are remembered.
    pub fn editing() -> PlatformCapabilities {
        PlatformCapabilities {
            streaming: Streaming::Edit {
                first: Duration::ZERO,
                every: Duration::from_secs(1),
            },
            message_limit: Some(causerie_core::platform::TextLimit {
                unit: causerie_core::platform::TextUnit::CodePoints,
                max: 2000,
                form: causerie_core::platform::TextForm::Source,
            }),
            creates: Creates::Remembered,
            edits: true,
            deletes: true,
            typing: Some(Duration::from_secs(8)),
            file_after: None,
        }
    }

    /// The next operations meet with these, in order; `None` is no mishap.
    pub fn expect_mishaps(&self, mishaps: impl IntoIterator<Item = Option<Mishap>>) {
        self.state().mishaps.extend(mishaps);
    }

    /// All operations so far, failed ones included.
    pub fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// What people see now, oldest first. Previews are not among it.
    pub fn seen(&self) -> Vec<Seen> {
        let state = self.state();
        let visible = state.messages.iter().filter_map(|(_, seen)| seen.clone());
        visible.collect()
    }

    /// The words people see now, one text for each message.
    pub fn words(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.markdown).collect()
    }

    /// What the platform shows of our work.
    pub fn status(&self) -> Option<Status> {
        self.state().status
    }

    /// The drafts people see now.
    pub fn previews(&self) -> Vec<String> {
        let Streaming::Preview { lasts, .. } = self.capabilities.streaming else {
            return Vec::new();
        };
        let state = self.state();
        let live = state
            .previews
            .values()
            .filter(|(at, _)| at.elapsed() < lasts);
        live.map(|(_, words)| words.clone()).collect()
    }

    /// Puts a message of ours there, as an earlier process might have.
    pub fn seed(&self, nonce: Option<&Nonce>, markdown: &str) -> MessageRef {
        let mut state = self.state();
        let content = Content {
            markdown: markdown.into(),
            ..Content::default()
        };
        state.create(nonce, None, &content)
    }

    /// Somebody deletes a message of ours.
    pub fn delete(&self, message: &MessageRef) {
        self.state().remove(message);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds it")
    }

    /// Panics if the capabilities rule `action` out.
    fn check(&self, action: &Action) {
        let can = &self.capabilities;
        let appends = matches!(can.streaming, Streaming::Append { .. });
        let allowed = match action {
            Action::Post { .. } => true,
            Action::Edit { .. } => can.edits,
            Action::Delete { .. } => can.deletes,
            Action::Preview { .. } => matches!(can.streaming, Streaming::Preview { .. }),
            Action::OpenStream { .. } | Action::Append { .. } | Action::CloseStream { .. } => {
                appends
            }
            Action::Status { .. } => can.typing.is_some(),
        };
        assert!(allowed, "the capabilities rule out {action:?}");
        match action {
            Action::Post { content, .. }
            | Action::Edit { content, .. }
            | Action::Preview { content, .. }
            | Action::CloseStream { content, .. } => {
                assert!(!content.markdown.is_blank(), "a blank message: {action:?}");
            }
            Action::Append { text, .. } => assert!(!text.is_empty(), "an empty append"),
            _ => {}
        }
    }

    fn fits(&self, action: &Action) -> bool {
        let (Action::Post { content, .. }
        | Action::Edit { content, .. }
        | Action::Preview { content, .. }
        | Action::CloseStream { content, .. }) = action
        else {
            return true;
        };
        self.capabilities
            .message_limit
            .is_none_or(|limit| limit.unit.measure(content.markdown.expose()) <= limit.max)
    }
}

impl State {
    fn create(
        &mut self,
        nonce: Option<&Nonce>,
        reply_to: Option<&MessageRef>,
        content: &Content,
    ) -> MessageRef {
        self.numbered += 1;
        let message = MessageRef::new(format!("m{}", self.numbered)).expect("a valid id");
        if let Some(nonce) = nonce {
            self.created
                .insert(nonce.as_str().to_owned(), message.clone());
        }
        let seen = Seen {
            message: message.clone(),
            markdown: content.markdown.expose().to_owned(),
            complete: content.complete,
            notice: content.notice,
            reply_to: reply_to.cloned(),
        };
        self.messages.push((message.clone(), Some(seen)));
        message
    }

    fn find(&mut self, message: &MessageRef) -> Result<&mut Seen, PlatformError> {
        self.messages
            .iter_mut()
            .find(|(id, _)| id == message)
            .and_then(|(_, seen)| seen.as_mut())
            .ok_or(PlatformError::Gone)
    }

    fn remove(&mut self, message: &MessageRef) {
        for (id, seen) in &mut self.messages {
            if id == message {
                *seen = None;
            }
        }
    }

    fn show(&mut self, message: &MessageRef, content: &Content) -> Result<(), PlatformError> {
        let seen = self.find(message)?;
        seen.markdown = content.markdown.expose().to_owned();
        seen.complete = content.complete;
        seen.notice = content.notice;
        Ok(())
    }

    fn apply(&mut self, action: &Action, creates: Creates) -> Result<Receipt, PlatformError> {
        let mut receipt = Receipt::default();
        match action {
            Action::Post {
                nonce,
                reply_to,
                content,
            } => {
                self.previews.remove(nonce.as_str());
                let known = self.known(nonce, creates);
                if let (Creates::Idempotent, Some(message)) = (creates, &known) {
                    self.show(message, content)?;
                }
                receipt.message = Some(
                    known.unwrap_or_else(|| self.create(Some(nonce), reply_to.as_ref(), content)),
                );
            }
            Action::OpenStream { nonce, reply_to } => {
                let empty = Content::default();
                let message = self
                    .known(nonce, creates)
                    .unwrap_or_else(|| self.create(Some(nonce), reply_to.as_ref(), &empty));
                self.open.push(message.clone());
                receipt.message = Some(message);
            }
            Action::Edit { message, content } => self.show(message, content)?,
            Action::CloseStream { message, content } => {
                self.open.retain(|open| open != message);
                self.show(message, content)?;
            }
            Action::Append {
                message,
                offset,
                text,
            } => self.append(message, *offset, text.expose())?,
            Action::Delete { message } => self.remove(message),
            Action::Preview { nonce, content } => {
                let words = content.markdown.expose().to_owned();
                self.previews
                    .insert(nonce.as_str().to_owned(), (Instant::now(), words));
            }
            Action::Status { status } => self.status = Some(*status),
        }
        Ok(receipt)
    }

    fn known(&self, nonce: &Nonce, creates: Creates) -> Option<MessageRef> {
        match creates {
            Creates::Ambiguous => None,
            Creates::Idempotent | Creates::Remembered => self.created.get(nonce.as_str()).cloned(),
        }
    }

    fn append(
        &mut self,
        message: &MessageRef,
        offset: usize,
        text: &str,
    ) -> Result<(), PlatformError> {
        assert!(self.open.contains(message), "an append to a closed message");
        let seen = self.find(message)?;
        if seen.markdown.len() == offset + text.len() && seen.markdown.ends_with(text) {
            return Ok(());
        }
        assert_eq!(seen.markdown.len(), offset, "an append that leaves a gap");
        seen.markdown.push_str(text);
        Ok(())
    }
}

fn subject(action: &Action) -> Option<&MessageRef> {
    match action {
        Action::Edit { message, .. }
        | Action::Delete { message }
        | Action::Append { message, .. }
        | Action::CloseStream { message, .. } => Some(message),
        _ => None,
    }
}

#[async_trait]
impl Platform for RecordingPlatform {
    fn id(&self) -> &PlatformId {
        &self.id
    }

    fn capabilities(&self, _place: &Place) -> &PlatformCapabilities {
        &self.capabilities
    }

    async fn run(&self, _inbox: Arc<dyn Inbox>, stop: Stop) -> Result<(), PlatformError> {
        stop.await;
        Ok(())
    }

    async fn perform(&self, operation: &Operation) -> Result<Receipt, PlatformError> {
        let action = &operation.action;
        self.check(action);
        let mishap = {
            let mut state = self.state();
            state.asked.push(Asked {
                at: Instant::now(),
                operation: operation.clone(),
            });
            state.mishaps.pop_front().flatten()
        };
        let mut answer = None;
        match mishap {
            Some(Mishap::Fails(error)) => return Err(error),
            Some(Mishap::DoneBut(error)) => answer = Some(error),
            Some(Mishap::Slow(wait)) => tokio::time::sleep(wait).await,
            Some(Mishap::Vanished) => {
                if let Some(message) = subject(action) {
                    self.delete(message);
                }
            }
            None => {}
        }
        if !self.fits(action) {
            return Err(PlatformError::TooLong);
        }
        let receipt = self.state().apply(action, self.capabilities.creates)?;
        match answer {
            Some(error) => Err(error),
            None => Ok(receipt),
        }
    }
}
