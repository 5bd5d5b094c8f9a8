//! What one address and the networks around it may have of something there is so much of: the one rule for rooms, connections
//! and whatever else is shared out.
//!
//! Whoever has one address of IPv6 has 2^64, often 256 times as many (a /56), sometimes 65,536 times (a /48); so a
//! neighbourhood has a share, too, larger than an address's and never all. Of IPv4 a /24 is a neighbourhood: many households,
//! or one provider's customers. Pure: told who asks, and how much there is.

use dais_shared::ids::AddressPrefix;
use dais_shared::limits::{NETWORK_SHARE_HALVES, NETWORK_SHARE_HALVES_WIDEST, NETWORK_SHARE_MAX_FIFTHS, NETWORK_SHARE_MIN};

/// An address, or a network that it lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Network {
    /// What counts as one address: one of IPv4, a /64 of IPv6.
    Address(AddressPrefix),
    /// The first 56 bits of IPv6: what a provider gives to a household.
    Site([u8; 7]),
    /// The first 24 bits of IPv4.
    BlockV4([u8; 3]),
    /// The first 48 bits of IPv6: what a provider gives to a company.
    BlockV6([u8; 6]),
}

impl Network {
    /// The address itself and what it lies in, the narrowest first.
    pub(crate) fn around(address: AddressPrefix) -> impl DoubleEndedIterator<Item = Self> + Clone {
        let (site, block) = match address {
            AddressPrefix::V4([a, b, c, _]) => (None, Self::BlockV4([a, b, c])),
            AddressPrefix::V6([a, b, c, d, e, f, g, _]) => {
                (Some(Self::Site([a, b, c, d, e, f, g])), Self::BlockV6([a, b, c, d, e, f]))
            }
        };
        [Some(Self::Address(address)), site, Some(block)].into_iter().flatten()
    }

    /// The widest of these.
    pub(crate) fn widest(address: AddressPrefix) -> Self {
        match address {
            AddressPrefix::V4([a, b, c, _]) => Self::BlockV4([a, b, c]),
            AddressPrefix::V6([a, b, c, d, e, f, ..]) => Self::BlockV6([a, b, c, d, e, f]),
        }
    }

    /// Whether an address lies in it.
    pub(crate) fn holds(self, address: AddressPrefix) -> bool {
        Self::around(address).any(|network| network == self)
    }

    /// Whether it is what counts as one address.
    pub(crate) const fn is_address(self) -> bool {
        matches!(self, Self::Address(_))
    }

    /// Its part of `all`, where one address has `one`.
    pub(crate) fn share(self, one: usize, all: usize) -> usize {
        if self.is_address() {
            return one;
        }
        let most = all.saturating_mul(NETWORK_SHARE_MAX_FIFTHS).div_ceil(5);
        self.widened(one).max(all / NETWORK_SHARE_MIN).min(most).max(one)
    }

    /// What it may have of something that there is no end of, such as tries, where one address may have `one`.
    pub(crate) fn widened(self, one: usize) -> usize {
        let halves = match self {
            Self::Address(_) => 2,
            Self::Site(_) => NETWORK_SHARE_HALVES,
            Self::BlockV4(_) | Self::BlockV6(_) => NETWORK_SHARE_HALVES_WIDEST,
        };
        one.saturating_mul(halves) / 2
    }
}

