//! A process that is killed while it writes.

use super::clock;
use causerie_core::store::{Archive, Mailbox, Offered};
use causerie_store::{Options, SqliteStore};
use causerie_testkit::store_conformance::sample::{conversation, posted};
use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};
use tokio::task::JoinSet;

/// Where the child writes, and the number of its first event.
const STORE: &str = "CAUSERIE_TEST_KILLED_STORE";
const FIRST: &str = "CAUSERIE_TEST_KILLED_FIRST";

/// What a line that the child prints for an event begins with.
const TAKEN: &str = "taken ";

const CONVERSATIONS: u32 = 8;

fn name(n: u32) -> String {
    (n % CONVERSATIONS).to_string()
}

fn open(path: &Path) -> SqliteStore {
    let options = Options {
        mailbox_limit: 1_000_000,
        ..Options::default()
    };
    SqliteStore::open_with(path, &clock(), &options).unwrap()
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let mut taken = BTreeSet::new();
    for (round, lines) in [1, 40, 7, 150].into_iter().enumerate() {
        taken.extend(offer_and_be_killed(&path, round as u32 * 1_000_000, lines));
        let store = open(&path);
        let mut found = BTreeSet::new();
        for n in 0..CONVERSATIONS {
            let pending = store.pending(&conversation(&name(n))).await.unwrap();
            found.extend(pending.iter().map(|event| event.id.as_str().to_owned()));
        }
        let lost: Vec<&String> = taken.difference(&found).collect();
        assert_eq!(lost, [""; 0]);
        // What nobody had waited for may be there or not, but whole.
        assert!(found.len() < taken.len() + 100 * (round + 1));
    }
}

/// Lets a child offer events until it has printed so many lines, kills it, and gives what it has
/// printed.
fn offer_and_be_killed(path: &Path, first: u32, lines: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::offers_until_it_is_killed"])
        .args(["--ignored", "--nocapture", "--test-threads=1"])
        .env(STORE, path)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut taken = vec![];
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        // The end of the last line may be missing.
        let Ok(line) = line else { break };
        if let Some(id) = line.strip_prefix(TAKEN).and_then(|id| id.strip_suffix('.')) {
            taken.push(id.to_owned());
        }
        if taken.len() == lines {
            child.kill().unwrap();
        }
    }
    let status = child.wait().unwrap();
    assert!(taken.len() >= lines && !status.success(), "{status}");
    taken
}

/// The child.
#[tokio::test]
#[ignore = "another test runs it, and kills it"]
async fn offers_until_it_is_killed() {
    let store = Arc::new(open(Path::new(&std::env::var_os(STORE).unwrap())));
    let first: u32 = std::env::var(FIRST).unwrap().parse().unwrap();
    let mut offers = JoinSet::new();
    for n in first..first + 100_000 {
        if offers.len() == 16
            && let Some(id) = offers.join_next().await
        {
            println!("{TAKEN}{}.", id.unwrap());
        }
        let store = Arc::clone(&store);
        offers.spawn(async move {
            let event = posted(&name(n), n, "ann", "some words");
            let offered = store.offer(&event, None).await.unwrap();
            assert_eq!(offered, Offered::Queued(None));
            event.id
        });
    }
}
