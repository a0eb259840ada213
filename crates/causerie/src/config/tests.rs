use super::*;
use secrecy::ExposeSecret;
use serde_json::Value as Json;
use std::fs;

struct Dir(tempfile::TempDir);

impl Dir {
    fn new(toml: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("causerie.toml"), toml).unwrap();
        Self(dir)
    }

    fn load(&self, environment: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
        Sources {
            file: Some(self.0.path().join("causerie.toml")),
            environment: environment
                .iter()
                .map(|(k, v)| ((*k).into(), (*v).into()))
                .collect(),
            directory: self.0.path().into(),
        }
        .load()
    }

    /// What a person reads, with the directory's name taken out.
    fn error(&self, environment: &[(&str, &str)]) -> String {
        let error = self.load(environment).unwrap_err().render(false);
        error.replace(&format!("{}/", self.0.path().display()), "")
    }
}

fn load(toml: &str) -> Loaded {
    Dir::new(toml)
        .load(&[("HOME", "/home/ada")])
        .unwrap_or_else(|e| panic!("{}", e.render(false)))
}

fn error(toml: &str) -> String {
    Dir::new(toml).error(&[])
}

#[test]
fn no_file_is_a_working_default() {
    let environment = BTreeMap::from([("HOME".to_owned(), "/home/ada".to_owned())]);
    let sources = Sources {
        file: None,
        environment,
        directory: ".".into(),
    };
    insta::assert_snapshot!(show(&sources.load().unwrap()).unwrap());
}

#[test]
fn a_misspelt_key_is_shown_with_what_is_meant() {
    insta::assert_snapshot!(error("[server]\nmax_turns = 8\nturn_deadlin = \"10s\"\n"));
}

#[test]
fn all_problems_are_told_at_once() {
    insta::assert_snapshot!(error(
        "[servr]\nadmin = \"127.0.0.1:1\"\n\n[models.a]\nkind = \"locl\"\n\n[personas.p]\n\
         models = \"a\"\nlimits = [{ scope = \"participants\", amount = 1, window = \"hour\" }]\n"
    ));
}

#[test]
fn a_wrong_type_says_what_is_expected() {
    insta::assert_snapshot!(error("[server]\nmax_turns = \"eight\"\n"));
}

#[test]
fn a_number_out_of_range_says_so() {
    insta::assert_snapshot!(error("[server]\nmax_turns = 0\n"));
}

#[test]
fn a_bad_duration_says_how_one_is_written() {
    insta::assert_snapshot!(error("[server]\nturn_deadline = \"soon\"\n"));
}

#[test]
fn a_bad_address_is_shown_at_its_place() {
    insta::assert_snapshot!(error("[platforms.web]\nlisten = \"8080\"\n"));
}

#[test]
fn a_missing_variable_is_named() {
    insta::assert_snapshot!(error("[platforms.web]\naccess_token = \"${WEB_TOKEN}\"\n"));
}

#[test]
fn a_missing_secret_file_is_named() {
    insta::assert_snapshot!(error(
        "[platforms.web]\naccess_token_file = \"/nowhere/token\"\n"
    ));
}

#[test]
fn a_secret_given_twice_is_an_error() {
    insta::assert_snapshot!(error(
        "[platforms.web]\naccess_token = \"tell-nobody\"\naccess_token_file = \"token\"\n"
    ));
}

#[test]
fn a_model_that_is_not_there_is_an_error() {
    insta::assert_snapshot!(error(
        "[models.small]\nkind = \"echo\"\n\n[personas.p]\nmodels = [\"smal\"]\n"
    ));
}

#[test]
fn a_persona_that_is_not_there_is_an_error() {
    insta::assert_snapshot!(error("[platforms.web]\npersona = \"nobody\"\n"));
}

#[test]
fn a_choice_that_was_not_made_is_an_error() {
    insta::assert_snapshot!(error("[personas.a]\n\n[personas.b]\n\n[platforms.web]\n"));
}

#[test]
fn a_tool_that_is_not_there_is_an_error() {
    insta::assert_snapshot!(error("[personas.a]\ntools = [\"shell\"]\n"));
}

