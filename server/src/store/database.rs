//! The database file: opened, or refused with a sentence; and the one transaction after the other that changes it.
//!
//! SQLite with a write-ahead log. A commit is on the disk before anybody learns of it (`synchronous = FULL`). What cannot be
//! read is never overwritten.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dais_shared::ids::{RoomId, UserId};
use dais_shared::room::Room;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::dirty::Dirty;
use super::examination::is_in_use;
use super::links::{self, Link};
use super::rows::{read_rooms, write_room};
use super::{Acquaintance, ByLink, Known, TokenHash, Write, identities, log};

pub(super) const FILE: &str = "dais.db";
/// Being made; becomes [`FILE`] when it is whole.
const NEW_FILE: &str = "dais.db.new";
/// What has been committed and is not in [`FILE`] yet: written by SQLite.
const LOG_FILE: &str = "dais.db-wal";
/// Locked by the server that has the folder.
pub(super) const LOCK_FILE: &str = "dais.lock";
/// "Dais", so that the file is told from other programs' databases.
pub(super) const APPLICATION_ID: i32 = 0x4461_6973;
/// Each entry leads from the version before it to its own, the first to version 1.
pub(super) const MIGRATIONS: [&str; 4] =
    [include_str!("schema.sql"), include_str!("schema_2.sql"), include_str!("schema_3.sql"), include_str!("schema_4.sql")];
const BACKUP_WAITS: Duration = Duration::from_secs(10);
/// Up to this size, in bytes, the whole file is looked over before it is used: a matter of milliseconds.
const CHECKED_BYTES_MAX: u64 = 64 << 20;

/// Why the state of the last run cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or written.
    #[error("cannot write to {path}: {source}; make it writable, or choose another folder with --data-dir")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Another server has it.
    #[error("{path} is in use by another server; stop that, or choose another folder with --data-dir")]
    InUse {
        /// Which folder.
        path: PathBuf,
    },
    /// It is no database, or torn.
    #[error(
        "{path} is damaged ({reason}). It is left as it is: move it and {LOG_FILE} away, then put a backup in its place, or begin \
         anew without rooms and identities"
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It is a copy, beside which the log of the file before it was left.
    #[error(
        "{LOG_FILE} beside {path} is another file's log, and would spoil this one. Both are left as they are: move {LOG_FILE} away, \
         if it is what a copy was put in the place of"
    )]
    OthersLog {
        /// Which file.
        path: PathBuf,
    },
    /// The machine gives no thread for it.
    #[error("the system gives the store no thread: {source}")]
    Thread {
        /// Why not.
        source: std::io::Error,
    },
    /// A newer server wrote it.
    #[error("{path} was written by a newer version of Dais (format {version}); start that version, or put a backup in its place")]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Of which format.
        version: u32,
    },
}

/// A room in memory as its rows are to be, and how they differ yet.
#[derive(Debug)]
struct Kept {
    room: Room,
    dirty: Option<Dirty>,
}

/// The state, in the file and, as far as rooms go, in memory.
#[derive(Debug)]
pub(crate) struct Database {
    connection: Connection,
    rooms: BTreeMap<RoomId, Kept>,
    /// Rooms that differ from their rows.
    dirty_rooms: Vec<RoomId>,
    /// Rooms under the id of one whose end is not committed yet: the links into that one are to go.
    replaced_rooms: BTreeSet<RoomId>,
    /// Held for as long as the database is open. One in memory needs none.
    _lock: Option<File>,
}

