//! Tries a model behind an endpoint: its list of models, a short answer as it streams, a tool.

use super::Report;
use crate::{config::OpenAiModel, failure::Failure, wire};
use causerie_core::{
    Timestamp,
    assemble::{Ingredients, Tail, assemble},
    backend::{Backend, BackendError, Delta},
    id::{ConversationId, ModelName, PersonaName, Seq, ToolName, TurnNumber},
    message::{Message, Part, Role},
    outcome::Usage,
    persona::Persona,
    prompt::Prompt,
    tool::ToolSpec,
};
use causerie_openai::OpenAi;
use futures::StreamExt;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// A model that says nothing for so long is not fit for a chat.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) async fn examine(
    name: &ModelName,
    model: &OpenAiModel,
    report: &mut Report,
) -> Result<(), Failure> {
    let part = |what: &str| format!("model {name}, {what}");
    let client = match wire::client(name, model) {
        Ok(client) => client,
        // `check` has said so.
        Err(_) => return Ok(()),
    };
    list(&client, model, &part("list"), report).await?;
    let words = ask(&client, "Say the numbers from one to five, in words.", None).await;
    match words {
        Ok(heard) => {
            report.well(&part("answer"), &heard.tell())?;
            match heard.pieces {
                0 | 1 => report.note(
                    &part("streaming"),
                    "the answer came in one piece; people will see nothing until it is complete",
                )?,
                pieces => report.well(&part("streaming"), &format!("in {pieces} pieces"))?,
            }
        }
        Err(error) => {
            report.bad(&part("answer"), &failure(name, error))?;
            // What it cannot say it cannot call.
            return Ok(());
        }
    }
    match model.tools {
        false => report.note(&part("tools"), "off in the configuration"),
        true => tool(name, &client, &part("tools"), report).await,
    }
}

async fn list(
    client: &OpenAi,
    model: &OpenAiModel,
    part: &str,
    report: &mut Report,
) -> Result<(), Failure> {
    match timeout(PATIENCE, client.models()).await {
        Ok(Ok(models)) => {
            let known = models.iter().find(|known| known.id == model.model);
            let count = models.len();
            match known.map(|known| known.context_window) {
                Some(Some(tokens)) => report.well(
                    part,
                    &format!("{count} models, this one among them, of {tokens} tokens"),
                ),
                Some(None) => report.well(part, &format!("{count} models, this one among them")),
                None => report.note(
                    part,
                    &format!("{count} models, and {:?} is none of them", model.model),
                ),
            }
        }
        // Some endpoints have no list, and answer all the same.
        Ok(Err(error)) => report.note(part, &format!("none: {error}")),
        Err(_) => report.note(part, "none in a minute"),
    }
}

async fn tool(
    name: &ModelName,
    client: &OpenAi,
    part: &str,
    report: &mut Report,
) -> Result<(), Failure> {
    let tool = ToolSpec {
        name: ToolName::new("weather").expect("a word"),
        description: "Tells the weather in a city.".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": { "city": { "type": "string" } },
            "required": ["city"],
        }),
    };
    let question = "What is the weather in Oslo? Call the tool `weather`.";
    match ask(client, question, Some(tool)).await {
        Ok(heard) if heard.calls > 0 => report.well(part, "it called one"),
        Ok(_) => report.note(
            part,
            "it was asked to call one and did not; set `tools = false` if it cannot",
        ),
        Err(error) => report.bad(part, &failure(name, error)),
    }
}

/// What came of a question.
struct Heard {
    pieces: usize,
    calls: usize,
    first: Duration,
    whole: Duration,
    usage: Usage,
}

impl Heard {
    fn tell(&self) -> String {
        let Usage { input, output, .. } = self.usage;
        let (first, whole) = (self.first.as_secs_f64(), self.whole.as_secs_f64());
        format!(
            "first words after {first:.2} s, all after {whole:.2} s; {input} and {output} tokens"
        )
    }
}

async fn ask(client: &OpenAi, text: &str, tool: Option<ToolSpec>) -> Result<Heard, BackendError> {
    let prompt = prompt(client, text, tool);
    match timeout(PATIENCE, hear(client, &prompt)).await {
        Ok(heard) => heard,
        Err(_) => Err(BackendError::TimedOut),
    }
}

async fn hear(client: &OpenAi, prompt: &Prompt) -> Result<Heard, BackendError> {
    let asked = Instant::now();
    let (mut pieces, mut calls, mut first) = (0, 0, None);
    let mut deltas = client.complete(prompt).await?;
    while let Some(delta) = deltas.next().await {
        match delta? {
            Delta::Text(_) => {
                pieces += 1;
                first.get_or_insert_with(|| asked.elapsed());
            }
            Delta::ToolCall(_) => calls += 1,
            Delta::Finish(finish) => {
                let whole = asked.elapsed();
                return Ok(Heard {
                    pieces,
                    calls,
                    first: first.unwrap_or(whole),
                    whole,
                    usage: finish.usage,
                });
            }
            Delta::Reasoning(_) | Delta::Note(_) => {}
        }
    }
    Err(BackendError::Interrupted {
        reason: "the answer ended without a finish".into(),
    })
}

fn prompt(client: &OpenAi, text: &str, tool: Option<ToolSpec>) -> Prompt {
    let name = PersonaName::new("doctor").expect("a word");
    let mut persona = Persona::new(name, "Answer briefly.", vec![]);
    persona.max_output_tokens = 512;
    let tools: Vec<ToolSpec> = tool.into_iter().collect();
    let message = Message {
        seq: Seq(1),
        turn: TurnNumber(1),
        at: Timestamp(0),
        role: Role::User,
        author: None,
        parts: vec![Part::Text(text.into())],
        quoted: None,
        refs: vec![],
        shared: false,
    };
    let assembled = assemble(&Ingredients {
        conversation: &ConversationId::new("doctor/1").expect("an id"),
        persona: &persona,
        tools: &tools,
        summary: None,
        window_start: Seq(1),
        history: &[],
        turn: &[message],
        tail: &Tail::default(),
        backend: &client.capabilities(),
        counter: client.counter().as_ref(),
    });
    assembled
        .expect("a short question fits into any window")
        .prompt
}

fn failure(name: &ModelName, source: BackendError) -> Failure {
    Failure::Endpoint {
        model: name.clone(),
        source,
    }
}
