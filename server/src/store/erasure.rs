//! All that is kept of one person, and the key by which bans outlive him.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dais_shared::ids::{RoomId, UserId};
use dais_shared::limits::EXPORT_MESSAGES;
use dais_shared::room::{Trace, Veil};
use ring::hmac;
use rusqlite::{Connection, OptionalExtension, Result};
use tokio::sync::oneshot;

use super::database::{Database, Kept};
use super::leftovers::{WipeError, Wiped};
use super::{Acquaintance, Keeper, Link, Request, Store, Unavailable, Write, identities, links};

/// Keyed hashes of the erased are made with it.
pub(crate) type VeilKey = [u8; 32];

const KEY: &str = "veil";

/// A page of all that is kept of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    /// Absent for somebody whose identity is gone, and of whom rooms still hold something.
    pub(crate) identity: Option<Acquaintance>,
    /// By which link he came.
    pub(crate) link: Option<Link>,
    /// In the order of the rooms' ids.
    pub(crate) traces: Vec<(RoomId, Trace)>,
    /// Whether there is more in rooms behind the last of these.
    pub(crate) has_more: bool,
}

/// What somebody asks who answers for people.
#[derive(Debug)]
pub(super) enum Asked {
    Tell { user: UserId, after: Option<RoomId>, answer: oneshot::Sender<Option<Person>> },
    IsKept { user: UserId, answer: oneshot::Sender<bool> },
}

impl Asked {
    /// Whoever asked may be gone by now; then nobody needs the answer.
    pub(super) fn answer(self, database: &Database) {
        match self {
            Self::Tell { user, after, answer } => {
                if let Ok(person) = database.person(user, after.as_ref()) {
                    let _ = answer.send(person);
                }
            }
            Self::IsKept { user, answer } => drop(database.is_kept(user).map(|is_kept| answer.send(is_kept))),
        }
    }
}

/// What both ends of the store's queue know of what is to be forgotten.
#[derive(Debug, Default)]
pub(super) struct Forgetting {
    veil_key: OnceLock<VeilKey>,
    /// Whether something may be left in the file of what is gone.
    has_leftovers: AtomicBool,
}

impl Forgetting {
    /// As it is at the start, whatever the run before left.
    pub(super) fn of(database: &Database) -> Self {
        let key = database.veil_key().ok().flatten();
        Self { veil_key: key.map(OnceLock::from).unwrap_or_default(), has_leftovers: AtomicBool::new(true) }
    }

    pub(super) fn look_at(&self, database: &Database) {
        self.has_leftovers.store(database.has_leftovers(), Ordering::Release);
    }
}

impl Store {
    /// A page of all that is kept of somebody; `None` where that is nothing.
    pub(crate) async fn person(&self, user: UserId, after: Option<RoomId>) -> Result<Option<Person>, Unavailable> {
        self.ask(|answer| Request::Person(Asked::Tell { user, after, answer })).await
    }

    /// Whether anything is kept of somebody.
    pub(crate) async fn is_kept(&self, user: UserId) -> Result<bool, Unavailable> {
        self.ask(|answer| Request::Person(Asked::IsKept { user, answer })).await
    }

    /// One step of overwriting what the file still holds of what is gone, or the first one.
    pub(crate) async fn wipe(&self, anew: bool) -> Result<Wiped, Unavailable> {
        self.ask(|answer| Request::Wipe { anew, answer }).await
    }

    /// Whether it may hold such.
    pub(crate) fn has_leftovers(&self) -> bool {
        self.forgetting.has_leftovers.load(Ordering::Acquire)
    }

    /// What bans of erased people are known by, once there can be such.
    pub(crate) fn veil(&self) -> Option<Veil> {
        self.forgetting.veil_key.get().copied().map(veil)
    }

    /// The same, made with this key if there is none yet. By one at a time.
    pub(crate) async fn make_veil(&self, key: VeilKey) -> Result<(), Unavailable> {
        if self.forgetting.veil_key.get().is_none() {
            self.write(Write::VeilMade(key)).await?;
            let _ = self.forgetting.veil_key.set(key); // nobody else did
        }
        Ok(())
    }
}

impl Keeper {
    /// At the end of a run, for about so long: whoever ends a server does not wait for a large file. Where it cannot be done, or
    /// not to the end, the next run does it from the beginning; files that are others' by now are left alone.
    pub(super) fn wipe_the_rest(&mut self, time: Duration) {
        let began = Instant::now();
        if self.database.stand().is_err() {
            return;
        }
        while began.elapsed() < time && self.database.has_leftovers() && matches!(self.database.wipe(false), Ok(Wiped::InPart)) {}
    }

