//! Whether there is a place for one more room, and which room makes one. Pure: told what rooms there are.
//!
//! A person, an address and a network have their shares; some places are the operator's. Where none is left, a deserted room
//! makes place: of those who have the most, and of theirs the youngest. A room that anybody sits in, or that anybody but its
//! founder has sat in, never does.

use std::collections::BTreeMap;

use dais_shared::ids::{AddressPrefix, RoomId, UserId};
use dais_shared::limits::{ROOMS_ADDRESS_SHARE, ROOMS_RESERVED_SHARE};
use dais_shared::room::Denied;

use crate::shares::{Network, exhausted};

/// How many rooms there may be at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) rooms: usize,
    /// Founded by one person.
    pub(crate) per_person: usize,
    /// Of all, those that only the operator makes.
    pub(crate) reserved: usize,
}

impl Bounds {
    /// With places kept for an operator who can make rooms at all.
    pub(crate) fn new(rooms: usize, per_person: usize, has_operator: bool) -> Self {
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
    pub(super) number: u64,
    /// See [`dais_shared::room::Room::is_deserted`].
    pub(super) is_deserted: bool,
    /// It has been told to make place, which is somebody else's by now.
    pub(super) gives_way: bool,
}

impl Standing {
    fn may_give_way(&self) -> bool {
        self.is_deserted && !self.origin.is_operators && self.origin.address.is_some()
    }
}

/// Whether there is a place for one more; `Some` of the room that has to give way for it. `owed` places are taken by rooms that
/// are over.
///
/// # Errors
/// [`Denied::TooManyRoomsOfYours`], [`Denied::TooManyRoomsOfNetwork`], [`Denied::TooManyRooms`].
pub(super) fn find<'a, I>(rooms: I, owed: usize, new: Origin, bounds: Bounds) -> Result<Option<&'a RoomId>, Denied>
where
    I: Iterator<Item = (&'a RoomId, &'a Standing)> + Clone,
{
    let rooms = rooms.filter(|(_, standing)| !standing.gives_way);
    let count = |counts: &dyn Fn(&Origin) -> bool| rooms.clone().filter(|(_, standing)| counts(&standing.origin)).count();
    let total = count(&|_| true) + owed;
    let of_people = count(&|origin| !origin.is_operators) + owed;
    let is_full = total >= bounds.rooms || (!new.is_operators && of_people >= bounds.for_people());
    let most_deserted = if is_full { youngest_of_most(rooms.clone(), 0).map(Some).ok_or(Denied::TooManyRooms)? } else { None };
    let (false, Some(address)) = (new.is_operators, new.address) else { return Ok(most_deserted) };
    if count(&|origin| origin.founder == new.founder) >= bounds.per_person {
        return Err(Denied::TooManyRoomsOfYours);
    }
    let taken = |network: Network| count(&|origin| origin.address.is_some_and(|address| network.holds(address)));
    if let Some(network) = exhausted(address, bounds.per_address(), bounds.rooms, taken) {
        let there = rooms.filter(|(_, standing)| standing.origin.address.is_some_and(|address| network.holds(address)));
        return youngest_of_most(there, 0).map(Some).ok_or(Denied::TooManyRoomsOfNetwork);
    }
    if !is_full {
        return Ok(None);
    }
    // Nobody takes a place from somebody who has no more than he would have then.
    let own = taken(Network::widest(address));
    youngest_of_most(rooms, own).map(Some).ok_or(Denied::TooManyRooms)
}

/// Of the rooms that may give way those of whichever network has most, if that is more than so many; of these the youngest.
fn youngest_of_most<'a>(rooms: impl Iterator<Item = (&'a RoomId, &'a Standing)> + Clone, more_than: usize) -> Option<&'a RoomId> {
    let network = |standing: &Standing| standing.origin.address.map(Network::widest);
    let mut of_networks: BTreeMap<Network, usize> = BTreeMap::new();
    for network in rooms.clone().filter_map(|(_, standing)| network(standing)) {
        *of_networks.entry(network).or_default() += 1;
    }
    let deserted = rooms.filter(|(_, standing)| standing.may_give_way());
    let ranked = deserted.filter_map(|(id, standing)| Some((*of_networks.get(&network(standing)?)?, standing.number, id)));
    ranked.filter(|(count, ..)| *count > more_than).max_by_key(|(count, number, _)| (*count, *number)).map(|(.., id)| id)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use dais_shared::limits::{ROOMS, ROOMS_PER_USER};

    use super::*;

    /// A house, and what becomes of it.
    struct Scene {
        bounds: Bounds,
        rooms: BTreeMap<RoomId, Standing>,
        made: u64,
    }

    fn v4(a: u8, b: u8, c: u8, d: u8) -> Option<AddressPrefix> {
        Some(AddressPrefix::V4([a, b, c, d]))
    }

    impl Scene {
        fn new(rooms: usize) -> Self {
            Self { bounds: Bounds::new(rooms, ROOMS_PER_USER, true), rooms: BTreeMap::new(), made: 0 }
        }

        fn asks(&mut self, origin: Origin) -> Result<Option<RoomId>, Denied> {
            let gone = find(self.rooms.iter(), 0, origin, self.bounds)?.cloned();
            if let Some(gone) = &gone {
                self.rooms.remove(gone).unwrap();
            }
            self.made += 1;
            let standing = Standing { origin, number: self.made, is_deserted: false, gives_way: false };
            self.rooms.insert(RoomId::parse(&format!("room-{}", self.made)).unwrap(), standing);
            Ok(gone)
        }

        /// Somebody new, with one identity for each room.
        fn founds(&mut self, address: Option<AddressPrefix>) -> Result<Option<RoomId>, Denied> {
            self.asks(Origin { founder: UserId(self.made), address, is_operators: false })
        }

        fn operator_makes(&mut self) -> Result<Option<RoomId>, Denied> {
            self.asks(Origin { founder: UserId(self.made), address: None, is_operators: true })
        }

        /// As many as they get, in turn.
        fn flood(&mut self, addresses: impl Iterator<Item = Option<AddressPrefix>> + Clone) -> usize {
            let before = self.rooms.len();
            while addresses.clone().filter(|address| self.founds(*address) == Ok(None)).count() > 0 {}
            self.rooms.len() - before
        }

        fn deserts(&mut self, which: impl Fn(&Standing) -> bool) {
            self.rooms.values_mut().filter(|standing| which(standing)).for_each(|standing| standing.is_deserted = true);
        }
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
            let origin = Origin { founder: UserId(scene.made), address: None, is_operators: scene.made == 0 };
            scene.asks(origin).unwrap();
        }
        scene.deserts(|_| true);
        assert_eq!(
            (scene.founds(v4(192, 0, 2, 1)), scene.operator_makes()),
            (Err(Denied::TooManyRooms), Err(Denied::TooManyRooms))
        );
    }
}
