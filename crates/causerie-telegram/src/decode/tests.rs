use super::*;
use causerie_core::id::PlatformId;
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};

fn config() -> Config {
    let id = PlatformId::new("telegram.test").unwrap();
    let mut config = Config::new(id, SecretString::from("1:aaaaaaaaaa"));
    config.names = vec!["Robin".to_owned()];
    config
}

fn me() -> Me {
    Me {
        id: 4242,
        username: "causerie_bot".to_owned(),
    }
}

fn hear(update: Value) -> Heard {
    let update = serde_json::from_value(update).unwrap();
    decode(update, &config(), &me()).unwrap()
}

fn event(update: Value) -> Option<Event> {
    hear(update).events.pop()
}

/// A message in a supergroup, with more fields.
fn message(more: &Value) -> Value {
    let mut message = json!({
        "message_id": 7,
        "date": 1_795_000_000,
        "chat": {"id": -1001, "type": "supergroup", "title": "Team"},
        "from": {"id": 5, "is_bot": false, "first_name": "Ann", "last_name": "Lee",
                 "language_code": "zh-hans"},
    });
    for (key, value) in more.as_object().unwrap() {
        message[key] = value.clone();
    }
    json!({"update_id": 1, "message": message})
}

fn words(event: &Event) -> &str {
    match &event.kind {
        EventKind::Posted(posted) => posted.text.expose(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_mention_by_offsets_in_utf16_is_one() {
    let heard = event(message(&json!({
        "text": "👍 @causerie_bot hi",
        "entities": [{"type": "mention", "offset": 3, "length": 13}],
    })));
    let event = heard.expect("it is for us");
    assert_eq!(event.conversation.as_str(), "telegram.test/-1001");
    assert_eq!(event.place.as_str(), "-1001");
    assert_eq!(event.author.name.expose(), "Ann Lee");
    assert_eq!(event.language.as_deref(), Some("zh-hans"));
    assert_eq!(event.id.as_str(), "m-1001.7");
    let other = message(&json!({
        "text": "@other_bot hi",
        "entities": [{"type": "mention", "offset": 0, "length": 10}],
    }));
    assert!(super::tests::event(other).is_none());
    assert!(super::tests::event(message(&json!({"text": "Robin, hi"}))).is_some());
    assert!(super::tests::event(message(&json!({"text": "Robinson said hi"}))).is_none());
}

#[test]
fn the_mention_at_the_beginning_is_not_part_of_the_question() {
    let event = event(message(&json!({
        "text": "@causerie_bot, what is it?",
        "entities": [{"type": "mention", "offset": 0, "length": 13}],
    })));
    assert_eq!(words(&event.unwrap()), "what is it?");
}

#[test]
fn topics_are_places_and_reply_threads_are_not() {
    let in_topic = event(message(&json!({
        "text": "Robin?", "message_thread_id": 3, "is_topic_message": true,
        "reply_to_message": {"message_id": 3, "date": 1, "from": {"id": 4242, "is_bot": true, "first_name": "b"},
                             "chat": {"id": -1001, "type": "supergroup"}},
    })));
    let in_topic = in_topic.unwrap();
    assert_eq!(in_topic.place.as_str(), "-1001/3");
    let EventKind::Posted(posted) = &in_topic.kind else {
        panic!();
    };
    assert!(posted.quoted.is_none() && posted.shared);
    let thread = event(message(&json!({
        "text": "go on", "message_thread_id": 3,
        "reply_to_message": {"message_id": 3, "date": 1, "text": "my answer",
                             "from": {"id": 4242, "is_bot": true, "first_name": "b"},
                             "chat": {"id": -1001, "type": "supergroup"}},
    })));
    let thread = thread.unwrap();
    assert_eq!(thread.place.as_str(), "-1001");
    let EventKind::Posted(posted) = &thread.kind else {
        panic!();
    };
    let quoted = posted.quoted.as_ref().unwrap();
    assert_eq!((quoted.text.expose(), &quoted.author), ("my answer", &None));
}

#[test]
fn those_who_come_and_go_say_nothing() {
    let private = json!({"id": 5, "type": "private"});
    for nothing in [
        json!({"new_chat_members": [{"id": 4242, "is_bot": true, "first_name": "b"}]}),
        json!({"pinned_message": {"message_id": 1, "date": 0, "chat": private.clone()}}),
        json!({"forum_topic_created": {"name": "x", "icon_color": 1}}),
    ] {
        let mut update = message(&nothing);
        update["message"]["chat"] = private.clone();
        assert!(event(update).is_none());
    }
    let mut update = message(&json!({"location": {"latitude": 1.0, "longitude": 2.0}}));
    update["message"]["chat"] = private;
    assert!(event(update).is_some(), "it is told that we cannot read it");
}

#[test]
fn the_largest_picture_that_is_not_too_large_is_taken() {
    let size = |id: &str, side: u32| json!({"file_id": id, "width": side, "height": side / 2});
    let mut update = message(&json!({
        "photo": [size("s", 90), size("m", 800), size("x", 1280), size("w", 2560)],
        "caption": "what is this?", "media_group_id": "g",
    }));
    update["message"]["chat"] = json!({"id": 5, "type": "private"});
    let mut heard = hear(update);
    assert!(heard.album);
    let EventKind::Posted(posted) = heard.events.remove(0).kind else {
        panic!();
    };
    assert_eq!(posted.attachments[0].locator, "telegram.test/x");
    assert_eq!(posted.text.expose(), "what is this?");
}

#[test]
fn a_button_of_somebody_else_is_not_pressed() {
    let press = |data: &str| {
        hear(json!({"update_id": 9, "callback_query": {
            "id": "q", "from": {"id": 6, "is_bot": false, "first_name": "Bob"}, "chat_instance": "c",
            "data": data,
            "message": {"message_id": 8, "date": 0, "chat": {"id": -1001, "type": "supergroup"}},
        }}))
    };
    let own = press("up:6");
    assert!(matches!(
        own.events[0].kind,
        EventKind::Feedback {
            rating: Rating::Up,
            ..
        }
    ));
    let others = press("stop:5");
    assert!(others.events.is_empty());
    assert_eq!(others.pressed.unwrap().word, Word::NotYours);
    assert!(press("something else").events.is_empty());
    assert_eq!(press("stop").events[0].kind, EventKind::StopPressed);
}

#[test]
fn kinds_that_we_do_not_know_are_passed_over() {
    assert!(event(json!({"update_id": 3, "widget_query": {"id": "x"}})).is_none());
}

/// Any JSON, of little depth.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z@/👍 ]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let key = prop::sample::select(vec![
            "message",
            "text",
            "entities",
            "chat",
            "id",
            "type",
            "from",
            "offset",
            "length",
            "message_id",
            "photo",
            "reply_to_message",
            "date",
            "callback_query",
            "data",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.prop_map(str::to_owned), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_that_comes_in_is_a_panic(mut update in json_value()) {
        if update.is_object() {
            update["update_id"] = json!(1);
        }
        if let Ok(update) = serde_json::from_value::<Update>(update) {
            let _ = decode(update, &config(), &me());
        }
    }
}
