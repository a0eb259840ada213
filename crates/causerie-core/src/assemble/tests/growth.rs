//! What stays the same while a conversation grows.

use super::*;
use crate::prompt::PromptMessage;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A conversation of `turns` exchanges, every third with a tool. `check` sees each prompt, in all
/// steps of all turns.
fn grow(scene: &mut Scene, turns: u64, mut check: impl FnMut(&Scene, &Assembled)) {
    let mut seq = scene.window_start.0;
    let mut next = || {
        seq += 1;
        seq - 1
    };
    for turn in 1..=turns {
        scene.tail.now = scene.tail.now + std::time::Duration::from_secs(1800);
        scene.turn = vec![user(
            next(),
            turn,
            &format!("Question {turn}, in some words."),
        )];
        let mut assembled = scene.assemble().unwrap();
        check(scene, &assembled);
        if turn % 3 == 0 {
            scene.turn.push(call(next(), turn, "a", "{}"));
            scene.turn.push(output(next(), turn, "a", "Some output."));
            assembled = scene.assemble().unwrap();
            check(scene, &assembled);
        }
        scene
            .turn
            .push(answer(next(), turn, "An answer of some length."));
        scene.commit();
        scene.window_start = assembled.window_start;
        let start = scene.window_start;
        scene.history.retain(|message| message.seq >= start);
    }
}

#[test]
fn prompts_share_their_stable_messages_between_two_cuts() {
    for tell_time in [false, true] {
        let mut scene = Scene::new("You are a friendly assistant.");
        scene.persona.tell_time = tell_time;
        scene.persona.max_output_tokens = 100;
        scene.backend.context_window = 1200;
        let (mut before, mut cuts): (Vec<PromptMessage>, u32) = (vec![], 0);
        grow(&mut scene, 100, |_, assembled| {
            let prompt = &assembled.prompt;
            if assembled.cut.is_some() {
                cuts += 1;
            } else {
                assert!(prompt.messages().starts_with(&before));
            }
            before = prompt.messages()[..prompt.stable_messages()].to_vec();
        });
        assert!((2..=25).contains(&cuts), "{cuts}");
    }
}

#[test]
fn without_a_tail_all_words_of_a_turn_stay_where_they_are() {
    let mut scene = Scene::new("You are a friendly assistant.");
    let mut before: Vec<PromptMessage> = vec![];
    grow(&mut scene, 20, |_, assembled| {
        let messages = assembled.prompt.messages();
        assert!(messages.starts_with(&before));
        before = messages.to_vec();
    });
}

#[test]
fn what_was_cut_is_told_once_and_without_gaps() {
    let mut scene = Scene::new("");
    scene.persona.max_output_tokens = 100;
    scene.backend.context_window = 1000;
    let mut told = Seq(1);
    grow(&mut scene, 100, |scene, assembled| {
        let Some(cut) = assembled.cut else { return };
        if cut.before == told {
            return;
        }
        assert_eq!(cut.from, told);
        assert_eq!(cut.before, assembled.window_start);
        told = cut.before;
        let low = 900.0 * scene.persona.window.low_water;
        assert!(f64::from(assembled.prompt.tokens().tokens) <= f64::from(low));
    });
    assert!(told > Seq(100));
}

#[test]
fn most_of_the_input_can_be_cached() {
    let mut scene = Scene::new("You are a friendly assistant.");
    scene.persona.max_output_tokens = 100;
    scene.backend.context_window = 4000;
    let (mut before, mut same, mut all): (Vec<PromptMessage>, usize, usize) = (vec![], 0, 0);
    grow(&mut scene, 300, |_, assembled| {
        let messages = assembled.prompt.messages();
        let shared = messages.iter().zip(&before).take_while(|(a, b)| a == b);
        same += shared.map(|(a, _)| a.text.len()).sum::<usize>();
        all += messages.iter().map(|m| m.text.len()).sum::<usize>();
        before = messages.to_vec();
    });
    let share = same * 100 / all;
    assert!(share >= 90, "{share} %");
}

/// Adds up the bytes it is shown.
#[derive(Default)]
struct Bytes(AtomicUsize);

impl TokenCounter for Bytes {
    fn count(&self, text: &str) -> u32 {
        self.0.fetch_add(text.len(), Ordering::Relaxed);
        ByteEstimate.count(text)
    }

    fn per_message(&self) -> u32 {
        ByteEstimate.per_message()
    }

    fn exact(&self) -> bool {
        true
    }
}

#[test]
fn every_word_is_counted_once() {
    let mut scene = Scene::new("");
    for n in 1..=1000 {
        scene
            .history
            .push(user(2 * n - 1, n, "A question of some length."));
        scene
            .history
            .push(answer(2 * n, n, "An answer of some length."));
    }
    scene.turn = vec![user(2001, 1001, "And now?")];
    let bytes: usize = scene.history.iter().map(|m| m.text().len()).sum();
    let counter = Bytes::default();
    let assembled = assemble(&Ingredients {
        counter: &counter,
        ..scene.ingredients()
    });
    let assembled = assembled.unwrap();
    assert!(assembled.cut.is_some() && assembled.prompt.tokens().exact);
    let counted = counter.0.into_inner();
    assert!(counted <= bytes + 100, "{counted} bytes of {bytes}");
}
