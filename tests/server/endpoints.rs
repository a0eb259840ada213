//! Models behind endpoints that stall, cut, refuse and lie: what people see is one whole answer or
//! one honest line, and the operator can see why.

use crate::program;
use causerie_testkit::{
    fake_models::{FakeModels, Reply, When},
    server::{Server, Visitor},
};
use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);
const SECRET: &str = "sk-canary-7d1f0c55e2";
const WHOLE: &str = "This is the whole answer, to its very end.";

/// Two models of one endpoint; the second answers when the first cannot.
fn toml(models: &FakeModels, more: &str) -> String {
    let url = models.url();
    let model = |name: &str| {
        format!(
            "[models.{name}]\nkind = \"openai\"\nmodel = \"{name}\"\nbase_url = \"{url}\"\n\
             api_key = \"{SECRET}\"\ncontext = 8192\n\
             timeouts = {{ first_token = \"700ms\", between_tokens = \"700ms\" }}\n\
             price = {{ input = 1.0, output = 2.0 }}\n{more}"
        )
    };
    let persona = "[personas.assistant]\nmodels = [\"first\", \"second\"]\n";
    format!("{}{}{persona}", model("first"), model("second"))
}

/// What a visitor sees who asks once and watches.
struct Seen {
    visitor: Visitor,
    conversation: String,
    /// The words of the one answer as HTML when it is complete.
    answer: String,
    /// Whether a mark stands beside it that says it failed.
    failed: bool,
}

impl Seen {
    /// Whether it is still there for who looks again, at a server that knows it from its store.
    async fn assert_kept(&self, server: &Server, what: &str) {
        let visitor = self.visitor.at(server);
        let lines = visitor.transcript(&self.conversation).await;
        let lines = lines.expect("the server answers");
        assert_eq!(lines.len(), 2, "{what}: {lines:?}");
        let spaceless = |html: &str| html.split_whitespace().collect::<String>();
        assert_eq!(
            (spaceless(&lines[1].text), lines[1].is_failed),
            (spaceless(&self.answer), self.failed),
            "{what}"
        );
    }
}

async fn ask(server: &Server, number: usize) -> Seen {
    let visitor = server.visitor().await.expect("the server answers");
    let (conversation, id) = (format!("conversation{number}"), format!("message{number}"));
    let mut events = visitor.watch(&conversation).await.expect("it answers");
    let first = events.next().await.expect("the stream goes on");
    assert_eq!(first.0, "snapshot");
    let said = visitor.say(&conversation, &id, "What is it?").await;
    assert!(said.expect("the server answers").is_success());
    let mut blocks: Vec<String> = vec![];
    let mut answer = None;
    let watching = async {
        loop {
            let (name, data) = events.next().await.expect("the stream goes on");
            if name != "answer" {
                continue;
            }
            let of = data["id"].as_str().expect("it has a name").to_owned();
            let known = answer.get_or_insert_with(|| of.clone());
            assert_eq!(*known, of, "answered more than once");
            for change in data["changed"].as_array().into_iter().flatten() {
                let at = change["i"].as_u64().expect("a position") as usize;
                blocks.resize(blocks.len().max(at + 1), String::new());
                blocks[at] = change["html"].as_str().expect("HTML").to_owned();
            }
            blocks.truncate(data["length"].as_u64().expect("a number") as usize);
            if data["complete"] == true {
                return data["notice"]["kind"] == "failed";
            }
        }
    };
    let failed = tokio::time::timeout(PATIENCE, watching).await;
    let failed = failed.expect("it is answered in time");
    Seen {
        visitor,
        conversation,
        answer: blocks.concat(),
        failed,
    }
}

