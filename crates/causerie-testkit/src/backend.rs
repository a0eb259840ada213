//! A model that says what a test tells it to say.

use async_trait::async_trait;
use causerie_core::{
    Text,
    backend::{
        Backend, BackendCapabilities, BackendError, CompletionStream, Delta, Finish, FinishReason,
        Privacy, Readiness,
    },
    id::{ConversationId, ToolName},
    message::ToolCall,
    outcome::Usage,
    prompt::{ByteEstimate, Prompt, PromptRole, TokenCounter},
};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;

/// A model that follows scripts, one for each completion, and echoes the newest message when it has
/// none left. It records every prompt.
pub struct ScriptedBackend {
    state: Mutex<State>,
    readiness: watch::Sender<Readiness>,
    dropped: Arc<AtomicUsize>,
}

struct State {
    capabilities: BackendCapabilities,
    scripts: VecDeque<Script>,
    prompts: Vec<Prompt>,
    recording: bool,
    forgotten: Vec<ConversationId>,
}

/// What one completion does.
#[derive(Debug, Default)]
pub struct Script {
    refusal: Option<BackendError>,
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Text(String),
    Think(String),
    Call(ToolCall),
    Wait(Duration),
    Fail(BackendError),
    Finish(FinishReason),
    Cut,
    Panic,
}

impl Script {
    /// Says `text`, word by word.
    pub fn say(text: &str) -> Self {
        Self::default().then_say(text)
    }

    /// Does not begin.
    pub fn refuse(error: BackendError) -> Self {
        Self {
            refusal: Some(error),
            steps: vec![],
        }
    }

    /// Thinks aloud.
    pub fn think(text: &str) -> Self {
        Self::default().with(Step::Think(text.into()))
    }

    /// Calls a tool.
    pub fn call(id: &str, tool: &str, arguments: &str) -> Self {
        Self::default().then_call(id, tool, arguments)
    }

    /// Says nothing at all and finishes.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Says `text` too, word by word.
    #[must_use]
    pub fn then_say(mut self, text: &str) -> Self {
        let words = text
            .split_inclusive(' ')
            .map(|word| Step::Text(word.into()));
        self.steps.extend(words);
        self
    }

    /// Calls a tool too.
    #[must_use]
    pub fn then_call(self, id: &str, tool: &str, arguments: &str) -> Self {
        self.with(Step::Call(ToolCall {
            id: id.into(),
            name: ToolName::new(tool).expect("the test names a tool"),
            arguments: arguments.into(),
        }))
    }

    /// Waits.
    #[must_use]
    pub fn then_wait(self, pause: Duration) -> Self {
        self.with(Step::Wait(pause))
    }

    /// Breaks off with an error.
    #[must_use]
    pub fn then_fail(self, error: BackendError) -> Self {
        self.with(Step::Fail(error))
    }

    /// Ends for this reason. Without it a script ends with [`FinishReason::Stop`], or with
    /// [`FinishReason::ToolCalls`] if it called a tool.
    #[must_use]
    pub fn then_finish(self, reason: FinishReason) -> Self {
        self.with(Step::Finish(reason))
    }

    /// The stream ends without a finish.
    #[must_use]
    pub fn then_cut(self) -> Self {
        self.with(Step::Cut)
    }

    /// Panics.
    #[must_use]
    pub fn then_panic(self) -> Self {
        self.with(Step::Panic)
    }

    fn with(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    fn ends(&self) -> bool {
        let last = self.steps.last();
        last.is_some_and(|step| matches!(step, Step::Fail(_) | Step::Finish(_) | Step::Cut))
    }
}

impl ScriptedBackend {
    /// A model that echoes.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                capabilities: BackendCapabilities {
                    context_window: 32_768,
                    tools: true,
                    images: false,
                    privacy: Privacy::Local,
                    prices: None,
                },
                scripts: VecDeque::new(),
                prompts: vec![],
                recording: true,
                forgotten: vec![],
            }),
            readiness: watch::channel(Readiness::Ready).0,
            dropped: Arc::default(),
        })
    }

    /// The next completions do this.
    pub fn expect(&self, scripts: impl IntoIterator<Item = Script>) {
        self.state().scripts.extend(scripts);
    }

    /// Changes what it can do.
    pub fn set_capabilities(&self, change: impl FnOnce(&mut BackendCapabilities)) {
        change(&mut self.state().capabilities);
    }

    /// Changes whether it can answer, and wakes those who wait for it.
    pub fn set_readiness(&self, readiness: Readiness) {
        self.readiness.send_replace(readiness);
    }

    /// Keeps no prompts from now on: for tests that measure memory.
    pub fn stop_recording(&self) {
        let mut state = self.state();
        state.recording = false;
        state.prompts = vec![];
    }

    /// All prompts so far.
    pub fn prompts(&self) -> Vec<Prompt> {
        self.state().prompts.clone()
    }

    /// The prompts so far as text, one line for each message: `user: Hello`.
    pub fn prompt_texts(&self) -> Vec<String> {
        self.state().prompts.iter().map(as_text).collect()
    }

    /// How many completions were given up before they ended.
    pub fn dropped(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }

    /// Conversations it was told to forget.
    pub fn forgotten(&self) -> Vec<ConversationId> {
        self.state().forgotten.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds it")
    }
}

