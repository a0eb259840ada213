//! Why a command did not do it, and the exit code that says so to scripts.

use crate::{admin::AdminError, config::ConfigError, migrate::MigrateError};
use causerie_core::{
    assemble::AssembleError,
    backend::BackendError,
    id::{ModelName, PersonaName},
    store::StoreError,
};
use causerie_local::models::{ModelError, ModelRefError};
use causerie_terminal::{ChatError, InputError};
use std::{io, net::SocketAddr, path::PathBuf};
use thiserror::Error;

/// Wrong usage or configuration.
pub const USAGE: u8 = 64;
/// What should be the same is not.
pub const DIFFERENT: u8 = 65;
/// A model, a store or a port is not available.
pub const UNAVAILABLE: u8 = 69;
/// A mistake of ours.
pub const INTERNAL: u8 = 70;
/// Input or output failed.
pub const IO: u8 = 74;

/// Why a command did not do it.
#[derive(Debug, Error)]
pub enum Failure {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A persona's system prompt cannot be read.
    #[error("persona {persona}: cannot read {}: {source}", path.display())]
    SystemFile {
        /// The persona.
        persona: PersonaName,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A persona's template is no good.
    #[error("persona {persona}: {source}")]
    Persona {
        /// The persona.
        persona: PersonaName,
        /// What is wrong with it.
        source: AssembleError,
    },
    /// The command line names a persona that does not exist.
    #[error("there is no persona {name:?}; there {}", those(.known))]
    NoPersona {
        /// What was named; empty if nothing was.
        name: String,
        /// All there are.
        known: Vec<String>,
    },
    /// What was given to the command makes no sense to it.
    #[error("{what} {given:?}: {reason}")]
    Argument {
        /// Which argument.
        what: &'static str,
        /// What was given.
        given: String,
        /// Why it is no good.
        reason: String,
    },
    /// No model is named so.
    #[error(transparent)]
    ModelRef(#[from] ModelRefError),
    /// A model's endpoint cannot be used as it is configured.
    #[error("model {model}: {source}")]
    Endpoint {
        /// The model.
        model: ModelName,
        /// What is wrong with it.
        source: BackendError,
    },
    /// A model file cannot be had.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Everything cannot go from one store to another.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// The store of the configuration cannot be read from outside.
    #[error("the store is in memory, so only /why in the conversation itself can tell")]
    MemoryStore,
    /// A platform cannot begin.
    #[error("{source}")]
    Platform {
        /// The exit code that says why to scripts.
        code: u8,
        /// What the platform says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is nothing to ask, or it is no text.
    #[error(transparent)]
    Input(#[from] InputError),
    /// There can be no conversation in this terminal.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// No server answers.
    #[error("no server answers at {address}: {source}; see `admin` in [server]")]
    NotRunning {
        /// Where it was asked.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The admin pages cannot be served.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// A model cannot be measured, because it does not answer.
    #[error("the model cannot be measured: {0}")]
    Bench(#[from] BackendError),
    /// A file, a directory or a stream failed.
    #[error("{what}: {source}")]
    Io {
        /// What was to be done.
        what: String,
        /// What the system says.
        source: io::Error,
    },
    /// Something that we promised does not hold.
    #[error("a mistake of ours, please report it: {0}")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Failure {
    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Failure::Config(_)
            | Failure::SystemFile { .. }
            | Failure::Persona { .. }
            | Failure::NoPersona { .. }
            | Failure::Argument { .. }
            | Failure::ModelRef(_)
            | Failure::MemoryStore
            | Failure::Migrate(MigrateError::Memory)
            | Failure::Endpoint { .. }
            | Failure::Admin(AdminError::Public(_)) => USAGE,
            Failure::Model(_)
            | Failure::Store(_)
            | Failure::Migrate(_)
            | Failure::NotRunning { .. }
            | Failure::Admin(_)
            | Failure::Bench(_) => UNAVAILABLE,
            Failure::Platform { code, .. } => *code,
            Failure::Input(error) => error.code(),
            Failure::Chat(ChatError::Name(_)) => USAGE,
            Failure::Chat(ChatError::Terminal(_)) | Failure::Io { .. } => IO,
            Failure::Internal(_) => INTERNAL,
        }
    }

    /// All of it as a person reads it.
    pub fn render(&self, colour: bool) -> String {
        match self {
            Failure::Config(error) => error.render(colour),
            other => format!("error: {other}\n"),
        }
    }

    /// Names what was to be done when the system refused.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Failure::Io { what, source }
    }

    /// Wraps what a platform says, with the exit code for it.
    pub fn platform(code: u8, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let source = error.into();
        Failure::Platform { code, source }
    }

    /// Wraps an error that cannot happen unless we are wrong.
    pub fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Failure::Internal(error.into())
    }
}

fn those(known: &[String]) -> String {
    match known {
        [one] => format!("is {one}"),
        many => format!("are {}; choose one with --persona", many.join(", ")),
    }
}
