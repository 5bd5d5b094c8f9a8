//! A look at the database before anything is done with it: by a server that starts, and by whoever only wants to know. One
//! look for both, so that they find the same. Writes nothing.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, ffi};

use super::cause::{self, Look, OpenError};
use super::database::{APPLICATION_ID, MIGRATIONS};
use super::files::{Files, is_in_use};
use super::house::{self, Jump};
use super::rows::{Wide, read_rooms};

/// Up to this size, in bytes, the whole file is looked over before it is used: a matter of milliseconds.
const CHECKED_BYTES_MAX: u64 = 64 << 20;

/// The first version that keeps the time.
const HOUSE_SINCE: u32 = 6;
/// What others tell of it.
const NEWEST_BEFORE: &str =
    "SELECT max(coalesce((SELECT max(used_ms) FROM identities), 0), coalesce((SELECT max(joined_ms) FROM seats), 0))";

/// What there is in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Examined {
    /// No database yet.
    Nothing,
    /// A healthy one.
    Healthy {
        /// The machine's date when something was last kept, in Unix milliseconds; 0 if nothing was.
        newest_ms: u64,
        /// Whether it is what a running server had, without the newest of it.
        lacks_its_log: bool,
        /// Where it jumped last.
        jump: Option<Jump>,
    },
}

/// Looks a folder's database over.
///
/// # Errors
/// [`OpenError`] says what is wrong, as a server that starts there would.
pub(crate) fn examine(folder: &Path) -> Result<Examined, OpenError> {
    let files = Files::of(folder);
    files.may_lock()?;
    if !files.has_database()? {
        return Ok(Examined::Nothing);
    }
    let unreadable = |error: rusqlite::Error| cause::of(&error, &files, Look::AtFiles);
    let is_in_use = is_in_use(folder);
    let lacks_its_log = !is_in_use && files.lacks_its_log();
    // A server that works there writes to it.
    let (connection, version) = if is_in_use {
        let connection = Connection::open_with_flags(&files.database, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(unreadable)?;
        let version = judge(&connection, &files)?;
        (connection, version)
    } else {
        open(&files)?
    };
    if version as usize == MIGRATIONS.len() {
        read_rooms(&connection).map_err(unreadable)?;
    }
    let (newest_ms, jump) = match version {
        HOUSE_SINCE.. => house::look(&connection).map_err(unreadable)?,
        _ => (connection.query_row(NEWEST_BEFORE, [], |row| row.get::<_, Wide>(0)).map_err(unreadable)?.0, None),
    };
    Ok(Examined::Healthy { newest_ms, jump, lacks_its_log })
}

/// Opens a database that nobody works with, and sees that it can be used; with it comes its format's version.
pub(super) fn open(files: &Files) -> Result<(Connection, u32), OpenError> {
    files.judge_log()?;
    let unreadable = |error: rusqlite::Error| cause::of(&error, files, Look::AtFiles);
    let has_log = files.log.exists();
    let connection = connect(files).map_err(unreadable)?;
    // Whoever closes a database writes its log into it, which nobody has yet found fit for that. Without one, what SQLite
    // makes to look at the database goes with the connection.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log).map_err(unreadable)?;
    let version = judge(&connection, files)?;
    // Whether it may be written, which nothing is. SQLite is content with reading where the system lets it do no more.
    if connection.is_readonly("main").map_err(unreadable)? {
        return Err(cause::of_code(ffi::SQLITE_READONLY, "it is read-only".to_owned(), files, Look::AtFiles));
    }
    connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK").map_err(unreadable)?;
    Ok((connection, version))
}

/// Whether it is ours and sound. Nothing is set, which might write, before that is known.
fn judge(connection: &Connection, files: &Files) -> Result<u32, OpenError> {
    let unreadable = |error: rusqlite::Error| cause::of(&error, files, Look::AtFiles);
    if number(connection, "application_id").map_err(unreadable)? != APPLICATION_ID {
        return Err(OpenError::Foreign { path: files.database.clone() });
    }
    let version = u32::try_from(number(connection, "user_version").map_err(unreadable)?).unwrap_or(0);
    if version == 0 {
        return Err(files.damaged("its format has no number".to_owned()));
    }
    if version as usize > MIGRATIONS.len() {
        return Err(OpenError::Newer { path: files.database.clone(), version });
    }
    if std::fs::metadata(&files.database).is_ok_and(|file| file.len() > CHECKED_BYTES_MAX) {
        return Ok(version); // What is torn shows when it is read.
    }
    let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(unreadable)?;
    if said == "ok" { Ok(version) } else { Err(cause::of_check(said, files)) }
}

pub(super) fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}

pub(super) fn connect(files: &Files) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(&files.database, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}
