use super::*;
use causerie_core::{
    Text,
    id::{Nonce, PlatformId, TurnNumber},
    outcome::Failure,
    platform::Notice,
};
use std::sync::atomic::{AtomicI64, Ordering};

struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

struct House {
    rooms: Rooms,
    clock: Arc<Hand>,
    conversation: ConversationId,
}

impl House {
    fn new() -> Self {
        let clock = Arc::new(Hand(AtomicI64::new(0)));
        let web = PlatformId::new("web").unwrap();
        Self {
            rooms: Rooms::new(clock.clone()),
            clock,
            conversation: ConversationId::on(&web, "v.c").unwrap(),
        }
    }

    fn nonce(&self, part: u32) -> Nonce {
        Nonce::derive(&self.conversation, TurnNumber(1), part)
    }

    fn perform(&self, action: &Action) -> Option<MessageRef> {
        self.rooms.perform(&self.conversation, action).message
    }

    fn open(&self) -> MessageRef {
        let open = Action::OpenStream {
            nonce: self.nonce(0),
            reply_to: None,
        };
        self.perform(&open).unwrap()
    }

    fn append(&self, message: &MessageRef, offset: usize, text: &str) {
        let text = Text::new(text);
        self.perform(&Action::Append {
            message: message.clone(),
            offset,
            text,
        });
    }

    fn close(&self, message: &MessageRef, markdown: &str) {
        let content = content(markdown, true);
        self.perform(&Action::CloseStream {
            message: message.clone(),
            content,
        });
    }

    fn shown(&self) -> Vec<String> {
        let state = self.rooms.state(&self.conversation);
        state
            .answers
            .iter()
            .map(|(item, _)| item.blocks.concat())
            .collect()
    }

    fn wait(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap();
        self.clock.0.fetch_add(millis, Ordering::Relaxed);
    }
}

fn content(markdown: &str, complete: bool) -> Content {
    Content {
        markdown: Text::new(markdown),
        complete,
        ends: complete,
        ..Content::default()
    }
}

#[test]
fn an_answer_grows_and_closes() {
    let house = House::new();
    let message = house.open();
    assert_eq!(house.shown(), [""]);
    house.append(&message, 0, "Hello **wor");
    assert_eq!(house.shown(), ["<p>Hello <strong>wor</strong></p>\n"]);
    house.append(&message, 11, "ld**");
    house.close(&message, "Hello **world**");
    assert_eq!(house.shown(), [causerie_markup::html("Hello **world**")]);
}

#[test]
fn every_step_may_be_repeated() {
    let house = House::new();
    let message = house.open();
    house.append(&message, 0, "one ");
    house.append(&message, 0, "one ");
    assert_eq!(house.open(), message);
    house.append(&message, 4, "two");
    house.append(&message, 0, "one ");
    assert_eq!(house.shown(), [causerie_markup::html("one two")]);
    house.close(&message, "one two");
    house.close(&message, "one two");
    assert_eq!(house.shown(), [causerie_markup::html("one two")]);
}

#[test]
fn an_answer_begun_anew_replaces_what_differs() {
    let house = House::new();
    let message = house.open();
    house.append(&message, 0, "A first try.\n\nWith more");
    assert_eq!(house.open(), message);
    house.append(&message, 0, "A second");
    assert_eq!(house.shown(), [causerie_markup::html("A second")]);
}

#[test]
fn a_message_of_another_process_goes_on_here() {
    let message = MessageRef::new("a0123456789abcdef").unwrap();
    let house = House::new();
    let taken_over = content("So far", false);
    house.perform(&Action::Edit {
        message: message.clone(),
        content: taken_over,
    });
    house.append(&message, 6, " and on");
    assert_eq!(house.shown(), [causerie_markup::html("So far and on")]);

    // With a gap before it there is nothing to show yet, and the end brings all.
    let house = House::new();
    house.append(&message, 6, " and on");
    assert_eq!(house.shown(), [""]);
    house.append(&message, 13, " and");
    house.close(&message, "So far and on and out");
    assert_eq!(
        house.shown(),
        [causerie_markup::html("So far and on and out")]
    );
}

#[test]
fn an_offset_within_a_character_is_a_gap() {
    let house = House::new();
    let message = house.open();
    house.append(&message, 0, "é");
    house.append(&message, 1, "x");
    assert_eq!(house.shown(), [causerie_markup::html("é")]);
}

#[test]
fn whoever_applies_all_updates_sees_what_a_snapshot_shows() {
    let house = House::new();
    let mut updates = house.rooms.watch(&house.conversation);
    let message = house.open();
    let markdown = "# A\n\ntext *here*\n\n```rust\nlet a = 1;\nlet b = 2;\n```\n\n- one\n- two\n";
    for (at, c) in markdown.char_indices() {
        house.append(&message, at, &c.to_string());
    }
    house.close(&message, markdown);
    let mut blocks: Vec<String> = Vec::new();
    while let Ok(numbered) = updates.try_recv() {
        let Update::Answer(change) = &*numbered.update else {
            continue;
        };
        for one in &change.changed {
            apply(&mut blocks, one);
        }
        blocks.truncate(change.length);
    }
    assert_eq!(blocks.concat(), causerie_markup::html(markdown));
    assert_eq!(house.shown(), [blocks.concat()]);
}