#[test]
fn a_file_that_is_not_toml_is_shown_where_it_breaks() {
    insta::assert_snapshot!(error(
        "[platforms.web]\naccess_token = \"tell-nobody\"\nlisten = 127.0.0.1:8080\n"
    ));
}

#[test]
fn a_store_that_is_none_says_what_one_looks_like() {
    let told = [
        "postgres://localhost",
        "redis:localhost",
        "redis://a,b",
        "redis-sentinel://a,b",
        "redis-cluster://a/1",
        "redis://localhost?tls=1",
    ]
    .map(|url| error(&format!("[store]\nurl = \"{url}\"\n")));
    insta::assert_snapshot!(told.concat());
}

#[test]
fn an_encryption_key_that_is_none_is_shown_at_its_place() {
    insta::assert_snapshot!(error(
        "[store]\nurl = \"redis://localhost\"\n\n[store.redis]\nencryption_keys = [\n  \
         { id = \"new\", key = \"c0ffee\" },\n  { id = \"the old\", key = \"c0ffee\" },\n]\n"
    ));
}

#[test]
fn what_redis_is_told_reaches_the_store_and_is_not_shown() {
    let loaded = load(&format!(
        "[store]\nurl = \"rediss://ann:first-canary@h:1/2\"\n\n[store.redis]\n\
         password = \"second-canary\"\nsentinel_user = \"watcher\"\n\
         sentinel_password = \"third-canary\"\nprefix = \"mine:\"\nca_file = \"ca.pem\"\n\
         confirm_replicas = 2\nretention = \"30d\"\nretention_messages = 7\n\
         encryption_keys = [{{ id = \"k1\", key = \"{}\" }}]\n",
        "0a1b".repeat(16)
    ));
    let shown = show(&loaded).unwrap();
    let StoreUrl::Redis(address) = &loaded.config.store.url else {
        panic!("{:?}", loaded.config.store.url);
    };
    let store = loaded.config.store.redis.store(address).unwrap();
    for told in [&shown, &format!("{loaded:?}"), &format!("{store:?}")] {
        assert!(!told.contains("canary") && !told.contains("0a1b"), "{told}");
    }
    assert!(shown.contains("rediss://h:1/2") && shown.contains("retention = \"30d\""));
    let sentinel = store.sentinel.clone().unwrap();
    let password = sentinel.password.unwrap();
    assert_eq!(
        (sentinel.user.as_deref(), password.expose_secret()),
        (Some("watcher"), "third-canary")
    );
    assert_eq!(
        (store.prefix.as_str(), store.confirm_replicas),
        ("mine:", 2)
    );
    assert_eq!(
        store.retention.age,
        Some(std::time::Duration::from_secs(30 * 86_400))
    );
    assert_eq!(
        (store.retention.messages, store.keys[0].id()),
        (Some(7), "k1")
    );
    assert!(store.ca_file.is_some_and(|file| file.is_absolute()));
}

#[test]
fn doors_open_to_everybody_are_errors() {
    insta::assert_snapshot!(error(
        "[server]\nadmin = \"0.0.0.0:9090\"\n\n[platforms.web]\nlisten = \"0.0.0.0:8080\"\n"
    ));
    load("[platforms.web]\nlisten = \"0.0.0.0:8080\"\naccess_token = \"0123456789abcdef\"\n");
}

#[test]
fn what_could_be_guessed_or_silences_all_logs_is_an_error() {
    insta::assert_snapshot!(error(
        "[server]\nlog_filter = \"inof\"\n\n[platforms.web]\naccess_token = \"swordfish\"\n"
    ));
    insta::assert_snapshot!(error("[platforms.web]\naccess_token = \" \"\n"));
}

#[test]
fn an_unknown_variable_of_ours_is_named() {
    let dir = Dir::new("");
    let environment = [
        ("CAUSERIE__SERVER__MAX_TURN", "8"),
        ("CAUSERIE__SERVR__X", "1"),
    ];
    insta::assert_snapshot!(dir.error(&environment));
}

#[test]
fn a_wrong_type_in_the_environment_names_the_variable() {
    let dir = Dir::new("[server]\nmax_turns = 8\n");
    let environment = [
        ("CAUSERIE__SERVER__MAX_TURNS", "eight"),
        ("CAUSERIE__SERVER__GRACE", "soon"),
        ("CAUSERIE__STORE", "memory:"),
    ];
    insta::assert_snapshot!(dir.error(&environment));
}

