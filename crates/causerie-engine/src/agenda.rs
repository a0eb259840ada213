//! What a turn does about the mail of its claim.
//!
//! Messages at the head of the mail are answered together; anything else is done alone, in its
//! place in the order. What is not taken waits for the next turn.

use crate::admission::Denied;
use causerie_core::{
    Text,
    event::{Event, EventKind, Posted, Rating},
    id::{EventId, MessageRef},
    outcome::Outcome,
    store::{Claim, JournalEntry},
};

/// What a turn does.
#[derive(Debug, PartialEq)]
pub(crate) struct Agenda {
    /// The work.
    pub(crate) job: Job,
    /// The event that the work is about, or the last of them: whom and where to answer.
    pub(crate) lead: Event,
    /// The events that end as the work ends.
    pub(crate) takes: Vec<EventId>,
    /// The events that end as stated here, however the work ends.
    pub(crate) settled: Vec<(EventId, Outcome)>,
}

/// The work of a turn.
#[derive(Debug, PartialEq)]
pub(crate) enum Job {
    /// Answer these messages.
    Answer(Vec<Post>),
    /// Do not answer.
    Refuse(Denied),
    /// Give the answer to a message anew, which now reads differently.
    Revise { message: MessageRef, text: Text },
    /// Forget a message.
    Forget(MessageRef),
    /// Do what a command says.
    Command { name: String, argument: Text },
    /// People asked to stop, or took back what they said, before this attempt began to answer.
    Stop,
    /// Keep a judgement.
    Feedback { message: MessageRef, rating: Rating },
    /// Nothing is left to do.
    Nothing,
}

/// A message to answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Post {
    pub(crate) event: Event,
    pub(crate) posted: Posted,
}

/// Decides what to do, with `check` to tell what may be answered.
pub(crate) fn agenda(claim: &Claim, check: impl Fn(&Event) -> Result<(), Denied>) -> Agenda {
    if let Some(agenda) = stopped(&claim.mail, &check) {
        return agenda;
    }
    let mail = mail_of_turn(claim);
    let lead = mail[0];
    let alone = |job| Agenda {
        job,
        lead: lead.clone(),
        takes: vec![lead.id.clone()],
        settled: vec![],
    };
    if let EventKind::Deleted { message } = &lead.kind {
        return alone(Job::Forget(message.clone()));
    }
    if let Err(denied) = check(lead) {
        return refusal(&mail, denied, check);
    }
    match &lead.kind {
        EventKind::Posted(_) => answer(&mail, check),
        EventKind::Edited { message, text } => alone(Job::Revise {
            message: message.clone(),
            text: text.clone(),
        }),
        EventKind::Command { name, argument, .. } => alone(Job::Command {
            name: name.clone(),
            argument: argument.clone(),
        }),
        EventKind::Feedback { message, rating } => alone(Job::Feedback {
            message: message.clone(),
            rating: *rating,
        }),
        EventKind::Deleted { .. } | EventKind::StopPressed => alone(Job::Nothing),
    }
}

/// An earlier attempt says what it answered. Mail that came later waits.
fn mail_of_turn(claim: &Claim) -> Vec<&Event> {
    let began = claim.journal.iter().find_map(|entry| match entry {
        JournalEntry::Began { events } => Some(events),
        _ => None,
    });
    let all = || claim.mail.iter().collect::<Vec<_>>();
    let Some(began) = began else { return all() };
    let mine: Vec<&Event> = claim
        .mail
        .iter()
        .filter(|event| began.contains(&event.id))
        .collect();
    if mine.is_empty() { all() } else { mine }
}

/// A stop before an answer began also takes the messages that wait in front of it. A stop of
/// somebody who is not answered stops nobody.
fn stopped(mail: &[Event], check: impl Fn(&Event) -> Result<(), Denied>) -> Option<Agenda> {
    let stops = |event: &Event| event.is_stop() && check(event).is_ok();
    let at = mail.iter().position(stops)?;
    let in_front = |event: &Event| event.is_stop() || matches!(event.kind, EventKind::Posted(_));
    if !mail[..at].iter().all(in_front) {
        return None;
    }
    let lead = mail[at].clone();
    let job = match (&lead.kind, at) {
        // Nothing was there to stop, and who writes a command waits for a word.
        (EventKind::Command { name, argument, .. }, 0) => Job::Command {
            name: name.clone(),
            argument: argument.clone(),
        },
        _ => Job::Stop,
    };
    let ended = |event: &Event| match check(event) {
        Err(denied) if event.is_stop() => Outcome::Refused(denied.refusal),
        _ => Outcome::Superseded,
    };
    let settled = mail[..at]
        .iter()
        .map(|event| (event.id.clone(), ended(event)));
    let settled = settled.collect();
    Some(Agenda {
        job,
        takes: vec![lead.id.clone()],
        lead,
        settled,
    })
}

fn refusal(
    mail: &[&Event],
    denied: Denied,
    check: impl Fn(&Event) -> Result<(), Denied>,
) -> Agenda {
    let same: Vec<&&Event> = mail
        .iter()
        .take_while(|event| check(event).as_ref() == Err(&denied))
        .collect();
    let takes = same.iter().map(|event| event.id.clone()).collect();
    let lead = (**same.last().unwrap_or(&&mail[0])).clone();
    Agenda {
        job: Job::Refuse(denied),
        lead,
        takes,
        settled: vec![],
    }
}

/// All messages at the head, as they read after the edits and deletions among them.
fn answer(mail: &[&Event], check: impl Fn(&Event) -> Result<(), Denied>) -> Agenda {
    let mut posts: Vec<Post> = vec![];
    let mut settled = vec![];
    for event in mail {
        if check(event).is_err() {
            break;
        }
        let mine = |posts: &[Post], message: &MessageRef| {
            posts
                .iter()
                .position(|post| post.posted.message == *message)
        };
        match &event.kind {
            EventKind::Posted(posted) => {
                posts.push(Post {
                    event: (*event).clone(),
                    posted: posted.clone(),
                });
            }
            EventKind::Edited { message, text } => {
                let Some(at) = mine(&posts, message) else {
                    break;
                };
                posts[at].posted.text = text.clone();
                settled.push((event.id.clone(), Outcome::Answered));
            }
            EventKind::Deleted { message } => {
                let Some(at) = mine(&posts, message) else {
                    break;
                };
                let gone = posts.remove(at);
                settled.push((gone.event.id, Outcome::Superseded));
                settled.push((event.id.clone(), Outcome::Answered));
            }
            _ => break,
        }
    }
    let takes = posts.iter().map(|post| post.event.id.clone()).collect();
    let lead = posts
        .last()
        .map_or_else(|| mail[0].clone(), |post| post.event.clone());
    let job = if posts.is_empty() {
        // An earlier attempt may have begun to answer what was taken back.
        Job::Stop
    } else {
        Job::Answer(posts)
    };
    Agenda {
        job,
        lead,
        takes,
        settled,
    }
}
