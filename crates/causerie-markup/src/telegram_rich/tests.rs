use super::*;
use crate::{flat::mentions, sample};
use proptest::prelude::*;
use serde_json::{Value, json};

fn types() -> Value {
    serde_json::from_str(include_str!("../../tests/data/telegram-rich-10.3.json")).unwrap()
}

/// Checks `value` against a type of the Bot API.
fn check(value: &Value, kind: &str, types: &Value) {
    if let Some(inner) = kind.strip_prefix("Array of ") {
        for one in value.as_array().unwrap() {
            check(one, inner, types);
        }
        return;
    }
    match kind {
        "String" => assert!(value.is_string(), "{value}"),
        "Integer" => assert!(value.is_i64(), "{value}"),
        "Boolean" => assert!(value.is_boolean(), "{value}"),
        "RichText" if value.is_string() => assert_ne!(value, ""),
        "RichText" if value.is_array() => check(value, "Array of RichText", types),
        "RichText" | "InputRichBlock" => {
            let prefix = if kind == "RichText" {
                "RichText"
            } else {
                "InputRichBlock"
            };
            let named = types.as_object().unwrap().iter().find(|(name, fields)| {
                name.starts_with(prefix) && fields[0]["always"] == value["type"]
            });
            check(value, named.unwrap_or_else(|| panic!("{value}")).0, types);
        }
        kind => {
            let fields = types[kind].as_array().unwrap_or_else(|| panic!("{kind}"));
            let object = value.as_object().unwrap();
            for (name, value) in object {
                let field = fields.iter().find(|field| field["name"] == **name);
                let field = field.unwrap_or_else(|| panic!("{kind} has no {name}"));
                check(value, field["types"][0].as_str().unwrap(), types);
                if let Some(always) = field.get("always") {
                    assert_eq!(value, always);
                }
            }
            for field in fields.iter().filter(|field| field["required"] == true) {
                assert!(
                    object.contains_key(field["name"].as_str().unwrap()),
                    "{field}"
                );
            }
        }
    }
}

fn check_blocks(blocks: &[RichBlock]) {
    let value = serde_json::to_value(blocks).unwrap();
    check(&value, "Array of InputRichBlock", &types());
    assert!(count(blocks) <= 500);
    assert!(depth(&value) <= 16, "{value}");
    assert!(names_are_inert(&value), "{value}");
}

/// How deep blocks and looks stand in each other.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(many) => many.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => {
            let is_cell = fields.contains_key("align");
            fields.values().map(depth).max().unwrap_or(0) + usize::from(!is_cell)
        }
        _ => 0,
    }
}

fn names_are_inert(value: &Value) -> bool {
    match value {
        Value::String(text) => mentions(text, 4).is_empty(),
        Value::Array(many) => many.iter().all(names_are_inert),
        Value::Object(fields) => {
            let inert = ["code", "url", "pre"]
                .iter()
                .any(|kind| fields.get("type") == Some(&json!(kind)));
            inert || fields.values().all(names_are_inert)
        }
        _ => true,
    }
}

/// All words, in order.
fn words(value: &Value, out: &mut String) {
    match value {
        Value::Array(many) => many.iter().for_each(|one| words(one, out)),
        Value::Object(fields) => {
            for name in ["text", "items", "blocks", "cells"] {
                match fields.get(name) {
                    Some(Value::String(text)) => out.push_str(text),
                    Some(inner) => words(inner, out),
                    None => {}
                }
            }
        }
        Value::String(text) => out.push_str(text),
        _ => {}
    }
}

fn said(blocks: &[RichBlock]) -> String {
    let mut out = String::new();
    words(&serde_json::to_value(blocks).unwrap(), &mut out);
    out
}

#[test]
fn as_the_bot_api_has_it() {
    let blocks = telegram_rich(
        "# a **b**\n\n2. c\n- [x] d\n\n> e\n\n---\n\n```rust\nf\n```\n\n| g |\n|-:|\n| [h](https://i) |\n\n@name_j",
    );
    check_blocks(&blocks);
    assert_eq!(
        serde_json::to_value(&blocks).unwrap(),
        json!([
            {"type": "heading", "size": 1, "text": ["a ", {"type": "bold", "text": "b"}]},
            {"type": "list", "items": [
                {"value": 2, "type": "1", "blocks": [{"type": "paragraph", "text": "c"}]}]},
            {"type": "list", "items": [
                {"has_checkbox": true, "is_checked": true,
                 "blocks": [{"type": "paragraph", "text": "d"}]}]},
            {"type": "blockquote", "blocks": [{"type": "paragraph", "text": "e"}]},
            {"type": "divider"},
            {"type": "pre", "text": "f", "language": "rust"},
            {"type": "table", "is_bordered": true, "cells": [
                [{"text": "g", "is_header": true, "align": "right", "valign": "top"}],
                [{"text": {"type": "url", "text": "h", "url": "https://i"},
                  "align": "right", "valign": "top"}]]},
            {"type": "paragraph", "text": {"type": "code", "text": "@name_j"}},
        ])
    );
}

#[test]
fn what_is_too_much_loses_its_form_only() {
    let deep: String = (0..30)
        .map(|at| format!("{}- w{at}\n", "  ".repeat(at)))
        .collect();
    let many: String = (0..700).map(|at| format!("w{at}\n\n")).collect();
    let items: String = (0..700).map(|at| format!("- w{at}\n")).collect();
    let row = |word: &str| format!("|{}\n", format!(" {word} |").repeat(25));
    let wide = row("h") + &row("-") + &row("w");
    for markdown in [deep, many, items, wide, "> ".repeat(30) + "w"] {
        let blocks = telegram_rich(&markdown);
        check_blocks(&blocks);
        let shown = said(&blocks);
        assert!(sample::says_all(&markdown, &shown), "{markdown}\n{shown}");
    }
}

#[test]
fn what_needs_it() {
    for markdown in [
        "# a",
        "| a |\n|-|",
        "- a\n  - b",
        "- [ ] a",
        "a\n\n---",
        "> # a",
    ] {
        assert!(needs_rich(markdown), "{markdown}");
    }
    for markdown in ["a **b**", "- a\n- b", "> a", "```\na\n```", "1. a", ""] {
        assert!(!needs_rich(markdown), "{markdown}");
    }
}

#[test]
fn the_examples_of_commonmark() {
    for example in sample::commonmark() {
        let blocks = telegram_rich(&example);
        check_blocks(&blocks);
        check_blocks(&telegram_rich_growing(&example));
        assert!(sample::says_all(&example, &said(&blocks)), "{example}");
    }
}

#[test]
fn an_answer_reads_well() {
    insta::assert_json_snapshot!(telegram_rich(sample::ANSWER));
}

proptest! {
    #[test]
    fn it_is_always_valid(pieces in sample::pieces()) {
        let markdown = pieces.concat();
        let blocks = telegram_rich(&markdown);
        check_blocks(&blocks);
        check_blocks(&telegram_rich_growing(&markdown));
        prop_assert!(sample::says_all(&markdown, &said(&blocks)));
    }
}
