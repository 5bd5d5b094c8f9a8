//! The database file: opened, or refused with a sentence; and the one transaction after the other that changes it.
//!
//! SQLite with a write-ahead log. A commit is on the disk before anybody learns of it (`synchronous = FULL`). What cannot be
//! read is never overwritten.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use dais_shared::ids::{RoomId, UserId};
use dais_shared::room::Room;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::cause::{self, Look, OpenError};
use super::dirty::Dirty;
use super::erasure;
use super::files::{Files, make_private};
use super::house::House;
use super::leftovers::Leftovers;
use super::links::{self, Link};
use super::rows::write_room;
use super::standing::{Fallen, Standing, Trouble};
use super::{Acquaintance, ByLink, Known, TokenHash, Write, examination, identities, log};
use crate::clock::Moment;
use crate::refused::{Refused, Tried};

/// "Dais", so that the file is told from other programs' databases.
pub(super) const APPLICATION_ID: i32 = 0x4461_6973;
/// Who copies the file just now is not waited for when the server ends.
const CLOSE_WAITS: Duration = Duration::from_millis(500);
/// Each entry leads from the version before it to its own, the first to version 1.
pub(super) const MIGRATIONS: [&str; 6] = [
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
    include_str!("schema_6.sql"),
];
/// Servers that wrote earlier versions did not overwrite what they deleted: such a file is written anew once.
const OVERWRITTEN_SINCE: u32 = 5;
/// A log of so many pages is copied into the database.
const LOG_FRAMES: u32 = 1_000;
/// Statements that stay prepared: more than there are.
const STATEMENTS: usize = 128;

/// A room in memory as its rows are to be, and how they differ yet.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) room: Room,
    pub(super) dirty: Option<Dirty>,
}

/// The state, in the file and, as far as rooms go, in memory.
#[derive(Debug)]
pub(crate) struct Database {
    pub(super) connection: Connection,
    pub(super) house: House,
    /// Whether the transaction writes more than rooms.
    pub(super) is_written: bool,
    pub(super) rooms: BTreeMap<RoomId, Kept>,
    /// Rooms that differ from their rows.
    pub(super) dirty_rooms: Vec<RoomId>,
    /// Rooms under the id of one whose end is not committed yet: the links into that one are to go.
    pub(super) replaced_rooms: BTreeSet<RoomId>,
    /// Behind the connection, and none in memory.
    pub(super) leftovers: Option<Leftovers>,
    /// Of its files. One in memory has none. Goes after the connection.
    standing: Option<Standing>,
}

impl Database {
    /// Opens what is in `folder`, or begins there.
    pub(super) fn open(folder: &Path, now: Moment) -> Result<Self, OpenError> {
        let files = Files::of(folder);
        let lock = files.lock()?;
        if !files.has_database()? {
            create(&files)?;
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // One that somebody copied here, say. Whoever does not own it has to leave it as it is.
            let _ = std::fs::set_permissions(&files.database, std::fs::Permissions::from_mode(0o600));
        }
        if files.lacks_its_log() {
            tracing::warn!("{}", log::missing(&files.database));
        }
        let unreadable = |error: rusqlite::Error| cause::of(&error, &files, Look::AtFiles);
        let unopened = Standing::before(&files, lock)?;
        let (connection, version) = examination::open(&files)?;
        equip(&connection).map_err(unreadable)?;
        if version < OVERWRITTEN_SINCE {
            connection.execute_batch("VACUUM").map_err(unreadable)?;
        }
        migrate(&connection, version).map_err(unreadable)?;
        let leftovers = Leftovers::open(&files.database).map_err(|error| Refused::new(&files.database, Tried::Write, &error))?;
        let mut opened = Self::over(connection, now, Some(leftovers)).map_err(unreadable)?;
        opened.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map_err(unreadable)?;
        // Once something was read: the log is there then.
        let standing = unopened.opened(files).map_err(|fallen| OpenError::Fallen { reason: fallen.to_string() })?;
        opened.standing = Some(standing);
        Ok(opened)
    }

