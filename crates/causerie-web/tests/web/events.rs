//! The stream of events: what is seen first, what follows, and what a lost connection costs.

use crate::{
    caller::{Caller, code},
    house::House,
};
use causerie_core::{
    backend::Readiness,
    event::EventKind,
    id::{MessageRef, TurnNumber},
    platform::Status,
};
use serde_json::{Value, json};
use std::time::Duration;

const CHAT: &str = "0123456789abcdef";
const STREAM: &str = "/api/conversations/0123456789abcdef/events";

/// A page that watches.
struct Watching {
    response: reqwest::Response,
    held: String,
}

impl Watching {
    async fn start(caller: &Caller) -> Self {
        let response = caller.get(STREAM).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            held: String::new(),
        }
    }

    /// The next event's name and data; `None` when the stream has ended.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.held.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
                let found = (
                    field("event: ").unwrap().to_owned(),
                    serde_json::from_str(field("data: ").unwrap()).unwrap(),
                );
                self.held = rest.to_owned();
                return Some(found);
            }
            let chunk = tokio::time::timeout(Duration::from_secs(10), self.response.chunk());
            let chunk = chunk
                .await
                .expect("an event comes in time")
                .ok()
                .flatten()?;
            self.held.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event of this name.
    async fn until(&mut self, name: &str) -> Value {
        loop {
            let (found, data) = self.next().await.expect("the stream goes on");
            if found == name {
                return data;
            }
        }
    }
}

#[tokio::test]
async fn an_answer_is_seen_while_it_grows() {
    let house = House::open().await;
    let visitor = Caller::visitor(&house).await;
    let mut page = Watching::start(&visitor).await;
    let snapshot = page.until("snapshot").await;
    assert_eq!(snapshot["messages"], json!([]));
    assert_eq!(snapshot["model"], json!({"state": "ready"}));

    visitor.say(CHAT, "aaaaaaaa", "<b>Hello</b>").await;
    assert_eq!(page.until("posted").await["text"], "<b>Hello</b>");
    let event = house.hear().await;
    house.status(&event, Status::Typing).await;
    assert_eq!(page.until("status").await["status"], "typing");
    let mut answer = house.answer(&event).await;
    assert_eq!(page.until("answer").await["length"], 0);
    answer.say("Good *day*, <script>").await;
    let first = page.until("answer").await;
    let html = first["changed"][0]["html"].as_str().unwrap();
    assert!(
        html.contains("<em>day</em>") && html.contains("&lt;script&gt;"),
        "{html}"
    );
    assert_eq!(
        (&first["complete"], &first["reply_to"]),
        (&json!(false), &json!("uaaaaaaaa"))
    );
    answer.say("\n\nHow are you?").await;
    let growth = page.until("answer").await.to_string();
    assert!(growth.contains("How are you?"), "{growth}");
    answer.end().await;
    assert_eq!(page.until("answer").await["complete"], true);
    house.close().await;
}

#[tokio::test]
async fn a_lost_connection_loses_nothing_and_doubles_nothing() {
    let house = House::open().await;
    let visitor = Caller::visitor(&house).await;
    visitor.say(CHAT, "aaaaaaaa", "Hello").await;
    let event = house.hear().await;
    let mut answer = house.answer(&event).await;
    answer.say("one ").await;
    let mut page = Watching::start(&visitor).await;
    let snapshot = page.until("snapshot").await;
    assert_eq!(ids(&snapshot), ["uaaaaaaaa", answer.message.as_str()]);
    drop(page);

    answer.say("two ").await;
    let mut page = Watching::start(&visitor).await;
    let snapshot = page.until("snapshot").await;
    assert_eq!(ids(&snapshot), ["uaaaaaaaa", answer.message.as_str()]);
    assert_eq!(
        snapshot["messages"][1]["blocks"],
        json!(["<p>one two</p>\n"])
    );
    answer.say("three").await;
    let growth = page.until("answer").await;
    assert_eq!(
        growth["changed"],
        json!([{"i": 0, "html": "<p>one two three</p>\n"}])
    );
    drop(page);

    let message = answer.message.to_string();
    answer.end().await;
    let snapshot = Watching::start(&visitor).await.until("snapshot").await;
    assert_eq!(ids(&snapshot), ["uaaaaaaaa", message.as_str()]);
    assert_eq!(
        snapshot["messages"][1]["blocks"],
        json!(["<p>one two three</p>\n"])
    );
    house.close().await;
}

