//! A copy of what is kept, whole and by itself, whether or not a server works there. Changes nothing of what it copies.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::ffi;

use super::cause::{self, Look, OpenError, probe_folder};
use super::database::APPLICATION_ID;
use super::examination::{connect, number};
use super::files::{Files, is_in_use, make_private};
use crate::refused::{Refused, Tried};

const BACKUP_WAITS: Duration = Duration::from_secs(10);

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Nothing to copy.
    #[error("there is no {path}; name the server's folder with --data-dir")]
    Missing {
        /// What was looked for.
        path: PathBuf,
    },
    /// Something is there already.
    #[error("{path} is there already; name another file")]
    Exists {
        /// What.
        path: PathBuf,
    },
    /// What is to be copied cannot be used, for the same cause for which no server starts on it.
    #[error(transparent)]
    Source(#[from] OpenError),
    /// The copy cannot be written.
    #[error("cannot write the copy: {0}")]
    Copy(Refused),
}

impl From<Refused> for BackupError {
    fn from(refused: Refused) -> Self {
        Self::Copy(refused.or("name another file"))
    }
}

/// Writes what is committed in `folder` to a new file.
///
/// # Errors
/// [`BackupError`] says what to do.
pub(crate) fn back_up(folder: &Path, to: &Path) -> Result<(), BackupError> {
    let files = Files::of(folder);
    if !files.has_database()? {
        return Err(BackupError::Missing { path: files.database });
    }
    // A server that works there writes to it.
    if !is_in_use(folder) {
        files.judge_log()?;
    }
    let Some(name) = to.to_str() else {
        let unlawful = std::io::Error::other("its name is not UTF-8");
        return Err(Refused::new(to, Tried::Write, &unlawful).into());
    };
    // SQLite writes into an empty file as into a new one.
    make_private(to).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => BackupError::Exists { path: to.to_owned() },
        _ => Refused::new(to, Tried::Write, &error).into(),
    })?;
    copy(&files, name).inspect_err(|_| {
        let _ = std::fs::remove_file(to); // a part of a copy is none
    })
}

fn copy(files: &Files, to: &str) -> Result<(), BackupError> {
    let unreadable = |error: rusqlite::Error| cause::of(&error, files, Look::AtFiles);
    let connection = connect(files).map_err(unreadable)?;
    // Whoever copies changes nothing: the last to close a database writes its log into it and deletes that.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(unreadable)?;
    // A server that commits just now is waited for.
    connection.busy_timeout(BACKUP_WAITS).map_err(unreadable)?;
    if number(&connection, "application_id").map_err(unreadable)? != APPLICATION_ID {
        return Err(OpenError::Foreign { path: files.database.clone() }.into());
    }
    let copied = connection.execute("VACUUM INTO ?1", [to]);
    drop(connection);
    copied.map(drop).map_err(|error| {
        // SQLite does not say which of the two files it means.
        let is_content = matches!(
            error.sqlite_error_code(),
            Some(ffi::ErrorCode::DatabaseCorrupt | ffi::ErrorCode::NotADatabase | ffi::ErrorCode::DatabaseBusy)
        );
        let folder = Path::new(to).parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match probe_folder(folder) {
            Err(refused) if !is_content => refused.into(),
            _ if error.sqlite_error_code() == Some(ffi::ErrorCode::DiskFull) => Refused::full(Path::new(to)).into(),
            _ => unreadable(error).into(),
        }
    })
}
