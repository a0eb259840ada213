//! Pulls from a hub that misbehaves.

mod fake;
mod settings;
mod wheel;

use self::fake::{Fake, Serve};
use super::{catalogue::Source, origins::Patience, *};
use sha2::{Digest, Sha256};
use std::{
    fs,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tempfile::TempDir;

const HUB_PATH: &str = "/owner/repo/resolve/v1/m.gguf";
const HUB_NAME: &str = "hf:owner/repo/m.gguf@v1";

/// A file that begins as a model does, too large to come in one piece.
fn model_bytes() -> Vec<u8> {
    let body = (0..700_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes());
    b"GGUF".iter().copied().chain(body).collect()
}

fn sum(bytes: &[u8]) -> String {
    disk::hexadecimal(Sha256::new_with_prefix(bytes))
}

/// A catalogue entry for these bytes, at the hub path and in a wheel.
fn entry(bytes: &[u8]) -> ModelRef {
    let entry = CatalogueEntry {
        name: "test",
        title: "Test",
        parameters: "0",
        languages: &["en"],
        licence: "CC0-1.0",
        good_for: "tests",
        demonstration: true,
        temperature: None,
        file: "m.gguf",
        size: bytes.len() as u64,
        sha256: sum(bytes).leak(),
        sources: &[
            Source::Hub {
                repo: "owner/repo",
                revision: "v1",
                file: "m.gguf",
            },
            Source::Wheel {
                package: "Some_Pack",
                version: "1.2",
                member: "some/m.gguf",
            },
        ],
    };
    ModelRef::Named(Box::leak(Box::new(entry)))
}

fn impatient(origins: Origins) -> Origins {
    origins.with_patience(Patience {
        connect: Duration::from_secs(2),
        stall: Duration::from_millis(400),
        pause: Duration::from_millis(5),
        attempts: 3,
    })
}

struct Bench {
    dir: TempDir,
    models: Models,
    events: Arc<Mutex<Vec<PullEvent>>>,
}

impl Bench {
    /// Both sources are servers of ours; port 9 answers nobody.
    fn new(hub: Option<&Fake>, index: Option<&Fake>) -> Self {
        let nobody = "http://127.0.0.1:9".to_owned();
        let url = |fake: Option<&Fake>| fake.map_or(nobody.clone(), Fake::url);
        let origins = Origins::default()
            .with_hub(&url(hub))
            .and_then(|origins| origins.with_index(&format!("{}/simple", url(index))))
            .and_then(|origins| origins.with_hub_token("hf_secret"))
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let models = Models::new(dir.path()).with_origins(impatient(origins));
        Self {
            dir,
            models,
            events: Arc::default(),
        }
    }

    async fn pull(&self, model: &ModelRef) -> Result<Pulled, ModelError> {
        let events = Arc::clone(&self.events);
        self.models
            .pull(model, &move |event| events.lock().unwrap().push(event))
            .await
    }

    fn notes(&self) -> Vec<String> {
        let events = self.events.lock().unwrap();
        let note = |event: &PullEvent| match event {
            PullEvent::Note(note) => Some(note.clone()),
            PullEvent::Progress(_) => None,
        };
        events.iter().filter_map(note).collect()
    }

    fn parts(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().path());
        files
            .filter(|path| path.extension().is_some_and(|end| end == "part"))
            .collect()
    }
}

#[tokio::test]
async fn a_file_of_the_hub_comes_and_is_checked_against_what_the_hub_says() {
    let bytes = model_bytes();
    let hub = Fake::start().await.file(HUB_PATH, bytes.clone());
    let hub = hub.linking(bytes.len() as u64, &sum(&bytes));
    let bench = Bench::new(Some(&hub), None);
    let model = ModelRef::parse(HUB_NAME).unwrap();

    let pulled = bench.pull(&model).await.unwrap();
    assert_eq!(
        pulled.path,
        bench.dir.path().join("hf/owner/repo/v1/m.gguf")
    );
    assert_eq!(
        (pulled.was_here, pulled.checked),
        (false, Checked::Announced)
    );
    assert_eq!(fs::read(&pulled.path).unwrap(), bytes);
    assert_eq!(
        bench.models.verify(&model).await.unwrap(),
        Checked::Announced
    );
    let last = bench.events.lock().unwrap().last().cloned();
    let Some(PullEvent::Progress(last)) = last else {
        panic!("{last:?}")
    };
    assert_eq!(
        (last.percent(), last.source.as_str()),
        (Some(100), "127.0.0.1")
    );

    let asked = hub.seen().len();
    assert!(bench.pull(&model).await.unwrap().was_here);
    assert_eq!(
        hub.seen().len(),
        asked,
        "a file that is here needs no server"
    );

    let listed = bench.models.list().unwrap();
    let here: Vec<_> = listed
        .iter()
        .filter(|listed| listed.present.is_some())
        .collect();
    assert_eq!(here.len(), 1);
    assert_eq!(here[0].reference, model);
}

