//! The command line as scripts see it: the real binary, its output and its exit codes.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

use causerie_testkit::process::Process;
use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

const CANARY: &str = "canary-0123456789abcdef";

const ECHO: &str = "[server]\ndata_dir = \"data\"\nadmin = \"127.0.0.1:0\"\n\
                    [models.echo]\nkind = \"echo\"\n\
                    [platforms.web]\nlisten = \"127.0.0.1:0\"\n";

/// The program in an environment of its own, with `toml` as its configuration.
fn causerie(dir: &Path, toml: &str, arguments: &[&str]) -> Command {
    fs::write(dir.join("causerie.toml"), toml).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_causerie"));
    command.current_dir(dir).args(arguments);
    command.env_clear().env("HOME", dir).stdin(Stdio::null());
    command
}

fn run(toml: &str, arguments: &[&str]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    causerie(dir.path(), toml, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn exit_codes_say_what_is_wrong() {
    let gone = "[models.a]\nkind = \"local\"\nmodel = \"./gone.gguf\"\n";
    for (toml, arguments, code) in [
        (ECHO, &["check"][..], 0),
        (ECHO, &["--version"], 0),
        (ECHO, &["config", "show"], 0),
        (ECHO, &[], 64),
        (ECHO, &["frobnicate"], 64),
        (ECHO, &["models", "path", "no-such-model"], 64),
        (ECHO, &["ask", "hi", "--persona", "nobody"], 64),
        (ECHO, &["explain", "no-slash"], 64),
        ("[server]\nmax_turn = 1\n", &["run"], 64),
        ("[personas.a]\nsystem = \"{{ nothing }}\"\n", &["check"], 64),
        (gone, &["check"], 69),
        (gone, &["ask", "hi"], 69),
    ] {
        let output = run(toml, arguments);
        let said = text(&output.stderr) + &text(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(!said.is_empty(), "{arguments:?} says nothing");
    }
}

#[test]
fn a_question_is_answered_on_standard_output_alone() {
    let output = run(ECHO, &["ask", "Is anybody there?"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).trim_end(), "Is anybody there?");
}

/// The directory of the model that tests use, if it is here.
fn model_dir() -> Option<PathBuf> {
    let base = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let base = base.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
    let dir = base?.join("causerie/models");
    if dir.join("SmolLM2-135M-Instruct.Q4_1.gguf").is_file() {
        return Some(dir);
    }
    assert!(
        env::var_os("CI").is_none(),
        "the model is missing: run `make model`"
    );
    eprintln!("SKIPPED: the model is missing");
    None
}

#[test]
fn a_question_leaves_nothing_behind_and_the_demonstration_is_called_one_once() {
    let Some(cache) = model_dir() else { return };
    let toml = "[server]\ndata_dir = \"data\"\n[models.m]\nkind = \"local\"\n\
                model = \"smollm2-135m\"\n[personas.a]\nmodels = [\"m\"]\n\
                max_output_tokens = 4\n";
    let dir = tempfile::tempdir().unwrap();
    // Long enough that a server would keep its state.
    let question = "river stone garden winter letter ".repeat(20);
    let models = dir.path().join("models");
    fs::create_dir(&models).unwrap();
    let file = "SmolLM2-135M-Instruct.Q4_1.gguf";
    fs::copy(cache.join(file), models.join(file)).unwrap();
    let ask = || {
        let mut command = causerie(dir.path(), toml, &["ask", &question]);
        command.env("CAUSERIE_MODELS_DIR", &models);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(!output.stdout.is_empty());
        text(&output.stderr)
    };
    let said = ask();
    assert!(
        said.contains("is a demonstration") && said.contains("qwen"),
        "{said}"
    );
    assert_eq!(ask(), "");
    let kept = fs::read_dir(dir.path().join("data")).into_iter().flatten();
    assert_eq!(kept.count(), 0);
}

#[test]
fn the_list_of_models_says_where_each_comes_from_and_under_which_licence() {
    let listed = text(&run(ECHO, &["models", "list"]).stdout);
    assert!(
        listed.contains("Apache-2.0; https://huggingface.co/Qwen/"),
        "{listed}"
    );
    let json = text(&run(ECHO, &["models", "list", "--json"]).stdout);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    for model in json.as_array().unwrap() {
        assert_eq!(model["sha256"].as_str().unwrap().len(), 64);
        assert!(model["licence"].is_string());
        assert!(!model["sources"].as_array().unwrap().is_empty());
    }
}

#[test]
fn what_is_in_effect_can_be_read_back() {
    let shown = text(&run(ECHO, &["config", "show"]).stdout);
    let again = run(&shown, &["config", "show"]);
    assert!(again.status.success(), "{}", text(&again.stderr));
    let example = text(&run(ECHO, &["config", "example"]).stdout);
    assert!(run(&example, &["config", "show"]).status.success());
}

/// A secret reaches neither logs at their loudest, nor what is shown, nor metrics.
#[test]
fn a_secret_is_nowhere_to_be_seen() {
    let dir = tempfile::tempdir().unwrap();
    let toml = format!("{ECHO}access_token = \"{CANARY}\"\n");
    let shown = causerie(dir.path(), &toml, &["config", "show"])
        .output()
        .unwrap();
    assert!(shown.status.success() && !text(&shown.stdout).contains(CANARY));

    let mut command = causerie(dir.path(), &toml, &["-vv", "--log-format", "json", "run"]);
    let log = fs::File::create(dir.path().join("log")).unwrap();
    let mut server = Process::start(command.stdout(Stdio::piped()).stderr(log)).unwrap();
    let mut lines = BufReader::new(server.child().stdout.take().unwrap()).lines();
    let page = lines.next().unwrap().unwrap();
    let admin = lines.next().unwrap().unwrap();
    assert!(get(&page, "/").starts_with("HTTP/1.1"));
    let metrics = get(&admin, "/metrics");
    assert!(metrics.contains("process_resident_memory_bytes") && !metrics.contains(CANARY));
    assert!(get(&admin, "/readyz").contains("\"ready\":true"));
    assert_eq!(server.terminate().unwrap().code(), Some(0));
    let log = fs::read_to_string(dir.path().join("log")).unwrap();
    assert!(
        log.contains("the server has ended") && !log.contains(CANARY),
        "{log}"
    );
}

/// A panic's own message may quote people: a slice of a text at a wrong place does. The test is run
/// once more in a process of its own, which panics.
#[test]
fn a_panic_tells_where_and_nothing_else() {
    const PANICS: &str = "CAUSERIE_TEST_PANICS";
    if std::env::var_os(PANICS).is_some() {
        causerie::telemetry::report_panics();
        let said = format!("é{CANARY}");
        assert!(said[1..].is_empty());
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_panic_tells_where_and_nothing_else",
            "--nocapture",
        ])
        .env(PANICS, "yes")
        .output()
        .unwrap();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(!output.status.success());
    assert!(
        said.contains("a mistake of ours at ") && said.contains("commands.rs:"),
        "{said}"
    );
    assert!(
        said.contains("please report it") && !said.contains(CANARY),
        "{said}"
    );
}

/// Asks what listens at the address that ends `line`.
fn get(line: &str, path: &str) -> String {
    let address = line.rsplit("http://").next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