    /// One step of overwriting. Where it fails, whoever asked is told by being forgotten, and asks again.
    pub(super) fn wipe(&mut self, anew: bool, answer: oneshot::Sender<Wiped>) {
        self.health.begin_work();
        let wiped = self.database.wipe(anew);
        self.health.end_work();
        match wiped {
            Ok(wiped) => drop(answer.send(wiped)), // he may have gone
            Err(reason) => tracing::warn!(%reason, "what is gone cannot be overwritten in the file; it is tried again"),
        }
    }
}

impl Database {
    /// The key by which bans outlive people, once there is one.
    pub(super) fn veil_key(&self) -> rusqlite::Result<Option<VeilKey>> {
        key(&self.connection)
    }

    /// All that is kept of somebody, of rooms behind `after`; `None` where that is nothing.
    pub(super) fn person(&self, user: UserId, after: Option<&RoomId>) -> rusqlite::Result<Option<Person>> {
        person(&self.connection, &self.rooms, user, after)
    }

    /// Whether anything is kept of somebody.
    pub(super) fn is_kept(&self, user: UserId) -> rusqlite::Result<bool> {
        is_kept(&self.connection, &self.rooms, user)
    }

    /// One step of overwriting what is left of what is gone. Outside any transaction.
    pub(super) fn wipe(&mut self, anew: bool) -> Result<Wiped, WipeError> {
        // What the log holds is copied into the file.
        self.stand()?;
        self.leftovers.as_mut().map_or(Ok(Wiped::Done), |leftovers| leftovers.wipe(&self.connection, anew))
    }

    /// Whether something may be left of what is gone.
    pub(super) fn has_leftovers(&self) -> bool {
        self.leftovers.as_ref().is_some_and(|leftovers| leftovers.is_behind(&self.connection))
    }
}

/// One page: of rooms behind `after`, as many as hold so much of him.
fn person(
    connection: &Connection,
    rooms: &BTreeMap<RoomId, Kept>,
    user: UserId,
    after: Option<&RoomId>,
) -> Result<Option<Person>> {
    let identity = identities::by_id(connection, user)?;
    let link = match links::link_of(connection, user)? {
        Some(link) => links::by_id(connection, link)?,
        None => None,
    };
    let later = rooms.iter().filter(|(id, _)| after.is_none_or(|after| *id > after));
    let mut traces = later.filter_map(|(id, kept)| Some((id.clone(), kept.room.trace_of(user)?))).peekable();
    let (mut page, mut messages) = (Vec::new(), 0);
    while messages < EXPORT_MESSAGES
        && let Some((id, trace)) = traces.next()
    {
        messages += trace.messages.len().max(1);
        page.push((id, trace));
    }
    let has_more = traces.peek().is_some();
    if identity.is_none() && page.is_empty() && after.is_none() {
        return Ok(None);
    }
    Ok(Some(Person { identity, link, traces: page, has_more }))
}

/// Whether anything is kept of somebody.
fn is_kept(connection: &Connection, rooms: &BTreeMap<RoomId, Kept>, user: UserId) -> Result<bool> {
    Ok(identities::is_known(connection, user)? || rooms.values().any(|kept| kept.room.trace_of(user).is_some()))
}

/// The key, once there is one.
fn key(connection: &Connection) -> Result<Option<VeilKey>> {
    connection.query_row("SELECT value FROM secrets WHERE name = ?1", [KEY], |row| row.get(0)).optional()
}

/// Keeps one. The last one holds: nobody was erased with one of which nobody was told.
pub(super) fn keep_key(connection: &Connection, key: &VeilKey) -> Result<()> {
    connection.execute("INSERT OR REPLACE INTO secrets VALUES (?1, ?2)", rusqlite::params![KEY, &key[..]]).map(drop)
}

/// How marks are made with a key: HMAC-SHA-256 (RFC 2104), of which 128 bits are plenty.
fn veil(key: VeilKey) -> Veil {
    Veil { key, hash }
}

fn hash(key: &VeilKey, bytes: &[u8]) -> [u8; 16] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), bytes);
    *tag.as_ref().first_chunk().expect("SHA-256 has 32 bytes")
}