#[tokio::test]
async fn a_file_that_was_damaged_after_it_came_is_noticed_and_fetched_again() {
    let bytes = model_bytes();
    let hub = Fake::start().await.file(HUB_PATH, bytes.clone());
    let bench = Bench::new(Some(&hub), None);
    let model = entry(&bytes);
    let path = bench.pull(&model).await.unwrap().path;
    let mut damaged = bytes.clone();
    damaged[2_000_000] ^= 1;
    fs::write(&path, &damaged).unwrap();
    // A file system may count time in coarse steps.
    let later = std::time::SystemTime::now() + Duration::from_secs(5);
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(later).unwrap();
    let pulled = bench.pull(&model).await.unwrap();
    assert!(!pulled.was_here);
    assert_eq!(fs::read(&path).unwrap(), bytes);
    let notes = bench.notes();
    assert!(notes[0].contains("is damaged") && notes[0].contains("fetching it again"));

    // What was found sound is not read again until it changes.
    let asked = hub.seen().len();
    assert!(bench.pull(&model).await.unwrap().was_here);
    fs::remove_file(disk::beside(&path, "json")).unwrap();
    assert!(bench.pull(&model).await.unwrap().was_here);
    let note = Sidecar::read(&path).unwrap();
    assert_eq!(note.sound_as_of, disk::changed(&path));
    assert_eq!(hub.seen().len(), asked);
}

#[test]
fn a_demonstration_is_called_one_once_and_better_ones_are_named() {
    let bench = Bench::new(None, None);
    let model = entry(b"GGUF");
    let advice = bench.models.advice(&model).unwrap();
    assert!(
        advice.starts_with("test is a demonstration: tests."),
        "{advice}"
    );
    for name in BETTER {
        assert!(advice.contains(name), "{advice}");
    }
    assert!(
        advice.contains("Chinese") && advice.contains("English"),
        "{advice}"
    );
    assert_eq!(bench.models.advice(&model), None);
    assert_eq!(
        bench.models.list().unwrap().len(),
        CATALOGUE.len(),
        "what remembers it is no model"
    );
    let real = ModelRef::parse(BETTER[0]).unwrap();
    assert_eq!(bench.models.advice(&real), None);
}

#[tokio::test]
async fn a_download_that_breaks_off_goes_on_where_it_was() {
    let bytes = model_bytes();
    let hub = Fake::start().await.file(HUB_PATH, bytes.clone());
    hub.script([
        Serve::Cut(1_000_000),
        Serve::Status(503),
        Serve::Cut(500_000),
    ]);
    let bench = Bench::new(Some(&hub), None);
    let pulled = bench.pull(&entry(&bytes)).await.unwrap();
    assert_eq!(fs::read(pulled.path).unwrap(), bytes);
    let ranges = hub.ranges();
    assert_eq!(ranges[0], None);
    assert_eq!(ranges[1].as_deref(), Some("bytes=1000000-"));
    assert_eq!(ranges[2].as_deref(), Some("bytes=1000000-"));
    assert_eq!(ranges[3].as_deref(), Some("bytes=1500000-"));
    assert!(bench.parts().is_empty());
}

#[tokio::test]
async fn the_next_pull_goes_on_where_the_last_one_stopped() {
    let bytes = model_bytes();
    let hub = Fake::start().await.file(HUB_PATH, bytes.clone());
    hub.script([Serve::Cut(1_000_000), Serve::Status(404)]);
    let bench = Bench::new(Some(&hub), None);
    let error = bench.pull(&entry(&bytes)).await.unwrap_err();
    assert!(matches!(error, ModelError::NoSource { .. }), "{error}");
    assert_eq!(bench.parts().len(), 1);
    bench.pull(&entry(&bytes)).await.unwrap();
    assert_eq!(hub.ranges()[2].as_deref(), Some("bytes=1000000-"));
}