fn as_text(prompt: &Prompt) -> String {
    let line = |message: &causerie_core::prompt::PromptMessage| {
        let role = match message.role {
            PromptRole::System => "system",
            PromptRole::User => "user",
            PromptRole::Assistant => "assistant",
            PromptRole::Tool => "tool",
        };
        format!("{role}: {}", message.text.expose())
    };
    prompt
        .messages()
        .iter()
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Counts completions that were dropped before they ended.
struct Running {
    dropped: Arc<AtomicUsize>,
    ended: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            self.dropped.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[async_trait]
impl Backend for ScriptedBackend {
    fn capabilities(&self) -> BackendCapabilities {
        self.state().capabilities.clone()
    }

    fn readiness(&self) -> Readiness {
        self.readiness.borrow().clone()
    }

    async fn ready(&self) -> Readiness {
        let mut changes = self.readiness.subscribe();
        let settled = changes
            .wait_for(|now| !matches!(now, Readiness::Loading { .. }))
            .await;
        settled
            .expect("the sender lives as long as the backend")
            .clone()
    }

    fn counter(&self) -> Arc<dyn TokenCounter> {
        Arc::new(ByteEstimate)
    }

    async fn complete(&self, prompt: &Prompt) -> Result<CompletionStream, BackendError> {
        let script = {
            let mut state = self.state();
            if state.recording {
                state.prompts.push(prompt.clone());
            }
            state.scripts.pop_front()
        };
        let script = script.unwrap_or_else(|| echo(prompt));
        if let Some(error) = script.refusal {
            return Err(error);
        }
        let (tokens, window) = (prompt.tokens().tokens, self.capabilities().context_window);
        if tokens > window {
            return Err(BackendError::Overflow { tokens, window });
        }
        let input = u64::from(tokens);
        let running = Running {
            dropped: Arc::clone(&self.dropped),
            ended: false,
        };
        Ok(play(script, input, running))
    }

    fn forget(&self, conversation: &ConversationId) {
        self.state().forgotten.push(conversation.clone());
    }
}

fn echo(prompt: &Prompt) -> Script {
    let newest = prompt.messages().last();
    Script::default().with(Step::Text(
        newest.map_or_else(String::new, |message| message.text.expose().to_owned()),
    ))
}

/// What is left of a script while it is played.
struct Playing {
    steps: std::vec::IntoIter<Step>,
    usage: Usage,
    running: Running,
}

fn play(mut script: Script, input: u64, running: Running) -> CompletionStream {
    if !script.ends() {
        let called = script
            .steps
            .iter()
            .any(|step| matches!(step, Step::Call(_)));
        let reason = if called {
            FinishReason::ToolCalls
        } else {
            FinishReason::Stop
        };
        script.steps.push(Step::Finish(reason));
    }
    let usage = Usage {
        input,
        ..Usage::default()
    };
    let playing = Playing {
        steps: script.steps.into_iter(),
        usage,
        running,
    };
    Box::pin(futures::stream::unfold(playing, next))
}

async fn next(mut playing: Playing) -> Option<(Result<Delta, BackendError>, Playing)> {
    loop {
        let step = playing.steps.next();
        playing.usage.output += 1;
        let delta = match step {
            Some(Step::Wait(pause)) => {
                tokio::time::sleep(pause).await;
                continue;
            }
            Some(Step::Text(text)) => Ok(Delta::Text(Text::new(text))),
            Some(Step::Think(text)) => Ok(Delta::Reasoning(Text::new(text))),
            Some(Step::Call(call)) => Ok(Delta::ToolCall(call)),
            Some(Step::Panic) => panic!("the script says so"),
            Some(Step::Fail(error)) => {
                playing.running.ended = true;
                Err(error)
            }
            Some(Step::Finish(reason)) => {
                playing.running.ended = true;
                let usage = playing.usage;
                Ok(Delta::Finish(Finish { reason, usage }))
            }
            Some(Step::Cut) | None => {
                playing.running.ended = true;
                return None;
            }
        };
        return Some((delta, playing));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{backend_conformance::Subject, prompt};
    use futures::StreamExt;

    struct Scripted(Arc<ScriptedBackend>);

    async fn scripted() -> Option<Scripted> {
        Some(Scripted(ScriptedBackend::new()))
    }

    impl Subject for Scripted {
        fn backend(&self) -> Arc<dyn Backend> {
            Arc::clone(&self.0) as Arc<dyn Backend>
        }

        fn stall_next(&self) -> bool {
            let stalled = Script::say("Hello ").then_wait(Duration::from_secs(600));
            self.0.expect([stalled]);
            true
        }

        fn break_next(&self) -> bool {
            let reason = "the script says so".into();
            let broken = Script::say("Hello to").then_fail(BackendError::Interrupted { reason });
            self.0.expect([broken]);
            true
        }

        fn given_up(&self) -> Option<usize> {
            Some(self.0.dropped())
        }
    }

    crate::backend_conformance!(scripted);

    #[tokio::test]
    async fn it_echoes_or_follows_its_scripts() {
        let backend = ScriptedBackend::new();
        backend.expect([Script::say("One two").then_cut()]);
        let scripted: Vec<_> = backend
            .complete(&prompt::of("Hi"))
            .await
            .unwrap()
            .collect()
            .await;
        assert_eq!(scripted.len(), 2);
        let echoed: Vec<_> = backend
            .complete(&prompt::of("Hi"))
            .await
            .unwrap()
            .collect()
            .await;
        assert!(matches!(&echoed[0], Ok(Delta::Text(text)) if text.expose() == "Hi"));
        assert!(matches!(&echoed[1], Ok(Delta::Finish(_))));
        assert_eq!(backend.dropped(), 0);
        drop(backend.complete(&prompt::of("Hi")).await.unwrap());
        assert_eq!(backend.dropped(), 1);
        assert_eq!(backend.prompt_texts()[0], "user: Hi");
    }
}
