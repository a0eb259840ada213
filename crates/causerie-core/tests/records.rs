//! The bytes of stored records, of each version one snapshot.
//!
//! If it differs, a layout has changed, and stores that exist can no longer be read: raise
//! [`record::VERSION`], teach [`record::decode`] the older layout, and accept a new snapshot beside
//! the old one, which stays and must still decode.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use causerie_core::{
    Text, Timestamp,
    event::{Attachment, Event, EventKind, Participant, Posted, Quoted, Rating},
    id::{
        ConversationId, EventId, MessageRef, ModelName, ParticipantId, PersonaName, Place, Seq,
        ToolName, TurnNumber,
    },
    message::{Message, Part, Role, ToolCall},
    outcome::{Failure, Outcome, PromptShape, Refusal, TurnRecord, Usage},
    platform::Notice,
    record::{self, RecordError, VERSION},
    store::{ConversationState, JournalEntry, Summary},
};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::{Debug, Write};

#[test]
fn records_read_as_they_were_written() {
    let mut book = Book::default();
    for (name, kind) in kinds() {
        book.add(&format!("event, {name}"), &event(kind));
    }
    for role in [Role::User, Role::Assistant, Role::Tool] {
        book.add(&format!("message, {role:?}"), &message(role));
    }
    let mut noted = message(Role::Assistant);
    noted.parts = vec![Part::Note {
        line: Text::new("It broke off."),
        notice: Some(Notice::Failed(Failure::Interrupted)),
    }];
    book.add("message with a note", &noted);
    for entry in journal() {
        let name = format!("{entry:?}");
        let name = name.split([' ', '{']).next().unwrap();
        book.add(&format!("journal, {name}"), &entry);
    }
    book.add("state", &state());
    book.add("turn", &turn());
    insta::assert_snapshot!(format!("version_{VERSION}"), book.0);
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let mut bytes = record::encode(&state()).unwrap();
    let read = |bytes: &[u8]| record::decode::<ConversationState>(bytes);
    assert!(matches!(read(&[]), Err(RecordError::Empty)));
    let cut = &bytes[..bytes.len() - 1];
    assert!(matches!(read(cut), Err(RecordError::Damaged(_))));
    bytes[0] = VERSION + 1;
    assert_eq!(read(&bytes), Err(RecordError::Newer(VERSION + 1)));
}

/// Names of samples and their bytes, one a line.
#[derive(Default)]
struct Book(String);

impl Book {
    fn add<T: Serialize + DeserializeOwned + PartialEq + Debug>(&mut self, name: &str, value: &T) {
        let bytes = record::encode(value).unwrap();
        assert_eq!(record::decode::<T>(&bytes).unwrap(), *value, "{name}");
        let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        writeln!(self.0, "{name}: {hex}").unwrap();
    }
}

fn reference(name: &str) -> MessageRef {
    MessageRef::new(name).unwrap()
}

fn person() -> Participant {
    Participant {
        id: ParticipantId::new("web/ann").unwrap(),
        name: Text::new("Ann \u{e4}"),
        is_bot: true,
        roles: vec!["admin".into()],
    }
}

fn quoted() -> Option<Quoted> {
    Some(Quoted {
        message: reference("m1"),
        author: Some(person()),
        text: Text::new("before"),
    })
}

fn picture() -> Attachment {
    Attachment {
        media_type: "image/png".into(),
        name: Text::new("a.png"),
        size: Some(300),
        locator: "file:7".into(),
    }
}

fn event(kind: EventKind) -> Event {
    Event {
        id: EventId::new("e1").unwrap(),
        conversation: ConversationId::new("web/a").unwrap(),
        place: Place::new("a").unwrap(),
        author: person(),
        at: Timestamp(1_795_521_600_000),
        kind,
        language: Some("zh".into()),
    }
}

