//! What the database does by itself, between what it is asked for: in small steps, so that nobody waits for it.

use super::database::{Database, Kept};
use super::dirty::Dirty;
use super::rows::read_rooms;
use super::standing::Trouble;
use super::{Keeper, Request, Store, identities, links};
use crate::clock::Moment;

impl Store {
    /// Has the store note how late it is. While it has something else to do, it does.
    pub(crate) fn tell_time(&self) {
        if !self.is_failing() {
            let _ = self.queue.try_send(Request::Tell);
        }
    }
}

impl Keeper {
    /// What is to be done between two groups of requests: one step, and others while nobody asks for anything.
    pub(super) fn keep_up(&mut self) {
        loop {
            // Each step is work of its own: many in a row are no disk that hangs.
            self.health.begin_work();
            let done = self.database.is_upkeep_due().map_err(Trouble::from);
            let done = done.and_then(|is_due| Ok(is_due && self.database.keep_up()?));
            self.health.end_work();
            match done {
                Ok(true) if self.requests.is_empty() => {}
                Ok(_) => return,
                // Where it cannot be done now, it can later.
                Err(reason) => return tracing::debug!(%reason, "what is to be forgotten stays for now"),
            }
        }
    }
}

impl Database {
    /// Takes up every room as it goes on in this run of the server. The rows follow with the first commit, and so does the time
    /// that they count from.
    pub(super) fn begin_rooms_anew(&mut self) -> rusqlite::Result<()> {
        let (seen_ms, now_ms) = (self.house.seen_rooms_ms(), self.house.now().rooms_ms);
        self.rooms.clear();
        self.dirty_rooms.clear();
        for kept in read_rooms(&self.connection)? {
            let mut room = kept.clone();
            room.begin_anew(seen_ms, now_ms);
            let dirty = Dirty::between(&kept, &room);
            if dirty.is_some() {
                self.dirty_rooms.push(room.id().clone());
            }
            self.rooms.insert(room.id().clone(), Kept { room, dirty });
        }
        self.is_written = true;
        Ok(())
    }

    /// It is so late.
    pub(super) fn tell(&mut self, now: Moment) {
        self.house.tell(now);
    }

    /// Keeps how late it is with this transaction, if with nothing else, and how long the house has lived.
    pub(super) fn keep_time(&mut self) {
        self.house.count_time_off();
        self.is_written = true;
    }

    /// Whether [`Database::keep_up`] has something to do.
    pub(super) fn is_upkeep_due(&self) -> rusqlite::Result<bool> {
        Ok(identities::are_too_many(&self.connection, self.house.lived_ms())? || links::have_left_something(&self.connection)?)
    }

    /// One step of forgetting what is to be forgotten, in a transaction of its own. Whether another may find more.
    pub(super) fn keep_up(&mut self) -> Result<bool, Trouble> {
        let step = |database: &mut Self| -> Result<bool, Trouble> {
            database.stand()?;
            database.begin()?;
            let has_more_identities = identities::give_way(&database.connection, database.house.lived_ms())?;
            let has_more_links = links::tidy(&database.connection)?;
            database.is_written = true;
            database.commit()?;
            Ok(has_more_identities || has_more_links)
        };
        step(self).inspect_err(|_| self.roll_back())
    }
}
