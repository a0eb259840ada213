//! Markdown that tests share.

use proptest::{collection::vec, prelude::*};

/// What a model usually writes.
pub(crate) const ANSWER: &str = "\
Sure! Here is **a plan** with `code` and a [link](https://example.org/a_b).

## Steps

1. First, *do this*:
   - nested **one**
   - nested two
2. Then ~~not~~ that.

| Name | Value |
|------|------:|
| a    | **1** |
| b    | 2     |

> A quote
> of two lines.

```rust
fn main() {
    println!(\"**not bold**\");
}
```

Done. 日本語のテキスト and 👩‍👩‍👧 too.
";

/// Sources whose blocks do not depend on each other.
pub(crate) const PLAIN: &[&str] = &[
    ANSWER,
    "",
    "a",
    "a\nb\n\nc\r\n\r\nd",
    "# a\n## b\nc\n===\nd\n---\ne",
    "- a\n- b\n\n- c\n\n      code\n\n* d\n1. e\n2) f",
    "> a\nlazy\n> - b\n> c\n\nd",
    "    code\n\n    more\n\na",
    "```\na\n\n```\n~~~x\n```\n~~~\n````md\n```\n````\nb",
    "``` \n\n\n```\n```\n\n```",
    "```\nunclosed\n\n",
    "- a\n  ```rust\n  b\n  ```\n- c",
    "<div>\n*a*\n</div>\n\n*b*",
    "<!-- a\n\nb -->\nc",
    "| a | b |\n|---|---|\n| c |\n| d | e | f |\ng\n\nh",
    "a | b\n--|--\nc | d",
    "* * *\n- - -\n___\n- a\n***\n",
    "1. a\n\n   b\n\n2. c\n10. d",
    "a  \nb\\\nc<br>d",
    "\n\n   \na\n\t\n b",
    "- [ ] a\n- [x] b\n- [X]c",
    "&amp; &lt; &#35; &nope; \\* \\[",
    "a\n\n\tb\n\n> \tc",
];

/// Sources that are hard to read.
pub(crate) const NASTY: &[&str] = &[
    "**a *b** c*",
    "***a** b*",
    "*a **b***",
    "**a\n\nb**",
    "`a ``b` c``",
    "[a](b [c](d) e)",
    "[a][b]\n\n[b]: https://c 'd'\n\n[b]",
    "[a]: <b> 'c\nd'\n[e]: f\ng\n\n[a] [e]",
    "[a]: b\n'c\n\n'\n\nd",
    "[a]:\n\nb",
    "[a]: b\n# c\n[d]: e\n- f\n[g]: h\n\n[i]: j",
    "![[a](b)](c)",
    "a\n| b | c |\n|--|--|\n| d |",
    "| a |\n|-|\n# b\n| c |",
    "| `a|b` | \\| |\n|-|-|\n| c",
    "|\n|-|\n|",
    "- a\n-\n- \n  b\n\n-\n\n  c",
    "- \n\n  a",
    "1.\n\n   a",
    "> ```\n> a\nb\n```\nc",
    "> - > - a\n> - b\n- c",
    "- a\n\n\n\n- b\n\n\tc\n\n\n\td",
    " - a\n  - b\n   - c\n    - d",
    "a\n    b\n\n    c\n  \n    d\n",
    "<a\nb>\n<pre>\n\n</pre>\nc <b",
    "<?a\n\n?>\n<!A\n\n>\n<![CDATA[\n\n]]>\nb",
    "```a`b\nc\n```",
    "~~~ a`b ~~~ c\nd\n~~~ e\n~~~  \nf",
    "````\n```\n`````\na",
    "   ```\n   a\n  b\n    c\n   ```\nd",
    "    ```\na",
    "```\na\n    ```\n```b\n ```\nc",
    "```\r\na\r\n\r\n```\r\nb\rc\r\r\nd",
    "a```a`b\nc\n```\r: http://x.y",
    "```\n``\n`\n~~~\n```",
    "a\n```",
    "a\n``",
    "#\n##a\n####### b\n# c #\n#\td",
    "a\n=\n\n=\n\n-\n--\n---",
    "*\n**\n***\n****\n_\n__\n___",
    "\\\n\\\\`\n\\",
    "&\n&a;\n&#0;\0\u{feff}",
    "\u{1b}[31mred\u{7}\u{8}\u{9b}0m",
    "<https://a.b> <javascript:a> <a@b.c> http://x.y/**z**",
    "a\u{a0}b\u{2028}c\u{85}d\u{b}e\u{c}f",
    "![](javascript:a) []() [](<>) [a]( ) ![a](",
    "~~a~~ ~b~ ~~~c~~~ ~~d",
    "1. a\n1) b\n123456789. c\n1234567890. d\n-1. e",
    "- a\n1. b\n* c\n  1. d\n+ e",
];

