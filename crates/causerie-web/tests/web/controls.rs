//! What can be pressed on the page, by finger and by key, and what the page keeps to itself.

use crate::{
    browser::{RICH, answer, ask, clean, faultless, shown},
    house::{House, config},
};
use causerie_core::{backend::Readiness, event::EventKind};
use causerie_testkit::browser::{Browser, key};
use serde_json::{Value, json};

async fn value(browser: &Browser, expression: &str) -> Value {
    browser.run(&format!("return {expression}")).await
}

/// What is in the clipboard: pasted into the message field, which is empty again afterwards.
async fn pasted(browser: &Browser) -> String {
    let field = "document.getElementById('composer')";
    browser
        .run(&format!("{field}.value = ''; {field}.focus()"))
        .await;
    browser.press_with(key::CONTROL, "v").await;
    let words = browser.until(&format!("{field}.value")).await;
    browser
        .run(&format!(
            "{field}.value = ''; {field}.dispatchEvent(new Event('input'))"
        ))
        .await;
    words.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn code_and_answers_are_copied() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let house = House::open().await;
    browser.open(&house.url("/")).await;
    let (_, mut reply) = ask(&browser, &house, "Tell me of rainbows").await;
    reply.say(RICH).await;
    reply.end().await;
    shown(&browser, 0, "to try it").await;
    browser
        .until("document.querySelector('.answer.complete')")
        .await;

    browser.click("figcaption button").await;
    browser
        .until("document.querySelector('figcaption button').textContent === 'Copied'")
        .await;
    let code = pasted(&browser).await;
    assert!(code.starts_with("from math import asin"), "{code}");
    assert!(code.contains("\n    return degrees"), "{code}");
    browser
        .until("document.querySelector('figcaption button').textContent === 'Copy'")
        .await;

    browser.click(".answer .copy").await;
    let words = pasted(&browser).await;
    assert!(words.contains("A rainbow in three steps"), "{words}");
    assert!(words.contains("to try it."), "{words}");
    clean(&browser, &house).await;
    house.close().await;
}

#[tokio::test]
async fn the_theme_is_chosen_and_remembered() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let house = House::open().await;
    browser.open(&house.url("/")).await;
    browser
        .until("document.querySelector('#suggestions button')")
        .await;
    let scheme = "getComputedStyle(document.documentElement).colorScheme";
    let before = value(&browser, scheme).await;
    browser.click("#theme").await;
    let after = value(&browser, scheme).await;
    assert_ne!(before, after);
    faultless(&browser).await;
    browser.run("location.reload()").await;
    browser
        .until("document.querySelector('#suggestions button')")
        .await;
    assert_eq!(value(&browser, scheme).await, after);
    browser.click("#theme").await;
    assert_eq!(value(&browser, scheme).await, before);
    house.close().await;
}

#[tokio::test]
async fn a_new_conversation_is_one_button_or_two_keys_away() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let house = House::open().await;
    browser.open(&house.url("/")).await;
    let mut conversations = vec![];
    for (width, way) in [(1280, "#new"), (360, "#new-small"), (1280, "Alt + N")] {
        browser.resize(width, 740, false).await;
        let (event, mut reply) = ask(&browser, &house, "Hello").await;
        conversations.push(event.conversation.clone());
        reply.say("Hello yourself").await;
        reply.end().await;
        browser
            .until("document.querySelector('.answer.complete')")
            .await;
        match way {
            "Alt + N" => browser.press_with(key::ALT, "n").await,
            button => browser.click(button).await,
        }
        browser
            .until(
                "!document.querySelector('.message') && document.activeElement.id === 'composer'",
            )
            .await;
    }
    conversations.sort();
    conversations.dedup();
    assert_eq!(conversations.len(), 3);
    clean(&browser, &house).await;
    house.close().await;
}

#[tokio::test]
async fn escape_stops_and_no_key_without_alt_does_anything() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let house = House::open().await;
    browser.open(&house.url("/")).await;
    let (_, mut reply) = ask(&browser, &house, "Count to a million").await;
    reply.say("one two three").await;
    shown(&browser, 0, "three").await;
    browser.press(key::ESCAPE).await;
    assert_eq!(house.hear().await.kind, EventKind::StopPressed);
    reply.end().await;
    browser
        .until("document.getElementById('stop').hidden")
        .await;

    // Who speaks to their computer must not set off anything by a word.
    browser.run("document.activeElement.blur()").await;
    browser.press("/").await;
    browser.press("?").await;
    assert_eq!(
        value(&browser, "document.activeElement.tagName").await,
        "BODY"
    );
    assert_eq!(
        value(&browser, "document.getElementById('shortcuts').open").await,
        false
    );
    browser.press_with(key::ALT, "/").await;
    browser
        .until("document.getElementById('shortcuts').open")
        .await;
    house.close().await;
}

