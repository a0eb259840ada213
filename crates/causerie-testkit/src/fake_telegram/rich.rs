//! Rich messages. How the server words its refusals of them is not known; the limits are.

use super::failure::Failure;
use serde_json::{Value, json};

/// The most characters.
const LONGEST: usize = 32_768;
/// The most blocks, those within others too.
const MOST_BLOCKS: usize = 500;
/// The most levels of blocks in blocks.
const DEEPEST: usize = 16;
/// The most columns of a table.
const WIDEST: usize = 20;

/// Checks a rich message to be sent, or a draft of one, and gives its words.
pub(super) fn check(rich: &Value, draft: bool) -> Result<String, Failure> {
    let sources = ["html", "markdown", "blocks"];
    let given = sources.iter().filter(|name| rich.get(**name).is_some());
    if given.count() != 1 {
        return Err(Failure::bad(
            "exactly one of html, markdown, or blocks must be used",
        ));
    }
    let mut seen = Seen::default();
    let text = match rich["markdown"].as_str().or(rich["html"].as_str()) {
        Some(text) => text.to_owned(),
        None => {
            seen.blocks(&rich["blocks"], 1);
            seen.words
        }
    };
    if text.trim().is_empty() && seen.blocks == 0 {
        return Err(Failure::bad("message text is empty"));
    }
    if seen.thinking && !draft {
        return Err(Failure::bad("a thinking block can be used only in drafts"));
    }
    if text.chars().count() > LONGEST {
        return Err(Failure::bad("message is too long"));
    }
    if seen.blocks > MOST_BLOCKS {
        return Err(Failure::bad("rich message has too many blocks"));
    }
    if seen.depth > DEEPEST {
        return Err(Failure::bad("rich message is nested too deeply"));
    }
    if seen.columns > WIDEST {
        return Err(Failure::bad(
            "rich message has a table with too many columns",
        ));
    }
    Ok(text)
}

#[derive(Default)]
struct Seen {
    words: String,
    blocks: usize,
    depth: usize,
    columns: usize,
    thinking: bool,
}

impl Seen {
    fn blocks(&mut self, blocks: &Value, depth: usize) {
        for block in blocks.as_array().into_iter().flatten() {
            self.blocks += 1;
            self.depth = self.depth.max(depth);
            self.thinking |= block["type"] == "thinking";
            if !self.words.is_empty() {
                self.words.push('\n');
            }
            for name in ["summary", "text", "expression", "caption", "credit"] {
                self.text(&block[name]);
            }
            for button in block["buttons"].as_array().into_iter().flatten() {
                self.text(&button["text"]);
            }
            self.blocks(&block["blocks"], depth + 1);
            for item in block["items"].as_array().into_iter().flatten() {
                self.blocks(&item["blocks"], depth + 1);
            }
            for row in block["cells"].as_array().into_iter().flatten() {
                let cells = row.as_array().map(Vec::as_slice).unwrap_or_default();
                self.columns = self.columns.max(cells.len());
                self.words.push('\n');
                for cell in cells {
                    self.text(&cell["text"]);
                    self.words.push('\t');
                }
            }
        }
    }

    fn text(&mut self, text: &Value) {
        match text {
            Value::String(text) => self.words.push_str(text),
            Value::Array(texts) => texts.iter().for_each(|text| self.text(text)),
            Value::Object(_) => {
                let within = ["text", "credit", "button", "expression", "alternative_text"];
                within.iter().for_each(|name| self.text(&text[*name]));
            }
            _ => {}
        }
    }
}

/// A sent rich message as the server shows it. Markdown and HTML are shown as one paragraph.
pub(super) fn shown(rich: &Value) -> Value {
    let blocks = match rich["markdown"].as_str().or(rich["html"].as_str()) {
        Some(text) => json!([{"type": "paragraph", "text": text}]),
        None => {
            let mut blocks = rich["blocks"].clone();
            label(&mut blocks);
            blocks
        }
    };
    json!({"blocks": blocks})
}

/// Gives the items of lists the labels that only shown ones have.
fn label(blocks: &mut Value) {
    for block in blocks.as_array_mut().into_iter().flatten() {
        for item in block
            .get_mut("items")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if let Some(blocks) = item.get_mut("blocks") {
                label(blocks);
            }
            let label = item["value"].as_i64();
            item["label"] =
                json!(label.map_or_else(|| "•".to_owned(), |value| format!("{value}.")));
        }
        if block.get("blocks").is_some() {
            label(&mut block["blocks"]);
        }
    }
}