/// The narrowest of the networks around an address that has its share already, so that there is nothing more for it; `taken`
/// says how much each has.
pub(crate) fn exhausted(address: AddressPrefix, one: usize, all: usize, taken: impl Fn(Network) -> usize) -> Option<Network> {
    Network::around(address).find(|network| taken(*network) >= network.share(one, all))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use std::collections::BTreeMap;
    use std::net::IpAddr;

    use dais_shared::limits::{CONNECTIONS, CONNECTIONS_PER_ADDRESS, ROOMS, ROOMS_ADDRESS_SHARE, ROOMS_RESERVED_SHARE};

    use super::*;

    fn prefix(address: &str) -> AddressPrefix {
        address.parse::<IpAddr>().unwrap().into()
    }

    /// How many of `all` these take who ask in turn, until nobody gets one any more.
    fn taken_by(addresses: &[String], one: usize, all: usize) -> usize {
        let mut taken: BTreeMap<Network, usize> = BTreeMap::new();
        let mut total = 0;
        loop {
            let before = total;
            for address in addresses {
                let address = prefix(address);
                let is_left = exhausted(address, one, all, |network| taken.get(&network).copied().unwrap_or(0)).is_none();
                if is_left && total < all {
                    Network::around(address).for_each(|network| *taken.entry(network).or_default() += 1);
                    total += 1;
                }
            }
            if total == before {
                return total;
            }
        }
    }

    #[test]
    fn an_address_lies_in_wider_and_wider_networks() {
        let around = |address| Network::around(prefix(address)).collect::<Vec<_>>();
        let v6 = around("2001:db8:1:2345::7");
        assert_eq!(v6[1..], [Network::Site([0x20, 1, 0xd, 0xb8, 0, 1, 0x23]), Network::BlockV6([0x20, 1, 0xd, 0xb8, 0, 1])]);
        assert_eq!(around("203.0.113.7")[1..], [Network::BlockV4([203, 0, 113])]);
        assert!(v6[0].is_address() && !v6[1].is_address() && Network::widest(prefix("2001:db8:1::")) == v6[2]);
        assert!(v6[1].holds(prefix("2001:db8:1:23ff::")) && !v6[1].holds(prefix("2001:db8:1:2400::")));
        assert!(v6[2].holds(prefix("2001:db8:1:2400::")) && !v6[2].holds(prefix("203.0.113.7")));
    }

    #[test]
    fn a_wider_network_has_more_than_an_address_and_never_all() {
        let networks: Vec<Network> =
            ["2001:db8:1:2345::7", "203.0.113.7"].into_iter().flat_map(|a| Network::around(prefix(a))).collect();
        for all in 1..200 {
            for one in 1..=all {
                for network in &networks {
                    let share = network.share(one, all);
                    assert!(
                        share >= one && (network.is_address() || share >= all / NETWORK_SHARE_MIN),
                        "{network:?} {one} of {all}"
                    );
                    assert!(share <= one || share < all || all <= 2, "{network:?} {one} of {all} has {share}");
                }
            }
        }
    }

    #[test]
    fn nobody_with_many_addresses_of_one_network_takes_all() {
        let subnets = |count: u32| (0..count).map(|n| format!("2001:db8:1:{n:x}::7")).collect::<Vec<_>>();
        let hosts = |count: u32| (0..count).map(|n| format!("203.0.113.{n}")).collect::<Vec<_>>();
        for (one, all) in
            [(ROOMS / ROOMS_ADDRESS_SHARE, ROOMS - ROOMS / ROOMS_RESERVED_SHARE), (CONNECTIONS_PER_ADDRESS, CONNECTIONS)]
        {
            for (who, addresses) in [
                ("a /56", subnets(5)),
                ("all of a /56", subnets(256)),
                ("a /48", (0..40).map(|n| format!("2001:db8:1:{n:x}00::7")).collect()),
                ("a few of a /24", hosts(5)),
                ("a /24", hosts(256)),
            ] {
                let taken = taken_by(&addresses, one, all);
                assert!(taken > one && taken <= all / 2, "{who} takes {taken} of {all}");
            }
            let strangers: Vec<String> = (0..250).map(|n| format!("198.18.{n}.1")).collect();
            assert_eq!(taken_by(&strangers, one, all), all, "who comes from everywhere finds place while there is any");
        }
    }

    #[test]
    fn a_school_and_a_provider_behind_few_addresses_find_place() {
        let school = vec!["203.0.113.7".to_owned()];
        assert!(taken_by(&school, CONNECTIONS_PER_ADDRESS, CONNECTIONS) >= 1000);
        let provider: Vec<String> = (0..64).map(|n| format!("100.64.7.{n}")).collect();
        assert!(taken_by(&provider, CONNECTIONS_PER_ADDRESS, CONNECTIONS) >= 4000);
        // Where an operator gives each address little, a neighbourhood of households is no address.
        assert!(taken_by(&provider, 10, CONNECTIONS) >= 640);
    }
}
