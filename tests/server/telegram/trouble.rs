//! When Telegram, the model or the server fails.

use super::house::{House, is_whole};
use causerie_testkit::{
    fake_models::{Reply, When},
    fake_telegram::{Fault, Sent},
    server::Server,
};
use std::{process::Command, time::Duration};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_wait_is_kept_and_nothing_is_lost() {
    let house = House::new().await;
    house.says("After a while.");
    let ann = house.person("Ann");
    let flood = Fault::TooMany { retry_after: 2 };
    house.telegram.fault("sendMessage", 1, flood);
    house.telegram.say(ann.id, &ann, "Go");
    let answer = house.answer(ann.id).await;
    assert_eq!(answer.text, "After a while.");
    let calls = house.telegram.calls_of("sendMessage");
    assert_eq!(calls.len(), 2);
    let waited = calls[1].at - calls[0].at;
    assert!(
        waited >= Duration::from_secs(2) && waited < Duration::from_secs(10),
        "{waited:?}"
    );
    assert_eq!(house.models.requests().len(), 1);
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_wait_in_mid_answer_loses_nothing() {
    let house = House::new().await;
    let text = "One word after another comes here, until all of them are here, at the very end.";
    let slow = Reply::say(text).paced(Duration::from_millis(250));
    house.models.on(When::Always, slow);
    let ann = house.person("Ann");
    let group = house.telegram.supergroup("Team");
    let flood = Fault::TooMany { retry_after: 1 };
    house.telegram.fault("editMessageText", 1, flood);
    house.telegram.say(group, &ann, "@causerie_bot go");
    let answer = house.answer(group).await;
    assert_eq!(answer.text, text);
    assert_eq!(house.telegram.messages(group).len(), 1);
    assert_eq!(house.models.requests().len(), 1);
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_wait_outlives_the_server() {
    let mut house = House::new().await;
    let (ann, bob) = (house.person("Ann"), house.person("Bob"));
    let flood = Fault::TooMany { retry_after: 5 };
    house.telegram.fault("sendMessage", 1, flood);
    house.telegram.say(ann.id, &ann, "one");
    let refused = house.telegram.wait_calls("sendMessage", 1).await[0].at;
    let server = house.server.take().expect("it runs");
    let postponed = "causerie_answers_postponed_total 1";
    while !server
        .admin("/metrics")
        .await
        .expect("it answers")
        .1
        .contains(postponed)
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // It is kept by the time the next is answered.
    house.telegram.say(bob.id, &bob, "two");
    assert_eq!(house.answer(bob.id).await.text, "two");
    server.kill().expect("it can be killed");
    house.open();
    assert_eq!(house.answer(ann.id).await.text, "one");
    let calls = house.telegram.calls_of("sendMessage");
    let waited = calls[calls.len() - 1].at - refused;
    assert!(waited >= Duration::from_secs(5), "{waited:?}");
    assert_eq!(calls.len(), 3);
    assert_eq!(house.models.requests().len(), 2);
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_error_is_tried_again_and_a_lost_answer_is_not_sent_twice() {
    let house = House::new().await;
    let ann = house.person("Ann");
    house.telegram.fault("sendMessage", 1, Fault::Status(500));
    house.telegram.say(ann.id, &ann, "one");
    assert_eq!(house.answer(ann.id).await.text, "one");
    house.telegram.fault("sendMessage", 1, Fault::DoneThenDrop);
    house.telegram.say(ann.id, &ann, "two");
    house.telegram.wait_messages(ann.id, 2).await;
    house.telegram.say(ann.id, &ann, "three");
    let all = house.telegram.wait_messages(ann.id, 3).await;
    let texts: Vec<&str> = all.iter().map(|sent| sent.text.as_str()).collect();
    assert_eq!(texts, ["one", "two", "three"]);
    let server = house.server.as_ref().expect("it runs");
    let (_, metrics) = server.admin("/metrics").await.expect("it answers");
    assert!(
        metrics.contains("causerie_messages_unconfirmed_total 1"),
        "{metrics}"
    );
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_fails_ends_in_one_honest_line() {
    let house = House::new().await;
    let ann = house.person("Ann");
    let broken = Reply::error(500, "server_error", "oops", "it broke");
    house.models.on(When::Always, broken);
    house.telegram.say(ann.id, &ann, "one");
    let line = house.answer(ann.id).await;
    assert!(
        !line.text.is_empty() && !line.text.contains("it broke"),
        "{line:?}"
    );
    let cut = Reply::say(&"half of it ".repeat(20)).cut_at(40);
    house.models.on(When::Always, cut);
    house.telegram.say(ann.id, &ann, "two");
    let all = house.telegram.wait_messages(ann.id, 2).await;
    let (last, whole) = (&all[1], "half of it ".repeat(20));
    assert!(
        last.text != whole.trim() && last.text.len() > 20,
        "{last:?}"
    );
    assert!(!all.iter().any(|sent| sent.text.trim() == "…"));
    house.models.on(
        When::Always,
        Reply::say("late").delayed(Duration::from_secs(60)),
    );
    house.telegram.say(ann.id, &ann, "three");
    house.telegram.wait_messages(ann.id, 3).await;
    assert_eq!(house.telegram.messages(ann.id).len(), 3);
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bursts_are_answered_together_in_order_and_a_hanging_chat_holds_nobody_up() {
    let house = House::new().await;
    let hang = Reply::say("never").delayed(Duration::from_secs(60));
    house.models.on(When::Says("hang".into()), hang);
    let stuck = house.person("Stuck");
    house.telegram.say(stuck.id, &stuck, "hang");
    let people: Vec<_> = (0..50).map(|n| house.person(&format!("P{n}"))).collect();
    for part in ["first", "second", "third"] {
        for person in &people {
            house
                .telegram
                .say(person.id, person, &format!("{part} {}", person.id));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for person in &people {
        house
            .telegram
            .wait_for(person.id, |sent| {
                sent.text.contains("third") && is_whole(sent)
            })
            .await;
    }
    for request in house.models.requests() {
        let body = request.body.to_string();
        let order = ["first", "second", "third"].map(|word| body.find(word));
        assert!(order.is_sorted_by(|a, b| b.is_none() || a <= b), "{body}");
    }
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_be_written_to_ends_the_turn() {
    let house = House::new().await;
    let (ann, bob) = (house.person("Ann"), house.person("Bob"));
    house.says("Slowly it comes.");
    house.models.on(
        When::Says("block".into()),
        Reply::say("Too late.").delayed(Duration::from_millis(1500)),
    );
    house.telegram.say(ann.id, &ann, "block");
    house.telegram.wait_taken().await;
    house.telegram.block(&ann);
    let forum = house.telegram.forum("Forum");
    let topic = house.telegram.topic(forum, "Closed");
    house.telegram.post(
        causerie_testkit::fake_telegram::Post::new(forum, &bob, "@causerie_bot block").topic(topic),
    );
    house.telegram.wait_taken().await;
    house.telegram.close_topic(forum, topic);
    // Both turns end by themselves; the server goes on.
    house.telegram.say(bob.id, &bob, "still there?");
    house.answer(bob.id).await;
    house.telegram.wait_calls("sendMessage", 3).await;
    assert!(house.telegram.messages(forum).is_empty());
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_answers_what_waited_and_nothing_twice() {
    let mut house = House::new().await;
    let ann = house.person("Ann");
    house.telegram.say(ann.id, &ann, "one");
    house.answer(ann.id).await;
    let first = house.telegram.last_update().expect("there was one");
    let server: Server = house.server.take().expect("it runs");
    server.kill().expect("it can be killed");
    house.telegram.say(ann.id, &ann, "two");
    house.telegram.redeliver(first);
    house.open();
    let all = house.telegram.wait_messages(ann.id, 2).await;
    assert_eq!(all[1].text, "two");
    house.telegram.wait_taken().await;
    assert_eq!(house.telegram.messages(ann.id).len(), 2);
    house.assert_lawful();
}

/// Neither words of people or models nor the token stand in the log, whatever fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_said_is_logged() {
    let house = House::with("", "[server]\nlog_filter = \"debug\"").await;
    house.says("An answer with a canaryword in it.");
    let ann = house.person("Ann");
    let faults = [
        ("sendMessage", Fault::Status(500)),
        ("sendMessage", Fault::TooMany { retry_after: 1 }),
        ("sendMessage", Fault::DropBefore),
        ("getUpdates", Fault::Status(502)),
        ("getUpdates", Fault::DropBefore),
        (
            "sendMessage",
            Fault::Reply(400, "Bad Request: something new".into()),
        ),
    ];
    for (number, (method, fault)) in faults.into_iter().enumerate() {
        house.telegram.fault(method, 1, fault);
        let words = format!("a question {number} with a canaryword in it");
        house.telegram.say(ann.id, &ann, &words);
        house.telegram.wait_taken().await;
    }
    house
        .telegram
        .update(&serde_json::json!({"message": {"text": ["canaryword"]}}));
    // When all that fails has failed.
    house.telegram.wait_calls("sendMessage", 4).await;
    let asked = house.telegram.say(ann.id, &ann, "the last canaryword");
    house
        .telegram
        .wait_for(ann.id, |sent| sent.reply_to == Some(asked))
        .await;
    let log = std::fs::read_to_string(house.path().join("log")).expect("there is a log");
    assert!(log.contains("could not be read"), "{log}");
    assert!(!log.contains("canaryword"), "words are in the log");
    assert!(
        !log.contains(&house.telegram.token()),
        "the token is in the log"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_is_said_at_the_start_with_the_way_to_a_right_one() {
    let house = House::empty("", "").await;
    let toml = house
        .toml()
        .replace(&house.telegram.token(), "4242:WRONG-TOKEN-0000");
    let config = house.path().join("causerie.toml");
    std::fs::write(&config, toml).expect("it can be written");
    let directory = house.path().to_owned();
    let run = move || {
        Command::new(crate::program())
            .args(["run", "--config"])
            .arg(config)
            .env("CAUSERIE__SERVER__DATA_DIR", directory.join("data"))
            .env("CAUSERIE__SERVER__ADMIN", "127.0.0.1:0")
            .output()
    };
    let output = tokio::task::spawn_blocking(run).await.expect("it ends");
    let output = output.expect("it can be started");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(
        said.contains("@BotFather") && said.contains("platforms.telegram.test"),
        "{said}"
    );
    assert!(!said.contains("WRONG-TOKEN"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_tells_what_a_bot_hears_and_what_stands_in_its_way() {
    let house = House::empty("names = [\"Robin\"]", "").await;
    house
        .telegram
        .set_me("can_join_groups", &serde_json::json!(true));
    let config = house.path().join("causerie.toml");
    std::fs::write(&config, house.toml()).expect("it can be written");
    let directory = house.path().to_owned();
    let run = move || {
        Command::new(crate::program())
            .args(["doctor", "--config"])
            .arg(config)
            .env("CAUSERIE__SERVER__DATA_DIR", directory.join("data"))
            .output()
    };
    let output = tokio::task::spawn_blocking(run).await.expect("it ends");
    let said = String::from_utf8_lossy(&output.expect("it can be started").stdout).into_owned();
    assert!(said.contains("@causerie_bot"), "{said}");
    assert!(said.contains("/setprivacy"), "{said}");
    assert!(!said.contains(&house.telegram.token()), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_taken_back_loses_no_answer() {
    let mut house = House::new().await;
    house.models.on(
        When::Always,
        Reply::say("Ready.").delayed(Duration::from_millis(300)),
    );
    let ann = house.person("Ann");
    let unknown = || Fault::Reply(401, "Unauthorized".into());
    house.telegram.fault("sendMessage", 4, unknown());
    house.telegram.say(ann.id, &ann, "Go");
    house.telegram.wait_calls("sendMessage", 1).await;
    house.telegram.fault("getUpdates", 1, unknown());
    // It wakes the poll.
    let bob = house.person("Bob");
    house.telegram.say(bob.id, &bob, "And me");
    house.telegram.wait_calls("sendMessage", 2).await;
    let server = house.server.take().expect("it was started");
    server.terminate().expect("it ends");
    house.open();
    assert_eq!(house.answer(ann.id).await.text, "Ready.");
    assert_eq!(house.answer(bob.id).await.text, "Ready.");
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_drafts_are_unknown_the_first_answer_grows_too() {
    let house = House::new().await;
    house.telegram.without("sendMessageDraft");
    let text = "One word after another comes here, until all of them are here, at the very end.";
    let slow = Reply::say(text).paced(Duration::from_millis(300));
    house.models.on(When::Always, slow);
    let ann = house.person("Ann");
    house.telegram.say(ann.id, &ann, "Go");
    house
        .telegram
        .wait_for(ann.id, |sent| !is_whole(sent))
        .await;
    assert_eq!(house.answer(ann.id).await.text, text);
    assert_eq!(house.telegram.messages(ann.id).len(), 1);
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quick_answers_in_a_group_are_not_held_back() {
    let house = House::new().await;
    let ann = house.person("Ann");
    let group = house.telegram.supergroup("Team");
    let asked = house.telegram.say(group, &ann, "@causerie_bot zero");
    house.answer(group).await;
    for word in ["one", "two", "three"] {
        let begun = tokio::time::Instant::now();
        house
            .telegram
            .edit(group, asked, &format!("@causerie_bot {word}"));
        let fits = |sent: &Sent| sent.text.contains(word) && is_whole(sent);
        house.telegram.wait_for(group, fits).await;
        assert!(begun.elapsed() < Duration::from_secs(2), "{word}");
    }
    assert_eq!(house.noted("had to wait"), 0);
    house.assert_lawful();
}
