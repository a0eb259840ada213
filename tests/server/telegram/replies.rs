//! What people see in private.

use super::house::{House, is_whole};
use causerie_testkit::{
    fake_models::{Reply, When},
    fake_telegram::Post,
};
use std::time::Duration;

/// A picture that is one.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_answered_once_in_reply_and_may_be_judged() {
    let house = House::new().await;
    house.says("Bonjour, **Ann**!");
    let ann = house.person("Ann");
    let asked = house.telegram.say(ann.id, &ann, "Say it in French");
    let answer = house.answer(ann.id).await;
    assert_eq!(answer.text, "Bonjour, Ann!");
    assert_eq!(answer.entities[0]["type"], "bold");
    assert_eq!(answer.reply_to, Some(asked));
    assert_eq!(answer.buttons(), ["👍", "👎"]);
    let query = house.telegram.press(&ann, ann.id, answer.id, "👍");
    let told = house.telegram.wait_answer(&query).await;
    assert_eq!(told.text.as_deref(), Some("Thank you, noted."));
    assert_eq!(house.telegram.messages(ann.id).len(), 1);
    let commands = house.telegram.commands("default", "zh");
    assert!(commands.iter().any(|one| one["command"] == "new"));
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_grows_in_a_draft_and_ends_in_one_message() {
    let house = House::new().await;
    let text = "One word after another comes here, until all of them are here.";
    let slow = Reply::say(text).paced(Duration::from_millis(150));
    house.models.on(When::Always, slow);
    let ann = house.person("Ann");
    house.telegram.say(ann.id, &ann, "Slowly, please");
    let draft = house.telegram.wait_draft(ann.id, |_| true).await;
    assert!(draft.can_stop && text.starts_with(&draft.text), "{draft:?}");
    let answer = house.answer(ann.id).await;
    assert_eq!(answer.text, text);
    assert_eq!(answer.versions.len(), 1);
    assert!(
        !house.telegram.actions(ann.id).is_empty(),
        "typing was shown"
    );
    assert_eq!(house.telegram.messages(ann.id).len(), 1);
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_drafts_has_edits() {
    let house = House::empty("", "").await;
    house.telegram.without("sendMessageDraft");
    let mut house = house;
    house.open();
    let text = "One word after another comes here, until all of them are here, at the very end.";
    let slow = Reply::say(text).paced(Duration::from_millis(250));
    house.models.on(When::Always, slow);
    let ann = house.person("Ann");
    house.telegram.say(ann.id, &ann, "Slowly");
    let answer = house.answer(ann.id).await;
    assert_eq!(answer.text, text);
    house.telegram.say(ann.id, &ann, "Again");
    let all = house.telegram.wait_messages(ann.id, 2).await;
    let second = all[1].id;
    let answer = house
        .telegram
        .wait_for(ann.id, |sent| sent.id == second && is_whole(sent))
        .await;
    assert_eq!(answer.text, text);
    assert!(answer.versions.len() > 1, "{answer:?}");
    assert!(answer.versions[0].markup.is_some(), "it had a stop button");
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stop_button_of_a_draft_keeps_what_was_said() {
    let house = House::new().await;
    let words = "word ".repeat(200);
    let slow = Reply::say(&words).paced(Duration::from_millis(100));
    house.models.on(When::Always, slow);
    let ann = house.person("Ann");
    house.telegram.say(ann.id, &ann, "Go on for ever");
    house.telegram.wait_draft(ann.id, |_| true).await;
    house.telegram.stop_draft(&ann);
    let answer = house.answer(ann.id).await;
    assert!(answer.text.starts_with("word word"), "{answer:?}");
    assert!(answer.text.to_lowercase().contains("stopped"), "{answer:?}");
    house.assert_lawful();
}

/// Fifty thousand characters of prose, Chinese, emoji and code.
fn long() -> String {
    let mut text = String::new();
    let mut part = 0;
    while text.chars().count() < 50_000 {
        part += 1;
        text.push_str(&format!("## Part {part} 第{part}部分\n\n"));
        text.push_str(&"A sentence with **strong** words and 👩‍👩‍👧 too. ".repeat(6));
        text.push_str("\n\n");
        text.push_str(&"这是一个很长的中文句子，没有空格。".repeat(12));
        text.push_str(&format!("\n\n```rust\nfn part_{part}() {{\n"));
        for line in 0..60 {
            text.push_str(&format!(
                "    let value_{line} = {line} * {part}; // 注释 🦀\n"
            ));
        }
        text.push_str("}\n```\n\n- one\n- two\n\n");
    }
    text
}

/// Letters and digits alone: what must not be lost, however it is shown.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_answer_comes_whole_in_parts() {
    let house = House::with("max_parts = 40\nrich = false", "").await;
    let text = long();
    house.says(&text);
    let ann = house.person("Ann");
    house.telegram.say(ann.id, &ann, "Write a book");
    house
        .telegram
        .wait_for(ann.id, |sent| sent.buttons() == ["👍", "👎"])
        .await;
    let parts = house.telegram.messages(ann.id);
    assert!(parts.len() >= 12, "{} parts", parts.len());
    assert!(
        parts
            .iter()
            .all(|part| part.text.encode_utf16().count() <= 4096)
    );
    let shown: String = parts.iter().map(|part| letters(&part.text)).collect();
    let said = letters(&text.replace("```rust", "```"));
    assert_eq!(shown.len(), said.len());
    assert!(shown == said, "words were lost or changed their order");
    let pres = parts.iter().flat_map(|part| &part.entities);
    let languages = pres.filter(|entity| entity["type"] == "pre");
    assert!(languages.clone().count() >= 12);
    assert!(languages.clone().all(|pre| pre["language"] == "rust"));
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_so_many_parts_the_rest_is_a_file() {
    let house = House::with("max_parts = 2\nrich = false", "").await;
    let text = long();
    house.says(&text);
    let ann = house.person("Ann");
    house.telegram.say(ann.id, &ann, "Write a book");
    let file = house
        .telegram
        .wait_for(ann.id, |sent| sent.document.is_some())
        .await;
    let parts = house.telegram.messages(ann.id);
    assert_eq!(parts.len(), 3);
    let rest = file.document.clone().expect("it is a file");
    let rest = String::from_utf8(rest.bytes.to_vec()).expect("it is text");
    let all: String = parts[..2].iter().map(|part| letters(&part.text)).collect();
    let shown = all + &letters(&rest.replace("```rust", "```"));
    assert!(shown == letters(&text.replace("```rust", "```")));
    assert_eq!(file.buttons(), ["👍", "👎"]);
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_are_rich_where_the_server_can_and_aligned_where_not() {
    let table = "# Prices\n\n| Fruit | Euro |\n|---|--:|\n| Apple | 1 |\n| 梨 | 22 |";
    let house = House::new().await;
    house.says(table);
    let ann = house.person("Ann");
    house.telegram.say(ann.id, &ann, "Prices?");
    let rich = house.answer(ann.id).await.rich.expect("it is rich");
    assert!(rich.to_string().contains("\"table\""), "{rich}");
    house.assert_lawful();

    let mut plain = House::empty("", "").await;
    plain.telegram.without("sendRichMessage");
    plain.open();
    plain.says(table);
    let bob = plain.person("Bob");
    plain.telegram.say(bob.id, &bob, "Prices?");
    let answer = plain.answer(bob.id).await;
    assert!(answer.text.contains("Apple"), "{answer:?}");
    assert!(answer.entities.iter().any(|one| one["type"] == "pre"));
    plain.telegram.say(bob.id, &bob, "And again?");
    plain.telegram.wait_messages(bob.id, 2).await;
    plain.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edited_question_changes_the_answer() {
    let house = House::new().await;
    let ann = house.person("Ann");
    let asked = house.telegram.say(ann.id, &ann, "the capital of France");
    let answer = house.answer(ann.id).await;
    assert_eq!(answer.text, "the capital of France");
    house.telegram.edit(ann.id, asked, "the capital of Spain");
    let edited = house
        .telegram
        .wait_for(ann.id, |sent| sent.text == "the capital of Spain")
        .await;
    assert_eq!(edited.id, answer.id);
    assert_eq!(house.telegram.messages(ann.id).len(), 1);
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_reach_models_that_see_and_texts_are_read() {
    let house = House::new().await;
    house.says("I see.");
    let ann = house.person("Ann");
    let picture = Post::new(ann.id, &ann, "What is this?").photo(PNG);
    house.telegram.post(picture);
    house.answer(ann.id).await;
    let asked = house.models.requests();
    let body = asked.last().expect("it was asked").body.to_string();
    assert!(body.contains("data:image/jpeg;base64,"), "{body}");
    let notes = Post::new(ann.id, &ann, "Sum it up").document(
        "notes.md",
        "text/markdown",
        &b"# Secret plan\nBuy milk."[..],
    );
    house.telegram.post(notes);
    house.telegram.wait_messages(ann.id, 2).await;
    let asked = house.models.requests();
    let body = asked.last().expect("it was asked").body.to_string();
    assert!(body.contains("Buy milk."), "{body}");
    // Of what it does not see the model is told so.
    let unread: [(&str, &str, &[u8], &str); 2] = [
        (
            "plan.pdf",
            "application/pdf",
            b"%PDF-1.4",
            "(plan.pdf: a file that was not read",
        ),
        ("old.txt", "text/plain", b"caf\xe9", "it is not in UTF-8"),
    ];
    for (number, (name, kind, bytes, words)) in unread.into_iter().enumerate() {
        let post = Post::new(ann.id, &ann, "And this?").document(name, kind, bytes);
        house.telegram.post(post);
        house.telegram.wait_messages(ann.id, 3 + number).await;
        let asked = house.models.requests();
        let body = asked.last().expect("it was asked").body.to_string();
        assert!(body.contains(words), "{body}");
    }
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_album_is_one_question() {
    let house = House::new().await;
    house.says("Three pictures.");
    let ann = house.person("Ann");
    for (number, words) in ["Compare these", "", ""].into_iter().enumerate() {
        let picture = Post::new(ann.id, &ann, words).photo(PNG).album("album");
        house.telegram.post(picture);
        if number == 1 {
            // The last one comes with the next request.
            house.telegram.wait_taken().await;
        }
    }
    house.answer(ann.id).await;
    assert_eq!(house.models.requests().len(), 1);
    let body = house.models.requests()[0].body.to_string();
    assert_eq!(body.matches("data:image/jpeg").count(), 3, "{body}");
    assert_eq!(house.telegram.messages(ann.id).len(), 1);
    house.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_press_of_start_tells_what_there_is() {
    let house = House::new().await;
    let ann = house.person("Ann");
    house.telegram.say(ann.id, &ann, "/start");
    let answer = house.answer(ann.id).await;
    assert!(answer.text.contains("/new"), "{answer:?}");
    assert!(house.models.requests().is_empty());
    house.assert_lawful();
}
