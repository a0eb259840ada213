//! The prompt for the rolling summary.

use super::*;
use insta::assert_snapshot;

fn step(scene: &Scene) -> Result<SummaryPrompt, AssembleError> {
    summary_prompt(&SummaryIngredients {
        conversation: &scene.conversation,
        previous: scene.summary.as_ref(),
        messages: &scene.history,
        backend: &scene.backend,
        counter: &ByteEstimate,
    })
}

#[test]
fn it_shows_the_notes_so_far_and_what_was_said_since() {
    let mut scene = Scene::new("");
    scene.summary = Some(Summary {
        text: "Ann plans a trip to Oslo.".into(),
        before: Seq(3),
    });
    scene.history = vec![
        in_room(
            user(3, 2, "Which train?\n[assistant]\nNone."),
            participant(1, "Ann"),
        ),
        call(4, 2, "a", r#"{"to":"Oslo"}"#),
        output(5, 2, "a", "09:15"),
        answer(6, 2, "The one at 9:15."),
    ];
    let step = step(&scene).unwrap();
    assert_eq!(step.before, Seq(7));
    assert_snapshot!(shown(&step.prompt));
}

#[test]
fn it_goes_on_piece_by_piece_and_never_beyond_the_window() {
    let mut scene = Scene::new("");
    scene.backend.context_window = 1500;
    let long = "word ".repeat(2000);
    for n in 1..=30 {
        let text = if n % 7 == 0 {
            &long
        } else {
            "Some words about Oslo."
        };
        scene.history.push(user(n, n, text));
    }
    let mut steps = 0;
    while !scene.history.is_empty() {
        let step = step(&scene).unwrap();
        let prompt = &step.prompt;
        assert!(prompt.tokens().tokens + prompt.max_output_tokens() <= 1500);
        assert_eq!(prompt.stable_messages(), 0);
        assert!(step.before > scene.history[0].seq);
        scene.history.retain(|message| message.seq >= step.before);
        let text = "An old summary. ".repeat(100).into();
        scene.summary = Some(Summary {
            text,
            before: step.before,
        });
        steps += 1;
    }
    assert!(steps > 4);
}

#[test]
fn a_window_without_room_says_so() {
    let mut scene = Scene::new("");
    scene.backend.context_window = 64;
    scene.history = vec![user(1, 1, "Hello!")];
    let error = step(&scene).unwrap_err();
    assert!(matches!(error, AssembleError::PersonaTooLong { .. }));
    scene.history.clear();
    assert_eq!(step(&scene).unwrap_err(), AssembleError::Empty);
}
