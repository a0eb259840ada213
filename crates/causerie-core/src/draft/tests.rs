use super::*;
use crate::{
    Text,
    platform::{Content, TextForm, TextLimit, TextUnit},
};

mod screen;
mod storms;

use screen::Screen;

/// Cuts without looking at the words.
struct Blunt;

impl Cutter for Blunt {
    fn measure(&self, markdown: &str, limit: TextLimit) -> usize {
        let twice = limit.form != TextForm::Source;
        limit.unit.measure(markdown) * if twice { 2 } else { 1 }
    }

    fn cut(&self, markdown: &str, limit: TextLimit) -> (String, String) {
        let at = markdown
            .char_indices()
            .map(|(at, _)| at)
            .chain([markdown.len()])
            .take_while(|at| self.measure(&markdown[..*at], limit) <= limit.max)
            .last()
            .unwrap();
        (markdown[..at].to_owned(), markdown[at..].to_owned())
    }

    fn closing(&self, _: &str) -> String {
        String::new()
    }

    fn opening(&self, _: &str) -> String {
        String::new()
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

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn editing() -> PlatformCapabilities {
    PlatformCapabilities {
        streaming: Streaming::Edit {
            first: Duration::ZERO,
            every: millis(1000),
        },
        message_limit: None,
        creates: Creates::Remembered,
        edits: true,
        deletes: true,
        typing: None,
        file_after: None,
    }
}

fn target() -> DraftTarget {
    DraftTarget {
        conversation: ConversationId::new("test/a").unwrap(),
        turn: TurnNumber(1),
        reply_to: None,
        replaces: Vec::new(),
    }
}

fn draft(capabilities: &PlatformCapabilities) -> Draft {
    Draft::new(capabilities.clone(), Arc::new(Blunt), target())
}

/// Performs everything until the draft is settled.
fn settle(draft: &mut Draft, screen: &mut Screen, mut now: Duration) -> Duration {
    for _ in 0..10_000 {
        if draft.is_settled() {
            return now;
        }
        match draft.next_step(now) {
            Some(step) => {
                screen.check(&step.action, now);
                let message = screen.apply(&step.action);
                draft.report(Report::Done { at: now, message });
            }
            None => now = now.max(draft.next_wake(now).expect("something is still to be done")),
        }
    }
    panic!("it never settles: {draft:?}");
}

#[test]
fn edits_are_paced_and_say_all_that_came_meanwhile() {
    let capabilities = editing();
    let mut draft = draft(&capabilities);
    assert_eq!(draft.next_step(millis(0)), None);
    draft.push("one");
    let step = draft.next_step(millis(0)).unwrap();
    assert_eq!(step.creates, Some(0));
    draft.push(" two");
    let message = MessageRef::new("m").unwrap();
    draft.report(Report::Done {
        at: millis(100),
        message: Some(message.clone()),
    });
    draft.push(" three");
    assert_eq!(draft.next_step(millis(900)), None);
    assert_eq!(draft.next_wake(millis(900)), Some(millis(1100)));
    let step = draft.next_step(millis(1100)).unwrap();
    assert_eq!(
        step.action,
        Action::Edit {
            message,
            content: content("one two three", false)
        }
    );
}

#[test]
fn a_preview_is_refreshed_before_it_lapses_and_ends_in_one_message() {
    let capabilities = PlatformCapabilities {
        streaming: Streaming::Preview {
            first: Duration::ZERO,
            every: millis(250),
            lasts: millis(20_000),
        },
        edits: false,
        deletes: false,
        ..editing()
    };
    let mut draft = draft(&capabilities);
    draft.push("thinking");
    let step = draft.next_step(millis(0)).unwrap();
    assert!(matches!(step.action, Action::Preview { .. }) && step.creates.is_none());
    draft.report(Report::Done {
        at: millis(0),
        message: None,
    });
    assert_eq!(draft.next_wake(millis(1)), Some(millis(15_000)));
    draft.finish(Ending::Complete);
    let step = draft.next_step(millis(2)).unwrap();
    assert!(matches!(step.action, Action::Post { content, .. } if content.complete));
}

#[test]
fn typing_is_refreshed_and_ended() {
    let capabilities = PlatformCapabilities {
        typing: Some(millis(8000)),
        ..editing()
    };
    let mut draft = draft(&capabilities);
    let done = |at| Report::Done { at, message: None };
    draft.status(Status::Typing);
    assert!(draft.next_step(millis(0)).is_some());
    draft.report(done(millis(0)));
    assert_eq!(draft.next_wake(millis(0)), Some(millis(6000)));
    draft.finish(Ending::Complete);
    let step = draft.next_step(millis(1)).unwrap();
    assert_eq!(
        step.action,
        Action::Status {
            status: Status::Idle
        }
    );
    draft.report(done(millis(1)));
    assert!(draft.is_settled());
}

#[test]
fn a_resumed_answer_goes_on_in_the_same_message() {
    let capabilities = editing();
    let mut screen = Screen::new(&capabilities);
    let message = screen.create(None, content("half an ans", false));
    let mut draft = draft(&capabilities);
    draft.resume(&[
        JournalEntry::Sending { part: 0 },
        JournalEntry::Sent { part: 0, message },
    ]);
    draft.push("a whole answer");
    draft.finish(Ending::Complete);
    settle(&mut draft, &mut screen, millis(0));
    assert_eq!(screen.visible(), [&content("a whole answer", true)]);
}

#[test]
fn a_begun_create_is_repeated_only_where_that_is_safe() {
    for (creates, streaming, posts) in [
        (Creates::Remembered, Streaming::None, 1),
        (Creates::Ambiguous, Streaming::None, 0),
        (Creates::Ambiguous, editing().streaming, 1),
    ] {
        let capabilities = PlatformCapabilities {
            creates,
            streaming,
            ..editing()
        };
        let mut screen = Screen::new(&capabilities);
        let mut draft = draft(&capabilities);
        draft.resume(&[JournalEntry::Sending { part: 0 }]);
        draft.push("answer");
        draft.finish(Ending::Complete);
        settle(&mut draft, &mut screen, millis(0));
        assert_eq!(screen.visible().len(), posts, "{creates:?} {streaming:?}");
        assert_eq!(
            draft.notes().len(),
            usize::from(creates == Creates::Ambiguous)
        );
    }
}

#[test]
fn a_create_known_not_to_have_happened_is_done_again() {
    let capabilities = PlatformCapabilities {
        creates: Creates::Ambiguous,
        streaming: Streaming::None,
        ..editing()
    };
    let mut screen = Screen::new(&capabilities);
    let mut draft = draft(&capabilities);
    draft.resume(&[
        JournalEntry::Sending { part: 0 },
        JournalEntry::NotSent { part: 0 },
    ]);
    draft.push("answer");
    draft.finish(Ending::Complete);
    settle(&mut draft, &mut screen, millis(0));
    assert_eq!(screen.visible(), [&content("answer", true)]);
}

#[test]
fn a_new_answer_takes_the_place_of_the_old_and_the_rest_is_taken_back() {
    let capabilities = editing();
    let mut screen = Screen::new(&capabilities);
    let replaces = ["a", "b", "c"].map(|old| screen.create(None, content(old, true)));
    let mut draft = Draft::new(
        capabilities,
        Arc::new(Blunt),
        DraftTarget {
            replaces: replaces.to_vec(),
            ..target()
        },
    );
    draft.push("new");
    draft.finish(Ending::Complete);
    settle(&mut draft, &mut screen, millis(0));
    assert_eq!(screen.visible(), [&content("new", true)]);
    assert_eq!(draft.messages(), replaces[..1]);
}

#[test]
fn beyond_so_many_messages_the_rest_is_one_file() {
    let capabilities = PlatformCapabilities {
        message_limit: Some(TextLimit {
            unit: TextUnit::CodePoints,
            max: 4,
            form: TextForm::Source,
        }),
        file_after: Some(2),
        ..editing()
    };
    let mut screen = Screen::new(&capabilities);
    let mut draft = draft(&capabilities);
    draft.push("one.two.three and four");
    let mut now = millis(0);
    while let Some(at) = draft.next_wake(now) {
        now = at;
        let step = draft.next_step(now).expect("it is time");
        let message = screen.apply(&step.action);
        draft.report(Report::Done { at: now, message });
    }
    assert_eq!(screen.visible().len(), 2, "the file waits for its end");
    draft.push(" and more");
    draft.finish(Ending::Complete);
    settle(&mut draft, &mut screen, now);
    let shown = screen.visible();
    assert_eq!(shown[..2], [&part("one."), &part("two.")]);
    assert_eq!(shown[2].markdown.expose(), "three and four and more");
    assert!(shown[2].file && shown[2].ends);
}

/// A part of an answer in its last form that is not the last.
fn part(markdown: &str) -> Content {
    Content {
        ends: false,
        ..content(markdown, true)
    }
}

#[test]
fn an_answer_that_ends_soon_is_shown_whole_and_at_once() {
    let capabilities = PlatformCapabilities {
        streaming: Streaming::Edit {
            first: millis(600),
            every: millis(3000),
        },
        ..editing()
    };
    let mut draft = draft(&capabilities);
    draft.push("one");
    assert_eq!(draft.next_step(millis(100)), None);
    assert_eq!(draft.next_wake(millis(100)), Some(millis(600)));
    let first = draft.next_step(millis(600)).expect("it is time");
    assert!(matches!(first.action, Action::Post { .. }));
    let message = Some(MessageRef::new("m0").unwrap());
    draft.report(Report::Done {
        at: millis(600),
        message,
    });
    draft.push(" two");
    assert_eq!(draft.next_step(millis(700)), None, "edits are paced");
    draft.finish(Ending::Complete);
    let last = draft.next_step(millis(700)).expect("the last one is not");
    assert!(matches!(last.action, Action::Edit { content, .. } if content.ends));
}

#[test]
fn an_interrupted_answer_never_looks_whole() {
    let capabilities = editing();
    let mut screen = Screen::new(&capabilities);
    let mut draft = draft(&capabilities);
    draft.push("half an");
    draft.finish(Ending::Note {
        line: Text::new("_It broke off._"),
        notice: None,
    });
    settle(&mut draft, &mut screen, millis(0));
    assert_eq!(
        screen.visible(),
        [&content("half an\n\n_It broke off._", true)]
    );
}

#[test]
fn what_is_final_does_not_wait_for_what_grows() {
    let capabilities = editing();
    let mut draft = draft(&capabilities);
    draft.push("one");
    assert!(draft.next_step(millis(0)).is_some());
    draft.report(Report::Later { at: millis(3000) });
    assert_eq!(draft.next_wake(millis(1)), Some(millis(3000)));
    draft.push(" two");
    draft.finish(Ending::Complete);
    let step = draft.next_step(millis(2)).unwrap();
    assert!(
        matches!(step.action, Action::Post { content: shown, .. } if shown == content("one two", true))
    );
    draft.report(Report::Later { at: millis(3000) });
    assert_eq!(draft.next_wake(millis(3)), Some(millis(3000)));
}

#[test]
fn what_cannot_be_previewed_after_all_grows_in_a_message() {
    let capabilities = PlatformCapabilities {
        streaming: Streaming::Preview {
            first: Duration::ZERO,
            every: millis(250),
            lasts: millis(20_000),
        },
        ..editing()
    };
    let mut draft = draft(&capabilities);
    draft.push("one");
    let step = draft.next_step(millis(0)).unwrap();
    assert!(matches!(step.action, Action::Preview { .. }));
    draft.report(Report::Skip { at: millis(10) });
    draft.adopt(editing());
    let at = draft.next_wake(millis(10)).unwrap();
    let step = draft.next_step(at).unwrap();
    assert!(matches!(step.action, Action::Post { content, .. } if !content.complete));
}
