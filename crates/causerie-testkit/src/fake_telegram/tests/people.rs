use super::*;

async fn newest(bot: &Bot) -> Value {
    let updates = bot.call("getUpdates", json!({"offset": -1})).await;
    updates.expect("it answers")[0].take()
}

#[tokio::test]
async fn in_groups_the_bot_hears_what_is_meant_for_it() {
    let telegram = FakeTelegram::start().await;
    let (bot, ann) = (Bot::new(&telegram), telegram.user("Ann"));
    let group = telegram.supergroup("Team");
    telegram.say(group, &ann, "hello all");
    telegram.say(group, &ann, "/start@other_bot");
    assert_eq!(telegram.pending(), 0);
    let asked = telegram.say(group, &ann, "😀 hello @causerie_bot");
    let message = newest(&bot).await["message"].take();
    assert_eq!(message["message_id"], asked);
    let mention = json!([{"type": "mention", "offset": 9, "length": 13}]);
    assert_eq!(message["entities"], mention);
    let reply = json!({"chat_id": group, "text": "hi", "reply_parameters": {"message_id": asked}});
    let reply = bot.message("sendMessage", reply).await;
    assert_eq!(reply["reply_to_message"]["message_id"], asked);
    let id = reply["message_id"].as_i64().unwrap_or_default();
    telegram.post(Post::new(group, &ann, "thanks").reply_to(id));
    let thanks = newest(&bot).await["message"].take();
    assert_eq!(thanks["reply_to_message"]["from"]["id"], 4242);
    assert!(thanks["message_thread_id"] == id && thanks.get("is_topic_message").is_none());
    telegram.promote(group);
    let id = telegram.say(group, &ann, "hello all");
    telegram.edit(group, id, "hello, all");
    assert_eq!(newest(&bot).await["edited_message"]["text"], "hello, all");
    telegram.remove(group, id);
    assert!(telegram.shown(group, id).is_none());
}

#[tokio::test]
async fn ids_are_counted_as_telegram_counts_them() {
    let telegram = FakeTelegram::start().await;
    let (ann, bob) = (telegram.user("Ann"), telegram.user("Bob"));
    let (group, large) = (telegram.group("Team"), telegram.supergroup("All"));
    let say = |chat| telegram.say(chat, &ann, "a");
    assert_eq!([say(ann.id), say(bob.id), say(group)], [1, 2, 3]);
    assert_eq!([say(large), say(large), say(ann.id)], [1, 2, 4]);
}

#[tokio::test]
async fn in_groups_the_bot_may_do_less_than_those_who_lead() {
    let telegram = FakeTelegram::start().await;
    let (bot, ann) = (Bot::new(&telegram), telegram.user("Ann"));
    let forum = telegram.forum("Club");
    let hers = telegram.say(forum, &ann, "hello");
    let delete = json!({"chat_id": forum, "message_id": hers});
    let topic = json!({"chat_id": forum, "name": "Tea"});
    let reactions = json!({"offset": -1, "allowed_updates": ["message_reaction"]});
    bot.call("getUpdates", reactions).await.expect("it answers");
    telegram.react(&ann, forum, hers, "👍");
    assert_eq!(telegram.pending(), 0);
    let refused = bot.refused("deleteMessage", delete.clone()).await;
    assert_eq!(refused, "message can't be deleted");
    let refused = bot.refused("createForumTopic", topic.clone()).await;
    assert_eq!(refused, "not enough rights to create a topic");
    telegram.promote(forum);
    telegram.react(&ann, forum, hers, "👍");
    assert_eq!(telegram.pending(), 1);
    bot.call("deleteMessage", delete).await.expect("it may");
    bot.call("createForumTopic", topic).await.expect("it may");
}

#[tokio::test]
async fn topics() {
    let telegram = FakeTelegram::start().await;
    let (bot, ann) = (Bot::new(&telegram), telegram.user("Ann"));
    let forum = telegram.forum("Club");
    let topic = telegram.topic(forum, "Tea");
    let asked = telegram.post(Post::new(forum, &ann, "/ask").topic(topic));
    let message = newest(&bot).await["message"].take();
    assert_eq!(message["message_thread_id"], topic);
    assert_eq!(
        message["reply_to_message"]["forum_topic_created"]["name"],
        "Tea"
    );
    assert_eq!(message["is_topic_message"], true);
    let reply = json!({"chat_id": forum, "text": "a", "reply_parameters": {"message_id": asked}});
    bot.message("sendMessage", reply).await;
    assert_eq!(telegram.messages(forum)[0].thread, Some(topic));
    telegram.close_topic(forum, topic);
    let text = json!({"chat_id": forum, "text": "a", "message_thread_id": topic});
    assert_eq!(bot.refused("sendMessage", text).await, "TOPIC_CLOSED");
    let name = json!({"chat_id": ann.id, "name": "Talk"});
    bot.refused("createForumTopic", name.clone()).await;
    telegram.set_me("has_topics_enabled", &json!(true));
    let topic = bot
        .call("createForumTopic", name)
        .await
        .expect("it is made");
    let text = json!({"chat_id": ann.id, "text": "a",
        "message_thread_id": topic["message_thread_id"]});
    assert_eq!(
        bot.message("sendMessage", text).await["is_topic_message"],
        true
    );
}