impl Database {
    /// Opens what is in `folder`, or begins there.
    pub(super) fn open(folder: &Path, now_ms: u64) -> Result<Self, OpenError> {
        let lock = lock(folder)?;
        let path = folder.join(FILE);
        let damaged = |reason: String| OpenError::Damaged { path: path.clone(), reason };
        if !path.exists() {
            if folder.join(LOG_FILE).exists() {
                return Err(damaged(format!("it is gone, but {LOG_FILE} is not")));
            }
            create(folder, &path)?;
        }
        if std::fs::metadata(&path).is_ok_and(|file| file.len() == 0) {
            return Err(damaged("it is empty".to_owned()));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // One that somebody copied here, say. Whoever does not own it has to leave it as it is.
            let _ = std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600));
        }
        let unreadable = |error: rusqlite::Error| damaged(error.to_string());
        judge_log(folder)?;
        let connection = connect(&path).map_err(unreadable)?;
        // Whoever closes a database writes its log into it, which nobody has yet found fit for that.
        let keep_log = |keeps| connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keeps).map(drop);
        keep_log(true).map_err(unreadable)?;
        // Nothing is set, which might write, before it is known to be ours.
        let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
        if number("application_id").map_err(unreadable)? != APPLICATION_ID {
            return Err(damaged("it is not Dais' own".to_owned()));
        }
        let version = u32::try_from(number("user_version").map_err(unreadable)?).unwrap_or(0);
        if version as usize > MIGRATIONS.len() {
            return Err(OpenError::Newer { path, version });
        }
        check(&connection, &path).map_err(damaged)?;
        equip(&connection).map_err(unreadable)?;
        migrate(&connection, version).map_err(unreadable)?;
        let rooms = read_rooms(&connection).map_err(unreadable)?;
        keep_log(false).map_err(unreadable)?;
        identities::tidy(&connection, now_ms).map_err(unreadable)?;
        links::tidy(&connection, now_ms).map_err(unreadable)?;
        let rooms = rooms.into_iter().map(|room| (room.id().clone(), Kept { room, dirty: None })).collect();
        Ok(Self { connection, rooms, dirty_rooms: Vec::new(), replaced_rooms: BTreeSet::new(), _lock: Some(lock) })
    }

    #[cfg(test)]
    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// An empty one in memory, which is gone with it.
    #[cfg(feature = "simulation")]
    pub(crate) fn in_memory() -> rusqlite::Result<Self> {
        let connection = Connection::open_in_memory()?;
        equip(&connection)?;
        migrate(&connection, 0)?;
        let (rooms, replaced_rooms) = (BTreeMap::new(), BTreeSet::new());
        Ok(Self { connection, rooms, dirty_rooms: Vec::new(), replaced_rooms, _lock: None })
    }

    /// Lets every change fail, or none.
    #[cfg(feature = "simulation")]
    pub(super) fn set_failing(&self, is_failing: bool) {
        self.connection.pragma_update(None, "query_only", is_failing).expect("a pragma can be set");
    }

    /// Forgets everything but what is committed, as if it were opened anew.
    #[cfg(feature = "simulation")]
    pub(super) fn read_anew(&mut self) -> rusqlite::Result<()> {
        self.roll_back();
        self.set_failing(false);
        let rooms = read_rooms(&self.connection)?;
        self.rooms = rooms.into_iter().map(|room| (room.id().clone(), Kept { room, dirty: None })).collect();
        self.dirty_rooms.clear();
        self.replaced_rooms.clear();
        Ok(())
    }

    /// Lets the file grow no more, or again.
    #[cfg(test)]
    pub(super) fn fill(&self, is_full: bool) {
        let pages = self.connection.pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0)).expect("it can be read");
        let most = if is_full { pages } else { pages + 10_000 };
        self.connection.pragma_update(None, "max_page_count", most).expect("a limit can be set");
    }

    /// Every room.
    pub(super) fn rooms(&self) -> impl Iterator<Item = &Room> {
        self.rooms.values().map(|kept| &kept.room)
    }

    /// One room, as the last change left it.
    pub(super) fn room(&self, id: &RoomId) -> Option<&Room> {
        self.rooms.get(id).map(|kept| &kept.room)
    }

    /// Begins a transaction: whatever is written becomes lasting with [`Database::commit`], or not at all.
    pub(super) fn begin(&self) -> rusqlite::Result<()> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        // What the transaction that replaced them deleted is back where it failed.
        self.replaced_rooms.iter().try_for_each(|id| links::forget_room(&self.connection, id.as_str()))
    }

    /// Makes a change. Rooms change in memory, and in the file with the commit.
    pub(super) fn write(&mut self, write: Write) -> rusqlite::Result<()> {
        match write {
            Write::Events { .. } => {
                self.take_in(write);
                Ok(())
            }
            Write::Room(ref room) => {
                let (id, replaces) = (room.id().clone(), self.replaces_ended(room.id()));
                self.take_in(write);
                // At once: links that are made behind this are the new room's.
                if replaces { links::forget_room(&self.connection, id.as_str()) } else { Ok(()) }
            }
            Write::IdentityCreated { identity, token, link, now_ms } => {
                identities::make(&self.connection, &identity, &token, now_ms)?;
                link.map_or(Ok(()), |link| links::bring(&self.connection, identity.user, link, now_ms))
            }
            // Its room may have ended in the same transaction, whose end takes that room's links along.
            Write::LinkMade { link, .. } if self.room(&link.room).is_none_or(|room| room.ended().is_some()) => Ok(()),
            Write::LinkMade { link, secret } => links::make(&self.connection, &link, &secret),
            Write::LinkRevoked(link) => links::revoke(&self.connection, link),
            Write::IdentityRenamed { user, name } => identities::rename(&self.connection, user, &name),
            Write::IdentityRevoked { user } => identities::forget(&self.connection, user),
        }
    }

    /// Makes a change in memory alone, if it is one of a room: its rows follow with the next commit that succeeds.
    pub(super) fn take_in(&mut self, write: Write) {
        match write {
            Write::Room(room) => {
                let id = room.id().clone();
                if self.replaces_ended(&id) {
                    self.replaced_rooms.insert(id.clone());
                }
                self.dirty_rooms.push(id.clone());
                self.rooms.insert(id, Kept { room: *room, dirty: Some(Dirty::everything()) });
            }
            Write::Events { room: id, events } => {
                let Some(kept) = self.rooms.get_mut(&id) else { return };
                if kept.dirty.is_none() {
                    self.dirty_rooms.push(id);
                }
                let dirty = kept.dirty.get_or_insert_default();
                for event in &events {
                    dirty.mark(&kept.room, event);
                    kept.room.apply(event);
                }
            }
            Write::IdentityCreated { .. }
            | Write::IdentityRenamed { .. }
            | Write::IdentityRevoked { .. }
            | Write::LinkMade { .. }
            | Write::LinkRevoked(_) => {}
        }
    }

    /// Whether a room of this id has ended, of which the rows know nothing yet.
    fn replaces_ended(&self, id: &RoomId) -> bool {
        self.room(id).is_some_and(|room| room.ended().is_some())
    }

    /// Forgets identities that were just made, and that the links by which they came have brought them. A transaction of its
    /// own.
    pub(super) fn take_back(&self, users: &[UserId]) -> rusqlite::Result<()> {
        let made = || -> rusqlite::Result<()> {
            self.begin()?;
            for user in users {
                links::give_back(&self.connection, *user)?;
                identities::forget(&self.connection, *user)?;
            }
            self.connection.execute_batch("COMMIT")
        };
        made().inspect_err(|_| self.roll_back())
    }

    /// Ends the transaction: the rows are what the rooms are, and on the disk.
    pub(super) fn commit(&mut self) -> rusqlite::Result<()> {
        for id in &self.dirty_rooms {
            if let Some(Kept { room, dirty: Some(dirty) }) = self.rooms.get(id) {
                write_room(&self.connection, room, dirty)?;
            }
        }
        self.connection.execute_batch("COMMIT")?;
        self.replaced_rooms.clear();
        for id in self.dirty_rooms.drain(..) {
            if self.rooms.get(&id).is_some_and(|kept| kept.room.ended().is_some()) {
                self.rooms.remove(&id);
            } else if let Some(kept) = self.rooms.get_mut(&id) {
                kept.dirty = None;
            }
        }
        Ok(())
    }

    /// Writes what is there already: something that a disk which takes nothing refuses, even where no room has changed.
    pub(super) fn touch(&self) -> rusqlite::Result<()> {
        self.connection.pragma_update(None, "user_version", MIGRATIONS.len() as u32)
    }

    /// Gives a transaction up. What rooms have become stays to be written.
    pub(super) fn roll_back(&self) {
        // Without a transaction, which SQLite may have given up itself, there is nothing to give up.
        let _ = self.connection.execute_batch("ROLLBACK");
    }

    /// Whose token hashes to this. Counts as a use; inside a transaction.
    pub(super) fn identify(&self, token: &TokenHash, now_ms: u64) -> rusqlite::Result<Option<Known>> {
        identities::by_token(&self.connection, token, now_ms)
    }

    pub(super) fn link(&self, by: ByLink) -> rusqlite::Result<Option<Link>> {
        match by {
            ByLink::Id(id) => links::by_id(&self.connection, id),
            ByLink::Secret(secret) => links::by_secret(&self.connection, &secret),
        }
    }

    /// All links into a room.
    pub(super) fn links(&self, room: &RoomId) -> rusqlite::Result<Vec<Link>> {
        links::of_room(&self.connection, room)
    }

    pub(super) fn is_user_known(&self, user: UserId) -> rusqlite::Result<bool> {
        identities::is_known(&self.connection, user)
    }

    /// One page of who is known, in the order of their ids: those after `after`.
    pub(super) fn identities(&self, after: Option<UserId>) -> rusqlite::Result<Vec<Acquaintance>> {
        identities::page(&self.connection, after)
    }
}

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
    /// It cannot be read, or the copy not be written.
    #[error("cannot copy {from} to {to}: {reason}")]
    Failed {
        /// What was to be copied.
        from: PathBuf,
        /// And where to.
        to: PathBuf,
        /// Why not.
        reason: String,
    },
}

