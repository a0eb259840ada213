//! What is kept of a conversation, and for how long.

use crate::support::{answer, chatter, config, model, open, prompt, read};
use causerie_core::{
    backend::{Backend, Readiness},
    id::ConversationId,
    message::Role::{Assistant, User},
};
use causerie_local::{Config, Local};
use causerie_testkit::clock::ManualClock;
use futures::StreamExt;
use std::{fs, path::Path, sync::Arc};

fn files(dir: &Path) -> usize {
    let models = fs::read_dir(dir).unwrap().flatten();
    models
        .map(|model| fs::read_dir(model.path()).unwrap().count())
        .sum()
}

#[tokio::test]
async fn a_second_turn_computes_only_what_is_new() {
    let Some(model) = model().await else { return };
    let local = open(config(&model)).await;
    let question = format!("{} What is the capital of France?", chatter(150, 0));
    let (text, first) = answer(&local, &prompt("test/a", &[(User, &question)], 24)).await;
    assert_eq!(first.usage.cached, 0);
    let second = [
        (User, question.as_str()),
        (Assistant, text.as_str()),
        (User, "And of Italy?"),
    ];
    let (_, finish) = answer(&local, &prompt("test/a", &second, 4)).await;
    // All of the first prompt, and all of the answer.
    let kept = first.usage.input + first.usage.output;
    assert!(finish.usage.cached >= kept, "{finish:?} after {first:?}");
    assert!(finish.usage.input - finish.usage.cached < 16, "{finish:?}");
}

#[tokio::test]
async fn a_shared_beginning_is_computed_once() {
    let Some(model) = model().await else { return };
    let local = open(Config {
        slots: Some(3),
        ..config(&model)
    })
    .await;
    let common = chatter(200, 5);
    let ask = |who: &str| prompt(who, &[(User, &common), (Assistant, "Yes."), (User, who)], 2);
    let (_, first) = answer(&local, &ask("test/a")).await;
    assert_eq!(first.usage.cached, 0);
    let (one, two) = (ask("test/b"), ask("test/c"));
    let (second, third) = tokio::join!(answer(&local, &one), answer(&local, &two));
    assert!(
        second.1.usage.cached > 200 && third.1.usage.cached > 200,
        "{second:?} {third:?}"
    );
}

#[tokio::test]
async fn two_who_come_at_once_share_their_beginning_too() {
    let Some(model) = model().await else { return };
    let local = open(config(&model)).await;
    let common = chatter(300, 6);
    let ask = |who: &str| prompt(who, &[(User, &common), (Assistant, "Yes."), (User, who)], 2);
    let (one, two) = (ask("test/a"), ask("test/b"));
    let (first, second) = tokio::join!(answer(&local, &one), answer(&local, &two));
    let cached = first.1.usage.cached.max(second.1.usage.cached);
    assert!(cached > 300, "{first:?} {second:?}");
}

#[tokio::test]
async fn an_evicted_conversation_is_restored_and_says_the_same() {
    let Some(model) = model().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let state_dir = Some(dir.path().to_owned());
    let lines = [(User, "What is the capital of France?")];
    let question = format!("{} {}", chatter(120, 0), lines[0].1);
    let one_slot = || Config {
        slots: Some(1),
        state_dir: state_dir.clone(),
        ..config(&model)
    };

    let local = open(one_slot()).await;
    let (text, first) = answer(&local, &prompt("test/a", &[(User, &question)], 16)).await;
    let second = [
        (User, question.as_str()),
        (Assistant, text.as_str()),
        (User, "And of Italy?"),
    ];
    let again = prompt("test/a", &second, 16);
    let (unmoved, _) = answer(&local, &again).await;
    answer(&local, &prompt("test/b", &[(User, &chatter(100, 9))], 2)).await;
    assert_eq!(files(dir.path()), 1, "the state of `a` was saved");
    let (restored, finish) = answer(&local, &again).await;
    assert!(finish.usage.cached >= first.usage.input, "{finish:?}");
    assert_eq!(restored, unmoved);

    // It outlives the process that wrote it.
    drop(local);
    let local = open(one_slot()).await;
    let (after, finish) = answer(&local, &again).await;
    assert!(finish.usage.cached >= first.usage.input, "{finish:?}");
    assert_eq!(after, unmoved);
}

#[tokio::test]
async fn what_is_forgotten_is_gone_from_memory_and_disk() {
    let Some(model) = model().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let state_dir = Some(dir.path().to_owned());
    let local = open(Config {
        slots: Some(1),
        state_dir,
        ..config(&model)
    })
    .await;
    let (a, b) = (chatter(120, 1), chatter(120, 4));
    let ask = |who: &str, text: &str| prompt(who, &[(User, text)], 2);
    answer(&local, &ask("test/a", &a)).await;
    answer(&local, &ask("test/b", &b)).await;
    assert_eq!(files(dir.path()), 1);
    for id in ["test/a", "test/b"] {
        local.forget(&ConversationId::new(id).unwrap());
    }
    let (_, fresh) = answer(&local, &ask("test/a", &a)).await;
    assert_eq!(fresh.usage.cached, 0, "{fresh:?}");
    assert_eq!(files(dir.path()), 0);
}

