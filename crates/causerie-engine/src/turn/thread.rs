//! What a reply leads back to. Platforms tell the message that is replied to and no more; what led to
//! that one is found in what we kept.

use super::{Halt, Question, Turn};
use causerie_core::{
    assemble::ThreadMessage,
    event::Quoted,
    id::{MessageRef, Seq},
    message::{Message, Role},
    store::HistoryRange,
};

/// The most messages that are followed.
const LONGEST: usize = 8;

/// How far back they are looked for, in messages.
const FAR: usize = 512;

impl Turn<'_> {
    /// The messages that led to the one the question replies to, oldest first, as far as they do not
    /// stand in `history`.
    pub(super) async fn thread(
        &self,
        question: &Question,
        history: &[Message],
    ) -> Result<Vec<ThreadMessage>, Halt> {
        let asked = question.messages.iter().rev();
        let Some(quoted) = asked.filter_map(|message| message.quoted.as_ref()).next() else {
            return Ok(vec![]);
        };
        let near: Vec<&Message> = history.iter().chain(&question.messages).collect();
        if let Followed::Whole(_) = follow(quoted, &near) {
            return Ok(vec![]);
        }
        let start = history
            .first()
            .map_or(self.claim.next_seq, |first| first.seq);
        let state = &self.claim.state;
        let range = HistoryRange {
            from: state.began.max(Seq(1)),
            before: Some(start),
            limit: Some(FAR),
        };
        if range.from >= start {
            return Ok(vec![]);
        }
        let conversation = &self.claim.key.conversation;
        let earlier = self
            .patiently(|| self.engine.store.history(conversation, range))
            .await?;
        let all: Vec<&Message> = earlier.iter().chain(near).collect();
        let (Followed::Whole(found) | Followed::Lost(found)) = follow(quoted, &all);
        let unseen = found.iter().filter(|link| link.seq < start);
        Ok(unseen.rev().map(Link::message).collect())
    }
}

/// The messages that lead up to one, the newest first.
enum Followed<'m> {
    /// To the one that replies to nothing.
    Whole(Vec<Link<'m>>),
    /// To one that is not known, or only by what another quotes of it.
    Lost(Vec<Link<'m>>),
}

/// A message that led to another.
struct Link<'m> {
    /// Where it stands in history, or what quotes it.
    seq: Seq,
    said: Said<'m>,
}

enum Said<'m> {
    Kept(&'m Message),
    Quoted(&'m Quoted),
}

impl Link<'_> {
    fn message(&self) -> ThreadMessage {
        let (author, text) = match self.said {
            Said::Quoted(quoted) => (quoted.author.clone(), quoted.text.clone()),
            Said::Kept(message) => (message.author.clone(), message.text()),
        };
        ThreadMessage { author, text }
    }
}

/// Follows replies from `quoted` on, which itself is not among what is found: its words stand with
/// the reply.
fn follow<'m>(quoted: &'m Quoted, among: &[&'m Message]) -> Followed<'m> {
    let find = |reference: &MessageRef| {
        let mut carrying = among.iter().rev().copied();
        carrying.find(|message| message.refs.contains(reference) && !message.text().is_blank())
    };
    let mut found = vec![];
    let Some(mut at) = find(&quoted.message) else {
        return Followed::Lost(found);
    };
    while found.len() < LONGEST {
        let before = match (at.role, &at.quoted) {
            (Role::Assistant, _) => question_of(at, among),
            (_, None) => None,
            (_, Some(earlier)) => match find(&earlier.message) {
                Some(kept) if kept.seq < at.seq => Some(kept),
                _ => {
                    let said = Said::Quoted(earlier);
                    found.push(Link { seq: at.seq, said });
                    return Followed::Lost(found);
                }
            },
        };
        let Some(before) = before else { break };
        found.push(Link {
            seq: before.seq,
            said: Said::Kept(before),
        });
        at = before;
    }
    Followed::Whole(found)
}

/// What an answer of ours answered.
fn question_of<'m>(answer: &Message, among: &[&'m Message]) -> Option<&'m Message> {
    let mut earlier = among.iter().rev().copied();
    earlier.find(|message| {
        message.turn == answer.turn && message.role == Role::User && message.seq < answer.seq
    })
}