fn kinds() -> Vec<(&'static str, EventKind)> {
    let message = reference("m2");
    let posted = Posted {
        message: message.clone(),
        text: Text::new("hello"),
        quoted: quoted(),
        attachments: vec![picture()],
        shared: true,
    };
    let edited = EventKind::Edited {
        message: message.clone(),
        text: Text::new("hello"),
    };
    let command = EventKind::Command {
        message: Some(message.clone()),
        name: "model".into(),
        argument: Text::new("big"),
    };
    let judged = |rating| EventKind::Feedback {
        message: reference("m2"),
        rating,
    };
    vec![
        ("posted", EventKind::Posted(posted)),
        ("edited", edited),
        ("deleted", EventKind::Deleted { message }),
        ("command", command),
        ("stop", EventKind::StopPressed),
        ("up", judged(Rating::Up)),
        ("down", judged(Rating::Down)),
    ]
}

fn message(role: Role) -> Message {
    Message {
        seq: Seq(7),
        turn: TurnNumber(3),
        at: Timestamp(-5),
        role,
        author: Some(person()),
        parts: vec![
            Part::Text(Text::new("words")),
            Part::Attachment(picture()),
            Part::ToolCall(ToolCall {
                id: "c1".into(),
                name: ToolName::new("clock").unwrap(),
                arguments: Text::new("{}"),
            }),
            Part::ToolOutput {
                call: "c1".into(),
                text: Text::new("noon"),
            },
        ],
        quoted: quoted(),
        refs: vec![reference("m2")],
        shared: true,
    }
}

fn usage() -> Usage {
    Usage {
        input: 900,
        cached: 800,
        output: 70,
        cost: 1_250_000,
    }
}

fn journal() -> Vec<JournalEntry> {
    vec![
        JournalEntry::Sending { part: 1 },
        JournalEntry::Sent {
            part: 1,
            message: reference("r1"),
        },
        JournalEntry::Step {
            message: message(Role::Assistant),
            usage: usage(),
            last: true,
        },
        JournalEntry::Began {
            events: vec![EventId::new("e1").unwrap()],
        },
        JournalEntry::NotSent { part: 1 },
        JournalEntry::SendingWhole { part: 1 },
        JournalEntry::Gone { part: 1 },
    ]
}

fn state() -> ConversationState {
    ConversationState {
        persona: Some(PersonaName::new("poet").unwrap()),
        model: Some(ModelName::new("big").unwrap()),
        window_start: Seq(9),
        summary: Some(Summary {
            text: Text::new("so far"),
            before: Seq(8),
        }),
        unattended: 2,
        began: Seq(5),
        erasures: 4,
    }
}

fn turn() -> TurnRecord {
    let refusals = [
        Refusal::NotAllowed,
        Refusal::Limit {
            key: "participant/web/ann/messages/hour".into(),
            until: Timestamp(1_795_525_200_000),
        },
        Refusal::Bot,
        Refusal::Loop,
        Refusal::Empty,
        Refusal::TooLarge { limit: 262_144 },
    ];
    let failures = [
        Failure::ModelUnavailable,
        Failure::Deadline,
        Failure::Interrupted,
        Failure::EmptyAnswer,
        Failure::Declined,
        Failure::TooLong,
        Failure::Misconfigured,
        Failure::Undeliverable,
        Failure::GaveUp,
        Failure::Internal,
    ];
    let outcomes = [Outcome::Answered, Outcome::Superseded].into_iter();
    let outcomes = outcomes.chain(refusals.map(Outcome::Refused));
    let outcomes = outcomes.chain(failures.map(Outcome::Failed));
    TurnRecord {
        conversation: ConversationId::new("web/a").unwrap(),
        turn: TurnNumber(3),
        started: Timestamp(1_795_521_600_000),
        ended: Timestamp(1_795_521_601_234),
        events: outcomes
            .map(|outcome| (EventId::new("e1").unwrap(), outcome))
            .collect(),
        asked: vec![reference("m2")],
        attempts: 2,
        persona: Some(PersonaName::new("poet").unwrap()),
        model: Some(ModelName::new("big").unwrap()),
        usage: usage(),
        prompt: PromptShape {
            persona: 1,
            summary: 2,
            history: 3,
            messages: 4,
            tail: 5,
            exact: true,
        },
        first_text_ms: Some(250),
        steps: 1,
        delivered: vec![reference("r1")],
        notes: vec!["retried once".into()],
    }
}
