use super::*;
use std::time::{Duration, Instant};

#[tokio::test]
async fn what_is_not_in_the_description_is_refused_and_remembered() {
    let telegram = FakeTelegram::start().await;
    let (bot, ann) = (Bot::new(&telegram), telegram.user("Ann"));
    let me = bot
        .call("GETME", json!({}))
        .await
        .expect("any case will do");
    assert_eq!(
        (&me["id"], &me["username"]),
        (&json!(4242), &json!("causerie_bot"))
    );
    let unknown = bot.call("sendLetter", json!({})).await;
    assert_eq!(unknown, Err((404, "Not Found".to_owned())));
    for params in [
        json!({"chat_id": ann.id}),
        json!({"chat_id": ann.id, "text": "a", "colour": "red"}),
        json!({"chat_id": ann.id, "text": 5}),
        json!({"chat_id": ann.id, "text": "a", "reply_parameters": {"message": 1}}),
        json!({"chat_id": ann.id, "text": "a", "entities": [{"type": "bold", "offset": 0}]}),
        json!({"chat_id": ann.id, "text": "a", "reply_markup": {"inline_keyboard": [{}]}}),
        json!({"chat_id": ann.id, "text": "a", "parse_mode": null}),
    ] {
        let before = telegram.violations().len();
        bot.refused("sendMessage", params.clone()).await;
        assert!(telegram.violations().len() > before, "{params}");
    }
    let mut stranger = Bot::new(&telegram);
    stranger.base.push('x');
    let refused = stranger.call("getMe", json!({})).await;
    assert_eq!(refused, Err((401, "Unauthorized".to_owned())));
    telegram.without("sendRichMessage");
    let older = json!({"chat_id": ann.id, "rich_message": {"markdown": "a"}});
    let older = bot.call("sendRichMessage", older).await;
    assert_eq!(older, Err((404, "Not Found".to_owned())));
}

#[tokio::test]
async fn parameters_come_in_any_form() {
    let telegram = FakeTelegram::start().await;
    let (bot, ann) = (Bot::new(&telegram), telegram.user("Ann"));
    let url = format!("{}/sendmessage?chat_id={}&text=a%20b", bot.base, ann.id);
    let sent = bot.client.get(&url).send().await.expect("it answers");
    assert_eq!(sent.status(), 200);
    let form = format!(
        "chat_id={}&text=c+d&reply_parameters=%7B%22message_id%22:1%7D",
        ann.id
    );
    let url = format!("{}/SendMessage", bot.base);
    let request = bot.client.post(&url).body(form);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(request.send().await.expect("it answers").status(), 200);
    let part = |name: &str, rest: &str, body: &str| {
        format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"{rest}\r\n\r\n{body}\r\n")
    };
    let body = [
        part("chat_id", "", &ann.id.to_string()),
        part("caption", "", "here"),
        part(
            "document",
            "; filename=\"a.txt\"\r\nContent-Type: text/plain",
            "x\r\ny",
        ),
        "--B--\r\n".to_owned(),
    ];
    let request = bot.client.post(format!("{}/sendDocument", bot.base));
    let request = request.header("content-type", "multipart/form-data; boundary=B");
    let answer = request
        .body(body.concat())
        .send()
        .await
        .expect("it answers");
    let answer: Value = answer.json().await.expect("it is JSON");
    let wrong = Spec::get().value("Message", &answer["result"]);
    assert!(wrong.is_empty(), "{answer}: {wrong:?}");
    let sent = telegram.messages(ann.id);
    let texts: Vec<&str> = sent.iter().map(|sent| sent.text.as_str()).collect();
    assert_eq!(texts, ["a b", "c d", "here"]);
    assert_eq!(sent[1].reply_to, Some(sent[0].id));
    let file = sent[2].document.as_ref().expect("it has a file");
    assert_eq!(
        (file.name.as_str(), &file.bytes[..]),
        ("a.txt", &b"x\r\ny"[..])
    );

    let id = answer["result"]["document"]["file_id"].clone();
    let again = json!({"chat_id": ann.id, "document": id});
    bot.message("sendDocument", again).await;
    let path = bot.call("getFile", json!({"file_id": id})).await;
    let path = path.expect("it is known")["file_path"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    for path in [path.clone(), path.replace('/', "%2F")] {
        let url = format!("{}/file/bot{}/{path}", telegram.url(), telegram.token());
        let file = bot.client.get(url).send().await.expect("it answers");
        assert_eq!(file.bytes().await.expect("it is whole"), "x\r\ny");
    }
    assert!(telegram.violations().is_empty());
}

