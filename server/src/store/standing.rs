//! Whether the files that the store works with still are those under its names. A file that is removed, moved or replaced
//! stays open and takes everything that is written, and nobody finds it there again: what is acknowledged is in the file that
//! has the name.

use std::fs::{File, Metadata, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::cause::OpenError;
use super::files::{FILE, Files};
use super::log::{self, Held, Watched};
use crate::refused::{Refused, Tried};

/// Why changes are not kept, when it is not what SQLite says: the files are not where they were.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fallen {
    #[error("{0} is not there any more: it was moved, or its volume is gone. Put it back, and the server goes on")]
    Moved(PathBuf),
    #[error(
        "{0} was removed while the server works with it, and nothing is kept any more. Put a backup in its place, or begin anew \
         without rooms and identities; either way restart the server"
    )]
    Removed(PathBuf),
    #[error(
        "{0} is another file than the one that the server works with. Put that back, and the server goes on; or restart it, to \
         work with what is there now"
    )]
    Replaced(PathBuf),
    #[error("{0} was overwritten while the server works with it. Restart it, to work with what is there now")]
    Overwritten(PathBuf),
    /// What is left is not to be taken into the database, nor what SQLite takes for the rest.
    #[error(
        "{0} was emptied or overwritten while the server works with it, and the newest of what people did is lost with it. Restart \
         the server, to work with what is in {FILE}, or put a backup in the place of both"
    )]
    LogCut(PathBuf),
    #[error("{0} cannot be looked at any more: {1}")]
    Unseen(PathBuf, Refused),
    /// Mended by taking the log into the database, and beginning another.
    #[error("{0} was removed while the server works with it")]
    LogGone(PathBuf),
    /// Mended by having SQLite read the log itself.
    #[error("{0} was cut short or overwritten while the server works with it")]
    IndexSpoilt(PathBuf),
    /// Mended by another lock, unless another server was quicker.
    #[error("{0} was removed while the server works in its folder")]
    LockGone(PathBuf),
    #[error("{0} is in use by another server too, since its lock was removed. Stop one of the two, and start this one again")]
    Shared(PathBuf),
}

/// Why changes are not kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Fallen(#[from] Fallen),
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

/// A file, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Id(u64, u64);

impl Id {
    #[cfg(unix)]
    fn of(there: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self(there.dev(), there.ino())
    }

    /// Nobody removes what is open there.
    #[cfg(not(unix))]
    const fn of(_: &Metadata) -> Self {
        Self(0, 0)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) files: Files,
    /// Beside SQLite's own, to look at what no cache shows. Closed after that: the system gives up all locks of a process on a
    /// file when one of those who have it open closes it (`fcntl`).
    database: File,
    /// The same holds for these.
    log: Watched,
    /// Held for as long as the database is open.
    lock: File,
}

impl Standing {
    /// Before SQLite opens the database.
    pub(super) fn before(files: &Files, lock: File) -> Result<Unopened, OpenError> {
        // Nothing is written by it; a file system of layers would show whoever only reads the file as it was below.
        let opened = File::options().read(true).write(true).open(&files.database);
        let database = opened.map_err(|error| match File::open(&files.database) {
            Ok(_) => Refused::new(&files.database, Tried::Write, &error),
            Err(error) => Refused::new(&files.database, Tried::Read, &error),
        })?;
        Ok(Unopened { database, lock })
    }

