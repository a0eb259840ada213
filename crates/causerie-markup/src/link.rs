//! Which links may be followed, and links that are written bare.

use crate::tree::Inline;

/// Whether a link may be made of `url`: only `http`, `https` and `mailto` lead anywhere.
pub fn is_safe(url: &str) -> bool {
    let head: String = url.chars().take(8).collect::<String>().to_ascii_lowercase();
    ["http://", "https://", "mailto:"]
        .iter()
        .any(|scheme| head.starts_with(scheme))
        && !url.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// Turns addresses written bare in `text` into links, the rest into text.
pub(crate) fn linkify(text: String, out: &mut Vec<Inline>) {
    let mut plain_from = 0;
    let mut search = 0;
    while let Some(found) = text[search..].find("http") {
        let start = search + found;
        search = start + 4;
        let Some(len) = bare_url(&text, start) else {
            continue;
        };
        if start > plain_from {
            out.push(Inline::Text(text[plain_from..start].to_owned()));
        }
        let url = &text[start..start + len];
        out.push(Inline::Link {
            url: url.to_owned(),
            content: vec![Inline::Text(url.to_owned())],
        });
        plain_from = start + len;
        search = plain_from;
    }
    if plain_from == 0 {
        out.push(Inline::Text(text));
    } else if plain_from < text.len() {
        out.push(Inline::Text(text[plain_from..].to_owned()));
    }
}

/// The length of the address that begins at `start`, if one does.
fn bare_url(text: &str, start: usize) -> Option<usize> {
    let rest = &text[start..];
    let scheme = ["https://", "http://"]
        .into_iter()
        .find(|scheme| rest.starts_with(scheme))?;
    let before = text[..start].chars().next_back();
    if before.is_some_and(|c| c.is_alphanumeric() || c == '/') {
        return None;
    }
    let end = rest
        .find(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '`'))
        .unwrap_or(rest.len());
    let len = trim_end(&rest[..end]).len();
    (len > scheme.len()).then_some(len)
}

/// Punctuation at the end belongs to the sentence; a bracket only if it was not opened inside.
fn trim_end(url: &str) -> &str {
    let mut url = url;
    while let Some(last) = url.chars().next_back() {
        let trim = match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '~' => true,
            ')' => url.matches(')').count() > url.matches('(').count(),
            ']' => url.matches(']').count() > url.matches('[').count(),
            _ => false,
        };
        if !trim {
            break;
        }
        url = &url[..url.len() - last.len_utf8()];
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_schemes_are_safe() {
        for url in ["http://a", "HTTPS://a.b/c", "mailto:a@b"] {
            assert!(is_safe(url), "{url}");
        }
        for url in [
            "javascript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "/a",
            "//a",
            "",
            "java\nscript:x",
            "http://a b",
            " https://a",
            "file:///etc/passwd",
        ] {
            assert!(!is_safe(url), "{url}");
        }
    }

    #[test]
    fn bare_addresses_become_links() {
        let mut out = Vec::new();
        linkify("see https://a.b/c_(d)), or http://e.".to_owned(), &mut out);
        let urls: Vec<&str> = out
            .iter()
            .filter_map(|inline| match inline {
                Inline::Link { url, .. } => Some(url.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(urls, ["https://a.b/c_(d)", "http://e"]);
    }

    #[test]
    fn nothing_is_lost_around_them() {
        for text in [
            "http",
            "xhttp://a",
            "a http:// b",
            "https://a https://b!",
            "(http://a)",
        ] {
            let mut out = Vec::new();
            linkify(text.to_owned(), &mut out);
            assert_eq!(crate::tree::words(&out), text);
        }
    }
}
