//! How fast Markdown is rendered, and what one more token costs while an answer grows.
//!
//! `cargo bench -p causerie-markup`

#![expect(clippy::unwrap_used, reason = "a bench may fail anywhere")]

use causerie_core::{
    draft::{Draft, DraftTarget, Report},
    id::{ConversationId, MessageRef, TurnNumber},
    platform::{Action, Creates, PlatformCapabilities, Streaming, TextForm, TextLimit, TextUnit},
};
use causerie_markup::{
    AnsiStream, AnsiStyle, Cutter, HtmlStream, ansi, discord, html, slack_markdown, slack_mrkdwn,
    split, telegram, telegram_growing, telegram_rich,
};
use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

const ANSWER: &str = "\
## Planning the migration

Here is **a plan** with `code`, a [link](https://example.org/a_b) and *some emphasis*. It is a
paragraph of ordinary length, as models write them, with a few sentences that say what comes next
and why. 日本語のテキストも少しあります。

1. First, *do this* and look at what `cargo tree` says:
   - nested **one**, which goes on for a while
   - nested two
2. Then ~~not~~ that.

| Name | Value | Note |
|------|------:|------|
| a    | **1** | first |
| b    | 2     | second |

> A quote
> of two lines.

```rust
fn main() {
    let text = read(\"a.txt\").unwrap_or_default();
    println!(\"{text}\");
}
```

Done. Tell me if you want more of it.

";

/// What a model says at once.
const TOKEN: usize = 4;

/// The tokens between two edits.
const EDIT: usize = 500;

fn main() {
    let large = ANSWER.repeat(1_000_000 / ANSWER.len());
    println!("{:<28}{:>8}", "whole, 1 MB at once", "MB/s");
    whole("html", &large, |text| html(text).len());
    whole("ansi", &large, |text| {
        ansi(text, &AnsiStyle::default()).len()
    });
    whole("telegram", &large, |text| telegram(text).text.len());
    whole("telegram_rich", &large, |text| telegram_rich(text).len());
    whole("discord", &large, |text| discord(text).len());
    whole("slack_markdown", &large, |text| slack_markdown(text).len());
    whole("slack_mrkdwn", &large, |text| slack_mrkdwn(text).len());
    whole("split for Telegram", &large, |text| {
        split(text, limit(TextForm::Telegram)).len()
    });
    whole("split for Discord", &large, |text| {
        split(text, limit(TextForm::Discord)).len()
    });

    println!();
    print!("{:<28}", "growing, µs for a token");
    let sizes = [1_000, 10_000, 50_000];
    for size in sizes {
        print!("{:>8}", format!("{} KB", size / 1000));
    }
    println!();
    growing("HtmlStream", &sizes, |tokens| {
        let mut stream = HtmlStream::new();
        for token in tokens {
            black_box(stream.push(token));
        }
        black_box(stream.finish());
    });
    growing("AnsiStream", &sizes, |tokens| {
        let mut stream = AnsiStream::new(AnsiStyle::default());
        for token in tokens {
            black_box(stream.push(token));
        }
        black_box(stream.finish());
    });
    for form in [TextForm::Source, TextForm::Telegram, TextForm::Discord] {
        growing(&format!("Draft, {form:?}"), &sizes, |tokens| {
            draft(tokens, form);
        });
    }
}

fn limit(form: TextForm) -> TextLimit {
    let (unit, max) = match form {
        TextForm::Discord => (TextUnit::CodePoints, 2000),
        _ => (TextUnit::Utf16, 4096),
    };
    TextLimit { unit, max, form }
}

fn whole(name: &str, text: &str, render: impl Fn(&str) -> usize) {
    let best = (0..5).map(|_| {
        let start = Instant::now();
        black_box(render(text));
        start.elapsed()
    });
    let best = best.min().unwrap_or_default().as_secs_f64();
    println!("{name:<28}{:>8.1}", text.len() as f64 / 1e6 / best);
}

fn growing(name: &str, sizes: &[usize], play: impl Fn(&[String])) {
    print!("{name:<28}");
    for size in sizes {
        let text = ANSWER.repeat(size / ANSWER.len() + 1);
        let letters: Vec<char> = text.chars().collect();
        let tokens: Vec<String> = letters.chunks(TOKEN).map(String::from_iter).collect();
        let tokens = &tokens[..tokens.len().min(size / TOKEN)];
        let best = (0..5).map(|_| {
            let start = Instant::now();
            play(tokens);
            start.elapsed()
        });
        let best = best.min().unwrap_or_default();
        print!("{:>8.2}", best.as_secs_f64() * 1e6 / tokens.len() as f64);
    }
    println!();
}

/// An answer as the engine shows it: an edit now and then, rendered as it stands.
fn draft(tokens: &[String], form: TextForm) {
    let capabilities = PlatformCapabilities {
        streaming: Streaming::Edit {
            first: Duration::ZERO,
            every: Duration::from_millis(1),
        },
        message_limit: Some(limit(form)),
        creates: Creates::Remembered,
        edits: true,
        deletes: true,
        typing: None,
        file_after: None,
    };
    let target = DraftTarget {
        conversation: ConversationId::new("bench/a").unwrap(),
        turn: TurnNumber(1),
        reply_to: None,
        replaces: Vec::new(),
    };
    let mut draft = Draft::new(capabilities, Arc::new(Cutter), target);
    for (at, token) in tokens.iter().enumerate() {
        draft.push(token);
        if at % EDIT != 0 {
            continue;
        }
        let now = Duration::from_secs(at as u64);
        let Some(step) = draft.next_step(now) else {
            continue;
        };
        if let Action::Post { content, .. } | Action::Edit { content, .. } = &step.action {
            black_box(telegram_growing(content.markdown.expose()));
        }
        draft.report(Report::Done {
            at: now,
            message: Some(MessageRef::new("m").unwrap()),
        });
    }
}
