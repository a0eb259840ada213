use super::*;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A bot that is called.
#[derive(Default)]
struct Hook {
    seen: Mutex<Vec<(Instant, Value, String)>>,
    /// Those whose text is this are refused so many times.
    refuse: Mutex<VecDeque<(String, u16)>>,
    answer: Mutex<Option<Value>>,
}

impl Hook {
    fn seen(&self) -> Vec<(Instant, Value, String)> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn texts(&self) -> Vec<String> {
        let text =
            |(_, update, _): (Instant, Value, String)| match update["message"]["text"].as_str() {
                Some(text) => text.to_owned(),
                None => "pressed".to_owned(),
            };
        self.seen().into_iter().map(text).collect()
    }
}

async fn take(State(hook): State<Arc<Hook>>, headers: HeaderMap, body: Bytes) -> Response {
    let update: Value = serde_json::from_slice(&body).expect("it is JSON");
    let secret = headers.get("x-telegram-bot-api-secret-token");
    let secret = secret
        .and_then(|secret| secret.to_str().ok())
        .unwrap_or_default();
    let text = update["message"]["text"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let mut seen = hook.seen.lock().expect("nothing panics");
    seen.push((Instant::now(), update, secret.to_owned()));
    let mut refuse = hook.refuse.lock().expect("nothing panics");
    if let Some(index) = refuse.iter().position(|(refused, _)| *refused == text) {
        let (_, code) = refuse.remove(index).expect("it is there");
        let status = StatusCode::from_u16(code).expect("it is one");
        return (
            status,
            [("retry-after", if code == 503 { "20" } else { "" })],
        )
            .into_response();
    }
    let answer = hook.answer.lock().expect("nothing panics").take();
    answer.map_or_else(
        || StatusCode::OK.into_response(),
        |answer| answer.to_string().into_response(),
    )
}

async fn hook() -> (Arc<Hook>, String) {
    let hook = Arc::new(Hook::default());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("a port is free");
    let url = format!(
        "http://{}/hook",
        listener.local_addr().expect("it is bound")
    );
    let router = Router::new().fallback(take).with_state(Arc::clone(&hook));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (hook, url)
}

fn quick() -> Times {
    Times {
        retry: Duration::from_millis(10),
        ..Times::default()
    }
}

#[tokio::test]
async fn a_chat_waits_for_its_failed_update_and_others_do_not() {
    let telegram = FakeTelegram::start().await;
    telegram.times(quick());
    let (bot, hook) = (Bot::new(&telegram), hook().await);
    let (ann, bob) = (telegram.user("Ann"), telegram.user("Bob"));
    let markup = json!({"inline_keyboard": [[{"text": "x", "callback_data": "y"}]]});
    let sent = json!({"chat_id": ann.id, "text": "a", "reply_markup": markup});
    let sent = bot.message("sendMessage", sent).await;
    for code in [500, 404, 500] {
        let mut refuse = hook.0.refuse.lock().expect("nothing panics");
        refuse.push_back(("first".to_owned(), code));
    }
    let set = json!({"url": hook.1, "secret_token": "s-3", "allowed_updates": []});
    bot.call("setWebhook", set).await.expect("it is set");
    telegram.say(ann.id, &ann, "first");
    telegram.say(ann.id, &ann, "second");
    telegram.say(bob.id, &bob, "other");
    let id = sent["message_id"].as_i64().unwrap_or_default();
    telegram.press(&ann, ann.id, id, "x");
    telegram.wait_taken().await;
    let texts = hook.0.texts();
    let at = |text: &str| texts.iter().rposition(|one| one == text).expect("it came");
    assert_eq!(texts.iter().filter(|text| *text == "first").count(), 4);
    assert!(
        at("second") > at("first") && at("other") < at("first"),
        "{texts:?}"
    );
    assert!(at("pressed") < at("first"), "{texts:?}");
    let seen = hook.0.seen();
    assert!(seen.iter().all(|(_, _, secret)| secret == "s-3"));
    let first = seen
        .iter()
        .filter(|(_, update, _)| update["message"]["text"] == "first");
    let first: Vec<Instant> = first.map(|(at, _, _)| *at).collect();
    assert!(first[2] - first[1] >= Duration::from_millis(20));
    assert!(first[3] - first[2] >= Duration::from_millis(40));
    let info = bot
        .call("getWebhookInfo", json!({}))
        .await
        .expect("it answers");
    assert!(Spec::get().value("WebhookInfo", &info).is_empty(), "{info}");
    assert!(info["last_error_message"].is_string());
}

#[tokio::test]
async fn a_wish_to_wait_is_granted_and_an_answer_is_a_call() {
    let telegram = FakeTelegram::start().await;
    telegram.times(quick());
    let (bot, hook, ann) = (Bot::new(&telegram), hook().await, telegram.user("Ann"));
    let refuse = ("hello".to_owned(), 503);
    hook.0
        .refuse
        .lock()
        .expect("nothing panics")
        .push_back(refuse);
    let answer = json!({"method": "sendMessage", "chat_id": ann.id, "text": "by webhook"});
    *hook.0.answer.lock().expect("nothing panics") = Some(answer);
    telegram.say(ann.id, &ann, "dropped");
    let set = json!({"url": hook.1, "drop_pending_updates": true});
    bot.call("setWebhook", set).await.expect("it is set");
    telegram.say(ann.id, &ann, "hello");
    let sent = telegram
        .wait_for(ann.id, |sent| sent.text == "by webhook")
        .await;
    assert_eq!(sent.versions.len(), 1);
    assert!(telegram.calls_of("sendMessage")[0].by_webhook);
    let seen = hook.0.seen();
    assert_eq!(hook.0.texts(), ["hello", "hello"]);
    assert!(seen[1].0 - seen[0].0 >= Duration::from_millis(200));
    bot.call("deleteWebhook", json!({}))
        .await
        .expect("it is deleted");
    telegram.say(ann.id, &ann, "later");
    assert_eq!(telegram.pending(), 1);
    let refused = json!({"url": hook.1, "secret_token": "no spaces"});
    bot.refused("setWebhook", refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_is_served() {
    let telegram = FakeTelegram::start().await;
    let (bot, hook) = (Bot::new(&telegram), hook().await);
    let people: Vec<User> = (0..200).map(|_| telegram.user("Ann")).collect();
    let set = json!({"url": hook.1, "max_connections": 100});
    bot.call("setWebhook", set).await.expect("it is set");
    let begun = Instant::now();
    for turn in 0..5 {
        for ann in &people {
            telegram.say(ann.id, ann, &format!("{turn}"));
        }
    }
    telegram.wait_taken().await;
    let took = begun.elapsed();
    let mut last = std::collections::HashMap::new();
    for (_, update, _) in hook.0.seen() {
        let message = &update["message"];
        let (chat, id) = (
            message["chat"]["id"].as_i64(),
            message["message_id"].as_i64(),
        );
        assert!(
            last.insert(chat, id) < Some(id),
            "one chat's messages keep their order"
        );
    }
    assert_eq!(hook.0.seen().len(), 1000);
    assert!(took < Duration::from_secs(5), "1000 updates took {took:?}");
}
