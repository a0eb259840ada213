use super::*;
use crate::reader::Reader;
use proptest::prelude::*;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/fixtures/", $name, ".sse")).as_slice()
    };
}

/// A stream, and what comes of it: thoughts, words, calls, how it ends, and input, cached and output
/// tokens.
type Case = (
    &'static [u8],
    &'static str,
    &'static str,
    &'static [&'static str],
    Option<FinishReason>,
    Option<(u64, u64, u64)>,
);

const CASES: &[Case] = &[
    (
        fixture!("openai"),
        "",
        "Grüße, 世界 👋!",
        &[],
        Some(FinishReason::Stop),
        Some((1117, 1024, 7)),
    ),
    (
        fixture!("openai-tools"),
        "",
        "",
        &["get_weather {\"city\":\"Paris\"}", "get_time {}"],
        Some(FinishReason::ToolCalls),
        Some((82, 0, 40)),
    ),
    (
        fixture!("azure"),
        "",
        "It rains.",
        &[],
        Some(FinishReason::Stop),
        Some((12, 0, 3)),
    ),
    (
        fixture!("azure-filtered"),
        "",
        "First you",
        &[],
        Some(FinishReason::Filtered),
        None,
    ),
    (
        fixture!("openrouter"),
        "The user greets.",
        "Hello!",
        &[],
        Some(FinishReason::Stop),
        Some((10, 0, 8)),
    ),
    (fixture!("openrouter-error"), "", "Half an", &[], None, None),
    (
        fixture!("deepseek"),
        "9.11 < 9.8",
        "9.8 is greater.",
        &[],
        Some(FinishReason::Stop),
        Some((17, 16, 12)),
    ),
    (
        fixture!("ollama"),
        "I need the weather.",
        "",
        &["get_weather {\"city\":\"Paris\"}"],
        Some(FinishReason::ToolCalls),
        Some((150, 0, 33)),
    ),
    (
        fixture!("vllm"),
        "\nEasy.\n",
        "Four.",
        &[],
        Some(FinishReason::Stop),
        Some((21, 0, 6)),
    ),
    (
        fixture!("llama-server"),
        "Hm.",
        "Bonjour.",
        &[],
        Some(FinishReason::Stop),
        Some((35, 30, 4)),
    ),
    (
        fixture!("lm-studio"),
        "",
        "Ça va.",
        &[],
        Some(FinishReason::Stop),
        None,
    ),
    (fixture!("lm-studio-error"), "", "", &[], None, None),
    (
        fixture!("anthropic"),
        "Short.",
        "Oui, bien sûr.",
        &[],
        Some(FinishReason::Stop),
        Some((45, 40, 9)),
    ),
    (
        fixture!("gemini"),
        "",
        "",
        &[
            "get_weather {\"city\":\"Paris\"}",
            "get_weather {\"city\":\"Rome\"}",
        ],
        Some(FinishReason::ToolCalls),
        Some((60, 0, 20)),
    ),
];

/// What came of a body that ended so.
fn read(pieces: &[&[u8]], broken: bool) -> Vec<Result<Delta, BackendError>> {
    let mut reader = Reader::default();
    let mut answer = Answer::new(Question {
        tokens: 90,
        window: 8192,
        ..Question::default()
    });
    let mut deltas = Deltas::new();
    let mut read = vec![];
    for bytes in pieces {
        reader.push(bytes, &mut read);
    }
    reader.finish(&mut read);
    for piece in &read {
        answer.take(piece, &mut deltas);
    }
    answer.end(broken, &mut deltas);
    deltas.into()
}

#[derive(Debug, Default, PartialEq)]
struct Read {
    thoughts: String,
    words: String,
    calls: Vec<String>,
    finish: Option<Finish>,
    error: Option<String>,
}

fn gathered(deltas: Vec<Result<Delta, BackendError>>) -> Read {
    let mut read = Read::default();
    for delta in deltas {
        assert!(
            read.finish.is_none() && read.error.is_none(),
            "something follows the end"
        );
        match delta {
            Ok(Delta::Text(text)) => read.words.push_str(text.expose()),
            Ok(Delta::Reasoning(text)) => read.thoughts.push_str(text.expose()),
            Ok(Delta::ToolCall(call)) => {
                read.calls
                    .push(format!("{} {}", call.name, call.arguments.expose()));
            }
            Ok(Delta::Note(_)) => {}
            Ok(Delta::Finish(finish)) => read.finish = Some(finish),
            Err(error) => read.error = Some(error.to_string()),
        }
    }
    assert!(
        read.finish.is_some() != read.error.is_some(),
        "it has one end: {read:?}"
    );
    read
}

#[test]
fn what_each_endpoint_sends_is_understood() {
    for (bytes, thoughts, words, calls, reason, usage) in CASES {
        let read = gathered(read(&[bytes], false));
        assert_eq!(
            (read.thoughts.as_str(), read.words.as_str()),
            (*thoughts, *words)
        );
        assert_eq!(read.calls, *calls);
        assert_eq!(
            read.finish.map(|finish| finish.reason),
            *reason,
            "{:?}",
            read.error
        );
        if let (Some((input, cached, output)), Some(finish)) = (usage, read.finish) {
            let told = Usage {
                input: *input,
                cached: *cached,
                output: *output,
                cost: 0,
            };
            assert_eq!(finish.usage, told, "{words}");
        }
        assert!(!read.error.unwrap_or_default().contains("Anna"));
    }
}

#[test]
fn usage_that_is_not_told_is_estimated() {
    let finish = gathered(read(&[fixture!("lm-studio")], false))
        .finish
        .unwrap();
    let output = u64::from(ByteEstimate.count("Ça va."));
    assert_eq!((finish.usage.input, finish.usage.output), (90, output));
}

