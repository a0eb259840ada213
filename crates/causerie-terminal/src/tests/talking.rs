//! A conversation, as a person has it.

use super::{
    clock,
    inbox::{Act, Door, Engine, FAILED, LIMITED, content, message, waiting},
};
use crate::{
    Chat, ChatConfig, Ending,
    editor::{Line, Lines},
    look::Look,
    screen::{Screen, tests::Paper},
    signal::Interrupts,
};
use causerie_core::{
    backend::Readiness,
    id::{Nonce, TurnNumber},
    message::Role,
    platform::{Accepted, Action, Operation, Platform},
};
use futures::{StreamExt, future, stream};
use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

struct Room {
    chat: Arc<Chat>,
    engine: Arc<Engine>,
    paper: Paper,
    ctrl_c: UnboundedSender<()>,
}

/// A room in which these lines are typed.
fn room(engine: Engine, typed: Vec<Line>) -> Room {
    let mut typed = typed.into_iter();
    let lines = Lines::new(move || typed.next().unwrap_or(Line::End)).unwrap();
    room_with(engine, lines, None)
}

fn room_with(engine: Engine, lines: Lines, printer: Option<crate::editor::Printer>) -> Room {
    room_looking(Look::default(), engine, lines, printer)
}

fn room_looking(
    look: Look,
    engine: Engine,
    lines: Lines,
    printer: Option<crate::editor::Printer>,
) -> Room {
    let paper = Paper::default();
    let screen = Screen::new(Box::new(paper.clone()), look, || 80);
    let (ctrl_c, presses) = unbounded_channel();
    let presses = stream::unfold(presses, async |mut presses| {
        Some((presses.recv().await?, presses))
    });
    let config = ChatConfig {
        conversation: None,
        name: "Me".to_owned(),
        history: None,
        clock: clock(),
    };
    let interrupts = Interrupts::new(presses.boxed());
    let chat = Arc::new(Chat::on(config, screen, lines, printer, interrupts).unwrap());
    let engine = Arc::new(engine);
    engine.serve(&(Arc::clone(&chat) as Arc<dyn Platform>));
    Room {
        chat,
        engine,
        paper,
        ctrl_c,
    }
}

impl Room {
    async fn talk(&self) -> Ending {
        let inbox = Arc::new(Door(Arc::clone(&self.engine)));
        self.chat
            .run(inbox, Box::pin(future::pending()))
            .await
            .unwrap();
        self.chat.ending()
    }

    /// Presses Ctrl-C once each of these holds.
    async fn press_when<const N: usize>(&self, conditions: [&dyn Fn(&Room) -> bool; N]) {
        for holds in conditions {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            self.ctrl_c.send(()).unwrap();
        }
    }
}

fn typed(lines: &[&str]) -> Vec<Line> {
    lines
        .iter()
        .map(|line| Line::Text((*line).to_owned()))
        .collect()
}

#[tokio::test]
async fn every_line_is_answered_before_the_next_is_read() {
    let engine = Engine::new([Act::Stream(&["I ", "see."])]);
    let room = room(
        engine,
        typed(&["Hello", "", "two\nlines", "/quit", "never"]),
    );
    assert_eq!(room.talk().await, Ending::Answered);
    assert_eq!(room.engine.texts(), ["Hello", "two\nlines"]);
    assert_eq!(room.paper.read(), "I see.\nI see.\n");
}

#[tokio::test]
async fn where_there_are_colours_markdown_is_rendered_as_it_comes() {
    let answers = [
        Act::Stream(&["It is **ve", "ry** ", "easy.\n\n- o", "ne\n"]),
        Act::Broken("Half of **it", "It broke.", FAILED),
        Act::Notice("A **whole** one.", LIMITED),
    ];
    let mut typed = typed(&["Hello"]).into_iter();
    let lines = Lines::new(move || typed.next().unwrap_or(Line::End)).unwrap();
    let look = Look {
        live: true,
        styled: true,
    };
    let room = room_looking(look, Engine::new(answers), lines, None);
    room.talk().await;
    let paper = room.paper.read();
    assert!(
        paper.contains("It is \x1b[1mvery\x1b[") && paper.contains(" easy."),
        "{paper:?}"
    );
    assert!(paper.contains("A \x1b[1mwhole\x1b["), "{paper:?}");
    // Only what was never closed keeps its marks.
    assert_eq!(paper.matches("**").count(), 1, "{paper:?}");
    for once in ["easy.", "• one", "Half", "It broke."] {
        assert_eq!(paper.matches(once).count(), 1, "{once} in {paper:?}");
    }
}

#[tokio::test]
async fn ctrl_c_stops_the_answer_and_not_the_program() {
    let engine = Engine::new([Act::Endless("On and on")]);
    let room = room(engine, typed(&["Go"]));
    let press = room.press_when([&|room| room.paper.read().contains("On and on")]);
    let (ending, ()) = tokio::join!(room.talk(), press);
    assert_eq!(ending, Ending::Answered);
    assert_eq!(room.engine.texts(), ["Go", "STOP"]);
    assert_eq!(room.paper.read(), "On and on\n");
}

