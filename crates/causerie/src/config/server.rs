//! The process.

use super::value::Period;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// The process.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// The directory for everything the server keeps. Left out or empty:
    /// `$XDG_DATA_HOME/causerie`.
    pub data_dir: PathBuf,
    /// Where `/healthz`, `/readyz` and `/metrics` listen. A port of 0 takes any free one.
    #[serde(deserialize_with = "super::value::address")]
    #[schemars(with = "String")]
    pub admin: SocketAddr,
    /// Whether `admin` may be an address that other machines reach. It has no password.
    pub admin_allow_public: bool,
    /// The most turns at work at the same time; the others wait.
    #[schemars(range(min = 1))]
    pub max_turns: u32,
    /// The most bytes one message may have.
    #[schemars(range(min = 1))]
    pub max_message_bytes: u32,
    /// The longest a turn may take, waiting for the model included.
    pub turn_deadline: Period,
    /// How long an answer that is ready waits for a platform that is away or asks us to wait.
    pub delivery_patience: Period,
    /// How long running answers may go on after the signal to stop.
    pub grace: Period,
    /// How logs are written: `auto` is `human` on a terminal and `json` elsewhere.
    pub log_format: LogFormat,
    /// What is logged, as a filter of `tracing`: `info`, or `warn,causerie_engine=debug`.
    pub log_filter: String,
}

/// How logs are written.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum LogFormat {
    /// For people on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::new(),
            admin: SocketAddr::from(([127, 0, 0, 1], 9090)),
            admin_allow_public: false,
            max_turns: 512,
            max_message_bytes: 64 * 1024,
            turn_deadline: Period(Duration::from_secs(120)),
            delivery_patience: Period(Duration::from_secs(3600)),
            grace: Period(Duration::from_secs(20)),
            log_format: LogFormat::Auto,
            log_filter: "info".to_owned(),
        }
    }
}

impl ServerConfig {
    /// Fills in the data directory and makes it relative to `base`.
    pub(super) fn resolve_data_dir(&mut self, base: &Path, environment: &BTreeMap<String, String>) {
        let set = |name: &str| {
            environment
                .get(name)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
        };
        if self.data_dir.as_os_str().is_empty() {
            self.data_dir = set("XDG_DATA_HOME")
                .or_else(|| Some(set("HOME")?.join(".local/share")))
                .map_or_else(
                    || PathBuf::from("/var/lib/causerie"),
                    |dir| dir.join("causerie"),
                );
        } else if let (Ok(rest), Some(home)) = (self.data_dir.strip_prefix("~"), set("HOME")) {
            self.data_dir = home.join(rest);
        } else {
            self.data_dir = base.join(&self.data_dir);
        }
    }
}
