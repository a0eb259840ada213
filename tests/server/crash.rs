//! What survives `kill -9`, with the real binary.

use crate::{ECHO_SLOWLY, program};
use causerie_testkit::server::{Line, Server};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
const QUESTION: &str = "one two three four five six seven eight nine ten eleven twelve";

/// Waits until an answer has begun to show on the page.
async fn wait_for_first_words(server: &Server, visitor: &causerie_testkit::server::Visitor) {
    let mut events = visitor
        .watch("conversation1")
        .await
        .expect("the server answers");
    loop {
        let (name, data) = events.next().await.expect("the stream goes on");
        if name == "answer" && data["changed"].to_string().contains("one") {
            return;
        }
        assert!(server.cost().is_ok(), "the server has ended");
    }
}

fn texts(lines: &[Line]) -> Vec<(bool, &str)> {
    lines
        .iter()
        .map(|line| (line.is_answer, line.text.trim()))
        .collect()
}

#[tokio::test]
async fn an_answer_that_a_crash_cut_off_is_given_once_and_the_conversation_goes_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start(program(), directory.path(), ECHO_SLOWLY);
    let visitor = server.visitor().await.expect("the server answers");
    visitor
        .say("conversation1", "message1", QUESTION)
        .await
        .expect("the server answers");
    wait_for_first_words(&server, &visitor).await;
    server.kill().expect("it can be killed");

    let server = Server::start(program(), directory.path(), ECHO_SLOWLY);
    let visitor = visitor.at(&server);
    let lines = visitor.answered("conversation1", PATIENCE).await;
    let answer = format!("<p>{QUESTION}</p>");
    assert_eq!(texts(&lines), [(false, QUESTION), (true, answer.as_str())]);

    // The page sends it again, because it never heard that it arrived.
    visitor
        .say("conversation1", "message1", QUESTION)
        .await
        .expect("the server answers");
    visitor
        .say("conversation1", "message2", "and on")
        .await
        .expect("the server answers");
    let lines = visitor.answered("conversation1", PATIENCE).await;
    let said: Vec<&str> = lines.iter().map(|line| line.text.trim()).collect();
    assert_eq!(said, [QUESTION, &answer, "and on", "<p>and on</p>"]);
}

#[tokio::test]
async fn a_server_that_is_asked_to_stop_finishes_what_it_is_saying() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start(program(), directory.path(), ECHO_SLOWLY);
    let visitor = server.visitor().await.expect("the server answers");
    visitor
        .say("conversation1", "message1", QUESTION)
        .await
        .expect("the server answers");
    wait_for_first_words(&server, &visitor).await;
    let ended = tokio::task::spawn_blocking(|| server.terminate())
        .await
        .expect("no panic");
    assert!(ended.expect("it can be waited for").success());

    let server = Server::start(program(), directory.path(), ECHO_SLOWLY);
    let lines = visitor
        .at(&server)
        .transcript("conversation1")
        .await
        .expect("an answer");
    assert_eq!(
        lines.last().map(|line| line.text.trim()),
        Some(&*format!("<p>{QUESTION}</p>"))
    );
}

#[tokio::test]
async fn a_second_server_on_the_same_files_says_so_at_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start(program(), directory.path(), ECHO_SLOWLY);
    let second = std::process::Command::new(program())
        .args(["run", "--config"])
        .arg(directory.path().join("causerie.toml"))
        .env("CAUSERIE__SERVER__DATA_DIR", directory.path().join("data"))
        .env("CAUSERIE__SERVER__ADMIN", "127.0.0.1:0")
        .env("CAUSERIE__PLATFORMS__WEB__LISTEN", "127.0.0.1:0")
        .output()
        .expect("the program can be started");
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success());
    assert!(
        said.contains("in use by another causerie process"),
        "{said}"
    );
    drop(server);
}
