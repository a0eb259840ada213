use super::*;
use crate::sample;
use proptest::prelude::*;

#[test]
fn signs_stay_signs() {
    for (markdown, standard, mrkdwn) in [
        ("2\\*3\\*4", "2\\*3\\*4", "2*3*4"),
        ("\\*a\\*", "\\*a\\*", "*\u{200b}a*\u{200b}"),
        ("a & b < c", "a &amp; b &lt; c", "a &amp; b &lt; c"),
        ("\\> a", "&gt; a", "\u{200b}&gt; a"),
        ("\\# a", "\\# a", "# a"),
        ("**a *b*** ~~c~~", "**a *b*** ~~c~~", "*a _b_* ~c~"),
        ("a**b**c", "a**b**c", "a\u{200b}*b*\u{200b}c"),
        (
            "[a](https://b?c&d)",
            "[a](https://b?c&d)",
            "<https://b?c&amp;d|a>",
        ),
    ] {
        assert_eq!(slack_markdown(markdown), standard, "{markdown}");
        assert_eq!(slack_mrkdwn(markdown), mrkdwn, "{markdown}");
    }
}

#[test]
fn nobody_is_called() {
    let markdown = "@here @channel <!channel> <@U1> `<!here>`";
    assert_eq!(
        slack_markdown(markdown),
        "@\u{200b}here @\u{200b}channel &lt;\u{200b}!channel&gt; &lt;\u{200b}@U1&gt; `<\u{200b}!here>`"
    );
    assert_eq!(
        slack_mrkdwn(markdown),
        "@\u{200b}here @\u{200b}channel &lt;!channel&gt; &lt;@U1&gt; `&lt;!here&gt;`"
    );
}

#[test]
fn blocks_as_mrkdwn() {
    assert_eq!(
        slack_mrkdwn("# a\n\n> **b\n> c**\n> > d\n\n```rust\n<e>\n```\n\n- [ ] f\n  - g"),
        "*a*\n\n> *b*\n> *c*\n> \n> \u{200b}&gt; d\n\n```\n&lt;e&gt;\n```\n\n☐ f\n  • g"
    );
}

#[test]
fn an_answer_reads_well() {
    insta::assert_snapshot!("markdown", slack_markdown(sample::ANSWER));
    insta::assert_snapshot!("mrkdwn", slack_mrkdwn(sample::ANSWER));
}

#[test]
fn the_examples_of_commonmark() {
    for example in sample::commonmark() {
        let written = slack_markdown(&example);
        let read = sample::said(&written);
        assert!(sample::says_all(&example, &read), "{example}\n{written}");
        let shown = slack_mrkdwn(&example);
        let shown = shown
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&");
        assert!(sample::says_all(&example, &shown), "{example}\n{shown}");
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(pieces in sample::pieces()) {
        let markdown = pieces.concat();
        let written = slack_markdown(&markdown);
        prop_assert!(sample::says_all(&markdown, &sample::said(&written)), "{}", written);
    }

    #[test]
    fn nothing_calls(pieces in sample::pieces()) {
        let markdown = pieces.concat().replace('a', "<!here>").replace("b c", "<@U1> @here");
        for text in [slack_markdown(&markdown), slack_mrkdwn(&markdown)] {
            prop_assert!(!text.contains("<!") && !text.contains("<@"), "{}", text);
            prop_assert!(text.contains('`') || !text.contains("@here"), "{}", text);
        }
    }

    #[test]
    fn no_word_is_lost_as_mrkdwn(pieces in sample::pieces()) {
        let markdown = pieces.concat();
        let shown = slack_mrkdwn(&markdown);
        let shown = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        prop_assert!(sample::says_all(&markdown, &shown), "{}", shown);
    }
}
