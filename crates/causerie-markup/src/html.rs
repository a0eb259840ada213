//! The tree as HTML that is safe by construction: every tag is ours, every word is escaped.

use crate::{
    html_stream::{HtmlStream, apply},
    link::is_safe,
    tree::{Alignment, Block, Inline, Item, List, Table},
};

/// What stands behind the code of a code block; see [`crate::BlockChange::Append`].
pub(crate) const CODE_END: &str = "</code></pre></figure>\n";

/// `markdown` as HTML that can be put into a page as it is.
pub fn html(markdown: &str) -> String {
    let mut stream = HtmlStream::new();
    let mut blocks = Vec::new();
    for update in stream.push(markdown).into_iter().chain(stream.finish()) {
        apply(&mut blocks, update);
    }
    blocks.concat()
}

/// `blocks` as HTML.
pub(crate) fn render(blocks: &[Block]) -> String {
    let mut out = String::new();
    for one in blocks {
        block(one, &mut out);
    }
    out
}

/// What stands before the code of a code block.
pub(crate) fn code_start(language: Option<&str>, out: &mut String) {
    match language {
        Some(language) => {
            out.push_str("<figure class=\"code\" data-language=\"");
            escape(language, out);
            out.push_str("\"><pre><code class=\"language-");
            escape(language, out);
            out.push_str("\">");
        }
        None => out.push_str("<figure class=\"code\"><pre><code>"),
    }
}

/// Writes `text` so that a page shows it and nothing else, inside attributes too.
pub(crate) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\0' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

fn block(block_: &Block, out: &mut String) {
    match block_ {
        Block::Paragraph(content) => wrap("p", content, out),
        Block::Heading { level, content, .. } => {
            const NAMES: [&str; 6] = ["h1", "h2", "h3", "h4", "h5", "h6"];
            wrap(NAMES[usize::from(*level).clamp(1, 6) - 1], content, out);
        }
        Block::Quote(blocks) => {
            out.push_str("<blockquote>\n");
            out.push_str(&render(blocks));
            out.push_str("</blockquote>\n");
        }
        Block::List(list_) => list(list_, out),
        Block::Code { language, text } => {
            code_start(language.as_deref(), out);
            escape(text, out);
            out.push_str(CODE_END);
        }
        Block::Table(table_) => table(table_, out),
        Block::Rule => out.push_str("<hr>\n"),
        Block::Definition { label, url, title } => definition(label, url, title, out),
    }
}

fn wrap(tag: &str, content: &[Inline], out: &mut String) {
    out.push('<');
    out.push_str(tag);
    out.push('>');
    inlines(content, out);
    out.push_str("</");
    out.push_str(tag);
    out.push_str(">\n");
}

fn list(list: &List, out: &mut String) {
    let end = match list.start {
        Some(1) => {
            out.push_str("<ol>\n");
            "</ol>\n"
        }
        Some(start) => {
            out.push_str(&format!("<ol start=\"{start}\">\n"));
            "</ol>\n"
        }
        None => {
            out.push_str("<ul>\n");
            "</ul>\n"
        }
    };
    for one in &list.items {
        item(one, list.tight, out);
    }
    out.push_str(end);
}

fn item(item: &Item, tight: bool, out: &mut String) {
    match item.checked {
        Some(true) => {
            out.push_str("<li class=\"task\"><input type=\"checkbox\" disabled checked> ");
        }
        Some(false) => out.push_str("<li class=\"task\"><input type=\"checkbox\" disabled> "),
        None => out.push_str("<li>"),
    }
    for (at, one) in item.blocks.iter().enumerate() {
        match one {
            Block::Paragraph(content) if tight => {
                inlines(content, out);
                if at + 1 < item.blocks.len() {
                    out.push('\n');
                }
            }
            other => block(other, out),
        }
    }
    out.push_str("</li>\n");
}

fn table(table: &Table, out: &mut String) {
    out.push_str("<div class=\"table\"><table>\n<thead>\n");
    row("th", &table.head, &table.alignments, out);
    out.push_str("</thead>\n<tbody>\n");
    for cells in &table.rows {
        row("td", cells, &table.alignments, out);
    }
    out.push_str("</tbody>\n</table></div>\n");
}

fn row(tag: &str, cells: &[Vec<Inline>], alignments: &[Alignment], out: &mut String) {
    out.push_str("<tr>");
    for (at, cell) in cells.iter().enumerate() {
        out.push('<');
        out.push_str(tag);
        out.push_str(match alignments.get(at) {
            Some(Alignment::Left) => " align=\"left\">",
            Some(Alignment::Center) => " align=\"center\">",
            Some(Alignment::Right) => " align=\"right\">",
            Some(Alignment::None) | None => ">",
        });
        inlines(cell, out);
        out.push_str("</");
        out.push_str(tag);
        out.push('>');
    }
    out.push_str("</tr>\n");
}

fn definition(label: &str, url: &str, title: &str, out: &mut String) {
    out.push_str("<p>[");
    escape(label, out);
    out.push_str("]: ");
    link(url, |out| escape(url, out), out);
    if !title.is_empty() {
        out.push(' ');
        escape(title, out);
    }
    out.push_str("</p>\n");
}

/// A link if it leads somewhere safe, else its content alone.
fn link(url: &str, content: impl FnOnce(&mut String), out: &mut String) -> bool {
    let safe = is_safe(url);
    if safe {
        out.push_str("<a href=\"");
        escape(url, out);
        out.push_str("\" rel=\"noopener noreferrer nofollow\" target=\"_blank\">");
    }
    content(out);
    if safe {
        out.push_str("</a>");
    }
    safe
}

fn inlines(content: &[Inline], out: &mut String) {
    for one in content {
        match one {
            Inline::Text(text) => escape(text, out),
            Inline::Code(code) => {
                out.push_str("<code>");
                escape(code, out);
                out.push_str("</code>");
            }
            Inline::Emphasis(inner) => tagged("em", inner, out),
            Inline::Strong(inner) => tagged("strong", inner, out),
            Inline::Strike(inner) => tagged("del", inner, out),
            Inline::Link { url, content } => {
                if !link(url, |out| inlines(content, out), out) && !url.is_empty() {
                    out.push_str(" (");
                    escape(url, out);
                    out.push(')');
                }
            }
            Inline::Image { url, alt } => {
                let shown = if alt.is_empty() { url } else { alt };
                if !link(url, |out| escape(shown, out), out) && !alt.is_empty() && !url.is_empty() {
                    out.push_str(" (");
                    escape(url, out);
                    out.push(')');
                }
            }
            Inline::Break => out.push_str("<br>\n"),
            Inline::SoftBreak => out.push('\n'),
        }
    }
}

fn tagged(tag: &str, inner: &[Inline], out: &mut String) {
    out.push('<');
    out.push_str(tag);
    out.push('>');
    inlines(inner, out);
    out.push_str("</");
    out.push_str(tag);
    out.push('>');
}

#[cfg(test)]
mod tests;
