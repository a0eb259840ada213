//! The real server as its users meet it: a process, a page, HTTP.

use crate::row;
use causerie::bench::{mebibytes, millis, quantile};
use causerie_testkit::server::{Server, Visitor};
use futures::{StreamExt, stream};
use std::{
    path::Path,
    time::{Duration, Instant},
};

const ECHO: &str = r#"
[models.echo]
kind = "echo"

[personas.assistant]
models = ["echo"]
"#;

const CONVERSATIONS: usize = 1_000;
const MESSAGES: usize = 10;

pub(crate) async fn run() {
    let program = Path::new(env!("CARGO_BIN_EXE_causerie"));
    let directory = tempfile::tempdir().expect("a directory");
    let began = Instant::now();
    let server = Server::start(program, directory.path(), ECHO);
    let visitor = server.visitor().await.expect("the page answers");
    row(
        "from start to the first answer of the page",
        &millis(began.elapsed()),
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    let idle = server.cost().expect("it runs");
    row("resident, idle, no model", &mebibytes(idle.resident));

    let mut seen = vec![];
    let mut events = visitor
        .watch("conversation")
        .await
        .expect("the page answers");
    for number in 0..200 {
        seen.push(see(&visitor, &mut events, number).await);
    }
    drop(events);
    seen.sort_unstable();
    row(
        "a browser's request to the whole answer, p50",
        &millis(quantile(&seen, 0.5)),
    );
    row(
        "a browser's request to the whole answer, p99",
        &millis(quantile(&seen, 0.99)),
    );

    let before = server.cost().expect("it runs");
    let began = Instant::now();
    talk(&server).await;
    let took = began.elapsed();
    let after = server.cost().expect("it runs");
    let messages = (CONVERSATIONS * MESSAGES) as u32;
    row(
        "1,000 conversations x 10 messages, messages per second",
        &format!("{:.0}", f64::from(messages) / took.as_secs_f64()),
    );
    row(
        "CPU per message, all told",
        &millis((after.cpu - before.cpu) / messages),
    );
    row("resident at most, under that load", &mebibytes(after.peak));
    row("resident after it", &mebibytes(after.resident));
}

/// From the request that says something to the event that completes its answer.
async fn see(
    visitor: &Visitor,
    events: &mut causerie_testkit::server::Watch,
    number: usize,
) -> Duration {
    let began = Instant::now();
    let id = format!("message{number}");
    let said = visitor
        .say("conversation", &id, "How long does this take?")
        .await;
    assert!(said.expect("the page answers").is_success());
    loop {
        let (name, data) = events.next().await.expect("the stream goes on");
        if name == "answer" && data["complete"] == true {
            return began.elapsed();
        }
    }
}

async fn talk(server: &Server) {
    stream::iter(0..CONVERSATIONS)
        .for_each_concurrent(64, |number| async move {
            let visitor = server.visitor().await.expect("the page answers");
            let conversation = format!("conversation{number}");
            let mut events = visitor
                .watch(&conversation)
                .await
                .expect("the page answers");
            // What is there already comes first; said before it, an answer may be in it whole.
            events.next().await.expect("the stream goes on");
            for message in 0..MESSAGES {
                let id = format!("message{message}");
                let said = visitor
                    .say(&conversation, &id, "A message of ordinary length.")
                    .await;
                assert!(said.expect("the page answers").is_success());
                while let Some((name, data)) = events.next().await {
                    if name == "answer" && data["complete"] == true {
                        break;
                    }
                }
            }
        })
        .await;
}
