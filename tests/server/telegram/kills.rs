//! `kill -9` again and again while people write.

use super::house::{House, is_whole};
use causerie_testkit::fake_telegram::{FakeTelegram, Fault};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// How long people write. `CAUSERIE_KILL_SECONDS=60` for the whole of it.
fn seconds() -> u64 {
    let set = std::env::var("CAUSERIE_KILL_SECONDS").ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(12)
}

/// Messages a second, over so many people.
const RATE: u64 = 40;
const PEOPLE: usize = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_is_answered_once_however_often_the_server_dies() {
    let mut house = House::new().await;
    let people: Vec<_> = (0..PEOPLE)
        .map(|number| house.person(&format!("P{number}")))
        .collect();
    let begun = Instant::now();
    let writing = Duration::from_secs(seconds());
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: u64| {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        chance % below
    };
    let (mut said, mut kills) = (0_u64, 0_u64);
    let mut next_kill = Duration::from_millis(700);
    while begun.elapsed() < writing {
        let due = u64::try_from(begun.elapsed().as_millis()).expect("short") * RATE / 1000;
        while said < due {
            let person = &people[usize::try_from(said).expect("small") % PEOPLE];
            house
                .telegram
                .say(person.id, person, &format!("word{said}."));
            said += 1;
        }
        if begun.elapsed() > next_kill {
            let server = house.server.take().expect("it runs");
            server.kill().expect("it can be killed");
            house.open();
            kills += 1;
            next_kill = begun.elapsed() + Duration::from_millis(300 + random(1500));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // A last word of each, after which all is quiet.
    for person in &people {
        house.telegram.say(person.id, person, "theend.");
    }
    for person in &people {
        house
            .telegram
            .wait_for(person.id, |sent| {
                sent.text.contains("theend.") && is_whole(sent)
            })
            .await;
    }
    let (lost, twice) = tally(&house.telegram, &people, said);
    println!("{said} messages, {kills} kills, lost {lost:?}, twice {twice:?}");
    assert!(twice.is_empty(), "answered twice: {twice:?}");
    // Of a kill in the very moment of sending nobody knows whether it was sent; it is not sent again.
    let unknown = house.noted(UNKNOWN);
    assert!(
        lost.len() <= unknown,
        "lost {lost:?} and only {unknown} are reported"
    );
    assert!(lost.len() as u64 <= kills, "{lost:?}");
    house.assert_lawful();
}

/// What the server notes when it cannot know whether a message was sent.
const UNKNOWN: &str = "it is unknown whether a message was created";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_in_the_moment_of_sending_is_told_to_the_operator() {
    let mut house = House::new().await;
    let (ann, bob) = (house.person("Ann"), house.person("Bob"));
    let done = Fault::Late(Duration::from_secs(60));
    for (person, fault, number) in [(&ann, Fault::Hang, 1), (&bob, done, 2)] {
        house.telegram.fault("sendMessage", 1, fault);
        house.telegram.say(person.id, person, "one");
        house.telegram.wait_calls("sendMessage", number).await;
        let server = house.server.take().expect("it runs");
        server.kill().expect("it can be killed");
        house.open();
    }
    for person in [&ann, &bob] {
        house.telegram.say(person.id, person, "two");
        house
            .telegram
            .wait_for(person.id, |sent| sent.text == "two")
            .await;
    }
    assert_eq!(house.telegram.messages(ann.id).len(), 1);
    assert_eq!(house.telegram.messages(bob.id).len(), 2);
    assert_eq!(house.noted(UNKNOWN), 2);
    house.assert_lawful();
}

/// The words that no answer holds, and those that several do.
fn tally(
    telegram: &FakeTelegram,
    people: &[causerie_testkit::fake_telegram::User],
    said: u64,
) -> (Vec<u64>, Vec<u64>) {
    let mut found: BTreeMap<u64, usize> = (0..said).map(|word| (word, 0)).collect();
    for person in people {
        for sent in telegram.messages(person.id) {
            assert!(is_whole(&sent), "{sent:?}");
            for word in sent.text.split("word").skip(1) {
                let number = word
                    .split('.')
                    .next()
                    .and_then(|number| number.parse().ok());
                let number: u64 = number.expect("words have numbers");
                *found.entry(number).or_default() += 1;
            }
        }
    }
    let those = |fits: fn(usize) -> bool| {
        let words = found.iter().filter(|(_, count)| fits(**count));
        words.map(|(word, _)| *word).collect()
    };
    (those(|count| count == 0), those(|count| count > 1))
}
