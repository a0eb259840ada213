use super::*;
use crate::sample;
use causerie_core::platform::{TextForm, TextUnit};
use proptest::prelude::*;

fn limit(form: TextForm, max: usize) -> TextLimit {
    let unit = TextUnit::Utf16;
    TextLimit { unit, max, form }
}

pub(super) const FORMS: &[TextForm] = &[
    TextForm::Source,
    TextForm::Telegram,
    TextForm::Discord,
    TextForm::SlackMarkdown,
    TextForm::SlackMrkdwn,
];

fn has_html(markdown: &str) -> bool {
    let markdown = with_line_feeds(markdown);
    let events = pulldown_cmark::Parser::new_ext(&markdown, crate::parse::options());
    let is_html = |event| matches!(event, pulldown_cmark::Event::Html(_));
    events.into_iter().any(is_html)
}

fn parts(markdown: &str, form: TextForm, max: usize) -> Vec<String> {
    let limit = limit(form, max);
    let parts = split(markdown, limit);
    for part in &parts {
        assert!(size(part, limit) <= max, "{part:?} of {markdown:?}");
    }
    parts
}

#[track_caller]
fn check(markdown: &str, max: usize, expected: &[&str]) {
    assert_eq!(parts(markdown, TextForm::Source, max), expected);
}

#[test]
fn between_blocks() {
    check("aaaa\n\nbbbb\n\ncccc", 12, &["aaaa\n\nbbbb", "cccc"]);
    check("aaaa\n\n# b\n\ncccc", 11, &["aaaa", "# b\n\ncccc"]);
}

#[test]
fn a_table_repeats_its_head() {
    check(
        "| a | b |\n|---|---|\n| c | d |\n| e | f |\n| g | h |",
        40,
        &[
            "| a | b |\n|---|---|\n| c | d |\n| e | f |",
            "| a | b |\n|---|---|\n| g | h |",
        ],
    );
    check(
        "aaaa\n\n| a | b |\n|---|---|\n| c | d |\n| e | f |",
        42,
        &["aaaa", "| a | b |\n|---|---|\n| c | d |\n| e | f |"],
    );
}

#[test]
fn a_list_goes_on_with_its_numbers() {
    check(
        "1. aaaa\n1. bbbb\n1. cccc\n1. dddd",
        17,
        &[
            "1. aaaa\n2. bbbb".replace("2.", "1.").as_str(),
            "3. cccc\n1. dddd",
        ],
    );
    check(
        "- a\n  - bbbbbbb\n  - ccccccc\n- d",
        20,
        &["- a\n  - bbbbbbb", "- - ccccccc\n- d"],
    );
}

#[test]
fn code_is_opened_again_where_it_stands() {
    check(
        "```rust\naaaa\nbbbb\ncccc\n```",
        22,
        &["```rust\naaaa\nbbbb\n```", "```rust\ncccc\n```"],
    );
    check(
        "> ```\n> aaaaaaaa\n> bbbbbbb\n> ```",
        26,
        &["> ```\n> aaaaaaaa\n> ```", "> ```\n> bbbbbbb\n> ```"],
    );
}

#[test]
fn open_emphasis_is_opened_again() {
    check(
        "aaa **bbb ccc *ddd eee* fff** ggg",
        23,
        &["aaa **bbb ccc *ddd***", "***eee* fff** ggg"],
    );
    // The end of it has not come yet.
    check(
        "aaa **bbb ccc ddd eee fff",
        16,
        &["aaa **bbb ccc**", "**ddd eee fff"],
    );
}

#[test]
fn links_and_code_stay_whole() {
    check(
        "aaaa bbbb [cc dd](http://e) ffff",
        26,
        &["aaaa bbbb", "[cc dd](http://e) ffff"],
    );
    check("aaaa bbbb `cc dd` ffff", 16, &["aaaa bbbb", "`cc dd` ffff"]);
    check("aaaa bbbb cc - dd", 13, &["aaaa bbbb cc", "\\- dd"]);
}

#[test]
fn what_is_shown_is_counted() {
    let link = "[a](http://b.cc/ddddddddddddd) ";
    let parts = parts(&link.repeat(30), TextForm::Telegram, 64);
    assert_eq!(parts.len(), 1);
    let many = "**a** b ".repeat(150);
    let parts = super::split(&many, limit(TextForm::Telegram, 4096));
    assert_eq!(parts.len(), 2);
}

#[test]
fn an_answer_in_small_parts() {
    for max in [64, 100, 200] {
        let parts = parts(sample::ANSWER, TextForm::Telegram, max);
        let joined: String = parts.iter().map(|part| sample::said(part)).collect();
        assert_eq!(joined, sample::said(sample::ANSWER), "{parts:#?}");
    }
}

/// No word of it is lost, and all parts fit.
fn check_whole(markdown: &str, form: TextForm, max: usize) {
    let parts = parts(markdown, form, max);
    let joined: String = parts.iter().map(|part| sample::said(part)).collect();
    let said = sample::said(markdown);
    if has_html(markdown) {
        // What is no HTML any more after a cut is Markdown, where addresses are no words.
    } else if ["|", "`", "~~~"].iter().any(|mark| markdown.contains(mark)) {
        // The heads of tables are said again, and so are signs in code that nobody closed.
        let mut rest = joined.chars();
        let in_order = said.chars().all(|c| rest.any(|other| c == other));
        assert!(in_order, "{parts:#?} of {markdown:?}");
    } else {
        assert_eq!(joined, said, "{parts:#?} of {markdown:?}");
    }
}

#[test]
fn the_examples_of_commonmark() {
    let examples = sample::commonmark();
    for form in FORMS {
        for example in &examples {
            check_whole(example, *form, 64);
        }
        for max in [64, 100, 500, 2000, 4096] {
            for chunk in examples.chunks(40) {
                for part in parts(&chunk.join("\n\n"), *form, max) {
                    assert!(!part.trim().is_empty());
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn no_word_is_lost_and_all_parts_fit(
        pieces in sample::pieces(),
        max in 64..400_usize,
        form in prop::sample::select(FORMS),
    ) {
        check_whole(&pieces.concat(), form, max);
    }
}
