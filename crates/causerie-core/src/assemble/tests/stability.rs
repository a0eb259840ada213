//! Whatever is said in whatever room, prompts grow at their end: a model works through each word
//! once, until history is cut or a summary comes.

use super::{properties::words, *};
use crate::prompt::PromptMessage;
use proptest::{collection::vec, option, prelude::*};

/// Whose words, and which; `None` if they are ours.
type Quote = (Option<u64>, String);

/// What happens in one turn.
#[derive(Clone, Debug)]
struct Happens {
    /// Who says what, and what it replies to.
    said: Vec<(u64, String, Option<Quote>)>,
    /// Rounds of tools: what is asked, and what comes back.
    rounds: Vec<(String, String)>,
    answer: String,
    passage: Option<String>,
    /// Whether a summary that was wanted is there by now.
    summarised: bool,
}

fn happens() -> impl Strategy<Value = Happens> {
    let quoted = option::weighted(0.3, (option::of(0..4u64), words()));
    (
        vec((0..4u64, words(), quoted), 1..4),
        prop_oneof![2 => Just(vec![]), 1 => vec((words(), words()), 1..4)],
        words(),
        option::weighted(0.3, words()),
        prop::bool::weighted(0.4),
    )
        .prop_map(|(said, rounds, answer, passage, summarised)| Happens {
            said,
            rounds,
            answer,
            passage,
            summarised,
        })
}

fn scene() -> impl Strategy<Value = Scene> {
    let flags = (any::<bool>(), any::<bool>());
    (400u32..3000, 20u32..200, flags, words()).prop_map(|(window, output, flags, name)| {
        let mut scene = Scene::new("Be {{ 'brief' }}.");
        scene.backend.context_window = window;
        scene.persona.max_output_tokens = output;
        (scene.backend.tools, scene.persona.tell_time) = flags;
        scene.tools = vec![weather()];
        // Somebody is called whatever they like; it is the same throughout.
        scene.persona.system = format!("You are in the room of {name:?}.")
            .replace('{', "(")
            .into();
        scene
    })
}

/// A room while it grows, and what the last prompt promised to keep.
struct Room {
    scene: Scene,
    shared: bool,
    seq: u64,
    stable: Vec<PromptMessage>,
    /// The summary in the last prompt.
    summary: Option<Summary>,
    /// What was cut and has no summary yet.
    cut: Option<Seq>,
}

impl Room {
    fn next(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    /// Everything that may be said in this turn, in as many steps as it takes.
    fn live_through(&mut self, turn: u64, happens: &Happens) -> Result<(), TestCaseError> {
        self.scene.tail.now = self.scene.tail.now + std::time::Duration::from_secs(1800);
        self.scene.tail.passages = (happens.passage.iter())
            .map(|text| Passage {
                source: "a book".into(),
                text: text.as_str().into(),
            })
            .collect();
        self.scene.tail.thread = (happens.passage.iter())
            .map(|text| ThreadMessage {
                author: None,
                text: text.as_str().into(),
            })
            .collect();
        if happens.summarised
            && let Some(before) = self.cut.take()
        {
            let text = format!("what was said until {}", before.0).into();
            self.scene.summary = Some(Summary { text, before });
        }
        for (who, text, quoted) in &happens.said {
            let mut said = user(self.next(), turn, text);
            said.author = Some(participant(*who, "Name"));
            said.shared = self.shared;
            if let Some((of, text)) = quoted {
                said = replying(said, of.map(|of| participant(of, "Name")), text);
            }
            self.scene.turn.push(said);
        }
        self.step()?;
        for (round, (asked, given)) in happens.rounds.iter().enumerate() {
            let (first, second) = (self.next(), self.next());
            let id = round.to_string();
            self.scene.turn.push(call(first, turn, &id, asked));
            self.scene.turn.push(output(second, turn, &id, given));
            self.step()?;
        }
        let answered = answer(self.next(), turn, &happens.answer);
        self.scene.turn.push(answered);
        self.scene.commit();
        Ok(())
    }

    /// One prompt, which begins as the one before it did. Where history was cut for it, a summary
    /// has come, or there is no room for one beside this turn, the system prompt stays.
    fn step(&mut self) -> Result<(), TestCaseError> {
        let Ok(assembled) = self.scene.assemble() else {
            return Ok(());
        };
        let messages = assembled.prompt.messages();
        let cut = assembled.window_start > self.scene.window_start;
        let summary = (self.scene.summary.clone()).filter(|_| assembled.shape.summary > 0);
        if cut || summary != self.summary {
            self.stable.truncate(1);
        }
        self.summary = summary;
        let kept = &self.stable[..];
        prop_assert!(messages.starts_with(kept), "{:?}", self.scene);
        self.stable = messages[..assembled.prompt.stable_messages()].to_vec();
        if assembled.cut.is_some() {
            self.cut = Some(assembled.window_start);
        }
        // As the engine does it: from now on nobody looks before the window.
        let start = assembled.window_start;
        self.scene.window_start = start;
        self.scene.history.retain(|message| message.seq >= start);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn prompts_grow_at_their_end(
        scene in scene(),
        shared in any::<bool>(),
        turns in vec(happens(), 1..30),
    ) {
        let mut room = Room { scene, shared, seq: 0, stable: vec![], summary: None, cut: None };
        for (turn, happens) in (1..).zip(&turns) {
            room.live_through(turn, happens)?;
        }
    }
}
