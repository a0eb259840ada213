//! What visitors may see and do, and how they are told that they may not.

use crate::{
    caller::{Caller, code, cookie, with_type},
    house::{House, config},
};
use causerie_core::event::EventKind;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const CHAT: &str = "0123456789abcdef";
const MINE: &str = "/api/conversations/0123456789abcdef";

#[tokio::test]
async fn a_message_is_offered_once_however_often_it_is_sent() {
    let house = House::open().await;
    let visitor = Caller::visitor(&house).await;
    let first = visitor.say(CHAT, "aaaaaaaa", "Hello").await;
    assert_eq!(first.status(), 202);
    let body: Value = first.json().await.unwrap();
    assert_eq!(body, json!({"id": "uaaaaaaaa", "duplicate": false}));
    let again: Value = visitor
        .say(CHAT, "aaaaaaaa", "Hello")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(again, json!({"id": "uaaaaaaaa", "duplicate": true}));

    let event = house.hear().await;
    let EventKind::Posted(posted) = &event.kind else {
        panic!("{event:?}")
    };
    assert_eq!(posted.text.expose(), "Hello");
    assert_eq!(event.conversation.platform().unwrap().as_str(), "web");
    house.close().await;
}

#[tokio::test]
async fn nobody_reads_what_another_said() {
    let house = House::open().await;
    let (one, two) = (Caller::visitor(&house).await, Caller::visitor(&house).await);
    one.say(CHAT, "aaaaaaaa", "my secret").await;
    let event = house.hear().await;
    let mut answer = house.answer(&event).await;
    answer.say("your secret").await;
    answer.end().await;

    let mine: Value = one.get(MINE).send().await.unwrap().json().await.unwrap();
    assert_eq!(mine["messages"].as_array().unwrap().len(), 2);
    // The same name leads another visitor to a conversation of their own.
    let theirs: Value = two.get(MINE).send().await.unwrap().json().await.unwrap();
    assert_eq!(theirs["messages"], json!([]));
    let whole = format!("/api/conversations/{}", event.conversation.rest());
    for path in [
        whole.as_str(),
        "/api/conversations/web%2Fabc.0123456789abcdef",
    ] {
        assert_eq!(two.get(path).send().await.unwrap().status(), 404);
    }
    let deleted = two.delete(MINE).send().await.unwrap();
    assert_eq!(deleted.status(), 204);

    let list = |caller: &Caller| caller.get("/api/conversations").send();
    let listed: Value = list(&two).await.unwrap().json().await.unwrap();
    assert_eq!(listed["conversations"], json!([]));
    let listed: Value = list(&one).await.unwrap().json().await.unwrap();
    assert_eq!(listed["conversations"][0]["id"], CHAT);
    assert_eq!(listed["conversations"][0]["title"], "my secret");
    house.close().await;
}

#[tokio::test]
async fn a_forged_cookie_is_nobody() {
    let house = House::open().await;
    let mut visitor = Caller::visitor(&house).await;
    let (name, value) = visitor.cookies.split_once('=').unwrap();
    let (id, signature) = value.split_once('.').unwrap();
    let other_id = id.chars().rev().collect::<String>();
    let forgeries = [
        format!("{name}={other_id}.{signature}"),
        format!("{name}={id}.{}", "0".repeat(64)),
        format!("{name}={id}"),
        format!("{name}={id}.{signature}0"),
        String::new(),
    ];
    for forged in forgeries {
        visitor.cookies = forged;
        let refused = visitor.say(CHAT, "aaaaaaaa", "Hello").await;
        assert_eq!(refused.status(), 401);
        assert_eq!(code(refused).await, "unknown_visitor");
    }
    house.close().await;
}

#[tokio::test]
async fn the_visitors_cookie_is_kept_and_well_guarded() {
    let house = House::open().await;
    let visitor = Caller::visitor(&house).await;
    let again = visitor.post("/api/visit", &json!({})).send().await.unwrap();
    assert_eq!(cookie(&again), visitor.cookies);
    let line = again.headers()["set-cookie"].to_str().unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!line.contains("Secure"));
    let behind_https = visitor
        .post("/api/visit", &json!({}))
        .header("x-forwarded-proto", "https");
    let line = behind_https.send().await.unwrap().headers()["set-cookie"].clone();
    assert!(line.to_str().unwrap().ends_with("; Secure"));
    // Following a link from elsewhere brings no strict cookie, and must not replace it.
    let page = Caller::new(&house).get("/").send().await.unwrap();
    assert!(page.headers().get("set-cookie").is_none());
    house.close().await;
}

#[tokio::test]
async fn every_answer_carries_the_headers() {
    let house = House::open().await;
    let visitor = Caller::visitor(&house).await;
    for path in ["/", "/assets/app.js", "/api/status", "/nowhere", "/login"] {
        let response = visitor.get(path).send().await.unwrap();
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"));
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["cross-origin-opener-policy"], "same-origin");
        assert!(headers.contains_key("permissions-policy"));
        assert!(headers.contains_key("cache-control"));
    }
    house.close().await;
}

