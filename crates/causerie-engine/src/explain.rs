//! Why a turn ended as it did, in plain words.

use crate::line::Language;
use causerie_core::{
    Timestamp,
    outcome::{Failure, Outcome, Refusal, TurnRecord},
};
use std::fmt::Write;

/// Explains a turn to the people of its conversation: `/why`.
pub fn for_person(record: &TurnRecord, language: Language) -> String {
    match language {
        Language::English => english(record),
        Language::Chinese => chinese(record),
    }
}

/// Whether people ask why about a turn: it answered, or it did not do what it was asked. Commands
/// are turns too, and nobody asks about those that were done.
pub(crate) fn is_of_interest(record: &TurnRecord) -> bool {
    let wanting = |outcome: &Outcome| matches!(outcome, Outcome::Refused(_) | Outcome::Failed(_));
    record.persona.is_some() || record.events.iter().any(|(_, outcome)| wanting(outcome))
}

/// Explains a turn to the operator, with all that was noted: `causerie explain`.
pub fn for_operator(record: &TurnRecord) -> String {
    let mut text = format!(
        "conversation {}, turn {}, {} ms\n",
        record.conversation,
        record.turn.0,
        record.ended.since(record.started).as_millis()
    );
    for (event, outcome) in &record.events {
        line(
            &mut text,
            format_args!("event {event}: {}", outcome_words(outcome)),
        );
    }
    if let (Some(persona), Some(model)) = (&record.persona, &record.model) {
        line(&mut text, format_args!("persona {persona}, model {model}"));
    }
    if record.attempts > 1 {
        line(&mut text, format_args!("begun {} times", record.attempts));
    }
    if record.steps > 0 {
        let prompt = &record.prompt;
        line(
            &mut text,
            format_args!("rounds of completion and tools: {}", record.steps),
        );
        line(
            &mut text,
            format_args!(
                "prompt: persona {}, summary {}, history {} ({} messages), turn {} tokens{}",
                prompt.persona,
                prompt.summary,
                prompt.history,
                prompt.messages,
                prompt.tail,
                if prompt.exact { "" } else { ", estimated" }
            ),
        );
        let usage = record.usage;
        line(
            &mut text,
            format_args!(
                "used: {} tokens in ({} cached), {} out",
                usage.input, usage.cached, usage.output
            ),
        );
        if usage.cost > 0 {
            line(&mut text, format_args!("cost: {}", money(usage.cost)));
        }
    }
    if let Some(millis) = record.first_text_ms {
        line(&mut text, format_args!("first text after {millis} ms"));
    }
    for message in &record.delivered {
        line(&mut text, format_args!("delivered as {message}"));
    }
    for note in &record.notes {
        line(&mut text, format_args!("note: {note}"));
    }
    text
}

fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    writeln!(text, "{words}").expect("a String takes everything");
}

fn outcome_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Answered => "answered".into(),
        Outcome::Superseded => "superseded".into(),
        Outcome::Failed(failure) => format!("failed: {}", failure_kind(*failure)),
        Outcome::Refused(Refusal::Limit { key, until }) => {
            format!("refused: limit {key}, until {}", utc(*until))
        }
        Outcome::Refused(Refusal::TooLarge { limit }) => {
            format!("refused: too-large, at most {limit} bytes")
        }
        Outcome::Refused(refusal) => format!("refused: {}", refusal_kind(refusal)),
    }
}

fn english(record: &TurnRecord) -> String {
    let mut text = match main_outcome(record) {
        Outcome::Answered => String::from("The last message was answered"),
        Outcome::Superseded => "The last message was stopped or replaced".into(),
        Outcome::Refused(Refusal::Limit { until, .. }) => format!(
            "The last message was refused (limit, there is room again at {})",
            utc(*until)
        ),
        Outcome::Refused(refusal) => {
            format!("The last message was refused ({})", refusal_kind(refusal))
        }
        Outcome::Failed(failure) => {
            format!(
                "The last message could not be answered ({})",
                failure_kind(*failure)
            )
        }
    };
    let seconds = record.ended.since(record.started).as_secs_f64();
    if let (Some(persona), Some(model)) = (&record.persona, &record.model) {
        write!(text, " by {persona} with the model {model}").expect("a String takes everything");
    }
    writeln!(text, " in {seconds:.1} s.").expect("a String takes everything");
    if record.steps > 0 {
        let (prompt, usage) = (&record.prompt, record.usage);
        let about = if prompt.exact { "" } else { "about " };
        line(
            &mut text,
            format_args!(
                "\nThe model saw {} earlier messages ({about}{} tokens){}, read {} tokens and wrote {}.",
                prompt.messages,
                prompt.history,
                if prompt.summary > 0 {
                    " and a summary of those before"
                } else {
                    ""
                },
                usage.input,
                usage.output
            ),
        );
    }
    if record.attempts > 1 {
        line(
            &mut text,
            format_args!("\nIt was begun {} times.", record.attempts),
        );
    }
    text
}