fn ids(snapshot: &Value) -> Vec<&str> {
    let messages = snapshot["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|item| item["id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_page_that_falls_behind_gets_a_snapshot() {
    let house = House::open().await;
    let visitor = Caller::visitor(&house).await;
    visitor.say(CHAT, "aaaaaaaa", "Hello").await;
    let event = house.hear().await;
    let mut page = Watching::start(&visitor).await;
    page.until("snapshot").await;
    let mut answer = house.answer(&event).await;
    // The test never waits here, and it has one thread: nobody sends until all is said.
    for _ in 0..1000 {
        answer.say("word\n\n").await;
    }
    let snapshot = page.until("snapshot").await;
    assert_eq!(
        snapshot["messages"][1]["blocks"].as_array().unwrap().len(),
        1000
    );
    answer.say("the end").await;
    // Nothing the snapshot held is told again.
    let growth = page.until("answer").await;
    assert_eq!(
        growth["changed"],
        json!([{"i": 999, "html": "<p>word</p>\n<p>the end</p>\n"}])
    );
    house.close().await;
}

#[tokio::test]
async fn what_another_server_answered_is_seen_without_a_reload() {
    let house = House::open().await;
    let visitor = Caller::visitor(&house).await;
    let mut page = Watching::start(&visitor).await;
    page.until("snapshot").await;
    visitor.say(CHAT, "aaaaaaaa", "Hello").await;
    let event = house.hear().await;
    // The store is the same there; the page's own server is not told.
    let answer = MessageRef::new("a1").unwrap();
    (house.desk).commit(&event, TurnNumber(1), answer, "Good day".to_owned());
    let snapshot = page.until("snapshot").await;
    assert_eq!(snapshot["messages"][0]["waiting"], false);
    assert!(snapshot.to_string().contains("Good day"), "{snapshot}");
    house.close().await;
}

#[tokio::test]
async fn the_page_hears_how_the_model_is() {
    let house = House::open().await;
    house
        .desk
        .readiness(Readiness::Loading { percent: Some(10) });
    let visitor = Caller::visitor(&house).await;
    let mut page = Watching::start(&visitor).await;
    let snapshot = page.until("snapshot").await;
    assert_eq!(
        snapshot["model"],
        json!({"state": "loading", "percent": 10})
    );
    house.desk.readiness(Readiness::Ready);
    assert_eq!(page.until("model").await, json!({"state": "ready"}));
    house.close().await;
}

#[tokio::test]
async fn stop_feedback_and_deletion_arrive() {
    let house = House::open().await;
    let visitor = Caller::visitor(&house).await;
    let mut page = Watching::start(&visitor).await;
    page.until("snapshot").await;
    let post = |what: &str, body: Value| {
        let path = format!("/api/conversations/{CHAT}/{what}");
        visitor.post(&path, &body).send()
    };
    let stopped = post("stop", json!({"id": "aaaaaaaa"})).await.unwrap();
    assert_eq!(stopped.status(), 202);
    assert_eq!(house.hear().await.kind, EventKind::StopPressed);
    let judged = json!({"id": "bbbbbbbb", "message": "a0", "rating": "up"});
    assert_eq!(post("feedback", judged).await.unwrap().status(), 202);
    assert!(matches!(
        house.hear().await.kind,
        EventKind::Feedback { .. }
    ));
    let odd = post(
        "feedback",
        json!({"id": "cccccccc", "message": "a0", "rating": "meh"}),
    );
    assert_eq!(code(odd.await.unwrap()).await, "bad_request");

    let path = format!("/api/conversations/{CHAT}");
    assert_eq!(visitor.delete(&path).send().await.unwrap().status(), 204);
    page.until("erased").await;
    house.close().await;
}

#[tokio::test]
async fn streams_end_when_the_process_stops() {
    let house = House::open().await;
    let visitor = Caller::visitor(&house).await;
    let mut page = Watching::start(&visitor).await;
    page.until("snapshot").await;
    // Somebody who never says what they want does not hold it up either.
    let _silent = tokio::net::TcpStream::connect(house.web.local_addr())
        .await
        .unwrap();
    let began = std::time::Instant::now();
    house.close().await;
    assert!(began.elapsed() < Duration::from_secs(4));
    assert!(page.next().await.is_none());
}
