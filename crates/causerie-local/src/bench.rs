//! How fast a model is here: the figures that people who talk to it notice.
//!
//! [`run`] measures a local model. Another server is measured by the same steps through
//! [`Subject`], so that the rows can be compared.

use crate::{Config, Local, local::Ask};
use async_trait::async_trait;
use causerie_core::{
    Clock,
    backend::{Backend, BackendError, Delta, Readiness},
    id::ConversationId,
    persona::Sampling,
    prompt::{PromptMessage, PromptRole},
};
use futures::{StreamExt, future::try_join_all};
use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

/// Tokens of answer by which growing is measured.
const ANSWER: u32 = 64;
/// Tokens of the conversation whose second turn is measured.
const LONG: usize = 1500;
/// Conversations that push the long one out of its slot.
const SLOTS: u32 = 8;

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What was measured.
    pub name: &'static str,
    /// How much it is.
    pub value: f64,
    /// What it is counted in.
    pub unit: &'static str,
    /// Whether more is better.
    pub more_is_better: bool,
}

/// Something that answers and can be measured.
#[async_trait]
pub trait Subject: Send + Sync {
    /// Answers, always with the likeliest tokens, with at most `most` of them.
    ///
    /// # Errors
    /// If it does not.
    async fn ask(
        &self,
        conversation: &str,
        messages: Vec<PromptMessage>,
        most: u32,
    ) -> Result<Timing, BackendError>;

    /// Its process.
    fn process(&self) -> u32;
}

/// One answer and its times.
#[derive(Clone, Debug)]
pub struct Timing {
    /// What it said.
    pub text: String,
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
    /// When it was asked.
    pub asked: Instant,
    /// When the first words came.
    pub first: Instant,
}

/// The configuration under which figures are comparable: eight conversations of 3,072 tokens.
pub fn comparable(config: Config) -> Config {
    Config {
        context: Some(3072),
        slots: Some(SLOTS),
        ..config
    }
}

/// Loads the model of `config` and measures it.
///
/// # Errors
/// If the model does not load or does not answer.
pub async fn run(config: Config, clock: Arc<dyn Clock>) -> Result<Vec<Row>, BackendError> {
    let begun = Instant::now();
    let local = Local::open(config, clock);
    match local.ready().await {
        Readiness::Ready => {}
        Readiness::Loading { .. } => return Err(BackendError::Loading),
        Readiness::Failed(reason) => return Err(BackendError::Misconfigured { reason }),
    }
    measure(&local, begun.elapsed()).await
}

/// Measures `subject`, which took `load` until it was ready.
///
/// # Errors
/// If it does not answer.
pub async fn measure(subject: &dyn Subject, load: Duration) -> Result<Vec<Row>, BackendError> {
    let mut rows = vec![seconds("load, ready", load)];
    for (name, tokens) in [("prompt, 512 tokens", 512), ("prompt, 2048 tokens", 2048)] {
        let timing = subject
            .ask(name, question(&words(tokens, tokens)), 1)
            .await?;
        rows.push(rate(name, timing.input as f64, timing.first - timing.asked));
    }
    for (name, count) in [
        ("answers, 1 conversation", 1),
        ("answers, 4 conversations", 4),
        ("answers, 8 conversations", 8),
    ] {
        rows.push(together(subject, name, count).await?);
    }
    turns(subject, &mut rows).await?;
    rows.extend(memory(subject.process()));
    Ok(rows)
}

/// The tokens per second of `count` answers at once, from the questions to the last word. Not from
/// the first word on: a server that holds words back would seem to be quicker for it.
async fn together(
    subject: &dyn Subject,
    name: &'static str,
    count: usize,
) -> Result<Row, BackendError> {
    let asks = (0..count).map(|i| async move {
        let text = format!("Tell me a very long story about a {}.", words(2, i + 11));
        subject
            .ask(&format!("bench/{count}/{i}"), question(&text), ANSWER)
            .await
    });
    let begun = Instant::now();
    let timings = try_join_all(asks).await?;
    let tokens: u64 = timings.iter().map(|timing| timing.output).sum();
    Ok(rate(name, tokens as f64, begun.elapsed()))
}

