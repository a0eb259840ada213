use super::*;
use crate::sample;
use proptest::prelude::*;

#[test]
fn signs_stay_signs() {
    for (markdown, shown) in [
        ("2\\*3\\*4", "2\\*3\\*4"),
        ("snake_case", "snake\\_case"),
        ("\\# not a heading", "\\# not a heading"),
        ("a\n\\- b\n1\\. c", "a\n\\- b\n1\\. c"),
        ("\\> a || b ||", "\\> a \\|\\| b \\|\\|"),
        ("-# a", "\\-# a"),
        ("__a__ *b* ~~c~~ `d`", "**a** *b* ~~c~~ `d`"),
        ("***a** b*", "_**a** b_"),
    ] {
        assert_eq!(discord(markdown), shown, "{markdown}");
    }
}

#[test]
fn nobody_is_called() {
    assert_eq!(
        discord("@everyone @here <@1> <@&2> <#3> `@here`"),
        "@\u{200b}everyone @\u{200b}here \\<\u{200b}@1> \\<\u{200b}@&2> \\<\u{200b}#3> `@here`"
    );
}

#[test]
fn what_it_does_not_know() {
    assert_eq!(
        discord("# a\n\n#### b **c**\n\n---\n\n- [x] d\n  - e\n\n| f | g |\n|--|--|\n| h | i |"),
        "# a\n\n**b c**\n\n⎯⎯⎯\n\n- ☑ d\n  - e\n\n```\nf | g\n--|--\nh | i\n```"
    );
    assert_eq!(
        discord("| a |\n|--|\n| [b](https://c) |\n\n![d](https://e)\n\n````\n```\n````"),
        "a: [b](https://c)\n\n[d](https://e)\n\n```\n``\u{200b}`\n```"
    );
}

#[test]
fn an_answer_reads_well() {
    insta::assert_snapshot!(discord(sample::ANSWER));
}

#[test]
fn the_examples_of_commonmark() {
    for example in sample::commonmark() {
        let shown = discord(&example);
        assert!(sample::says_all(&example, &shown), "{example}\n{shown}");
    }
}

proptest! {
    #[test]
    fn no_word_is_lost_and_nobody_is_called(pieces in sample::pieces()) {
        let markdown = pieces.concat();
        let shown = discord(&markdown);
        prop_assert!(sample::says_all(&markdown, &shown), "{}", shown);
        let called = discord(&markdown.replace('a', "@everyone").replace("b c", "<@1>"));
        let fenced = called.contains('`');
        prop_assert!(fenced || !(called.contains("@everyone") || called.contains("<@1>")));
    }
}