#[tokio::test]
async fn a_server_that_ignores_ranges_sends_the_file_again() {
    let bytes = model_bytes();
    let hub = Fake::start().await.file(HUB_PATH, bytes.clone());
    hub.script([Serve::Cut(1_000_000), Serve::Whole]);
    let bench = Bench::new(Some(&hub), None);
    let pulled = bench.pull(&entry(&bytes)).await.unwrap();
    assert_eq!(fs::read(pulled.path).unwrap(), bytes);
}

#[tokio::test]
async fn a_part_that_is_wrong_is_fetched_afresh() {
    let bytes = model_bytes();
    let hub = Fake::start().await.file(HUB_PATH, bytes.clone());
    let bench = Bench::new(Some(&hub), None);
    let model = entry(&bytes);
    let part = part::part_of(&bench.models.path_of(&model), Some(&sum(&bytes)));
    fs::write(part, vec![7; 1000]).unwrap();
    bench.pull(&model).await.unwrap();
    assert_eq!(hub.ranges(), [Some("bytes=1000-".to_owned()), None]);
}

#[tokio::test]
async fn a_part_that_is_too_long_is_fetched_afresh() {
    let bytes = model_bytes();
    let hub = Fake::start().await.file(HUB_PATH, bytes.clone());
    let bench = Bench::new(Some(&hub), None);
    let model = entry(&bytes);
    let part = part::part_of(&bench.models.path_of(&model), Some(&sum(&bytes)));
    fs::write(part, vec![7; bytes.len() + 1]).unwrap();
    bench.pull(&model).await.unwrap();
    assert_eq!(hub.ranges().len(), 2);
}

/// Without a sum, only the server can say whether the rest belongs to what is here.
#[tokio::test]
async fn without_a_sum_the_tag_decides_whether_to_go_on() {
    let model = ModelRef::parse(HUB_NAME).unwrap();
    for (tag, second) in [
        (None, None),
        (Some("W/\"a\""), None),
        (Some("\"a\""), Some(1_000_000)),
    ] {
        let bytes = model_bytes();
        let hub = Fake::start()
            .await
            .file(HUB_PATH, bytes.clone())
            .tagged(tag);
        hub.script([Serve::Cut(1_000_000)]);
        let bench = Bench::new(Some(&hub), None);
        let pulled = bench.pull(&model).await.unwrap();
        assert_eq!(fs::read(&pulled.path).unwrap(), bytes);
        assert_eq!(pulled.checked, Checked::Nothing);
        let asked = second.map(|from| format!("bytes={from}-"));
        assert_eq!(hub.ranges(), [None, asked]);
        assert_eq!(bench.models.verify(&model).await.unwrap(), Checked::Nothing);
    }
}

#[test]
fn a_pull_can_run_in_the_background() {
    fn check<T: Send>(_: T) {}
    let bench = Bench::new(None, None);
    let model = ModelRef::parse(HUB_NAME).unwrap();
    check(bench.models.pull(&model, &|_| ()));
}

#[tokio::test]
async fn a_file_with_another_sum_is_not_kept() {
    let bytes = model_bytes();
    let mut other = bytes.clone();
    other[2_000_000] ^= 1;
    let hub = Fake::start().await.file(HUB_PATH, other.clone());
    let bench = Bench::new(Some(&hub), None);
    let model = entry(&bytes);
    let error = bench.pull(&model).await.unwrap_err().to_string();
    assert!(
        error.contains("offers another file") && error.contains(&sum(&bytes)),
        "{error}"
    );
    assert!(bench.parts().is_empty() && !bench.models.path_of(&model).exists());

    // A hub that announces the other sum is not even asked for the file.
    let hub = Fake::start()
        .await
        .file(HUB_PATH, other.clone())
        .linking(1, &sum(&other));
    let bench = Bench::new(Some(&hub), None);
    bench.pull(&model).await.unwrap_err();
    assert!(hub.ranges().is_empty());
}

#[tokio::test]
async fn what_the_hub_refuses_is_told_with_a_remedy() {
    let hub = Fake::start().await;
    let bench = Bench::new(Some(&hub), None);
    let error = bench
        .pull(&ModelRef::parse(HUB_NAME).unwrap())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("no such file (HTTP 404)"), "{error}");

    let page = "<html>sign in</html>";
    let hub = Fake::start().await.file(HUB_PATH, page);
    let bench = Bench::new(Some(&hub), None);
    let error = bench
        .pull(&ModelRef::parse(HUB_NAME).unwrap())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("no GGUF file"), "{error}");
    hub.script([Serve::Status(403)]);
    let error = bench
        .pull(&ModelRef::parse(HUB_NAME).unwrap())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("accept the licence") && error.contains("HF_TOKEN"),
        "{error}"
    );
}

