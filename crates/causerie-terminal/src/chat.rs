//! A conversation at the keyboard.
//!
//! Reading and answering take turns: while an answer comes nothing is read, so Ctrl-C is a signal
//! and stops the answer; while a line is edited Ctrl-C is a key, and whatever arrives then is
//! written above the line.

mod stage;

use self::stage::{Stage, THINKING};
use crate::{
    CAPABILITIES, CONVERSATION,
    editor::{Line, Lines, Printer},
    ending::Ending,
    look::{self, Look, Settings},
    reply::{Replies, Step},
    screen::Screen,
    signal::Interrupts,
    speaker::Speaker,
    turn,
};
use async_trait::async_trait;
use causerie_core::{
    Clock, Text,
    event::Event,
    id::{IdError, Place, PlatformId},
    message::{Message, Role},
    platform::{Inbox, Operation, Platform, PlatformCapabilities, PlatformError, Receipt, Stop},
};
use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use thiserror::Error;
use tokio::sync::Notify;

/// What stands in front of what is typed.
const PROMPT: &str = "> ";
/// How many messages of an earlier conversation are shown again, and how many lines of each.
const RECALLED: (usize, usize) = (4, 6);

/// Who talks, and where.
pub struct ChatConfig {
    /// The conversation; `None` for the usual one.
    pub conversation: Option<String>,
    /// The name of the person.
    pub name: String,
    /// Where the lines typed are kept for the next time; `None` to keep none.
    pub history: Option<PathBuf>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Why there can be no conversation.
#[derive(Debug, Error)]
pub enum ChatError {
    /// The conversation's name is no name.
    #[error("this is no name for a conversation: {0}")]
    Name(#[from] IdError),
    /// The keyboard cannot be read.
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[from] io::Error),
}

/// A conversation at the keyboard.
pub struct Chat {
    speaker: Speaker,
    lines: Lines,
    interrupts: Interrupts,
    replied: Notify,
    stage: Mutex<Stage>,
    /// Sets the terminal right again at the end.
    settings: Settings,
}

impl Chat {
    /// Talks on standard input and output: with a line editor if both are a terminal.
    ///
    /// # Errors
    /// If the conversation's name is none, or the terminal cannot be used.
    pub fn new(config: ChatConfig) -> Result<Self, ChatError> {
        let (input, output) = (io::stdin(), io::stdout());
        let look = Look::of(&output);
        let mut screen = Screen::new(Box::new(output), look, look::width);
        let (lines, printer) = if input.is_terminal() && look.live {
            let (lines, printer, warning) = Lines::edited(PROMPT, config.history.as_deref())?;
            if let Some(warning) = warning {
                screen.aside(&warning)?;
            }
            (lines, Some(printer))
        } else {
            (Lines::piped(io::BufReader::new(input))?, None)
        };
        let interrupts = Interrupts::keyboard();
        let mut chat = Self::on(config, screen, lines, printer, interrupts)?;
        chat.settings = Settings::remember();
        Ok(chat)
    }

    pub(crate) fn on(
        config: ChatConfig,
        screen: Screen,
        lines: Lines,
        printer: Option<Printer>,
        interrupts: Interrupts,
    ) -> Result<Self, ChatError> {
        let conversation = config.conversation.as_deref().unwrap_or(CONVERSATION);
        let stage = Stage {
            replies: Replies::default(),
            screen,
            printer,
            editing: false,
            behind: false,
            label: THINKING.to_owned(),
            ending: Ending::Answered,
            broken: false,
        };
        Ok(Self {
            speaker: Speaker::new(Some(conversation), &config.name, config.clock)?,
            lines,
            interrupts,
            replied: Notify::new(),
            stage: Mutex::new(stage),
            settings: Settings::none(),
        })
    }

    /// How it ended, once `run` has returned.
    pub fn ending(&self) -> Ending {
        self.stage().ending
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().expect("nobody panics while holding it")
    }

    /// Writes; whoever cannot be written to any more has left.
    fn write(&self, write: impl FnOnce(&mut Screen) -> io::Result<()>) {
        let mut stage = self.stage();
        if write(&mut stage.screen).is_err() {
            stage.broken = true;
        }
    }

    async fn talk(&self, inbox: &dyn Inbox) -> Ending {
        self.begin(inbox).await;
        while !self.stage().broken {
            let line = match self.read().await {
                Line::Text(line) => line,
                Line::Interrupted => {
                    self.write(|screen| screen.aside("Ctrl-D leaves, /help helps."));
                    continue;
                }
                Line::End => break,
                Line::Broken(reason) => {
                    self.write(|screen| screen.aside(&reason));
                    return Ending::Failed;
                }
            };
            match line.trim() {
                "" => {}
                "/quit" | "/exit" => break,
                _ => self.say(inbox, line).await,
            }
        }
        Ending::Answered
    }

