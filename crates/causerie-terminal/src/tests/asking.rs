//! One question, as a script puts it.

use super::{
    clock,
    inbox::{Act, Door, Engine, FAILED, LIMITED},
};
use crate::{
    Ask, AskConfig, Ending,
    look::Look,
    screen::{Screen, tests::Paper},
    signal::Interrupts,
};
use causerie_core::{
    Text,
    backend::Readiness,
    id::ModelName,
    platform::{Accepted, Notice, Platform},
};
use futures::{StreamExt, future, stream};
use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

/// What was seen of one question.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    out: String,
    err: String,
    ending: Ending,
}

#[derive(Clone, Copy, Default)]
struct How {
    json: bool,
    live: bool,
    styled: bool,
    interrupt: bool,
}

async fn ask(engine: Engine, how: How) -> (Seen, Arc<Engine>) {
    let (out, err) = (Paper::default(), Paper::default());
    let seen = ask_on(
        engine,
        how,
        Box::new(out.clone()),
        Box::new(err.clone()),
        "Why?",
    )
    .await;
    (
        Seen {
            out: out.read(),
            err: err.read(),
            ending: seen.0,
        },
        seen.1,
    )
}

async fn ask_on(
    engine: Engine,
    how: How,
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    question: &str,
) -> (Ending, Arc<Engine>) {
    let look = Look {
        live: how.live,
        styled: how.styled,
    };
    let presses = stream::once(tokio::time::sleep(Duration::from_secs(2)));
    let presses = if how.interrupt {
        presses.boxed()
    } else {
        stream::pending().boxed()
    };
    let config = AskConfig {
        question: Text::new(question),
        conversation: Some("script".to_owned()),
        name: "Me".to_owned(),
        json: how.json,
        model: Some(ModelName::new("small").unwrap()),
        clock: clock(),
    };
    let out = Screen::new(out, look, || 80);
    let err = Screen::new(err, Look::default(), || 80);
    let ask = Arc::new(Ask::on(config, out, err, Interrupts::new(presses)).unwrap());
    let platform: Arc<dyn Platform> = Arc::clone(&ask) as Arc<dyn Platform>;
    let engine = Arc::new(engine);
    engine.serve(&platform);
    let inbox = Arc::new(Door(Arc::clone(&engine)));
    ask.run(inbox, Box::pin(future::pending())).await.unwrap();
    (ask.ending(), engine)
}

fn seen(out: &str, err: &str, ending: Ending) -> Seen {
    Seen {
        out: out.to_owned(),
        err: err.to_owned(),
        ending,
    }
}

const ANSWER: Act = Act::Stream(&["Be", "cause **so**.\n"]);

#[tokio::test(start_paused = true)]
async fn a_pipe_gets_the_answer_and_nothing_else() {
    let (answer, engine) = ask(Engine::new([ANSWER]), How::default()).await;
    assert_eq!(answer, seen("Because **so**.\n", "", Ending::Answered));
    assert_eq!(answer.ending.code(), 0);
    assert_eq!(engine.texts(), ["Why?"]);
}

