//! Links that let their bearers in with more than others have, and whom each has brought, as rows.

use dais_shared::ids::{RoomId, UserId};
use dais_shared::limits::{LINK_GUESTS_LOOKED_AT, LINKS_PER_ROOM_MAX};
use dais_shared::permissions::Role;
use dais_shared::room::Pass;
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::rows::{Code, Wide};
use super::{TokenHash, identities};
use crate::chance::Chance;

/// Ids have this many bits, so that what programs read as a floating-point number is still the same.
const ID_BITS: u32 = 48;

/// Which link. Knowing it opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkId(pub(crate) u64);

impl LinkId {
    pub(crate) fn random(chance: &Chance) -> Self {
        Self(u64::from_be_bytes(chance.bytes()) >> (u64::BITS - ID_BITS))
    }
}

/// A link into one room. Its secret is with whoever has it, and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) room: RoomId,
    /// What whoever comes by it has.
    pub(crate) pass: Pass,
    /// From when on it holds, in Unix milliseconds.
    pub(crate) not_before_ms: u64,
    /// And until when.
    pub(crate) expires_ms: u64,
    /// How many people it has brought.
    pub(crate) uses: u32,
    /// How many it may bring, if not any number.
    pub(crate) uses_max: Option<u32>,
    pub(crate) created_ms: u64,
}

impl Link {
    /// Whether it holds at that time.
    pub(crate) const fn holds(&self, now_ms: u64) -> bool {
        self.not_before_ms <= now_ms && now_ms < self.expires_ms
    }
}

/// Forgets some of what links that are gone have left, inside a transaction: looks at as many as a step may. Whether another
/// step would find more. Links that are over stay until their room ends or needs their place: who can say that the date is
/// right by which they are?
pub(super) fn tidy(connection: &Connection) -> Result<bool> {
    let Some(link) = oldest_gone(connection)? else { return Ok(false) };
    let sql = "DELETE FROM link_guests WHERE user IN (SELECT user FROM link_guests WHERE link = ?1 LIMIT ?2)";
    let most = i64::try_from(LINK_GUESTS_LOOKED_AT).unwrap_or(i64::MAX);
    if connection.prepare_cached(sql)?.execute(params![link, most])? < LINK_GUESTS_LOOKED_AT {
        connection.prepare_cached("DELETE FROM links_gone WHERE id = ?1")?.execute([link])?;
    }
    Ok(true)
}

/// Whether links that are gone have left something.
pub(super) fn have_left_something(connection: &Connection) -> Result<bool> {
    oldest_gone(connection).map(|link| link.is_some())
}

fn oldest_gone(connection: &Connection) -> Result<Option<i64>> {
    let sql = "SELECT id FROM links_gone ORDER BY id LIMIT 1";
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()
}

