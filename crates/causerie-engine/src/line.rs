//! Every line we speak ourselves. What operators read stands elsewhere: in logs and turn records.

use causerie_core::{
    Timestamp,
    outcome::{Failure, Refusal},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The language of the lines we speak ourselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Simplified Chinese.
    #[serde(rename = "zh")]
    Chinese,
}

impl Language {
    /// The language that a BCP 47 tag such as `zh-Hans` asks for, if we speak it.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "en" => Some(Language::English),
            "zh" => Some(Language::Chinese),
            _ => None,
        }
    }
}

/// A line, before it is put into a language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Not on the list of those who are answered.
    NotAllowed,
    /// A limit is used up for this long.
    Limit(Duration),
    /// Nothing to answer.
    Empty,
    /// Larger than this many bytes.
    TooLarge(u64),
    /// The model asks to wait this long.
    Busy(Option<Duration>),
    /// The model fails and is left alone this long.
    Resting(Duration),
    /// A failure in its general form.
    Failed(Failure),
    /// The answer was stopped by a person.
    Stopped,
    /// The answer reached its longest length.
    CutByLength,
    /// Nothing was running that could be stopped.
    NothingToStop,
    /// A new conversation begins.
    Fresh,
    /// The conversation is erased.
    Forgotten,
    /// There is nothing in the conversation.
    NothingSaid,
    /// There was no turn to explain.
    NothingToExplain,
    /// A command nobody knows.
    UnknownCommand(String),
    /// The models one may choose from, and the present one.
    Models {
        /// The present one.
        now: String,
        /// All of them.
        all: String,
    },
    /// Another model answers from now on.
    ModelChosen(String),
    /// No model of this name may be chosen.
    UnknownModel(String),
    /// The personas one may choose from, and the present one.
    Personas {
        /// The present one.
        now: String,
        /// All of them.
        all: String,
    },
    /// Another persona answers from now on.
    PersonaChosen(String),
    /// No persona of this name may be chosen.
    UnknownPersona(String),
}

impl Line {
    /// What is said for a refusal that is told.
    pub(crate) fn refusal(refusal: &Refusal, now: Timestamp) -> Option<Line> {
        match refusal {
            Refusal::NotAllowed => Some(Line::NotAllowed),
            Refusal::Limit { until, .. } => Some(Line::Limit(until.since(now))),
            Refusal::Empty => Some(Line::Empty),
            Refusal::TooLarge { limit } => Some(Line::TooLarge(*limit)),
            Refusal::Bot | Refusal::Loop => None,
        }
    }

    /// The line in `language`.
    pub fn say(&self, language: Language) -> String {
        match language {
            Language::English => self.english(),
            Language::Chinese => self.chinese(),
        }
    }

    fn english(&self) -> String {
        match self {
            Line::NotAllowed => "I may not answer you here.".into(),
            Line::Limit(wait) => {
                format!(
                    "The limit is used up. Please come back in {}.",
                    english_time(*wait)
                )
            }
            Line::Empty => "There was nothing in that message that I can answer.".into(),
            Line::TooLarge(limit) => {
                format!("That message is too large. I take up to {}.", size(*limit))
            }
            Line::Busy(Some(wait)) => {
                format!(
                    "The model is busy. Please try again in {}.",
                    english_time(*wait)
                )
            }
            Line::Busy(None) => "The model is busy. Please try again in a moment.".into(),
            Line::Resting(wait) => {
                format!(
                    "The model is not available right now. Please try again in {}.",
                    english_time(*wait)
                )
            }
            Line::Failed(failure) => english_failure(*failure).into(),
            Line::Stopped => "Stopped.".into(),
            Line::CutByLength => {
                "This answer reached its length limit. Say “go on” for more.".into()
            }
            Line::NothingToStop => "There is nothing to stop.".into(),
            Line::Fresh => {
                "A new conversation begins. I no longer look at what was said before.".into()
            }
            Line::Forgotten => "This conversation is erased.".into(),
            Line::NothingSaid => "Nothing has been said here yet.".into(),
            Line::NothingToExplain => "There is no answer to explain yet.".into(),
            Line::UnknownCommand(name) => {
                format!("I do not know the command `/{name}`. `/help` lists those I know.")
            }
            Line::Models { now, all } => format!("Model: {now}. You can choose: {all}."),
            Line::ModelChosen(name) => format!("From now on {name} answers here."),
            Line::UnknownModel(all) => format!("There is no such model. You can choose: {all}."),
            Line::Personas { now, all } => format!("Persona: {now}. You can choose: {all}."),
            Line::PersonaChosen(name) => format!("From now on {name} answers here."),
            Line::UnknownPersona(all) => {
                format!("There is no such persona. You can choose: {all}.")
            }
        }
    }

