//! Many conversations at once, with the real binary.

use crate::{ECHO, program};
use causerie_testkit::server::Server;
use futures::{StreamExt, stream};
use std::time::Duration;

const CONVERSATIONS: usize = 1_000;
const MESSAGES: usize = 10;
const PATIENCE: Duration = Duration::from_secs(120);
const MIB: u64 = 1024 * 1024;

/// How many MiB a server without a model may keep resident: when nobody has come yet, and when a
/// thousand conversations have gone. The binary made for developing, which is what this measures,
/// takes a little more than the one that is shipped.
const RESIDENT: (u64, u64) = (24, 40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_conversations_lose_double_and_mix_up_nothing_and_leave_no_memory_behind() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start(program(), directory.path(), ECHO);
    server.admin("/readyz").await.expect("it answers");
    let idle = server.cost().expect("it runs").resident / MIB;
    assert!(idle <= RESIDENT.0, "{idle} MiB with nobody there");
    // A first few fill what is kept for the life of the process: caches, pools, threads' stacks.
    talk(&server, 0..50).await;
    let before = server.cost().expect("it runs").resident;
    talk(&server, 50..50 + CONVERSATIONS).await;
    let after = server.cost().expect("it runs").resident;
    let grown = after.saturating_sub(before) / MIB;
    assert!(
        grown <= 10,
        "{grown} MiB more than before ({} MiB)",
        after / MIB
    );
    let after = after / MIB;
    assert!(
        after <= RESIDENT.1,
        "{after} MiB with nobody there any more"
    );
    eprintln!("resident: {idle} MiB at first, {after} MiB after all conversations");
}

async fn talk(server: &Server, conversations: std::ops::Range<usize>) {
    stream::iter(conversations)
        .for_each_concurrent(64, |number| async move {
            let visitor = server.visitor().await.expect("the server answers");
            let conversation = format!("conversation{number}");
            for message in 0..MESSAGES {
                let (id, text) = (
                    format!("message{message}"),
                    format!("{number} says {message}"),
                );
                let said = visitor.say(&conversation, &id, &text).await;
                assert!(said.expect("the server answers").is_success());
                visitor.answered(&conversation, PATIENCE).await;
            }
            let lines = visitor
                .transcript(&conversation)
                .await
                .expect("the server answers");
            let said: Vec<&str> = lines.iter().map(|line| line.text.trim()).collect();
            let expected: Vec<String> = (0..MESSAGES)
                .flat_map(|message| {
                    let text = format!("{number} says {message}");
                    [text.clone(), format!("<p>{text}</p>")]
                })
                .collect();
            assert_eq!(said, expected);
        })
        .await;
}
