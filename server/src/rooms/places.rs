//! Whether there is a place for one more room, and which room makes one. Pure: told what rooms there are.
//!
//! A person, an address and a network have their shares; some places are the operator's. Where none is left, a deserted room
//! makes place: of those who have the most, and of theirs the youngest. A room that anybody sits in, or has a seat held in, or
//! that anybody but its founder has sat in, never does.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use dais_shared::ids::{AddressPrefix, RoomId, UserId};
use dais_shared::limits::{ROOMS_ADDRESS_SHARE, ROOMS_RESERVED_SHARE};
use dais_shared::room::Denied;

use crate::shares::{Network, exhausted};

/// How many rooms there may be at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) rooms: usize,
    /// Founded by one person.
    pub(super) per_person: usize,
    /// Of all, those that only the operator makes.
    pub(super) reserved: usize,
}

impl Bounds {
    /// With places kept for an operator who can make rooms at all.
    pub(super) fn new(rooms: usize, per_person: usize, has_operator: bool) -> Self {
        Self { rooms, per_person, reserved: if has_operator { rooms / ROOMS_RESERVED_SHARE } else { 0 } }
    }

    /// What people may have together.
    const fn for_people(self) -> usize {
        self.rooms - self.reserved
    }

    /// Founded from one address: a share of all, and no less than one person may.
    fn per_address(self) -> usize {
        (self.rooms / ROOMS_ADDRESS_SHARE).max(self.per_person)
    }
}

/// Whose a room is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) founder: UserId,
    /// From where it was made, where that is known: not of what was there at the start, nor of the operator's.
    pub(super) address: Option<AddressPrefix>,
    /// The operator made it.
    pub(super) is_operators: bool,
}

/// What matters of a room that has a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) origin: Origin,
    /// Counts the rooms made.
    number: u64,
    /// See [`dais_shared::room::Room::is_deserted`].
    is_deserted: bool,
    /// It has been told to make place, which is somebody else's by now.
    pub(super) gives_way: bool,
}

impl Standing {
    fn may_give_way(&self) -> bool {
        self.is_deserted && !self.gives_way && !self.origin.is_operators && self.origin.address.is_some()
    }
}

/// How many rooms there are of whom, kept as they come and go: to ask for a place looks at no room.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    of_people: usize,
    of_operator: usize,
    of_founders: BTreeMap<UserId, usize>,
    of_networks: BTreeMap<Network, usize>,
}

impl Counts {
    /// One more room, or one less. One that gives way is nobody's any more.
    fn count(&mut self, standing: &Standing, is_more: bool) {
        if standing.gives_way {
            return;
        }
        let Origin { founder, address, is_operators } = standing.origin;
        let all = if is_operators { &mut self.of_operator } else { &mut self.of_people };
        *all = if is_more { *all + 1 } else { *all - 1 };
        count_one(&mut self.of_founders, founder, is_more);
        for network in address.into_iter().flat_map(Network::around) {
            count_one(&mut self.of_networks, network, is_more);
        }
    }

    fn of_founder(&self, founder: UserId) -> usize {
        self.of_founders.get(&founder).copied().unwrap_or_default()
    }

    fn of_network(&self, network: Network) -> usize {
        self.of_networks.get(&network).copied().unwrap_or_default()
    }
}

/// Whoever has none has no entry.
fn count_one<K: Ord>(counts: &mut BTreeMap<K, usize>, key: K, is_more: bool) {
    match counts.entry(key) {
        entry if is_more => *entry.or_default() += 1,
        Entry::Occupied(mut entry) if *entry.get() > 1 => *entry.get_mut() -= 1,
        Entry::Occupied(entry) => drop(entry.remove()),
        Entry::Vacant(_) => {}
    }
}

/// Who has which place.
#[derive(Debug, Default)]
pub(super) struct Places {
    standings: BTreeMap<RoomId, Standing>,
    /// Of these, those that may give way.
    deserted: BTreeSet<RoomId>,
    counts: Counts,
    /// How many rooms have been made or taken up.
    made: u64,
}

impl Places {
    /// A room takes a place.
    pub(super) fn enter(&mut self, id: &RoomId, origin: Origin) {
        self.leave(id);
        self.made += 1;
        let standing = Standing { origin, number: self.made, is_deserted: false, gives_way: false };
        self.counts.count(&standing, true);
        self.standings.insert(id.clone(), standing);
    }

