//! What was counted on both sides.

use causerie_core::{
    id::ConversationId,
    store::transfer::{ContentHash, ConversationCopy},
};
use serde_json::{Value, json};

/// Conversations that are named where they differ.
const NAMED: usize = 10;

/// What is on one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Conversations.
    pub conversations: u64,
    /// Messages of history.
    pub messages: u64,
    /// Events that wait.
    pub mail: u64,
    /// Turn records.
    pub turns: u64,
    /// Budgets and reservations.
    pub ledger: u64,
    /// All conversations together.
    pub hash: ContentHash,
}

/// What is on both.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// The source.
    pub from: Tally,
    /// The target.
    pub to: Tally,
    /// How many conversations were copied before; `None` if nothing was to be copied.
    pub copied: Option<u64>,
    /// Some of the conversations that differ.
    pub different: Vec<ConversationId>,
}

impl Tally {
    fn add(&mut self, copy: &ConversationCopy, hash: ContentHash) {
        self.messages += copy.messages.len() as u64;
        self.mail += copy.mail.len() as u64;
        self.turns += copy.records.len() as u64;
        self.hash.include(hash);
    }

    fn rows(&self) -> [(&'static str, String); 6] {
        [
            ("conversations", self.conversations.to_string()),
            ("messages", self.messages.to_string()),
            ("waiting mail", self.mail.to_string()),
            ("turn records", self.turns.to_string()),
            ("budgets and reservations", self.ledger.to_string()),
            ("hash", self.hash.to_string()[..16].to_owned()),
        ]
    }

    fn as_json(&self, store: &str) -> Value {
        json!({
            "store": store,
            "conversations": self.conversations,
            "messages": self.messages,
            "mail": self.mail,
            "turns": self.turns,
            "ledger": self.ledger,
            "hash": self.hash.to_string(),
        })
    }
}

impl Comparison {
    /// Whether both sides hold the same.
    pub fn is_equal(&self) -> bool {
        self.from == self.to && self.different.is_empty()
    }

    /// Counts a conversation of the source, and what the target has in its place.
    pub(super) fn conversation(
        &mut self,
        id: ConversationId,
        from: Option<&(ConversationCopy, ContentHash)>,
        to: Option<&(ConversationCopy, ContentHash)>,
    ) {
        if let Some((copy, hash)) = from {
            self.from.conversations += 1;
            self.from.add(copy, *hash);
        }
        if let Some((copy, hash)) = to {
            self.to.add(copy, *hash);
        }
        let hash = |side: Option<&(ConversationCopy, ContentHash)>| side.map(|(_, hash)| *hash);
        if hash(from) != hash(to) && self.different.len() < NAMED {
            self.different.push(id);
        }
    }

    /// Counts a budget or a reservation of the source, and whether the target keeps it.
    pub(super) fn entry(&mut self, is_kept: bool) {
        self.from.ledger += 1;
        self.to.ledger += u64::from(is_kept);
    }

    /// A table, and below it the conversations that differ.
    pub fn table(&self) -> String {
        let mut out = format!("{:24}  {:>16}  {:>16}\n", "", "FROM", "TO");
        for ((name, from), (_, to)) in self.from.rows().into_iter().zip(self.to.rows()) {
            out.push_str(&format!("{name:24}  {from:>16}  {to:>16}\n"));
        }
        for id in &self.different {
            out.push_str(&format!("different: {id}\n"));
        }
        out
    }

    /// The same for programs.
    pub fn as_json(&self, from: &str, to: &str) -> Value {
        let different: Vec<&str> = self.different.iter().map(ConversationId::as_str).collect();
        json!({
            "equal": self.is_equal(),
            "copied": self.copied,
            "from": self.from.as_json(from),
            "to": self.to.as_json(to),
            "different": different,
        })
    }
}