#[tokio::test]
async fn texts_keep_the_rules_of_the_server() {
    let telegram = FakeTelegram::start().await;
    let (bot, ann) = (Bot::new(&telegram), telegram.user("Ann"));
    let refused = async |mut params: Value| {
        params["chat_id"] = json!(ann.id);
        bot.refused("sendMessage", params).await
    };
    assert_eq!(
        refused(json!({"text": " \n"})).await,
        "message text is empty"
    );
    let long = "😀".repeat(2048);
    assert_eq!(
        refused(json!({"text": long.clone() + "a"})).await,
        "message is too long"
    );
    bot.message(
        "sendMessage",
        json!({"chat_id": ann.id, "text": long + " "}),
    )
    .await;
    let missing = json!({"text": "a", "reply_parameters": {"message_id": 99}});
    assert_eq!(refused(missing).await, "message to be replied not found");
    let missing = json!({"message_id": 99, "allow_sending_without_reply": true});
    let sent = json!({"chat_id": ann.id, "text": " a ", "reply_parameters": missing});
    assert_eq!(bot.message("sendMessage", sent).await["text"], "a");
    let thread = json!({"text": "a", "message_thread_id": 5});
    assert_eq!(refused(thread).await, "message thread not found");
    let button = |data: &str| json!({"inline_keyboard": [[{"text": "x", "callback_data": data}]]});
    let markup = json!({"text": "a", "reply_markup": button(&"é".repeat(33))});
    assert_eq!(refused(markup).await, "BUTTON_DATA_INVALID");
    let stranger = json!({"chat_id": 5, "text": "a"});
    assert_eq!(bot.refused("sendMessage", stranger).await, "chat not found");
    assert_eq!(telegram.violations(), Vec::<String>::new());
    let cut = json!({"text": "😀", "entities": [{"type": "bold", "offset": 0, "length": 1}]});
    assert!(refused(cut).await.starts_with("can't parse entities"));
    assert_eq!(telegram.violations().len(), 1);
}

#[tokio::test]
async fn edits_must_change_something() {
    let telegram = FakeTelegram::start().await;
    let (bot, ann) = (Bot::new(&telegram), telegram.user("Ann"));
    let hers = telegram.say(ann.id, &ann, "hello");
    let markup = json!({"inline_keyboard": [[{"text": "x", "callback_data": "y"}]]});
    let sent = json!({"chat_id": ann.id, "text": "see http://a.bc", "reply_markup": markup});
    let sent = bot.message("sendMessage", sent).await;
    assert_eq!(sent["entities"][0]["type"], "url");
    let id = sent["message_id"].clone();
    let edit = |text: &str| json!({"chat_id": ann.id, "message_id": id, "text": text});
    let mut same = edit("see http://a.bc ");
    bot.message("editMessageText", same.clone()).await;
    let refused = bot.refused("editMessageText", same.clone()).await;
    let not_modified = "message is not modified: specified new message content and reply markup are \
        exactly the same as a current content and reply markup of the message";
    assert_eq!(refused, not_modified);
    same["reply_markup"] = markup;
    bot.message("editMessageText", same).await;
    let edited = bot.message("editMessageText", edit("new")).await;
    assert!(edited["edit_date"].is_u64() && edited.get("reply_markup").is_none());
    let versions = &telegram.messages(ann.id)[0].versions;
    assert_eq!(versions.len(), 4);
    assert!(versions.is_sorted_by_key(|version| version.at));
    let edit = |id: i64| json!({"chat_id": ann.id, "message_id": id, "text": "z"});
    assert_eq!(
        bot.refused("editMessageText", edit(77)).await,
        "message to edit not found"
    );
    assert_eq!(
        bot.refused("editMessageText", edit(hers)).await,
        "message can't be edited"
    );
    let delete = json!({"chat_id": ann.id, "message_id": id});
    bot.call("deleteMessage", delete.clone())
        .await
        .expect("it is there");
    assert_eq!(
        bot.refused("deleteMessage", delete).await,
        "message to delete not found"
    );
    assert!(telegram.messages(ann.id).is_empty());
}

#[tokio::test]
async fn rich_messages_have_limits() {
    let telegram = FakeTelegram::start().await;
    let (bot, ann) = (Bot::new(&telegram), telegram.user("Ann"));
    let rich = |rich: Value| json!({"chat_id": ann.id, "rich_message": rich});
    let sent = bot
        .message("sendRichMessage", rich(json!({"markdown": "# a"})))
        .await;
    let blocks = |count: usize| {
        let block = json!({"type": "paragraph", "text": ["a", {"type": "bold", "text": "b"}]});
        json!({"blocks": vec![block; count]})
    };
    bot.message("sendRichMessage", rich(blocks(500))).await;
    bot.refused("sendRichMessage", rich(blocks(501))).await;
    let long = rich(json!({"markdown": "é".repeat(32_769)}));
    assert_eq!(
        bot.refused("sendRichMessage", long).await,
        "message is too long"
    );
    bot.refused(
        "sendRichMessage",
        rich(json!({"markdown": "a", "html": "b"})),
    )
    .await;
    let list = json!({"type": "list", "items": [{"blocks": [{"type": "paragraph", "text": "i"}]}]});
    let mut edit = rich(json!({"blocks": [list]}));
    edit["message_id"] = sent["message_id"].clone();
    bot.message("editMessageText", edit.clone()).await;
    assert!(
        bot.refused("editMessageText", edit)
            .await
            .starts_with("message is not modified")
    );
    let thinking = json!({"blocks": [{"type": "thinking", "text": "…"}]});
    bot.refused("sendRichMessage", rich(thinking.clone())).await;
    let mut draft = rich(thinking);
    draft["draft_id"] = json!(1);
    bot.call("sendRichMessageDraft", draft)
        .await
        .expect("it is for drafts");
    let sent = telegram.messages(ann.id);
    assert_eq!((sent.len(), sent[0].text.as_str()), (2, "i"));
    assert!(telegram.violations().is_empty());
}