/// Keeps a link, unless its room has as many as one may have. One that is over makes room.
pub(super) fn make(connection: &Connection, link: &Link, secret: &TokenHash) -> Result<()> {
    let sql = "DELETE FROM links WHERE id = (SELECT id FROM links WHERE room = ?1 AND expires_ms <= ?2 \
               AND (SELECT count(*) FROM links WHERE room = ?1) >= ?3 ORDER BY created_ms, id LIMIT 1)";
    let most = i64::try_from(LINKS_PER_ROOM_MAX).unwrap_or(i64::MAX);
    connection.prepare_cached(sql)?.execute(params![link.room.as_str(), Wide(link.created_ms), most])?;
    // Where chance draws an id twice, the second link is none; whoever made it is told.
    let sql = "INSERT OR IGNORE INTO links SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11 \
               WHERE (SELECT count(*) FROM links WHERE room = ?2) < ?12 AND NOT EXISTS (SELECT 1 FROM links_gone WHERE id = ?1)";
    let values = params![
        Wide(link.id.0),
        link.room.as_str(),
        &secret[..],
        Code::from(link.pass.role),
        link.pass.skips_passcode,
        link.pass.skips_lock,
        Wide(link.not_before_ms),
        Wide(link.expires_ms),
        link.uses,
        link.uses_max,
        Wide(link.created_ms),
        most,
    ];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

/// It brings nobody any more, and whom it has brought have nothing of it.
pub(super) fn revoke(connection: &Connection, link: LinkId) -> Result<()> {
    connection.prepare_cached("DELETE FROM links WHERE id = ?1")?.execute([Wide(link.0)]).map(drop)
}

/// A room is over, and with it every link into it.
pub(super) fn forget_room(connection: &Connection, room: &str) -> Result<()> {
    connection.prepare_cached("DELETE FROM links WHERE room = ?1")?.execute([room]).map(drop)
}

/// A new identity came by a link: counts, and is remembered, if the link may bring one more. Whoever comes by one that brings
/// only so many could not come by it again, and counts as having come back.
pub(super) fn bring(connection: &Connection, user: UserId, link: LinkId, date_ms: u64) -> Result<()> {
    let sql = "UPDATE links SET uses = uses + 1 WHERE id = ?1 AND expires_ms > ?2 AND (uses_max IS NULL OR uses < uses_max) \
               RETURNING uses_max IS NOT NULL";
    let mut brought = connection.prepare_cached(sql)?;
    let brought = brought.query_row(params![Wide(link.0), Wide(date_ms)], |row| row.get::<_, bool>(0)).optional()?;
    let Some(is_limited) = brought else { return Ok(()) };
    let sql = "INSERT OR REPLACE INTO link_guests VALUES (?1, ?2)";
    connection.prepare_cached(sql)?.execute(params![Wide(user.0), Wide(link.0)])?;
    if is_limited { identities::note_back(connection, user) } else { Ok(()) }
}

/// Whom it brought never came in: it may bring another.
pub(super) fn give_back(connection: &Connection, user: UserId) -> Result<()> {
    let sql = "UPDATE links SET uses = uses - 1 WHERE id = (SELECT link FROM link_guests WHERE user = ?1)";
    connection.prepare_cached(sql)?.execute([Wide(user.0)]).map(drop)
}

/// By which link somebody came, if that still is one.
pub(super) fn link_of(connection: &Connection, user: UserId) -> Result<Option<LinkId>> {
    let mut found = connection
        .prepare_cached("SELECT links.id FROM link_guests CROSS JOIN links ON links.id = link_guests.link WHERE user = ?1")?;
    found.query_row([Wide(user.0)], |row| Ok(LinkId(row.get::<_, Wide>(0)?.0))).optional()
}

pub(super) fn by_id(connection: &Connection, link: LinkId) -> Result<Option<Link>> {
    connection.prepare_cached("SELECT * FROM links WHERE id = ?1")?.query_row([Wide(link.0)], read).optional()
}

pub(super) fn by_secret(connection: &Connection, secret: &TokenHash) -> Result<Option<Link>> {
    connection.prepare_cached("SELECT * FROM links WHERE secret = ?1")?.query_row([&secret[..]], read).optional()
}

/// All links into a room, first made first.
pub(super) fn of_room(connection: &Connection, room: &RoomId) -> Result<Vec<Link>> {
    let mut found = connection.prepare_cached("SELECT * FROM links WHERE room = ?1 ORDER BY created_ms, id")?;
    found.query_map([room.as_str()], read)?.collect()
}

fn read(row: &Row<'_>) -> Result<Link> {
    let wide = |column: &str| row.get::<_, Wide>(column).map(|wide| wide.0);
    let role: Role = row.get::<_, Code>("role")?.try_into()?;
    Ok(Link {
        id: LinkId(wide("id")?),
        room: RoomId::parse(&row.get::<_, String>("room")?).map_err(|error| FromSqlError::Other(Box::new(error)))?,
        pass: Pass { role, skips_passcode: row.get("skips_passcode")?, skips_lock: row.get("skips_lock")? },
        not_before_ms: wide("not_before_ms")?,
        expires_ms: wide("expires_ms")?,
        uses: row.get("uses")?,
        uses_max: row.get("uses_max")?,
        created_ms: wide("created_ms")?,
    })
}
