//! What is measured. Labels name kinds and outcomes, never ids.

use causerie_core::{
    outcome::{Outcome, TurnRecord},
    platform::Accepted,
};
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

/// Tells the recorder what the names mean.
pub(crate) fn describe() {
    describe_counter!(
        "causerie_offers_total",
        "Events offered, by what became of them"
    );
    describe_counter!(
        "causerie_outcomes_total",
        "Events with an outcome, by outcome"
    );
    describe_counter!("causerie_claims_lost_total", "Turns that lost their claim");
    describe_counter!("causerie_tokens_total", "Tokens used, by kind");
    describe_counter!(
        "causerie_feedback_total",
        "Judgements on answers, by rating"
    );
    describe_counter!(
        "causerie_summaries_total",
        "Summaries, by what became of them"
    );
    describe_gauge!("causerie_turns_active", "Turns at work");
    describe_gauge!(
        "causerie_summaries_queued",
        "Conversations that wait for a summary"
    );
    describe_histogram!(
        "causerie_turn_seconds",
        Unit::Seconds,
        "From claim to commit"
    );
    describe_histogram!(
        "causerie_wait_seconds",
        Unit::Seconds,
        "From message to claim"
    );
    describe_histogram!(
        "causerie_first_text_seconds",
        Unit::Seconds,
        "From claim to first text"
    );
}

pub(crate) fn offered(accepted: Accepted) {
    let result = match accepted {
        Accepted::Queued => "queued",
        Accepted::Duplicate => "duplicate",
        Accepted::Full => "full",
    };
    counter!("causerie_offers_total", "result" => result).increment(1);
}

pub(crate) fn turns_active(count: usize) {
    gauge!("causerie_turns_active").set(count as f64);
}

pub(crate) fn claim_lost() {
    counter!("causerie_claims_lost_total").increment(1);
}

pub(crate) fn feedback(rating: &'static str) {
    counter!("causerie_feedback_total", "rating" => rating).increment(1);
}

pub(crate) fn summary(result: &'static str) {
    counter!("causerie_summaries_total", "result" => result).increment(1);
}

pub(crate) fn summaries_queued(count: usize) {
    gauge!("causerie_summaries_queued").set(count as f64);
}

/// A message began to be answered, after this long.
pub(crate) fn waited(wait: std::time::Duration) {
    histogram!("causerie_wait_seconds").record(wait.as_secs_f64());
}

/// A turn was committed.
pub(crate) fn committed(record: &TurnRecord) {
    for (_, outcome) in &record.events {
        let (outcome, kind) = labels(outcome);
        counter!("causerie_outcomes_total", "outcome" => outcome, "kind" => kind).increment(1);
    }
    histogram!("causerie_turn_seconds").record(record.ended.since(record.started).as_secs_f64());
    if let Some(millis) = record.first_text_ms {
        histogram!("causerie_first_text_seconds").record(millis as f64 / 1000.0);
    }
    let usage = record.usage;
    for (kind, tokens) in [
        ("input", usage.input),
        ("cached", usage.cached),
        ("output", usage.output),
    ] {
        if tokens > 0 {
            counter!("causerie_tokens_total", "kind" => kind).increment(tokens);
        }
    }
}

fn labels(outcome: &Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Answered => ("answered", ""),
        Outcome::Superseded => ("superseded", ""),
        Outcome::Refused(refusal) => ("refused", crate::explain::refusal_kind(refusal)),
        Outcome::Failed(failure) => ("failed", crate::explain::failure_kind(*failure)),
    }
}
