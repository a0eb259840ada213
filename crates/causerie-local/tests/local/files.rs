//! Files that are no models, and when that is found out.

use crate::support::{config, model};
use causerie_core::{
    backend::{Backend, BackendError, Readiness},
    prompt::TokenCounter,
};
use causerie_local::{Config, Local};
use causerie_testkit::clock::ManualClock;
use std::{fs, io::Write, path::Path, sync::Arc};

async fn failure(path: &Path) -> String {
    let local = Local::open(Config::new(path), Arc::new(ManualClock::default()));
    let Readiness::Failed(reason) = local.ready().await else {
        panic!("{} loaded", path.display())
    };
    let refused = local.complete(&causerie_testkit::prompt::of("Hello")).await;
    assert!(matches!(refused, Err(BackendError::Misconfigured { .. })));
    assert!(!local.counter().exact());
    let named = format!("{}: ", path.display());
    assert!(reason.starts_with(&named), "{reason}");
    reason
}

fn file(content: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

#[tokio::test]
async fn a_file_that_is_no_model_says_what_to_do() {
    assert!(
        failure(Path::new("/nowhere/model.gguf"))
            .await
            .contains("Check the path")
    );
    assert!(failure(file(b"").path()).await.contains("Choose a file"));
    assert!(
        failure(file(b"<html>404</html>").path())
            .await
            .contains("Choose a file")
    );
}

#[tokio::test]
async fn what_llama_cpp_complains_of_is_passed_on() {
    // A sound file of a family that nobody knows.
    let mut unknown = b"GGUF".to_vec();
    let string = |file: &mut Vec<u8>, text: &str| {
        file.extend((text.len() as u64).to_le_bytes());
        file.extend(text.as_bytes());
    };
    unknown.extend(3u32.to_le_bytes());
    unknown.extend(0u64.to_le_bytes());
    unknown.extend(2u64.to_le_bytes());
    string(&mut unknown, "general.architecture");
    unknown.extend(8u32.to_le_bytes());
    string(&mut unknown, "lhama");
    string(&mut unknown, "tokenizer.ggml.tokens");
    unknown.extend([9u32.to_le_bytes(), 8u32.to_le_bytes()].concat());
    unknown.extend(1u64.to_le_bytes());
    string(&mut unknown, "a");
    unknown.resize(unknown.len().next_multiple_of(32), 0);
    let reason = failure(file(&unknown).path()).await;
    assert!(
        reason.contains("It says: ") && reason.contains("lhama"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_file_cut_anywhere_says_to_download_it_again() {
    let Some(model) = model().await else { return };
    let whole = fs::read(&model.path).unwrap();
    for len in [whole.len() / 2, whole.len() - 1, 100_000, 30] {
        let reason = failure(file(&whole[..len]).path()).await;
        assert!(
            reason.contains("download it again"),
            "{len} bytes: {reason}"
        );
    }
}

#[tokio::test]
async fn opening_returns_at_once_and_an_early_question_is_told_to_wait() {
    let Some(model) = model().await else { return };
    let local = Local::open(config(&model), Arc::new(ManualClock::default()));
    if let Readiness::Loading { .. } = local.readiness() {
        let early = local.complete(&causerie_testkit::prompt::of("Hello")).await;
        assert!(matches!(early, Err(BackendError::Loading) | Ok(_)));
        let estimate: Arc<dyn TokenCounter> = local.counter();
        assert!(estimate.count("Hello") > 0);
    }
    assert_eq!(local.ready().await, Readiness::Ready);
    assert_eq!(local.capabilities().context_window, 1024);
}

#[tokio::test]
async fn dropping_it_while_it_loads_ends_the_load() {
    let Some(model) = model().await else { return };
    drop(Local::open(
        config(&model),
        Arc::new(ManualClock::default()),
    ));
}