/// As the real hub does it: it knows the sum, another host has the bytes, and that host answers
/// nothing but the one request it is there for.
#[tokio::test]
async fn the_token_stays_with_the_hub() {
    let bytes = model_bytes();
    let host = Fake::start().await.file("/blob", bytes.clone());
    let host = host.heading(403, String::new());
    let blob = format!("{}/blob", host.url());
    let hub = Fake::start().await.file(HUB_PATH, "");
    let hub = hub.linking(bytes.len() as u64, &sum(&bytes));
    let hub = hub.heading(302, blob.clone());
    hub.script([Serve::To(blob.clone()), Serve::To(blob)]);
    host.script([Serve::Cut(1_000_000)]);
    let bench = Bench::new(Some(&hub), None);
    let pulled = bench.pull(&ModelRef::parse(HUB_NAME).unwrap()).await;
    assert_eq!(pulled.unwrap().checked, Checked::Announced);
    assert_eq!(host.ranges(), [None, Some("bytes=1000000-".to_owned())]);
    let token = Some("Bearer hf_secret");
    assert!(
        hub.seen()
            .iter()
            .all(|s| s.authorization.as_deref() == token)
    );
    assert!(host.seen().iter().all(|seen| seen.authorization.is_none()));
    assert!(!format!("{:?}", bench.models).contains("hf_secret"));
}

#[tokio::test]
async fn two_pulls_of_one_file_fetch_it_once() {
    let bytes = model_bytes();
    let hub = Fake::start().await.file(HUB_PATH, bytes.clone());
    let bench = Bench::new(Some(&hub), None);
    let model = entry(&bytes);
    let (one, two) = tokio::join!(bench.pull(&model), bench.pull(&model));
    assert_eq!(one.unwrap().was_here as u8 + two.unwrap().was_here as u8, 1);
    assert_eq!(hub.ranges().len(), 1);
}

#[tokio::test]
async fn a_damaged_file_says_what_to_do_and_a_pull_repairs_a_cut_one() {
    let bytes = model_bytes();
    let hub = Fake::start().await.file(HUB_PATH, bytes.clone());
    let bench = Bench::new(Some(&hub), None);
    let model = entry(&bytes);
    let error = bench.models.find(&model).unwrap_err().to_string();
    assert!(error.contains("is not here") && error.contains("causerie models pull test"));
    let path = bench.pull(&model).await.unwrap().path;

    let mut turned = bytes.clone();
    turned[9] ^= 1;
    fs::write(&path, turned).unwrap();
    assert!(bench.models.find(&model).is_ok(), "its size is right");
    let error = bench.models.verify(&model).await.unwrap_err().to_string();
    assert!(
        error.contains("SHA-256") && error.contains("Delete it"),
        "{error}"
    );

    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = bench.models.find(&model).unwrap_err();
    assert!(matches!(error, ModelError::Corrupt { .. }), "{error}");
    assert!(!bench.pull(&model).await.unwrap().was_here);
    assert_eq!(
        bench.models.verify(&model).await.unwrap(),
        Checked::Catalogue
    );
}

#[tokio::test]
async fn a_file_of_ones_own_is_looked_at_and_never_fetched() {
    let bench = Bench::new(None, None);
    let path = bench.dir.path().join("own.gguf");
    let model = ModelRef::File(path.clone());
    let error = bench.pull(&model).await.unwrap_err().to_string();
    assert!(error.contains("check the path"), "{error}");
    fs::write(&path, "text").unwrap();
    let error = bench.pull(&model).await.unwrap_err().to_string();
    assert!(error.contains("it is no GGUF file"), "{error}");
    fs::write(&path, "GGUF and so on").unwrap();
    assert_eq!(bench.pull(&model).await.unwrap().checked, Checked::Nothing);
}

#[tokio::test]
async fn a_full_disk_is_told_before_anything_comes() {
    let bytes = model_bytes();
    let hub = Fake::start().await.file(HUB_PATH, bytes.clone());
    let hub = hub.linking(u64::MAX / 2, &sum(&bytes));
    let bench = Bench::new(Some(&hub), None);
    let error = bench
        .pull(&ModelRef::parse(HUB_NAME).unwrap())
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            ModelError::DiskFull {
                needed: Some(_),
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("CAUSERIE_MODELS_DIR"));
}
