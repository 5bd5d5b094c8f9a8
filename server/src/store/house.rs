//! The store's own time: how long the house has lived. By it people are forgotten, and no clock can set it.
//!
//! It goes on while the server runs. What the server was off is part of it where the date says so, once that has stood while
//! the server ran, where it is no more than a week or so, and bit by bit: for an hour of running a day at most. A server that runs once
//! a week by a true date, and one that is started again and again by dates a week apart, see the same, so nothing can tell
//! them apart. But that one must run as well: however dates jump, the house never ages faster than 25 times as it runs.

use dais_shared::limits::{DATE_PROVED_MS, TIME_OFF_MS_MAX, TIME_OFF_PER_RUN};
use rusqlite::{Connection, Result, params};
use time::OffsetDateTime;

use super::rows::Wide;
use crate::clock::Moment;

/// How far the date may be off before that is said.
pub(crate) const DATE_TOLERANCE_MS: u64 = 300_000;

/// A date that went where no time can have gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Jump {
    /// Where it was, or should have been.
    pub(crate) from_ms: u64,
    pub(crate) to_ms: u64,
    /// How long ago that is by the store's own time.
    pub(crate) ago_ms: u64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct House {
    now: Moment,
    /// How long it had lived, at which time of the server's running.
    lived_ms: u64,
    lived_up_ms: u64,
    /// The date up to which time off is part of that, and when that was looked at last.
    counted_ms: Option<u64>,
    counted_up_ms: u64,
    /// What of that is no part of its life yet, as the server has not run for long enough since; a run that ends leaves it out.
    owed_ms: u64,
    /// Which date stood at the last of those looks, in this run.
    stood_ms: Option<u64>,
    /// When this run of the server began.
    began_up_ms: u64,
    /// What rooms counted in when the run before kept something last.
    seen_rooms_ms: Option<u64>,
    /// The last jump: from where, to where, and when by the store's own time.
    jump: Option<(u64, u64, u64)>,
}

impl House {
    /// What the run before left. Says so in the log where the date cannot be right, or could not be then.
    pub(super) fn begin(connection: &Connection, now: Moment) -> Result<Self> {
        let sql =
            "SELECT lived_ms, counted_ms, date_ms, rooms_ms, jump_from_ms, jump_to_ms, jump_lived_ms FROM house WHERE id = 0";
        let (mut house, date_ms) = connection.query_row(sql, [], |row| {
            let wide = |column| row.get::<_, Option<Wide>>(column).map(|wide| wide.map(|wide| wide.0));
            let jump = wide(4)?.zip(wide(5)?).zip(wide(6)?).map(|((from_ms, to_ms), lived_ms)| (from_ms, to_ms, lived_ms));
            let house = Self {
                now,
                lived_ms: wide(0)?.unwrap_or_default(),
                lived_up_ms: now.up_ms,
                counted_ms: wide(1)?,
                counted_up_ms: now.up_ms,
                owed_ms: 0,
                stood_ms: None,
                began_up_ms: now.up_ms,
                seen_rooms_ms: wide(3)?,
                jump,
            };
            Ok((house, wide(2)?))
        })?;
        if let Some(date_ms) = date_ms.filter(|date_ms| is_jump(*date_ms, now.date_ms)) {
            house.jump = Some((date_ms, now.date_ms, house.lived_ms));
            tracing::warn!(
                seen = %said(date_ms),
                now = %said(now.date_ms),
                "the date has jumped since the server last ran, unless it was off for so long; nobody is forgotten for it"
            );
        }
        Ok(house)
    }

    /// The time now, as it was told last.
    pub(super) const fn now(&self) -> Moment {
        self.now
    }

    /// What rooms counted in when the run before kept something last; what they count in now where nobody knows.
    pub(super) fn seen_rooms_ms(&self) -> u64 {
        self.seen_rooms_ms.unwrap_or(self.now.rooms_ms)
    }

    /// How long it has lived.
    pub(super) const fn lived_ms(&self) -> u64 {
        self.lived_ms + self.now.up_ms.saturating_sub(self.lived_up_ms)
    }

    /// It is so late.
    pub(super) fn tell(&mut self, now: Moment) {
        let due_ms = self.now.date_ms + now.up_ms.saturating_sub(self.now.up_ms);
        if now.date_ms.abs_diff(due_ms) > DATE_TOLERANCE_MS {
            self.jump = Some((due_ms, now.date_ms, self.lived_ms()));
            let (due, date) = (said(due_ms), said(now.date_ms));
            tracing::warn!(%due, now = %date, "the date has jumped while the server ran: it was set, or the machine slept");
        }
        self.now = now;
    }

