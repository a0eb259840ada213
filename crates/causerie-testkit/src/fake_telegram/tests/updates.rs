use super::*;
use std::time::Duration;

async fn ids(bot: &Bot, params: Value) -> Vec<u64> {
    let updates = bot.call("getUpdates", params).await.expect("it answers");
    let updates = updates.as_array().cloned().unwrap_or_default();
    updates
        .iter()
        .filter_map(|update| update["update_id"].as_u64())
        .collect()
}

#[tokio::test]
async fn updates_stay_until_a_greater_offset_is_asked_for() {
    let telegram = FakeTelegram::start().await;
    let (bot, ann) = (Bot::new(&telegram), telegram.user("Ann"));
    for text in ["a", "b", "c"] {
        telegram.say(ann.id, &ann, text);
    }
    let all = ids(&bot, json!({})).await;
    assert_eq!(all, [all[0], all[0] + 1, all[0] + 2]);
    assert_eq!(ids(&bot, json!({"limit": 2})).await, all[..2]);
    assert_eq!(ids(&bot, json!({"offset": all[0]})).await, all);
    assert_eq!(ids(&bot, json!({"offset": all[1]})).await, all[1..]);
    assert_eq!(ids(&bot, json!({"offset": -1})).await, all[2..]);
    assert_eq!(ids(&bot, json!({"offset": all[2] + 1})).await, [0_u64; 0]);
    assert_eq!(telegram.pending(), 0);
    telegram.redeliver(all[1]);
    assert_eq!(ids(&bot, json!({"offset": all[2] + 1})).await, [all[1]]);
    assert_eq!(ids(&bot, json!({"offset": all[2] + 1})).await, [0_u64; 0]);
    telegram.wait_taken().await;
    telegram.times(Times {
        update: Duration::ZERO,
        ..Times::default()
    });
    telegram.say(ann.id, &ann, "too late");
    assert_eq!(ids(&bot, json!({})).await, [0_u64; 0]);
}

#[tokio::test]
async fn a_poll_waits_and_the_next_one_ends_it() {
    let telegram = FakeTelegram::start().await;
    let (bot, ann) = (Bot::new(&telegram), telegram.user("Ann"));
    let first = async {
        let ended = bot.call("getUpdates", json!({"timeout": 30})).await;
        telegram.say(ann.id, &ann, "hello");
        ended
    };
    let second = async {
        telegram.wait_calls("getUpdates", 1).await;
        // Until the first one waits.
        tokio::time::sleep(Duration::from_millis(20)).await;
        bot.call("getUpdates", json!({"timeout": 30})).await
    };
    let (first, second) = tokio::join!(first, second);
    let conflict = "Conflict: terminated by other getUpdates request; make sure that only one bot \
        instance is running";
    assert_eq!(first, Err((409, conflict.to_owned())));
    assert_eq!(second.expect("there is one")[0]["message"]["text"], "hello");
    let hook = json!({"url": "http://127.0.0.1:9/hook"});
    bot.call("setWebhook", hook).await.expect("it is set");
    let (code, description) = bot
        .call("getUpdates", json!({}))
        .await
        .expect_err("it is refused");
    assert!(
        code == 409 && description.contains("use deleteWebhook"),
        "{description}"
    );
    bot.call("deleteWebhook", json!({}))
        .await
        .expect("it is deleted");
    bot.call("getUpdates", json!({}))
        .await
        .expect("it can be polled again");
}

#[tokio::test]
async fn only_what_is_asked_for_is_kept() {
    let telegram = FakeTelegram::start().await;
    let (bot, ann) = (Bot::new(&telegram), telegram.user("Ann"));
    let id = telegram.say(ann.id, &ann, "hello");
    telegram.react(&ann, ann.id, id, "👍");
    let updates = ids(&bot, json!({"allowed_updates": ["message_reaction"]})).await;
    assert_eq!(updates.len(), 1);
    telegram.say(ann.id, &ann, "more");
    telegram.react(&ann, ann.id, id, "👍");
    let updates = bot
        .call("getUpdates", json!({"offset": updates[0] + 1}))
        .await;
    let updates = updates.expect("it answers");
    assert_eq!(updates.as_array().map(Vec::len), Some(1));
    assert_eq!(
        updates[0]["message_reaction"]["new_reaction"][0]["emoji"],
        "👍"
    );
    telegram.update(&json!({"widget_query": {"id": "1"}}));
    assert_eq!(telegram.pending(), 1, "of an unknown kind, not asked for");
}
