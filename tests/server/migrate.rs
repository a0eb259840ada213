//! From SQLite to Redis and back with the real binary, killed on the way.

use crate::{ECHO, program};
use causerie_core::{
    Clock, Text, Timestamp,
    id::{ConversationId, Seq, TurnNumber},
    message::{Message, Part, Role},
    store::{
        Archive, ConversationState,
        transfer::{ConversationCopy, Transfer},
    },
};
use causerie_engine::SystemClock;
use causerie_store::SqliteStore;
use causerie_testkit::{process::Process, redis::Redis, server::Server};
use futures::{StreamExt, stream};
use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// So many that a migration takes a moment.
const CONVERSATIONS: u64 = 3000;

/// A migration is killed when so many are there.
const ENOUGH: u64 = 100;

struct Place {
    directory: tempfile::TempDir,
    redis: Redis,
}

impl Place {
    fn migrate(&self, from: &str, to: &str, options: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(["migrate", "--from", from, "--to", to])
            .args(options)
            .arg("--config")
            .arg(self.directory.path().join("causerie.toml"))
            .env("CAUSERIE__SERVER__DATA_DIR", self.data())
            .stdin(Stdio::null());
        command
    }

    fn done(&self, from: &str, to: &str, options: &[&str]) -> Output {
        let mut command = self.migrate(from, to, options);
        command.output().expect("the program can be started")
    }

    fn data(&self) -> std::path::PathBuf {
        self.directory.path().join("data")
    }

