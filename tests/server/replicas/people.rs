//! People who talk to two servers, and what is kept of it.

use super::PATIENCE;
use causerie::{
    core::{
        id::{ConversationId, Seq},
        message::Role,
        outcome::{Outcome, TurnRecord},
        store::{Archive, HistoryRange, TurnQuery},
    },
    redis::{Config, RedisStore},
};
use causerie_testkit::server::{Server, Visitor};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

const PEOPLE: usize = 16;
const MESSAGES: usize = 3;
const CONVERSATION: &str = "conversation";
/// How long a page waits before it tries again.
const PAUSE: Duration = Duration::from_millis(100);

/// People who come to two servers, each to one of them first.
pub(crate) struct People(Vec<Person>);

/// Somebody in front of a balancer: where one server does not answer, the other is asked.
#[derive(Clone)]
struct Person {
    number: usize,
    pages: [Visitor; 2],
}

/// Conversations under way.
pub(crate) struct Talks(JoinSet<()>);

impl People {
    /// The even ones are at home at `first`.
    pub(crate) async fn come(first: &Server, second: &Server) -> Self {
        let mut people = vec![];
        for number in 0..PEOPLE {
            let (home, other) = match number % 2 {
                0 => (first, second),
                _ => (second, first),
            };
            let visitor = home.visitor().await.expect("the server answers");
            let pages = [visitor.clone(), visitor.at(other)];
            people.push(Person { number, pages });
        }
        Self(people)
    }

    /// The page of somebody at the server where they are at home.
    pub(crate) fn at_home(&self, number: usize) -> &Visitor {
        &self.0[number].pages[0]
    }

    /// All begin to talk.
    pub(crate) fn talk(&self) -> Talks {
        let talks = self.0.iter().cloned();
        Talks(talks.map(Person::talk).collect())
    }
}

impl Talks {
    /// Waits until everybody has read an answer to all they said.
    pub(crate) async fn end(mut self) {
        while let Some(ended) = self.0.join_next().await {
            ended.expect("they were answered");
        }
    }
}

impl Person {
    async fn talk(self) {
        for message in 0..MESSAGES {
            self.say(message).await;
            self.read(message + 1).await;
        }
    }

    /// Says it until a server has taken it, under the same name each time, as the page does.
    async fn say(&self, message: usize) {
        let (id, text) = (format!("message{message}"), words(self.number, message));
        let end = Instant::now() + PATIENCE;
        loop {
            for page in &self.pages {
                let said = page.say(CONVERSATION, &id, &text).await;
                if said.is_ok_and(|status| status.is_success()) {
                    return;
                }
            }
            assert!(Instant::now() < end, "nobody takes {text:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Reads until the page shows so many exchanges and nothing else.
    async fn read(&self, exchanges: usize) {
        let expected = page(self.number, exchanges);
        let end = Instant::now() + PATIENCE;
        let mut seen = vec![];
        while Instant::now() < end {
            for page in &self.pages {
                let Ok(lines) = page.transcript(CONVERSATION).await else {
                    continue;
                };
                let whole = lines.iter().all(|line| line.is_complete);
                seen = lines
                    .iter()
                    .map(|line| line.text.trim().to_owned())
                    .collect();
                if whole && seen == expected {
                    return;
                }
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("{} reads {seen:#?}", self.number);
    }
}

/// About two seconds of a slow echo.
fn words(person: usize, message: usize) -> String {
    format!(
        "{person} says {message}: one two three four five six seven eight nine ten eleven twelve"
    )
}

fn page(person: usize, exchanges: usize) -> Vec<String> {
    let both = |message| {
        let said = words(person, message);
        [said.clone(), format!("<p>{said}</p>")]
    };
    (0..exchanges).flat_map(both).collect()
}

/// What is kept in Redis.
pub(crate) struct Kept(RedisStore);

impl Kept {
    pub(crate) async fn at(url: &str) -> Self {
        let config = Config::new(url).expect("a URL");
        Self(RedisStore::connect(&config).await.expect("Redis answers"))
    }

    /// Asserts that every message of everybody is there once, in order, with one answer, that every
    /// event has one outcome, and that nothing waits. Gives the records of all turns.
    pub(crate) async fn is_one_answer_each(&self, people: &People) -> Vec<TurnRecord> {
        let turns = self.turns().await;
        assert_eq!(turns.len(), people.0.len(), "conversations");
        for (conversation, turns) in &turns {
            let words = self.words(conversation).await;
            let number = words.first().and_then(|first| first.split(' ').next());
            let number = number.and_then(|number| number.parse().ok());
            let number: usize = number.unwrap_or_else(|| panic!("{conversation}: {words:?}"));
            let both = |message| [self::words(number, message), self::words(number, message)];
            let expected: Vec<String> = (0..MESSAGES).flat_map(both).collect();
            assert_eq!(words, expected);
            let events = turns.iter().flat_map(|turn| &turn.events);
            let names: BTreeSet<_> = events.clone().map(|(event, _)| event).collect();
            assert_eq!((events.clone().count(), names.len()), (MESSAGES, MESSAGES));
            assert!(
                events
                    .clone()
                    .all(|(_, outcome)| *outcome == Outcome::Answered)
            );
        }
        turns.into_values().flatten().collect()
    }

    /// The words of the one conversation there is, and its turns.
    pub(crate) async fn only_conversation(&self) -> (Vec<String>, Vec<TurnRecord>) {
        let mut turns = self.turns().await;
        assert_eq!(turns.len(), 1, "conversations");
        let (conversation, turns) = turns.pop_first().expect("there is one");
        (self.words(&conversation).await, turns)
    }

    async fn turns(&self) -> BTreeMap<ConversationId, Vec<TurnRecord>> {
        let all = self.0.turns(&TurnQuery::All, 10_000).await;
        let mut turns: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for turn in all.expect("Redis answers") {
            turns
                .entry(turn.conversation.clone())
                .or_default()
                .push(turn);
        }
        turns
    }

    /// What was said in a conversation, by people and models in turn.
    async fn words(&self, conversation: &ConversationId) -> Vec<String> {
        let waiting = self.0.pending(conversation).await.expect("Redis answers");
        assert!(waiting.is_empty(), "{conversation}: {} wait", waiting.len());
        let range = HistoryRange {
            from: Seq(0),
            before: None,
            limit: None,
        };
        let history = self.0.history(conversation, range).await;
        let history = history.expect("Redis answers");
        for (at, message) in history.iter().enumerate() {
            let role = [Role::User, Role::Assistant][at % 2];
            assert_eq!(message.role, role, "{conversation}, message {at}");
        }
        let words = history.iter().map(|message| message.text().into_exposed());
        words.collect()
    }
}
