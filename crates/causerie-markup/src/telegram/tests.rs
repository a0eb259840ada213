use super::*;
use crate::sample;
use proptest::prelude::*;

fn piece(formatted: &Formatted, entity: &Entity) -> String {
    let units: Vec<u16> = formatted.text.encode_utf16().collect();
    String::from_utf16(&units[entity.offset..entity.offset + entity.length]).unwrap()
}

/// The entities as pairs of a short name and their words.
fn looks(formatted: &Formatted) -> Vec<(String, String)> {
    let name = |kind: &EntityKind| match kind {
        EntityKind::Bold => "bold".to_owned(),
        EntityKind::Italic => "italic".to_owned(),
        EntityKind::Strikethrough => "strike".to_owned(),
        EntityKind::Code => "code".to_owned(),
        EntityKind::Pre { language } => format!("pre {}", language.clone().unwrap_or_default()),
        EntityKind::TextLink { url } => format!("link {url}"),
        EntityKind::Blockquote => "quote".to_owned(),
    };
    let entities = formatted.entities.iter();
    entities
        .map(|one| (name(&one.kind), piece(formatted, one)))
        .collect()
}

#[track_caller]
fn check(markdown: &str, text: &str, looks_: &[(&str, &str)]) {
    let formatted = telegram(markdown);
    assert_eq!(formatted.text, text, "{markdown}");
    let expected: Vec<(String, String)> = looks_
        .iter()
        .map(|(kind, words)| ((*kind).to_owned(), (*words).to_owned()))
        .collect();
    assert_eq!(looks(&formatted), expected, "{markdown}");
    rules(&formatted);
}

/// What the Bot API asks of entities.
pub(crate) fn rules(formatted: &Formatted) {
    let text = &formatted.text;
    let units = text.encode_utf16().count();
    let mut open: Vec<(usize, &EntityKind)> = Vec::new();
    for entity in &formatted.entities {
        let end = entity.offset + entity.length;
        assert!(entity.length > 0 && end <= units, "{entity:?} in {text:?}");
        let words = piece(formatted, entity);
        assert_eq!(words.trim_end(), words, "{entity:?} in {text:?}");
        let is_pre = matches!(entity.kind, EntityKind::Pre { .. });
        assert!(
            is_pre || words.trim_start() == words,
            "{entity:?} in {text:?}"
        );
        assert!(!words.starts_with('\n'));
        while open.last().is_some_and(|(end, _)| *end <= entity.offset) {
            open.pop();
        }
        if let Some((outer_end, outer)) = open.last() {
            assert!(
                end <= *outer_end,
                "{entity:?} crosses {outer:?} in {text:?}"
            );
        }
        for (_, outer) in &open {
            let fine = match (outer, &entity.kind) {
                (EntityKind::Code | EntityKind::Pre { .. }, _) => false,
                (_, EntityKind::Pre { .. } | EntityKind::Blockquote) => false,
                (EntityKind::Blockquote, _) => true,
                (_, EntityKind::Code) => false,
                (EntityKind::TextLink { .. }, EntityKind::TextLink { .. }) => false,
                (outer, inner) => *outer != inner,
            };
            assert!(fine, "{entity:?} in {outer:?} in {text:?}");
        }
        open.push((end, &entity.kind));
    }
    let starts_with_code = formatted
        .entities
        .first()
        .is_some_and(|one| one.offset == 0 && matches!(one.kind, EntityKind::Pre { .. }));
    assert_eq!(text.trim_end(), text);
    assert!(starts_with_code || text.trim_start() == text, "{text:?}");
    assert!(
        !text
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\n' | '\t'))
    );
}

/// Whether every name that Telegram would call stands in code or in a link.
pub(crate) fn names_are_inert(formatted: &Formatted) -> bool {
    mentions(&formatted.text, 4).into_iter().all(|range| {
        let units = utf16_offsets(&formatted.text, &[range.start, range.end]);
        formatted.entities.iter().any(|one| {
            let covers = one.offset <= units[0] && one.offset + one.length >= units[1];
            let inert = matches!(
                one.kind,
                EntityKind::Code | EntityKind::Pre { .. } | EntityKind::TextLink { .. }
            );
            covers && inert
        })
    })
}