#[test]
fn a_file_that_is_not_there_says_so() {
    let sources = Sources {
        file: Some("/nowhere/causerie.toml".into()),
        ..Sources::default()
    };
    insta::assert_snapshot!(sources.load().unwrap_err().render(false));
}

#[test]
fn the_environment_stands_over_the_file() {
    let dir = Dir::new("[server]\nmax_turns = 8\n[models.Big]\nkind = \"echo\"\n");
    let loaded = dir
        .load(&[
            ("CAUSERIE__SERVER__MAX_TURNS", "9"),
            ("CAUSERIE__SERVER__ADMIN_ALLOW_PUBLIC", "true"),
            ("CAUSERIE__MODELS__SMALL__KIND", "echo"),
            ("CAUSERIE__PERSONAS__A__MODELS", "small, Big"),
            ("CAUSERIE__PERSONAS__A__TEMPERATURE", "0.5"),
            ("CAUSERIE__PLATFORMS__WEB__ACCESS_TOKEN", "1234567890123456"),
            ("CAUSERIE__STORE__URL", ""),
        ])
        .unwrap_or_else(|e| panic!("{}", e.render(false)));
    let config = loaded.config;
    assert_eq!(config.server.max_turns, 9);
    assert!(config.server.admin_allow_public);
    let persona = config.personas.values().next().unwrap();
    assert_eq!(
        persona
            .models
            .iter()
            .map(ModelName::as_str)
            .collect::<Vec<_>>(),
        ["small", "Big"]
    );
    assert_eq!(persona.temperature, Some(0.5));
    assert_eq!(
        config.platforms.web.unwrap().access_token.unwrap().expose(),
        "1234567890123456"
    );
    assert_eq!(String::from(config.store.url), "sqlite:causerie.db");
}

#[test]
fn a_secret_comes_from_a_file_next_to_the_configuration() {
    let dir = Dir::new("[platforms.web]\naccess_token_file = \"token\"\n");
    fs::write(dir.0.path().join("token"), "tell-nobody-at-all\n").unwrap();
    let web = dir.load(&[]).unwrap().config.platforms.web.unwrap();
    assert_eq!(web.access_token.unwrap().expose(), "tell-nobody-at-all");

    let dir = Dir::new("");
    let file = dir.0.path().join("other");
    fs::write(&file, "from-a-file-of-its-own").unwrap();
    let variable = (
        "CAUSERIE__PLATFORMS__WEB__ACCESS_TOKEN_FILE",
        file.to_str().unwrap(),
    );
    let web = dir.load(&[variable]).unwrap().config.platforms.web.unwrap();
    assert_eq!(web.access_token.unwrap().expose(), "from-a-file-of-its-own");
}

#[test]
fn paths_are_relative_to_the_file() {
    let dir = Dir::new("[server]\ndata_dir = \"data\"\n[personas.a]\nsystem_file = \"a.md\"\n");
    let config = dir.load(&[]).unwrap().config;
    assert_eq!(config.server.data_dir, dir.0.path().join("data"));
    let persona = config.personas.values().next().unwrap();
    assert_eq!(persona.system_file, Some(dir.0.path().join("a.md")));
    let home = load("[server]\ndata_dir = \"~/data\"\n")
        .config
        .server
        .data_dir;
    assert_eq!(home, PathBuf::from("/home/ada/data"));
}

