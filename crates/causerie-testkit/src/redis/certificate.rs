//! A certificate for 127.0.0.1 and the authority that signed it, made by `openssl`.

use super::is_there;
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// Files in PEM. They are gone when this is dropped.
pub struct Certificate {
    /// The authority's certificate, which clients trust.
    pub ca: PathBuf,
    /// The server's certificate.
    pub server: PathBuf,
    /// The server's key.
    pub key: PathBuf,
    _directory: TempDir,
}

impl Certificate {
    /// Makes one; `None` where there is no `openssl`, which is said on standard error.
    ///
    /// # Panics
    /// If there is none and the environment variable `CI` is set.
    pub fn make() -> Option<Self> {
        if !is_there("openssl") {
            return None;
        }
        let directory = tempfile::tempdir().expect("a directory for certificates");
        let at = directory.path();
        let key = [
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ];
        let request = |arguments: &[&str]| openssl(at, &[&["req"], &key[..], arguments].concat());
        request(&[
            "-x509",
            "-days",
            "2",
            "-subj",
            "/CN=authority",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
        ]);
        request(&[
            "-subj",
            "/CN=localhost",
            "-keyout",
            "server.key",
            "-out",
            "server.csr",
        ]);
        let names = "subjectAltName=DNS:localhost,IP:127.0.0.1\n";
        std::fs::write(at.join("names"), names).expect("a file can be written");
        openssl(
            at,
            &[
                "x509",
                "-req",
                "-in",
                "server.csr",
                "-CA",
                "ca.pem",
                "-CAkey",
                "ca.key",
                "-CAcreateserial",
                "-days",
                "2",
                "-extfile",
                "names",
                "-out",
                "server.pem",
            ],
        );
        Some(Self {
            ca: at.join("ca.pem"),
            server: at.join("server.pem"),
            key: at.join("server.key"),
            _directory: directory,
        })
    }
}

fn openssl(at: &Path, arguments: &[&str]) {
    let done = Command::new("openssl")
        .args(arguments)
        .current_dir(at)
        .stdin(Stdio::null())
        .output()
        .expect("openssl runs");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "openssl {arguments:?}: {said}");
}
