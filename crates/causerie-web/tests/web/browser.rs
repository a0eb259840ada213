//! The page in a real browser.

use crate::house::{Answer, House, config};
use causerie_core::{
    backend::Readiness,
    event::{Event, EventKind},
    outcome::Failure,
    platform::{Notice, Status},
};
use causerie_testkit::browser::{Browser, key};
use serde_json::json;
use std::{path::PathBuf, time::Duration};

pub(crate) const RICH: &str = "## A rainbow in three steps\n\n\
    Light **bends** as it enters a drop, *reflects* inside, and bends again on its way out.\n\n\
    1. Sunlight holds every colour.\n2. Each colour bends by its own angle.\n3. So the colours part, \
    and you see an arc of [about 42°](https://example.org/rainbow).\n\n\
    ```python\nfrom math import asin, degrees\n\ndef bend(angle, index=1.333):\n    return degrees(asin(angle / index))  # by Snell's law, in one line that is rather long\n```\n\n\
    | colour | angle |\n|---|---:|\n| red | 42.4° |\n| violet | 40.5° |\n\n\
    > The order in the second, fainter arc is reversed.\n\nUse `bend(0.5)` to try it.\n";

/// What the page must never have: what `axe` looks for and a script can tell.
const FAULTS: &str = include_str!("faults.js");

pub(crate) async fn faultless(browser: &Browser) {
    assert_eq!(browser.run(FAULTS).await, json!([]));
}

/// Words of the `n`th answer.
pub(crate) fn answer(n: usize) -> String {
    format!("document.querySelectorAll('.answer .body')[{n}]?.textContent")
}

pub(crate) async fn shown(browser: &Browser, n: usize, words: &str) {
    let words = serde_json::to_string(words).unwrap();
    browser
        .until(&format!("{}?.includes({words})", answer(n)))
        .await;
}

/// Where pictures of the page go, for people to look at: `CAUSERIE_SCREENSHOTS`, if set.
async fn picture(browser: &Browser, name: &str) {
    if let Some(directory) = std::env::var_os("CAUSERIE_SCREENSHOTS") {
        // Lets pictures, fonts and transitions come to rest.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let path = PathBuf::from(directory).join(format!("{name}.png"));
        browser.screenshot(&path).await;
    }
}

async fn prefer(browser: &Browser, scheme: &str) {
    let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
    browser
        .devtools("Emulation.setEmulatedMedia", features)
        .await;
}

pub(crate) async fn clean(browser: &Browser, house: &House) {
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    let requests = browser.requests().await;
    assert!(!requests.is_empty());
    for url in requests {
        assert!(
            url.starts_with(&house.url("/")) || url.starts_with("data:"),
            "{url}"
        );
    }
}

pub(crate) async fn ask<'a>(
    browser: &Browser,
    house: &'a House,
    text: &str,
) -> (Event, Answer<'a>) {
    browser
        .keys("#composer", &format!("{text}{}", key::ENTER))
        .await;
    let event = house.hear().await;
    let answer = house.answer(&event).await;
    (event, answer)
}

