//! Neither keys nor what people wrote leave by the back door.

use crate::support::Remote;
use causerie_testkit::{fake_models::Reply, prompt};
use serde_json::json;
use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};
use tracing::instrument::WithSubscriber;
use tracing_subscriber::fmt::MakeWriter;

const SECRETS: [&str; 2] = ["sk-secret", "what Anna wrote"];

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut log = self.0.lock().expect("no test panics while it logs");
        log.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

/// Everything that anything logs, at the finest level, holds neither a key nor words.
#[tokio::test]
async fn logs_and_errors_hold_no_secrets() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let said = json!({"error": {"message": "what Anna wrote, by sk-secret", "type": "x",
        "code": "what Anna wrote", "param": "what Anna wrote"}});
    let replies = [
        Reply::say("what Anna wrote"),
        Reply::json(400, &said),
        Reply::json(429, &said),
        Reply::json(500, &said),
        Reply::json(200, &said),
        Reply::pieces(400, "text/plain", ["what Anna wrote"]),
        Reply::pieces(500, "text/plain", ["what Anna wrote"]),
        Reply::say("what").with_piece_at(1, format!("data: {said}\n\n")),
        Reply::say("what").with_piece_at(1, "data: {what Anna wrote\n\n"),
    ];
    let run = async {
        let remote = Remote::with(|config| {
            config.api_key = Some("sk-secret".into());
            assert!(!format!("{config:?}").contains("sk-secret"));
        })
        .await;
        let mut errors = vec![];
        for reply in replies {
            remote.models.expect([reply]);
            let came = remote.complete(&prompt::of("what Anna wrote")).await;
            errors.extend(came.error.map(|error| format!("{error} {error:?}")));
        }
        assert_eq!(errors.len(), 8);
        format!("{:?} {errors:?}", remote.backend)
    };
    let errors = run.with_subscriber(subscriber).await;
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(log.len() > 100, "nothing was logged at all: {log}");
    for secret in SECRETS {
        assert!(!errors.contains(secret), "{errors}");
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{line:?}");
    }
}