#[tokio::test(start_paused = true)]
async fn a_person_sees_it_grow() {
    let how = How {
        live: true,
        ..How::default()
    };
    let (answer, _) = ask(Engine::new([ANSWER]), how).await;
    assert_eq!(answer.ending, Ending::Answered);
    assert!(answer.out.starts_with("Be"), "{answer:?}");
    assert!(
        answer.out.ends_with('\n') && !answer.out.ends_with("\n\n"),
        "{answer:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_person_sees_what_there_is_before_it_breaks() {
    let how = How {
        live: true,
        ..How::default()
    };
    let (answer, _) = ask(Engine::new([Act::Broken("Half", "It broke.", FAILED)]), how).await;
    assert_eq!(answer, seen("Half\n", "It broke.\n", Ending::Failed));
}

#[tokio::test(start_paused = true)]
async fn a_person_with_colours_sees_markdown_rendered_and_json_stays_as_it_is() {
    let how = How {
        live: true,
        styled: true,
        ..How::default()
    };
    let (answer, _) = ask(Engine::new([ANSWER]), how).await;
    assert!(
        answer.out.starts_with("Because \x1b[1mso") && answer.out.ends_with(".\n"),
        "{answer:?}"
    );
    let json = How { json: true, ..how };
    let (answer, _) = ask(Engine::new([ANSWER]), json).await;
    assert!(answer.out.contains("Because **so**."), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn json_is_one_object() {
    let how = How {
        json: true,
        live: true,
        ..How::default()
    };
    let (answer, _) = ask(Engine::new([ANSWER]), how).await;
    let json: serde_json::Value = serde_json::from_str(&answer.out).unwrap();
    let expected = serde_json::json!({
        "outcome": "answered", "answer": "Because **so**.", "notice": null,
        "retry_at_ms": null, "model": "small", "conversation": "terminal/script",
    });
    assert_eq!(json, expected);
    let limited = Engine::new([Act::Notice("Come back.", LIMITED)]);
    let (answer, _) = ask(limited, how).await;
    let json: serde_json::Value = serde_json::from_str(&answer.out).unwrap();
    assert_eq!(json["outcome"], "limited");
    assert_eq!(
        (json["retry_at_ms"].as_i64(), &json["answer"]),
        (Some(5_000), &serde_json::Value::Null)
    );
    assert_eq!(json["notice"], "Come back.");
}

#[tokio::test(start_paused = true)]
async fn failures_and_refusals_have_their_own_codes() {
    let code = async |acts: Vec<Act>| {
        let (answer, _) = ask(Engine::new(acts), How::default()).await;
        (answer.ending.code(), answer.out, answer.err)
    };
    let both = vec![Act::Broken("Half", "It broke.", FAILED)];
    assert_eq!(
        code(both).await,
        (69, "Half\n".into(), "It broke.\n".into())
    );
    let limited = Act::Notice("Later.", LIMITED);
    assert_eq!(
        code(vec![limited]).await,
        (75, String::new(), "Later.\n".into())
    );
    let refused = Act::Notice("Never.", Notice::Refused { until: None });
    assert_eq!(
        code(vec![refused]).await,
        (77, String::new(), "Never.\n".into())
    );
    let told = Act::Notice("It was cut.", Notice::Told);
    let both = vec![ANSWER, told.clone()];
    assert_eq!(
        code(both).await,
        (0, "Because **so**.\n".into(), "It was cut.\n".into())
    );
    assert_eq!(
        code(vec![told]).await,
        (0, "It was cut.\n".into(), String::new())
    );
    assert_eq!(
        code(Vec::new()).await,
        (69, String::new(), "There was no answer.\n".into())
    );
}

#[tokio::test(start_paused = true)]
async fn ctrl_c_stops_the_model_and_leaves() {
    let how = How {
        interrupt: true,
        ..How::default()
    };
    let (answer, engine) = ask(Engine::new([Act::Endless("On and on")]), how).await;
    assert_eq!(answer.ending.code(), 130);
    assert_eq!(engine.texts(), ["Why?", "STOP"]);
}

#[tokio::test(start_paused = true)]
async fn the_question_waits_for_the_model_but_a_command_does_not() {
    let loading = || {
        let engine = Engine::new([ANSWER]);
        *engine.readiness.lock().unwrap() = Readiness::Loading { percent: Some(40) };
        engine
    };
    let how = How {
        interrupt: true,
        ..How::default()
    };
    let (answer, engine) = ask(loading(), how).await;
    assert_eq!(answer.ending, Ending::Interrupted);
    assert_eq!(
        engine.texts(),
        ["STOP"],
        "nothing was asked while the model was loading"
    );

    let paper = || Box::new(Paper::default());
    let (ending, _) = ask_on(loading(), How::default(), paper(), paper(), "/help").await;
    assert_eq!(ending, Ending::Answered);

    let broken = loading();
    *broken.readiness.lock().unwrap() = Readiness::Failed("Run `causerie models pull`.".into());
    let (answer, _) = ask(broken, How::default()).await;
    assert_eq!(
        answer,
        seen("", "Run `causerie models pull`.\n", Ending::Failed)
    );
}

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_is_a_failure() {
    let mut engine = Engine::new([]);
    engine.accepts = Accepted::Full;
    let (answer, _) = ask(engine, How::default()).await;
    assert_eq!(answer.ending.code(), 69);
    assert!(answer.err.contains("Too many messages"), "{answer:?}");
}

/// A reader that has left.
struct Left;

impl Write for Left {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_has_left_is_no_failure() {
    for live in [false, true] {
        let how = How {
            live,
            ..How::default()
        };
        let err = Paper::default();
        let engine = Engine::new([Act::Stream(&["a", "b", "c"])]);
        let seen = ask_on(engine, how, Box::new(Left), Box::new(err.clone()), "Why?").await;
        assert_eq!((seen.0, err.read().as_str()), (Ending::Answered, ""));
    }
}
