//! What a message of ours looks like on Telegram.

use crate::{
    config::Language,
    decode::{Word, button},
    place::owner,
};
use causerie_core::{id::ConversationId, platform::Content};
use causerie_markup::{Entity, EntityKind, Formatted, telegram, telegram_growing};
use serde_json::{Map, Value, json};

/// The fields that say what a message shows.
pub(crate) type Fields = Map<String, Value>;

/// The words of a message, as a text and what is special about parts of it.
pub(crate) fn text(content: &Content) -> Fields {
    let markdown = content.markdown.expose();
    let Formatted { text, entities } = match content.complete {
        true => telegram(markdown),
        false => telegram_growing(markdown),
    };
    let mut fields = Fields::new();
    // There is always something to see in what the engine sends, but perhaps nothing once the
    // marks are off, such as an empty code block.
    let text = match text.trim().is_empty() {
        true => markdown.trim().to_owned(),
        false => text,
    };
    let entities: Vec<Value> = entities.iter().map(entity).collect();
    fields.insert("text".into(), Value::String(text));
    if !entities.is_empty() {
        fields.insert("entities".into(), Value::Array(entities));
    }
    fields
}

fn entity(entity: &Entity) -> Value {
    let (offset, length) = (entity.offset, entity.length);
    let of = |kind: &str| json!({"type": kind, "offset": offset, "length": length});
    match &entity.kind {
        EntityKind::Bold => of("bold"),
        EntityKind::Italic => of("italic"),
        EntityKind::Strikethrough => of("strikethrough"),
        EntityKind::Code => of("code"),
        EntityKind::Blockquote => of("blockquote"),
        EntityKind::Pre { language: None } => of("pre"),
        EntityKind::Pre {
            language: Some(language),
        } => {
            let mut value = of("pre");
            value["language"] = Value::String(language.clone());
            value
        }
        EntityKind::TextLink { url } => {
            let mut value = of("text_link");
            value["url"] = Value::String(url.clone());
            value
        }
    }
}

/// The buttons under a message; none once there is nothing to press.
pub(crate) fn buttons(
    content: &Content,
    conversation: &ConversationId,
    feedback: bool,
    language: Language,
) -> Value {
    let of = |what: &str| match owner(conversation) {
        Some(person) => format!("{what}:{person}"),
        None => what.to_owned(),
    };
    let is_answer = content.notice.is_none();
    let rows = match (content.complete, content.ends) {
        (false, _) => {
            let stop = match language {
                Language::English => "⏹ Stop",
                Language::Chinese => "⏹ 停止",
            };
            json!([[{"text": stop, "callback_data": of(button::STOP)}]])
        }
        (true, true) if feedback && is_answer => json!([[
            {"text": "👍", "callback_data": of(button::UP)},
            {"text": "👎", "callback_data": of(button::DOWN)},
        ]]),
        _ => json!([]),
    };
    json!({"inline_keyboard": rows})
}

/// What somebody is told who pressed a button.
pub(crate) fn word(word: Word, language: Language) -> Option<&'static str> {
    let (english, chinese) = match word {
        Word::Thanks => ("Thank you, noted.", "谢谢，已记录。"),
        Word::Stopping => ("Stopping.", "正在停止。"),
        Word::Finished => ("This answer is finished.", "这个回答已经结束。"),
        Word::NotYours => (
            "Only the person who asked can do that.",
            "只有提问的人才能这样做。",
        ),
        Word::Nothing => return None,
    };
    Some(match language {
        Language::English => english,
        Language::Chinese => chinese,
    })
}

/// Who wrote more than can wait is told so.
pub(crate) fn full(language: Language) -> &'static str {
    match language {
        Language::English => {
            "Too many messages wait for an answer here. The last one was not taken; send it again later."
        }
        Language::Chinese => "这里有太多消息在等待回答。最后一条没有被接收，请稍后再发。",
    }
}

/// What stands beside a file that holds the rest of an answer.
pub(crate) fn file_caption(language: Language) -> &'static str {
    match language {
        Language::English => "The rest of the answer.",
        Language::Chinese => "回答的其余部分。",
    }
}
