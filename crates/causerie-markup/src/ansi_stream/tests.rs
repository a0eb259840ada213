use super::*;
use crate::{ansi, sample};
use proptest::prelude::*;

fn stream(pieces: impl IntoIterator<Item = impl AsRef<str>>, style: AnsiStyle) -> String {
    let mut stream = AnsiStream::new(style);
    let mut out = String::new();
    for piece in pieces {
        out.push_str(&stream.push(piece.as_ref()));
    }
    out + &stream.finish()
}

/// What is left without our own sequences. Fails on any other.
fn without_sequences(text: &str) -> String {
    let mut parts = text.split('\x1b');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        if let Some(link) = part.strip_prefix("]8;;") {
            assert!(link.bytes().all(|b| b > 0x20), "{link:?}");
        } else if let Some(rest) = part.strip_prefix('\\') {
            out.push_str(rest);
        } else {
            let (codes, rest) = part
                .strip_prefix('[')
                .and_then(|part| part.split_once('m'))
                .unwrap_or_else(|| panic!("not ours: {part:?}"));
            assert!(
                codes.bytes().all(|b| b.is_ascii_digit() || b == b';'),
                "not ours: {codes:?}"
            );
            out.push_str(rest);
        }
    }
    assert!(
        !out.contains(|c: char| c.is_control() && c != '\n' && c != '\t'),
        "{out:?}"
    );
    out
}

fn styles() -> impl Strategy<Value = AnsiStyle> {
    (0..100_usize, any::<bool>(), any::<bool>()).prop_map(|(width, color, hyperlinks)| AnsiStyle {
        width,
        color,
        hyperlinks,
    })
}

/// Whether the characters of `part` stand in `whole` in this order.
fn in_order(part: &str, whole: &str) -> bool {
    let mut whole = whole.chars();
    part.chars()
        .filter(|c| c.is_alphanumeric())
        .all(|c| whole.any(|other| other == c))
}

#[test]
fn words_appear_as_they_come() {
    let mut stream = AnsiStream::new(AnsiStyle {
        color: false,
        ..AnsiStyle::default()
    });
    let mut push = |delta| stream.push(delta);
    assert_eq!(push("Hel"), "");
    assert_eq!(push("lo big wor"), "Hello big");
    assert_eq!(push("ld. **Very "), " world.");
    assert_eq!(push("bold** and "), " **Very bold** and");
    assert_eq!(push("\n\n- one"), "");
    assert_eq!(push(" two\n"), "\n\n- one two");
    assert_eq!(push("- [x] three "), "\n- [x] three");
    assert_eq!(push("\n\n```rust\nfn"), "\n\n```rust");
    assert_eq!(push(" a() "), "\nfn a() ");
    assert_eq!(push("{}\n```\n"), "{}\n```\n");
    assert_eq!(push("| a | b |\n|---|---|\n| c | d |\n"), "");
    assert_eq!(push("\nEnd"), "");
    assert_eq!(stream.finish(), "\na | b\n--|--\nc | d\n\nEnd\n");
}

#[test]
fn an_ordinary_answer_is_written_once() {
    let style = AnsiStyle {
        width: 1_000,
        ..AnsiStyle::default()
    };
    let text = without_sequences(&stream([sample::ANSWER], style));
    for word in ["plan", "nested two", "println", "Steps", "日本語のテキスト"] {
        assert_eq!(text.matches(word).count(), 1, "{word} in {text}");
    }
}

#[test]
fn long_chinese_wraps_and_punctuation_never_begins_a_line() {
    let style = AnsiStyle {
        width: 20,
        ..AnsiStyle::default()
    };
    let markdown = "这是一个很长的句子，用来测试换行。它没有空格，但是有标点！".repeat(5);
    let text = ansi(&markdown, &style);
    assert!(text.lines().count() > 10, "{text}");
    for line in text.lines() {
        assert!(unicode_width::UnicodeWidthStr::width(line) <= 22, "{line}");
        assert!(!line.starts_with(['，', '。', '！']), "{line}");
    }
    assert_eq!(text.replace('\n', ""), markdown);
}

