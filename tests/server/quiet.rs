//! What people write reaches no log, however loud it is.

use crate::{ECHO, program, program_after};
use causerie_testkit::server::Server;
use std::{
    fs,
    io::{Read, Write},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

/// Each word by itself is nowhere else; keys are logged one by one, so the letters tell too.
const CANARY: &str = "qzxjkvwq";

fn config(directory: &Path) -> String {
    let file = directory.join("causerie.toml");
    fs::write(&file, ECHO).expect("it can be written");
    file.display().to_string()
}

fn log(directory: &Path) -> String {
    let log = fs::read_to_string(directory.join("log")).expect("there is a log");
    assert!(log.contains("DEBUG"), "the log is not loud:\n{log}");
    log
}

#[tokio::test]
async fn a_server_at_its_loudest_logs_nothing_of_what_is_said() {
    let directory = tempfile::tempdir().expect("a directory");
    let loud = program_after(directory.path(), "", "-vv");
    let server = Server::start(&loud, directory.path(), ECHO);
    let visitor = server.visitor().await.expect("the server answers");
    for (id, text) in [
        ("message1", CANARY.to_owned()),
        ("message2", format!("/why {CANARY}")),
    ] {
        let said = visitor.say("conversation1", id, &text).await;
        assert!(said.expect("the server answers").is_success());
        visitor
            .answered("conversation1", Duration::from_secs(60))
            .await;
    }
    let (_, metrics) = server.admin("/metrics").await.expect("the server answers");
    assert!(!metrics.contains(CANARY));
    server.terminate().expect("it ends");
    assert!(!log(directory.path()).contains(CANARY));
}

#[test]
fn a_question_at_its_loudest_is_printed_and_not_logged() {
    let directory = tempfile::tempdir().expect("a directory");
    let asked = Command::new(program())
        .args(["-vv", "--config", &config(directory.path()), "ask", CANARY])
        .env("CAUSERIE__SERVER__DATA_DIR", directory.path())
        .output()
        .expect("it can be started");
    assert_eq!(String::from_utf8_lossy(&asked.stdout).trim(), CANARY);
    fs::write(directory.path().join("log"), &asked.stderr).expect("it can be written");
    assert!(!log(directory.path()).contains(CANARY));
}

/// On a terminal of its own, which `script` makes, because only there keys are edited.
#[test]
fn a_conversation_at_the_keyboard_logs_no_key() {
    let directory = tempfile::tempdir().expect("a directory");
    let chat = format!(
        "'{}' -vv --config '{}' --data-dir '{1}.data' chat 2>'{}'",
        program().display(),
        config(directory.path()),
        directory.path().join("log").display(),
    );
    let started = Command::new("script")
        .args(["--quiet", "--command", &chat, "/dev/null"])
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut script) = started else {
        assert!(
            std::env::var_os("CI").is_none(),
            "no `script`, which util-linux has"
        );
        eprintln!("skipped: no `script`");
        return;
    };
    let mut keys = script.stdin.take().expect("a pipe");
    let mut screen = script.stdout.take().expect("a pipe");
    let mut shown = String::new();
    let mut until = |enough: &dyn Fn(&str) -> bool| {
        let mut some = [0; 4096];
        while !enough(&shown) {
            let length = screen.read(&mut some).expect("it can be read");
            assert!(length > 0, "it ended early: {shown}");
            shown.push_str(&String::from_utf8_lossy(&some[..length]));
        }
    };
    until(&|shown| shown.contains("> "));
    write!(keys, "{CANARY}\r").expect("it can be written");
    // As it is typed, and as it is answered.
    until(&|shown| shown.matches(CANARY).count() >= 2);
    until(&|shown| {
        shown
            .rsplit(CANARY)
            .next()
            .is_some_and(|rest| rest.contains("> "))
    });
    write!(keys, "\u{4}").expect("it can be written");
    drop(keys);
    assert!(script.wait().expect("it ends").success());

    let log = log(directory.path());
    assert!(!log.contains(CANARY) && !log.contains("rustyline"), "{log}");
    for key in CANARY.chars() {
        assert!(!log.contains(&format!("'{key}'")), "the key {key}: {log}");
    }
}
