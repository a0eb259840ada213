//! Drafts that are cut by what is shown, as the engine has them.

use super::{Cutter, size, tests::FORMS};
use crate::sample;
use causerie_core::{
    draft::{Draft, DraftTarget, Ending, Report},
    id::{ConversationId, MessageRef, TurnNumber},
    platform::{Action, Content, Creates, PlatformCapabilities, Streaming, TextLimit, TextUnit},
};
use proptest::prelude::*;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// Gives `pieces` to a draft, one a second, and returns its messages in their last form.
fn play(pieces: &[String], limit: TextLimit) -> Vec<String> {
    let capabilities = PlatformCapabilities {
        streaming: Streaming::Edit {
            first: std::time::Duration::ZERO,
            every: Duration::from_millis(1500),
        },
        message_limit: Some(limit),
        creates: Creates::Remembered,
        edits: true,
        deletes: true,
        typing: None,
        file_after: None,
    };
    let target = DraftTarget {
        conversation: ConversationId::new("test/a").unwrap(),
        turn: TurnNumber(1),
        reply_to: None,
        replaces: Vec::new(),
    };
    let mut draft = Draft::new(capabilities, Arc::new(Cutter), target);
    let mut seen: BTreeMap<usize, String> = BTreeMap::new();
    let mut now = Duration::ZERO;
    let mut pieces = pieces.iter();
    while !draft.is_settled() {
        match pieces.next() {
            Some(piece) => draft.push(piece),
            None => draft.finish(Ending::Complete),
        }
        now += Duration::from_secs(1);
        let Some(step) = draft.next_step(now) else {
            continue;
        };
        let (at, content) = match step.action {
            Action::Post { content, .. } => (seen.len(), content),
            Action::Edit { message, content } => (message.as_str().parse().unwrap(), content),
            other => panic!("{other:?}"),
        };
        check(&content, limit);
        seen.insert(at, content.markdown.expose().to_owned());
        draft.report(Report::Done {
            at: now,
            message: Some(MessageRef::new(at.to_string()).unwrap()),
        });
    }
    seen.into_values().collect()
}

fn check(content: &Content, limit: TextLimit) {
    let markdown = content.markdown.expose();
    assert!(size(markdown, limit) <= limit.max, "{markdown:?}");
}

#[test]
fn much_at_once_arrives() {
    let answer = sample::ANSWER.repeat(60);
    for form in FORMS {
        let limit = TextLimit {
            unit: TextUnit::Utf16,
            max: 2000,
            form: *form,
        };
        let messages = play(std::slice::from_ref(&answer), limit);
        assert!(sample::says_all(&answer, &messages.concat()), "{form:?}");
        let full = messages.iter().filter(|one| size(one, limit) > 1000);
        assert!(full.count() + 2 >= messages.len(), "{form:?}");
    }
}

proptest! {
    #[test]
    fn what_grows_arrives_and_always_fits(
        pieces in sample::pieces(),
        max in 64..400_usize,
        form in prop::sample::select(FORMS),
    ) {
        let limit = TextLimit { unit: TextUnit::Utf16, max, form };
        let messages = play(&pieces, limit);
        let markdown = pieces.concat();
        prop_assert!(sample::says_all(&markdown, &messages.concat()), "{:#?}", messages);
    }
}