    /// What stands in the rows, as it goes on now.
    fn over(connection: Connection, now: Moment, leftovers: Option<Leftovers>) -> rusqlite::Result<Self> {
        let house = House::begin(&connection, now)?;
        let (rooms, dirty_rooms, replaced_rooms) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        let is_written = true;
        let mut opened = Self { connection, house, is_written, rooms, dirty_rooms, replaced_rooms, leftovers, standing: None };
        opened.begin_rooms_anew()?;
        Ok(opened)
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
        Self::over(connection, Moment::default(), None)
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

    /// Sees that what is written goes to the files that have the names, and mends what can be mended.
    pub(super) fn stand(&mut self) -> Result<(), Trouble> {
        let Some(standing) = &mut self.standing else { return Ok(()) };
        match standing.check() {
            Err(Fallen::LogGone(path)) => {
                // Nothing of it is lost: SQLite has it open, and moves it into the database before it begins another.
                set_journal_mode(&self.connection, "DELETE")?;
                set_journal_mode(&self.connection, "WAL")?;
                // Whoever reads makes the log.
                examination::number(&self.connection, "user_version")?;
                standing.take_up_log()?;
                tracing::warn!("{} was removed while the server works with it; another is there now", path.display());
            }
            Err(Fallen::IndexSpoilt(path)) => {
                standing.empty_index()?;
                examination::number(&self.connection, "user_version")?;
                tracing::warn!("{} was cut short or overwritten while the server works with it; it is made anew", path.display());
            }
            Err(Fallen::LockGone(path)) => {
                standing.lock_again()?;
                tracing::warn!("{} was removed while the server works in its folder; another is there now", path.display());
            }
            stands => return Ok(stands?),
        }
        Ok(standing.check()?)
    }

    /// What keeps a change from being kept, as a sentence.
    pub(super) fn sentence(&self, trouble: &Trouble) -> String {
        match (trouble, &self.standing) {
            (Trouble::Sqlite(error), Some(standing)) => cause::of(error, &standing.files, Look::AtFolder).to_string(),
            _ => trouble.to_string(),
        }
    }

    /// Begins a transaction: whatever is written becomes lasting with [`Database::commit`], or not at all.
    pub(super) fn begin(&self) -> rusqlite::Result<()> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        // What the transaction that replaced them deleted is back where it failed.
        self.replaced_rooms.iter().try_for_each(|id| links::forget_room(&self.connection, id.as_str()))
    }

