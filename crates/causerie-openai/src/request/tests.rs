use super::*;
use crate::picture::NoPictures;
use bytes::Bytes;
use causerie_core::{
    Text,
    message::{Part, Role},
    persona::Sampling,
};
use causerie_testkit::prompt::{self, PromptBuilder};

struct OnePicture;

#[async_trait::async_trait]
impl Pictures for OnePicture {
    async fn fetch(&self, picture: &Attachment) -> Option<Bytes> {
        (picture.locator == "here").then(|| Bytes::from_static(b"hi"))
    }
}

async fn filled(config: &Config, prompt: &Prompt) -> Value {
    let endpoint = Endpoint::new(config).unwrap();
    Form::new(config, &endpoint).fill(prompt, &OnePicture).await
}

fn local() -> Config {
    Config::new("http://127.0.0.1:1/v1", "m")
}

fn tool(name: &str) -> ToolSpec {
    ToolSpec {
        name: ToolName::new(name).unwrap(),
        description: "Looks things up.".into(),
        parameters: json!({"type": "object", "properties": {}}),
    }
}

fn picture(locator: &str) -> Part {
    Part::Attachment(Attachment {
        media_type: "image/png".into(),
        name: Text::new("a.png"),
        size: None,
        locator: locator.into(),
    })
}

#[tokio::test]
async fn roles_tools_and_their_outputs_are_written_as_the_api_wants() {
    let prompt = PromptBuilder::default()
        .system("Be brief.")
        .tool(tool("lookup"))
        .tool(tool("web.search"))
        .lines(&[
            (Role::User, "Hello"),
            (Role::Assistant, "Hello!"),
            (Role::User, "What is the weather?"),
            (Role::Tool, "Rain."),
        ])
        .build();
    let request = filled(&local(), &prompt).await;
    let call = &request["messages"][4]["tool_calls"][0];
    let id = call["id"].as_str().unwrap();
    assert_eq!(
        request["messages"],
        json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hello!"},
            {"role": "user", "content": "What is the weather?"},
            {"role": "assistant", "content": null, "tool_calls": [{"id": id, "type": "function",
                "function": {"name": "lookup", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": id, "content": "Rain."},
        ])
    );
    let names = request["tools"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|tool| tool["function"]["name"].clone()).collect();
    assert_eq!(names, ["lookup", "web_search"]);
    let read = ToolNames::new(prompt.tools());
    assert_eq!(read.read("web_search").as_str(), "web.search");
    assert_eq!(read.read("no such tool").as_str(), "no_such_tool");
    assert_eq!(read.read("").as_str(), "unnamed");
}

#[test]
fn ids_of_calls_are_nine_letters_and_digits_wherever_they_came_from() {
    assert_eq!(call_id("D681PevKs"), "D681PevKs");
    let others = [
        "call_1",
        "call_2",
        "",
        "call_wqP3ZJ0a9",
        "D681PevK-",
        "ü12345678",
    ];
    let ids = others.map(|id| call_id(id).into_owned());
    for (at, id) in ids.iter().enumerate() {
        assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(*id, call_id(others[at]));
        assert!(!ids[..at].contains(id));
    }
}

#[tokio::test]
async fn nonsense_that_a_model_once_wrote_does_not_stop_the_conversation() {
    let call = ToolCall {
        id: "a".into(),
        name: ToolName::new("lookup").unwrap(),
        arguments: Text::new("{\"city\": "),
    };
    let output = Part::ToolOutput {
        call: "a".into(),
        text: "No such city.".into(),
    };
    let prompt = PromptBuilder::default()
        .tool(tool("lookup"))
        .lines(&[(Role::User, "Weather?")])
        .message(Role::Assistant, Part::ToolCall(call))
        .message(Role::Tool, output)
        .build();
    let request = filled(&local(), &prompt).await;
    assert_eq!(
        request["messages"][1]["tool_calls"][0]["function"]["arguments"],
        "{}"
    );
}

#[tokio::test]
async fn only_what_is_set_and_known_is_sent() {
    let plain = filled(&local(), &prompt::of("Hi")).await;
    let fields: Vec<_> = plain.as_object().unwrap().keys().cloned().collect();
    let mut expected = [
        "model",
        "messages",
        "stream",
        "stream_options",
        "max_tokens",
    ];
    let mut fields: Vec<_> = fields.iter().map(String::as_str).collect();
    fields.sort_unstable();
    expected.sort_unstable();
    assert_eq!(fields, expected);

    let sampling = Sampling {
        temperature: Some(0.7),
        top_p: Some(0.9),
        top_k: Some(40),
        min_p: Some(0.05),
        repeat_penalty: Some(1.1),
        seed: Some(7),
    };
    let prompt = PromptBuilder::default()
        .persona(|persona| persona.sampling = sampling)
        .lines(&[(Role::User, "Hi")])
        .build();
    let all = filled(&local(), &prompt).await;
    assert_eq!(all["temperature"], json!(0.7));
    assert_eq!(
        (&all["top_k"], &all["repetition_penalty"]),
        (&json!(40), &json!(1.1))
    );

    let mut openai = Config::new("https://api.openai.com/v1", "gpt");
    openai.extra =
        json!({"reasoning_effort": "low", "seed": null, "stream": false, "model": "other"})
            .as_object()
            .unwrap()
            .clone();
    let request = filled(&openai, &prompt).await;
    assert!(request.get("top_k").is_none() && request.get("seed").is_none());
    assert_eq!(request["reasoning_effort"], "low");
    assert_eq!(
        (&request["stream"], &request["model"]),
        (&json!(true), &json!("other"))
    );
    assert_eq!(
        request["max_completion_tokens"],
        json!(prompt.max_output_tokens())
    );
    let key = request["prompt_cache_key"].as_str().unwrap();
    assert!(key.len() == 32 && !request.to_string().contains("test/1"));
}

#[tokio::test]
async fn pictures_are_sent_or_told_of() {
    let mut config = local();
    config.images = true;
    let prompt = PromptBuilder::default()
        .lines(&[(Role::User, "What is this?")])
        .message(Role::User, picture("here"))
        .message(Role::User, picture("gone"))
        .build();
    let request = filled(&config, &prompt).await;
    let text = request["messages"].to_string();
    assert!(text.contains("data:image/png;base64,aGk="), "{text}");
    assert!(text.contains(NOT_SHOWN), "{text}");
    let endpoint = Endpoint::new(&config).unwrap();
    let blind = Form::new(&config, &endpoint)
        .fill(&prompt, &NoPictures)
        .await;
    assert!(!blind.to_string().contains("data:"));
}
