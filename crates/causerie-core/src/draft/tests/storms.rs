//! Random answers over platforms on which steps are late, lost, repeated or unknown.

use super::*;
use proptest::{collection::vec, prelude::*};

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
        (0..900_u64, 1..2000_u64).prop_map(|(first, every)| Streaming::Edit {
            first: millis(first),
            every: millis(every)
        }),
        (0..900_u64, 1..500_u64).prop_map(|(first, every)| Streaming::Preview {
            first: millis(first),
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
    let form = prop_oneof![Just(TextForm::Source), Just(TextForm::Telegram)];
    let limit = prop::option::of((unit, 12..60_usize, form).prop_map(|(unit, max, form)| {
        // The form of these tests is twice as long.
        let max = if form == TextForm::Source {
            max
        } else {
            2 * max
        };
        TextLimit { unit, max, form }
    }));
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
                file_after: None,
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