#[tokio::test]
async fn drafts_are_for_private_chats_and_fade() {
    let telegram = FakeTelegram::start().await;
    let (bot, ann) = (Bot::new(&telegram), telegram.user("Ann"));
    let group = telegram.group("Team");
    let draft = |chat: i64, id: i64, text: &str| json!({"chat_id": chat, "draft_id": id, "text": text, "can_stop": true});
    let refused = bot.refused("sendMessageDraft", draft(group, 1, "a")).await;
    assert_eq!(refused, "TEXTDRAFT_PEER_INVALID");
    bot.refused("sendMessageDraft", draft(ann.id, 0, "a")).await;
    for text in ["", "a", "ab"] {
        bot.call("sendMessageDraft", draft(ann.id, 7, text))
            .await
            .expect("it is shown");
    }
    let shown = telegram
        .wait_draft(ann.id, |draft| draft.text == "ab")
        .await;
    assert_eq!((telegram.drafts(ann.id).len(), shown.frames), (1, 3));
    bot.message("sendMessage", json!({"chat_id": ann.id, "text": "abc"}))
        .await;
    assert!(telegram.drafts(ann.id).is_empty());

    let rich = json!({"chat_id": ann.id, "draft_id": 8, "rich_message": {"markdown": "a"},
        "can_stop": true});
    bot.call("sendRichMessageDraft", rich)
        .await
        .expect("it is shown");
    assert_eq!(telegram.stop_draft(&ann), 8);
    let updates = bot
        .call("getUpdates", json!({}))
        .await
        .expect("there is one");
    assert_eq!(updates[0]["stopped_message_generation"]["draft_id"], 8);
    telegram.times(Times {
        draft: Duration::from_millis(1),
        ..Times::default()
    });
    bot.call("sendMessageDraft", draft(ann.id, 9, "a"))
        .await
        .expect("it is shown");
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert!(telegram.drafts(ann.id).is_empty());
}

#[tokio::test]
async fn faults_and_limits() {
    let telegram = FakeTelegram::start().await;
    let (bot, ann) = (Bot::new(&telegram), telegram.user("Ann"));
    let text = |text: &str| json!({"chat_id": ann.id, "text": text});
    telegram.fault("sendMessage", 1, Fault::TooMany { retry_after: 3 });
    telegram.fault("sendMessage", 1, Fault::Status(500));
    telegram.fault("sendMessage", 1, Fault::DropBefore);
    telegram.fault("sendMessage", 1, Fault::DoneThenDrop);
    telegram.fault("sendMessage", 1, Fault::Hang);
    let answer = bot
        .send("sendMessage", &text("a"))
        .await
        .expect("it answers");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (429, &"3".parse().unwrap())
    );
    let answer: Value = answer.json().await.expect("it is JSON");
    assert_eq!(answer["description"], "Too Many Requests: retry after 3");
    assert_eq!(answer["parameters"]["retry_after"], 3);
    let failed = bot
        .call("sendMessage", text("b"))
        .await
        .map_err(|(code, _)| code);
    assert_eq!(failed, Err(500));
    assert!(bot.send("sendMessage", &text("c")).await.is_err());
    assert!(bot.send("sendMessage", &text("d")).await.is_err());
    let last = text("e");
    let hanging = bot.send("sendMessage", &last);
    tokio::select! {
        answer = hanging => panic!("{answer:?}"),
        _ = telegram.wait_calls("sendMessage", 5) => {}
    }
    let sent = telegram.messages(ann.id);
    assert_eq!((sent.len(), sent[0].text.as_str()), (1, "d"));
    assert_eq!(telegram.calls_of("sendMessage").len(), 5);

    telegram.limits(Limits {
        per_chat: Some(Rate::new(1, Duration::from_secs(60))),
        ..Limits::default()
    });
    bot.message("sendMessage", text("f")).await;
    let limited = bot.call("sendMessage", text("g")).await;
    let retry = "Too Many Requests: retry after 60";
    assert_eq!(limited, Err((429, retry.to_owned())));
    telegram.limits(Limits::default());
    bot.message("sendMessage", text("g")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_fast() {
    let telegram = FakeTelegram::start().await;
    let bot = Bot::new(&telegram);
    let people: Vec<User> = (0..20).map(|_| telegram.user("Ann")).collect();
    let begun = Instant::now();
    let sending = people.iter().map(|ann| async {
        for turn in 0..50 {
            let text = json!({"chat_id": ann.id, "text": format!("turn {turn}")});
            bot.message("sendMessage", text).await;
        }
    });
    futures::future::join_all(sending).await;
    let took = begun.elapsed();
    assert_eq!(telegram.calls().len(), 1000);
    assert!(took < Duration::from_secs(5), "1000 messages took {took:?}");
}
