//! What the operator is told.

use crate::{ECHO, program, program_after};
use causerie_testkit::server::Server;
use std::{
    fs,
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);

fn causerie(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program());
    command
        .args(arguments)
        .arg("--config")
        .arg(directory.join("causerie.toml"))
        .env("CAUSERIE__SERVER__DATA_DIR", directory.join("data"));
    command.output().expect("it can be started")
}

fn said(output: &Output) -> String {
    let [out, log] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{out}{log}")
}

#[tokio::test]
async fn turns_are_explained_beside_a_running_server() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start(program(), directory.path(), ECHO);
    let visitor = server.visitor().await.expect("the server answers");
    for (id, text) in [("message1", "a first word"), ("message2", "a second word")] {
        let said = visitor.say("conversation1", id, text).await;
        assert!(said.expect("the server answers").is_success());
        visitor.answered("conversation1", PATIENCE).await;
    }
    let lines = visitor.transcript("conversation1").await.expect("lines");
    let answer = &lines[1].id;

    let all = said(&causerie(directory.path(), &["explain"]));
    assert!(all.contains("turn 1,") && all.contains("turn 2,"), "{all}");
    assert!(all.contains(": answered") && !all.contains("word"), "{all}");
    let conversation = all
        .split_whitespace()
        .find(|word| word.starts_with("web/"))
        .expect("it is named")
        .trim_end_matches(',');
    let one = causerie(
        directory.path(),
        &["explain", conversation, "--message", answer],
    );
    assert!(one.status.success(), "{}", said(&one));
    let one = said(&one);
    assert!(one.contains("turn 1,") && !one.contains("turn 2,"), "{one}");
    assert!(one.contains("model echo"), "{one}");

    let lines = said(&causerie(
        directory.path(),
        &["explain", "--json", conversation],
    ));
    let turns: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is a turn"))
        .collect();
    let numbers: Vec<_> = turns.iter().map(|turn| &turn["turn"]).collect();
    assert_eq!(numbers, [1, 2], "{lines}");
    assert!(!lines.contains("word"), "{lines}");

    let none = causerie(
        directory.path(),
        &["explain", conversation, "--message", "nothing"],
    );
    assert!(none.status.success());
    assert!(
        said(&none).contains("no turn is recorded"),
        "{}",
        said(&none)
    );
}

#[tokio::test]
async fn a_second_server_with_the_same_ports_complains_of_the_store_and_so_does_check() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start(program(), directory.path(), ECHO);
    let address = |page: &str| page.trim_start_matches("http://").to_owned();
    let second = Command::new(program())
        .args(["run", "--config"])
        .arg(directory.path().join("causerie.toml"))
        .env("CAUSERIE__SERVER__DATA_DIR", directory.path().join("data"))
        .env("CAUSERIE__SERVER__ADMIN", address(server.admin_pages()))
        .env("CAUSERIE__PLATFORMS__WEB__LISTEN", address(server.page()))
        .output()
        .expect("it can be started");
    let checked = causerie(directory.path(), &["check"]);
    for output in [second, checked] {
        assert_eq!(output.status.code(), Some(69), "{}", said(&output));
        let said = said(&output);
        assert!(said.contains("in use by another causerie"), "{said}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_write_any_more_is_not_ready() {
    let directory = tempfile::tempdir().expect("a directory");
    // A file may not grow beyond this, which is how a full disk looks to a process.
    let limited = program_after(directory.path(), "trap '' XFSZ\nulimit -f 2048", "");
    let server = Server::start(&limited, directory.path(), ECHO);
    let (status, body) = server.admin("/readyz").await.expect("the server answers");
    assert_eq!(status, 200, "{body}");

    let visitor = server.visitor().await.expect("the server answers");
    let text = "x".repeat(16 * 1024);
    let mut full = false;
    for number in 0..500 {
        let conversation = format!("conversation{number}");
        let said = visitor.say(&conversation, "message1", &text);
        full = said.await.expect("the server answers") == 503;
        if full {
            break;
        }
    }
    assert!(full, "it takes in what it cannot keep");
    // A little may still fit where a message does not.
    let end = Instant::now() + PATIENCE;
    let body = loop {
        let (status, body) = server.admin("/readyz").await.expect("the server answers");
        if status == 503 {
            break body;
        }
        assert!(Instant::now() < end, "it says that it is ready: {body}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert!(body.contains("\"store\":\"unavailable\""), "{body}");
    let (healthy, _) = server.admin("/healthz").await.expect("the server answers");
    assert_eq!(healthy, 200);
}

#[tokio::test]
async fn the_binary_asks_whether_the_server_is_ready() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start(program(), directory.path(), ECHO);
    let admin = server
        .admin_pages()
        .trim_start_matches("http://")
        .to_owned();
    let ask = || {
        let mut command = Command::new(program());
        command.arg("ready").env("CAUSERIE__SERVER__ADMIN", &admin);
        command.output().expect("it can be started")
    };
    let ready = ask();
    assert_eq!(ready.status.code(), Some(0), "{}", said(&ready));
    assert!(said(&ready).contains("\"ready\":true"), "{}", said(&ready));
    server.kill().expect("it can be killed");
    let gone = ask();
    assert_eq!(gone.status.code(), Some(69), "{}", said(&gone));
    assert!(said(&gone).contains("no server answers"), "{}", said(&gone));
}

#[tokio::test]
async fn a_foreign_page_cannot_lead_a_browser_to_the_operators_pages() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start(program(), directory.path(), ECHO);
    let http = reqwest::Client::builder().no_proxy().build();
    let http = http.expect("a client without options can be built");
    let port = server.admin_pages().rsplit(':').next().unwrap_or_default();
    let own = [
        format!("localhost:{port}"),
        format!("127.0.0.1:{port}"),
        "[::1]".to_owned(),
    ];
    let foreign = [
        "evil.example".to_owned(),
        format!("127.0.0.1.evil.example:{port}"),
    ];
    for (names, status) in [(&own[..], 200), (&foreign[..], 421)] {
        for name in names {
            let request = http.get(format!("{}/metrics", server.admin_pages()));
            let response = request.header("host", name).send().await;
            assert_eq!(response.expect("it answers").status(), status, "{name}");
        }
    }
}

#[test]
fn check_says_what_run_would_stumble_over() {
    for (toml, code, word) in [
        (
            "[platforms.web]\naccess_token = \"swordfish\"\n",
            64,
            "at least 16",
        ),
        ("[server]\nlog_filter = \"inof\"\n", 64, "log_filter"),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("causerie.toml"), toml).expect("it can be written");
        for command in ["check", "run"] {
            let output = causerie(directory.path(), &[command]);
            assert_eq!(output.status.code(), Some(code), "{}", said(&output));
            assert!(said(&output).contains(word), "{}", said(&output));
        }
    }
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("causerie.toml"), ECHO).expect("it can be written");
    let data = directory.path().join("data");
    fs::create_dir(&data).expect("it can be made");
    fs::write(data.join("causerie.db"), "no store at all").expect("it can be written");
    for command in ["check", "run"] {
        let output = causerie(directory.path(), &[command]);
        assert_eq!(output.status.code(), Some(69), "{}", said(&output));
        assert!(said(&output).contains("is damaged"), "{}", said(&output));
    }
}