    /// A room that is over leaves its place.
    pub(super) fn leave(&mut self, id: &RoomId) -> Option<Standing> {
        let gone = self.standings.remove(id)?;
        self.counts.count(&gone, false);
        self.deserted.remove(id);
        Some(gone)
    }

    /// Whether nobody has a seat in it any more. The room tells it with each of its changes, the end of a held seat among them.
    pub(super) fn note_deserted(&mut self, id: &RoomId, is_deserted: bool) {
        self.change(id, |standing| {
            standing.is_deserted = is_deserted;
            // Who came back in time has his place.
            standing.gives_way &= is_deserted;
        });
    }

    /// Whose it is now. Who is erased leaves a room whose founder is another, and no address.
    pub(super) fn note_founder(&mut self, id: &RoomId, founder: UserId) {
        self.change(id, |standing| {
            if standing.origin.founder != founder {
                standing.origin = Origin { founder, address: None, ..standing.origin };
            }
        });
    }

    /// It has been told to make place.
    pub(super) fn send_away(&mut self, id: &RoomId) {
        self.change(id, |standing| standing.gives_way = true);
    }

    fn change(&mut self, id: &RoomId, change: impl FnOnce(&mut Standing)) {
        let Some(standing) = self.standings.get_mut(id) else { return };
        self.counts.count(standing, false);
        change(standing);
        self.counts.count(standing, true);
        if standing.may_give_way() {
            self.deserted.insert(id.clone())
        } else {
            self.deserted.remove(id)
        };
    }

    /// Whether there is a place for one more; `Some` of the room that has to give way for it. `owed` places are taken by rooms
    /// that are over.
    ///
    /// # Errors
    /// [`Denied::TooManyRoomsOfYours`], [`Denied::TooManyRoomsOfNetwork`], [`Denied::TooManyRooms`].
    pub(super) fn find(&self, owed: usize, new: Origin, bounds: Bounds) -> Result<Option<&RoomId>, Denied> {
        let of_people = self.counts.of_people + owed;
        let is_full =
            of_people + self.counts.of_operator >= bounds.rooms || (!new.is_operators && of_people >= bounds.for_people());
        let (false, Some(address)) = (new.is_operators, new.address) else {
            return if is_full { self.youngest_of_most(None, 0).map(Some).ok_or(Denied::TooManyRooms) } else { Ok(None) };
        };
        if is_full && self.deserted.is_empty() {
            return Err(Denied::TooManyRooms);
        }
        if self.counts.of_founder(new.founder) >= bounds.per_person {
            return Err(Denied::TooManyRoomsOfYours);
        }
        let taken = |network| self.counts.of_network(network);
        if let Some(network) = exhausted(address, bounds.per_address(), bounds.rooms, taken) {
            return self.youngest_of_most(Some(network), 0).map(Some).ok_or(Denied::TooManyRoomsOfNetwork);
        }
        if !is_full {
            return Ok(None);
        }
        // Nobody takes a place from somebody who has no more than he would have then.
        self.youngest_of_most(None, taken(Network::widest(address))).map(Some).ok_or(Denied::TooManyRooms)
    }

