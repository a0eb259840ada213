use super::*;

#[test]
fn no_markup_of_the_model_survives() {
    for (markdown, shown) in [
        (
            "<script>alert(1)</script>",
            "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n",
        ),
        (
            "a <b onclick='x'>c</b>",
            "<p>a &lt;b onclick=&#39;x&#39;&gt;c&lt;/b&gt;</p>\n",
        ),
        (
            "[a](javascript:alert(1))",
            "<p>a (javascript:alert(1))</p>\n",
        ),
        (
            "```\"><script>\nx\n```",
            "<figure class=\"code\" data-language=\"&quot;&gt;&lt;script&gt;\"><pre><code class=\"language-&quot;&gt;&lt;script&gt;\">x</code></pre></figure>\n",
        ),
    ] {
        assert_eq!(html(markdown), shown, "{markdown}");
    }
}

#[test]
fn links_and_pictures_are_links() {
    let rel = "rel=\"noopener noreferrer nofollow\" target=\"_blank\"";
    assert_eq!(
        html("[a](https://b \"c\")"),
        format!("<p><a href=\"https://b\" {rel}>a</a></p>\n")
    );
    assert_eq!(
        html("![a](https://b/c.png)"),
        format!("<p><a href=\"https://b/c.png\" {rel}>a</a></p>\n")
    );
    assert_eq!(
        html("https://b/?a=1&b=2."),
        format!("<p><a href=\"https://b/?a=1&amp;b=2\" {rel}>https://b/?a=1&amp;b=2</a>.</p>\n")
    );
}

#[test]
fn blocks() {
    assert_eq!(
        html(
            "# a\n\n- [x] b\n- c\n  - d\n\n1. e\n\n   f\n\n> g\n\n---\n\n| h | i |\n|--|-:|\n| j<br>k | l |"
        ),
        "<h1>a</h1>\n\
         <ul>\n<li class=\"task\"><input type=\"checkbox\" disabled checked> b</li>\n\
         <li>c\n<ul>\n<li>d</li>\n</ul>\n</li>\n</ul>\n\
         <ol>\n<li><p>e</p>\n<p>f</p>\n</li>\n</ol>\n\
         <blockquote>\n<p>g</p>\n</blockquote>\n<hr>\n\
         <div class=\"table\"><table>\n<thead>\n<tr><th>h</th><th align=\"right\">i</th></tr>\n</thead>\n\
         <tbody>\n<tr><td>j<br>\nk</td><td align=\"right\">l</td></tr>\n</tbody>\n</table></div>\n"
    );
}

#[test]
fn a_definition_is_shown() {
    let html = html("see [a][1]\n\n[1]: https://b");
    assert!(html.contains("see [a][1]"), "{html}");
    assert!(html.contains("<p>[1]: <a href=\"https://b\""), "{html}");
}
