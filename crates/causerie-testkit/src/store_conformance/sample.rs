//! Events, messages and commits to try stores with. Event `n` is `e<n>`, and if it posts a message
//! that is `m<n>` on the platform; the answer to it is `r<n>`.

use causerie_core::{
    Text, Timestamp,
    event::{Event, EventKind, Participant, Posted, Quoted},
    id::{ConversationId, EventId, MessageRef, ParticipantId, Place, Seq, TurnNumber},
    message::{Message, Part, Role},
    outcome::{Outcome, PromptShape, TurnRecord, Usage},
    store::{Claim, Commit},
};

/// Conversation `name`.
pub fn conversation(name: &str) -> ConversationId {
    ConversationId::new(format!("web/{name}")).expect("a plain name")
}

/// Person `name`.
pub fn participant(name: &str) -> Participant {
    Participant {
        id: ParticipantId::new(format!("web/{name}")).expect("a plain name"),
        name: Text::new(name),
        is_bot: false,
        roles: vec![],
    }
}

/// Event id number `n`.
pub fn event_id(n: u32) -> EventId {
    EventId::new(format!("e{n}")).expect("a plain name")
}

/// Inbound platform message number `n`.
pub fn inbound(n: u32) -> MessageRef {
    MessageRef::new(format!("m{n}")).expect("a plain name")
}

fn event(name: &str, n: u32, author: &str, kind: EventKind) -> Event {
    Event {
        id: event_id(n),
        conversation: conversation(name),
        place: Place::new(name).expect("a plain name"),
        author: participant(author),
        at: Timestamp(1_795_521_000_000 + i64::from(n)),
        kind,
        language: n.is_multiple_of(2).then(|| "zh-Hans".to_owned()),
    }
}

/// `author` posts `text` in conversation `name`.
pub fn posted(name: &str, n: u32, author: &str, text: &str) -> Event {
    let posted = Posted {
        message: inbound(n),
        text: Text::new(text),
        quoted: None,
        attachments: vec![],
        shared: true,
    };
    event(name, n, author, EventKind::Posted(posted))
}

/// `author` posts `text`, quoting what `quoted` said in message number `of`.
pub fn quoting(name: &str, n: u32, author: &str, text: &str, quoted: &str, of: u32) -> Event {
    let mut event = posted(name, n, author, text);
    if let EventKind::Posted(posted) = &mut event.kind {
        posted.quoted = Some(Quoted {
            message: inbound(of),
            author: Some(participant(quoted)),
            text: Text::new(format!("what {quoted} said")),
        });
    }
    event
}

/// `author` edits message number `of`.
pub fn edited(name: &str, n: u32, author: &str, of: u32, text: &str) -> Event {
    let (message, text) = (inbound(of), Text::new(text));
    event(name, n, author, EventKind::Edited { message, text })
}

/// `author` deletes message number `of`.
pub fn deleted(name: &str, n: u32, author: &str, of: u32) -> Event {
    let message = inbound(of);
    event(name, n, author, EventKind::Deleted { message })
}

/// `author` gives a command.
pub fn command(name: &str, n: u32, author: &str, command: &str) -> Event {
    let kind = EventKind::Command {
        message: Some(inbound(n)),
        name: command.to_owned(),
        argument: Text::default(),
    };
    event(name, n, author, kind)
}

/// `author` presses stop.
pub fn stop(name: &str, n: u32, author: &str) -> Event {
    event(name, n, author, EventKind::StopPressed)
}

/// The end of the turn of `claim`: each posted message goes to history, followed by an answer.
pub fn answer(claim: &Claim) -> Commit {
    let mut append = vec![];
    let mut delivered = vec![];
    for event in &claim.mail {
        let EventKind::Posted(posted) = &event.kind else {
            continue;
        };
        let answer = posted.message.as_str().replacen('m', "r", 1);
        let answer = MessageRef::new(answer).expect("a plain name");
        append.push(said(claim, event, posted));
        append.push(reply(claim, posted, answer.clone()));
        delivered.push(answer);
    }
    let consumed: Vec<EventId> = claim.mail.iter().map(|event| event.id.clone()).collect();
    Commit {
        record: TurnRecord {
            events: (consumed.iter().cloned())
                .map(|id| (id, Outcome::Answered))
                .collect(),
            asked: claim
                .mail
                .iter()
                .filter_map(Event::worded)
                .cloned()
                .collect(),
            delivered,
            ..record(claim)
        },
        consumed,
        truncate: None,
        erase: false,
        append,
        state: claim.state.clone(),
        settle: None,
    }
}

fn said(claim: &Claim, event: &Event, posted: &Posted) -> Message {
    Message {
        seq: Seq(0),
        turn: claim.turn,
        at: event.at,
        role: Role::User,
        author: Some(event.author.clone()),
        parts: vec![Part::Text(posted.text.clone())],
        quoted: posted.quoted.clone(),
        refs: vec![posted.message.clone()],
        shared: posted.shared,
    }
}

fn reply(claim: &Claim, posted: &Posted, answer: MessageRef) -> Message {
    Message {
        seq: Seq(0),
        turn: claim.turn,
        at: Timestamp(1_795_521_600_000),
        role: Role::Assistant,
        author: None,
        parts: vec![Part::Text(Text::new(format!(
            "re: {}",
            posted.text.expose()
        )))],
        quoted: None,
        refs: vec![answer],
        shared: posted.shared,
    }
}

/// A record of the turn of `claim`, without events.
pub fn record(claim: &Claim) -> TurnRecord {
    TurnRecord {
        conversation: claim.key.conversation.clone(),
        turn: claim.turn,
        started: Timestamp(1_795_521_600_000),
        ended: Timestamp(1_795_521_601_234),
        events: vec![],
        asked: vec![],
        attempts: claim.attempt,
        persona: None,
        model: None,
        usage: Usage {
            input: 900,
            cached: 800,
            output: 70,
            cost: 1_250_000,
        },
        prompt: PromptShape::default(),
        first_text_ms: Some(250),
        steps: 1,
        delivered: vec![],
        notes: vec![],
    }
}

/// An end without words: `claim`'s mail is consumed and nothing else happens.
pub fn silence(claim: &Claim) -> Commit {
    Commit {
        append: vec![],
        ..answer(claim)
    }
}

/// The first turn.
pub const FIRST: TurnNumber = TurnNumber(1);