#[tokio::test]
async fn the_language_is_the_browsers_and_that_of_what_is_said() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let house = House::open().await;
    let chinese = json!({"userAgent": "A browser", "acceptLanguage": "zh-CN,en"});
    browser
        .devtools("Emulation.setUserAgentOverride", chinese)
        .await;
    browser.open(&house.url("/")).await;
    browser
        .until("document.documentElement.lang === 'zh-Hans'")
        .await;
    browser
        .until("document.getElementById('send').title === '发送'")
        .await;
    faultless(&browser).await;
    let (event, reply) = ask(&browser, &house, "你好").await;
    assert_eq!(event.language.as_deref(), Some("zh"));
    reply.end().await;
    browser
        .until("document.querySelector('.answer.complete')")
        .await;

    // What a person chooses stands over what their browser says, also after a reload.
    browser.click("#language").await;
    browser.run("location.reload()").await;
    browser
        .until("document.documentElement.lang === 'en'")
        .await;
    let (event, _) = ask(&browser, &house, "Hello").await;
    assert_eq!(event.language.as_deref(), Some("en"));
    house.close().await;
}

#[tokio::test]
async fn what_was_begun_goes_with_its_conversation() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let house = House::open().await;
    browser.open(&house.url("/")).await;
    let (_, reply) = ask(&browser, &house, "Hello").await;
    reply.end().await;
    browser
        .until("document.querySelector('#list li.now')")
        .await;
    browser.keys("#composer", "a half-finished thought").await;
    let kept = "JSON.stringify(sessionStorage)";
    assert!(
        value(&browser, kept)
            .await
            .as_str()
            .unwrap()
            .contains("thought")
    );
    browser.click("#list li.now button").await;
    browser
        .until("document.getElementById('confirm').open")
        .await;
    browser.click("#confirm .danger").await;
    browser.until("!document.querySelector('.message')").await;
    browser.until("!document.querySelector('#list a')").await;
    assert!(
        !value(&browser, kept)
            .await
            .as_str()
            .unwrap()
            .contains("thought")
    );
    assert_eq!(
        value(&browser, "document.getElementById('composer').value").await,
        ""
    );
    house.close().await;
}

#[tokio::test]
async fn every_conversation_can_be_reached_and_choosing_one_on_a_phone_keeps_the_focus() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let house = House::open().await;
    browser.open(&house.url("/")).await;
    let (event, mut reply) = ask(&browser, &house, "Hello").await;
    reply.say("Hello yourself").await;
    reply.end().await;
    house.desk.converse(&event, 249);
    browser.run("location.reload()").await;
    for listed in [100, 200, 250] {
        browser
            .until(&format!(
                "document.querySelectorAll('#list a').length === {listed}"
            ))
            .await;
        if listed < 250 {
            faultless(&browser).await;
            browser.click("#list .more").await;
        }
    }
    browser
        .until("!document.querySelector('#list .more')")
        .await;

    browser.resize(360, 740, true).await;
    browser.click("#side-open").await;
    browser
        .until("document.activeElement.id === 'side-close'")
        .await;
    browser.click("#list li:not(.now) a").await;
    browser
        .until(
            "document.body.classList.contains('no-side') && document.activeElement.id === 'scroll'",
        )
        .await;
    shown(&browser, 0, "Hello yourself").await;
    house.close().await;
}

#[tokio::test]
async fn a_model_that_loads_is_spoken_of_when_it_begins_and_when_it_ends() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let house = House::open().await;
    let loading = |percent| {
        house.desk.readiness(Readiness::Loading {
            percent: Some(percent),
        });
    };
    loading(1);
    browser.open(&house.url("/")).await;
    browser
        .until("document.getElementById('announcer').textContent === 'The model is loading…'")
        .await;
    browser
        .run("window.spoken = []; new MutationObserver(() => spoken.push(document.getElementById('announcer').textContent)).observe(document.getElementById('announcer'), {childList: true})")
        .await;
    for percent in [20, 60] {
        loading(percent);
        let shown =
            format!("document.getElementById('model-text').textContent.includes('{percent}')");
        browser.until(&shown).await;
    }
    house.desk.readiness(Readiness::Ready);
    browser
        .until("document.getElementById('model-banner').hidden")
        .await;
    assert_eq!(
        value(&browser, "spoken").await,
        json!(["The model is ready."])
    );
    let live =
        "document.getElementById('model-text').closest('[role=status], [role=alert], [aria-live]')";
    assert_eq!(value(&browser, live).await, Value::Null);
    house.close().await;
}

#[tokio::test]
async fn who_logs_out_leaves_nothing_behind() {
    let Some(browser) = Browser::start().await else {
        return;
    };
    let token = "correct horse battery";
    let mut locked = config();
    locked.access_token = Some(token.into());
    let house = House::with(locked).await;
    browser.open(&house.url("/")).await;
    let log_in = format!("{token}{}", key::ENTER);
    browser.keys("#token", &log_in).await;
    browser.until("document.getElementById('composer')").await;
    let (_, mut reply) = ask(&browser, &house, "Hello").await;
    reply.say("Hello yourself").await;
    reply.end().await;
    browser
        .until("document.querySelector('#list li.now')")
        .await;
    browser.keys("#composer", "a half-finished thought").await;
    browser.click("#logout").await;
    browser.until("document.getElementById('token')").await;
    assert_eq!(value(&browser, "sessionStorage.length").await, 0);

    browser.keys("#token", &log_in).await;
    browser.until("document.querySelector('#list p')").await;
    browser.until(&format!("{} === undefined", answer(0))).await;
    house.close().await;
}
