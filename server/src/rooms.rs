//! Which rooms there are: the way to each, and what the lobby shows of it. Knows no member.
//!
//! A room whose task dies of a fault is taken up again from the store; the fault stays in that room.

mod listing;
mod places;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use dais_shared::ids::{AddressPrefix, RoomId, UserId};
use dais_shared::limits::{API_PAGE_MAX, ROOM_RESTARTS_MAX, ROOMS_GAVE_WAY_MAX, ROOMS_PAGE_MAX, UNLISTED_ROOM_ID_CHARS};
use dais_shared::room::{Denied, Event, Order, Room, RoomEndReason, Settings};
use dais_shared::wire::{RoomSummary, RoomsPage, ServerFrame};
use tokio::sync::{mpsc, oneshot, watch};

use crate::chance::Chance;
use crate::outbox::control_frame;
use crate::room_actor::{Inbox, Message, RoomActor, Sound, open_mailbox};
use crate::server::House;
use crate::store::Write;
use crate::supervise::Part;
use listing::{Listing, Shown};
use places::{Bounds, Origin, Places, Standing};

/// The way to one room.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    pub(crate) id: RoomId,
    pub(crate) mailbox: mpsc::Sender<Message>,
    pub(crate) voice: mpsc::Sender<Sound>,
    pub(crate) ending: Ending,
}

/// Whether a closed mailbox means that the room has ended by the rules, or that its task has died.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ending(Arc<AtomicBool>);

impl Ending {
    pub(crate) fn note_regular(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn is_regular(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// How many rooms and seats there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) rooms: usize,
    pub(crate) members: u64,
}

/// Every room of the server.
#[derive(Debug)]
pub(crate) struct Rooms {
    /// How many there may be, and of one founder's.
    most: usize,
    most_per_person: usize,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    entries: BTreeMap<RoomId, Entry>,
    listing: Listing,
    places: Places,
    /// Of rooms that are over, which the store has not been told yet: what it is told then is to end no other.
    owed: BTreeSet<RoomId>,
    /// Rooms that gave way to others, the longest gone first, until somebody makes them anew.
    gave_way: VecDeque<RoomId>,
    /// The first page as a finished frame, until the next change: one encoding for everybody who watches.
    first_page: Option<Bytes>,
}

#[derive(Debug)]
struct Entry {
    handle: Handle,
    created_ms: Option<u64>,
    restarts: u32,
    summary: RoomSummary,
    /// Appears in no list and no count.
    is_unlisted: bool,
}

impl Entry {
    fn shown(&self) -> Shown<'_> {
        Shown { summary: &self.summary, is_unlisted: self.is_unlisted }
    }

    fn overview(&self) -> Overview {
        Overview { summary: self.summary.clone(), is_unlisted: self.is_unlisted, created_ms: self.created_ms }
    }
}

/// A room as its operator may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Overview {
    pub(crate) summary: RoomSummary,
    pub(crate) is_unlisted: bool,
    /// In Unix milliseconds, where that is known.
    pub(crate) created_ms: Option<u64>,
}

/// What somebody asks for in a new room.
#[derive(Debug)]
pub(crate) struct NewRoom {
    pub(crate) id: Option<RoomId>,
    pub(crate) settings: Settings,
    pub(crate) passcode: Option<String>,
    pub(crate) founder: UserId,
    /// From where; `None` of what the operator makes.
    pub(crate) address: Option<AddressPrefix>,
}

impl NewRoom {
    const fn origin(&self) -> Origin {
        Origin { founder: self.founder, address: self.address, is_operators: self.address.is_none() }
    }
}

impl Rooms {
    pub(crate) fn new(most: usize, most_per_person: usize) -> Self {
        Self { most, most_per_person, state: Mutex::default(), changed: watch::Sender::new(0) }
    }

    /// The way to a room.
    pub(crate) fn find(&self, id: &RoomId) -> Option<Handle> {
        self.state().entries.get(id).map(|entry| entry.handle.clone())
    }

