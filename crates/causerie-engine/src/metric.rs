//! What is measured. Labels name kinds and outcomes, never ids.

use crate::wrap::breaker::Change;
use causerie_core::{
    backend::BackendError,
    id::ModelName,
    outcome::{Outcome, TurnRecord, Usage},
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
    describe_counter!(
        "causerie_messages_unconfirmed_total",
        "Messages of which nobody knows whether they were created; they are not sent again"
    );
    describe_counter!(
        "causerie_answers_postponed_total",
        "How often an answer was put off because its platform was away or asked us to wait"
    );
    describe_counter!("causerie_tokens_total", "Tokens used, by kind");
    describe_counter!(
        "causerie_feedback_total",
        "Judgements on answers, by rating"
    );
    describe_counter!(
        "causerie_summaries_total",
        "Summaries, by what became of them"
    );
    describe_counter!(
        "causerie_model_completions_total",
        "Completions, by model and how they ended"
    );
    describe_counter!(
        "causerie_model_tokens_total",
        "Tokens used, by model and kind"
    );
    describe_counter!(
        "causerie_model_cost_total",
        "Money used by model, in millionths of the currency of the price table"
    );
    describe_counter!(
        "causerie_model_retries_total",
        "Retries, by model and whether the budget allowed them"
    );
    describe_gauge!(
        "causerie_model_breaker",
        "Whether a model is asked: 0 yes, 1 one probe is, 2 no"
    );
    describe_gauge!(
        "causerie_model_waiting",
        "Completions that wait for what the provider allows"
    );
    describe_gauge!("causerie_model_running", "Completions under way");
    describe_gauge!(
        "causerie_model_concurrency",
        "Completions that may be under way at once, as it adapts"
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

pub(crate) fn message_unconfirmed() {
    counter!("causerie_messages_unconfirmed_total").increment(1);
}

pub(crate) fn postponed() {
    counter!("causerie_answers_postponed_total").increment(1);
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

/// A completion has ended.
pub(crate) fn completion(model: &ModelName, result: &'static str) {
    let model = model.to_string();
    counter!("causerie_model_completions_total", "model" => model, "result" => result).increment(1);
}

/// A completion has used this.
pub(crate) fn used(model: &ModelName, usage: Usage) {
    for (kind, tokens) in [
        ("input", usage.input),
        ("cached", usage.cached),
        ("output", usage.output),
    ] {
        if tokens > 0 {
            let model = model.to_string();
            counter!("causerie_model_tokens_total", "model" => model, "kind" => kind)
                .increment(tokens);
        }
    }
    if usage.cost > 0 {
        counter!("causerie_model_cost_total", "model" => model.to_string()).increment(usage.cost);
    }
}

/// A model was to be tried again.
pub(crate) fn retry(model: &ModelName, result: &'static str) {
    let model = model.to_string();
    counter!("causerie_model_retries_total", "model" => model, "result" => result).increment(1);
}

/// A breaker's state.
pub(crate) fn breaker(model: &ModelName, change: Change) {
    let state = match change {
        Change::Closed => 0.0,
        Change::HalfOpen => 1.0,
        Change::Opened(_) => 2.0,
    };
    gauge!("causerie_model_breaker", "model" => model.to_string()).set(state);
}

/// What waits and runs, and how much may run.
pub(crate) fn quota(model: &ModelName, waiting: usize, running: u32, allowed: f64) {
    let model = model.to_string();
    gauge!("causerie_model_waiting", "model" => model.clone()).set(waiting as f64);
    gauge!("causerie_model_running", "model" => model.clone()).set(f64::from(running));
    gauge!("causerie_model_concurrency", "model" => model).set(allowed);
}

/// The error as a word for labels.
pub(crate) fn error_kind(error: &BackendError) -> &'static str {
    match error {
        BackendError::Busy { .. } => "busy",
        BackendError::Unavailable { .. } => "unavailable",
        BackendError::Resting { .. } => "resting",
        BackendError::Loading => "loading",
        BackendError::TimedOut => "timed-out",
        BackendError::Interrupted { .. } => "interrupted",
        BackendError::Overflow { .. } => "overflow",
        BackendError::Declined => "declined",
        BackendError::Misconfigured { .. } => "misconfigured",
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