/// Each way a secret can be given, in a configuration that is right and in ones that are not.
#[test]
fn a_secret_is_never_shown() {
    const CANARY: &str = "canary-7f3a-8c1d-55";
    let right = format!("[platforms.web]\naccess_token = \"{CANARY}\"\ntitle = \"${{SECRET}}\"\n");
    let dir = Dir::new(&right);
    let loaded = dir.load(&[("SECRET", CANARY)]).unwrap();
    assert!(
        !format!("{loaded:?}")
            .replace("title: \"canary-7f3a-8c1d-55\"", "")
            .contains(CANARY)
    );
    let shown = show(&loaded).unwrap();
    assert!(
        !shown.contains(CANARY) && shown.contains("title = \"${SECRET}\""),
        "{shown}"
    );

    let wrong = [
        format!("[platforms.web]\nacces_token = \"{CANARY}\"\n"),
        format!("[platforms.web]\naccess_token = \"{CANARY}\"\nlisten = 8080\n"),
        format!("[platforms.web]\naccess_token = [\"{CANARY}\"]\n"),
        format!("[platforms.web]\naccess_token = {CANARY}\n"),
        format!("[platforms.web]\naccess_token = \"{CANARY}\n"),
        format!("[platforms.web]\nlisten = 80:80\naccess_token = \"{CANARY}\"\n"),
        format!("[platforms.wbe]\naccess_token = \"\"\"\n{CANARY}\n\"\"\"\n"),
        "[platforms.web]\nlisten = \"${SECRET}\"\n".to_owned(),
        "[models.a]\nkind = \"${SECRET}\"\n".to_owned(),
        "[platforms.web]\npersona = \"${SECRET}\"\n".to_owned(),
        format!("[platforms.web]\ncookie_key = \"{CANARY}\"\n"),
        format!("[store]\nurl = \"redis://ann:{CANARY}@a,b\"\n"),
        format!("[store]\nurl = \"redis://ann:{CANARY}@a\"\nurls = 1\n"),
        format!("[store.redis]\npassword = \"{CANARY}\"\nprefix = 1\n"),
        format!("[store.redis]\nencryption_keys = [{{ id = \"a\", key = \"{CANARY}\" }}]\n"),
        format!("[store.redis]\nencryption_keys = [{{ id = \"a\", kye = \"{CANARY}\" }}]\n"),
    ];
    for toml in wrong {
        let error = Dir::new(&toml).load(&[("SECRET", CANARY)]).unwrap_err();
        assert!(
            !error.render(false).contains(CANARY),
            "{}",
            error.render(false)
        );
        assert!(!error.to_string().contains(CANARY), "{error}");
    }
    // Secrets that are no text, where they stand or under a key that is misspelt.
    for number in [
        "90817263544536271",
        "9081726354.453",
        "2031-05-07T19:08:17Z",
    ] {
        for key in ["access_token", "acces_token", "token.deep", "title"] {
            for value in [
                number.to_owned(),
                format!("[{number}]"),
                format!("{{ a = [{number}] }}"),
            ] {
                if key == "title" && value == number {
                    continue;
                }
                let toml = format!("[platforms.web]\n{key} = {value}\nlisten = 80\n");
                let error = Dir::new(&toml).load(&[]).unwrap_err().render(false);
                assert!(!error.contains(number), "{error}");
            }
        }
    }
    for variable in [
        "CAUSERIE__PLATFORMS__WEB__ACESS_TOKEN",
        "CAUSERIE__PLATFORMS__WEB__LISTEN",
    ] {
        let error = Dir::new("").error(&[(variable, CANARY)]);
        assert!(!error.contains(CANARY), "{error}");
    }
}

#[test]
fn the_example_is_right() {
    let path = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../config/causerie.example.toml"
    ));
    let sources = Sources {
        file: Some(path),
        ..Sources::default()
    };
    let loaded = sources
        .load()
        .unwrap_or_else(|e| panic!("{}", e.render(false)));
    for persona in loaded.config.personas.values() {
        assert!(
            persona
                .system_file
                .as_ref()
                .is_some_and(|file| file.is_file())
        );
    }
}

#[test]
fn the_example_has_every_key() {
    let mut keys = vec![];
    keys_of(&json_schema(), &mut keys);
    assert!(keys.len() > 40, "the schema has {} keys", keys.len());
    for key in keys {
        let stands = EXAMPLE.lines().any(|line| {
            let line = line.trim_start_matches(['#', ' ', '{']);
            line.starts_with(&format!("{key} =")) || line.contains(&format!(" {key} ="))
        }) || EXAMPLE.contains(&format!("[{key}"))
            || EXAMPLE.contains(&format!(".{key}]"))
            || EXAMPLE.contains(&format!(".{key}."));
        assert!(stands, "{key} is missing in the example");
    }
}

