//! Groups, topics, other people's chats; and how updates come in.

use super::house::{House, PATIENCE, is_whole};
use causerie_testkit::{
    fake_models::{Reply, When},
    fake_telegram::{Post, Sent},
};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_groups_it_answers_who_calls_it_and_nobody_else() {
    let house = House::with("names = [\"小助手\"]", "").await;
    house
        .telegram
        .set_me("can_read_all_group_messages", &serde_json::json!(true));
    let (ann, bob) = (house.person("Ann"), house.person("Bob"));
    let group = house.telegram.supergroup("Team");
    let telegram = &house.telegram;
    telegram.say(group, &ann, "nobody asked you");
    telegram.say(group, &ann, "/new@other_bot");
    telegram.say(group, &ann, "/unknown");
    let mention = telegram.say(group, &ann, "👍 hello @causerie_bot, first");
    let answer = house.answer(group).await;
    assert_eq!(answer.reply_to, Some(mention));
    let reply = telegram.post(Post::new(group, &bob, "second").reply_to(answer.id));
    let answers = telegram.wait_messages(group, 2).await;
    assert_eq!(answers[1].reply_to, Some(reply));
    telegram.say(group, &bob, "小助手，third");
    telegram.wait_messages(group, 3).await;
    telegram.say(group, &bob, "/why@causerie_bot");
    telegram.wait_messages(group, 4).await;
    assert_eq!(house.models.requests().len(), 3);
    let body = house.models.requests()[2].body.to_string();
    assert!(
        body.contains("Ann") && body.contains("Bob"),
        "speakers are named: {body}"
    );
    assert!(!body.contains("nobody asked you"));
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_button_stops_its_answer_and_not_the_next() {
    let house = House::new().await;
    let words = "one two three four five six seven eight nine ten ".repeat(8);
    let slow = Reply::say(&words).paced(Duration::from_millis(60));
    house.models.on(When::Always, slow);
    let ann = house.person("Ann");
    let group = house.telegram.supergroup("Team");
    let telegram = &house.telegram;
    telegram.say(group, &ann, "@causerie_bot first");
    let growing = |sent: &Sent| sent.buttons() == ["⏹ Stop"];
    let first = telegram.wait_for(group, growing).await;
    let first = first.id;
    let is_first = |sent: &Sent| sent.id == first && is_whole(sent);
    let finished = telegram.wait_for(group, is_first).await;
    assert_eq!(finished.text, words.trim());
    telegram.say(group, &ann, "@causerie_bot second");
    let second = telegram.wait_for(group, growing).await.id;
    assert_ne!(first, second);
    // Her program shows the button of the first answer still.
    let press = telegram.press_late(&ann, group, &finished, "⏹ Stop");
    let told = telegram.wait_answer(&press).await;
    assert_eq!(told.text.as_deref(), Some("This answer is finished."));
    let is_second = |sent: &Sent| sent.id == second && is_whole(sent);
    assert_eq!(telegram.wait_for(group, is_second).await.text, words.trim());

    telegram.say(group, &ann, "@causerie_bot third");
    let third = telegram.wait_for(group, growing).await.id;
    let press = telegram.press(&ann, group, third, "⏹ Stop");
    let told = telegram.wait_answer(&press).await;
    assert_eq!(told.text.as_deref(), Some("Stopping."));
    let is_third = |sent: &Sent| sent.id == third && is_whole(sent);
    let stopped = telegram.wait_for(group, is_third).await;
    assert!(stopped.text.ends_with("Stopped."), "{stopped:?}");
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_have_memories_of_their_own_and_answers_stay_in_them() {
    let house = House::new().await;
    let ann = house.person("Ann");
    let forum = house.telegram.forum("Forum");
    let (one, two) = (
        house.telegram.topic(forum, "One"),
        house.telegram.topic(forum, "Two"),
    );
    let say = |text: &str| Post::new(forum, &ann, text);
    house.telegram.post(say("@causerie_bot apples").topic(one));
    let answer = house.answer(forum).await;
    assert_eq!(answer.thread, Some(one));
    house.telegram.post(say("@causerie_bot pears").topic(two));
    house.telegram.wait_messages(forum, 2).await;
    house.telegram.post(say("@causerie_bot general"));
    let all = house.telegram.wait_messages(forum, 3).await;
    assert_eq!(all[1].thread, Some(two));
    assert_eq!(all[2].thread, None);
    for request in &house.models.requests()[1..] {
        assert!(!request.body.to_string().contains("apples"));
    }
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_person_may_have_a_memory_of_their_own() {
    let house = House::with("scope = \"participant-in-chat\"", "").await;
    let (ann, bob) = (house.person("Ann"), house.person("Bob"));
    let group = house.telegram.supergroup("Team");
    house
        .telegram
        .say(group, &ann, "@causerie_bot my secret is 41");
    let answer = house.answer(group).await;
    house.telegram.say(group, &bob, "@causerie_bot what is it?");
    house.telegram.wait_messages(group, 2).await;
    assert!(!house.models.requests()[1].body.to_string().contains("41"));
    let press = house.telegram.press(&bob, group, answer.id, "👎");
    let told = house.telegram.wait_answer(&press).await;
    assert!(told.text.expect("a word").contains("Only the person"));
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_somebodys_place_and_as_a_guest_it_answers_there() {
    let house = House::new().await;
    let (owner, ann) = (house.person("Owner"), house.person("Ann"));
    let connection = house.telegram.connect_business(&owner);
    house
        .telegram
        .post(Post::new(ann.id, &ann, "are you open?").business(&connection));
    let answered = async {
        loop {
            let sent = house.telegram.business_messages(&connection, ann.id);
            if let Some(sent) = sent.into_iter().find(is_whole) {
                return sent;
            }
            house.telegram.wait_calls("sendMessage", 1).await;
            tokio::task::yield_now().await;
        }
    };
    let answer = tokio::time::timeout(PATIENCE, answered).await;
    assert_eq!(answer.expect("it is answered").text, "are you open?");
    assert!(house.telegram.messages(ann.id).is_empty());

    let group = house.telegram.supergroup("Elsewhere");
    house
        .telegram
        .post(Post::new(group, &ann, "@causerie_bot a guest?").guest("query1"));
    let guest = house.telegram.wait_guest("query1").await;
    assert!(guest.text.contains("a guest?"), "{guest:?}");
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_gets_another_number_keeps_its_memory() {
    let house = House::new().await;
    let ann = house.person("Ann");
    let group = house.telegram.group("Small");
    house
        .telegram
        .say(group, &ann, "@causerie_bot the word is plum");
    house.answer(group).await;
    let new = house.telegram.migrate(group);
    house
        .telegram
        .say(new, &ann, "@causerie_bot what is the word?");
    house.answer(new).await;
    let requests = house.models.requests();
    let body = requests.last().expect("it was asked").body.to_string();
    assert!(body.contains("plum"), "{body}");
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_brings_the_same() {
    let port = free_port();
    let more = format!(
        "webhook_url = \"http://127.0.0.1:{port}/telegram\"\n\
         webhook_listen = \"127.0.0.1:{port}\"\n\
         webhook_secret = \"0123456789abcdef-secret\""
    );
    let house = House::with(&more, "").await;
    let ann = house.person("Ann");
    house.telegram.wait_calls("setWebhook", 1).await;
    house.telegram.say(ann.id, &ann, "by hook");
    let answer = house.answer(ann.id).await;
    assert_eq!(answer.text, "by hook");
    // Sent twice, answered once.
    let update = house.telegram.last_update().expect("there was one");
    house.telegram.redeliver(update);
    house.telegram.say(ann.id, &ann, "and on");
    let all = house.telegram.wait_messages(ann.id, 2).await;
    assert_eq!(all[1].text, "and on");
    // A stranger is not let in.
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let url = format!("http://127.0.0.1:{port}/telegram");
    let knock = |secret: &'static str, body: String| {
        let request = client.post(&url).body(body);
        request
            .header("X-Telegram-Bot-Api-Secret-Token", secret)
            .send()
    };
    let wrong = knock("0123456789abcdef-sekret", "{}".into()).await;
    assert_eq!(wrong.expect("it answers").status(), 401);
    let right = "0123456789abcdef-secret";
    // Who still writes when the door is shut may not hear the answer.
    if let Ok(large) = knock(right, "x".repeat(2 << 20)).await {
        assert_eq!(large.status(), 413);
    }
    let broken = knock(right, "{".into()).await;
    assert_eq!(broken.expect("it answers").status(), 400);
    let strange = knock(right, r#"{"update_id": 1, "new_kind": {"a": 1}}"#.into()).await;
    assert_eq!(strange.expect("it answers").status(), 200);
    house.assert_lawful();
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}