#[tokio::test]
async fn a_person_talks_and_finds_it_again() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let house = House::open().await;
    browser.open(&house.url("/")).await;
    browser
        .until("document.activeElement?.id === 'composer'")
        .await;
    faultless(&browser).await;
    picture(&browser, "1-empty-light").await;

    browser
        .keys(
            "#composer",
            &format!("How does a rainbow form?{}", key::ENTER),
        )
        .await;
    let event = house.hear().await;
    house.status(&event, Status::Typing).await;
    browser
        .until("document.querySelector('.waiting')?.textContent.includes('Thinking')")
        .await;
    picture(&browser, "2-thinking").await;
    let mut reply = house.answer(&event).await;
    reply.say("It begins with ").await;
    shown(&browser, 0, "It begins with").await;
    assert_eq!(
        browser
            .run("return document.querySelectorAll('.answer.growing').length")
            .await,
        1
    );
    let before = browser.run(&format!("return {}.length", answer(0))).await;
    reply.say("**light**.\n\n").await;
    shown(&browser, 0, "light.").await;
    let after = browser.run(&format!("return {}.length", answer(0))).await;
    assert!(before.as_u64() < after.as_u64());
    assert_eq!(
        browser
            .run("return document.getElementById('announcer').textContent")
            .await,
        ""
    );
    for piece in RICH.split_inclusive(' ') {
        reply.say(piece).await;
    }
    shown(&browser, 0, "to try it").await;
    picture(&browser, "3-growing").await;
    reply.end().await;
    browser
        .until("document.querySelector('.answer.complete')")
        .await;
    browser
        .until("document.getElementById('announcer').textContent.includes('light')")
        .await;
    browser
        .until("document.querySelector('#list li.now')")
        .await;
    assert_eq!(
        browser
            .run("return document.querySelector('.answer strong').textContent")
            .await,
        "light"
    );
    faultless(&browser).await;
    picture(&browser, "4-answered-light").await;

    browser.open(&house.url("/")).await;
    browser
        .until("document.querySelector('#list a')?.textContent.includes('rainbow')")
        .await;
    browser.click("#list a").await;
    shown(&browser, 0, "to try it").await;
    browser.run("location.reload()").await;
    browser
        .until("document.querySelector('.user .body')?.textContent === 'How does a rainbow form?'")
        .await;
    shown(&browser, 0, "to try it").await;

    prefer(&browser, "dark").await;
    faultless(&browser).await;
    picture(&browser, "5-answered-dark").await;
    browser.click("#language").await;
    browser
        .until("document.documentElement.lang === 'zh-Hans'")
        .await;
    faultless(&browser).await;
    picture(&browser, "6-chinese-dark").await;
    clean(&browser, &house).await;
    house.close().await;
}

#[tokio::test]
async fn it_is_usable_on_a_phone_and_by_keyboard() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let house = House::open().await;
    browser.resize(360, 740, true).await;
    browser.open(&house.url("/")).await;
    browser
        .until("document.querySelector('#suggestions button')")
        .await;
    faultless(&browser).await;
    picture(&browser, "7-phone-empty").await;
    let (_, mut reply) = ask(&browser, &house, "Tell me of rainbows").await;
    reply.say(RICH).await;
    reply.end().await;
    shown(&browser, 0, "to try it").await;
    browser
        .until("document.querySelector('.answer.complete')")
        .await;
    faultless(&browser).await;
    picture(&browser, "8-phone-answer").await;
    assert_eq!(
        browser.run("return document.activeElement.id").await,
        "composer"
    );

    browser.click("#side-open").await;
    browser.until("document.querySelector('#list a')").await;
    assert_eq!(
        browser
            .run("return document.querySelector('main').inert")
            .await,
        true
    );
    faultless(&browser).await;
    picture(&browser, "9-phone-list").await;
    browser.press(key::ESCAPE).await;
    browser
        .until("document.body.classList.contains('no-side')")
        .await;
    assert_eq!(
        browser.run("return document.activeElement.id").await,
        "side-open"
    );

    browser.resize(1280, 860, false).await;
    browser.press_with(key::ALT, "m").await;
    browser
        .until("document.activeElement.id === 'composer'")
        .await;
    let lines = format!("one{}{}\u{E000}two", key::SHIFT, key::ENTER);
    browser.keys("#composer", &lines).await;
    assert_eq!(
        browser
            .run("return document.getElementById('composer').value")
            .await,
        "one\ntwo"
    );
    // Enter while a word is being composed chooses the word.
    browser.run("document.getElementById('composer').dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true, cancelable: true}))").await;
    assert_eq!(
        browser
            .run("return document.getElementById('composer').value")
            .await,
        "one\ntwo"
    );
    browser.click("#help").await;
    browser
        .until("document.getElementById('shortcuts').open")
        .await;
    faultless(&browser).await;
    picture(&browser, "10-shortcuts").await;
    browser.press(key::ESCAPE).await;
    browser
        .until("!document.getElementById('shortcuts').open")
        .await;
    clean(&browser, &house).await;
    house.close().await;
}

