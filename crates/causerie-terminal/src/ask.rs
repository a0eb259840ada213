//! One question, for scripts: the answer on standard output, everything else on standard error,
//! and an exit code.

mod said;

use self::said::Said;
use crate::{
    CAPABILITIES,
    ending::Ending,
    look::{self, Look},
    reply::{Replies, Step},
    screen::Screen,
    signal::Interrupts,
    speaker::Speaker,
    turn,
};
use async_trait::async_trait;
use causerie_core::{
    Clock, Text,
    id::{IdError, ModelName, Place, PlatformId},
    platform::{
        Inbox, Notice, Operation, Platform, PlatformCapabilities, PlatformError, Receipt, Status,
        Stop,
    },
};
use serde::Serialize;
use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::sync::Notify;

/// What is asked, and how.
pub struct AskConfig {
    /// The question, as [`crate::question`] puts it together.
    pub question: Text,
    /// The conversation to ask in; `None` for one that nobody has had before.
    pub conversation: Option<String>,
    /// The name of the person who asks.
    pub name: String,
    /// Whether to print one JSON object.
    pub json: bool,
    /// The model that is asked first, for the JSON object.
    pub model: Option<ModelName>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Asks one question and ends.
pub struct Ask {
    speaker: Speaker,
    question: Text,
    json: bool,
    model: Option<ModelName>,
    interrupts: Interrupts,
    replied: Notify,
    state: Mutex<State>,
}

struct State {
    replies: Replies,
    said: Said,
    out: Screen,
    err: Screen,
    label: String,
    ending: Ending,
    /// Why nothing more can be written.
    broken: Option<io::Error>,
}

/// The JSON object.
#[derive(Serialize)]
struct Report<'a> {
    outcome: Ending,
    answer: Option<String>,
    notice: Option<String>,
    /// When asking again helps, in milliseconds since 1970.
    retry_at_ms: Option<i64>,
    model: Option<&'a str>,
    conversation: &'a str,
}

impl Ask {
    /// Asks on standard output and standard error.
    ///
    /// # Errors
    /// If the conversation's name holds white space or is too long.
    pub fn new(config: AskConfig) -> Result<Self, IdError> {
        let (out, err) = (io::stdout(), io::stderr());
        let (out_look, err_look) = (Look::of(&out), Look::of(&err));
        let out = Screen::new(Box::new(out), out_look, look::width);
        let err = Screen::new(Box::new(err), err_look, look::width);
        Self::on(config, out, err, Interrupts::keyboard())
    }

    pub(crate) fn on(
        config: AskConfig,
        out: Screen,
        err: Screen,
        interrupts: Interrupts,
    ) -> Result<Self, IdError> {
        let AskConfig {
            question,
            conversation,
            name,
            json,
            model,
            clock,
        } = config;
        let state = State {
            replies: Replies::default(),
            said: Said::default(),
            out,
            err,
            label: "waiting".to_owned(),
            ending: Ending::Stopped,
            broken: None,
        };
        Ok(Self {
            speaker: Speaker::new(conversation.as_deref(), &name, clock)?,
            question,
            json,
            model,
            interrupts,
            replied: Notify::new(),
            state: Mutex::new(state),
        })
    }

    /// How it ended, once `run` has returned.
    pub fn ending(&self) -> Ending {
        self.state().ending
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }

    async fn outcome(&self, inbox: &dyn Inbox) -> Result<Ending, String> {
        if !turn::is_command(self.question.expose()) {
            turn::ready(inbox, |percent| self.wait(turn::loading(percent))).await?;
        }
        let event = self.speaker.says(self.question.clone());
        turn::offer(inbox, &event).await?;
        tokio::select! {
            () = turn::settled(inbox, &event, &self.replied) => {}
            () = self.spin() => {}
        }
        let state = self.state();
        match &state.broken {
            // Whoever read the answer has seen enough.
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Ending::Answered),
            Some(error) => Err(format!("The answer cannot be written: {error}.")),
            None => state
                .said
                .ending()
                .ok_or_else(|| "There was no answer.".to_owned()),
        }
    }

    /// Moves the waiting line; ends only when nothing can be written any more.
    async fn spin(&self) {
        while self.state().broken.is_none() {
            let label = self.state().label.clone();
            self.wait(label);
            tokio::time::sleep(Duration::from_millis(120)).await;
        }
    }

    fn wait(&self, label: String) {
        let mut state = self.state();
        if !state.said.has_begun() {
            // A waiting line that cannot be shown is no reason to stop.
            let _ = state.err.wait(&label);
        }
        state.label = label;
    }

    /// Prints what was not printed while it came.
    fn finish(&self, ended: Result<Ending, String>) {
        let mut state = self.state();
        let _ = state.err.clear();
        state.ending = *ended.as_ref().unwrap_or(&Ending::Failed);
        if let Err(reason) = ended {
            let failed = Notice::Failed(causerie_core::outcome::Failure::ModelUnavailable);
            state.said.notices.push((reason, failed));
        }
        let printed = if self.json {
            self.print_json(&mut state)
        } else {
            state.print()
        };
        if let Err(error) = printed {
            let whole = error.kind() == io::ErrorKind::BrokenPipe;
            state.ending = if whole { state.ending } else { Ending::Failed };
        }
    }

    fn print_json(&self, state: &mut State) -> io::Result<()> {
        let report = Report {
            outcome: state.ending,
            answer: state.said.answer(),
            notice: state.said.notice(),
            retry_at_ms: state.said.retry_at().map(|at| at.0),
            model: self.model.as_ref().map(ModelName::as_str),
            conversation: self.speaker.conversation.as_str(),
        };
        let json = serde_json::to_string(&report).expect("plain fields");
        state.out.raw(&format!("{json}\n"))
    }
}

impl State {
    fn show(&mut self, step: Step, json: bool) -> io::Result<()> {
        // Only a person wants to see an answer before it is there; a script gets it whole.
        let live = self.out.look().live && !json;
        if !matches!(step, Step::Status(_)) {
            self.err.clear()?;
        }
        match step {
            Step::Text(text) if live => {
                self.said.begun = true;
                self.out.grow(&text)?;
            }
            Step::Text(_) => {}
            Step::Closed(closed) => {
                let (words, _) = said::parts(&closed.content);
                match &closed.rest {
                    _ if !live => {}
                    Some(rest) => {
                        // A line of ours goes to the other output.
                        self.out
                            .grow(said::parts_of(rest, closed.content.notice).0)?;
                        self.out.end_line()?;
                    }
                    None => {
                        self.out.end_line()?;
                        self.out.message(words)?;
                    }
                }
                self.said.note(&closed.content);
            }
            Step::Whole(content) => {
                let (words, _) = said::parts(&content);
                if live {
                    self.out.message(words)?;
                }
                self.said.note(&content);
            }
            Step::Status(status) => self.label = label(status).to_owned(),
        }
        Ok(())
    }

    fn print(&mut self) -> io::Result<()> {
        let live = self.out.look().live;
        if live {
            self.out.end_line()?;
        } else if !self.said.answer.is_empty() {
            self.out.message(&self.said.answer.join("\n\n"))?;
        }
        for (text, notice) in &self.said.notices {
            // A command's answer is what was asked for.
            if *notice == Notice::Told && self.said.answer.is_empty() {
                self.out.message(text)?;
            } else {
                self.err.aside(text)?;
            }
        }
        Ok(())
    }
}

fn label(status: Status) -> &'static str {
    match status {
        Status::Queued => "waiting for its turn",
        Status::Loading => "loading the model",
        Status::Working => "using a tool",
        Status::Typing | Status::Idle => "thinking",
    }
}

#[async_trait]
impl Platform for Ask {
    fn id(&self) -> &PlatformId {
        &self.speaker.platform
    }

    fn capabilities(&self, _place: &Place) -> &PlatformCapabilities {
        &CAPABILITIES
    }

    async fn run(&self, inbox: Arc<dyn Inbox>, stop: Stop) -> Result<(), PlatformError> {
        let ended = tokio::select! {
            ended = self.outcome(&*inbox) => ended,
            () = self.interrupts.next() => {
                // The model stops at once rather than when the process does.
                let _ = turn::offer(&*inbox, &self.speaker.stops()).await;
                Ok(Ending::Interrupted)
            }
            () = stop => Ok(Ending::Stopped),
        };
        self.finish(ended);
        Ok(())
    }

    async fn perform(&self, operation: &Operation) -> Result<Receipt, PlatformError> {
        let mut state = self.state();
        let (receipt, step) = state.replies.apply(operation)?;
        let finished = matches!(step, Some(Step::Closed(_) | Step::Whole(_)));
        if let Some(step) = step
            && let Err(error) = state.show(step, self.json)
        {
            state.broken = Some(error);
        }
        if finished {
            self.replied.notify_one();
        }
        Ok(receipt)
    }
}