#[test]
fn words() {
    check(
        "a **b *c* d** ~~e~~ `f` [g](https://h)",
        "a b c d e f g",
        &[
            ("bold", "b c d"),
            ("italic", "c"),
            ("strike", "e"),
            ("code", "f"),
            ("link https://h", "g"),
        ],
    );
    check(
        "**a `b` c** [`d` **e**](https://f)",
        "a b c d e",
        &[
            ("bold", "a"),
            ("code", "b"),
            ("bold", "c"),
            ("link https://f", "d e"),
            ("bold", "e"),
        ],
    );
    check(
        "[a](javascript:b) ![c](https://d) ![](https://e)",
        "a (javascript:b) c https://e",
        &[("link https://d", "c"), ("link https://e", "https://e")],
    );
    check("**日本👍 a**b", "日本👍 ab", &[("bold", "日本👍 a")]);
    check(
        "[](https://a)",
        "https://a",
        &[("link https://a", "https://a")],
    );
}

#[test]
fn blocks() {
    check(
        "# a\nb\n\n---\n\n- c\n  - d\n- [x] e\n\n3. f\n\n   g\n4. h",
        "a\n\nb\n\n⎯⎯⎯\n\n• c\n  • d\n☑ e\n\n3. f\n   g\n4. h",
        &[("bold", "a")],
    );
    check(
        "- ```rust\n  let a;\n  ```\n- <b>c</b>",
        "•\nlet a;\n• <b>c</b>",
        &[("pre rust", "let a;")],
    );
    check(
        "> a\n> > b\n> > c\n>\n> ```\n> d\n> ```\n> `e`",
        "a\n\n> b\n> c\n\nd\n\ne",
        &[
            ("quote", "a\n\n> b\n> c"),
            ("pre ", "d"),
            ("quote", "e"),
            ("code", "e"),
        ],
    );
    check("[a]: https://b 'c'", "[a]: https://b c", &[]);
}

#[test]
fn tables() {
    check(
        "| a | bc |\n|--|-:|\n| **日本** | 1 |",
        "a    | bc\n-----|---\n日本 |  1",
        &[("pre ", "a    | bc\n-----|---\n日本 |  1")],
    );
    let wide = "w ".repeat(30);
    check(
        &format!("| a | b |\n|--|--|\n| {wide} | c |\n| d | |\n"),
        &format!("a: {}\nb: c\n\na: d", wide.trim()),
        &[],
    );
    check(
        "| a | b |\n|--|--|\n| [c](https://d) | e |",
        "a: c\nb: e",
        &[("link https://d", "c")],
    );
}

#[test]
fn names_are_not_called() {
    check(
        "**hi @some_one** a@mail.org `@code` @ab @n**ame** [@four](https://a)",
        "hi @some_one a@mail.org @code @ab @name @four",
        &[
            ("bold", "hi"),
            ("code", "@some_one"),
            ("code", "@code"),
            ("code", "@name"),
            ("link https://a", "@four"),
        ],
    );
}

#[test]
fn what_grows_is_closed() {
    let formatted = telegram_growing("# a\n\nb **c [d](htt");
    assert_eq!(formatted.text, "a\n\nb c d");
    assert_eq!(formatted.entities.len(), 2);
}

#[test]
fn an_answer_reads_well() {
    let formatted = telegram(sample::ANSWER);
    rules(&formatted);
    insta::assert_snapshot!(format!("{}\n\n{:#?}", formatted.text, looks(&formatted)));
}

#[test]
fn the_examples_of_commonmark() {
    for example in sample::commonmark() {
        let formatted = telegram(&example);
        rules(&formatted);
        rules(&telegram_growing(&example));
        assert!(names_are_inert(&formatted));
        assert!(sample::says_all(&example, &formatted.text), "{example}");
    }
}

proptest! {
    #[test]
    fn the_rules_hold(pieces in sample::pieces()) {
        let markdown = pieces.concat();
        for formatted in [telegram(&markdown), telegram_growing(&markdown)] {
            rules(&formatted);
            prop_assert!(names_are_inert(&formatted));
        }
        prop_assert!(sample::says_all(&markdown, &telegram(&markdown).text));
    }
}
