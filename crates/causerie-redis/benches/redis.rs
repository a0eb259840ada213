//! `cargo bench -p causerie-redis`: bytes for each stored message, and operations for each second
//! beside what `redis-benchmark` gets out of the same server with single commands.
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on says so")]

use causerie_core::store::{Archive, HistoryRange, Mailbox};
use causerie_redis::{Config, Key, RedisStore};
use causerie_testkit::redis::Redis;
use std::{
    future::Future,
    process::Command,
    time::{Duration, Instant},
};

#[path = "../tests/redis/talk.rs"]
mod talk;

/// Conversations whose size is measured.
const CONVERSATIONS: u64 = 200;

/// How often each rate is measured. The best counts: a busy machine only makes things slower.
const ROUNDS: usize = 3;

#[tokio::main]
async fn main() {
    let Some(server) = Redis::start(&[]) else {
        return;
    };
    for (chat, words) in talk::CHATS {
        for encrypted in [false, true] {
            size(&server, chat, words, encrypted).await;
        }
    }
    for clients in [1, 50] {
        rates(&server, clients).await;
    }
}

fn config(server: &Redis, prefix: &str, encrypted: bool) -> Config {
    let mut config = Config::new(&server.url()).unwrap();
    config.prefix = format!("{prefix}:");
    config.response_timeout = Duration::from_secs(30);
    if encrypted {
        config.keys = vec![Key::new("k1", [7; 32]).unwrap()];
    }
    config
}

/// What is stored of a chat, by `MEMORY USAGE` of all keys.
async fn size(server: &Redis, chat: &str, words: &str, encrypted: bool) {
    let what = if encrypted { "encrypted" } else { "plain" };
    let (config, clock) = (
        config(server, &format!("{chat}-{what}"), encrypted),
        talk::clock(),
    );
    let store = RedisStore::connect_at(&config, clock.clone())
        .await
        .unwrap();
    let mut messages = 0;
    for n in 0..CONVERSATIONS {
        messages += talk::hold(&store, n, words).await;
    }
    let said = talk::words(words);
    let said = said.iter().map(String::len).sum::<usize>() / said.len();
    let keys = || server.command(&format!("KEYS {chat}-{what}:*"));
    let size = |key: &str| {
        let size = server.command(&format!("MEMORY USAGE {key} SAMPLES 0"));
        size.parse::<usize>().unwrap()
    };
    let all = || keys().lines().map(size).sum::<usize>() / messages;
    let light = all();
    talk::rest(&store, &clock).await;
    let bytes = all();
    let json = talk::json_list(server, &store).await;
    println!(
        "{chat}, {what}: {bytes} bytes for each message of {said}, {:.2} of a list of JSON ({json}); \
         {light} while the conversation goes on",
        bytes as f64 / json as f64
    );
}

/// Operations each second with so many clients at once, beside single commands of about the size.
async fn rates(server: &Redis, clients: usize) {
    let port = server.port().to_string();
    let payload = "x".repeat(300);
    let script = server.command("SCRIPT LOAD \"return redis.call('set',KEYS[1],ARGV[1])\"");
    let clients_text = clients.to_string();
    let benchmark = |command: &[&str]| {
        let mut all = vec![
            "-p",
            &port,
            "-c",
            &clients_text,
            "-n",
            "20000",
            "-r",
            "1000",
            "--csv",
        ];
        all.extend(command);
        best(|| benchmark(&all))
    };
    println!("with {clients} clients, each second:");
    let set = benchmark(&["-t", "set", "-d", "300"]);
    let push = benchmark(&["-t", "lpush", "-d", "300"]);
    let evalsha = benchmark(&["evalsha", &script, "1", "k:__rand_int__", &payload]);
    println!("  redis-benchmark: SET {set:.0}, LPUSH {push:.0}, EVALSHA {evalsha:.0}");
    let config = config(server, &format!("rates-{clients}"), false);
    let store = &RedisStore::connect(&config).await.unwrap();
    let words = &talk::words(talk::CHATS[0].1);
    let (mut offer, mut turn, mut read) = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0));
    for round in 0..ROUNDS {
        let conversation = |client: usize| (round * clients + client) as u64;
        let per = 1000 / clients;
        // Mail that waits: conversations of their own.
        let offered = measure(server, clients, per, |client, i| async move {
            let event = talk::event(
                1_000_000 + conversation(client),
                i as u64,
                &words[2 * (i % 10)],
            );
            store.offer(&event, None).await.unwrap();
        });
        offer = faster(offer, offered.await);
        let per = if clients == 1 { 100 } else { 10 };
        let turned = measure(server, clients, per, |client, i| async move {
            let at = i % 10 * 2;
            let n = conversation(client);
            talk::exchange(store, n, i as u64, &words[at], &words[at + 1]).await;
        });
        turn = faster(turn, turned.await);
        let per = if clients == 1 { 300 } else { 20 };
        let read_all = measure(server, clients, per, |client, _| async move {
            let id = talk::conversation(conversation(client));
            let range = HistoryRange {
                limit: Some(20),
                ..HistoryRange::default()
            };
            let history = store.history(&id, range).await.unwrap();
            assert_eq!(history.len(), 20);
        });
        read = faster(read, read_all.await);
    }
    for (what, (rate, busy)) in [
        ("offer (one script)", offer),
        ("turn (offer, commit)", turn),
        ("history of 20 messages", read),
    ] {
        println!(
            "  {what}: {rate:.0}, {:.2} of an EVALSHA's; Redis works {busy:.0} microseconds for each",
            rate / evalsha
        );
    }
}

/// Has each client do `each` so often, and says how many there were each second, and how many
/// microseconds of processor time the server took for one.
async fn measure<F: Future<Output = ()>>(
    server: &Redis,
    clients: usize,
    per: usize,
    each: impl Fn(usize, usize) -> F,
) -> (f64, f64) {
    let each = &each;
    let before = busy(server);
    let began = Instant::now();
    let clients_at_work = (0..clients).map(|client| async move {
        for i in 0..per {
            each(client, i).await;
        }
    });
    futures::future::join_all(clients_at_work).await;
    let count = (clients * per) as f64;
    let rate = count / began.elapsed().as_secs_f64();
    (rate, (busy(server) - before) * 1e6 / count)
}

fn faster(one: (f64, f64), other: (f64, f64)) -> (f64, f64) {
    if other.0 > one.0 { other } else { one }
}

fn best(mut measure: impl FnMut() -> f64) -> f64 {
    (0..ROUNDS).map(|_| measure()).fold(0.0, f64::max)
}

/// Seconds of processor time that the server has used.
fn busy(server: &Redis) -> f64 {
    let told = server.command("INFO cpu");
    let seconds = |name: &str| {
        let line = told.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|seconds| seconds.trim().parse::<f64>().ok())
            .unwrap()
    };
    seconds("used_cpu_user:") + seconds("used_cpu_sys:")
}

/// Commands each second, by `redis-benchmark`.
fn benchmark(arguments: &[&str]) -> f64 {
    let run = Command::new("redis-benchmark").args(arguments).output();
    let run = run.expect("redis-benchmark runs");
    let told = String::from_utf8_lossy(&run.stdout).into_owned();
    // The last line holds the name and the rate.
    let line = told.lines().last().unwrap_or_default();
    let rate = line
        .split("\",\"")
        .nth(1)
        .and_then(|rate| rate.parse().ok());
    rate.unwrap_or_else(|| panic!("redis-benchmark says {told}"))
}
