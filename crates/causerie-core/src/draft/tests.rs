use super::*;
use crate::{
    Text,
    platform::{Content, TextLimit, TextUnit},
};
use proptest::{collection::vec, prelude::*};
use std::collections::HashMap;

/// Cuts without looking at the words.
struct Blunt;

impl Cutter for Blunt {
    fn cut(&self, markdown: &str, limit: TextLimit) -> (String, String) {
        let at = markdown
            .char_indices()
            .map(|(at, _)| at)
            .chain([markdown.len()])
            .take_while(|at| limit.unit.measure(&markdown[..*at]) <= limit.max)
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

/// What people see, by a platform that does what it is told and checks that it may be told so.
struct Screen {
    capabilities: PlatformCapabilities,
    messages: Vec<(MessageRef, Option<Content>)>,
    nonces: HashMap<String, MessageRef>,
    open: Vec<MessageRef>,
    /// When the words last moved by something that is paced.
    moved: Option<Duration>,
}

impl Screen {
    fn new(capabilities: &PlatformCapabilities) -> Self {
        Self {
            capabilities: capabilities.clone(),
            messages: Vec::new(),
            nonces: HashMap::new(),
            open: Vec::new(),
            moved: None,
        }
    }

    fn create(&mut self, nonce: Option<&str>, content: Content) -> MessageRef {
        if let Some(known) = nonce.and_then(|nonce| self.nonces.get(nonce))
            && self.capabilities.creates != Creates::Ambiguous
        {
            return known.clone();
        }
        let message = MessageRef::new(format!("m{}", self.messages.len())).unwrap();
        if let Some(nonce) = nonce {
            self.nonces.insert(nonce.to_owned(), message.clone());
        }
        self.messages.push((message.clone(), Some(content)));
        message
    }

    fn show(&mut self, message: &MessageRef, content: &Content) {
        let slot = self.messages.iter_mut().find(|(id, _)| id == message);
        slot.unwrap().1 = Some(content.clone());
    }

    fn shown(&self, message: &MessageRef) -> &Content {
        let slot = self.messages.iter().find(|(id, _)| id == message);
        slot.unwrap().1.as_ref().unwrap()
    }

    /// Checks pace and capabilities, once for each step however often it is applied.
    fn check(&mut self, action: &Action, now: Duration) {
        let can = &self.capabilities;
        let allowed = match action {
            Action::Post { .. } => true,
            Action::Edit { .. } => can.edits,
            Action::Delete { .. } => can.deletes,
            Action::Preview { .. } => matches!(can.streaming, Streaming::Preview { .. }),
            Action::OpenStream { .. } | Action::Append { .. } | Action::CloseStream { .. } => {
                matches!(can.streaming, Streaming::Append { .. })
            }
            Action::Status { .. } => can.typing.is_some(),
        };
        assert!(allowed, "{action:?}");
        if let Action::Post { content, .. }
        | Action::Edit { content, .. }
        | Action::Preview { content, .. }
        | Action::CloseStream { content, .. } = action
        {
            assert!(!content.markdown.is_blank());
            if let Some(limit) = can.message_limit {
                assert!(limit.unit.measure(content.markdown.expose()) <= limit.max);
            }
        }
        let every = match (action, can.streaming) {
            (Action::Post { .. } | Action::Edit { .. }, Streaming::Edit { every }) if can.edits => {
                every
            }
            (Action::Preview { .. }, Streaming::Preview { every, .. })
            | (Action::Append { .. }, Streaming::Append { every }) => every,
            _ => return,
        };
        let surplus =
            matches!(action, Action::Edit { content, .. } if content.markdown.expose() == "…");
        if let Some(moved) = self.moved.filter(|_| !surplus) {
            assert!(
                now >= moved + every,
                "{action:?} at {now:?} after {moved:?}"
            );
        }
        self.moved = Some(now);
    }

    fn apply(&mut self, action: &Action) -> Option<MessageRef> {
        match action {
            Action::Post { nonce, content, .. } => {
                return Some(self.create(Some(nonce.as_str()), content.clone()));
            }
            Action::OpenStream { nonce, .. } => {
                let message = self.create(Some(nonce.as_str()), content("", false));
                self.open.push(message.clone());
                return Some(message);
            }
            Action::Edit { message, content } => self.show(message, content),
            Action::CloseStream { message, content } => self.show(message, content),
            Action::Append {
                message,
                offset,
                text,
            } => {
                assert!(self.open.contains(message));
                let before = self.shown(message).markdown.expose().to_owned();
                assert!(*offset <= before.len(), "a gap");
                let whole = before[..*offset].to_owned() + text.expose();
                self.show(message, &content(&whole, false));
            }
            Action::Delete { message } => {
                let slot = self.messages.iter_mut().find(|(id, _)| id == message);
                slot.unwrap().1 = None;
            }
            Action::Preview { .. } | Action::Status { .. } => {}
        }
        None
    }

    fn visible(&self) -> Vec<&Content> {
        let shown = self.messages.iter().filter_map(|(_, seen)| seen.as_ref());
        shown.filter(|seen| seen.markdown.expose() != "…").collect()
    }
}

fn content(markdown: &str, complete: bool) -> Content {
    Content {
        markdown: Text::new(markdown),
        complete,
        notice: None,
    }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn editing() -> PlatformCapabilities {
    PlatformCapabilities {
        streaming: Streaming::Edit {
            every: millis(1000),
        },
        message_limit: None,
        creates: Creates::Remembered,
        edits: true,
        deletes: true,
        typing: None,
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

#[derive(Clone, Debug)]
enum Fate {
    Done,
    Later(u64),
    Again { took_effect: bool },
    Unknown,
    Gone,
}

#[derive(Clone, Debug)]
enum Event {
    Push(String),
    Wait(u64),
    Status(Status),
}

fn capabilities() -> impl Strategy<Value = PlatformCapabilities> {
    let streaming = prop_oneof![
        Just(Streaming::None),
        (1..2000_u64).prop_map(|every| Streaming::Edit {
            every: millis(every)
        }),
        (1..500_u64).prop_map(|every| Streaming::Preview {
            every: millis(every),
            lasts: millis(20_000)
        }),
        (1..500_u64).prop_map(|every| Streaming::Append {
            every: millis(every)
        }),
    ];
    let unit = prop_oneof![
        Just(TextUnit::CodePoints),
        Just(TextUnit::Utf16),
        Just(TextUnit::Bytes)
    ];
    let limit =
        prop::option::of((unit, 12..60_usize).prop_map(|(unit, max)| TextLimit { unit, max }));
    let creates = prop_oneof![
        Just(Creates::Idempotent),
        Just(Creates::Remembered),
        Just(Creates::Ambiguous)
    ];
    let typing = prop::option::of((100..9000_u64).prop_map(millis));
    (
        streaming,
        limit,
        creates,
        any::<bool>(),
        any::<bool>(),
        typing,
    )
        .prop_map(
            |(streaming, message_limit, creates, edits, deletes, typing)| PlatformCapabilities {
                streaming,
                message_limit,
                creates,
                edits,
                deletes,
                typing,
            },
        )
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    vec(
        prop_oneof![
            4 => "[a-zé日👍 \n]{0,9}".prop_map(Event::Push),
            2 => (0..3000_u64).prop_map(Event::Wait),
            1 => prop::sample::select(vec![Status::Typing, Status::Working, Status::Loading])
                .prop_map(Event::Status),
        ],
        0..40,
    )
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    vec(
        prop_oneof![
            8 => Just(Fate::Done),
            1 => (0..5000_u64).prop_map(Fate::Later),
            1 => any::<bool>().prop_map(|took_effect| Fate::Again { took_effect }),
            1 => Just(Fate::Unknown),
            1 => Just(Fate::Gone),
        ],
        0..40,
    )
}

fn seen_words(text: &str) -> String {
    text.split_whitespace().collect()
}

struct Run {
    draft: Draft,
    screen: Screen,
    now: Duration,
    fates: std::vec::IntoIter<Fate>,
    losses: u32,
}

impl Run {
    fn step(&mut self) -> bool {
        let Some(step) = self.draft.next_step(self.now) else {
            return false;
        };
        self.screen.check(&step.action, self.now);
        let ornament = matches!(step.action, Action::Status { .. } | Action::Preview { .. });
        let certain =
            step.creates.is_none() || self.screen.capabilities.creates != Creates::Ambiguous;
        let report = match self.fates.next().unwrap_or(Fate::Done) {
            Fate::Later(wait) if !ornament => {
                // What did not happen has no pace.
                self.screen.moved = None;
                Report::Later {
                    at: self.now + millis(wait),
                }
            }
            Fate::Again { took_effect } if certain && !ornament => {
                if took_effect {
                    self.screen.apply(&step.action);
                }
                // The same step comes again, which is not the draft's pace but ours.
                self.screen.moved = None;
                Report::Again { at: self.now }
            }
            Fate::Unknown if !certain => {
                self.screen.apply(&step.action);
                Report::Unknown { at: self.now }
            }
            Fate::Gone if self.losses == 0 && self.lose(&step.action) => {
                self.screen.moved = None;
                Report::Gone
            }
            _ => {
                let message = self.screen.apply(&step.action);
                if certain {
                    assert_eq!(
                        self.screen.apply(&step.action),
                        message,
                        "a repeat did harm"
                    );
                }
                Report::Done {
                    at: self.now,
                    message,
                }
            }
        };
        self.draft.report(report);
        true
    }

    /// Somebody deletes the message that `action` is about.
    fn lose(&mut self, action: &Action) -> bool {
        let (Action::Edit { message, .. }
        | Action::CloseStream { message, .. }
        | Action::Append { message, .. }) = action
        else {
            return false;
        };
        let slot = self
            .screen
            .messages
            .iter_mut()
            .find(|(id, _)| id == message);
        slot.unwrap().1 = None;
        self.losses += 1;
        true
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_words_arrive(
        capabilities in capabilities(),
        events in events(),
        fates in fates(),
    ) {
        let mut run = Run {
            draft: draft(&capabilities),
            screen: Screen::new(&capabilities),
            now: millis(0),
            fates: fates.into_iter(),
            losses: 0,
        };
        let mut source = String::new();
        for event in events {
            match event {
                Event::Push(delta) => {
                    source.push_str(&delta);
                    run.draft.push(&delta);
                }
                Event::Wait(wait) => run.now += millis(wait),
                Event::Status(status) => run.draft.status(status),
            }
            run.step();
        }
        run.draft.finish(Ending::Complete);
        for _ in 0..10_000 {
            if run.draft.is_settled() {
                break;
            }
            if !run.step() {
                let wake = run.draft.next_wake(run.now);
                run.now = run.now.max(wake.expect("something is still to be done"));
            }
        }
        prop_assert!(run.draft.is_settled());
        let visible = run.screen.visible();
        // A message deleted by others and made anew stands at the end.
        let joined: String = visible.iter().map(|seen| seen.markdown.expose()).collect();
        let (mut seen, mut said) = (seen_words(&joined), seen_words(&source));
        if run.losses > 0 {
            let sorted = |text: String| {
                let mut chars: Vec<char> = text.chars().collect();
                chars.sort_unstable();
                String::from_iter(chars)
            };
            (seen, said) = (sorted(seen), sorted(said));
        }
        prop_assert_eq!(seen, said);
        let unknown = !run.draft.notes().is_empty();
        prop_assert!(unknown || visible.iter().all(|seen| seen.complete));
    }

    #[test]
    fn a_replacement_is_all_that_is_seen(
        capabilities in capabilities(),
        events in events(),
    ) {
        let capabilities = PlatformCapabilities { edits: true, ..capabilities };
        let mut screen = Screen::new(&capabilities);
        let mut draft = draft(&capabilities);
        let mut now = millis(0);
        for event in events {
            match event {
                Event::Push(delta) => draft.push(&delta),
                Event::Wait(wait) => now += millis(wait),
                Event::Status(status) => draft.status(status),
            }
            if let Some(step) = draft.next_step(now) {
                screen.check(&step.action, now);
                let message = screen.apply(&step.action);
                draft.report(Report::Done { at: now, message });
            }
        }
        let text = Text::new("It failed.");
        draft.finish(Ending::Replace { text, notice: None });
        settle(&mut draft, &mut screen, now);
        prop_assert_eq!(screen.visible(), [&content("It failed.", true)]);
    }
}
