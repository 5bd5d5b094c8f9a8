//! Who is who, as rows.

use dais_shared::ids::UserId;
use dais_shared::limits::{
    API_PAGE_MAX, IDENTITIES_LOOKED_AT, IDENTITIES_MAX, IDENTITIES_NEW_SHARE, IDENTITY_UNUSED_MS_MAX, IDENTITY_USE_NOTED_MS,
};
use dais_shared::wire::Identity;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use subtle::ConstantTimeEq;

use super::house::House;
use super::rows::Wide;
use super::{LinkId, TokenHash, links};

/// Whose token something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) identity: Identity,
    /// By which link that person came, if that still is one.
    pub(crate) link: Option<LinkId>,
}

/// Somebody who is known, as the operator may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Acquaintance {
    pub(crate) identity: Identity,
    /// In Unix milliseconds, where that is known.
    pub(crate) created_ms: Option<u64>,
    /// When the identity was used last, to the hour, in Unix milliseconds.
    pub(crate) used_ms: u64,
}

const MOST: u64 = IDENTITIES_MAX as u64;
const LOOKED_AT: u64 = IDENTITIES_LOOKED_AT as u64;
/// Places for whoever has not come back yet.
const NEWCOMERS: u64 = MOST / IDENTITIES_NEW_SHARE as u64;

/// Whose token hashes to this. Counts as a use.
pub(super) fn by_token(connection: &Connection, token: &TokenHash, house: &House) -> Result<Option<Known>> {
    let sql = "SELECT user, name, token, lived_ms FROM identities WHERE token = ?1";
    let mut found = connection.prepare_cached(sql)?;
    let found = found.query_row([&token[..]], |row| {
        let identity = Identity { user: UserId(row.get::<_, Wide>(0)?.0), name: row.get(1)? };
        Ok((identity, row.get::<_, [u8; 32]>(2)?, row.get::<_, Wide>(3)?.0))
    });
    let Some((identity, kept, used_ms)) = found.optional()? else { return Ok(None) };
    let unused_ms = house.lived_ms().saturating_sub(used_ms);
    if !bool::from(kept.ct_eq(token)) || (unused_ms > IDENTITY_UNUSED_MS_MAX && !is_awaited(connection, identity.user)?) {
        return Ok(None);
    }
    if unused_ms > IDENTITY_USE_NOTED_MS {
        let sql = "UPDATE identities SET used_ms = ?2, lived_ms = ?3, came_back = 1 WHERE user = ?1";
        let values = [Wide(identity.user.0), Wide(house.now().date_ms), Wide(house.lived_ms())];
        // A disk that fails locks nobody out: the next use is noted.
        let _ = connection.prepare_cached(sql)?.execute(values);
    }
    let link = links::link_of(connection, identity.user)?;
    Ok(Some(Known { identity, link }))
}

pub(super) fn is_known(connection: &Connection, user: UserId) -> Result<bool> {
    connection.prepare_cached("SELECT 1 FROM identities WHERE user = ?1")?.exists([Wide(user.0)])
}

pub(super) fn by_id(connection: &Connection, user: UserId) -> Result<Option<Acquaintance>> {
    let mut found = connection.prepare_cached("SELECT user, name, created_ms, used_ms FROM identities WHERE user = ?1")?;
    found.query_row([Wide(user.0)], acquaintance).optional()
}

/// One page, in the order of their ids: those after `after`.
pub(super) fn page(connection: &Connection, after: Option<UserId>) -> Result<Vec<Acquaintance>> {
    let sql = "SELECT user, name, created_ms, used_ms FROM identities WHERE user > ?1 ORDER BY user LIMIT ?2";
    let after = after.map_or(-1, |user| user.0.cast_signed());
    let mut rows = connection.prepare_cached(sql)?;
    let known = rows.query_map(params![after, i64::try_from(API_PAGE_MAX).unwrap_or(i64::MAX)], acquaintance)?;
    known.collect()
}

fn acquaintance(row: &Row<'_>) -> Result<Acquaintance> {
    Ok(Acquaintance {
        identity: Identity { user: UserId(row.get::<_, Wide>(0)?.0), name: row.get(1)? },
        created_ms: row.get::<_, Option<Wide>>(2)?.map(|ms| ms.0),
        used_ms: row.get::<_, Wide>(3)?.0,
    })
}

pub(super) fn rename(connection: &Connection, user: UserId, name: &str) -> Result<()> {
    let sql = "UPDATE identities SET name = ?2 WHERE user = ?1";
    connection.prepare_cached(sql)?.execute(params![Wide(user.0), name]).map(drop)
}

pub(super) fn forget(connection: &Connection, user: UserId) -> Result<()> {
    let sql = "DELETE FROM identities WHERE user = ?1";
    connection.prepare_cached(sql)?.execute([Wide(user.0)]).map(drop)
}

