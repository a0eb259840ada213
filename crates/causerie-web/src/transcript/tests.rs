use super::*;
use causerie_core::{
    event::{Participant, Posted},
    id::{ConversationId, EventId, ParticipantId, Place, Seq, TurnNumber},
    message::Part,
};

fn person() -> Participant {
    Participant {
        id: ParticipantId::new("web/v").unwrap(),
        name: Text::default(),
        is_bot: false,
        roles: vec![],
    }
}

fn message(seq: u64, turn: u64, role: Role, text: &str, name: &str) -> Message {
    Message {
        seq: Seq(seq),
        turn: TurnNumber(turn),
        at: Timestamp(i64::try_from(seq).unwrap()),
        role,
        author: (role == Role::User).then(person),
        parts: vec![Part::Text(Text::new(text))],
        quoted: None,
        refs: MessageRef::new(name).into_iter().collect(),
        shared: false,
    }
}

fn posted(name: &str, at: i64) -> Event {
    Event {
        id: EventId::new(format!("say-{name}")).unwrap(),
        conversation: ConversationId::new("web/v.c").unwrap(),
        place: Place::new("v.c").unwrap(),
        author: person(),
        at: Timestamp(at),
        kind: EventKind::Posted(Posted {
            message: MessageRef::new(name).unwrap(),
            text: Text::new(name),
            quoted: None,
            attachments: Vec::new(),
            shared: false,
        }),
        language: None,
    }
}

fn answer(id: &str, at: i64, reply_to: Option<&str>) -> Item {
    Item {
        id: id.to_owned(),
        kind: Kind::Answer,
        at: Timestamp(at),
        text: None,
        blocks: Vec::new(),
        complete: false,
        waiting: false,
        notice: None,
        reply_to: reply_to.map(|to| MessageRef::new(to).unwrap()),
    }
}

fn ids(transcript: &Transcript, answers: Vec<Item>) -> Vec<String> {
    let live = LiveState {
        seq: 1,
        status: "typing",
        answers: answers.into_iter().map(|one| (one, Timestamp(9))).collect(),
    };
    let view = View::of(transcript).with_live(&live);
    view.messages.into_iter().map(|item| item.id).collect()
}

#[test]
fn rounds_of_one_turn_are_one_answer() {
    let transcript = Transcript {
        messages: vec![
            message(1, 1, Role::User, "Weather?", "u1"),
            message(2, 1, Role::Assistant, "I look.", ""),
            message(3, 1, Role::Tool, "{\"rain\":1}", ""),
            message(4, 1, Role::Assistant, "It rains.", "a1"),
            message(5, 2, Role::User, "Oh.", "u2"),
            message(6, 2, Role::Assistant, "", ""),
        ],
        pending: Vec::new(),
        more: true,
    };
    let view = View::of(&transcript);
    let ids: Vec<&str> = view.messages.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids, ["u1", "a1", "u2"]);
    assert_eq!(
        view.messages[1].blocks,
        [causerie_markup::html("I look.\n\nIt rains.")]
    );
    assert_eq!(view.older, Some(1));
}

#[test]
fn a_live_answer_stands_behind_what_it_answers() {
    let transcript = Transcript {
        messages: vec![
            message(1, 1, Role::User, "a", "u1"),
            message(2, 1, Role::Assistant, "b", "a1"),
        ],
        pending: vec![posted("u1", 1), posted("u2", 3), posted("u3", 5)],
        more: false,
    };
    let live = vec![answer("a1", 2, Some("u1")), answer("a2", 9, Some("u2"))];
    assert_eq!(ids(&transcript, live), ["u1", "a1", "u2", "a2", "u3"]);
    // Without the message it answers, by its time.
    let live = vec![answer("n1", 4, Some("u0")), answer("n2", 9, None)];
    assert_eq!(ids(&transcript, live), ["u1", "a1", "u2", "n1", "u3", "n2"]);
}

#[test]
fn an_answer_written_anew_is_shown_instead_of_the_one_in_history() {
    let transcript = Transcript {
        messages: vec![message(5, 1, Role::Assistant, "old", "a1")],
        pending: Vec::new(),
        more: false,
    };
    let shown = |touched: i64| {
        let mut anew = answer("a1", 1, None);
        anew.blocks = vec!["new".to_owned()];
        let live = LiveState {
            seq: 1,
            status: "typing",
            answers: vec![(anew, Timestamp(touched))],
        };
        View::of(&transcript).with_live(&live).messages[0]
            .blocks
            .concat()
    };
    assert_eq!(shown(6), "new");
    assert_eq!(shown(4), causerie_markup::html("old"));
}

#[test]
fn a_finished_answer_to_what_is_not_shown_is_not_shown() {
    let transcript = Transcript::default();
    let mut finished = answer("a1", 1, Some("u1"));
    finished.complete = true;
    let mut told = answer("n1", 2, Some("u2"));
    told.complete = true;
    told.notice = Some(crate::update::NoticeView::Told);
    assert_eq!(ids(&transcript, vec![finished, told]), ["n1"]);
}