#[tokio::test]
async fn buttons_are_pressed_and_answered() {
    let telegram = FakeTelegram::start().await;
    let (bot, ann) = (Bot::new(&telegram), telegram.user("Ann"));
    let markup = json!({"inline_keyboard": [[{"text": "Stop", "callback_data": "stop:1"}]]});
    let sent = json!({"chat_id": ann.id, "text": "a", "reply_markup": markup});
    let sent = bot.message("sendMessage", sent).await;
    let id = sent["message_id"].as_i64().unwrap_or_default();
    assert_eq!(telegram.messages(ann.id)[0].buttons(), ["Stop"]);
    let query = telegram.press(&ann, ann.id, id, "Stop");
    let update = newest(&bot).await["callback_query"].take();
    assert_eq!(
        (&update["data"], &update["id"]),
        (&json!("stop:1"), &json!(query))
    );
    assert_eq!(update["message"]["text"], "a");
    let answer = json!({"callback_query_id": query, "text": "stopped"});
    bot.call("answerCallbackQuery", answer)
        .await
        .expect("it is known");
    let answered = telegram.wait_answer(&query).await;
    assert_eq!(answered.text.as_deref(), Some("stopped"));
    let unknown = json!({"callback_query_id": "1"});
    let refused = bot.refused("answerCallbackQuery", unknown).await;
    assert!(refused.starts_with("query is too old"));
}

#[tokio::test]
async fn chats_that_cannot_be_written_to() {
    let telegram = FakeTelegram::start().await;
    let (bot, ann) = (Bot::new(&telegram), telegram.user("Ann"));
    let group = telegram.group("Team");
    let text = |chat: i64| json!({"chat_id": chat, "text": "a"});
    telegram.block(&ann);
    assert_eq!(
        newest(&bot).await["my_chat_member"]["new_chat_member"]["status"],
        "kicked"
    );
    let blocked = bot.call("sendMessage", text(ann.id)).await;
    assert_eq!(
        blocked,
        Err((403, "Forbidden: bot was blocked by the user".to_owned()))
    );
    telegram.admit(ann.id, &ann);
    bot.message("sendMessage", text(ann.id)).await;
    let new = telegram.migrate(group);
    let answer = bot
        .send("sendMessage", &text(group))
        .await
        .expect("it answers");
    let answer: Value = answer.json().await.expect("it is JSON");
    assert_eq!(answer["parameters"]["migrate_to_chat_id"], new);
    assert_eq!(
        answer["description"],
        "Bad Request: group chat was upgraded to a supergroup chat"
    );
    assert_eq!(newest(&bot).await["message"]["migrate_from_chat_id"], group);
    telegram.restrict(new);
    let refused = bot.refused("sendMessage", text(new)).await;
    assert_eq!(
        refused,
        "not enough rights to send text messages to the chat"
    );
    telegram.kick(new, &ann);
    let kicked = bot.call("sendMessage", text(new)).await;
    assert_eq!(
        kicked,
        Err((
            403,
            "Forbidden: bot was kicked from the supergroup chat".to_owned()
        ))
    );
}