fn apply(blocks: &mut Vec<String>, difference: &crate::update::BlockDifference) {
    use crate::update::BlockDifference;
    use causerie_markup::{BlockChange, BlockUpdate};
    let (index, change) = match difference.clone() {
        BlockDifference::Set { i, html } => (i, BlockChange::Set(html)),
        BlockDifference::Append { i, more } => (i, BlockChange::Append(more)),
    };
    causerie_markup::apply(blocks, BlockUpdate { index, change });
}

#[test]
fn nothing_stays_for_ever() {
    let house = House::new();
    let message = house.open();
    house.close(&message, "done");
    house.rooms.sweep();
    assert_eq!(house.rooms.rooms.lock().unwrap().len(), 1);
    house.wait(FINISHED_STAYS);
    house.rooms.sweep();
    assert!(house.rooms.rooms.lock().unwrap().is_empty());

    let message = house.open();
    house.append(&message, 0, "half");
    house.wait(ABANDONED_STAYS);
    let watcher = house.rooms.watch(&house.conversation);
    house.rooms.sweep();
    assert_eq!(house.shown(), [""; 0]);
    drop(watcher);
    house.rooms.sweep();
    assert!(house.rooms.rooms.lock().unwrap().is_empty());
}

#[test]
fn a_room_keeps_the_newest_answers() {
    let house = House::new();
    for part in 0..100 {
        let content = content(&format!("part {part}"), part != 50);
        house.perform(&Action::Post {
            nonce: house.nonce(part),
            reply_to: None,
            content,
        });
    }
    let shown = house.shown();
    assert_eq!(shown.len(), MOST_ANSWERS);
    assert_eq!(shown.last(), Some(&causerie_markup::html("part 99")));
    // An unfinished one goes last.
    assert!(shown.contains(&causerie_markup::html("part 50")));
}

#[test]
fn a_sign_expires() {
    let house = House::new();
    house.perform(&Action::Status {
        status: Status::Typing,
    });
    assert_eq!(house.rooms.state(&house.conversation).status, "typing");
    house.wait(STATUS_LASTS);
    assert_eq!(house.rooms.state(&house.conversation).status, "idle");
}

#[test]
fn a_remark_behind_an_answer_does_not_make_it_a_notice() {
    let house = House::new();
    let failed = Some(Notice::Failed(Failure::Interrupted));
    let noticed = |markdown: &str| Content {
        notice: failed,
        ..content(markdown, true)
    };
    let message = house.open();
    house.append(&message, 0, "Half an answer");
    let content = noticed("Half an answer\n\nThe model broke off.");
    house.perform(&Action::CloseStream { message, content });
    // At once, for it broke off before anything could be shown; and without a word.
    let remarks = ["Half an answer\n\nIt broke off.", "The model broke off."];
    for (number, remark) in (1..).zip(remarks) {
        let nonce = house.nonce(number);
        house.perform(&Action::Post {
            nonce,
            reply_to: None,
            content: noticed(remark),
        });
    }
    let state = house.rooms.state(&house.conversation);
    let notices: Vec<bool> = state
        .answers
        .iter()
        .map(|(item, _)| item.notice.is_some())
        .collect();
    assert_eq!(notices, [false, false, true]);
}

#[test]
fn coming_and_going_leaves_no_rooms() {
    let house = House::new();
    let other = house.rooms.watch(&house.conversation);
    let watcher = house.rooms.watch(&house.conversation);
    house.rooms.leave(&house.conversation);
    drop(watcher);
    assert_eq!(house.rooms.rooms.lock().unwrap().len(), 1);
    house.rooms.leave(&house.conversation);
    drop(other);
    assert!(house.rooms.rooms.lock().unwrap().is_empty());
    // Nobody is told, and nothing is kept for it.
    house.rooms.tell(&house.conversation, Update::Ping {});
    house.rooms.erase(&house.conversation);
    assert!(house.shown().is_empty());
    assert!(house.rooms.rooms.lock().unwrap().is_empty());
}

#[test]
fn an_answer_that_stays_keeps_no_backlog_for_nobody() {
    let house = House::new();
    house.open();
    let backlog = || {
        let rooms = house.rooms.rooms.lock().unwrap();
        let room = rooms[&house.conversation].lock().unwrap();
        room.updates.is_some()
    };
    let (one, other) = (
        house.rooms.watch(&house.conversation),
        house.rooms.watch(&house.conversation),
    );
    house.rooms.leave(&house.conversation);
    drop(one);
    assert!(backlog());
    house.rooms.leave(&house.conversation);
    drop(other);
    assert!(!backlog());
}

#[test]
fn rooms_are_bounded_and_those_that_are_missed_least_go_first() {
    let house = House::new();
    let other = |n: usize| ConversationId::new(format!("web/v.{n}")).unwrap();
    let watched = house.rooms.watch(&other(0));
    let growing = house.open();
    for n in 0..MOST_ROOMS + 10 {
        house.clock.0.store(n as i64, Ordering::Relaxed);
        let status = Status::Typing;
        house.rooms.perform(&other(n), &Action::Status { status });
    }
    assert_eq!(lock(&house.rooms.rooms).len(), MOST_ROOMS);
    assert!(house.rooms.known(&other(0)).is_some(), "it is watched");
    assert!(house.rooms.known(&other(1)).is_none(), "the oldest");
    assert!(house.rooms.known(&other(MOST_ROOMS + 9)).is_some());
    let state = house.rooms.state(&house.conversation);
    assert_eq!(state.answers[0].0.id, growing.to_string());
    drop(watched);
}
