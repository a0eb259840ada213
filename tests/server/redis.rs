//! One server on Redis: what its operator is told, and what nobody is.

use crate::{ECHO, program, program_after};
use causerie_testkit::{
    fake_models::FakeModels,
    redis::Redis,
    server::{Server, Visitor},
};
use std::{
    fs,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(60);
const PASSWORD: &str = "canary-password-94c1";
const API_KEY: &str = "sk-canary-5be2-77aa";
const COOKIE_KEY: &str = "ca5a1d09ca5a1d09ca5a1d09ca5a1d09ca5a1d09ca5a1d09ca5a1d09ca5a1d09";
const KEY: &str = "f00dcafe51f00dcafe51f00dcafe51f00dcafe51f00dcafe51f00dcafe510000";
const OTHER_KEY: &str = "baddecaf07baddecaf07baddecaf07baddecaf07baddecaf07baddecaf070000";
const SENTINEL_PASSWORD: &str = "canary-sentinel-2d77";
const SECRETS: [&str; 6] = [
    PASSWORD,
    API_KEY,
    COOKIE_KEY,
    KEY,
    OTHER_KEY,
    SENTINEL_PASSWORD,
];

fn causerie(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(program())
        .args(arguments)
        .arg("--config")
        .arg(directory.join("causerie.toml"))
        .env("CAUSERIE__SERVER__DATA_DIR", directory.join("data"))
        .env("CAUSERIE__SERVER__ADMIN", "127.0.0.1:0")
        .env("CAUSERIE__PLATFORMS__WEB__LISTEN", "127.0.0.1:0")
        .output()
        .expect("it can be started")
}

fn said(output: &Output) -> String {
    let [out, log] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{out}{log}")
}

fn write(directory: &Path, toml: &str) {
    fs::write(directory.join("causerie.toml"), toml).expect("it can be written");
}

async fn ask(visitor: &Visitor, id: &str, text: &str) -> String {
    let said = visitor.say("conversation", id, text).await;
    assert!(said.expect("the server answers").is_success());
    let lines = visitor.answered("conversation", PATIENCE).await;
    lines.last().expect("there is one").text.trim().to_owned()
}

#[tokio::test]
async fn a_server_on_redis_is_checked_tried_and_explained() {
    let Some(mut redis) = Redis::start(&[]) else {
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let toml = format!("[store]\nurl = \"{}\"\n{ECHO}", redis.url());
    let server = Server::start(program(), directory.path(), &toml);
    let visitor = server.visitor().await.expect("the server answers");
    assert_eq!(ask(&visitor, "message1", "hello").await, "<p>hello</p>");

    // Each of them beside the server.
    for (arguments, words) in [
        (&["check"][..], &[redis.address().as_str(), "doctor"][..]),
        (&["explain"], &["turn 1,", ": answered"]),
        (&["ask", "what I said"], &["what I said"]),
        (
            &["doctor"],
            &[
                "ok    store, write",
                "1 conversations, 2 messages",
                "ok    redis",
                "appendonly is no: a restart loses every conversation; set appendonly yes",
            ],
        ),
    ] {
        let output = causerie(directory.path(), arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            self::said(&output)
        );
        for word in words {
            let said = self::said(&output);
            assert!(said.contains(word), "{arguments:?}, {word}: {said}");
        }
    }
    // What is there is there again for the next one.
    server.terminate().expect("it ends");
    let server = Server::start(program(), directory.path(), &toml);
    let visitor = visitor.at(&server);
    assert_eq!(ask(&visitor, "message2", "again").await, "<p>again</p>");
    let lines = visitor.transcript("conversation").await.expect("lines");
    assert_eq!(lines.len(), 4);

    redis.kill();
    for command in ["doctor", "run", "explain"] {
        let output = causerie(directory.path(), &[command]);
        assert_eq!(
            output.status.code(),
            Some(69),
            "{command}: {}",
            self::said(&output)
        );
        let said = self::said(&output);
        assert!(
            said.contains(&redis.address()) && said.contains("refused"),
            "{said}"
        );
    }
}

/// A guarded Redis, and all secrets there are.
fn secretive(redis: &Redis, models: &FakeModels, password: &str, key: &str) -> String {
    format!(
        "[store]\nurl = \"redis://:{password}@{}\"\n\n[store.redis]\n\
         sentinel_password = \"{SENTINEL_PASSWORD}\"\n\
         encryption_keys = [{{ id = \"k1\", key = \"{key}\" }}]\n\n[platforms.web]\n\
         cookie_key = \"{COOKIE_KEY}\"\n\n[models.m]\nkind = \"openai\"\nmodel = \"fake\"\n\
         base_url = \"{}\"\napi_key = \"{API_KEY}\"\ncontext = 8192\n\n\
         [personas.assistant]\nmodels = [\"m\"]\n",
        redis.address(),
        models.url()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_of_a_server_on_redis_is_told() {
    let Some(mut redis) = Redis::start(&["--requirepass", PASSWORD, "--appendonly", "yes"]) else {
        return;
    };
    let models = FakeModels::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let loud = program_after(directory.path(), "", "-vv");
    let toml = secretive(&redis, &models, PASSWORD, KEY);
    let server = Server::start(&loud, directory.path(), &toml);
    let visitor = server.visitor().await.expect("the server answers");
    assert_eq!(ask(&visitor, "message1", "hello").await, "<p>hello</p>");
    let mut told = vec![server.admin("/metrics").await.expect("it answers").1];

    let mut tell = |arguments: &[&str], code: i32, word: &str| {
        let loud = [&["-vv"], arguments].concat();
        let output = tokio::task::block_in_place(|| causerie(directory.path(), &loud));
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(word), "{arguments:?}, {word}: {said}");
        told.push(said);
    };
    tell(&["config", "show"], 0, "encryption_keys");
    tell(&["check"], 0, "ok    store");
    tell(&["doctor"], 0, "ok    redis");
    tell(&["explain"], 0, ": answered");
    // Each secret wrong in turn, or where none belongs.
    write(
        directory.path(),
        &secretive(&redis, &models, "canary-password-94c1-not", KEY),
    );
    tell(&["run"], 69, "refuses us");
    tell(&["doctor"], 69, "refuses us");
    write(
        directory.path(),
        &secretive(&redis, &models, PASSWORD, OTHER_KEY),
    );
    tell(&["run"], 69, "was encrypted with key \"k1\"");
    write(
        directory.path(),
        &secretive(&redis, &models, PASSWORD, &KEY[1..]),
    );
    tell(&["check"], 64, "64 hexadecimal digits");
    write(
        directory.path(),
        &toml.replace("redis://", "redis-sentinel://"),
    );
    tell(&["check"], 64, "needs the name of the service");
    write(directory.path(), &toml);

    redis.kill();
    let refused = visitor.say("conversation", "message2", "hello").await;
    assert_eq!(refused.expect("it answers"), 503);
    tell(&["doctor"], 69, "refused");
    server.terminate().expect("it ends");
    told.push(fs::read_to_string(directory.path().join("log")).expect("there is a log"));
    for told in &told {
        for secret in SECRETS {
            assert!(!told.contains(secret), "{secret}: {told}");
        }
        // Not the one that lacks a digit either.
        assert!(!told.contains(&KEY[1..]), "{told}");
    }
    assert!(
        told.last().is_some_and(|log| log.contains("DEBUG")),
        "the log is not loud"
    );
    assert!(models.violations().is_empty(), "{:?}", models.violations());
}

#[tokio::test]
async fn keys_are_changed_while_the_server_runs() {
    let Some(redis) = Redis::start(&[]) else {
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let toml = |keys: &[(&str, &str)]| {
        let keys = keys
            .iter()
            .map(|(id, key)| format!("{{ id = \"{id}\", key = \"{key}\" }}"));
        let keys = keys.collect::<Vec<_>>().join(", ");
        format!(
            "[store]\nurl = \"{}\"\n\n[store.redis]\nencryption_keys = [{keys}]\n{ECHO}",
            redis.url()
        )
    };
    let server = Server::start(program(), directory.path(), &toml(&[("old", KEY)]));
    let visitor = server.visitor().await.expect("the server answers");
    assert_eq!(ask(&visitor, "message1", "hello").await, "<p>hello</p>");
    server.terminate().expect("it ends");

    let both = toml(&[("new", OTHER_KEY), ("old", KEY)]);
    let server = Server::start(program(), directory.path(), &both);
    let done = causerie(directory.path(), &["rekey"]);
    assert!(done.status.success(), "{}", said(&done));
    assert!(said(&done).contains("1 conversation is written with the key \"new\""));
    let visitor = visitor.at(&server);
    assert_eq!(ask(&visitor, "message2", "again").await, "<p>again</p>");
    server.terminate().expect("it ends");

    let new = toml(&[("new", OTHER_KEY)]);
    let server = Server::start(program(), directory.path(), &new);
    let visitor = visitor.at(&server);
    let lines = visitor.transcript("conversation").await.expect("lines");
    assert_eq!(lines.len(), 4);
    server.terminate().expect("it ends");

    write(directory.path(), ECHO);
    let refused = causerie(directory.path(), &["rekey"]);
    assert_eq!(refused.status.code(), Some(64), "{}", said(&refused));
    assert!(said(&refused).contains("only a store in Redis is encrypted"));
}
