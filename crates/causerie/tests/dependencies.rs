//! Holds the bans and the licences of deny.toml over every crate that is built here, on every run:
//! it needs nothing but cargo.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

use serde_json::Value;
use std::{fs, path::Path, process::Command};

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn rules() -> toml::Table {
    let text = fs::read_to_string(root().join("deny.toml")).unwrap();
    text.parse().unwrap()
}

fn banned(rules: &toml::Table) -> Vec<String> {
    let denied = rules["bans"]["deny"].as_array().unwrap();
    let names = denied.iter().map(|entry| entry["crate"].as_str().unwrap());
    names.map(str::to_owned).collect()
}

fn allowed(rules: &toml::Table) -> Vec<String> {
    let allowed = rules["licenses"]["allow"].as_array().unwrap();
    let names = allowed.iter().map(|name| name.as_str().unwrap());
    names.map(str::to_owned).collect()
}

/// Every crate that goes into a build on this kind of machine, those of tests included.
fn packages() -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(cargo)
        .args(["metadata", "--offline", "--locked", "--format-version", "1"])
        .args(["--filter-platform", &platform])
        .current_dir(root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let mut metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let used: Vec<Value> = nodes.iter().map(|node| node["id"].clone()).collect();
    let Value::Array(mut packages) = metadata["packages"].take() else {
        panic!("packages are a list");
    };
    packages.retain(|package| used.contains(&package["id"]));
    packages
}

#[test]
fn no_dependency_brings_a_second_tls_stack_or_a_licence_that_is_not_allowed() {
    let rules = rules();
    let (banned, allowed) = (banned(&rules), allowed(&rules));
    assert!(!banned.is_empty() && !allowed.is_empty());
    let packages = packages();
    assert!(packages.len() > 100, "only {} crates", packages.len());
    let mut found = vec![];
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        if banned.iter().any(|banned| banned == name) {
            found.push(format!("{name} is banned"));
        }
        let licence = package["license"].as_str().unwrap_or_default();
        if !permits(licence, &allowed) {
            found.push(format!("{name} has the licence {licence:?}"));
        }
    }
    assert!(found.is_empty(), "{}\nsee deny.toml", found.join("\n"));
}

#[test]
fn licences_are_read_as_they_are_meant() {
    let allowed: Vec<String> = ["MIT", "Zlib", "Apache-2.0 WITH LLVM-exception"]
        .map(str::to_owned)
        .into();
    for (licence, good) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("", false),
        ("MIT OR GPL-3.0", true),
        ("GPL-3.0/MIT", true),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR GPL-3.0) AND Zlib", true),
        ("(MIT OR Zlib) AND GPL-3.0", false),
        ("MIT OR Zlib AND GPL-3.0", true),
        ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", true),
        ("Apache-2.0", false),
    ] {
        assert_eq!(permits(licence, &allowed), good, "{licence}");
    }
}

/// Whether an SPDX expression can be kept to with the `allowed` licences. The slash is how `OR` was
/// written once.
fn permits(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.replace('/', " OR ");
    let expression = expression.replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = expression.split_whitespace().collect();
    any(&words, allowed)
}

fn any(words: &[&str], allowed: &[String]) -> bool {
    split(words, "OR").iter().any(|part| all(part, allowed))
}

fn all(words: &[&str], allowed: &[String]) -> bool {
    split(words, "AND").iter().all(|part| one(part, allowed))
}

fn one(words: &[&str], allowed: &[String]) -> bool {
    match words {
        ["(", inner @ .., ")"] => any(inner, allowed),
        name => allowed.contains(&name.join(" ")),
    }
}

/// The parts between `word`, where it stands outside of brackets.
fn split<'a>(words: &'a [&'a str], word: &str) -> Vec<&'a [&'a str]> {
    let mut depth = 0_usize;
    words
        .split(|found| {
            match *found {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && *found == word
        })
        .collect()
}
