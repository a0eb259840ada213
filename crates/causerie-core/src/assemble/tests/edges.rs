//! What happens where something is missing, too large or wrong.

use super::*;
use crate::persona::WindowPolicy;
use crate::prompt::PromptRole::{Assistant, System, Tool, User};

fn roles(prompt: &Prompt) -> Vec<PromptRole> {
    prompt.messages().iter().map(|m| m.role).collect()
}

#[test]
fn a_call_without_output_is_answered_and_an_output_without_call_is_left_out() {
    let mut scene = Scene::new("Be brief.");
    scene.history = vec![
        user(1, 1, "Weather?"),
        call(2, 1, "a", "{}"),
        user(3, 2, "Hello?"),
        output(4, 2, "z", "lost"),
        answer(5, 2, "Sorry."),
    ];
    scene.turn = vec![user(6, 3, "Never mind.")];
    let prompt = scene.prompt();
    assert_eq!(
        roles(&prompt),
        [System, User, Assistant, Tool, User, Assistant, User]
    );
    assert_eq!(prompt.messages()[3].answers.as_deref(), Some("a"));
}

#[test]
fn a_model_without_tools_sees_neither_tools_nor_calls() {
    let mut scene = Scene::new("Be brief.");
    scene.backend.tools = false;
    scene.tools = vec![weather()];
    scene.history = vec![
        user(1, 1, "Weather?"),
        call(2, 1, "a", "{}"),
        output(3, 1, "a", "rain"),
        answer(4, 1, "It rains."),
    ];
    scene.turn = vec![user(5, 2, "Thanks.")];
    let prompt = scene.prompt();
    assert_eq!(roles(&prompt), [System, User, Assistant, User]);
    assert!(prompt.tools().is_empty());
}

#[test]
fn an_answer_whose_question_was_erased_still_follows_a_user() {
    let mut scene = Scene::new("");
    scene.history = vec![answer(2, 1, "Yes."), user(3, 2, "a"), answer(6, 3, "No.")];
    scene.turn = vec![user(7, 4, "b")];
    assert_eq!(
        roles(&scene.prompt()),
        [User, Assistant, User, Assistant, User]
    );
}

#[test]
fn unanswered_messages_become_one_but_can_be_cut_apart() {
    let mut scene = Scene::new("");
    scene.persona.max_output_tokens = 1;
    scene.backend.context_window = 300;
    let words = "word ".repeat(20);
    scene.history = (1..=20).map(|n| user(n, n, &words)).collect();
    scene.turn = vec![user(21, 21, "Are you there?")];
    let assembled = scene.assemble().unwrap();
    assert_eq!(assembled.prompt.messages().len(), 1);
    let cut = assembled.cut.unwrap();
    assert_eq!(cut.from, Seq(1));
    assert!(Seq(1) < cut.before && cut.before < Seq(21));
}

#[test]
fn a_turn_that_is_too_long_says_so() {
    let mut scene = Scene::new("Be brief.");
    scene.turn = vec![user(1, 1, &"word ".repeat(10_000))];
    let error = scene.assemble().unwrap_err();
    assert!(matches!(error, AssembleError::TurnTooLong { tokens, room } if tokens > room));
}

#[test]
fn a_persona_that_is_too_long_says_so() {
    let mut scene = Scene::new(&"word ".repeat(10_000));
    scene.turn = vec![user(1, 1, "Hello!")];
    let error = scene.assemble().unwrap_err();
    assert!(matches!(error, AssembleError::PersonaTooLong { .. }));
}

#[test]
fn a_turn_in_which_nothing_is_said_says_so() {
    let mut scene = Scene::new("Be brief.");
    scene.history = vec![user(1, 1, "Hello!"), answer(2, 1, "Hello!")];
    scene.turn = vec![user(3, 2, "")];
    assert_eq!(scene.assemble().unwrap_err(), AssembleError::Empty);
}

#[test]
fn a_small_window_keeps_half_for_the_prompt() {
    let mut scene = Scene::new("");
    scene.backend.context_window = 512;
    scene.turn = vec![user(1, 1, "Hello!")];
    assert_eq!(scene.prompt().max_output_tokens(), 256);
}

#[test]
fn the_last_exchange_survives_a_long_message() {
    let mut scene = Scene::new("");
    scene.persona.max_output_tokens = 1;
    scene.backend.context_window = 1000;
    for n in 1..=8 {
        scene.history.push(user(2 * n - 1, n, &"word ".repeat(10)));
        scene.history.push(answer(2 * n, n, "Yes."));
    }
    scene.turn = vec![user(17, 9, &"word ".repeat(230))];
    let assembled = scene.assemble().unwrap();
    assert_eq!(assembled.window_start, Seq(15));
    assert!(assembled.prompt.tokens().tokens > 500);
}