#[tokio::test]
async fn files_guests_and_connected_accounts() {
    let telegram = FakeTelegram::start().await;
    let (bot, ann, bob) = (
        Bot::new(&telegram),
        telegram.user("Ann"),
        telegram.user("Bob"),
    );
    for picture in [&b"1"[..], b"2"] {
        telegram.post(Post::new(ann.id, &ann, "look").photo(picture).album("7"));
    }
    let message = newest(&bot).await["message"].take();
    assert_eq!(
        (&message["caption"], &message["media_group_id"]),
        (&json!("look"), &json!("7"))
    );
    let id = message["photo"][1]["file_id"].clone();
    let file = bot
        .call("getFile", json!({"file_id": id}))
        .await
        .expect("it is known");
    assert_eq!(file["file_size"], 1);
    telegram.post(Post::new(ann.id, &ann, "").document("a.txt", "text/plain", "abc"));
    assert_eq!(
        newest(&bot).await["message"]["document"]["file_name"],
        "a.txt"
    );

    let connection = telegram.connect_business(&bob);
    telegram.post(Post::new(ann.id, &ann, "for Bob").business(&connection));
    assert_eq!(newest(&bot).await["business_message"]["text"], "for Bob");
    let text = json!({"chat_id": ann.id, "text": "from Bob", "business_connection_id": connection});
    let sent = bot.message("sendMessage", text.clone()).await;
    assert_eq!(sent["from"]["id"], bob.id);
    assert!(telegram.messages(ann.id).is_empty());
    assert_eq!(telegram.business_messages(&connection, ann.id).len(), 1);
    telegram.disconnect_business(&connection);
    assert_eq!(
        bot.refused("sendMessage", text).await,
        "business connection not found"
    );

    let elsewhere = telegram.group("Elsewhere");
    telegram.post(Post::new(elsewhere, &ann, "@causerie_bot?").guest("G1"));
    assert_eq!(newest(&bot).await["guest_message"]["guest_query_id"], "G1");
    let result = json!({"type": "article", "id": "1", "title": "t",
        "input_message_content": {"message_text": "wait"}});
    let answer = json!({"guest_query_id": "G1", "result": result});
    let sent = bot
        .call("answerGuestQuery", answer.clone())
        .await
        .expect("it is the first");
    bot.refused("answerGuestQuery", answer).await;
    let markup = json!({"inline_keyboard": [[{"text": "Stop", "callback_data": "stop:2"}]]});
    let edit = json!({"inline_message_id": sent["inline_message_id"], "text": "done",
        "reply_markup": markup});
    assert_eq!(bot.call("editMessageText", edit).await, Ok(json!(true)));
    let answer = telegram.wait_guest("G1").await;
    assert_eq!((answer.text.as_str(), answer.versions.len()), ("done", 2));
    telegram.press_guest(&ann, "G1", "Stop");
    let pressed = newest(&bot).await["callback_query"].take();
    assert_eq!(
        (&pressed["data"], pressed.get("message")),
        (&json!("stop:2"), None)
    );
}

#[tokio::test]
async fn what_the_bot_says_of_itself() {
    let telegram = FakeTelegram::start().await;
    let (bot, ann) = (Bot::new(&telegram), telegram.user("Ann"));
    let commands = json!([{"command": "new", "description": "Begin again"}]);
    let scope = json!({"type": "all_group_chats"});
    let set = json!({"commands": commands, "scope": scope, "language_code": "fr"});
    bot.call("setMyCommands", set)
        .await
        .expect("they are right");
    let get = |language: &str| json!({"scope": scope, "language_code": language});
    assert_eq!(bot.call("getMyCommands", get("fr")).await, Ok(commands));
    assert_eq!(bot.call("getMyCommands", get("")).await, Ok(json!([])));
    assert_eq!(telegram.commands("all_group_chats", "fr").len(), 1);
    let wrong = json!({"commands": [{"command": "New", "description": "a"}]});
    assert_eq!(
        bot.refused("setMyCommands", wrong).await,
        "BOT_COMMAND_INVALID"
    );
    let text = json!({"description": "hello"});
    bot.call("setMyDescription", text.clone())
        .await
        .expect("it is short");
    assert_eq!(bot.call("getMyDescription", json!({})).await, Ok(text));
    let typing = json!({"chat_id": ann.id, "action": "typing"});
    bot.call("sendChatAction", typing).await.expect("it is one");
    bot.refused(
        "sendChatAction",
        json!({"chat_id": ann.id, "action": "yawning"}),
    )
    .await;
    assert_eq!(telegram.actions(ann.id).len(), 1);
    for status in ["member", "creator", "administrator", "kicked"] {
        telegram.set_status(ann.id, &ann, status);
        let asked = json!({"chat_id": ann.id, "user_id": ann.id});
        let member = bot
            .call("getChatMember", asked)
            .await
            .expect("she is known");
        let wrong = Spec::get().value("ChatMember", &member);
        assert!(wrong.is_empty(), "{member}: {wrong:?}");
    }
    let chat = bot
        .call("getChat", json!({"chat_id": ann.id}))
        .await
        .expect("it is known");
    assert!(Spec::get().value("ChatFullInfo", &chat).is_empty());
    let pin = json!({"chat_id": ann.id, "message_id": 1});
    assert_eq!(bot.call("pinChatMessage", pin).await, Ok(json!(true)));
}
