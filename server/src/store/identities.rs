//! Who is who, as rows.

use dais_shared::ids::UserId;
use dais_shared::limits::{API_PAGE_MAX, IDENTITIES_MAX, IDENTITIES_NEW_SHARE, IDENTITY_UNUSED_MS_MAX, IDENTITY_USE_NOTED_MS};
use dais_shared::wire::Identity;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use subtle::ConstantTimeEq;

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

/// Forgets whom nobody has been for long.
pub(super) fn tidy(connection: &Connection, now_ms: u64) -> Result<()> {
    let unused_since_ms = now_ms.saturating_sub(IDENTITY_UNUSED_MS_MAX);
    connection.execute("DELETE FROM identities WHERE used_ms < ?1", [Wide(unused_since_ms)]).map(drop)
}

/// Whose token hashes to this. Counts as a use.
pub(super) fn by_token(connection: &Connection, token: &TokenHash, now_ms: u64) -> Result<Option<Known>> {
    let sql = "SELECT user, name, token, used_ms FROM identities WHERE token = ?1";
    let mut found = connection.prepare_cached(sql)?;
    let found = found.query_row([&token[..]], |row| {
        let identity = Identity { user: UserId(row.get::<_, Wide>(0)?.0), name: row.get(1)? };
        Ok((identity, row.get::<_, [u8; 32]>(2)?, row.get::<_, Wide>(3)?.0))
    });
    let Some((identity, kept, used_ms)) = found.optional()? else { return Ok(None) };
    let is_expired = used_ms < now_ms.saturating_sub(IDENTITY_UNUSED_MS_MAX);
    if is_expired || !bool::from(kept.ct_eq(token)) {
        return Ok(None);
    }
    if now_ms.saturating_sub(used_ms) > IDENTITY_USE_NOTED_MS {
        let sql = "UPDATE identities SET used_ms = ?2 WHERE user = ?1";
        // A disk that fails locks nobody out: the next use is noted.
        let _ = connection.prepare_cached(sql)?.execute([Wide(identity.user.0), Wide(now_ms)]);
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

/// A new one. Where there are too many, others give way: those that are expired; whoever has never come back, as those have
/// not whom a flood brings, but for a share that leaves newcomers the time to; and the longest unused.
pub(super) fn make(connection: &Connection, identity: &Identity, token: &TokenHash, now_ms: u64) -> Result<()> {
    let sql = "INSERT INTO identities VALUES (?1, ?2, ?3, ?4, ?4)";
    let values = params![Wide(identity.user.0), identity.name, &token[..], Wide(now_ms)];
    connection.prepare_cached(sql)?.execute(values)?;
    let most = i64::try_from(IDENTITIES_MAX).unwrap_or(i64::MAX);
    let count: i64 = connection.prepare_cached("SELECT count(*) FROM identities")?.query_row([], |row| row.get(0))?;
    if count <= most {
        return Ok(());
    }
    tidy(connection, now_ms)?;
    let newcomers = most / i64::try_from(IDENTITIES_NEW_SHARE).unwrap_or(i64::MAX);
    for (who, and, but) in [(NEVER_BACK, NO_GUEST, newcomers), (ANYBODY, "", 0)] {
        // Whoever has a seat, or a room or a chair that waits for him, keeps it until he is expired.
        let sql = format!(
            "DELETE FROM identities WHERE user IN (SELECT user FROM identities WHERE {who} \
             AND user NOT IN (SELECT user FROM seats UNION SELECT user FROM claims UNION SELECT founder FROM rooms) \
             AND user <> ?2 {and} ORDER BY used_ms \
             LIMIT max(0, min((SELECT count(*) FROM identities) - ?1, (SELECT count(*) FROM identities WHERE {who}) - ?3)))"
        );
        connection.prepare_cached(&sql)?.execute(params![most, Wide(identity.user.0), but])?;
    }
    Ok(())
}

/// Whose use was never noted a second time, by the index for it.
const NEVER_BACK: &str = "used_ms = created_ms";
/// But for whoever came by a link that brings only so many: he could not come by it again.
const NO_GUEST: &str = "AND user NOT IN \
     (SELECT user FROM link_guests JOIN links ON links.id = link_guests.link WHERE links.uses_max IS NOT NULL)";
const ANYBODY: &str = "TRUE";

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use crate::store::tests::{commit, created, folder, open};

    use super::*;

    #[test]
    fn a_full_house_leaves_newcomers_the_time_to_come_back() {
        let folder = folder();
        let mut database = open(&folder);
        let count = IDENTITIES_MAX as u64;
        commit(&mut database, (0..count).map(|user| created(user, 1_000 + user)));
        database.connection().execute("UPDATE identities SET used_ms = created_ms + 1", []).unwrap();
        commit(&mut database, (count..count + 3).map(|user| created(user, 1_000 + user)));
        for user in count..count + 3 {
            assert!(database.is_user_known(UserId(user)).unwrap(), "{user}");
        }
        assert!(!database.is_user_known(UserId(2)).unwrap() && database.is_user_known(UserId(3)).unwrap(), "the longest unused");

        let later_ms = 1_000 + IDENTITY_UNUSED_MS_MAX + count / 2;
        commit(&mut database, [created(count + 3, later_ms)]);
        assert!(!database.is_user_known(UserId(count / 2 - 2)).unwrap(), "expired while the server ran");
        assert!(database.is_user_known(UserId(count / 2)).unwrap() && database.is_user_known(UserId(count)).unwrap());
    }
}