fn keys_of(schema: &Json, keys: &mut Vec<String>) {
    if let Some(properties) = schema.get("properties").and_then(Json::as_object) {
        keys.extend(properties.keys().cloned());
    }
    match schema {
        Json::Object(fields) => fields.values().for_each(|schema| keys_of(schema, keys)),
        Json::Array(items) => items.iter().for_each(|schema| keys_of(schema, keys)),
        _ => {}
    }
}

/// A value behind a `#` in the example is a right one too, but for those that need a file.
#[test]
fn the_example_stays_right_without_its_comment_signs() {
    let toml: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.split(' ').nth(1) == Some("=") && !rest.contains("_file") => rest,
            _ => line,
        })
        .filter(|line| !line.starts_with("system_file"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let loaded = Dir::new(&toml).load(&[
        ("CAUSERIE_WEB_TOKEN", "0123456789abcdef"),
        ("HOME", "/home/ada"),
        ("OPENAI_API_KEY", "sk-0"),
        ("REDIS_PASSWORD", "swordfish"),
        ("SENTINEL_PASSWORD", "swordfish"),
        (
            "TELEGRAM_TOKEN",
            "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
        ),
        ("TELEGRAM_WEBHOOK_SECRET", &"0c".repeat(32)),
        ("CAUSERIE_COOKIE_KEY", &"0b".repeat(32)),
        ("CAUSERIE_STORE_KEY", &"0a".repeat(32)),
    ]);
    let config = loaded
        .unwrap_or_else(|e| panic!("{}", e.render(false)))
        .config;
    assert!(config.platforms.web.unwrap().access_token.is_some());
    assert!(
        config
            .personas
            .values()
            .any(|persona| persona.seed.is_some())
    );
}

#[test]
fn a_section_without_its_name_shows_no_secret() {
    let said = error(
        "[platforms.telegram]\ntoken = \"110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw\"\n\
         [models]\napi_key = \"sk-swordfish\"\n",
    );
    assert!(
        !said.contains("AAHdq") && !said.contains("swordfish"),
        "{said}"
    );
    assert!(said.contains("[platforms.telegram.NAME]"), "{said}");
}

#[test]
fn a_bot_needs_a_token_and_a_webhook_a_secret() {
    let bot = |more: &str| error(&format!("[platforms.telegram.mine]\n{more}"));
    assert!(bot("persona = \"assistant\"\n").contains("@BotFather"));
    let wrong = bot("token = \"swordfish\"\n");
    assert!(wrong.contains("this is no bot token") && !wrong.contains("swordfish"));
    let token = "token = \"110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw\"\n";
    let open = bot(&format!("{token}webhook_url = \"https://a.example\"\n"));
    assert!(open.contains("webhook_secret"), "{open}");
    let weak = format!("{token}webhook_url = \"https://a.example\"\nwebhook_secret = \"short\"\n");
    assert!(bot(&weak).contains("16 to 256"));
    let off = load("[platforms.telegram.mine]\nenabled = false\n").config;
    assert_eq!(off.platforms.telegram.len(), 1);
    let elsewhere = |more: &str| bot(&format!("{token}{more}"));
    for url in ["api.telegram.org", "ftp://x", "http://", "not a url"] {
        let said = elsewhere(&format!("api_url = \"{url}\"\n"));
        assert!(said.contains("no address of a Bot API server"), "{said}");
    }
    let nameless = elsewhere("names = [\"Robin\", \" \"]\n");
    assert!(nameless.contains("cannot be empty"), "{nameless}");
    let secret = "webhook_secret = \"0123456789abcdef\"\n";
    for url in [
        "http://x.example/t",
        "https://x.example:9999/t",
        "nonsense",
        "https://",
    ] {
        let said = elsewhere(&format!("{secret}webhook_url = \"{url}\"\n"));
        assert!(said.contains("no address that Telegram sends"), "{said}");
    }
    let own = "api_url = \"http://localhost:8081\"\nwebhook_url = \"http://10.0.0.1:9999/t\"\n";
    load(&format!("[platforms.telegram.mine]\n{token}{secret}{own}"));
    let twice = elsewhere(&format!("[platforms.telegram.other]\n{token}"));
    assert!(twice.contains("has the same token"), "{twice}");
    assert!(bot("scop = \"chat\"\n").contains("did you mean `scope`"));
}