    /// Makes a room with nobody in it. What comes next, `first`, gives it a reason to be: its founder's join, or the order to
    /// wait for him. Denied that, it ends.
    ///
    /// # Errors
    /// [`Denied`] if the id is taken, or there are too many rooms, or the store cannot keep it.
    pub(crate) fn create(&self, house: &Arc<House>, new: NewRoom, first: Message) -> Result<Handle, Denied> {
        let permit = house.store.reserve().map_err(|_| Denied::Unavailable)?;
        // Whether there is an operator may change while the server runs.
        let bounds = Bounds::new(self.most, self.most_per_person, house.admin_token().is_some());
        let (room, handle, inbox) = {
            let mut state = self.state();
            let id = state.admit(&new, bounds, &house.chance)?;
            let origin = new.origin();
            let room = Room::new(id, new.settings, new.passcode, new.founder).created_at(house.clock.admission_ms());
            // What the operator calls it is nobody's wording.
            let room = if new.address.is_none() { room.titled_by_nobody() } else { room };
            let (handle, inbox) = state.enter(&room, origin);
            (room, handle, inbox)
        };
        // The room is empty until its founder's join is kept behind this, in the same queue: one commit, or two in
        // order.
        drop(permit.write(Write::Room(Box::new(room.clone()))));
        handle.mailbox.try_send(first).map_err(|_| Denied::Unavailable)?;
        let actor = RoomActor::new(Arc::clone(house), room.clone(), handle.ending.clone());
        start(house, room.id().clone(), actor, inbox);
        Ok(handle)
    }

    /// Takes up the rooms of the last run. Their seats are held for whoever comes back; one that nobody has ever entered
    /// or is awaited in is not worth it.
    pub(crate) fn adopt(&self, house: &Arc<House>, kept: Vec<Room>) {
        for room in kept {
            let id = room.id().clone();
            if !room.has_begun() {
                let events = vec![Event::RoomEnded(RoomEndReason::Empty)];
                // If it cannot be forgotten now, it is after the next start.
                drop(house.store.reserve().map(|permit| permit.write(Write::Events { room: id, events })));
                continue;
            }
            let origin = Origin { founder: room.founder(), address: None, is_operators: false };
            let (handle, inbox) = self.state().enter(&room, origin);
            let mut actor = RoomActor::new(Arc::clone(house), room, handle.ending);
            actor.hold_every_seat();
            start(house, id, actor, inbox);
        }
    }