fn chinese(record: &TurnRecord) -> String {
    let mut text = match main_outcome(record) {
        Outcome::Answered => String::from("上一条消息已回答"),
        Outcome::Superseded => "上一条消息被停止或替换".into(),
        Outcome::Refused(Refusal::Limit { until, .. }) => {
            format!("上一条消息被拒绝（limit，{} 起又有额度）", utc(*until))
        }
        Outcome::Refused(refusal) => format!("上一条消息被拒绝（{}）", refusal_kind(refusal)),
        Outcome::Failed(failure) => format!("上一条消息未能回答（{}）", failure_kind(*failure)),
    };
    let seconds = record.ended.since(record.started).as_secs_f64();
    if let (Some(persona), Some(model)) = (&record.persona, &record.model) {
        write!(text, "，角色 {persona}，模型 {model}").expect("a String takes everything");
    }
    writeln!(text, "，用时 {seconds:.1} 秒。").expect("a String takes everything");
    if record.steps > 0 {
        let (prompt, usage) = (&record.prompt, record.usage);
        line(
            &mut text,
            format_args!(
                "\n模型看到了之前的 {} 条消息（{}{} 个词元）{}，读入 {} 个词元，写出 {} 个。",
                prompt.messages,
                if prompt.exact { "" } else { "约 " },
                prompt.history,
                if prompt.summary > 0 {
                    "和更早内容的摘要"
                } else {
                    ""
                },
                usage.input,
                usage.output
            ),
        );
    }
    if record.attempts > 1 {
        line(
            &mut text,
            format_args!("\n一共开始了 {} 次。", record.attempts),
        );
    }
    text
}

/// The outcome that people care about: that of the message, not of what came along with it.
fn main_outcome(record: &TurnRecord) -> &Outcome {
    let outcomes = || record.events.iter().map(|(_, outcome)| outcome);
    outcomes()
        .find(|outcome| **outcome != Outcome::Answered)
        .or_else(|| outcomes().next())
        .unwrap_or(&Outcome::Answered)
}

/// The refusal as a word for labels.
pub(crate) fn refusal_kind(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NotAllowed => "not-allowed",
        Refusal::Limit { .. } => "limit",
        Refusal::Bot => "bot",
        Refusal::Loop => "loop",
        Refusal::Empty => "empty",
        Refusal::TooLarge { .. } => "too-large",
    }
}

/// The failure as a word for labels.
pub(crate) fn failure_kind(failure: Failure) -> &'static str {
    match failure {
        Failure::ModelUnavailable => "model-unavailable",
        Failure::Deadline => "deadline",
        Failure::Interrupted => "interrupted",
        Failure::EmptyAnswer => "empty-answer",
        Failure::Declined => "declined",
        Failure::TooLong => "too-long",
        Failure::Misconfigured => "misconfigured",
        Failure::Undeliverable => "undeliverable",
        Failure::GaveUp => "gave-up",
        Failure::Internal => "internal",
    }
}

/// Millionths of a currency as `0.001234`.
fn money(millionths: u64) -> String {
    format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
}

/// An instant as `2026-11-24T12:00:00Z`.
fn utc(at: Timestamp) -> String {
    let seconds = at.0.div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since 0000-03-01, counted in eras of 400 years (Howard Hinnant's civil_from_days).
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_read_as_utc() {
        assert_eq!(utc(Timestamp(0)), "1970-01-01T00:00:00Z");
        assert_eq!(utc(Timestamp(1_795_521_600_000)), "2026-11-24T12:00:00Z");
        assert_eq!(utc(Timestamp(951_827_696_000)), "2000-02-29T12:34:56Z");
        assert_eq!(utc(Timestamp(-1)), "1969-12-31T23:59:59Z");
    }
}
