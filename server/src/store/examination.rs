//! A look at the database from outside, whether or not a server works with it. Writes nothing.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::database::{APPLICATION_ID, FILE, LOCK_FILE, MIGRATIONS, OpenError, check, judge_log};
use super::rows::Wide;

/// What there is in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Examined {
    /// No database yet.
    Nothing,
    /// A healthy one.
    Healthy {
        /// When somebody last did what is remembered, in Unix milliseconds; 0 if nobody did.
        newest_ms: u64,
    },
}

/// Looks a folder's database over.
///
/// # Errors
/// [`OpenError`] says what is wrong, as a server that starts there would.
pub(crate) fn examine(folder: &Path) -> Result<Examined, OpenError> {
    let path = folder.join(FILE);
    if !path.exists() {
        return Ok(Examined::Nothing);
    }
    let damaged = |reason: String| OpenError::Damaged { path: path.clone(), reason };
    // A server that works there writes to it.
    if !is_in_use(folder) {
        judge_log(folder)?;
    }
    let look = || -> rusqlite::Result<(i32, u32, u64)> {
        let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let application = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if application != APPLICATION_ID || version as usize > MIGRATIONS.len() {
            return Ok((application, version, 0));
        }
        let sql =
            "SELECT max(coalesce((SELECT max(used_ms) FROM identities), 0), coalesce((SELECT max(joined_ms) FROM seats), 0))";
        let Wide(newest_ms) = connection.query_row(sql, [], |row| row.get(0))?;
        Ok((application, version, newest_ms))
    };
    let (application, version, newest_ms) = look().map_err(|error| damaged(error.to_string()))?;
    if application != APPLICATION_ID {
        return Err(damaged("it is not Dais' own".to_owned()));
    }
    if version as usize > MIGRATIONS.len() {
        return Err(OpenError::Newer { path, version });
    }
    let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let connection = connection.map_err(|error| damaged(error.to_string()))?;
    check(&connection, &path).map_err(damaged)?;
    Ok(Examined::Healthy { newest_ms })
}

/// Whether a server works in the folder.
pub(crate) fn is_in_use(folder: &Path) -> bool {
    let lock = std::fs::File::options().write(true).open(folder.join(LOCK_FILE));
    lock.is_ok_and(|lock| matches!(lock.try_lock(), Err(std::fs::TryLockError::WouldBlock)))
}