#[tokio::test]
async fn what_is_forgotten_while_it_waits_is_not_saved_later() {
    let Some(model) = model().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let state_dir = Some(dir.path().to_owned());
    let local = open(Config {
        slots: Some(1),
        state_dir,
        ..config(&model)
    })
    .await;
    let ask = |who: &str, seed, most| prompt(who, &[(User, &chatter(120, seed))], most);
    let mut first = local.complete(&ask("test/a", 1, 400)).await.unwrap();
    first.next().await.unwrap().unwrap();
    let mut second = local.complete(&ask("test/b", 4, 2)).await.unwrap();
    local.forget(&ConversationId::new("test/b").unwrap());
    drop(first);
    while let Some(delta) = second.next().await {
        delta.unwrap();
    }
    answer(&local, &ask("test/c", 6, 2)).await;
    assert_eq!(files(dir.path()), 1, "only `a` is kept");
}

#[tokio::test]
async fn what_is_forgotten_goes_even_where_no_model_loads() {
    let Some(model) = model().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let with_states = |path: &Path| Config {
        state_dir: Some(dir.path().to_owned()),
        slots: Some(1),
        ..Config {
            path: path.to_owned(),
            ..config(&model)
        }
    };
    let local = open(with_states(&model.path)).await;
    answer(&local, &prompt("test/a", &[(User, &chatter(120, 1))], 2)).await;
    drop(local);
    assert_eq!(files(dir.path()), 1);
    let gone = Path::new("/nowhere/another.gguf");
    let local = Local::open(with_states(gone), Arc::new(ManualClock::default()));
    assert!(matches!(local.ready().await, Readiness::Failed(_)));
    local.forget(&ConversationId::new("test/a").unwrap());
    assert_eq!(files(dir.path()), 0);
}

/// Two are let in together: one begins like what a slot holds and copies it, the other's saved
/// state goes into that very slot.
#[tokio::test]
async fn a_copy_is_made_before_its_source_is_written_over() {
    let Some(model) = model().await else { return };
    let dir = tempfile::tempdir().unwrap();
    // What matters stands in what is copied.
    let shared = format!("What is the capital of France? {}", chatter(150, 3));
    let france = format!("{shared} Answer the question.");
    let song = format!("Sing a song of cats and dogs! {}", chatter(150, 5));
    let newcomer = prompt("test/new", &[(User, &france)], 8);
    let returns = [(User, &*song), (Assistant, "Meow."), (User, "More!")];
    let returns = prompt("test/back", &returns, 8);
    let alone = open(Config {
        slots: Some(1),
        ..config(&model)
    })
    .await;
    let expected = [
        answer(&alone, &newcomer).await.0,
        answer(&alone, &returns).await.0,
    ];
    drop(alone);

    let local = open(Config {
        state_dir: Some(dir.path().to_owned()),
        ..config(&model)
    })
    .await;
    answer(&local, &prompt("test/back", &[(User, &song)], 2)).await;
    answer(&local, &prompt("test/b", &[(User, &chatter(100, 7))], 2)).await;
    let host = format!("{shared} Say hello.");
    let (hello, _) = answer(&local, &prompt("test/host", &[(User, &host)], 4)).await;
    assert_eq!(files(dir.path()), 1, "the first one's state was saved");
    // While the first piece of this is being worked through, both others arrive, and its reader
    // leaves.
    let long = chatter(400, 2);
    let busy = [(User, &*host), (Assistant, &*hello), (User, &*long)];
    let busy = local
        .complete(&prompt("test/host", &busy, 4))
        .await
        .unwrap();
    let one = local.complete(&newcomer).await.unwrap();
    let other = local.complete(&returns).await.unwrap();
    drop(busy);
    let (one, other) = tokio::join!(read(one), read(other));
    assert_eq!([one.0, other.0], expected);
    assert!(one.1.usage.cached > 150, "it was copied: {:?}", one.1);
    assert!(other.1.usage.cached > 150, "it was restored: {:?}", other.1);
}

#[tokio::test]
async fn the_directory_never_grows_beyond_its_bound() {
    let Some(model) = model().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let state_dir = Some(dir.path().to_owned());
    // One state of 150 tokens takes about 3.5 MB.
    let bounded = Config {
        slots: Some(1),
        state_dir,
        state_bytes: 8 << 20,
        ..config(&model)
    };
    let local = open(bounded).await;
    for i in 0..5 {
        answer(
            &local,
            &prompt(&format!("test/{i}"), &[(User, &chatter(120, i))], 2),
        )
        .await;
    }
    assert_eq!(files(dir.path()), 2);
}

#[tokio::test]
async fn a_damaged_state_costs_time_and_nothing_else() {
    let Some(model) = model().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let state_dir = Some(dir.path().to_owned());
    let local = open(Config {
        slots: Some(1),
        state_dir,
        ..config(&model)
    })
    .await;
    let question = format!("{} What is the capital of France?", chatter(120, 0));
    let ask = prompt("test/a", &[(User, &question)], 12);
    let (text, _) = answer(&local, &ask).await;
    answer(&local, &prompt("test/b", &[(User, &chatter(120, 3))], 2)).await;
    let model_dir = fs::read_dir(dir.path())
        .unwrap()
        .flatten()
        .next()
        .unwrap()
        .path();
    let state = fs::read_dir(model_dir)
        .unwrap()
        .flatten()
        .next()
        .unwrap()
        .path();
    let len = fs::metadata(&state).unwrap().len();
    fs::OpenOptions::new()
        .write(true)
        .open(&state)
        .unwrap()
        .set_len(len / 2)
        .unwrap();
    assert_eq!(answer(&local, &ask).await.0, text);
}