#[tokio::test]
async fn bad_requests_are_told_in_json() {
    let mut config = config();
    config.max_message_bytes = 1000;
    let house = House::with(config).await;
    let visitor = Caller::visitor(&house).await;
    let path = format!("{MINE}/messages");
    let long = "x".repeat(1001);
    let huge = "x".repeat(10_000);
    let cases = [
        (json!({"id": "aaaaaaaa", "text": " \n"}), 400, "empty"),
        (json!({"id": "aaaaaaaa", "text": long}), 413, "too_large"),
        (json!({"id": "aaaaaaaa", "text": huge}), 413, "too_large"),
        (
            json!({"id": "../etc/passwd", "text": "a"}),
            400,
            "bad_request",
        ),
        (json!({"id": "aaaaaaaa"}), 400, "bad_request"),
        (json!([1, 2]), 400, "bad_request"),
    ];
    for (body, status, word) in cases {
        let response = visitor.post(&path, &body).send().await.unwrap();
        assert_eq!(response.status(), status, "{word}");
        assert_eq!(code(response).await, word);
    }
    let broken = visitor
        .post(&path, &json!({}))
        .body("{\"id\":")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (broken.status().as_u16(), code(broken).await.as_str()),
        (400, "bad_request")
    );
    let form = visitor
        .post(&path, &json!({}))
        .header("content-type", "text/plain");
    // A second content type would not be what a form sends.
    let form = form.build().unwrap();
    let form = visitor
        .http
        .execute(with_type(form, "text/plain"))
        .await
        .unwrap();
    assert_eq!(
        (form.status().as_u16(), code(form).await.as_str()),
        (415, "not_json")
    );
    let nowhere = visitor.get("/api/nothing").send().await.unwrap();
    assert_eq!(
        (nowhere.status().as_u16(), code(nowhere).await.as_str()),
        (404, "not_found")
    );
    let method = visitor.delete("/api/status").send().await.unwrap();
    assert_eq!(method.status(), 405);
    assert_eq!(code(method).await, "method_not_allowed");

    house.desk.full(true);
    let full = visitor.say(CHAT, "aaaaaaaa", "Hello").await;
    assert_eq!(
        (full.status().as_u16(), code(full).await.as_str()),
        (429, "full")
    );
    house.close().await;
}

#[tokio::test]
async fn the_longest_message_fits_however_it_is_written() {
    let mut config = config();
    config.max_message_bytes = 1000;
    let house = House::with(config).await;
    let visitor = Caller::visitor(&house).await;
    for (id, text) in [
        ("aaaaaaaa", "\n".repeat(999) + "x"),
        ("bbbbbbbb", "é".repeat(500)),
    ] {
        assert_eq!(visitor.say(CHAT, id, &text).await.status(), 202);
    }
    house.close().await;
}

#[tokio::test]
async fn the_page_is_sent_once_and_then_only_when_it_changed() {
    let mut config = config();
    config.title = "Tom & <Jerry>".to_owned();
    let house = House::with(config).await;
    let caller = Caller::new(&house);
    let page = caller.get("/").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("<title>Tom &amp; &lt;Jerry&gt;</title>"));
    assert!(!page.contains("{{"));
    for name in ["app.js", "app.css", "icon.svg"] {
        let path = format!("/assets/{name}");
        let first = caller.get(&path).send().await.unwrap();
        let tag = first.headers()["etag"].clone();
        let again = caller
            .get(&path)
            .header("if-none-match", tag)
            .send()
            .await
            .unwrap();
        assert_eq!(again.status(), 304);
    }
    for name in [
        "index.html",
        "nothing.js",
        "..%2fCargo.toml",
        "%2e%2e%2fsrc%2flib.rs",
    ] {
        let response = caller.get(&format!("/assets/{name}")).send().await.unwrap();
        assert_eq!(response.status(), 404, "{name}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_body_that_comes_after_its_headers_does_not_cost_the_connection() {
    let house = House::open().await;
    let address = house.url("").replace("http://", "");
    let mut stream = TcpStream::connect(&address).await.unwrap();
    for _ in 0..2 {
        let head = format!(
            "POST /api/visit HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
             content-length: 2\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // What the server would say without the body, it has said by now.
        let mut answer = [0; 4096];
        let early = timeout(Duration::from_millis(100), stream.read(&mut answer)).await;
        assert!(early.is_err(), "answered before the body had come");
        stream.write_all(b"{}").await.unwrap();
        let length = stream.read(&mut answer).await.unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200"));
    }
    house.close().await;
}

#[tokio::test]
async fn the_list_of_conversations_says_whether_there_are_more() {
    let house = House::open().await;
    let visitor = Caller::visitor(&house).await;
    for name in ["aaaaaaaa", "bbbbbbbb", "cccccccc"] {
        visitor.say(name, name, "Hello").await;
        let event = house.hear().await;
        house.answer(&event).await.end().await;
    }
    for (query, listed, more) in [("?most=2", 2, true), ("?most=3", 3, false), ("", 3, false)] {
        let path = format!("/api/conversations{query}");
        let list: Value = visitor
            .get(&path)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(list["conversations"].as_array().unwrap().len(), listed);
        assert_eq!(list["more"], more);
    }
    let bad = visitor
        .get("/api/conversations?most=all")
        .send()
        .await
        .unwrap();
    assert_eq!(bad.status(), 400);
    house.close().await;
}

#[tokio::test]
async fn a_visitor_is_spoken_to_in_the_language_they_ask_for() {
    let house = House::open().await;
    let visitor = Caller::visitor(&house).await;
    let path = format!("{MINE}/stop");
    for (n, (wish, language)) in [
        ("zh", Some("zh")),
        ("en-GB,en;q=0.9,zh;q=0.1", Some("en")),
        ("fr-FR, ZH-Hant;q=0.8", Some("zh")),
        ("fr, *", None),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({"id": format!("aaaaaaa{n}")});
        let request = visitor.post(&path, &body).header("accept-language", wish);
        assert_eq!(request.send().await.unwrap().status(), 202);
        assert_eq!(house.hear().await.language.as_deref(), language, "{wish}");
    }
    house.close().await;
}
