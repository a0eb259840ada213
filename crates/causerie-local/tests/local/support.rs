//! Opens the model and talks to it.

use causerie_core::{
    backend::{Backend, CompletionStream, Delta, Finish, Readiness},
    message::Role,
    prompt::Prompt,
};
use causerie_local::{Config, Local};
use causerie_testkit::{clock::ManualClock, prompt::PromptBuilder};
use futures::StreamExt;
use std::{env, path::PathBuf, sync::Arc};
use tokio::sync::{Mutex, MutexGuard};

const FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";

/// Models compute with all they have, so only one test at a time may have one.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// The model file, and the right to use it.
pub(crate) struct Model {
    pub(crate) path: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

/// The model, when it is this test's turn; `None` with a word about it if there is none.
pub(crate) async fn model() -> Option<Model> {
    Some(Model {
        path: find()?,
        _turn: ONE_AT_A_TIME.lock().await,
    })
}

fn find() -> Option<PathBuf> {
    let cache = || {
        let base = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let base = base.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))?;
        Some(base.join("causerie/models").join(FILE))
    };
    let path = env::var_os("CAUSERIE_TEST_MODEL")
        .map(PathBuf::from)
        .or_else(cache)?;
    if path.is_file() {
        return Some(path);
    }
    assert!(
        env::var_os("CI").is_none(),
        "{} is missing: run `make model`",
        path.display()
    );
    eprintln!("SKIPPED: {} is missing", path.display());
    None
}

/// A small context for the test model.
pub(crate) fn config(model: &Model) -> Config {
    Config {
        context: Some(1024),
        slots: Some(2),
        threads: Some(1),
        ..Config::new(&model.path)
    }
}

/// Opens and waits.
pub(crate) async fn open(config: Config) -> Local {
    let local = Local::open(config, Arc::new(ManualClock::default()));
    assert_eq!(local.ready().await, Readiness::Ready);
    local
}

/// A greedy prompt of at most `most` tokens of answer.
pub(crate) fn prompt(conversation: &str, lines: &[(Role, &str)], most: u32) -> Prompt {
    PromptBuilder::default()
        .conversation(conversation)
        .system("You are a helpful assistant")
        .persona(|persona| {
            persona.sampling.temperature = Some(0.0);
            persona.max_output_tokens = most;
        })
        .lines(lines)
        .build()
}

/// Asks and waits for the whole answer.
pub(crate) async fn answer(local: &Local, prompt: &Prompt) -> (String, Finish) {
    let stream = local.complete(prompt).await;
    read(stream.expect("the model takes the prompt")).await
}

/// Waits for the whole answer.
pub(crate) async fn read(mut stream: CompletionStream) -> (String, Finish) {
    let (mut text, mut finish) = (String::new(), None);
    while let Some(delta) = stream.next().await {
        assert!(finish.is_none(), "nothing comes after the finish");
        match delta.expect("the answer does not break off") {
            Delta::Text(piece) => text.push_str(piece.expose()),
            Delta::Finish(end) => finish = Some(end),
            other => panic!("unexpected {other:?}"),
        }
    }
    (text, finish.expect("an answer ends with a finish"))
}

/// About `tokens` tokens of harmless words, different for each `seed`.
pub(crate) fn chatter(tokens: usize, seed: usize) -> String {
    const WORDS: [&str; 8] = [
        "river", "stone", "garden", "winter", "letter", "music", "window", "road",
    ];
    let word = |i: usize| WORDS[(i * 7 + seed * 3 + i / 8) % WORDS.len()];
    (0..tokens).map(word).collect::<Vec<_>>().join(" ")
}