    /// Whether all are under their names, and hold what was written to them.
    pub(super) fn check(&mut self) -> Result<(), Fallen> {
        let path = &self.files.database;
        let own = self.database.metadata().map_err(|error| unseen(path, &error))?;
        match id_at(path)? {
            None if has_no_name(&own) => return Err(Fallen::Removed(path.clone())),
            None => return Err(Fallen::Moved(path.clone())),
            Some(id) if id != Id::of(&own) => return Err(Fallen::Replaced(path.clone())),
            Some(_) => {}
        }
        if !log::is_begun(&self.database).map_err(|error| unseen(path, &error))? {
            return Err(Fallen::Overwritten(path.clone()));
        }
        let own = |path, file: &File| file.metadata().map_err(|error| unseen(path, &error));
        let own_log = own(&self.files.log, &self.log.log)?;
        let own_index = own(&self.files.index, &self.log.index)?;
        // Before their names: what has none any more is mended from what is in it.
        match self.log.look(own_log.len(), own_index.len()).map_err(|error| unseen(&self.files.log, &error))? {
            Held::All => {}
            Held::ButNotTheIndex => return Err(Fallen::IndexSpoilt(self.files.index.clone())),
            Held::NotAll => return Err(Fallen::LogCut(self.files.log.clone())),
        }
        for (path, own) in [(&self.files.log, &own_log), (&self.files.index, &own_index)] {
            match id_at(path)? {
                Some(found) if found == Id::of(own) => {}
                Some(_) => return Err(Fallen::Replaced(path.clone())),
                None => return Err(Fallen::LogGone(path.clone())),
            }
        }
        let lock = self.lock.metadata().map_err(|error| unseen(&self.files.lock, &error))?;
        if id_at(&self.files.lock)? == Some(Id::of(&lock)) { Ok(()) } else { Err(Fallen::LockGone(self.files.lock.clone())) }
    }

    /// Takes up the log that SQLite has begun.
    pub(super) fn take_up_log(&mut self) -> Result<(), Fallen> {
        self.log = log_of(&self.files)?;
        Ok(())
    }

    /// Has SQLite read the log once more.
    pub(super) fn empty_index(&self) -> Result<(), Fallen> {
        self.log.empty_index().map_err(|error| unseen(&self.files.index, &error))
    }

    /// How many frames the log had when it was looked at last.
    pub(super) fn log_frames(&self) -> u32 {
        self.log.frames()
    }

    /// Locks the folder again.
    pub(super) fn lock_again(&mut self) -> Result<(), Fallen> {
        let lock = File::options().create(true).truncate(false).write(true).open(&self.files.lock);
        let lock = lock.map_err(|error| unseen(&self.files.lock, &error))?;
        match lock.try_lock() {
            Ok(()) => {
                self.lock = lock;
                Ok(())
            }
            Err(TryLockError::WouldBlock) => Err(Fallen::Shared(self.files.folder.clone())),
            Err(TryLockError::Error(error)) => Err(unseen(&self.files.lock, &error)),
        }
    }
}

/// What is known before SQLite has made its log.
pub(super) struct Unopened {
    database: File,
    lock: File,
}

impl Unopened {
    /// Once SQLite writes to a log.
    pub(super) fn opened(self, files: Files) -> Result<Standing, Fallen> {
        let log = log_of(&files)?;
        let mut standing = Standing { database: self.database, log, lock: self.lock, files };
        standing.check()?;
        Ok(standing)
    }
}

fn log_of(files: &Files) -> Result<Watched, Fallen> {
    let open = |path: &Path, is_written| match File::options().read(true).write(is_written).open(path) {
        Ok(file) => Ok(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Fallen::LogGone(path.to_owned())),
        Err(error) => Err(unseen(path, &error)),
    };
    Ok(Watched::new(open(&files.log, false)?, open(&files.index, true)?))
}

fn id_at(path: &Path) -> Result<Option<Id>, Fallen> {
    match std::fs::metadata(path) {
        Ok(there) => Ok(Some(Id::of(&there))),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(unseen(path, &error)),
    }
}

#[cfg(unix)]
fn has_no_name(own: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(own) == 0
}

#[cfg(not(unix))]
const fn has_no_name(_: &Metadata) -> bool {
    false
}

fn unseen(path: &Path, error: &io::Error) -> Fallen {
    Fallen::Unseen(path.to_owned(), Refused::new(path, Tried::Read, error))
}
