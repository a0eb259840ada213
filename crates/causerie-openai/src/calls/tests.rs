use super::*;
use serde_json::json;

fn joined(pieces: &[Value], broken_off: bool) -> Vec<(String, String, String)> {
    let mut calls = Calls::default();
    for piece in pieces {
        calls.push(piece).unwrap();
    }
    let calls = calls
        .finish(&ToolNames::default(), broken_off, 7)
        .into_iter();
    calls
        .map(|call| {
            (
                call.id,
                call.name.to_string(),
                call.arguments.into_exposed(),
            )
        })
        .collect()
}

fn call(id: &str, name: &str, arguments: &str) -> (String, String, String) {
    (id.into(), name.into(), arguments.into())
}

#[test]
fn pieces_are_joined_by_index() {
    let pieces = [
        json!({"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}),
        json!({"index": 0, "function": {"arguments": "{\"x\":"}}),
        json!({"index": 1, "id": "b", "function": {"name": "g", "arguments": "{"}}),
        json!({"index": 0, "function": {"arguments": "1}"}}),
        json!({"index": 1, "function": {"arguments": "}"}}),
    ];
    let expected = [call("a", "f", "{\"x\":1}"), call("b", "g", "{}")];
    assert_eq!(joined(&pieces, false), expected);
}

#[test]
fn id_and_name_with_every_piece_are_one_call() {
    let pieces = [
        json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}}),
        json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "}"}}),
    ];
    assert_eq!(joined(&pieces, false), [call("a", "f", "{}")]);
}

#[test]
fn whole_calls_without_index_or_all_with_the_same_are_told_apart() {
    for index in [json!(null), json!(0)] {
        let pieces = [
            json!({"index": index, "id": "a", "function": {"name": "f", "arguments": "{\"x\":1}"}}),
            json!({"index": index, "id": "b", "function": {"name": "f", "arguments": "{\"x\":2}"}}),
        ];
        let expected = [call("a", "f", "{\"x\":1}"), call("b", "f", "{\"x\":2}")];
        assert_eq!(joined(&pieces, false), expected);
        let pieces = pieces.map(|mut piece| {
            piece["id"] = json!("");
            piece
        });
        let expected = [
            call("call_7_0", "f", "{\"x\":1}"),
            call("call_7_1", "f", "{\"x\":2}"),
        ];
        assert_eq!(joined(&pieces, false), expected);
    }
}

#[test]
fn pieces_without_anything_to_tell_them_by_go_on_with_the_last() {
    let pieces = [
        json!({"function": {"name": "f"}}),
        json!({"function": {"arguments": "{\"x\""}}),
        json!({"function": {"arguments": ":1}"}}),
        json!({}),
        json!({"name": "g", "arguments": {"y": 2}}),
        json!({"function": {"name": "h", "arguments": null}}),
    ];
    let expected = [
        call("call_7_0", "f", "{\"x\":1}"),
        call("call_7_1", "g", "{\"y\":2}"),
        call("call_7_2", "h", "{}"),
    ];
    assert_eq!(joined(&pieces, false), expected);
}

#[test]
fn ids_are_unique_and_what_was_broken_off_is_left_out() {
    let pieces = [
        json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}),
        json!({"index": 1, "function": {"name": "g", "arguments": "{\"x\": \"half"}}),
    ];
    assert_eq!(joined(&pieces, true), [call("a", "f", "{}")]);
    assert_eq!(joined(&pieces, false)[1].2, "{\"x\": \"half");
}

#[test]
fn there_is_an_end_to_calls_and_arguments() {
    let mut calls = Calls::default();
    let piece = json!({"index": 0, "function": {"arguments": "x".repeat(100_000)}});
    let fed = (0..20).try_for_each(|_| calls.push(&piece));
    assert_eq!(fed, Err(TooMany));
    let mut calls = Calls::default();
    let fed = (0..100).try_for_each(|n| calls.push(&json!({"index": n, "id": n.to_string()})));
    assert_eq!(fed, Err(TooMany));
}
