//! The store's work in virtual time: a task in place of the thread, which takes as long as the simulation says.

use std::sync::Arc;
use std::time::Duration;

use dais_shared::limits::{STORE_GROUP_MAX, STORE_RETRY_MS};
use dais_shared::room::Room;

use super::database::Database;
use super::house::House;
use super::{Keeper, Request, Store};
use crate::clock::{Clock, Moment};
use crate::metrics::Metrics;
use crate::simulation::Disk;

/// The task's hold on the database: given back when the task is dropped with its runtime.
struct Hold {
    disk: Disk,
    keeper: Option<Keeper>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            self.disk.put_back(keeper.database);
        }
    }
}

impl Database {
    /// Lets every change fail, or none.
    pub(super) fn set_failing(&self, is_failing: bool) {
        self.connection.pragma_update(None, "query_only", is_failing).expect("a pragma can be set");
    }

    /// Forgets everything but what is committed, as if it were opened anew.
    pub(super) fn read_anew(&mut self, now: Moment) -> rusqlite::Result<()> {
        self.roll_back();
        self.set_failing(false);
        self.house = House::begin(&self.connection, now)?;
        self.replaced_rooms.clear();
        self.begin_rooms_anew()
    }
}

impl Store {
    /// A store on the current runtime, with the rooms as they were last committed to `disk`.
    ///
    /// # Panics
    /// If another server has the disk, or its rows cannot be read.
    pub(crate) fn simulated(disk: &Disk, clock: Arc<Clock>, metrics: Arc<Metrics>) -> (Self, Vec<Room>) {
        let mut database = disk.take().expect("the server that had it is dead");
        database.read_anew(clock.moment()).expect("what was committed can be read");
        let rooms = database.rooms().cloned().collect();
        let (store, keeper) = Self::before(database, clock, metrics);
        tokio::spawn(run(Hold { disk: disk.clone(), keeper: Some(keeper) }));
        (store, rooms)
    }
}

async fn run(mut hold: Hold) {
    let disk = hold.disk.clone();
    let Some(keeper) = &mut hold.keeper else { return };
    let mut group: Vec<Request> = Vec::new();
    while keeper.requests.recv_many(&mut group, STORE_GROUP_MAX).await > 0 {
        keeper.health.begin_work();
        disk.work().await;
        keeper.database.set_failing(disk.is_failing());
        if keeper.keep(group.drain(..)).is_ok() {
            keeper.keep_up();
            continue;
        }
        loop {
            tokio::time::sleep(Duration::from_millis(STORE_RETRY_MS)).await;
            keeper.health.begin_work();
            disk.work().await;
            keeper.database.set_failing(disk.is_failing());
            match keeper.try_again() {
                Some(true) => break,
                Some(false) => return,
                None => {}
            }
        }
        keeper.health.note_well();
    }
}