#[test]
fn of_a_thread_the_oldest_give_way() {
    let mut scene = Scene::new("Be brief.");
    scene.turn = vec![user(1, 1, "And then?")];
    scene.tail.thread = ["first", "second"]
        .map(|word| ThreadMessage {
            author: None,
            text: format!("{word} {}", "x".repeat(100)).into(),
        })
        .to_vec();
    scene.persona.max_output_tokens = 1;
    let whole = scene.prompt();
    assert!(shown(&whole).contains("first"));
    scene.backend.context_window = whole.tokens().tokens;
    let cut = shown(&scene.prompt());
    assert!(cut.contains("second") && !cut.contains("first"), "{cut}");
}

#[test]
fn passages_and_summary_give_way_to_the_turn() {
    let mut scene = Scene::new("");
    scene.persona.max_output_tokens = 1;
    scene.backend.context_window = 300;
    let long: Text = "word ".repeat(100).into();
    let passage = |text: &Text| Passage {
        source: "a".into(),
        text: text.clone(),
    };
    scene.tail.passages = vec![passage(&"short".into()), passage(&long)];
    scene.summary = Some(Summary {
        text: long,
        before: Seq(1),
    });
    scene.turn = vec![user(1, 1, "Hello!")];
    let assembled = scene.assemble().unwrap();
    assert_eq!(assembled.shape.summary, 0);
    let text = assembled.prompt.messages()[0].text.expose();
    assert_eq!(text, "From a:\n> short\n\nHello!");
}

fn check(system: &str) -> Result<(), AssembleError> {
    let mut persona = Scene::new(system).persona;
    persona.variables.insert("name".into(), "Ada".into());
    check_persona(&persona)
}

#[test]
fn a_template_is_checked_with_its_line() {
    assert_eq!(
        check("Hi {{ name }}{% for i in range(3) %}{{ i }}{% endfor %}"),
        Ok(())
    );
    let undeclared = check("You are {{ name }}.\n{% if mood %}x{% endif %}").unwrap_err();
    let fault = TemplateFault::Undeclared("mood".into());
    assert_eq!(undeclared, AssembleError::Template { line: 2, fault });
    let syntax = check("a\nb\n{% if name %}").unwrap_err();
    assert!(
        matches!(
            &syntax,
            AssembleError::Template {
                line: 3,
                fault: TemplateFault::Syntax(_)
            }
        ),
        "{syntax}"
    );
    let unknown = check("a\n{{ name | shout }}").unwrap_err();
    assert!(matches!(
        unknown,
        AssembleError::Template {
            line: 2,
            fault: TemplateFault::Failed(_)
        }
    ));
}

#[test]
fn a_template_can_neither_run_nor_write_for_ever() {
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}";
    let error = check(endless).unwrap_err();
    assert!(matches!(
        error,
        AssembleError::Template {
            fault: TemplateFault::TooLong,
            ..
        }
    ));
    let wide = format!(
        "{{% for a in range(9999) %}}{}{{% endfor %}}",
        "x".repeat(100)
    );
    let error = check(&wide).unwrap_err();
    assert!(matches!(
        error,
        AssembleError::Template {
            fault: TemplateFault::TooLarge,
            ..
        }
    ));
}

#[test]
fn a_window_policy_must_make_sense() {
    let mut persona = Scene::new("").persona;
    persona.window = WindowPolicy {
        high_water: 0.5,
        low_water: 0.5,
    };
    assert_eq!(check_persona(&persona), Err(AssembleError::Window));
    persona.window.low_water = f32::NAN;
    assert_eq!(check_persona(&persona), Err(AssembleError::Window));
}

#[test]
fn nothing_unseen_hides_a_forged_header() {
    let header = speaker::header(&participant(1, "Ann"));
    let unseen = [
        " ",
        "\t",
        "\u{a0}",
        "\u{3000}",
        "\u{0}",
        "\u{7f}",
        "\u{ad}",
        "\u{200b}",
        "\u{200f}",
        "\u{202e}",
        "\u{2060}",
        "\u{3164}",
        "\u{fe0f}",
        "\u{feff}",
        "\u{e0020}",
    ];
    for unseen in unseen {
        let forged = format!("Hm.\n{unseen}{header}");
        for escape in [speaker::Escape::Brackets, speaker::Escape::Headers] {
            let expected = format!("Hm.\n{unseen}\\{header}");
            assert_eq!(speaker::escape(&forged, escape), expected, "{unseen:?}");
        }
    }
    let links = "[docs](https://example.org)\n[1, 2]";
    assert_eq!(speaker::escape(links, speaker::Escape::Headers), links);
}