#[tokio::test]
async fn stop_delete_and_bad_news() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let house = House::open().await;
    house
        .desk
        .readiness(Readiness::Loading { percent: Some(42) });
    browser.open(&house.url("/")).await;
    browser
        .until("document.getElementById('model-text').textContent.includes('42')")
        .await;
    picture(&browser, "11-loading").await;
    house.desk.readiness(Readiness::Ready);
    browser
        .until("document.getElementById('model-banner').hidden")
        .await;

    let (event, mut reply) = ask(&browser, &house, "Count to a million").await;
    reply.say("one two three").await;
    shown(&browser, 0, "three").await;
    browser.click("#stop").await;
    let pressed = house.hear().await;
    assert_eq!(pressed.kind, EventKind::StopPressed);
    assert_eq!(pressed.conversation, event.conversation);
    reply.end().await;
    browser
        .until("document.getElementById('stop').hidden")
        .await;

    browser
        .keys("#composer", &format!("Again{}", key::ENTER))
        .await;
    let event = house.hear().await;
    let failed = Notice::Failed(Failure::ModelUnavailable);
    house
        .notice(&event, failed, "The model did not answer. Try again.")
        .await;
    browser
        .until("document.querySelector('.answer.notice.failed')")
        .await;
    faultless(&browser).await;
    picture(&browser, "12-notice").await;

    house.desk.full(true);
    browser
        .keys("#composer", &format!("Too much{}", key::ENTER))
        .await;
    browser
        .until("document.querySelector('.user.failed .act')")
        .await;
    faultless(&browser).await;
    picture(&browser, "13-not-sent").await;
    house.desk.full(false);
    browser.click(".user.failed .act").await;
    let EventKind::Posted(posted) = house.hear().await.kind else {
        panic!("it is sent again")
    };
    assert_eq!(posted.text.expose(), "Too much");
    browser
        .until("!document.querySelector('.user.failed')")
        .await;

    browser.click("#list li.now button").await;
    browser
        .until("document.getElementById('confirm').open")
        .await;
    faultless(&browser).await;
    picture(&browser, "14-delete").await;
    browser.click("#confirm .danger").await;
    browser
        .until("!document.querySelector('.message') && !document.querySelector('#list a')")
        .await;
    house.close().await;
}

#[tokio::test]
async fn a_page_comes_back_after_the_server_was_away() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let house = House::open().await;
    let address = house.web.local_addr();
    browser.open(&house.url("/")).await;
    let (hello, mut reply) = ask(&browser, &house, "Hello").await;
    reply.say("First").await;
    shown(&browser, 0, "First").await;
    let left = house.close().await;
    browser
        .until("!document.getElementById('connection-banner').hidden")
        .await;
    browser
        .keys("#composer", &format!("Are you there?{}", key::ENTER))
        .await;
    browser.until("document.querySelector('.user:last-of-type .state')?.textContent.includes('Not sent yet')").await;
    faultless(&browser).await;
    picture(&browser, "15-lost").await;

    let mut again = config();
    again.listen = address;
    let house = House::again(again, left).await;
    let mut reply = house.answer(&hello).await;
    reply.say("First and last").await;
    reply.end().await;
    shown(&browser, 0, "First and last").await;
    let event = house.hear().await;
    let EventKind::Posted(posted) = &event.kind else {
        panic!("it is sent by itself")
    };
    assert_eq!(posted.text.expose(), "Are you there?");
    let mut reply = house.answer(&event).await;
    reply.say("Here I am").await;
    browser.until("document.querySelector('.answer:last-of-type .body')?.textContent.includes('Here I am')").await;
    browser
        .until("document.getElementById('connection-banner').hidden")
        .await;
    house.close().await;
}