/// A new one. Where there are too many, others give way soon: see [`give_way`].
pub(super) fn make(connection: &Connection, identity: &Identity, token: &TokenHash, house: &House) -> Result<()> {
    let sql =
        "INSERT INTO identities (user, name, token, used_ms, created_ms, lived_ms, came_back) VALUES (?1, ?2, ?3, ?4, ?4, ?5, 0)";
    let values = params![Wide(identity.user.0), identity.name, &token[..], Wide(house.now().date_ms), Wide(house.lived_ms())];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

/// He counts as having come back.
pub(super) fn note_back(connection: &Connection, user: UserId) -> Result<()> {
    connection.prepare_cached("UPDATE identities SET came_back = 1 WHERE user = ?1")?.execute([Wide(user.0)]).map(drop)
}

/// Whether there are more than there are to be, or some that are expired.
pub(super) fn are_too_many(connection: &Connection, lived_ms: u64) -> Result<bool> {
    let (count, _) = counts(connection)?;
    let sql = "SELECT lived_ms FROM identities WHERE lived_ms < ?1 ORDER BY lived_ms LIMIT 1";
    let expired = connection.prepare_cached(sql)?.exists([Wide(expired_before(lived_ms))])?;
    Ok(expired || count > MOST)
}

/// Forgets some, inside a transaction: those that are expired; where there are too many, whoever has never come back, as those
/// have not whom a flood brings, but for a share that leaves newcomers the time to; and the longest unused. Whoever has a seat,
/// or a room or a chair that waits for him, is there: he is as young as anybody. Looks at as many as a step may, since one
/// that took only what is too much would be due again at the next login. Whether another step may find some.
pub(super) fn give_way(connection: &Connection, lived_ms: u64) -> Result<bool> {
    let sql = "SELECT user FROM identities WHERE lived_ms < ?1 ORDER BY lived_ms LIMIT ?2";
    let expired = oldest(connection, sql, expired_before(lived_ms), LOOKED_AT)?;
    if !expired.is_empty() {
        forget_absent(connection, &expired, lived_ms)?;
        return are_too_many(connection, lived_ms);
    }
    let (count, newcomers) = counts(connection)?;
    if count <= MOST {
        return Ok(false);
    }
    let sql = "SELECT user FROM identities WHERE came_back = 0 AND lived_ms <= ?1 ORDER BY lived_ms LIMIT ?2";
    let never_back = oldest(connection, sql, lived_ms, LOOKED_AT.min(newcomers.saturating_sub(NEWCOMERS)))?;
    let mut gone = forget_absent(connection, &never_back, lived_ms)?;
    if gone == 0 {
        let sql = "SELECT user FROM identities WHERE lived_ms <= ?1 ORDER BY lived_ms LIMIT ?2";
        let unused = oldest(connection, sql, lived_ms, LOOKED_AT)?;
        gone = forget_absent(connection, &unused, lived_ms)?;
    }
    Ok(gone > 0 && are_too_many(connection, lived_ms)?)
}

const fn expired_before(lived_ms: u64) -> u64 {
    lived_ms.saturating_sub(IDENTITY_UNUSED_MS_MAX)
}

fn oldest(connection: &Connection, sql: &str, until_ms: u64, most: u64) -> Result<Vec<UserId>> {
    let mut found = connection.prepare_cached(sql)?;
    found.query_map([Wide(until_ms), Wide(most)], |row| Ok(UserId(row.get::<_, Wide>(0)?.0)))?.collect()
}

/// Forgets those who are nowhere.
fn forget_absent(connection: &Connection, users: &[UserId], lived_ms: u64) -> Result<usize> {
    let mut gone = 0;
    for user in users {
        if is_awaited(connection, *user)? {
            let sql = "UPDATE identities SET lived_ms = ?2 WHERE user = ?1";
            connection.prepare_cached(sql)?.execute([Wide(user.0), Wide(lived_ms)])?;
        } else {
            forget(connection, *user)?;
            gone += 1;
        }
    }
    Ok(gone)
}

/// Whether somebody has a seat, or a chair or a room that waits for him.
fn is_awaited(connection: &Connection, user: UserId) -> Result<bool> {
    let sql = "SELECT 1 WHERE EXISTS (SELECT 1 FROM seats WHERE user = ?1) OR EXISTS (SELECT 1 FROM claims WHERE user = ?1) \
               OR EXISTS (SELECT 1 FROM rooms WHERE founder = ?1)";
    connection.prepare_cached(sql)?.exists([Wide(user.0)])
}

/// How many there are, and how many that have never come back.
fn counts(connection: &Connection) -> Result<(u64, u64)> {
    let mut found = connection.prepare_cached("SELECT identities, newcomers FROM counts WHERE id = 0")?;
    found.query_row([], |row| Ok((row.get::<_, Wide>(0)?.0, row.get::<_, Wide>(1)?.0)))
}