#[test]
fn no_text_commands_the_terminal() {
    for markdown in [
        "a \x1b[2J b",
        "`\x1b]0;title\x07`",
        "```\n\x1b[31m\u{9b}2J\n```",
        "```\x1b[31m\na\n```",
        "    \x1b[31m",
        "&#27;[2J &#x9b;2J",
        "[a](http://b&#27;[2J)",
        "[a](<http://b\u{9b}2J>) ![\x1b[2J](x)",
        "| \x1b[2J |\n|-|\n| &#7; |",
        "[\x1b]: \x1b '\x1b'",
        "a\rb\x08\x08",
    ] {
        for hyperlinks in [true, false] {
            let style = AnsiStyle {
                hyperlinks,
                ..AnsiStyle::default()
            };
            without_sequences(&ansi(markdown, &style));
            without_sequences(&stream([markdown], style));
        }
    }
}

#[test]
fn without_colours_nothing_escapes() {
    let style = AnsiStyle {
        color: false,
        hyperlinks: true,
        width: 40,
    };
    assert!(!ansi(sample::ANSWER, &style).contains('\x1b'));
}

#[test]
fn nasty_samples_do_not_depend_on_where_they_are_cut() {
    for markdown in sample::NASTY.iter().chain(sample::PLAIN) {
        let chars: Vec<String> = markdown.chars().map(String::from).collect();
        let style = AnsiStyle::default();
        assert_eq!(stream(&chars, style), stream([markdown], style));
    }
}

/// Nothing is written twice, unless the first cell of a table without bars around it looked like
/// words.
#[test]
fn what_is_shown_early_is_what_the_tree_says() {
    let style = AnsiStyle::default();
    let barred = |markdown: &&&str| !markdown.starts_with("a | b");
    for markdown in sample::PLAIN.iter().filter(barred) {
        assert_eq!(
            stream([markdown], style),
            ansi(markdown, &style),
            "{markdown:?}"
        );
    }
}

proptest! {
    #[test]
    fn any_cut_gives_the_whole(pieces in sample::pieces(), style in styles()) {
        let whole = stream([pieces.concat()], style);
        prop_assert!(whole.is_empty() || whole.ends_with('\n'));
        prop_assert_eq!(stream(&pieces, style), whole);
    }

    #[test]
    fn no_sequence_but_ours(text in any::<String>(), pieces in sample::pieces(), style in styles()) {
        for text in [text, pieces.concat()] {
            let whole = ansi(&text, &style);
            prop_assert!(whole.is_empty() || whole.ends_with('\n'), "{:?}", whole);
            without_sequences(&whole);
            without_sequences(&stream([text], style));
        }
    }

    #[test]
    fn no_word_is_lost(pieces in sample::pieces()) {
        let markdown = pieces.concat();
        let style = AnsiStyle::default();
        let text = without_sequences(&stream([&markdown], style));
        let whole = without_sequences(&ansi(&markdown, &style));
        let mut blocks = Blocks::default();
        let mut growth = blocks.push(&markdown);
        growth.extend(blocks.finish());
        for one in growth {
            let (Growth::Closed(source) | Growth::Code(source)) = one else { continue };
            for block in parse(&source) {
                if let Block::Paragraph(content) | Block::Heading { content, .. } = block {
                    let words = crate::tree::words(&content);
                    prop_assert!(in_order(&words, &text), "{words:?} in {text:?}");
                    prop_assert!(in_order(&words, &whole), "{words:?} in {whole:?}");
                }
            }
        }
    }

    #[test]
    fn ordinary_words_stay_in_order(words in prop::collection::vec("[a-z]{1,9}|\\*\\*[a-z]{1,9} [a-z]{1,9}\\*\\*|`[a-z ]{1,9}`|\n\n|\n- |\n> |日本|\n\n## ", 0..40), width in 0..60_usize) {
        let markdown = words.join(" ");
        let style = AnsiStyle { width, ..AnsiStyle::default() };
        for text in [ansi(&markdown, &style), stream([&markdown], style)] {
            let text = without_sequences(&text);
            prop_assert!(in_order(&markdown, &text), "{text}");
        }
    }
}