    fn chinese(&self) -> String {
        match self {
            Line::NotAllowed => "我不能在这里回答您。".into(),
            Line::Limit(wait) => format!("额度已用完，请在{}后再来。", chinese_time(*wait)),
            Line::Empty => "这条消息里没有我可以回答的内容。".into(),
            Line::TooLarge(limit) => format!("这条消息太大了，最多可以有 {}。", size(*limit)),
            Line::Busy(Some(wait)) => format!("模型正忙，请在{}后再试。", chinese_time(*wait)),
            Line::Busy(None) => "模型正忙，请稍后再试。".into(),
            Line::Resting(wait) => {
                format!("模型暂时不可用，请在{}后再试。", chinese_time(*wait))
            }
            Line::Failed(failure) => chinese_failure(*failure).into(),
            Line::Stopped => "已停止。".into(),
            Line::CutByLength => "回答已达到长度上限，说“继续”可以看后面的内容。".into(),
            Line::NothingToStop => "现在没有可以停止的回答。".into(),
            Line::Fresh => "新的对话开始了，之前的内容我不再参考。".into(),
            Line::Forgotten => "这个对话已被彻底删除。".into(),
            Line::NothingSaid => "这里还没有说过什么。".into(),
            Line::NothingToExplain => "还没有可以解释的回答。".into(),
            Line::UnknownCommand(name) => {
                format!("我不认识命令 `/{name}`，`/help` 会列出所有命令。")
            }
            Line::Models { now, all } => format!("模型：{now}。可选：{all}。"),
            Line::ModelChosen(name) => format!("从现在起由 {name} 回答。"),
            Line::UnknownModel(all) => format!("没有这个模型。可选：{all}。"),
            Line::Personas { now, all } => format!("角色：{now}。可选：{all}。"),
            Line::PersonaChosen(name) => format!("从现在起由 {name} 回答。"),
            Line::UnknownPersona(all) => format!("没有这个角色。可选：{all}。"),
        }
    }
}

fn english_failure(failure: Failure) -> &'static str {
    match failure {
        Failure::ModelUnavailable => {
            "The model is not available right now. Please try again later."
        }
        Failure::Deadline => "The answer took too long and was given up. Please try again.",
        Failure::Interrupted => "The answer broke off here. Please try again.",
        Failure::EmptyAnswer => "The model gave no answer. Please put it another way.",
        Failure::Declined => "The model's provider declined to answer this.",
        Failure::TooLong => "That message is too long for this model. Please shorten it.",
        Failure::Misconfigured => "The model is not set up correctly. The operator has been told.",
        Failure::Undeliverable => "The answer could not be delivered.",
        Failure::GaveUp => "I tried several times and could not answer this. Please ask again.",
        Failure::Internal => "Something went wrong on our side. Please try again.",
    }
}

fn chinese_failure(failure: Failure) -> &'static str {
    match failure {
        Failure::ModelUnavailable => "模型暂时不可用，请稍后再试。",
        Failure::Deadline => "回答耗时过长，已放弃。请再试一次。",
        Failure::Interrupted => "回答在这里中断了，请再试一次。",
        Failure::EmptyAnswer => "模型没有给出回答，请换个说法。",
        Failure::Declined => "模型的提供方拒绝回答这个问题。",
        Failure::TooLong => "这条消息对该模型来说太长了，请缩短一些。",
        Failure::Misconfigured => "模型没有正确配置，已通知管理员。",
        Failure::Undeliverable => "回答无法送达。",
        Failure::GaveUp => "我试了几次都没能回答，请再问一次。",
        Failure::Internal => "我们这边出了问题，请再试一次。",
    }
}

fn english_time(wait: Duration) -> String {
    let (count, unit) = rounded(wait);
    let unit = ["second", "minute", "hour", "day"][unit];
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn chinese_time(wait: Duration) -> String {
    let (count, unit) = rounded(wait);
    format!(" {count} {}", ["秒", "分钟", "小时", "天"][unit])
}

/// Rounded up, so that who comes back then does not come too early.
fn rounded(wait: Duration) -> (u64, usize) {
    let seconds = (wait.as_millis().div_ceil(1000) as u64).max(1);
    match seconds {
        ..90 => (seconds, 0),
        90..5400 => (seconds.div_ceil(60), 1),
        5400..172_800 => (seconds.div_ceil(3600), 2),
        _ => (seconds.div_ceil(86_400), 3),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        ..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_known_by_the_first_part_of_its_tag() {
        for (tag, language) in [
            ("en", Some(Language::English)),
            ("en-GB", Some(Language::English)),
            ("zh-Hans", Some(Language::Chinese)),
            ("ZH_CN", Some(Language::Chinese)),
            ("zhx", None),
            ("fr", None),
            ("", None),
        ] {
            assert_eq!(Language::of_tag(tag), language, "{tag}");
        }
    }

    #[test]
    fn a_wait_is_rounded_up_to_what_people_say() {
        for (millis, said) in [
            (0, "1 second"),
            (1_001, "2 seconds"),
            (89_000, "89 seconds"),
            (90_001, "2 minutes"),
            (3_600_000, "60 minutes"),
            (5_400_000, "2 hours"),
            (172_799_000, "48 hours"),
            (172_801_000, "3 days"),
        ] {
            assert_eq!(english_time(Duration::from_millis(millis)), said);
        }
    }

    #[test]
    fn every_failure_reads_differently_in_both_languages() {
        use Failure::*;
        let all = [
            ModelUnavailable,
            Deadline,
            Interrupted,
            EmptyAnswer,
            Declined,
            TooLong,
            Misconfigured,
            Undeliverable,
            GaveUp,
            Internal,
        ];
        for language in [Language::English, Language::Chinese] {
            let said: std::collections::BTreeSet<String> = all
                .iter()
                .map(|failure| Line::Failed(*failure).say(language))
                .collect();
            assert_eq!(said.len(), all.len());
        }
    }
}
