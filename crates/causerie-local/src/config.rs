//! What the operator may choose about a local model.

use causerie_core::persona::Sampling;
use serde::Deserialize;
use std::path::PathBuf;

/// What the operator may choose. Everything but the path has a default that suits the machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The GGUF file.
    pub path: PathBuf,
    /// Tokens of one conversation, prompt and answer together. `None`: from the model's training
    /// context and the memory that is free, at most 8,192.
    #[serde(default)]
    pub context: Option<u32>,
    /// How many conversations are answered at once; further ones wait. `None`: 4, or fewer where
    /// memory is short.
    #[serde(default)]
    pub slots: Option<u32>,
    /// Threads that compute. `None`: one for each physical core.
    #[serde(default)]
    pub threads: Option<u32>,
    /// How many conversations may wait for a slot, besides those that have one. Beyond it a prompt
    /// is refused as busy.
    #[serde(default = "queue")]
    pub queue: usize,
    /// Where the state of idle conversations is kept when their slot is needed. It holds what
    /// people wrote, as tokens. `None`: it is not kept, and recomputed when it is needed again.
    #[serde(default)]
    pub state_dir: Option<PathBuf>,
    /// The most bytes kept in `state_dir`. The longest unused goes first.
    #[serde(default = "state_bytes")]
    pub state_bytes: u64,
    /// Where a form of the model may be kept that is computed quicker, for small models in a slow
    /// format. It is written there before the model is loaded for the first time, and takes up to
    /// 512 MiB. `None`: the model is loaded as it is.
    #[serde(default)]
    pub quick_dir: Option<PathBuf>,
    /// How words are chosen where the persona leaves it open.
    #[serde(default)]
    pub sampling: Sampling,
}

fn queue() -> usize {
    32
}

fn state_bytes() -> u64 {
    2 << 30
}

impl Config {
    /// The defaults for the model at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            context: None,
            slots: None,
            threads: None,
            queue: queue(),
            state_dir: None,
            state_bytes: state_bytes(),
            quick_dir: None,
            sampling: Sampling::default(),
        }
    }
}
