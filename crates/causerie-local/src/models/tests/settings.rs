//! What the environment and the files of pip decide.

use super::*;

#[test]
fn the_directory_follows_the_environment() {
    let dir = |set: &[(&str, &str)]| {
        let set: std::collections::HashMap<_, _> = set.iter().copied().collect();
        default_dir(|name| set.get(name).map(|value| (*value).to_owned()))
    };
    let home = ("HOME", "/home/me");
    assert_eq!(dir(&[home]), Some("/home/me/.cache/causerie/models".into()));
    assert_eq!(
        dir(&[home, ("XDG_CACHE_HOME", "/c")]),
        Some("/c/causerie/models".into())
    );
    assert_eq!(dir(&[home, ("XDG_CACHE_HOME", "c")]), dir(&[home]));
    assert_eq!(
        dir(&[home, ("CAUSERIE_MODELS_DIR", "/m")]),
        Some("/m".into())
    );
    assert_eq!(dir(&[]), None);
}

#[test]
fn servers_follow_the_environment_and_pip() {
    let read = |set: &[(&str, &str)], files: &[(&str, &str)]| {
        let find = |list: &[(&str, &str)], name: &str| {
            list.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Origins::read(
            |name| find(set, name),
            |path| find(files, path.to_str().unwrap()),
        )
    };
    let plain = read(&[], &[]).unwrap();
    assert_eq!(plain.hub.as_str(), "https://huggingface.co/");
    assert_eq!(plain.index.as_str(), "https://pypi.org/simple/");
    let set = [
        ("HF_ENDPOINT", "https://mirror.test/hf"),
        ("PIP_INDEX_URL", "http://i.test/s"),
    ];
    let set = read(&set, &[]).unwrap();
    assert_eq!(
        (set.hub.as_str(), set.index.as_str()),
        ("https://mirror.test/hf/", "http://i.test/s/")
    );
    let pip = "[global]\ntimeout = 60\nindex-url = https://u:p@pip.test/simple/\n";
    let set = read(&[("HOME", "/h")], &[("/h/.config/pip/pip.conf", pip)]).unwrap();
    assert_eq!(set.index.as_str(), "https://pip.test/simple/");
    let error = read(&[("HF_ENDPOINT", "mirror")], &[])
        .unwrap_err()
        .to_string();
    assert!(error.contains("HF_ENDPOINT"), "{error}");
}
