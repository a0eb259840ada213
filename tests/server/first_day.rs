//! A newcomer's first day: the real model, the terminal, and the page in a real browser.

use crate::{program, program_after};
use causerie_testkit::{
    browser::{Browser, key},
    server::Server,
};
use serde_json::json;
use std::{net::TcpListener, path::PathBuf, process::Command};

/// The default model, as `make test` fetches it. Without it such a test says so and is skipped;
/// with `CI` set it fails.
fn model() -> Option<PathBuf> {
    let path = Command::new(program())
        .args(["models", "path", "smollm2-135m"])
        .output();
    let path = path.expect("the program can be started");
    let path = PathBuf::from(String::from_utf8_lossy(&path.stdout).trim());
    if path.is_file() {
        return Some(path);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "no model at {}: run `make model`",
        path.display()
    );
    eprintln!("skipped: no model; run `make model` to test with it");
    None
}

#[test]
fn a_question_in_the_terminal_is_answered_by_the_model() {
    if model().is_none() {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let asked = Command::new(program())
        .args([
            "ask",
            "--temperature",
            "0",
            "What is the capital of France?",
        ])
        .current_dir(&directory)
        .env("CAUSERIE__SERVER__DATA_DIR", directory.path())
        .output()
        .expect("the program can be started");
    let (answer, log) = (
        String::from_utf8_lossy(&asked.stdout),
        String::from_utf8_lossy(&asked.stderr),
    );
    assert!(asked.status.success(), "{log}");
    assert!(answer.contains("Paris"), "{answer}\n{log}");
}

#[tokio::test]
async fn a_newcomer_talks_to_the_model_on_the_page_and_finds_it_again_after_a_reload() {
    let (Some(_), Some(browser)) = (model(), Browser::start().await) else {
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    // Long enough that the answer can be seen growing, and always the same.
    let toml = "[personas.assistant]\ntemperature = 0\nmax_output_tokens = 60\n";
    let server = Server::start(program(), directory.path(), toml);

    browser.open(server.page()).await;
    browser
        .until("document.activeElement?.id === 'composer'")
        .await;
    let question = "Tell me a story about a fox and a river.";
    browser
        .keys("#composer", &format!("{question}{}", key::ENTER))
        .await;

    let words = "document.querySelector('.answer .body')?.textContent.trim()";
    let growing = "document.querySelector('.answer.growing')";
    let first = browser.until(&format!("{growing} && {words}")).await;
    let longer = format!(
        "{growing} && {words}?.length > {} && {words}",
        text(&first).len() + 10
    );
    let more = browser.until(&longer).await;
    assert!(text(&more).len() > text(&first).len());
    browser
        .until(&format!("!{growing} && {words}?.length > 20"))
        .await;
    let whole = browser.run(&format!("return {words}")).await;

    let address = browser.run("return location.href").await;
    browser.open(text(&address)).await;
    browser.until(&format!("{words} === {whole}")).await;
    let asked = browser
        .run("return document.querySelector('#messages').textContent")
        .await;
    assert!(text(&asked).contains(question), "{asked}");

    // The model remembers what was said before: the prompt holds it.
    browser
        .keys(
            "#composer",
            &format!("What did I ask you for?{}", key::ENTER),
        )
        .await;
    browser
        .until("document.querySelectorAll('.answer').length === 2")
        .await;
    browser.until(&format!("!{growing}")).await;

    assert_eq!(browser.complaints().await, Vec::<String>::new());
    for url in browser.requests().await {
        let ours = url.starts_with(server.page()) || url.starts_with("data:");
        assert!(ours, "the page asked for {url}");
    }
    assert_eq!(
        browser
            .run("return document.querySelectorAll('script:not([src])').length")
            .await,
        json!(0)
    );
}

/// The model is on its way for as long as nobody sends it: the hub says nothing.
#[tokio::test]
async fn while_the_model_is_on_its_way_the_page_answers_and_says_so() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let hub = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = hub.local_addr().expect("it has one");
    let models = directory.path().join("models");
    let far = format!(
        "export HF_ENDPOINT=http://{address} CAUSERIE_MODELS_DIR='{}'",
        models.display()
    );
    let program = program_after(directory.path(), &far, "");
    let toml = "[models.far]\nkind = \"local\"\nmodel = \"hf:nobody/nothing/none.gguf\"\n";
    let server = Server::start(&program, directory.path(), toml);
    let (status, ready) = server.admin("/readyz").await.expect("the server answers");
    assert_eq!(status, 200, "{ready}");
    assert!(ready.contains("\"state\":\"loading\""), "{ready}");

    browser.open(server.page()).await;
    browser
        .until("document.getElementById('model-text').textContent.includes('loading')")
        .await;
    browser
        .keys("#composer", &format!("Is anybody there?{}", key::ENTER))
        .await;
    browser
        .until("document.querySelector('.waiting')?.textContent.includes('Waiting for the model')")
        .await;
    browser.click("#stop").await;
    browser
        .until("document.getElementById('stop').hidden")
        .await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().expect("the page gives text")
}
