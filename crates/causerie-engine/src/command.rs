//! Commands: what people can ask of us rather than of the model.
//!
//! A platform's own commands and messages such as `/new` end in the same table. To add a command,
//! add an entry to [`COMMANDS`].

mod export;
mod recognise;

use crate::{Language, engine::Engine, explain, line::Line};
use causerie_core::{
    id::{ModelName, PersonaName, Seq},
    persona::Persona,
    store::{Claim, ConversationState, HistoryRange, StoreError, TurnQuery},
};
use futures::future::BoxFuture;
use std::fmt::Write;

pub(crate) use recognise::recognise;

/// A command, as it was given.
pub(crate) struct Call<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) claim: &'a Claim,
    /// The conversation's state as it is now.
    pub(crate) state: &'a ConversationState,
    pub(crate) language: Language,
    /// Who answers in this conversation now.
    pub(crate) persona: &'a Persona,
    /// What stood behind the command's name.
    pub(crate) argument: &'a str,
}

/// What a command does.
pub(crate) struct Done {
    /// What is said.
    pub(crate) text: String,
    /// The conversation's state from now on.
    pub(crate) state: ConversationState,
    /// Whether the conversation is erased.
    pub(crate) erase: bool,
}

/// How far `/why` looks back for a message, past commands and judgements: as far as every store
/// does.
const EXPLAINED: usize = 256;

struct Command {
    name: &'static str,
    /// One line for `/help`, in English and Chinese.
    about: (&'static str, &'static str),
    run: for<'a> fn(&'a Call<'a>) -> BoxFuture<'a, Result<Done, StoreError>>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "help",
        about: ("what I can do", "列出所有命令"),
        run: |call| Box::pin(async move { Ok(call.say(help(call.language))) }),
    },
    Command {
        name: "new",
        about: ("begin a new conversation", "开始新的对话"),
        run: |call| Box::pin(async move { Ok(new(call)) }),
    },
    Command {
        name: "stop",
        about: ("stop the running answer", "停止正在进行的回答"),
        run: |call| Box::pin(async move { Ok(call.line(&Line::NothingToStop)) }),
    },
    Command {
        name: "model",
        about: ("show or choose the model", "查看或选择模型"),
        run: |call| Box::pin(async move { Ok(model(call)) }),
    },
    Command {
        name: "persona",
        about: ("show or choose who answers", "查看或选择角色"),
        run: |call| Box::pin(async move { Ok(persona(call)) }),
    },
    Command {
        name: "export",
        about: ("show this conversation as Markdown", "以 Markdown 导出对话"),
        run: |call| Box::pin(export(call)),
    },
    Command {
        name: "forget",
        about: ("erase this conversation for good", "彻底删除这个对话"),
        run: |call| Box::pin(async move { Ok(forget(call)) }),
    },
    Command {
        name: "why",
        about: ("explain the last answer", "解释上一个回答"),
        run: |call| Box::pin(why(call)),
    },
];

/// Does what the command named `name` does, or hints at `/help`.
pub(crate) async fn run(name: &str, call: &Call<'_>) -> Result<Done, StoreError> {
    match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) => (command.run)(call).await,
        None => Ok(call.line(&Line::UnknownCommand(name.to_owned()))),
    }
}

/// The commands and what they do, for platforms that have their own list of commands.
pub fn list(language: Language) -> impl Iterator<Item = (&'static str, &'static str)> {
    COMMANDS.iter().map(move |command| match language {
        Language::English => (command.name, command.about.0),
        Language::Chinese => (command.name, command.about.1),
    })
}

impl Call<'_> {
    fn say(&self, text: String) -> Done {
        Done {
            text,
            state: self.state.clone(),
            erase: false,
        }
    }

    fn line(&self, line: &Line) -> Done {
        self.say(line.say(self.language))
    }
}

fn help(language: Language) -> String {
    let mut text = String::new();
    for (name, about) in list(language) {
        writeln!(text, "- `/{name}`: {about}").expect("a String takes everything");
    }
    text
}

fn new(call: &Call<'_>) -> Done {
    let mut done = call.line(&Line::Fresh);
    done.state.window_start = call.claim.next_seq;
    done.state.began = call.claim.next_seq;
    done.state.summary = None;
    done.state.unattended = 0;
    done
}

fn forget(call: &Call<'_>) -> Done {
    let mut done = call.line(&Line::Forgotten);
    done.state = ConversationState::default();
    done.erase = true;
    done
}

fn model(call: &Call<'_>) -> Done {
    let models = &call.persona.models;
    let all = || join(models.iter().map(ModelName::as_str));
    if call.argument.is_empty() {
        let chosen = call
            .state
            .model
            .as_ref()
            .filter(|model| models.contains(model));
        let now = chosen.unwrap_or(&models[0]).to_string();
        return call.line(&Line::Models { now, all: all() });
    }
    match models
        .iter()
        .find(|model| model.as_str().eq_ignore_ascii_case(call.argument))
    {
        Some(model) => {
            let mut done = call.line(&Line::ModelChosen(model.to_string()));
            done.state.model = Some(model.clone());
            done
        }
        None => call.line(&Line::UnknownModel(all())),
    }
}

fn persona(call: &Call<'_>) -> Done {
    let personas = || call.engine.personas.keys();
    let all = || join(personas().map(PersonaName::as_str));
    if call.argument.is_empty() {
        let now = call.persona.name.to_string();
        return call.line(&Line::Personas { now, all: all() });
    }
    match personas().find(|persona| persona.as_str().eq_ignore_ascii_case(call.argument)) {
        Some(persona) => {
            let mut done = call.line(&Line::PersonaChosen(persona.to_string()));
            done.state.persona = Some(persona.clone());
            // The model was chosen among the other persona's.
            done.state.model = None;
            done
        }
        None => call.line(&Line::UnknownPersona(all())),
    }
}

async fn export(call: &Call<'_>) -> Result<Done, StoreError> {
    let range = HistoryRange {
        from: Seq(0),
        before: None,
        limit: None,
    };
    let history = call
        .engine
        .store
        .history(&call.claim.key.conversation, range)
        .await?;
    if history.is_empty() {
        return Ok(call.line(&Line::NothingSaid));
    }
    Ok(call.say(export::markdown(&history, call.persona)))
}

async fn why(call: &Call<'_>) -> Result<Done, StoreError> {
    let query = TurnQuery::Conversation(call.claim.key.conversation.clone());
    let turns = call.engine.store.turns(&query, EXPLAINED).await?;
    let last = turns.iter().find(|turn| explain::is_of_interest(turn));
    Ok(match last {
        Some(turn) => call.say(explain::for_person(turn, call.language)),
        None => call.line(&Line::NothingToExplain),
    })
}

fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
