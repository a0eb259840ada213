//! The code block that is open at the end of a text.

use crate::parse::options;
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

/// A fenced code block that is open at the end of a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OpenFence {
    /// The line that opens it again, without what stood before the marks.
    pub(crate) opening: String,
    /// What stands before each of its lines, lists as spaces.
    pub(crate) prefix: String,
    /// The marks that close it.
    pub(crate) marks: String,
}

/// The code block that is open at the end of `markdown`.
pub(crate) fn open_at_end(markdown: &str) -> Option<OpenFence> {
    if !markdown.contains("```") && !markdown.contains("~~~") {
        return None;
    }
    let start = last_fence(markdown)?;
    let line_start = markdown[..start].rfind('\n').map_or(0, |at| at + 1);
    let opening = markdown[start..].lines().next().unwrap_or_default();
    let mark = opening.chars().next()?;
    let marks = opening.len() - opening.trim_start_matches(mark).len();
    let code = markdown[start..]
        .split_once('\n')
        .map_or("", |(_, code)| code);
    let last = code.lines().next_back().unwrap_or_default();
    let last = last.trim_matches([' ', '\t', '>']);
    if last.len() >= marks && last.chars().all(|c| c == mark) {
        return None;
    }
    let prefix = markdown[line_start..start].chars();
    Some(OpenFence {
        opening: opening.to_owned(),
        prefix: prefix.map(|c| if c == '>' { '>' } else { ' ' }).collect(),
        marks: mark.to_string().repeat(marks),
    })
}

/// Where the fenced code block begins that reaches to the end of `markdown`.
fn last_fence(markdown: &str) -> Option<usize> {
    let mut last = None;
    for (event, range) in Parser::new_ext(markdown, options()).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => last = Some(range.start),
            Event::Start(_) | Event::Rule => last = None,
            _ => {}
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_is_open() {
        for closed in [
            "",
            "a",
            "```\na\n```",
            "- ```\n  a\n  ```",
            "```\na\n```\nb",
            "```a```",
        ] {
            assert_eq!(open_at_end(closed), None, "{closed}");
        }
        let fence = open_at_end("a\n\n- b\n  ~~~~rust x\n  let").unwrap();
        assert_eq!(fence.opening, "~~~~rust x");
        assert_eq!(
            (fence.prefix.as_str(), fence.marks.as_str()),
            ("  ", "~~~~")
        );
        assert_eq!(open_at_end("> 1. ```\n>    a").unwrap().prefix, ">    ");
    }
}