    /// Shows the lobby what a room has become; forgets one that has ended. Its id stays taken if the store is owed that,
    /// until [`Rooms::free`].
    pub(crate) fn update(&self, room: &Room, owes_end: bool) {
        let mut guard = self.state();
        let state = &mut *guard;
        if room.ended().is_some() {
            if state.leave(room.id()).is_some_and(|standing| standing.gives_way) {
                state.note_gave_way(room.id());
            }
            if owes_end {
                state.owed.insert(room.id().clone());
            }
        } else {
            let Some(entry) = state.entries.get_mut(room.id()) else { return };
            state.places.note_deserted(room.id(), room.is_deserted());
            state.places.note_founder(room.id(), room.founder());
            let summary = summary_of(room);
            let is_unlisted = room.settings().is_unlisted;
            if entry.summary == summary && entry.is_unlisted == is_unlisted {
                return;
            }
            let is_seen = !(entry.is_unlisted && is_unlisted);
            state.listing.remove(entry.shown());
            entry.summary = summary;
            entry.is_unlisted = is_unlisted;
            state.listing.add(entry.shown());
            if !is_seen {
                return;
            }
        }
        state.first_page = None;
        drop(guard);
        self.changed.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    /// Why there is no way to a room.
    pub(crate) fn absence(&self, id: &RoomId) -> Denied {
        if self.state().gave_way.contains(id) { Denied::RoomGaveWay } else { Denied::UnknownRoom }
    }

    /// The store has been told that a room is over.
    pub(crate) fn free(&self, id: &RoomId) {
        self.state().owed.remove(id);
    }

    /// Whether the store is still to be told that a room is over.
    #[cfg(test)]
    pub(crate) fn is_owed(&self, id: &RoomId) -> bool {
        self.state().owed.contains(id)
    }

    /// What the lobby would show of a room, listed or not.
    pub(crate) fn describe(&self, id: &RoomId) -> Option<RoomSummary> {
        self.state().entries.get(id).map(|entry| entry.summary.clone())
    }

    /// One page of the listed rooms, in the order of their ids.
    pub(crate) fn page(&self, after: Option<&RoomId>) -> RoomsPage {
        self.state().page(after)
    }

    /// One page of all rooms, unlisted ones too, in the order of their ids. For the operator.
    pub(crate) fn overview(&self, after: Option<&RoomId>) -> Vec<Overview> {
        let state = self.state();
        let later = state.entries.range::<RoomId, _>((after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded));
        later.take(API_PAGE_MAX).map(|(_, entry)| entry.overview()).collect()
    }

    /// One room, for the operator.
    pub(crate) fn overview_of(&self, id: &RoomId) -> Option<Overview> {
        self.state().entries.get(id).map(Entry::overview)
    }

    /// The ways to all rooms, in the order of their ids.
    pub(crate) fn all(&self) -> Vec<Handle> {
        self.state().entries.values().map(|entry| entry.handle.clone()).collect()
    }

    /// The first page as a finished frame.
    pub(crate) fn first_page_frame(&self) -> Bytes {
        let mut state = self.state();
        if let Some(frame) = &state.first_page {
            return frame.clone();
        }
        let frame = control_frame(&ServerFrame::Rooms(state.page(None)));
        state.first_page = Some(frame.clone());
        frame
    }

    /// Resolves for its holder whenever the room list changes.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Of the rooms that everybody may know of.
    pub(crate) fn totals(&self) -> Totals {
        self.state().listing.of_listed()
    }

    /// Of all rooms, for the operator.
    pub(crate) fn totals_with_unlisted(&self) -> Totals {
        self.state().listing.of_all()
    }

    /// A fresh mailbox for a room that died, unless it has died too often.
    fn restart(&self, id: &RoomId) -> Option<(Handle, Inbox)> {
        let mut state = self.state();
        let entry = state.entries.get_mut(id)?;
        if entry.restarts >= ROOM_RESTARTS_MAX {
            return None;
        }
        entry.restarts += 1;
        let (mailbox, voice, inbox) = open_mailbox();
        entry.handle = Handle { id: id.clone(), mailbox, voice, ending: Ending::default() };
        Some((entry.handle.clone(), inbox))
    }

    /// Shows a room no more that died too often. Its id stays taken until [`Rooms::free`].
    fn give_up(&self, id: &RoomId) {
        let mut state = self.state();
        state.leave(id);
        state.owed.insert(id.clone());
        state.first_page = None;
        drop(state);
        self.changed.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the map is one insertion or removal: it is whole even after a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The id under which a new room may stand, in whose favour another one may have been told to give way.
    fn admit(&mut self, new: &NewRoom, bounds: Bounds, chance: &Chance) -> Result<RoomId, Denied> {
        let id = self.id_for(new, chance)?;
        if let Some(other) = self.places.find(self.owed.len(), new.origin(), bounds)?.cloned() {
            self.send_away(&other)?;
        }
        self.gave_way.retain(|gone| *gone != id);
        Ok(id)
    }

    /// Has a room give way. Whoever comes back to it in this moment has come in time.
    fn send_away(&mut self, id: &RoomId) -> Result<(), Denied> {
        let entry = self.entries.get(id).ok_or(Denied::TooManyRooms)?;
        let (answer, _) = oneshot::channel(); // it shows by what becomes of the room
        let told = entry.handle.mailbox.try_send(Message::Order { order: Order::GiveWay, answer });
        told.map_err(|_| Denied::TooManyRooms)?;
        self.places.send_away(id);
        tracing::info!(room = %id, "gives way: nobody is in it, and others have no place");
        Ok(())
    }

    fn note_gave_way(&mut self, id: &RoomId) {
        if self.gave_way.len() >= ROOMS_GAVE_WAY_MAX {
            self.gave_way.pop_front();
        }
        self.gave_way.push_back(id.clone());
    }

    fn id_for(&self, new: &NewRoom, chance: &Chance) -> Result<RoomId, Denied> {
        let is_taken = |id: &RoomId| self.entries.contains_key(id) || self.owed.contains(id);
        match &new.id {
            Some(_) if new.settings.is_unlisted => Err(Denied::UnlistedIdChosen),
            Some(id) if is_taken(id) => Err(Denied::RoomIdTaken),
            Some(id) => Ok(id.clone()),
            None => Ok(std::iter::repeat_with(|| random_room_id(new.settings.is_unlisted, chance))
                .find(|id| !is_taken(id))
                .expect("there are far more ids than rooms")),
        }
    }

    /// Takes a room in: the way to it, and what comes that way.
    fn enter(&mut self, room: &Room, origin: Origin) -> (Handle, Inbox) {
        let (mailbox, voice, inbox) = open_mailbox();
        let handle = Handle { id: room.id().clone(), mailbox, voice, ending: Ending::default() };
        let entry = Entry {
            handle: handle.clone(),
            created_ms: room.created_ms(),
            restarts: 0,
            summary: summary_of(room),
            is_unlisted: room.settings().is_unlisted,
        };
        self.leave(room.id());
        self.places.enter(room.id(), origin);
        self.listing.add(entry.shown());
        self.entries.insert(room.id().clone(), entry);
        (handle, inbox)
    }

    /// A room is shown no more, and leaves its place.
    fn leave(&mut self, id: &RoomId) -> Option<Standing> {
        let gone = self.entries.remove(id)?;
        self.listing.remove(gone.shown());
        self.places.leave(id)
    }

    fn page(&self, after: Option<&RoomId>) -> RoomsPage {
        let rooms = self.listing.after(after).filter_map(|id| self.entries.get(id)).take(ROOMS_PAGE_MAX);
        RoomsPage { rooms: rooms.map(|entry| entry.summary.clone()).collect(), total: count(self.listing.of_listed().rooms) }
    }
}

/// Runs a room; where even taking it up again fails, it is given up, and there again after a restart.
fn start(house: &Arc<House>, id: RoomId, actor: RoomActor, inbox: Inbox) {
    let (given_up, of) = (Arc::clone(house), id.clone());
    let task = watch_over(Arc::clone(house), id, actor, inbox);
    house.supervisor.guard(Part::Room, task, move || given_up.rooms.give_up(&of));
}

/// Runs a room until it has ended by the rules; takes it up again when it dies of a fault.
async fn watch_over(house: Arc<House>, id: RoomId, actor: RoomActor, inbox: Inbox) {
    let mut task = tokio::spawn(actor.run(inbox));
    while let Err(fault) = task.await {
        // Connections see the mailbox close without a regular ending and ask their clients to connect again.
        tracing::error!(room = %id, %fault, "room died");
        let kept = house.store.load_room(id.clone()).await.ok().flatten();
        let (Some(room), Some((handle, inbox))) = (kept, house.rooms.restart(&id)) else {
            house.rooms.give_up(&id);
            let events = vec![Event::RoomEnded(RoomEndReason::Failed)];
            match house.store.wait_for_place().await {
                Ok(permit) => {
                    drop(permit.write(Write::Events { room: id.clone(), events }));
                    house.rooms.free(&id);
                }
                Err(reason) => tracing::error!(room = %id, %reason, "a room that died too often is there again after a restart"),
            }
            return;
        };
        house.metrics.room_restarts_total.add(1);
        let house = Arc::clone(&house);
        // What is wrong with a room that was kept is one more death of that room.
        task = tokio::spawn(async move {
            let mut actor = RoomActor::new(house, room, handle.ending);
            actor.hold_every_seat();
            actor.run(inbox).await;
        });
    }
}

fn summary_of(room: &Room) -> RoomSummary {
    RoomSummary {
        id: room.id().clone(),
        title: room.settings().title.clone(),
        mode: room.settings().mode,
        host: room.host().and_then(|host| room.seat(host)).map(|seat| seat.name.clone()),
        on_stage: count(room.stage_count()),
        listening: count(room.audience_count()),
        is_locked: room.settings().is_locked,
        has_passcode: room.settings().has_passcode,
    }
}

/// Letters and digits that are not mistaken for one another when read aloud or copied by hand: ten of them, or 26, which
/// is 130 bits, for a room that nobody is to find by trying.
fn random_room_id(is_unlisted: bool, chance: &Chance) -> RoomId {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letters = chance.bytes::<UNLISTED_ROOM_ID_CHARS>().map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
    let text: String = letters.into_iter().take(if is_unlisted { UNLISTED_ROOM_ID_CHARS } else { 10 }).collect();
    RoomId::parse(&text).expect("letters and digits make an id")
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