/// A text in pieces: words, markers and structure in any order.
pub(crate) fn pieces() -> impl Strategy<Value = Vec<String>> {
    let token = prop::sample::select(vec![
        "a",
        "b c",
        "word ",
        "日本",
        "👩‍👩‍👧",
        "é",
        " ",
        "  ",
        "    ",
        "\t",
        "\n",
        "\n\n",
        "\r\n",
        "\r",
        "*",
        "**",
        "***",
        "_",
        "__",
        "~~",
        "`",
        "``",
        "```",
        "```rust\n",
        "\n```\n",
        "~~~",
        "#",
        "## ",
        "\n# ",
        "- ",
        "\n- ",
        "\n  - ",
        "\n* ",
        "1. ",
        "\n2. ",
        "> ",
        "\n> ",
        "|",
        " | ",
        "\n|-|-|\n",
        "|-",
        "---",
        "\n---\n",
        "===",
        "[",
        "]",
        "(",
        ")",
        "](",
        "[a](http://b)",
        "![",
        "!",
        "\\",
        "<",
        ">",
        "<b>",
        "<div>\n",
        "<br>",
        "<!--",
        "-->",
        "&",
        "&amp;",
        "http://x.y",
        ":",
        ": ",
        "\n[a]: ",
        "[a]",
        "[ ] ",
        "[x] ",
        "\u{1b}[31m",
        "'",
        "\"",
        "\n    ",
        "x".repeat(30).leak(),
    ]);
    let nasty = prop::sample::select(NASTY.iter().chain(PLAIN).copied().collect::<Vec<&str>>());
    let piece = prop_oneof![8 => token.prop_map(String::from), 1 => nasty.prop_map(String::from)];
    (vec(piece, 0..24), vec(any::<prop::sample::Index>(), 0..24)).prop_map(|(pieces, cuts)| {
        let whole = pieces.concat();
        let mut cuts: Vec<usize> = cuts
            .iter()
            .map(|cut| whole.floor_char_boundary(cut.index(whole.len() + 1)))
            .collect();
        cuts.extend([0, whole.len()]);
        cuts.sort_unstable();
        cuts.windows(2)
            .map(|pair| whole[pair[0]..pair[1]].to_owned())
            .collect()
    })
}

/// The letters and digits of `text`.
pub(crate) fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// The letters of all words of `markdown`, whatever their form.
pub(crate) fn said(markdown: &str) -> String {
    letters(&crate::tree::all_words(&crate::whole::whole(markdown)))
}

/// Whether `shown` has all letters of what `markdown` says, in order where there is neither a table
/// nor a definition, which is read first.
pub(crate) fn says_all(markdown: &str, shown: &str) -> bool {
    let (mut said, mut shown) = (said(markdown), letters(shown));
    if markdown.contains('|') || markdown.contains("]:") {
        let sorted = |text: String| {
            let mut chars: Vec<char> = text.chars().collect();
            chars.sort_unstable();
            String::from_iter(chars)
        };
        (said, shown) = (sorted(said), sorted(shown));
    }
    let mut rest = shown.chars();
    said.chars().all(|c| rest.any(|other| c == other))
}

/// Every example of the CommonMark specification.
pub(crate) fn commonmark() -> Vec<String> {
    serde_json::from_str(include_str!("../tests/data/commonmark-0.31.2.json")).unwrap()
}
