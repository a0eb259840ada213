//! What is to be answered: messages as they were said, or as they read after an edit.

use super::{Halt, Turn};
use crate::agenda::{Agenda, Post};
use causerie_core::{
    Text,
    id::{MessageRef, Seq},
    message::{Message, Part, Role},
    store::{HistoryRange, TurnQuery},
};

/// How far back an edited message is looked for.
const RECENT: usize = 64;

/// What is to be answered.
pub(crate) struct Question {
    /// What people said, as it goes into history.
    pub(super) messages: Vec<Message>,
    /// The messages that carry an earlier answer, which this one replaces.
    pub(super) replaces: Vec<MessageRef>,
    /// Where history is given anew from, if it is.
    pub(super) truncate: Option<Seq>,
    /// Whether a person speaks, or only bots.
    pub(super) attended: bool,
}

impl Turn<'_> {
    pub(super) fn question(&self, posts: &[Post]) -> Question {
        let messages = posts.iter().map(|post| self.message_of(post)).collect();
        Question {
            messages,
            replaces: vec![],
            truncate: None,
            attended: posts.iter().any(|post| !post.event.author.is_bot),
        }
    }

    fn message_of(&self, post: &Post) -> Message {
        let posted = &post.posted;
        let mut parts = vec![];
        if !posted.text.is_blank() {
            parts.push(Part::Text(posted.text.clone()));
        }
        parts.extend(posted.attachments.iter().cloned().map(Part::Attachment));
        Message {
            seq: self.claim.next_seq,
            turn: self.claim.turn,
            at: post.event.at,
            role: Role::User,
            author: Some(post.event.author.clone()),
            parts,
            quoted: posted.quoted.clone(),
            refs: vec![posted.message.clone()],
            shared: posted.shared,
        }
    }

    /// The last question as it reads after an edit, if its answer may still change: it is the
    /// newest turn, was answered a short time ago, and our messages can be edited here.
    pub(super) async fn revision(
        &self,
        agenda: &Agenda,
        message: &MessageRef,
        text: &Text,
    ) -> Result<Option<Question>, Halt> {
        let conversation = &self.claim.key.conversation;
        let from = self.claim.state.window_start;
        let range = HistoryRange {
            from,
            before: None,
            limit: Some(RECENT),
        };
        let recent = self
            .patiently(|| self.engine.store.history(conversation, range))
            .await?;
        let edited = |m: &&Message| {
            let author = m.author.as_ref().map(|author| &author.id);
            m.refs.contains(message) && author == Some(&agenda.lead.author.id)
        };
        let Some(turn) = recent.iter().find(edited).map(|message| message.turn) else {
            return Ok(None);
        };
        let newest = recent.last().is_some_and(|message| message.turn == turn);
        if !newest || text.is_blank() || !self.entry.platform.capabilities(&agenda.lead.place).edits
        {
            return Ok(None);
        }
        // Platforms tell of edits that change nothing people read.
        let reads_so = |m: &Message| {
            m.refs.contains(message) && m.text().expose().trim() == text.expose().trim()
        };
        if recent.iter().any(reads_so) {
            return Ok(None);
        }
        let query = TurnQuery::Conversation(conversation.clone());
        let turns = self
            .patiently(|| self.engine.store.turns(&query, RECENT))
            .await?;
        let Some(record) = turns.into_iter().find(|record| record.turn == turn) else {
            return Ok(None);
        };
        // This attempt may be a late one.
        let edited = agenda.lead.at.min(self.started);
        if edited.since(record.ended) > self.engine.config.edit_window {
            return Ok(None);
        }
        let of_turn = recent.into_iter().filter(|message| message.turn == turn);
        let mut asked: Vec<Message> = of_turn.filter(|m| m.role == Role::User).collect();
        let truncate = asked.first().map(|message| message.seq);
        for asked in asked
            .iter_mut()
            .filter(|asked| asked.refs.contains(message))
        {
            asked.parts.retain(|part| !matches!(part, Part::Text(_)));
            asked.parts.insert(0, Part::Text(text.clone()));
        }
        asked
            .iter_mut()
            .for_each(|asked| asked.turn = self.claim.turn);
        Ok(Some(Question {
            messages: asked,
            replaces: record.delivered,
            truncate,
            attended: true,
        }))
    }

    /// What the prompt shows of what was said before.
    pub(super) async fn history(&self, question: &Question) -> Result<Vec<Message>, Halt> {
        let from = self.claim.state.window_start.max(Seq(1));
        let before = question.truncate.unwrap_or(self.claim.next_seq);
        if from >= before {
            return Ok(vec![]);
        }
        let range = HistoryRange {
            from,
            before: Some(before),
            limit: None,
        };
        let conversation = &self.claim.key.conversation;
        self.patiently(|| self.engine.store.history(conversation, range))
            .await
    }
}
