//! Who gets in: sites, names and tokens.

use crate::{
    caller::{Caller, code, cookie, with_type},
    house::{House, bind, config},
};
use causerie_web::WebError;
use serde_json::json;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const MINE: &str = "/api/conversations/0123456789abcdef";
const TOKEN: &str = "a token that is long enough";

#[tokio::test]
async fn other_sites_cannot_act_for_a_visitor() {
    let house = House::open().await;
    let visitor = Caller::visitor(&house).await;
    let path = format!("{MINE}/messages");
    let body = json!({"id": "aaaaaaaa", "text": "Hello"});
    let same = house.url("");
    let cases = [
        (vec![("sec-fetch-site", "cross-site")], 403),
        (vec![("sec-fetch-site", "same-site")], 403),
        (
            vec![("sec-fetch-site", "cross-site"), ("origin", same.as_str())],
            403,
        ),
        (vec![("origin", "https://evil.example")], 403),
        (vec![("origin", "null")], 403),
        (vec![("origin", same.as_str())], 202),
        (vec![("sec-fetch-site", "same-origin")], 202),
    ];
    for (headers, status) in cases {
        let request = headers
            .iter()
            .fold(visitor.post(&path, &body), |request, (name, value)| {
                request.header(*name, *value)
            });
        assert_eq!(
            request.send().await.unwrap().status(),
            status,
            "{headers:?}"
        );
    }
    let deletion = visitor
        .delete(MINE)
        .header("origin", "https://evil.example");
    assert_eq!(code(deletion.send().await.unwrap()).await, "cross_site");
    house.close().await;
}

#[tokio::test]
async fn names_of_others_that_lead_here_are_not_answered() {
    let mut config = config();
    config.hosts = vec!["chat.example".to_owned()];
    let house = House::with(config).await;
    let visitor = Caller::visitor(&house).await;
    let port = house.web.local_addr().port();
    for name in [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "",
    ] {
        let response = visitor
            .get("/api/status")
            .header("host", format!("{name}:{port}"));
        let response = response.send().await.unwrap();
        assert_eq!((response.status().as_u16(), name), (421, name));
        assert_eq!(code(response).await, "wrong_host");
    }
    for name in [
        &format!("localhost:{port}"),
        &format!("[::1]:{port}"),
        "chat.example",
        "LOCALHOST",
    ] {
        let response = visitor
            .get("/api/status")
            .header("host", name)
            .send()
            .await
            .unwrap();
        assert_eq!((response.status().as_u16(), name), (200, name));
    }
    house.close().await;
}

#[tokio::test]
async fn an_open_address_needs_a_token() {
    let mut open = config();
    open.listen = ([0, 0, 0, 0], 0).into();
    assert!(matches!(bind(open).await, Err(WebError::Open { .. })));

    let mut weak = config();
    weak.access_token = Some("12345".into());
    assert!(matches!(
        bind(weak).await,
        Err(WebError::WeakToken { length: 5, .. })
    ));

    let mut good = config();
    good.listen = ([0, 0, 0, 0], 0).into();
    good.access_token = Some(TOKEN.into());
    assert!(bind(good).await.is_ok());
}

