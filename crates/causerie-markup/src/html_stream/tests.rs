use super::*;
use crate::{html, sample};
use proptest::prelude::*;

fn stream(pieces: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut stream = HtmlStream::new();
    let mut blocks: Vec<String> = Vec::new();
    for piece in pieces {
        let closed = stream.index;
        let before = blocks.clone();
        for update in stream.push(piece.as_ref()) {
            assert!(update.index >= closed, "a closed block changed");
            apply(&mut blocks, update);
        }
        assert_eq!(blocks[..closed], before[..closed]);
    }
    for update in stream.finish() {
        apply(&mut blocks, update);
    }
    blocks.concat()
}

#[test]
fn words_appear_as_they_come() {
    let mut stream = HtmlStream::new();
    assert_eq!(
        stream.push("Hello **wor"),
        [BlockUpdate {
            index: 0,
            change: BlockChange::Set("<p>Hello <strong>wor</strong></p>\n".to_owned())
        }]
    );
    assert_eq!(
        stream.push("ld**"),
        [BlockUpdate {
            index: 0,
            change: BlockChange::Set("<p>Hello <strong>world</strong></p>\n".to_owned())
        }]
    );
    assert_eq!(stream.push("\n\n"), []);
    let update = stream.push("```rust\nfn a() {").pop().unwrap();
    assert_eq!(
        (update.index, update.change),
        (1, BlockChange::Append("fn a() {".to_owned()))
    );
}

#[test]
fn the_whole_is_what_one_parse_makes_of_it() {
    for markdown in sample::PLAIN {
        assert_eq!(html(markdown), render(&parse(markdown)), "{markdown}");
    }
}

#[test]
fn no_marker_flickers_in_an_ordinary_answer() {
    let mut stream = HtmlStream::new();
    let mut blocks = Vec::new();
    for c in sample::ANSWER.chars() {
        for update in stream.push(c.encode_utf8(&mut [0; 4])) {
            apply(&mut blocks, update);
        }
        let html = blocks.concat();
        let outside_code = html.split("<figure").next().unwrap();
        for marker in ["**", "`", "](", "|", "<p>#"] {
            assert!(!outside_code.contains(marker), "{marker} in {html}");
        }
    }
}

#[test]
fn nasty_samples_do_not_depend_on_where_they_are_cut() {
    for markdown in sample::NASTY.iter().chain(sample::PLAIN) {
        let whole = html(markdown);
        let chars: Vec<String> = markdown.chars().map(String::from).collect();
        assert_eq!(stream(&chars), whole, "{markdown:?}");
    }
}

proptest! {
    #[test]
    fn any_cut_gives_the_whole(pieces in sample::pieces()) {
        prop_assert_eq!(stream(&pieces), html(&pieces.concat()));
    }

    #[test]
    fn no_tag_but_ours(pieces in sample::pieces()) {
        let html = html(&pieces.concat());
        for tag in html.split('<').skip(1) {
            let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
            prop_assert!(
                ["p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ol", "ul", "li", "input",
                 "figure", "pre", "code", "div", "table", "thead", "tbody", "tr", "th", "td", "hr",
                 "em", "strong", "del", "a", "br"].contains(&name.as_str()),
                "{name} in {html}"
            );
        }
    }
}