    /// Of the rooms that may give way (in a network) those of whichever network has most, if that is more than so many; of these
    /// the youngest.
    fn youngest_of_most(&self, within: Option<Network>, more_than: usize) -> Option<&RoomId> {
        let rank = |id| {
            let standing = self.standings.get(id)?;
            let address = standing.origin.address.filter(|address| within.is_none_or(|within| within.holds(*address)))?;
            let count = self.counts.of_network(Network::widest(address));
            (count > more_than).then_some((count, standing.number, id))
        };
        self.deserted.iter().filter_map(rank).max_by_key(|(count, number, _)| (*count, *number)).map(|(.., id)| id)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use dais_shared::limits::{ROOMS, ROOMS_PER_USER};

    use super::*;

    /// A house, and what becomes of it.
    struct Scene {
        bounds: Bounds,
        places: Places,
    }

    fn v4(a: u8, b: u8, c: u8, d: u8) -> Option<AddressPrefix> {
        Some(AddressPrefix::V4([a, b, c, d]))
    }

    impl Scene {
        fn new(rooms: usize) -> Self {
            Self { bounds: Bounds::new(rooms, ROOMS_PER_USER, true), places: Places::default() }
        }

        fn rooms(&self) -> usize {
            self.places.standings.len()
        }

        fn asks(&mut self, origin: Origin) -> Result<Option<RoomId>, Denied> {
            let gone = self.places.find(0, origin, self.bounds)?.cloned();
            if let Some(gone) = &gone {
                self.places.send_away(gone);
                self.places.leave(gone).unwrap();
            }
            let id = RoomId::parse(&format!("room-{}", self.places.made + 1)).unwrap();
            self.places.enter(&id, origin);
            self.places.assert_counted();
            Ok(gone)
        }

        /// Somebody new, with one identity for each room.
        fn founds(&mut self, address: Option<AddressPrefix>) -> Result<Option<RoomId>, Denied> {
            self.asks(Origin { founder: UserId(self.places.made), address, is_operators: false })
        }

        fn operator_makes(&mut self) -> Result<Option<RoomId>, Denied> {
            self.asks(Origin { founder: UserId(self.places.made), address: None, is_operators: true })
        }

        /// As many as they get, in turn.
        fn flood(&mut self, addresses: impl Iterator<Item = Option<AddressPrefix>> + Clone) -> usize {
            let before = self.rooms();
            while addresses.clone().filter(|address| self.founds(*address) == Ok(None)).count() > 0 {}
            self.rooms() - before
        }

        fn deserts(&mut self, which: impl Fn(&Standing) -> bool) {
            let deserted = self.places.standings.iter().filter(|(_, standing)| which(standing));
            let deserted: Vec<_> = deserted.map(|(id, _)| id.clone()).collect();
            deserted.iter().for_each(|id| self.places.note_deserted(id, true));
            self.places.assert_counted();
        }
    }

    impl Places {
        /// What is counted as rooms come and go is what there is.
        fn assert_counted(&self) {
            let mut counts = Counts::default();
            self.standings.values().for_each(|standing| counts.count(standing, true));
            assert_eq!(self.counts, counts);
            let may = self.standings.iter().filter(|(_, standing)| standing.may_give_way()).map(|(id, _)| id);
            assert!(self.deserted.iter().eq(may));
        }
    }

    #[test]
    fn a_room_is_counted_as_whose_it_is_and_for_as_long_as_it_has_its_place() {
        let mut scene = Scene::new(ROOMS);
        scene.founds(v4(203, 0, 113, 7)).unwrap();
        let id = RoomId::parse("room-1").unwrap();
        let shares = |scene: &Scene, founder| {
            let network = Network::widest(v4(203, 0, 113, 7).unwrap());
            scene.places.assert_counted();
            (scene.places.counts.of_founder(UserId(founder)), scene.places.counts.of_network(network))
        };
        assert_eq!(shares(&scene, 0), (1, 1));
        scene.places.note_deserted(&id, true);
        scene.places.send_away(&id);
        assert_eq!(shares(&scene, 0), (0, 0), "its place is promised to another");
        scene.places.note_deserted(&id, false);
        assert_eq!(shares(&scene, 0), (1, 1), "who came back in time has his place");
        scene.places.note_founder(&id, UserId(9));
        assert_eq!((shares(&scene, 0), shares(&scene, 9)), ((0, 0), (1, 0)));
        scene.places.enter(&id, Origin { founder: UserId(3), address: None, is_operators: true });
        assert_eq!((shares(&scene, 9), shares(&scene, 3)), ((0, 0), (1, 0)), "one that takes its id takes its place");
        scene.places.leave(&id);
        assert_eq!(scene.places.counts, Counts::default());
    }

    #[test]
    fn a_network_has_its_share_and_is_told_so() {
        let subnet = |number: u8| Some(AddressPrefix::V6([0x20, 1, 0xD, 0xB8, 0, 1, 0x23, number]));
        for addresses in [(0..5).map(subnet).collect::<Vec<_>>(), (1..6).map(|d| v4(203, 0, 113, d)).collect()] {
            let mut scene = Scene::new(ROOMS);
            let taken = scene.flood(addresses.iter().copied());
            assert!(taken > ROOMS / ROOMS_ADDRESS_SHARE && taken <= ROOMS / 2, "{taken}");
            assert_eq!(scene.founds(addresses[0]), Err(Denied::TooManyRoomsOfNetwork));
            assert_eq!((scene.founds(v4(198, 51, 100, 7)), scene.operator_makes()), (Ok(None), Ok(None)));
        }
    }

    #[test]
    fn the_operators_places_are_nobody_elses() {
        let mut scene = Scene::new(ROOMS);
        let everywhere = (0..=u8::MAX).map(|b| v4(198, b, 100, 7));
        assert_eq!(scene.flood(everywhere), ROOMS - ROOMS / ROOMS_RESERVED_SHARE);
        assert_eq!(
            scene.founds(v4(203, 0, 113, 7)),
            Err(Denied::TooManyRooms),
            "the server is full, and no network has its share"
        );
        for _ in 0..ROOMS / ROOMS_RESERVED_SHARE {
            assert_eq!(scene.operator_makes(), Ok(None));
        }
        assert_eq!(scene.operator_makes(), Err(Denied::TooManyRooms));
        // What the operator has made is no place that people lack.
        let mut scene = Scene::new(10);
        assert_eq!(scene.operator_makes(), Ok(None));
        assert_eq!(scene.flood((0..20).map(|b| v4(198, b, 100, 7))), 9);
    }

    #[test]
    fn a_deserted_room_gives_way_and_no_other() {
        let mut scene = Scene::new(20);
        for b in 0..3 {
            assert_eq!(scene.founds(v4(10, b, 0, 1)), Ok(None));
        }
        assert_eq!((scene.flood((1..4).map(|d| v4(203, 0, 113, d))), scene.flood((0..9).map(|b| v4(198, b, 0, 1)))), (10, 5));
        assert_eq!(scene.founds(v4(192, 0, 2, 1)), Err(Denied::TooManyRooms), "in each of them there is somebody");
        // The youngest of whoever has the most, though others are younger.
        scene.deserts(|standing| standing.number != 13);
        assert_eq!(scene.founds(v4(192, 0, 2, 1)), Ok(RoomId::parse("room-12").ok()));
        assert_eq!(scene.operator_makes(), Ok(None), "there are two places of his own");
        // A network with its share replaces what is deserted there, and nobody else's.
        let mut scene = Scene::new(20);
        scene.flood((1..4).map(|d| v4(203, 0, 113, d)));
        scene.founds(v4(10, 0, 0, 1)).unwrap();
        scene.deserts(|standing| standing.origin.address == v4(10, 0, 0, 1));
        assert_eq!(scene.founds(v4(203, 0, 113, 9)), Err(Denied::TooManyRoomsOfNetwork));
        scene.deserts(|standing| standing.number == 2);
        assert_eq!(scene.founds(v4(203, 0, 113, 9)), Ok(RoomId::parse("room-2").ok()));
    }

    #[test]
    fn who_has_much_takes_nothing_from_who_has_little() {
        let mut scene = Scene::new(20);
        for b in 0..12 {
            scene.founds(v4(10, b, 0, 1)).unwrap();
        }
        assert_eq!(scene.flood((1..4).map(|d| v4(203, 0, 113, d))), 6);
        scene.deserts(|standing| standing.origin.address < v4(11, 0, 0, 0));
        assert_eq!(scene.founds(v4(203, 0, 113, 9)), Err(Denied::TooManyRooms));
        assert!(matches!(scene.founds(v4(192, 0, 2, 1)), Ok(Some(_))), "who has nothing yet");
    }

    #[test]
    fn rooms_of_before_the_start_and_the_operators_give_no_way() {
        let mut scene = Scene::new(10);
        for _ in 0..10 {
            let origin = Origin { founder: UserId(scene.places.made), address: None, is_operators: scene.places.made == 0 };
            scene.asks(origin).unwrap();
        }
        scene.deserts(|_| true);
        assert_eq!(
            (scene.founds(v4(192, 0, 2, 1)), scene.operator_makes()),
            (Err(Denied::TooManyRooms), Err(Denied::TooManyRooms))
        );
    }
}
