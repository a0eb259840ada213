//! Holds what ARCHITECTURE.md says about the crates: which way the arrows point, and that every
//! file is one noun of a size that can be read.

use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Where the rule is written that a failure is about.
const RULE: &str = "see \"The crates, and which way the arrows point\" in ARCHITECTURE.md";

/// What each crate may depend on, outside its tests. A new crate gets a line here.
const ARROWS: &[(&str, &[&str])] = &[
    ("causerie-core", &[]),
    ("causerie-markup", &["causerie-core"]),
    ("causerie-store", &["causerie-core"]),
    ("causerie-redis", &["causerie-core"]),
    ("causerie-local", &["causerie-core"]),
    ("causerie-openai", &["causerie-core"]),
    ("causerie-web", &["causerie-core", "causerie-markup"]),
    ("causerie-terminal", &["causerie-core", "causerie-markup"]),
    ("causerie-telegram", &["causerie-core", "causerie-markup"]),
    ("causerie-engine", &["causerie-core", "causerie-markup"]),
    (
        "causerie",
        &[
            "causerie-core",
            "causerie-engine",
            "causerie-local",
            "causerie-markup",
            "causerie-openai",
            "causerie-redis",
            "causerie-store",
            "causerie-telegram",
            "causerie-terminal",
            "causerie-web",
        ],
    ),
];

/// Made for tests: it may use every crate, and every crate's tests may use it.
const TESTKIT: &str = "causerie-testkit";

/// Crates without runtime, I/O and clock, and what would give them one.
const PURE: &[&str] = &["causerie-core", "causerie-markup"];
const IMPURE: &[&str] = &[
    "tokio",
    "tokio-util",
    "reqwest",
    "hyper",
    "axum",
    "rusqlite",
    "rand",
];

/// Names that say nothing about what is inside.
const NAMELESS: &[&str] = &[
    "utils", "util", "common", "helpers", "helper", "manager", "misc",
];

const MAX_LINES: usize = 600;

#[test]
fn arrows_point_one_way() {
    let found = forbidden_arrows(&metadata());
    assert!(found.is_empty(), "{}\n{RULE}", found.join("\n"));
}

#[test]
fn a_forbidden_arrow_is_found() {
    let forbidden = [
        ("causerie-core", "causerie-markup", None),
        ("causerie-core", "tokio", None),
        ("causerie-engine", "causerie-store", None),
        ("causerie-engine", "causerie-web", Some("build")),
        ("causerie-web", "causerie-terminal", None),
        ("causerie-store", "causerie-engine", None),
        ("causerie", TESTKIT, None),
        ("causerie-unheard-of", "causerie-core", None),
    ];
    for (from, to, kind) in forbidden {
        let found = forbidden_arrows(&with_arrow(metadata(), from, to, kind));
        assert_eq!(found.len(), 1, "{from} -> {to}: {found:?}");
    }
    let in_tests = with_arrow(metadata(), "causerie-web", TESTKIT, Some("dev"));
    assert!(forbidden_arrows(&in_tests).is_empty());
}

#[test]
fn files_are_one_noun_of_a_readable_size() {
    let root = root();
    let mut files = vec![];
    for folder in ["crates", "examples", "tests"] {
        sources(&root.join(folder), &mut files);
    }
    assert!(files.len() > 50, "only {} source files found", files.len());
    let mut found = vec![];
    for file in files {
        let path = file
            .strip_prefix(&root)
            .expect("it was found below the root");
        let nameless = path
            .with_extension("")
            .iter()
            .any(|name| NAMELESS.iter().any(|nameless| name == *nameless));
        if nameless {
            found.push(format!("{}: a name that says nothing", path.display()));
        }
        let text = fs::read_to_string(&file).expect("a source file is UTF-8");
        let lines = text.lines().count();
        if lines > MAX_LINES {
            found.push(format!(
                "{}: {lines} lines, at most {MAX_LINES}",
                path.display()
            ));
        }
    }
    assert!(
        found.is_empty(),
        "{}\nsee CONTRIBUTING.md",
        found.join("\n")
    );
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("the workspace is there")
}

fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--offline",
            "--no-deps",
            "--format-version",
            "1",
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs this test");
    assert!(output.status.success(), "cargo metadata failed");
    serde_json::from_slice(&output.stdout).expect("cargo writes JSON")
}

/// What is wrong, one line for each arrow.
fn forbidden_arrows(metadata: &Value) -> Vec<String> {
    let mut found = vec![];
    let packages = metadata["packages"].as_array().expect("packages");
    for package in packages {
        let from = package["name"].as_str().expect("a name");
        if from == TESTKIT {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == from) else {
            found.push(format!("{from} has no line in the table of arrows"));
            continue;
        };
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        for dependency in dependencies.iter().filter(|dep| dep["kind"] != "dev") {
            let to = dependency["name"].as_str().expect("a name");
            let impure = PURE.contains(&from) && IMPURE.contains(&to);
            if impure || to.starts_with("causerie") && !allowed.contains(&to) {
                found.push(format!("{from} may not depend on {to}"));
            }
        }
    }
    found
}

/// `metadata` as it would be if somebody added a dependency.
fn with_arrow(mut metadata: Value, from: &str, to: &str, kind: Option<&str>) -> Value {
    let packages = metadata["packages"].as_array_mut().expect("packages");
    let dependency = serde_json::json!({ "name": to, "kind": kind });
    match packages.iter_mut().find(|package| package["name"] == from) {
        Some(package) => {
            let dependencies = package["dependencies"].as_array_mut();
            dependencies.expect("dependencies").push(dependency);
        }
        None => packages.push(serde_json::json!({ "name": from, "dependencies": [dependency] })),
    }
    metadata
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("a folder that can be listed").path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