/// Where a stream is cut, it is never taken for whole unless its reason had come, nothing is said that
/// the whole does not say, and nothing panics.
#[test]
fn a_stream_cut_anywhere_is_a_beginning_and_nothing_else() {
    for (bytes, thoughts, words, calls, reason, _) in CASES {
        let marks: [&[u8]; 2] = [b"\"finish_reason\":\"", b"[DONE]"];
        let named = marks
            .iter()
            .filter_map(|mark| bytes.windows(mark.len()).position(|window| window == *mark));
        let named = named.min().unwrap_or(bytes.len());
        for at in 0..bytes.len() {
            for broken in [false, true] {
                let read = gathered(read(&[&bytes[..at]], broken));
                assert!(thoughts.starts_with(&read.thoughts) && words.starts_with(&read.words));
                assert!(read.calls.iter().all(|call| calls.contains(&call.as_str())));
                if let Some(finish) = read.finish {
                    assert!(at > named, "a finish of {at} bytes of {words}");
                    assert_eq!(Some(finish.reason), *reason);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn however_bytes_arrive_the_deltas_say_the_same(
        case in 0..CASES.len(),
        sizes in prop::collection::vec(1usize..40, 1..8),
    ) {
        let mut rest = CASES[case].0;
        let mut pieces = vec![];
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, more) = rest.split_at((*size).min(rest.len()));
            pieces.push(piece);
            rest = more;
        }
        prop_assert_eq!(
            gathered(read(&pieces, false)),
            gathered(read(&[CASES[case].0], false))
        );
    }

    #[test]
    fn garbage_has_one_end(
        text in "(data: ?|event: ?error|: ?|error: |\\{|\\[|<|\"choices\":|null|\\}|\\]|[a-zé]|\n|\r){0,40}",
        at in 0usize..400,
    ) {
        gathered(read(&[text.as_bytes()], false));
        let bytes = CASES[0].0;
        let (before, after) = bytes.split_at(at.min(bytes.len()));
        gathered(read(&[before, text.as_bytes(), after], true));
    }
}

fn error(body: &str) -> BackendError {
    let last = read(&[body.as_bytes()], false).pop();
    last.and_then(Result::err)
        .unwrap_or_else(|| panic!("no error of {body:?}"))
}

fn text(body: &str) -> Read {
    gathered(read(&[body.as_bytes()], false))
}

#[test]
fn what_is_no_answer_says_what_to_do() {
    let cases = [
        ("", "the model is not available: an empty answer"),
        (
            " \n\n: x\n\n",
            "the model is not available: an empty answer",
        ),
        (
            "{\"error\": {\"code\": 429, \"message\": \"wait\"}}",
            "the model asks to wait",
        ),
        (
            "data: {\"error\": {\"type\": \"overloaded\"}}\n\n",
            "the model is not available: type overloaded",
        ),
        (
            "error: {\"code\": 500}\n\n",
            "the model is not available: status 500",
        ),
        (
            "event: error\ndata: crashed\n\n",
            "the model is not available: an error without a code",
        ),
        (
            "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
            "the model broke off: the stream ended before the answer did",
        ),
        (
            "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"error\":{\"code\":429}}\n\n",
            "the model broke off: status 429",
        ),
        (
            "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choices\":[{\n\n",
            "the model broke off: a piece of the answer cannot be read",
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(error(body).to_string(), expected, "{body}");
    }
    let page = error("\n<!DOCTYPE html><html>sign in</html>");
    assert!(matches!(page, BackendError::Misconfigured { .. }), "{page}");
}

#[test]
fn an_answer_that_comes_at_once_is_an_answer() {
    let whole = text(
        r#"{"object": "chat.completion", "choices": [{"index": 0, "message": {"role": "assistant",
        "content": "<think>x</think>Yes.", "tool_calls": null}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2}}"#,
    );
    assert_eq!(
        (whole.thoughts.as_str(), whole.words.as_str()),
        ("x", "Yes.")
    );
    assert_eq!(whole.finish.unwrap().usage.input, 3);
    let lines = "{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\
        {\"choices\":[{\"delta\":{\"content\":\"b\"},\"finish_reason\":\"stop\"}]}\n";
    assert_eq!(text(lines).words, "ab");
    let crowded = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\
        data: {\"choices\":[{\"delta\":{\"content\":\"b\"},\"finish_reason\":\"stop\"}]}\n\n";
    assert_eq!(text(crowded).words, "ab");
}

#[test]
fn reasons_are_understood() {
    let finished = |reason: &str| {
        let body = format!(
            "data: {{\"choices\":[{{\"delta\":{{\"content\":\"a\"}},\"finish_reason\":\"{reason}\"}}]}}\n\n"
        );
        text(&body).finish.map(|finish| finish.reason)
    };
    for reason in [
        "stop",
        "eos",
        "end_turn",
        "STOP",
        "something new",
        "tool_calls",
    ] {
        assert_eq!(finished(reason), Some(FinishReason::Stop), "{reason}");
    }
    assert_eq!(finished("max_tokens"), Some(FinishReason::Length));
    assert_eq!(finished("SAFETY"), Some(FinishReason::Filtered));
    assert_eq!(finished("error"), None);
    let done = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n";
    assert_eq!(text(done).finish.unwrap().reason, FinishReason::Stop);
}

#[test]
fn a_call_broken_off_by_the_limit_is_not_made() {
    let body = "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\
        \"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\"}}]},\"finish_reason\":\"length\"}]}\n\n";
    let read = text(body);
    assert!(read.calls.is_empty());
    assert_eq!(read.finish.unwrap().reason, FinishReason::Length);
}