/// Writes what is committed in `folder` to a new file, whole and by itself, whether or not a server works there.
///
/// # Errors
/// [`BackupError`] says what to do.
pub(crate) fn back_up(folder: &Path, to: &Path) -> Result<(), BackupError> {
    let from = folder.join(FILE);
    if !from.is_file() {
        return Err(BackupError::Missing { path: from });
    }
    let failed = |reason: String| BackupError::Failed { from: from.clone(), to: to.to_owned(), reason };
    // A server that works there writes to it.
    if !is_in_use(folder) {
        judge_log(folder).map_err(|error| failed(error.to_string()))?;
    }
    // SQLite writes into an empty file as into a new one.
    make_private(to).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => BackupError::Exists { path: to.to_owned() },
        _ => failed(error.to_string()),
    })?;
    let copy = || -> rusqlite::Result<()> {
        let connection = connect(&from)?;
        // Whoever copies changes nothing: the last to close a database writes its log into it and deletes that.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        // A server that commits just now is waited for.
        connection.busy_timeout(BACKUP_WAITS)?;
        connection.execute("VACUUM INTO ?1", [to.to_string_lossy()]).map(drop)
    };
    copy().map_err(|error| {
        let _ = std::fs::remove_file(to); // a part of a copy is none
        failed(error.to_string())
    })
}