fn explained(directory: &Path) -> String {
    let output = Command::new(program())
        .args(["explain", "--config"])
        .arg(directory.join("causerie.toml"))
        .env("CAUSERIE__SERVER__DATA_DIR", directory.join("data"))
        .output()
        .expect("it can be started");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What an endpoint may do to a request before a word of the answer came. Each is healed, by trying
/// again or by the next model.
fn passing() -> Vec<(&'static str, Reply)> {
    let whole = || Reply::say(WHOLE);
    let stall = Duration::from_secs(30);
    vec![
        ("429", Reply::busy(1)),
        ("500", Reply::error(500, "server_error", "oops", "it broke")),
        ("a stall before the first word", whole().delayed(stall)),
        (
            "only comments",
            whole().kept_alive_at(0, 60, Duration::from_millis(500)),
        ),
        ("a connection cut at once", whole().cut_at(0)),
        (
            "garbage",
            Reply::pieces(200, "text/event-stream", ["data: {{{\n\n", "\0\0\0"]),
        ),
        (
            "an error in a 200",
            Reply::json(
                200,
                &serde_json::json!({"error": {"message": "no", "type": "server_error", "code": null}}),
            ),
        ),
        ("a page of HTML", Reply::page(502)),
    ]
}

#[tokio::test]
async fn whatever_an_endpoint_does_before_it_speaks_people_get_a_whole_answer() {
    let directory = tempfile::tempdir().expect("a directory");
    let models = FakeModels::start().await;
    let breaker = "breaker = { failures = 100 }\n";
    let server = Server::start(program(), directory.path(), &toml(&models, breaker));
    let cases = passing();
    let count = cases.len();
    for (number, (what, reply)) in cases.into_iter().enumerate() {
        models.expect([reply, Reply::say(WHOLE)]);
        let Seen { answer, failed, .. } = ask(&server, number).await;
        assert!(answer.contains(WHOLE) && !failed, "{what}: {answer}");
    }
    let log = fs::read_to_string(directory.path().join("log")).expect("there is a log");
    let (_, metrics) = server.admin("/metrics").await.expect("it answers");
    server.terminate().expect("it ends");
    let why = explained(directory.path());
    assert_eq!(why.matches(": answered").count(), count, "{why}");
    for text in [&log, &metrics, &why] {
        assert!(
            !text.contains(SECRET) && !text.contains("What is it?"),
            "{text}"
        );
    }
    assert!(models.violations().is_empty(), "{:?}", models.violations());
}

#[tokio::test]
async fn half_an_answer_never_looks_whole() {
    let directory = tempfile::tempdir().expect("a directory");
    let models = FakeModels::start().await;
    let server = Server::start(program(), directory.path(), &toml(&models, ""));
    let half = || Reply::say(WHOLE);
    let stall = Duration::from_secs(30);
    let cases = [
        ("a cut", half().cut_at(4)),
        ("an end without a reason", half().ended_at(4)),
        ("a stall", half().stalled_at(4, stall)),
        (
            "an error",
            half().with_piece_at(
                4,
                "data: {\"error\":{\"message\":\"no\",\"type\":\"server_error\"}}\n\n",
            ),
        ),
    ];
    let mut all = vec![];
    for (number, (what, reply)) in cases.into_iter().enumerate() {
        models.expect([reply]);
        let seen = ask(&server, number).await;
        let answer = &seen.answer;
        assert!(answer.contains("This is"), "{what}: {answer}");
        assert!(!answer.contains("very end"), "{what}: {answer}");
        let honest = ["broke off here.", "took too long and was given up."];
        let told = honest.iter().filter(|line| answer.contains(**line)).count();
        assert_eq!(told, 1, "{what}: no honest line in {answer}");
        all.push((what, seen));
    }
    let server = again(server, &directory, &models);
    for (what, seen) in all {
        seen.assert_kept(&server, what).await;
    }
}

/// Another process with the same files.
fn again(server: Server, directory: &tempfile::TempDir, models: &FakeModels) -> Server {
    server.terminate().expect("it ends");
    Server::start(program(), directory.path(), &toml(models, ""))
}

#[tokio::test]
async fn nobody_is_asked_again_sooner_than_they_said() {
    let directory = tempfile::tempdir().expect("a directory");
    let models = FakeModels::start().await;
    models.on(
        When::Model("second".to_owned()),
        Reply::error(500, "server_error", "oops", "it broke"),
    );
    let server = Server::start(program(), directory.path(), &toml(&models, ""));
    models.expect([Reply::busy(3), Reply::say(WHOLE)]);
    let began = Instant::now();
    let Seen { answer, .. } = ask(&server, 0).await;
    assert!(answer.contains(WHOLE), "{answer}");
    assert!(began.elapsed() >= Duration::from_secs(3));
    let requests = models.requests();
    let pause = requests[1].at - requests[0].at;
    assert!(pause >= Duration::from_secs(3), "{pause:?}");
}

#[tokio::test]
async fn when_every_model_fails_there_is_one_honest_line() {
    let directory = tempfile::tempdir().expect("a directory");
    let models = FakeModels::start().await;
    models.on(
        When::Always,
        Reply::error(500, "server_error", "oops", "it broke"),
    );
    let server = Server::start(program(), directory.path(), &toml(&models, ""));
    let seen = ask(&server, 0).await;
    let answer = &seen.answer;
    assert!(seen.failed && !answer.is_empty(), "{answer}");
    assert!(
        !answer.contains("oops") && !answer.contains("it broke"),
        "{answer}"
    );
    let server = again(server, &directory, &models);
    seen.assert_kept(&server, "a failure").await;
    server.terminate().expect("it ends");
    let why = explained(directory.path());
    assert!(why.contains("status 500"), "{why}");
}

#[tokio::test]
async fn the_doctor_tries_an_endpoint_and_says_what_is_wrong() {
    let directory = tempfile::tempdir().expect("a directory");
    let models = FakeModels::start().await;
    let toml = toml(&models, "").replace("model = \"second\"", "model = \"fake\"");
    fs::write(directory.path().join("causerie.toml"), toml).expect("it can be written");
    let doctor = || async {
        let path = directory.path().to_owned();
        let run = move || {
            Command::new(program())
                .args(["doctor", "--config"])
                .arg(path.join("causerie.toml"))
                .env("CAUSERIE__SERVER__DATA_DIR", path.join("data"))
                .output()
                .expect("it can be started")
        };
        let output = tokio::task::spawn_blocking(run).await.expect("it ran");
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        (
            output.status.code(),
            out + &String::from_utf8_lossy(&output.stderr),
        )
    };
    let (code, said) = doctor().await;
    assert_eq!(code, Some(0), "{said}");
    for part in [
        "disk",
        "model first, list",
        "model first, streaming",
        "model first, tools",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    models.on(
        When::Always,
        Reply::error(401, "invalid_request_error", "invalid_api_key", "no"),
    );
    let (code, said) = doctor().await;
    assert_eq!(code, Some(64), "{said}");
    assert!(
        said.contains("BAD   model first, answer") && said.contains("key"),
        "{said}"
    );
    assert!(!said.contains(SECRET), "{said}");
}