    /// Begins a migration and kills it when `count` says that enough came.
    async fn killed(&self, from: &str, to: &str, count: impl AsyncFn() -> u64) {
        let mut command = self.migrate(from, to, &[]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process::start(&mut command).expect("the program can be started");
        let end = Instant::now() + PATIENCE;
        while count().await < ENOUGH {
            assert!(Instant::now() < end, "nothing came within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        process.kill().expect("it can be killed");
        assert!(count().await < CONVERSATIONS, "it was faster than the kill");
    }

    fn in_redis(&self) -> u64 {
        let count = |p: u32| self.redis.command(&format!("ZCARD causerie:{{p{p}}}:all"));
        let counts = (0..16).map(|p| count(p).parse::<u64>().unwrap_or_default());
        counts.sum()
    }

    fn server(&self, store: &str) -> Server {
        Server::start(program(), self.directory.path(), &with_store(store))
    }

    /// What a server says that does not start, and `doctor` too.
    fn refused(&self, store: &str) -> String {
        let config = self.directory.path().join("refused.toml");
        fs::write(&config, with_store(store)).expect("it can be written");
        let told = ["run", "doctor"].map(|command| {
            let output = Command::new(program())
                .args([command, "--config"])
                .arg(&config)
                .env("CAUSERIE__SERVER__DATA_DIR", self.data())
                .env("CAUSERIE__SERVER__ADMIN", "127.0.0.1:0")
                .env("CAUSERIE__PLATFORMS__WEB__LISTEN", "127.0.0.1:0")
                .output()
                .expect("the program can be started");
            assert_eq!(output.status.code(), Some(69), "{command}");
            output
        });
        let [run, doctor] = told;
        let (run, doctor) = (said(&run), String::from_utf8_lossy(&doctor.stdout));
        let why = "beginnings of a migration";
        assert_eq!(run.contains(why), doctor.contains(why), "{doctor}");
        run
    }
}

fn with_store(url: &str) -> String {
    format!("[store]\nurl = \"{url}\"\n{ECHO}")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).expect("it is JSON")
}

async fn terminate(server: Server) {
    let ended = tokio::task::spawn_blocking(|| server.terminate()).await;
    let ended = ended.expect("no panic").expect("it can be waited for");
    assert!(ended.success());
}

/// Adds many small conversations to a store in a file.
async fn crowd(path: &Path) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = SqliteStore::open(path, &clock).expect("it opens");
    let import = |n| store.import(small(n));
    let mut imports = stream::iter(0..CONVERSATIONS)
        .map(import)
        .buffer_unordered(256);
    while let Some(imported) = imports.next().await {
        imported.expect("it is imported");
    }
    drop(imports);
    store.close().await;
}

fn small(n: u64) -> ConversationCopy {
    let message = |seq| Message {
        seq: Seq(seq),
        turn: TurnNumber(seq),
        at: Timestamp(1_795_521_000_000),
        role: Role::User,
        author: None,
        parts: vec![Part::Text(Text::new(format!("message {seq} of {n}")))],
        quoted: None,
        refs: vec![],
        shared: false,
    };
    ConversationCopy {
        conversation: ConversationId::new(format!("web/small{n}")).expect("a name"),
        title: Text::new("small"),
        state: ConversationState::default(),
        last_seq: Seq(3),
        turns: 3,
        attempts: 0,
        not_before: Timestamp(0),
        messages: (1..=3).map(message).collect(),
        mail: vec![],
        taken: 0,
        journal: vec![],
        records: vec![],
        spoken: vec![],
        seen: vec![],
    }
}

#[tokio::test]
async fn a_conversation_goes_on_after_it_was_moved_to_redis_and_back() {
    let Some(redis) = Redis::start(&[]) else {
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let url = redis.url();
    let place = Place { directory, redis };
    let (here, back) = ("sqlite:causerie.db", "sqlite:back.db");

    let server = place.server(here);
    let visitor = server.visitor().await.expect("the server answers");
    let say = async |visitor: &causerie_testkit::server::Visitor, n: &str| {
        let said = visitor
            .say("conversation1", &format!("message{n}"), n)
            .await;
        said.expect("the server answers");
        let lines = visitor.answered("conversation1", PATIENCE).await;
        let words = lines.iter().map(|line| line.text.trim().to_owned());
        words.collect::<Vec<String>>()
    };
    say(&visitor, "one").await;
    let busy = place.done(here, &url, &[]);
    assert_eq!(busy.status.code(), Some(69));
    assert!(said(&busy).contains("in use by another causerie process"));
    terminate(server).await;
    crowd(&place.data().join("causerie.db")).await;
    let file = fs::read(place.data().join("causerie.db")).expect("it is there");

    place.killed(here, &url, async || place.in_redis()).await;
    let half = place.refused(&url);
    assert!(half.contains("beginnings of a migration"), "{half}");
    let differs = place.done(here, &url, &["--check"]);
    assert_eq!(differs.status.code(), Some(65), "{}", said(&differs));
    let moved = json(&place.done(here, &url, &["--json"]));
    assert_eq!(moved["equal"], true);
    assert_eq!(moved["to"]["conversations"], CONVERSATIONS + 1);
    assert_eq!(moved["from"]["hash"], moved["to"]["hash"]);
    let copied = moved["copied"].as_u64().unwrap_or_default();
    assert!(
        copied > 0 && copied <= CONVERSATIONS + 1 - ENOUGH,
        "{copied}"
    );
    let now = fs::read(place.data().join("causerie.db")).expect("it is there");
    assert!(file == now, "the source has changed");

    let server = place.server(&url);
    let visitor = visitor.at(&server);
    let lines = say(&visitor, "two").await;
    assert_eq!(lines, ["one", "<p>one</p>", "two", "<p>two</p>"]);
    terminate(server).await;
    // It has gone on, and is not put back to where it was.
    let again = place.done(here, &url, &[]);
    assert_eq!(again.status.code(), Some(65), "{}", said(&again));
    assert!(said_on_stdout(&again).contains("different: web/"));
    assert!(said_on_stdout(&again).contains("had come to its end before"));
    let full = place.done(&url, here, &[]);
    assert_eq!(full.status.code(), Some(69));
    assert!(said(&full).contains("holds something already"));

    let path = place.data().join("back.db");
    place
        .killed(&url, back, async || in_file(&path).await)
        .await;
    let half = place.refused(back);
    assert!(half.contains("beginnings of a migration"), "{half}");
    let table = place.done(&url, back, &[]);
    assert!(table.status.success(), "{}", said(&table));
    assert!(said_on_stdout(&table).contains("Both hold the same"));
    json(&place.done(&url, back, &["--check", "--json"]));

    let server = place.server(back);
    let lines = say(&visitor.at(&server), "three").await;
    assert_eq!(lines[2..], ["two", "<p>two</p>", "three", "<p>three</p>"]);
}

#[test]
fn a_store_in_memory_is_not_moved_and_urls_are_looked_at() {
    let directory = tempfile::tempdir().expect("a directory");
    for (from, to, word) in [
        ("memory:", "sqlite:a.db", "a store in memory ends"),
        ("sqlite:a.db", "memory:", "a store in memory ends"),
        ("sqlite:a.db", "sqlite:a.db", "where everything comes from"),
        ("sqlite:a.db", "postgres://x", "a store is"),
    ] {
        let output = Command::new(program())
            .args(["migrate", "--from", from, "--to", to, "--data-dir"])
            .arg(directory.path())
            .output()
            .expect("the program can be started");
        assert_eq!(output.status.code(), Some(64), "{from} {to}");
        assert!(said(&output).contains(word), "{}", said(&output));
        let left = fs::read_dir(directory.path()).expect("it is there").count();
        assert_eq!(left, 0);
    }
}

fn said_on_stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// How many conversations are in a file, if it is a store already.
async fn in_file(path: &Path) -> u64 {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let Ok(store) = SqliteStore::open_read_only(path, &clock) else {
        return 0;
    };
    let census = store.census().await;
    store.close().await;
    census.map_or(0, |census| census.conversations)
}
