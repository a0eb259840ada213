//! Summaries: what was cut is summed up in the background, whatever goes wrong, and what was erased
//! is never heard of again.

use causerie_core::{
    id::Seq,
    limit::{Limit, LimitScope, LimitUnit, Window},
    outcome::Outcome,
    store::ConversationState,
};
use causerie_testkit::{backend::Script, chat::Chat};
use std::time::Duration;
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

/// A model with so small a window that history is cut after a few messages.
fn chat() -> Chat {
    chat_within(vec![])
}

fn chat_within(limits: Vec<Limit>) -> Chat {
    let chat = Chat::with(|setup| {
        setup.persona.max_output_tokens = 100;
        setup.persona.limits = limits;
    });
    chat.backend
        .set_capabilities(|can| can.context_window = 1200);
    chat
}

async fn state(chat: &Chat) -> ConversationState {
    chat.store.state(chat.conversation()).await.unwrap()
}

fn words(number: usize) -> String {
    format!("Number {number}: {}", "lorem ipsum ".repeat(12))
}

/// Talks until history is cut again, and says how many messages that took.
async fn talk(chat: &mut Chat, said: &mut usize) -> usize {
    let (before, began) = (state(chat).await.window_start, *said);
    while state(chat).await.window_start == before {
        *said += 1;
        assert!(*said - began < 40, "history is cut sooner or later");
        chat.say(&words(*said)).await;
    }
    *said - began
}

/// A chat whose history has just been cut, and in which `summary` is what the model does then.
async fn cut_with(summary: Script) -> (Chat, usize) {
    let until_cut = {
        let mut chat = chat();
        chat.backend.expect((0..40).map(|_| Script::say("Ok.")));
        talk(&mut chat, &mut 0).await
    };
    let (mut chat, mut said) = (chat(), 0);
    let answers = (0..until_cut).map(|_| Script::say("Ok."));
    chat.backend.expect(answers.chain([summary]));
    assert_eq!(talk(&mut chat, &mut said).await, until_cut);
    sleep(SECOND).await;
    assert!(asked_for_notes(&chat).len() == 1 && state(&chat).await.summary.is_none());
    (chat, said)
}

/// The prompts that wanted a summary.
fn asked_for_notes(chat: &Chat) -> Vec<String> {
    let mut prompts = chat.backend.prompt_texts();
    prompts.retain(|prompt| prompt.starts_with("system: You keep the notes"));
    prompts
}

/// The summary that follows the next cut begins with the first message, and leaves nothing out.
async fn assert_made_up_for(chat: &mut Chat, mut said: usize) {
    let before = asked_for_notes(chat).len();
    talk(chat, &mut said).await;
    sleep(60 * SECOND).await;
    let prompts = asked_for_notes(chat)[before..].join("\n");
    let state = state(chat).await;
    assert_eq!(state.summary.map(|s| s.before), Some(state.window_start));
    let history = chat.history().await;
    let cut = history.iter().filter(|m| m.seq < state.window_start);
    for message in cut {
        let text = message.text().into_exposed();
        assert!(
            prompts.contains(text.lines().next().unwrap().trim()),
            "{text}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_cut_makes_up_for_a_summary_that_failed() {
    let (mut chat, said) = cut_with(Script::say("Half").then_cut()).await;
    assert_made_up_for(&mut chat, said).await;
}

#[tokio::test(start_paused = true)]
async fn the_next_cut_makes_up_for_a_summary_that_panicked() {
    let (mut chat, said) = cut_with(Script::say("Half").then_panic()).await;
    assert_made_up_for(&mut chat, said).await;
}

#[tokio::test(start_paused = true)]
async fn the_next_cut_makes_up_for_a_summary_that_died_with_its_process() {
    let (mut chat, said) = cut_with(Script::nothing().then_wait(100 * SECOND)).await;
    chat.restart_after_kill().await;
    assert_made_up_for(&mut chat, said).await;
}

#[tokio::test(start_paused = true)]
async fn a_summary_under_way_does_not_bring_back_what_was_erased() {
    for command in ["/forget", "delete"] {
        let late = Script::say("They said").then_wait(60 * SECOND);
        let (mut chat, _) = cut_with(late.then_say(" secrets.")).await;
        match command {
            "delete" => drop(chat.delete().await),
            command => drop(chat.say(command).await),
        }
        assert_eq!(chat.backend.forgotten().len(), 1);
        sleep(100 * SECOND).await;
        assert_eq!(state(&chat).await.summary, None);
        // What the model has read since the erasure is forgotten too.
        assert_eq!(chat.backend.forgotten().len(), 2);
        chat.say("And now?").await;
        let prompt = chat.backend.prompt_texts().pop().unwrap();
        assert!(!prompt.contains("secrets"), "{prompt}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_begins_afresh_does_not_hear_of_it_again() {
    let late = Script::say("They said").then_wait(60 * SECOND);
    let (mut chat, mut said) = cut_with(late.then_say(" secrets.")).await;
    chat.say("/new").await;
    let began = state(&chat).await.began;
    assert!(began > Seq(1));
    sleep(100 * SECOND).await;
    assert_eq!(state(&chat).await.summary, None);
    let before = asked_for_notes(&chat).len();
    let first = said + 1;
    talk(&mut chat, &mut said).await;
    sleep(60 * SECOND).await;
    let prompts = asked_for_notes(&chat)[before..].join("\n");
    assert!(prompts.contains(&format!("Number {first}:")));
    assert!(!prompts.contains("Number 1:"));
}

/// What the answers up to the first cut took, and how many there were.
async fn taken_until_cut() -> (u64, usize) {
    let (mut chat, mut said) = (chat(), 0);
    chat.backend.expect((0..40).map(|_| Script::say("Ok.")));
    talk(&mut chat, &mut said).await;
    let turns = chat.turns().await;
    (turns.iter().map(|turn| turn.usage.total()).sum(), said)
}

#[tokio::test(start_paused = true)]
async fn a_summary_is_paid_for_by_whom_it_is_made_for() {
    let (taken, said) = taken_until_cut().await;
    for scope in [LimitScope::Participant, LimitScope::Conversation] {
        // What is left when history is cut: too little for a summary, and at last just enough.
        let mut refused = 0;
        for left in (0..4000).step_by(20) {
            let limit = Limit::new(scope, LimitUnit::Tokens, taken + left, Window::Day);
            let mut chat = chat_within(vec![limit]);
            chat.backend.expect((0..40).map(|_| Script::say("Ok.")));
            let answered = (1..=said).map(words);
            let mut all = true;
            for words in answered {
                chat.say(&words).await;
                all &= chat.turns().await[0].events[0].1 == Outcome::Answered;
            }
            sleep(60 * SECOND).await;
            let asked = asked_for_notes(&chat).len();
            assert_eq!(asked, usize::from(state(&chat).await.summary.is_some()));
            if asked == 0 {
                refused += usize::from(all);
                continue;
            }
            // It took what was left, so there is nothing for the next question.
            chat.say(&words(said + 1)).await;
            let outcome = chat.turns().await[0].events[0].1.clone();
            assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
            break;
        }
        assert!(refused > 0, "answers came first");
    }
}
