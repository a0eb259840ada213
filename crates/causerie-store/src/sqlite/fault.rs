//! What can go wrong inside SQLite, in the words of the contract.

use causerie_core::{
    record::{RecordError, VERSION},
    store::StoreError,
};
use rusqlite::ErrorCode;
use std::path::Path;

/// Why an operation failed, before anybody knows the file's name.
#[derive(Debug)]
pub(super) enum Fault {
    /// The claim was lost.
    Stale,
    /// SQLite says no.
    Sql(rusqlite::Error),
    /// A stored record cannot be read.
    Record(RecordError),
    /// A stored value cannot be what it is.
    Value(&'static str),
    /// The store was closed, or its thread is gone.
    Closed,
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Fault::Sql(error)
    }
}

impl From<RecordError> for Fault {
    fn from(error: RecordError) -> Self {
        Fault::Record(error)
    }
}

impl Fault {
    /// The error a caller of the store at `path` is given.
    pub(super) fn at(self, path: &Path) -> StoreError {
        let corrupt = |detail: String| StoreError::Corrupt {
            path: path.to_owned(),
            detail,
        };
        match self {
            Fault::Stale => StoreError::Stale,
            Fault::Record(RecordError::Newer(version)) => StoreError::Newer {
                path: path.to_owned(),
                found: version.into(),
                known: VERSION.into(),
            },
            Fault::Record(error) => corrupt(error.to_string()),
            Fault::Value(what) => corrupt(what.to_owned()),
            Fault::Closed => StoreError::Unavailable("the store was closed".into()),
            Fault::Sql(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => StoreError::NoSpace {
                    path: path.to_owned(),
                },
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    let detail = "its pages do not fit together (`sqlite3 FILE .recover` saves \
                                  what can be read)";
                    corrupt(detail.to_owned())
                }
                _ if is_column(&error) => corrupt("a column holds what it cannot".to_owned()),
                _ => StoreError::Unavailable(Box::new(error)),
            },
        }
    }
}

fn is_column(error: &rusqlite::Error) -> bool {
    use rusqlite::Error as E;
    matches!(
        error,
        E::FromSqlConversionFailure(..) | E::IntegralValueOutOfRange(..) | E::InvalidColumnType(..)
    )
}

impl Fault {
    /// The same fault once more, for the next caller that shared the transaction.
    pub(super) fn again(&self) -> Fault {
        match self {
            Fault::Stale => Fault::Stale,
            Fault::Closed => Fault::Closed,
            Fault::Value(what) => Fault::Value(what),
            Fault::Record(RecordError::Newer(version)) => {
                Fault::Record(RecordError::Newer(*version))
            }
            Fault::Record(_) => Fault::Value("a record that cannot be read"),
            Fault::Sql(error) => Fault::Sql(match error.sqlite_error() {
                Some(code) => rusqlite::Error::SqliteFailure(*code, None),
                None => rusqlite::Error::InvalidQuery,
            }),
        }
    }
}
