//! Two servers on one Redis. Whatever dies or stands still, each message has one answer: in what
//! was committed, and on the page.

mod people;

use crate::{ECHO_SLOWLY, program};
use causerie::core::Timestamp;
use causerie_testkit::{
    fake_models::{FakeModels, Reply},
    pauses::Pauses,
    redis::{Redis, Watched},
    server::{Server, Visitor},
};
use futures::{StreamExt, stream};
use people::{Kept, People};
use serde_json::Value;
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempDir;
use tokio::sync::Notify;

/// Costs time only when something is wrong, or the machine stands still for a while.
const PATIENCE: Duration = Duration::from_secs(180);
/// How soon what a dead server had begun is somebody else's.
const TAKEN_OVER: Duration = Duration::from_secs(5);
const MIB: u64 = 1024 * 1024;

/// Two servers that share the Redis at `url` and visitors' cookies.
struct Two {
    first: Server,
    second: Server,
    _directories: [TempDir; 2],
}

impl Two {
    fn start(url: &str, redis: &str, models: &str) -> Self {
        let key = "5e".repeat(32);
        let toml = format!(
            "[store]\nurl = \"{url}\"\n\n[store.redis]\n{redis}\n\n[platforms.web]\n\
             cookie_key = \"{key}\"\n{models}"
        );
        let directories = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
        let [first, second] =
            [0, 1].map(|at: usize| Server::start(program(), directories[at].path(), &toml));
        Self {
            first,
            second,
            _directories: directories,
        }
    }

    /// Waits until both say so.
    async fn until_ready(&self, ready: bool) {
        let expected = if ready { 200 } else { 503 };
        for server in [&self.first, &self.second] {
            until("readiness follows Redis", async || {
                let (status, _) = server.admin("/readyz").await.expect("it answers");
                status == expected
            })
            .await;
        }
    }
}