#[tokio::test]
async fn with_a_token_nothing_is_reached_without_it() {
    let mut config = config();
    config.access_token = Some(TOKEN.into());
    assert!(!format!("{config:?}").contains(TOKEN));
    let house = House::with(config).await;
    let mut caller = Caller::new(&house);
    for path in ["/api/status", "/api/conversations", MINE, "/api/nothing"] {
        let response = caller.get(path).send().await.unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(code(response).await, "login_required");
    }
    let page = caller.get("/").send().await.unwrap();
    assert_eq!(
        (page.status().as_u16(), &page.headers()["location"]),
        (303, &"/login".parse().unwrap())
    );
    assert_eq!(caller.get("/login").send().await.unwrap().status(), 200);

    for (given, status) in [
        ("Bearer wrong", 401),
        (TOKEN, 401),
        (&format!("Bearer {TOKEN}"), 200),
    ] {
        let response = caller.get("/api/status").header("authorization", given);
        assert_eq!(response.send().await.unwrap().status(), status);
    }

    let wrong = log_in(&caller, "wrong").await;
    assert_eq!(wrong.headers()["location"], "/login?wrong");
    assert!(wrong.headers().get("set-cookie").is_none());
    let right = log_in(&caller, TOKEN).await;
    assert_eq!(right.headers()["location"], "/");
    assert!(
        right.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .contains("HttpOnly; SameSite=Lax")
    );
    caller.cookies = cookie(&right);
    assert_eq!(caller.get("/").send().await.unwrap().status(), 200);

    caller.cookies = caller.cookies.replace("=1", "=2");
    assert_eq!(
        caller.get("/api/status").send().await.unwrap().status(),
        401
    );
    house.close().await;
}

async fn log_in(caller: &Caller, token: &str) -> reqwest::Response {
    let form = format!("token={}", token.replace(' ', "+"));
    let request = caller
        .post("/login", &json!({}))
        .body(form)
        .build()
        .unwrap();
    let request = with_type(request, "application/x-www-form-urlencoded");
    caller.http.execute(request).await.unwrap()
}

#[tokio::test]
async fn spaces_around_a_token_are_nobodys_intention() {
    let mut config = config();
    config.access_token = Some(format!(" {TOKEN}\n").into());
    let house = House::with(config).await;
    let caller = Caller::new(&house);
    let right = log_in(&caller, &format!("{TOKEN} ")).await;
    assert_eq!(right.headers()["location"], "/");
    let bearer = caller.get("/api/status").bearer_auth(TOKEN);
    assert_eq!(bearer.send().await.unwrap().status(), 200);
    house.close().await;
}

#[tokio::test]
async fn logging_out_ends_the_session_and_the_visitor() {
    let mut config = config();
    config.access_token = Some(TOKEN.into());
    let house = House::with(config).await;
    let caller = Caller::new(&house);
    let out = caller.post("/logout", &json!({})).bearer_auth(TOKEN);
    let out = out.send().await.unwrap();
    let gone: Vec<&str> = out
        .headers()
        .get_all("set-cookie")
        .iter()
        .map(|line| line.to_str().unwrap())
        .collect();
    assert_eq!(gone.len(), 2);
    for (line, name) in gone
        .iter()
        .zip(["causerie_session=;", "causerie_visitor=;"])
    {
        assert!(
            line.starts_with(name) && line.contains("Max-Age=0"),
            "{line}"
        );
    }
    house.close().await;
}

#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let mut config = config();
    config.access_token = Some(TOKEN.into());
    config.body_within = Duration::from_millis(50);
    let house = House::with(config).await;
    let address = house.web.local_addr();
    for path in ["/login", "/logout", "/api/visit", MINE] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {TOKEN}\r\n\
             content-type: application/json\r\ncontent-length: 9\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 408"), "{path}: {answer}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_told_so_and_the_connection_goes_on() {
    let house = House::open().await;
    let visitor = Caller::visitor(&house).await;
    let pasted = "x".repeat(1 << 20);
    for _ in 0..20 {
        let refused = visitor.say("0123456789abcdef", "aaaaaaaa", &pasted).await;
        assert_eq!(refused.status(), 413);
        assert!(!refused.headers().contains_key("connection"));
        assert_eq!(code(refused).await, "too_large");
        assert_eq!(
            visitor.get("/api/status").send().await.unwrap().status(),
            200
        );
    }
    house.close().await;
}

#[tokio::test]
async fn what_nobody_would_paste_is_refused_unread() {
    let house = House::open().await;
    let address = house.web.local_addr();
    for rest in [
        "content-length: 99999999999",
        "content-length: 1048576\r\nexpect: 100-continue",
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("POST {MINE} HTTP/1.1\r\nhost: {address}\r\n{rest}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
    house.close().await;
}