    /// Takes what the server was off for a part of its life, as far as the date can be believed.
    pub(super) fn count_time_off(&mut self) {
        if self.now.up_ms.saturating_sub(self.began_up_ms) < DATE_PROVED_MS {
            return;
        }
        let ran_ms = self.now.up_ms.saturating_sub(self.counted_up_ms);
        self.believe(self.now.date_ms, ran_ms);
        let earned_ms = self.owed_ms.min(ran_ms.saturating_mul(TIME_OFF_PER_RUN));
        self.owed_ms -= earned_ms;
        self.lived_ms = self.lived_ms() + earned_ms;
        self.lived_up_ms = self.now.up_ms;
        self.stood_ms = Some(self.now.date_ms);
        self.counted_up_ms = self.now.up_ms;
    }

    /// What the date says of the time off, after the server has run for so long since the last look.
    fn believe(&mut self, date_ms: u64, ran_ms: u64) {
        // A date that goes back takes with it what it said, as far as that was not counted yet.
        let back_ms =
            self.stood_ms.map_or(0, |stood_ms| stood_ms.saturating_add(ran_ms).saturating_sub(date_ms)).min(self.owed_ms);
        self.owed_ms -= back_ms;
        let counted_ms = self.counted_ms.map_or(date_ms, |counted_ms| counted_ms - back_ms.min(counted_ms));
        let off_ms = date_ms.saturating_sub(counted_ms).saturating_sub(ran_ms);
        let is_back = date_ms.saturating_add(TIME_OFF_MS_MAX) < counted_ms;
        if is_back || off_ms > TIME_OFF_MS_MAX {
            (self.owed_ms, self.counted_ms) = (0, Some(date_ms));
        } else {
            self.owed_ms = (self.owed_ms + off_ms).min(TIME_OFF_MS_MAX);
            // A date that goes back a little is not passed twice.
            self.counted_ms = Some(counted_ms.max(date_ms));
        }
    }

    /// Keeps it, inside a transaction.
    pub(super) fn write(&self, connection: &Connection) -> Result<()> {
        let sql = "UPDATE house SET lived_ms = ?1, counted_ms = ?2, date_ms = ?3, rooms_ms = ?4, jump_from_ms = ?5, jump_to_ms = ?6, \
                   jump_lived_ms = ?7 WHERE id = 0";
        let values = params![
            Wide(self.lived_ms()),
            self.counted_ms.map(Wide),
            Wide(self.now.date_ms),
            Wide(self.now.rooms_ms),
            self.jump.map(|(from_ms, ..)| Wide(from_ms)),
            self.jump.map(|(_, to_ms, _)| Wide(to_ms)),
            self.jump.map(|(.., lived_ms)| Wide(lived_ms)),
        ];
        connection.prepare_cached(sql)?.execute(values).map(drop)
    }
}

/// Whether no server that runs, and none that is off for a while, comes from one date to the other.
pub(crate) const fn is_jump(seen_ms: u64, now_ms: u64) -> bool {
    now_ms.saturating_add(DATE_TOLERANCE_MS) < seen_ms || now_ms > seen_ms.saturating_add(TIME_OFF_MS_MAX)
}

/// A date, to the minute.
pub(crate) fn said(unix_ms: u64) -> String {
    let seconds = i64::try_from(unix_ms / 1000).unwrap_or(i64::MAX);
    match OffsetDateTime::from_unix_timestamp(seconds) {
        Ok(time) => format!("{} {:02}:{:02} UTC", time.date(), time.hour(), time.minute()),
        Err(_) => format!("{seconds} s after 1970"),
    }
}

/// What a look from outside finds: the date at the last commit, 0 before the first, and the last jump.
pub(super) fn look(connection: &Connection) -> Result<(u64, Option<Jump>)> {
    let sql = "SELECT date_ms, jump_from_ms, jump_to_ms, lived_ms - jump_lived_ms FROM house WHERE id = 0";
    connection.query_row(sql, [], |row| {
        let wide = |column| row.get::<_, Option<Wide>>(column).map(|wide| wide.map(|wide| wide.0));
        let jump = wide(1)?.zip(wide(2)?).zip(wide(3)?);
        Ok((wide(0)?.unwrap_or_default(), jump.map(|((from_ms, to_ms), ago_ms)| Jump { from_ms, to_ms, ago_ms })))
    })
}