/// Waits until `wish` comes true.
async fn until(what: &str, wish: impl AsyncFn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !wish().await {
        assert!(Instant::now() < end, "it never came to this: {what}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// When a turn began, for the clock of this process.
fn moment(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(at.0.unsigned_abs())
}

/// What a server has counted.
async fn measured(server: &Server, name: &str) -> f64 {
    let (_, metrics) = server.admin("/metrics").await.expect("it answers");
    let line = |line: &str| line.strip_prefix(name)?.trim().parse().ok();
    metrics.lines().find_map(line).unwrap_or(0.0)
}

/// Waits until so many turns are under way at `server`, and `visitor` reads half an answer.
async fn until_mid_answer(server: &Server, turns: usize, visitor: &Visitor) {
    until("turns are under way", async || {
        measured(server, "causerie_turns_active").await >= turns as f64
    })
    .await;
    let half = |answer: &Value| answer["complete"] == false && answer.to_string().contains("<p>");
    until_seen(visitor, |name, data| {
        let shown = data["messages"].as_array().into_iter().flatten();
        shown.last().is_some_and(half) || name == "answer" && half(data)
    })
    .await;
}

/// Watches as the page does, which comes back when the stream ends, until it sees what is `wanted`.
async fn until_seen(visitor: &Visitor, wanted: impl Fn(&str, &Value) -> bool) {
    let watching = async {
        loop {
            let mut page = visitor.watch("conversation").await.expect("it answers");
            while let Some((name, data)) = page.next().await {
                if wanted(&name, &data) {
                    return;
                }
            }
        }
    };
    let seen = tokio::time::timeout(PATIENCE, watching).await;
    seen.expect("it is seen");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_server_was_saying_is_said_by_the_other() {
    let Some(redis) = Redis::start(&[]) else {
        return;
    };
    let pauses = Pauses::watch();
    let two = Two::start(&redis.url(), "", ECHO_SLOWLY);
    let people = People::come(&two.first, &two.second).await;
    let talks = people.talk();
    until_mid_answer(&two.first, 4, people.at_home(0)).await;
    let killed = SystemTime::now();
    two.first.kill().expect("it can be killed");
    talks.end().await;

    let turns = Kept::at(&redis.url())
        .await
        .is_one_answer_each(&people)
        .await;
    let taken = turns.iter().filter(|turn| turn.attempts > 1);
    let taken: Vec<Duration> = taken
        .map(|turn| pauses.time_between(killed, moment(turn.started)))
        .collect();
    eprintln!("taken over after {taken:?}");
    assert!(!taken.is_empty(), "nothing was taken over");
    assert!(taken.iter().all(|after| *after < TAKEN_OVER), "{taken:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_is_away_nothing_is_taken_in_and_nothing_is_lost() {
    let Some(mut redis) = Redis::start(&["--appendonly", "yes", "--appendfsync", "always"]) else {
        return;
    };
    let two = Two::start(&redis.url(), "", ECHO_SLOWLY);
    two.until_ready(true).await;
    let people = People::come(&two.first, &two.second).await;
    let talks = people.talk();
    until_mid_answer(&two.first, 4, people.at_home(0)).await;
    let killed = SystemTime::now();
    redis.kill();
    two.until_ready(false).await;

    // The platform is told to come again, however often it does, and none of it is held.
    let before = two.first.cost().expect("it runs").resident;
    let visitor = &two.first.visitor().await.expect("it answers");
    stream::iter(0..400)
        .for_each_concurrent(32, |number| async move {
            let (conversation, id) = (format!("another{number}"), format!("message{number}"));
            let refused = visitor.say(&conversation, &id, &"x".repeat(8_192)).await;
            assert_eq!(refused.expect("it answers"), 503);
        })
        .await;
    let after = two.first.cost().expect("it runs").resident;
    let grown = after.saturating_sub(before) / MIB;
    assert!(grown <= 16, "{grown} MiB more while Redis is away");

    redis.restart();
    two.until_ready(true).await;
    talks.end().await;
    let turns = Kept::at(&redis.url())
        .await
        .is_one_answer_each(&people)
        .await;
    let before = turns.iter().filter(|turn| moment(turn.started) < killed);
    let spanning: Vec<u32> = (before.filter(|turn| moment(turn.ended) > killed))
        .map(|turn| turn.attempts)
        .collect();
    eprintln!("attempts of what was under way: {spanning:?}");
    assert!(spanning.contains(&1), "no running answer was finished");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_loses_and_doubles_nothing() {
    let Some(mut watched) = Watched::start(2, &[]) else {
        return;
    };
    let two = Two::start(&watched.url(), "confirm_replicas = 1", ECHO_SLOWLY);
    let people = People::come(&two.first, &two.second).await;
    let talks = people.talk();
    until_mid_answer(&two.first, 4, people.at_home(0)).await;
    watched.servers[0].kill();
    tokio::task::block_in_place(|| watched.until_failed_over(0));
    two.until_ready(true).await;
    talks.end().await;
    (Kept::at(&watched.url()).await)
        .is_one_answer_each(&people)
        .await;
}

const WHOLE: &str = "The whole answer, to its very end.";

fn fake_model(models: &FakeModels) -> String {
    let url = models.url();
    format!(
        "[models.fake]\nkind = \"openai\"\nmodel = \"fake\"\nbase_url = \"{url}\"\n\
         context = 8192\ntimeouts = {{ first_token = \"170s\", between_tokens = \"170s\" }}\n\n\
         [personas.assistant]\nmodels = [\"fake\"]\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stood_still_past_its_claim_has_nothing_to_say_any_more() {
    let Some(redis) = Redis::start(&[]) else {
        return;
    };
    let pauses = Pauses::watch();
    let models = FakeModels::start().await;
    // The rest comes while nobody reads, so it is all there when the server goes on.
    let half = Reply::say("Half an answer that is too late").stalled_at(4, Duration::from_secs(1));
    models.expect([half, Reply::say(WHOLE)]);
    let two = Two::start(&redis.url(), "", &fake_model(&models));
    let visitor = two.first.visitor().await.expect("it answers");
    let said = visitor.say("conversation", "message1", "What is it?").await;
    assert!(said.expect("it answers").is_success());
    // Somebody keeps the page open at the first server: half an answer, and how it ends.
    let half = Notify::new();
    let page = until_seen(&visitor, |_, data| {
        let shown = data.to_string();
        assert!(!shown.contains("too late"), "{shown}");
        if shown.contains("Half") {
            half.notify_one();
        }
        shown.contains(WHOLE)
    });
    let rest = async {
        half.notified().await;
        two.first.stall().expect("it can be stopped");
        let stalled = SystemTime::now();
        let elsewhere = visitor.at(&two.second);
        let lines = elsewhere.answered("conversation", PATIENCE).await;
        assert!(
            lines.len() == 2 && lines[1].text.contains(WHOLE),
            "{lines:?}"
        );
        two.first.go_on().expect("it can go on");
        until("it knows that it came too late", async || {
            measured(&two.first, "causerie_claims_lost_total").await >= 1.0
        })
        .await;
        (stalled, lines)
    };
    let ((), (stalled, lines)) = tokio::join!(page, rest);
    let seen = visitor.transcript("conversation").await;
    assert_eq!(seen.expect("it answers"), lines);

    let kept = Kept::at(&redis.url()).await;
    let (words, turns) = kept.only_conversation().await;
    assert_eq!(words, ["What is it?", WHOLE]);
    assert_eq!((turns.len(), turns[0].attempts), (1, 2));
    let after = pauses.time_between(stalled, moment(turns[0].started));
    assert!(after < TAKEN_OVER, "taken over after {after:?}");
}