/// How soon the first words come: in a long conversation that is new, in its next turn, and in
/// the turn after that when other conversations have taken its slot meanwhile. And how fast an answer
/// grows in it.
async fn turns(subject: &dyn Subject, rows: &mut Vec<Row>) -> Result<(), BackendError> {
    const WHO: &str = "bench/long";
    let mut messages = question(&words(LONG, 3));
    let mut turn = async |name, messages: &mut Vec<PromptMessage>| {
        let timing = subject.ask(WHO, messages.clone(), 8).await?;
        rows.push(seconds(name, timing.first - timing.asked));
        messages.push(PromptMessage::words(PromptRole::Assistant, timing.text));
        messages.push(PromptMessage::words(PromptRole::User, "And then?"));
        Ok::<_, BackendError>(())
    };
    turn("first words, 1500 tokens, cold", &mut messages).await?;
    turn("first words, second turn", &mut messages).await?;
    for i in 0..SLOTS {
        let text = words(100, i as usize + 40);
        subject
            .ask(&format!("bench/other/{i}"), question(&text), 1)
            .await?;
    }
    turn("first words, after eviction", &mut messages).await?;
    let begun = Instant::now();
    let timing = subject.ask(WHO, messages, ANSWER).await?;
    let grown = timing.output as f64;
    rows.push(rate("answer behind 1500 tokens", grown, begun.elapsed()));
    Ok(())
}

fn question(text: &str) -> Vec<PromptMessage> {
    vec![
        PromptMessage::words(PromptRole::System, "You are a helpful assistant"),
        PromptMessage::words(PromptRole::User, text),
    ]
}

/// About so many tokens of words, others for each seed from the first on.
fn words(count: usize, seed: usize) -> String {
    const WORDS: [&str; 16] = [
        "river", "stone", "garden", "winter", "letter", "music", "window", "road", "bird", "table",
        "light", "paper", "horse", "summer", "voice", "city",
    ];
    let word = |i: usize| WORDS[(seed * 5 + i * 7 + (i / 16) * (seed % 7)) % WORDS.len()];
    (0..count).map(word).collect::<Vec<_>>().join(" ")
}

fn rate(name: &'static str, tokens: f64, span: Duration) -> Row {
    Row {
        name,
        value: tokens / span.as_secs_f64().max(1e-9),
        unit: "tokens/s",
        more_is_better: true,
    }
}

fn seconds(name: &'static str, span: Duration) -> Row {
    Row {
        name,
        value: span.as_secs_f64(),
        unit: "s",
        more_is_better: false,
    }
}

/// The memory a process has, where the system tells.
fn memory(process: u32) -> Option<Row> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(Row {
        name: "memory, resident",
        value: kibibytes / 1024.0,
        unit: "MiB",
        more_is_better: false,
    })
}

#[async_trait]
impl Subject for Local {
    async fn ask(
        &self,
        conversation: &str,
        messages: Vec<PromptMessage>,
        most: u32,
    ) -> Result<Timing, BackendError> {
        let id = conversation.replace([' ', ','], "-");
        let conversation =
            ConversationId::new(id).map_err(|error| BackendError::Misconfigured {
                reason: error.to_string(),
            })?;
        let sampling = Sampling {
            temperature: Some(0.0),
            ..Sampling::default()
        };
        let asked = Instant::now();
        let ask = Ask {
            conversation,
            messages,
            sampling,
            max_output_tokens: most,
        };
        let mut stream = self.begin(ask).await?;
        let (mut text, mut first) = (String::new(), None);
        while let Some(delta) = stream.next().await {
            let now = Instant::now();
            first.get_or_insert(now);
            match delta? {
                Delta::Text(piece) => text.push_str(piece.expose()),
                Delta::Finish(finish) => {
                    let (input, output) = (finish.usage.input, finish.usage.output);
                    return Ok(Timing {
                        text,
                        input,
                        output,
                        asked,
                        first: first.unwrap_or(now),
                    });
                }
                Delta::Reasoning(_) | Delta::ToolCall(_) | Delta::Note(_) => {}
            }
        }
        Err(BackendError::Interrupted {
            reason: "the answer ended without a finish".into(),
        })
    }

    fn process(&self) -> u32 {
        std::process::id()
    }
}
