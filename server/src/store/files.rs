//! The files of a store in its folder: what they are called, whether they are there and what they may be, and the lock that
//! gives the folder to one server.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cause::{OpenError, no_file, probe_folder};
use super::log;
use crate::refused::{Refused, Tried};

pub(crate) const FILE: &str = "dais.db";
/// Being made; becomes [`FILE`] when it is whole.
const NEW_FILE: &str = "dais.db.new";
/// What has been committed and is not in [`FILE`] yet: written by SQLite.
pub(super) const LOG_FILE: &str = "dais.db-wal";
/// Locked by the server that has the folder.
const LOCK_FILE: &str = "dais.lock";
const LOCK_WAITS: Duration = Duration::from_millis(20);

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub(super) folder: PathBuf,
    pub(super) database: PathBuf,
    pub(super) new: PathBuf,
    /// Both beside the database itself where that is a link, since SQLite looks for them there.
    pub(super) log: PathBuf,
    pub(super) index: PathBuf,
    pub(super) lock: PathBuf,
}

impl Files {
    pub(super) fn of(folder: &Path) -> Self {
        let database = folder.join(FILE);
        let real = match std::fs::read_link(&database) {
            Ok(_) => database.canonicalize().unwrap_or_else(|_| database.clone()),
            Err(_) => database.clone(),
        };
        let beside = |end: &str| {
            let mut name = real.clone().into_os_string();
            name.push(end);
            PathBuf::from(name)
        };
        let (log, index) = (beside("-wal"), beside("-shm"));
        Self { folder: folder.to_owned(), new: folder.join(NEW_FILE), lock: folder.join(LOCK_FILE), database, log, index }
    }

    /// Whether there is a database: something with content, that is a file.
    pub(super) fn has_database(&self) -> Result<bool, OpenError> {
        let refused = |error| OpenError::from(Refused::new(&self.database, Tried::Read, &error));
        match std::fs::metadata(&self.database) {
            Ok(there) if !there.is_file() => Err(refused(no_file(&there))),
            Ok(there) if there.len() == 0 => Err(self.damaged("it is empty".to_owned())),
            Ok(_) => Ok(true),
            // Where a link leads nowhere, something was there once.
            Err(error) if error.kind() == ErrorKind::NotFound && Refused::broken_link(&self.database).is_none() => {
                if self.log.exists() { Err(OpenError::Gone { path: self.database.clone() }) } else { Ok(false) }
            }
            Err(error) => Err(refused(error)),
        }
    }

    /// Whether SQLite may be given the log that lies in the folder, while nobody writes to it.
    pub(super) fn judge_log(&self) -> Result<(), OpenError> {
        let unreadable = |error: std::io::Error, path| OpenError::from(Refused::new(path, Tried::Read, &error));
        match log::damage(&self.log) {
            Ok(None) => {}
            Ok(Some(what)) => return Err(self.damaged(format!("{LOG_FILE}: {what}"))),
            Err(error) => return Err(unreadable(error, &self.log)),
        }
        match log::is_of_another(&self.log, &self.database) {
            Ok(false) => Ok(()),
            Ok(true) => Err(OpenError::OthersLog { path: self.database.clone() }),
            Err(error) => Err(unreadable(error, &self.database)),
        }
    }

    /// Whether this is what a running server had, without the log in which the newest of it was: what is there is whole, and
    /// may be old. Every other file has been closed, or has its log.
    pub(super) fn lacks_its_log(&self) -> bool {
        !self.log.exists() && log::had_one(&self.database).unwrap_or(false)
    }

    /// Whether the lock could be taken by this user, whoever has it now.
    pub(super) fn may_lock(&self) -> Result<(), OpenError> {
        match File::options().write(true).open(&self.lock) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Refused::new(&self.lock, Tried::Write, &error).into()),
            _ => Ok(()),
        }
    }

    /// The folder, for this server alone.
    pub(super) fn lock(&self) -> Result<File, OpenError> {
        make(&self.folder).map_err(|error| Refused::new(&self.folder, Tried::Write, &error))?;
        let opened = File::options().create(true).truncate(false).write(true).open(&self.lock);
        // What keeps the folder from being written is said before what keeps its files from it.
        let file = opened.map_err(|error| match probe_folder(&self.folder) {
            Err(refused) => refused,
            Ok(()) => Refused::new(&self.lock, Tried::Write, &error),
        })?;
        for is_last in [false, false, false, true] {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if is_last => break,
                // Whoever only looks whether a server has it holds it for a moment.
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_WAITS),
                Err(TryLockError::Error(error)) => return Err(Refused::locks(&self.folder, &error.to_string()).into()),
            }
        }
        Err(OpenError::InUse { path: self.folder.clone() })
    }
}

/// Whether a server works in the folder.
pub(crate) fn is_in_use(folder: &Path) -> bool {
    let lock = File::options().write(true).open(folder.join(LOCK_FILE));
    lock.is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Whether a server could begin in a folder that is there, or make it. Changes nothing.
pub(crate) fn probe(folder: &Path) -> Result<bool, OpenError> {
    let refused = |error| OpenError::from(Refused::new(folder, Tried::Write, &error));
    match std::fs::metadata(folder) {
        Ok(there) if there.is_dir() => probe_folder(folder).map(|()| true).map_err(OpenError::from),
        Ok(_) => Err(refused(ErrorKind::NotADirectory.into())),
        Err(error) if error.kind() == ErrorKind::NotFound && Refused::broken_link(folder).is_none() => {
            let above = folder.ancestors().skip(1).find(|above| above.as_os_str().is_empty() || above.exists());
            let above = above.filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
            probe_folder(above).map(|()| false).map_err(OpenError::from)
        }
        Err(error) => Err(refused(error)),
    }
}

/// Nobody else is to read in it: names, addresses and passcodes are there.
fn make(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// An empty file that nobody else may read: names, addresses and passcodes are to stand in it.
pub(super) fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = File::options();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.write(true).create_new(true).open(path).map(drop)
}