#[tokio::test]
async fn a_second_ctrl_c_gives_the_keyboard_back() {
    let engine = Engine::new([Act::Pause(Duration::from_secs(3600))]);
    let room = room(engine, typed(&["Go", "/quit"]));
    let press = room.press_when([&|room| room.engine.texts() == ["Go"], &|room| {
        room.engine.texts() == ["Go", "STOP"]
    }]);
    let (ending, ()) = tokio::join!(room.talk(), press);
    assert_eq!(ending, Ending::Answered);
}

#[tokio::test]
async fn ctrl_c_at_the_prompt_hints_and_the_end_of_the_input_leaves() {
    let room = room(Engine::new([]), vec![Line::Interrupted]);
    assert_eq!(room.talk().await, Ending::Answered);
    assert_eq!(room.paper.read(), "Ctrl-D leaves, /help helps.\n");
}

#[tokio::test]
async fn an_input_that_cannot_be_read_is_told() {
    let room = room(Engine::new([]), vec![Line::Broken("not text".into())]);
    assert_eq!(room.talk().await, Ending::Failed);
    assert_eq!(room.paper.read(), "not text\n");
}

#[tokio::test]
async fn what_was_said_last_time_stands_at_the_top() {
    let engine = Engine::new([]);
    let long = "1\n2\n3\n4\n5\n6\n7\n8";
    *engine.history.lock().unwrap() = vec![
        message(Role::User, "Count"),
        message(Role::Tool, "a tool"),
        message(Role::Assistant, long),
    ];
    let room = room(engine, Vec::new());
    room.talk().await;
    let expected = "> Count\n1\n2\n3\n4\n5\n6\n…\n(from last time; /new begins anew)\n";
    assert_eq!(room.paper.read(), expected);
}

#[tokio::test(start_paused = true)]
async fn what_was_unanswered_last_time_is_waited_for() {
    let engine = Engine::new([]);
    engine.pending.lock().unwrap().push(waiting());
    let room = room(engine, Vec::new());
    let engine = Arc::clone(&room.engine);
    let later = async {
        tokio::time::sleep(Duration::from_secs(7)).await;
        engine.pending.lock().unwrap().clear();
    };
    let began = tokio::time::Instant::now();
    tokio::join!(room.talk(), later);
    assert!(began.elapsed() >= Duration::from_secs(7));
}

#[tokio::test]
async fn a_line_waits_for_the_model_and_can_be_taken_back() {
    let engine = Engine::new([Act::Stream(&["Yes."])]);
    *engine.readiness.lock().unwrap() = Readiness::Loading { percent: None };
    let room = room(engine, typed(&["Hello", "/help"]));
    let press = room.press_when([&|room| *room.engine.asked.lock().unwrap() > 0]);
    tokio::join!(room.talk(), press);
    assert_eq!(room.engine.texts(), ["/help"]);
    assert_eq!(room.paper.read(), "The message was not sent.\nYes.\n");
}

#[tokio::test]
async fn a_line_of_ours_follows_what_the_model_said() {
    let engine = Engine::new([Act::Broken("Half\n", "It broke.", FAILED)]);
    let room = room(engine, typed(&["Hello"]));
    room.talk().await;
    assert_eq!(room.paper.read(), "Half\n\nIt broke.\n");
}

#[tokio::test]
async fn refusals_and_a_full_mailbox_are_told() {
    let engine = Engine::new([Act::Notice("Come back in a minute.", LIMITED)]);
    let answered = room(engine, typed(&["Hello"]));
    answered.talk().await;
    assert_eq!(answered.paper.read(), "Come back in a minute.\n");

    let mut engine = Engine::new([]);
    engine.accepts = Accepted::Full;
    let full = room(engine, typed(&["Hello"]));
    full.talk().await;
    assert!(full.paper.read().contains("Too many messages"));
}

#[tokio::test]
async fn what_arrives_while_a_line_is_edited_stands_above_it() {
    let (finish, finished) = mpsc::channel::<()>();
    let (reading, mut is_reading) = tokio::sync::mpsc::unbounded_channel();
    let lines = Lines::new(move || {
        reading.send(()).unwrap();
        finished.recv().map_or(Line::End, |()| Line::End)
    })
    .unwrap();
    let printed: Arc<Mutex<Vec<String>>> = Arc::default();
    let above = Arc::clone(&printed);
    let printer = Box::new(move |text| {
        above.lock().unwrap().push(text);
        Ok(())
    });
    let room = room_with(Engine::new([]), lines, Some(printer));
    let chat = Arc::clone(&room.chat);
    let arrives = async {
        is_reading.recv().await.unwrap();
        let event = waiting();
        let nonce = Nonce::derive(&event.conversation, TurnNumber(9), 0);
        let (conversation, place) = (event.conversation, event.place);
        let perform = async |action| {
            let operation = Operation {
                conversation: conversation.clone(),
                place: place.clone(),
                action,
            };
            chat.perform(&operation).await.unwrap().message
        };
        let open = Action::OpenStream {
            nonce,
            reply_to: None,
        };
        let message = perform(open).await.unwrap();
        let text = "Late".into();
        perform(Action::Append {
            message: message.clone(),
            offset: 0,
            text,
        })
        .await;
        perform(Action::CloseStream {
            message,
            content: content("Late answer", None),
        })
        .await;
        finish.send(()).unwrap();
    };
    tokio::join!(room.talk(), arrives);
    assert_eq!(*printed.lock().unwrap(), ["Late answer\n"]);
    assert_eq!(room.paper.read(), "");
}