#[tokio::test]
async fn nothing_that_is_said_runs() {
    const HOSTILE: &str = "<img src=x onerror='window.ran=1'> <script>window.ran=1</script>\n\n\
        [press](javascript:window.ran=1) ![seen](https://evil.example/pixel.png)\n\n\
        <svg onload=window.ran=1>\n\n```\"><script>window.ran=1</script>\n</code><b>x\n```\n";
    let Some(browser) = Browser::start().await else {
        return;
    };
    let house = House::open().await;
    browser.open(&house.url("/")).await;
    let typed = "<img src=x onerror='window.ran=1'>";
    let (_, mut reply) = ask(&browser, &house, typed).await;
    for piece in HOSTILE.split_inclusive('=') {
        reply.say(piece).await;
    }
    reply.end().await;
    browser
        .until("document.querySelector('.answer.complete')")
        .await;
    let made = "return document.querySelectorAll('.body :is(script, img, svg:not(figcaption svg), b, [onerror], [onload], a:not([href^=\"https:\"]))').length";
    for _ in 0..2 {
        assert_eq!(browser.run(made).await, 0);
        assert_eq!(browser.run("return typeof window.ran").await, "undefined");
        browser.run("location.reload()").await;
        browser
            .until("document.querySelector('.answer.complete')")
            .await;
    }
    clean(&browser, &house).await;
    house.close().await;
}

#[tokio::test]
async fn each_answer_stands_behind_its_question() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let house = House::open().await;
    browser.open(&house.url("/")).await;
    browser
        .keys("#composer", &format!("One?{0}Two?{0}", key::ENTER))
        .await;
    for answer_words in ["First.", "Second."] {
        let event = house.hear().await;
        browser
            .until("document.querySelectorAll('.user').length === 2")
            .await;
        let mut reply = house.answer(&event).await;
        reply.say(answer_words).await;
        reply.end().await;
    }
    let order = "[...document.querySelectorAll('.message .body')].map((one) => one.textContent.trim()).join(' ')";
    let wanted = "One? First. Two? Second.";
    browser.until(&format!("{order} === '{wanted}'")).await;
    browser.run("location.reload()").await;
    browser.until(&format!("{order} === '{wanted}'")).await;
    house.close().await;
}

#[tokio::test]
async fn the_token_is_asked_for() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let mut locked = config();
    locked.access_token = Some("correct horse battery".into());
    let house = House::with(locked).await;
    browser.open(&house.url("/")).await;
    browser
        .keys("#token", &format!("wrong{}", key::ENTER))
        .await;
    browser
        .until("document.getElementById('wrong').textContent.includes('not the token')")
        .await;
    faultless(&browser).await;
    picture(&browser, "16-login").await;
    browser
        .keys("#token", &format!("correct horse battery{}", key::ENTER))
        .await;
    browser
        .until("document.getElementById('composer') && !document.getElementById('logout').hidden")
        .await;
    clean(&browser, &house).await;
    house.close().await;
}

#[tokio::test]
async fn older_messages_come_by_the_page_and_stay() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let house = House::open().await;
    browser.open(&house.url("/")).await;
    let (event, mut reply) = ask(&browser, &house, "Question 0").await;
    reply.say("Answer 0").await;
    reply.end().await;
    for n in 1..40 {
        house.desk.remember(&event, n);
    }
    browser.run("location.reload()").await;
    browser
        .until("document.querySelectorAll('.message').length === 50")
        .await;
    browser
        .run("document.getElementById('scroll').scrollTop = 0")
        .await;
    browser
        .until("!document.getElementById('jump').hidden")
        .await;
    browser.click("#older").await;
    browser
        .until("document.querySelectorAll('.message').length === 80")
        .await;
    browser
        .until("document.getElementById('older').hidden")
        .await;
    let first = "return document.querySelector('.message .body').textContent";
    assert_eq!(browser.run(first).await, "Question 0");
    assert!(
        browser
            .run("return document.getElementById('scroll').scrollTop")
            .await
            .as_f64()
            > Some(100.0)
    );
    // A new message does not pull away who reads what is older.
    let mut reply = house.answer(&event).await;
    reply.say("Meanwhile").await;
    browser.until("document.querySelector('#jump.news')").await;
    browser.click("#jump").await;
    browser
        .until("document.getElementById('jump').hidden")
        .await;
    house.close().await;
}