    async fn read(&self) -> Line {
        // One that came when the answer had just ended was meant for the answer.
        self.interrupts.clear().await;
        self.stage().editing = true;
        let line = tokio::select! {
            line = self.lines.next() => line,
            () = self.interrupts.next() => Line::End,
        };
        self.stage().editing = false;
        line
    }

    /// Shows what was said last time, and waits for what is still to be answered.
    async fn begin(&self, inbox: &dyn Inbox) {
        let conversation = &self.speaker.conversation;
        let Ok(transcript) = inbox.transcript(conversation, None, RECALLED.0).await else {
            return;
        };
        let lines: Vec<String> = transcript.messages.iter().filter_map(recall).collect();
        if !lines.is_empty() {
            self.write(|screen| {
                lines.iter().try_for_each(|line| screen.aside(line))?;
                screen.aside("(from last time; /new begins anew)")
            });
        }
        if let Some(event) = transcript.pending.last() {
            let _quiet = self.settings.quiet();
            self.answer(inbox, event).await;
        }
    }

    async fn say(&self, inbox: &dyn Inbox, line: String) {
        let _quiet = self.settings.quiet();
        let event = self.speaker.says(Text::new(line.clone()));
        let ready = async {
            if turn::is_command(&line) {
                return Ok(());
            }
            let show = |percent| self.write(|screen| screen.wait(&turn::loading(percent)));
            turn::ready(inbox, show).await
        };
        let offered = tokio::select! {
            ready = ready => match ready {
                Ok(()) => turn::offer(inbox, &event).await,
                Err(reason) => Err(reason),
            },
            () = self.interrupts.next() => Err("The message was not sent.".to_owned()),
        };
        match offered {
            Ok(()) => {
                self.answer(inbox, &event).await;
                if turn::is_forget(&line) {
                    self.forget_typed().await;
                }
            }
            Err(reason) => self.write(|screen| screen.aside(&reason)),
        }
    }

    /// What was typed must not outlive a conversation that was erased. The history does not tell
    /// conversations apart, so all of it goes.
    async fn forget_typed(&self) {
        let told = match self.lines.forget().await {
            Ok(true) => "The lines you have typed here, in any conversation, are gone too.".into(),
            Ok(false) => return,
            Err(error) => format!("The lines you have typed could not be removed: {error}."),
        };
        self.write(|screen| screen.aside(&told));
    }

    /// Waits for the outcome. The first Ctrl-C asks the answer to stop; after the second we no
    /// longer wait for it.
    async fn answer(&self, inbox: &dyn Inbox, event: &Event) {
        self.stage().label = THINKING.to_owned();
        let interrupted = async {
            self.interrupts.next().await;
            self.stage().label = "stopping".to_owned();
            if let Err(reason) = turn::offer(inbox, &self.speaker.stops()).await {
                self.write(|screen| screen.aside(&reason));
            }
            self.interrupts.next().await;
        };
        tokio::select! {
            () = turn::settled(inbox, event, &self.replied) => {}
            () = interrupted => {}
            () = self.spin() => {}
        }
        self.write(Screen::gap);
    }

    /// Moves the waiting line; ends only when nothing can be written any more.
    async fn spin(&self) {
        loop {
            let label = self.stage().label.clone();
            self.write(|screen| screen.wait(&label));
            if self.stage().broken {
                return;
            }
            tokio::time::sleep(Duration::from_millis(120)).await;
        }
    }
}

/// A message of last time, in a few lines. Tools are not shown.
fn recall(message: &Message) -> Option<String> {
    let mut text = message.text();
    if let Some((line, _)) = message.note() {
        text.push("\n");
        text.push(line.expose());
    }
    let text = text.expose().trim();
    if text.is_empty() || message.role == Role::Tool {
        return None;
    }
    let mut lines: Vec<&str> = text.lines().take(RECALLED.1).collect();
    if text.lines().count() > RECALLED.1 {
        lines.push("…");
    }
    let text = lines.join("\n");
    Some(if message.role == Role::User {
        format!("{PROMPT}{text}")
    } else {
        text
    })
}

#[async_trait]
impl Platform for Chat {
    fn id(&self) -> &PlatformId {
        &self.speaker.platform
    }

    fn capabilities(&self, _place: &Place) -> &PlatformCapabilities {
        &CAPABILITIES
    }

    async fn run(&self, inbox: Arc<dyn Inbox>, stop: Stop) -> Result<(), PlatformError> {
        let ending = tokio::select! {
            ending = self.talk(&*inbox) => ending,
            () = stop => Ending::Stopped,
        };
        self.write(Screen::end_line);
        self.stage().ending = ending;
        Ok(())
    }

    async fn perform(&self, operation: &Operation) -> Result<Receipt, PlatformError> {
        let mut stage = self.stage();
        let (receipt, step) = stage.replies.apply(operation)?;
        let finished = matches!(step, Some(Step::Closed(_) | Step::Whole(_)));
        if let Some(step) = step
            && stage.show(step).is_err()
        {
            stage.broken = true;
        }
        if finished {
            self.replied.notify_one();
        }
        Ok(receipt)
    }
}
