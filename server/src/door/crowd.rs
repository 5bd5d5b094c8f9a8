//! Sockets that are no WebSocket yet: how many there are, from where, and whose turn it is to go when there are too many. What
//! that costs does not grow with how many there are, nor with how many addresses were ever seen.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use dais_shared::ids::AddressPrefix;

use crate::shares::Network;

/// How much somebody has: the greatest goes first, and of those who have as many whoever's is the oldest.
type Rank = (usize, Reverse<u64>);

/// Sockets by number, which rise, each with what puts it out.
#[derive(Debug)]
pub(super) struct Crowd<T> {
    networks: BTreeMap<Network, Group<T>>,
    /// The widest networks, by how many sockets each has, and then by their greatest address.
    order: BTreeSet<(usize, Rank, Network)>,
    len: usize,
}

/// Those of one of the widest networks.
#[derive(Debug)]
struct Group<T> {
    sockets: BTreeMap<AddressPrefix, BTreeMap<u64, T>>,
    order: BTreeSet<(Rank, AddressPrefix)>,
    len: usize,
}

impl<T> Default for Crowd<T> {
    fn default() -> Self {
        Self { networks: BTreeMap::new(), order: BTreeSet::new(), len: 0 }
    }
}

impl<T> Default for Group<T> {
    fn default() -> Self {
        Self { sockets: BTreeMap::new(), order: BTreeSet::new(), len: 0 }
    }
}

impl<T> Crowd<T> {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn insert(&mut self, address: AddressPrefix, number: u64, put_out: T) {
        self.change(address, |sockets| {
            sockets.insert(number, put_out);
        });
    }

    /// Returns whether it was still there, and had not been put out.
    pub(super) fn remove(&mut self, address: AddressPrefix, number: u64) -> bool {
        let mut was_there = false;
        self.change(address, |sockets| was_there = sockets.remove(&number).is_some());
        was_there
    }

    /// The oldest socket of the address that has the most, in the widest network that has the most.
    pub(super) fn pop(&mut self) -> Option<T> {
        let (_, _, network) = self.order.last()?;
        let (_, address) = *self.networks.get(network)?.order.last()?;
        let mut popped = None;
        self.change(address, |sockets| popped = sockets.pop_first());
        popped.map(|(_, put_out)| put_out)
    }

    /// Changes the sockets of an address; both orders follow.
    fn change(&mut self, address: AddressPrefix, change: impl FnOnce(&mut BTreeMap<u64, T>)) {
        let network = Network::widest(address);
        let group = self.networks.entry(network).or_default();
        if let Some((rank, _)) = group.order.last() {
            self.order.remove(&(group.len, *rank, network));
        }
        self.len -= group.len;
        group.change(address, change);
        self.len += group.len;
        match group.order.last() {
            Some((rank, _)) => drop(self.order.insert((group.len, *rank, network))),
            None => drop(self.networks.remove(&network)),
        }
    }
}

impl<T> Group<T> {
    fn change(&mut self, address: AddressPrefix, change: impl FnOnce(&mut BTreeMap<u64, T>)) {
        let sockets = self.sockets.entry(address).or_default();
        if let Some(rank) = rank(sockets) {
            self.order.remove(&(rank, address));
        }
        self.len -= sockets.len();
        change(sockets);
        self.len += sockets.len();
        match rank(sockets) {
            Some(rank) => drop(self.order.insert((rank, address))),
            None => drop(self.sockets.remove(&address)),
        }
    }
}

fn rank<T>(sockets: &BTreeMap<u64, T>) -> Option<Rank> {
    sockets.keys().next().map(|oldest| (sockets.len(), Reverse(*oldest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u64) -> AddressPrefix {
        AddressPrefix::V4([10, 0, (number / 5) as u8, (number % 5) as u8])
    }

    /// Who goes, as looking at all of them would say.
    fn by_looking(all: &BTreeMap<u64, AddressPrefix>) -> Option<u64> {
        let count = |is_there: &dyn Fn(&AddressPrefix) -> bool| all.values().filter(|other| is_there(other)).count();
        let greatest = all.iter().max_by_key(|(number, address)| {
            let of_address = all.iter().filter(|(_, other)| other == address);
            let oldest = of_address.map(|(number, _)| *number).min();
            let network = count(&|other| Network::widest(*other) == Network::widest(**address));
            (network, count(&|other| other == *address), Reverse(oldest), Reverse(**number))
        });
        greatest.map(|(number, _)| *number)
    }

    #[test]
    fn who_goes_is_whom_looking_at_all_of_them_finds() {
        let (mut crowd, mut all) = (Crowd::default(), BTreeMap::new());
        let mut chance = 7_u64;
        for number in 0..3_000 {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let dice = chance >> 33;
            match dice % 8 {
                0..=3 => {
                    crowd.insert(address(dice / 8 % 30), number, number);
                    all.insert(number, address(dice / 8 % 30));
                }
                4 | 5 => {
                    if let Some((number, address)) = all.iter().nth(dice as usize % all.len().max(1)).map(|(n, a)| (*n, *a)) {
                        all.remove(&number);
                        assert!(crowd.remove(address, number));
                        assert!(!crowd.remove(address, number), "it is gone");
                    }
                }
                _ => {
                    let expected = by_looking(&all);
                    assert_eq!(crowd.pop(), expected, "at {number}");
                    expected.map(|number| all.remove(&number));
                }
            }
            assert_eq!(crowd.len(), all.len());
        }
        while let Some(number) = crowd.pop() {
            assert!(all.remove(&number).is_some());
        }
        assert!(all.is_empty() && crowd.networks.is_empty() && crowd.order.is_empty(), "nothing is left behind");
    }
}
