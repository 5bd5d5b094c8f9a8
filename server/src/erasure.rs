//! What is to be forgotten is gone: from memory, from the rows, and from the bytes of the data folder's files.

use std::collections::BTreeSet;
use std::sync::Arc;

use dais_shared::ids::UserId;
use dais_shared::limits::{ERASURE_WAITS_MS, WIPE_LOOK_MS, WIPED_AFTER_MS};
use dais_shared::room::{Denied, Order};
use tokio::sync::{Mutex, oneshot};
use tokio::time::{Duration, Instant, sleep, sleep_until};

use crate::room_actor::Message;
use crate::rooms::Handle;
use crate::server::{House, told_to_stop};
use crate::store::{Unavailable, Wiped};
use crate::supervise::Part;

const LOOK: Duration = Duration::from_millis(WIPE_LOOK_MS);
const WAITS: Duration = Duration::from_millis(ERASURE_WAITS_MS);
/// While somebody copies the file, or a page takes its leave.
const TRIES_AGAIN_MS: u64 = 20;

/// Erasures under way, one at a time: of whom nothing may be kept any more, while the files still may hold something.
#[derive(Debug, Default)]
pub(crate) struct Erasing(Mutex<BTreeSet<UserId>>);

/// Why somebody is not erased, or not wholly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotErased {
    /// Nothing of him is kept; or the store cannot keep changes.
    Denied(Denied),
    /// He is forgotten, but for the file, which somebody copies just now.
    StillCopied,
}

impl From<Denied> for NotErased {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<Unavailable> for NotErased {
    fn from(_: Unavailable) -> Self {
        Self::Denied(Denied::Unavailable)
    }
}

/// Forgets all that is known of somebody, whether or not he still has an identity. When this returns it is gone from the
/// files, too. What came to nothing half-way is taken up where it is asked for again.
pub(crate) async fn erase(house: &House, user: UserId) -> Result<(), NotErased> {
    let mut unfinished = house.erasing.0.lock().await;
    if !unfinished.contains(&user) && !house.auth.is_connected(user) && !house.store.is_kept(user).await? {
        return Err(Denied::NoSuchPerson.into());
    }
    unfinished.insert(user);
    house.store.make_veil(house.chance.bytes()).await?;
    house.auth.expel(user).await?;
    let deadline = Instant::now() + WAITS;
    // What his pages asked before they were closed is in the rooms' hands when they are gone.
    while house.auth.is_connected(user) {
        pause_until(deadline).await.ok_or(Denied::Unavailable)?;
    }
    for room in house.rooms.all() {
        obeyed(&room, Order::Forget(user)).await?;
    }
    if house.store.is_kept(user).await? {
        return Err(Denied::Unavailable.into()); // in a room whose end is not written yet
    }
    wipe(house, deadline).await?;
    unfinished.remove(&user);
    Ok(())
}

/// A room that has ended holds nobody.
async fn obeyed(room: &Handle, order: Order) -> Result<(), Denied> {
    let (answer, answered) = oneshot::channel();
    let said = match room.mailbox.send(Message::Order { order, answer }).await {
        Ok(()) => answered.await.ok(),
        Err(_) => None,
    };
    match said {
        Some(Ok(()) | Err(Denied::RoomEnded)) => Ok(()),
        Some(Err(denied)) => Err(denied),
        None if room.ending.is_regular() => Ok(()),
        None => Err(Denied::Unavailable), // it died and is being taken up again
    }
}

async fn wipe(house: &House, deadline: Instant) -> Result<(), NotErased> {
    let mut anew = true;
    loop {
        match house.store.wipe(anew).await? {
            Wiped::Done => return Ok(()),
            Wiped::InPart => anew = false,
            Wiped::NotYet => pause_until(deadline).await.ok_or(NotErased::StillCopied)?,
        }
    }
}

async fn pause_until(deadline: Instant) -> Option<()> {
    sleep(Duration::from_millis(TRIES_AGAIN_MS)).await;
    (Instant::now() < deadline).then_some(())
}

/// Sees to it that what was removed in the ordinary way is gone from the files, too: [`WIPED_AFTER_MS`] later, a step at a
/// time, until the server stops.
pub(crate) async fn keep_wiped(house: Arc<House>) {
    let mut shutdown = house.shutdown.clone();
    let (mut since_ms, mut looks_at) = (None, Instant::now());
    loop {
        looks_at += LOOK;
        tokio::select! {
            biased;
            () = told_to_stop(&mut shutdown) => return,
            () = sleep_until(looks_at) => {}
        }
        house.supervisor.look(Part::Wiping);
        if !house.store.has_leftovers() {
            since_ms = None;
            continue;
        }
        let now_ms = house.clock.now_ms() + house.clock.rooms_ahead_ms();
        // Where it cannot be done now, it is with the next look.
        if now_ms >= *since_ms.get_or_insert(now_ms) + WIPED_AFTER_MS && house.store.wipe(false).await == Ok(Wiped::Done) {
            since_ms = None;
        }
    }
}
