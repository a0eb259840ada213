//! What can go wrong inside, and what it means for the caller.

use causerie_core::{record::RecordError, store::StoreError};
use redis::{ErrorKind, RedisError, ServerErrorKind};
use std::{path::PathBuf, time::Duration};
use thiserror::Error;

/// Why an operation was not done.
#[derive(Debug, Error)]
pub(crate) enum Fault {
    #[error("the claim was lost")]
    Stale,
    #[error(transparent)]
    Redis(#[from] RedisError),
    #[error("no answer from Redis within {0:?}")]
    Silent(Duration),
    #[error("no connection to Redis within {0:?}")]
    Unreachable(Duration),
    #[error("it is written, but not enough replicas confirmed it within {0:?}")]
    Unconfirmed(Duration),
    #[error("too many commands are waiting for Redis")]
    Busy,
    #[error("this Redis is part of a cluster: write redis-cluster:// in its URL")]
    Cluster,
    #[error("somebody else kept changing this conversation")]
    Contended,
    #[error("it was encrypted with key {0:?}")]
    Sealed(String),
    #[error("{0}")]
    Damaged(&'static str),
    #[error("version {found}")]
    Newer { found: u32, known: u32 },
    #[error(transparent)]
    Record(RecordError),
}

impl Fault {
    /// Whether the connection is of no more use.
    pub(crate) fn is_broken(&self) -> bool {
        match self {
            Fault::Silent(_) => true,
            Fault::Redis(error) => {
                let broken = error.is_io_error() || error.is_unrecoverable_error();
                broken || error.is_connection_dropped() || is_elsewhere(error)
            }
            _ => false,
        }
    }

    /// The error it is for a store at `address`.
    pub(crate) fn at(self, address: &str) -> StoreError {
        let path = PathBuf::from(address);
        match self {
            Fault::Stale => StoreError::Stale,
            Fault::Redis(error) => redis_at(error, path),
            Fault::Sealed(key) => StoreError::Sealed { path, key },
            Fault::Damaged(detail) => StoreError::Corrupt {
                path,
                detail: detail.to_owned(),
            },
            Fault::Newer { found, known } => StoreError::Newer { path, found, known },
            Fault::Record(RecordError::Newer(found)) => StoreError::Newer {
                path,
                found: found.into(),
                known: causerie_core::record::VERSION.into(),
            },
            Fault::Record(error) => StoreError::Corrupt {
                path,
                detail: error.to_string(),
            },
            Fault::Silent(_)
            | Fault::Unreachable(_)
            | Fault::Unconfirmed(_)
            | Fault::Busy
            | Fault::Cluster
            | Fault::Contended => unavailable(path, self),
        }
    }
}

/// Redis's own words name commands, keys and rights, but never a value.
fn redis_at(error: RedisError, path: PathBuf) -> StoreError {
    if is_denied(&error) {
        let source = Box::new(error);
        return StoreError::Denied { path, source };
    }
    if code(&error) == "OOM" {
        return StoreError::NoSpace { path };
    }
    // A cluster's own connection follows these.
    if let ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::CrossSlot) = error.kind() {
        return unavailable(path, Fault::Cluster);
    }
    unavailable(path, Fault::Redis(error))
}

fn unavailable(path: PathBuf, fault: Fault) -> StoreError {
    StoreError::Unavailable(Box::new(At { path, fault }))
}

/// What went wrong, and where.
#[derive(Debug, Error)]
#[error("{}: {fault}", path.display())]
struct At {
    path: PathBuf,
    #[source]
    fault: Fault,
}

pub(crate) fn is_denied(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::AuthenticationFailed | ErrorKind::Server(ServerErrorKind::NoPerm)
    ) || matches!(code(error), "NOAUTH" | "WRONGPASS" | "NOPERM" | "DENIED")
}

/// The first word of what Redis said. What a script ran into comes back with the script's own
/// number in front in some versions, so the words of interest are looked for there too.
fn code(error: &RedisError) -> &str {
    let said = error.detail().unwrap_or_default();
    for word in ["OOM", "NOAUTH", "WRONGPASS", "NOPERM", "READONLY"] {
        if error.code() == Some(word)
            || said.starts_with(word)
            || said.contains(&format!("-{word} "))
        {
            return word;
        }
    }
    error.code().unwrap_or_default()
}

/// Whether the server is not, or no more, the one to write to. It did nothing.
pub(crate) fn is_elsewhere(error: &RedisError) -> bool {
    code(error) == "READONLY"
        || matches!(
            error.kind(),
            ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown)
        )
}
