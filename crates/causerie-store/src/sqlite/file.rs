//! The file: who may open it, and whether it is what it should be.
//!
//! It holds what people said, so it and all that stands beside it is its owner's alone, whatever the
//! directory allows. SQLite gives its log the mode that the file has.

use super::{Options, fault::Fault, schema};
use causerie_core::store::StoreError;
use rusqlite::{Connection, OpenFlags, config::DbConfig};
use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

/// Bytes at the front of every SQLite file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// How long a reader waits for a moment in which it may read, while the log is being folded back.
const BUSY: Duration = Duration::from_secs(5);

/// Keeps other processes out. The kernel gives it back when the process ends, however it ends.
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock beside the store at `path`, and makes the directory if it is missing.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(|error| io_error(&error, path))?;
        }
        let file = private()
            .create(true)
            .truncate(false)
            .open(beside(path, ".lock"))
            .map_err(|error| io_error(&error, path))?;
        let mut lock = Self::on(file, path)?;
        // The number is a help for people; the lock holds without it.
        let _ = lock.file.set_len(0);
        let _ = lock
            .file
            .write_all(std::process::id().to_string().as_bytes());
        Ok(lock)
    }

    /// Says whether [`Lock::take`] would succeed, and leaves nothing behind.
    fn look(path: &Path) -> Result<(), StoreError> {
        match private().open(beside(path, ".lock")) {
            Ok(file) => Self::on(file, path).map(drop),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(io_error(&error, path)),
        }
    }

    fn on(mut file: File, path: &Path) -> Result<Self, StoreError> {
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                Err(StoreError::Locked {
                    path: path.to_owned(),
                    pid: holder.trim().parse().ok(),
                })
            }
            Err(TryLockError::Error(error)) => Err(io_error(&error, path)),
        }
    }
}

/// A file to read and write that, if it is made, only its owner may open.
fn private() -> OpenOptions {
    let mut options = File::options();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Says whether [`Lock::take`] and [`open`] would succeed, and changes nothing.
pub(super) fn examine(path: &Path) -> Result<(), StoreError> {
    Lock::look(path)?;
    match check(path)? {
        true => open_read_only(path).map(drop),
        false => Ok(()),
    }
}

/// Opens the store for writing; makes it if nothing is there, and brings an older one forward by
/// those of `migrations` that it has not seen.
pub(super) fn open(
    path: &Path,
    options: &Options,
    migrations: &[&str],
) -> Result<Connection, StoreError> {
    if !check(path)? {
        create(path, migrations)?;
    }
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    configure(&connection, 1024).map_err(|fault| fault.at(path))?;
    know(&connection, path, migrations)?;
    let prepared = || -> Result<(), Fault> {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "secure_delete", true)?;
        connection.pragma_update(None, "journal_size_limit", 8 * 1024 * 1024)?;
        if let Some(bytes) = options.max_bytes {
            let size: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
            let pages = u32::try_from(bytes / u64::from(size)).unwrap_or(u32::MAX);
            connection.pragma_update(None, "max_page_count", pages)?;
        }
        Ok(())
    };
    prepared().map_err(|fault| fault.at(path))?;
    schema::migrate(&mut connection, migrations).map_err(|error| Fault::from(error).at(path))?;
    end_old_claims(&connection).map_err(|error| Fault::from(error).at(path))?;
    Ok(connection)
}

/// Whoever held a claim has died, for the file is ours alone: nobody need wait until it runs out.
/// It stays a claim that ran out, so that the turn goes on with its journal.
fn end_old_claims(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "UPDATE conversation SET until = 1 WHERE waiting > 0 AND until > 1";
    connection.execute(sql, []).map(drop)
}

/// Opens the store for reading.
pub(super) fn open_read_only(path: &Path) -> Result<Connection, StoreError> {
    if !check(path)? {
        return Err(io_error(&io::ErrorKind::NotFound.into(), path));
    }
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    configure(&connection, 512).map_err(|fault| fault.at(path))?;
    know(&connection, path, schema::MIGRATIONS)?;
    Ok(connection)
}

pub(super) fn unavailable(error: io::Error) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

/// Whether a store is there. A file that is there but is no whole SQLite file is an error: it held
/// something once, and a new store in its place would look like an empty history. So is a file of
/// another program. Nothing is changed by looking.
fn check(path: &Path) -> Result<bool, StoreError> {
    let corrupt = |detail: &str| {
        Err(StoreError::Corrupt {
            path: path.to_owned(),
            detail: detail.into(),
        })
    };
    let log = fs::metadata(beside(path, "-wal")).map_or(0, |meta| meta.len());
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound && log == 0 => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return corrupt("the file is missing, and its log (-wal) is not");
        }
        Err(error) => return Err(io_error(&error, path)),
    };
    let mut header = [0; 100];
    if file.read_exact(&mut header).is_err() {
        return corrupt("it is shorter than the header of a store");
    }
    if &header[..16] != MAGIC {
        return corrupt("it does not begin as a SQLite file does");
    }
    // SQLite marks our files before they get their name, so the mark is never in the log alone.
    if header[68..72] != schema::APPLICATION_ID.to_be_bytes() {
        return corrupt("it is a SQLite file of another program");
    }
    let length = file
        .metadata()
        .map_err(|error| io_error(&error, path))?
        .len();
    if log == 0 && length < expected_length(&header) {
        return corrupt("its end is missing");
    }
    Ok(true)
}

/// The length the header speaks of (fields at 16 and 28 of the file format).
fn expected_length(header: &[u8; 100]) -> u64 {
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    page * u64::from(u32::from_be_bytes([
        header[28], header[29], header[30], header[31],
    ]))
}

/// Makes a new store under another name and moves it into place when it is whole, so that an empty
/// file is never one of ours.
fn create(path: &Path, migrations: &[&str]) -> Result<(), StoreError> {
    let new = beside(path, ".new");
    let _ = fs::remove_file(&new);
    // SQLite takes an empty file for a new one, and leaves its mode as it is.
    private()
        .create_new(true)
        .open(&new)
        .map_err(|error| io_error(&error, path))?;
    let made = || -> Result<(), Fault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let mut connection = Connection::open_with_flags(&new, flags)?;
        connection.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        schema::migrate(&mut connection, migrations)?;
        connection.close().map_err(|(_, error)| Fault::from(error))
    };
    made().map_err(|fault| fault.at(path))?;
    fs::rename(&new, path).map_err(|error| io_error(&error, path))?;
    if let Some(directory) = path
        .parent()
        .filter(|directory| !directory.as_os_str().is_empty())
    {
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|error| io_error(&error, path))?;
    }
    Ok(())
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).map_err(|error| Fault::from(error).at(path))
}

fn configure(connection: &Connection, cache_kib: i64) -> Result<(), Fault> {
    connection.busy_timeout(BUSY)?;
    // Without this a statement whose plan could depend on its parameters is compiled again each time
    // that they change, which took a sixth of the store's time in a turn.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(())
}

/// Refuses what a newer program wrote.
fn know(connection: &Connection, path: &Path, migrations: &[&str]) -> Result<(), StoreError> {
    let found = schema::version(connection).map_err(|error| Fault::from(error).at(path))?;
    let known = migrations.len() as u32;
    if found > known {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    Ok(())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn io_error(error: &io::Error, path: &Path) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::NoSpace {
            path: path.to_owned(),
        },
        _ => unavailable(io::Error::new(
            error.kind(),
            format!("{}: {error}", path.display()),
        )),
    }
}

#[cfg(test)]
mod tests;