    /// Makes a change. Rooms change in memory, and in the file with the commit.
    pub(super) fn write(&mut self, write: Write) -> rusqlite::Result<()> {
        self.is_written = true;
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
            Write::IdentityCreated { identity, token, link } => {
                identities::make(&self.connection, &identity, &token, &self.house)?;
                let date_ms = self.house.now().date_ms;
                link.map_or(Ok(()), |link| links::bring(&self.connection, identity.user, link, date_ms))
            }
            // Its room may have ended in the same transaction, whose end takes that room's links along.
            Write::LinkMade { link, .. } if self.room(&link.room).is_none_or(|room| room.ended().is_some()) => Ok(()),
            Write::LinkMade { link, secret } => links::make(&self.connection, &link, &secret),
            Write::LinkRevoked(link) => links::revoke(&self.connection, link),
            Write::IdentityRenamed { user, name } => identities::rename(&self.connection, user, &name),
            Write::IdentityRevoked { user } => identities::forget(&self.connection, user),
            Write::VeilMade(key) => erasure::keep_key(&self.connection, &key),
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
            | Write::VeilMade(_)
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

    /// Ends the transaction: the rows are what the rooms are, on the disk, and in the file that has the name.
    pub(super) fn commit(&mut self) -> Result<(), Trouble> {
        for id in &self.dirty_rooms {
            if let Some(Kept { room, dirty: Some(dirty) }) = self.rooms.get(id) {
                write_room(&self.connection, room, dirty)?;
            }
        }
        if self.is_written || !self.dirty_rooms.is_empty() {
            self.house.write(&self.connection)?;
        }
        self.connection.execute_batch("COMMIT")?;
        self.is_written = false;
        self.replaced_rooms.clear();
        for id in self.dirty_rooms.drain(..) {
            if self.rooms.get(&id).is_some_and(|kept| kept.room.ended().is_some()) {
                self.rooms.remove(&id);
            } else if let Some(kept) = self.rooms.get_mut(&id) {
                kept.dirty = None;
            }
        }
        // A log or a lock that was removed meanwhile is mended now: the change is in files that SQLite still has open.
        self.stand()?;
        self.shorten_log();
        Ok(())
    }

    /// Copies what is in a long log into the database, as SQLite would by itself, which does not look before. Where it cannot
    /// now, it can after another change: what is in the log is kept.
    fn shorten_log(&self) {
        if self.standing.as_ref().is_some_and(|standing| standing.log_frames() >= LOG_FRAMES) {
            let _ = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        }
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
    pub(super) fn identify(&self, token: &TokenHash) -> rusqlite::Result<Option<Known>> {
        identities::by_token(&self.connection, token, &self.house)
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

impl Drop for Database {
    /// Leaves one file that is whole by itself, without a log. Where that cannot be, all are left as they are: what was
    /// promised is in the file and its log together.
    fn drop(&mut self) {
        if self.standing.is_none() {
            return;
        }
        let put_in_order = |database: &mut Self| -> Result<(), Trouble> {
            database.stand()?;
            database.connection.busy_timeout(CLOSE_WAITS)?;
            Ok(set_journal_mode(&database.connection, "DELETE")?)
        };
        if let Err(trouble) = put_in_order(self) {
            // Whoever closes a database deletes the log under its name, whosever that is.
            let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
            let reason = self.sentence(&trouble);
            tracing::warn!(reason, "the newest of what is kept stays in the log beside the database: they belong together");
        }
    }
}

/// Makes the file somewhere else and moves it in when it is whole, so that an empty one is always a damaged one.
fn create(files: &Files) -> Result<(), OpenError> {
    let refused = |error| OpenError::from(Refused::new(&files.folder, Tried::Write, &error));
    match std::fs::remove_file(&files.new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Refused::new(&files.new, Tried::Write, &error).into());
        }
        _ => {}
    }
    make_private(&files.new).map_err(refused)?;
    let made = || -> rusqlite::Result<()> {
        let connection = Connection::open(&files.new)?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        migrate(&connection, 0)
    };
    let unwritable = |error| cause::of(&error, &Files { database: files.new.clone(), ..files.clone() }, Look::AtFiles);
    made().map_err(unwritable)?;
    std::fs::rename(&files.new, &files.database).map_err(refused)?;
    // Its name is to outlive a power cut as what will be written to it does. Where folders cannot be synced, so be it.
    let _ = File::open(&files.folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// With a log (`WAL`), or without (`DELETE`).
fn set_journal_mode(connection: &Connection, mode: &str) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", mode, |_| Ok(()))
}

pub(super) fn equip(connection: &Connection) -> rusqlite::Result<()> {
    set_journal_mode(connection, "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Where the log is looked at before it is copied, SQLite is not to copy it by itself.
    if cfg!(unix) {
        connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    }
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // What is deleted is overwritten, and nothing of it goes through files of the system's.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

/// From `version` to the newest, each step whole or not at all.
fn migrate(connection: &Connection, version: u32) -> rusqlite::Result<()> {
    for (before, sql) in MIGRATIONS.iter().enumerate().skip(version as usize) {
        connection.execute_batch(&format!("BEGIN IMMEDIATE; {sql} PRAGMA user_version = {}; COMMIT;", before + 1))?;
    }
    Ok(())
}
