//! `causerie chat` and `causerie ask`: an engine with the terminal as its only platform.

use super::{load, models::fetch, runtime};
use crate::{
    cli::{AskArgs, ChatArgs, Global},
    config::{Config, Language, ModelConfig, StoreUrl},
    failure::Failure,
    telemetry,
    wire::{self, OpenStore, persona},
};
use causerie_core::{Clock, id::PersonaName, platform::Platform};
use causerie_engine::{Engine, Parts, SystemClock};
use causerie_local::models::Models;
use causerie_terminal::{Ask, AskConfig, Chat, ChatConfig, question};
use std::{
    io::{IsTerminal, stdin},
    sync::Arc,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The store of conversations in the terminal, beside the server's, so that both can run.
const STORE: &str = "terminal.sqlite";

pub(super) fn chat(args: &ChatArgs, global: &Global) -> Result<u8, Failure> {
    let mut config = load(global)?.config;
    telemetry::log_quietly(global);
    let persona = keep_persona(&mut config, args.persona.as_deref())?;
    fetch_models(&config)?;
    config.store.url = StoreUrl::Sqlite(STORE.into());
    let dir = config.server.data_dir.clone();
    runtime()?.block_on(async {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store = OpenStore::configured(&config, &clock).await?;
        let chat = Chat::new(ChatConfig {
            conversation: args.conversation.clone(),
            name: user(),
            history: Some(dir.join("chat-history")),
            clock: clock.clone(),
        })?;
        let chat = Arc::new(chat);
        run(&config, &persona, chat.clone(), store, clock).await?;
        Ok(chat.ending().code())
    })
}

pub(super) fn ask(args: &AskArgs, global: &Global) -> Result<u8, Failure> {
    let mut config = load(global)?.config;
    telemetry::log_quietly(global);
    let input = stdin();
    let question = question(args.question.as_deref(), input.lock(), input.is_terminal())?;
    let persona = keep_persona(&mut config, args.persona.as_deref())?;
    let persona_config = config
        .personas
        .get_mut(&persona)
        .expect("it was chosen among them");
    // Scripts want the same answer each time, unless somebody says otherwise.
    let temperature = args
        .temperature
        .map(f64::from)
        .or(persona_config.temperature);
    persona_config.temperature = Some(temperature.unwrap_or(0.0));
    let model = persona_config.models.first().cloned();
    fetch_models(&config)?;
    // Nothing of a script's question outlives it, the states of models included.
    config.store.url = StoreUrl::Memory;
    runtime()?.block_on(async {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store = OpenStore::configured(&config, &clock).await?;
        let ask = AskConfig {
            question,
            conversation: None,
            name: user(),
            json: args.json,
            model,
            clock: clock.clone(),
        };
        let ask = Arc::new(Ask::new(ask).map_err(Failure::internal)?);
        run(&config, &persona, ask.clone(), store, clock).await?;
        Ok(ask.ending().code())
    })
}

/// Leaves only the persona that answers, so that only its models are loaded.
fn keep_persona(config: &mut Config, asked: Option<&str>) -> Result<PersonaName, Failure> {
    let name = persona::choose(config, asked)?.0.clone();
    config.personas.retain(|known, _| *known == name);
    Ok(name)
}

/// Fetches what is not here while the person watches, rather than behind their back.
fn fetch_models(config: &Config) -> Result<(), Failure> {
    for name in config.personas.values().flat_map(|persona| &persona.models) {
        if let Some(ModelConfig::Local(model)) = config.models.get(name) {
            fetch(&Models::from_env()?, &model.model)?;
        }
    }
    Ok(())
}

async fn run(
    config: &Config,
    persona: &PersonaName,
    platform: Arc<dyn Platform>,
    store: OpenStore,
    clock: Arc<dyn Clock>,
) -> Result<(), Failure> {
    let pictures = Arc::new(wire::PlatformPictures::new(vec![]));
    let (backends, mut loading) = wire::backends(config, &clock, &pictures)?;
    let parts = Parts {
        store: store.store.clone(),
        clock,
        backends,
        personas: persona::personas(config)?,
        tools: wire::tools(),
        platforms: vec![wire::entry(platform, persona, Language::En)],
    };
    let engine = Engine::new(wire::engine(config), parts).map_err(Failure::internal)?;
    let stop = CancellationToken::new();
    let mut term =
        signal(SignalKind::terminate()).map_err(Failure::io("cannot listen for signals"))?;
    let running = engine.run(stop.clone());
    tokio::pin!(running);
    // Ctrl-C belongs to the platform: it stops an answer and not the program.
    let report = tokio::select! {
        report = &mut running => report,
        _ = term.recv() => {
            stop.cancel();
            running.await
        }
    };
    report.map_err(Failure::internal)?;
    loading.shutdown().await;
    store.close().await;
    Ok(())
}

fn user() -> String {
    std::env::var("USER")
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "you".to_owned())
}