/// Whether SQLite may be given the log that lies in the folder, while nobody writes to it.
pub(super) fn judge_log(folder: &Path) -> Result<(), OpenError> {
    let (path, log) = (folder.join(FILE), folder.join(LOG_FILE));
    if let Err(what) = log::damage(&log) {
        return Err(OpenError::Damaged { path, reason: format!("{LOG_FILE}: {what}") });
    }
    if log::is_of_another(&log, &path) { Err(OpenError::OthersLog { path }) } else { Ok(()) }
}

/// An empty file that nobody else may read: names, addresses and passcodes are to stand in it.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = File::options();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.write(true).create_new(true).open(path).map(drop)
}

/// The folder, for this server alone.
fn lock(folder: &Path) -> Result<File, OpenError> {
    let refused = |source| OpenError::Folder { path: folder.to_owned(), source };
    make(folder).map_err(refused)?;
    let file = File::options().create(true).truncate(false).write(true).open(folder.join(LOCK_FILE)).map_err(refused)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse { path: folder.to_owned() }),
        Err(std::fs::TryLockError::Error(source)) => Err(refused(source)),
    }
}

/// Nobody else is to read in it: names, addresses and passcodes are there.
fn make(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Makes the file somewhere else and moves it in when it is whole, so that an empty one is always a damaged one.
fn create(folder: &Path, path: &Path) -> Result<(), OpenError> {
    let new = folder.join(NEW_FILE);
    let refused = |source| OpenError::Folder { path: folder.to_owned(), source };
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(refused(error)),
        _ => {}
    }
    make_private(&new).map_err(refused)?;
    let made = || -> rusqlite::Result<()> {
        let connection = Connection::open(&new)?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        migrate(&connection, 0)
    };
    made().map_err(|error| refused(std::io::Error::other(error)))?;
    std::fs::rename(&new, path).map_err(refused)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

fn equip(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), String> {
    if std::fs::metadata(path).is_ok_and(|file| file.len() > CHECKED_BYTES_MAX) {
        return Ok(()); // What is torn shows when it is read.
    }
    let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(|error| error.to_string())?;
    if said == "ok" { Ok(()) } else { Err(said) }
}

/// From `version` to the newest, each step whole or not at all.
fn migrate(connection: &Connection, version: u32) -> rusqlite::Result<()> {
    for (before, sql) in MIGRATIONS.iter().enumerate().skip(version as usize) {
        connection.execute_batch(&format!("BEGIN IMMEDIATE; {sql} PRAGMA user_version = {}; COMMIT;", before + 1))?;
    }
    Ok(())
}
