//! How the primer is made: the chats of `pack/chats.txt`, as chunks of them would be written.
//!
//! The file holds chats with an empty line between, a message on each line, `ann|` or `bot|` and the
//! words. Nothing of it may be what a bench or a test measures.

use super::Chunk;
use crate::pack::primer::PRIMER;
use causerie_core::{
    Text, Timestamp,
    event::Participant,
    id::{
        ConversationId, EventId, MessageRef, ModelName, ParticipantId, PersonaName, Seq, TurnNumber,
    },
    message::{Message, Part, Role},
    outcome::{Outcome, PromptShape, TurnRecord, Usage},
};

const CHATS: &str = include_str!("../pack/chats.txt");

/// To make another: give it a new number in `pack/primer.rs`, keep the old one for reading, and run
/// this test with `CAUSERIE_PRIMER` naming the file to write.
#[test]
fn the_primer_is_made_of_the_chats() {
    let mut made = vec![];
    for (n, chat) in CHATS.split("\n\n").enumerate() {
        let packer = chunk(n as u64, chat).packer().unwrap();
        made.extend(packer.into_stream());
    }
    if let Ok(path) = std::env::var("CAUSERIE_PRIMER") {
        std::fs::write(path, &made).unwrap();
        return;
    }
    assert!(made == PRIMER, "the primer is not what the chats give");
}

fn chunk(n: u64, chat: &str) -> Chunk {
    let mut chunk = Chunk::default();
    let mut digits = Digits(n + 1);
    let author = Participant {
        id: ParticipantId::new(format!(
            "discord/{}",
            200_000_000_000_000_000 + digits.below(1 << 59)
        ))
        .unwrap(),
        name: Text::new(
            [
                "Maria", "tom_92", "Jo Baker", "li", "Anna K.", "sam", "小明",
            ][n as usize % 7],
        ),
        is_bot: false,
        roles: vec![],
    };
    let mut at = 1_760_000_000_000 + digits.below(1 << 34) as i64;
    let mut name = 1_400_000_000_000_000_000 + digits.below(1 << 57);
    let lines: Vec<&str> = chat.lines().collect();
    for (turn, pair) in lines.chunks(2).enumerate() {
        let turn = turn as u64 + 1;
        let mut halves = vec![];
        for (half, line) in pair.iter().enumerate() {
            at += digits.below([300_000, 20_000][half]) as i64;
            name += digits.below(1 << [50, 44][half]);
            let (who, words) = line.split_once('|').unwrap();
            halves.push(Message {
                seq: Seq(turn * 2 - 1 + half as u64),
                turn: TurnNumber(turn),
                at: Timestamp(at),
                role: [Role::User, Role::Assistant][half],
                author: (who == "ann").then(|| author.clone()),
                parts: vec![Part::Text(Text::new(words.replace("\\n", "\n")))],
                quoted: None,
                refs: vec![MessageRef::new(name.to_string()).unwrap()],
                shared: false,
            });
        }
        let [asked, answered] = &halves[..] else {
            panic!("a message without an answer");
        };
        let took = digits.below(40);
        let record = TurnRecord {
            conversation: ConversationId::new("discord/1").unwrap(),
            turn: TurnNumber(turn),
            started: Timestamp(asked.at.0 + took as i64),
            ended: Timestamp(answered.at.0 + digits.below(9) as i64),
            events: vec![(
                EventId::new(asked.refs[0].as_str()).unwrap(),
                Outcome::Answered,
            )],
            asked: asked.refs.clone(),
            attempts: 1,
            persona: Some(PersonaName::new("default").unwrap()),
            model: Some(
                ModelName::new(["gpt-5-mini", "llama-3.1-8b", "mistral-small"][n as usize % 3])
                    .unwrap(),
            ),
            usage: Usage {
                input: 280 + turn * 170 + digits.below(90),
                cached: 180 + turn * 170 - digits.below(40),
                output: 40 + digits.below(120),
                cost: 0,
            },
            prompt: PromptShape {
                persona: 180,
                summary: 0,
                history: (turn as u32 - 1) * 160,
                messages: (turn as u32 - 1) * 2,
                tail: 40 + digits.below(60) as u32,
                exact: true,
            },
            first_text_ms: Some(150 + digits.below(900)),
            steps: 1,
            delivered: answered.refs.clone(),
            notes: vec![],
        };
        let number = (record.ended.0 as u64) * 1000 + digits.below(4000);
        chunk.turns.push((number, record));
        chunk.messages.extend(halves);
    }
    chunk
}

/// Digits that do not repeat.
struct Digits(u64);

impl Digits {
    fn below(&mut self, limit: u64) -> u64 {
        // Knuth's, from MMIX.
        self.0 = (self.0.wrapping_mul(6_364_136_223_846_793_005))
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 4) % limit
    }
}
