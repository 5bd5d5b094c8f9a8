//! Who has how much open, and how fast more came: each address, and the networks around it. Told the time; knows no lock.

use std::collections::BTreeMap;
use std::sync::Arc;

use dais_shared::ids::AddressPrefix;
use dais_shared::limits::{
    ADDRESS_REFILL_SECONDS, ADDRESSES_MAX, ADMIN_TOKEN_SECONDS, ADMIN_TOKENS_PER_ADDRESS, ARRIVALS_PER_CONNECTION, PAGE_BURST,
    PAGES_PER_CONNECTION, PAGES_PER_SECOND, PAGES_REFILL_SECONDS, PASSCODE_SECONDS, PASSCODES_PER_ADDRESS, SIGN_IN_SECONDS,
    SIGN_INS_PER_ADDRESS,
};
use dais_shared::rate::TokenBucket;
use tokio::sync::Notify;

use super::Bounds;
use super::crowd::Crowd;
use crate::refusal::Refusal;
use crate::shares::Network;

/// The map is looked through for what can be forgotten when it has grown to twice what the last look left, and to this.
const SWEEP_FROM: usize = 1024;
/// However few connections an address may have: so many people there may read at once all that a person may.
const PAGE_READERS_MIN: u32 = 4;

/// One address, or a network.
#[derive(Debug)]
struct Account {
    connections: usize,
    connections_max: usize,
    openings: TokenBucket,
    arrivals: TokenBucket,
    pages: TokenBucket,
    passcodes: TokenBucket,
    sign_ins: TokenBucket,
    admin_tokens: TokenBucket,
}

impl Account {
    fn new(network: Network, bounds: Bounds, now_ms: u64) -> Self {
        let connections_max = network.share(bounds.connections_per_address, bounds.connections);
        let connections = bucket_size(connections_max);
        let refilled = |burst: u32, seconds: u32| TokenBucket::new(burst, (burst / seconds).max(1), now_ms);
        let quick = |burst: u32| refilled(burst, ADDRESS_REFILL_SECONDS);
        let widened = |count: u32| bucket_size(network.widened(count as usize));
        let slow = |tries: u32, seconds: u32| TokenBucket::new(widened(tries * seconds), widened(1), now_ms);
        Self {
            connections: 0,
            connections_max,
            openings: quick(connections),
            arrivals: quick(connections.saturating_mul(ARRIVALS_PER_CONNECTION)),
            pages: {
                let (burst, seconds) = (connections.saturating_mul(PAGES_PER_CONNECTION), PAGES_REFILL_SECONDS);
                let per_second = (burst / seconds).max(PAGE_READERS_MIN * PAGES_PER_SECOND);
                TokenBucket::new(burst.max(PAGE_READERS_MIN * PAGE_BURST), per_second, now_ms)
            },
            passcodes: slow(PASSCODES_PER_ADDRESS, PASSCODE_SECONDS),
            sign_ins: slow(SIGN_INS_PER_ADDRESS, SIGN_IN_SECONDS),
            admin_tokens: slow(ADMIN_TOKENS_PER_ADDRESS, ADMIN_TOKEN_SECONDS),
        }
    }

    /// Whether a new account would say the same.
    fn is_as_new(&mut self, now_ms: u64) -> bool {
        self.connections == 0
            && self.openings.is_full(now_ms)
            && self.arrivals.is_full(now_ms)
            && self.pages.is_full(now_ms)
            && self.passcodes.is_full(now_ms)
            && self.sign_ins.is_full(now_ms)
            && self.admin_tokens.is_full(now_ms)
    }
}

fn bucket_size(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Which of an account's buckets.
type Bucket = fn(&mut Account) -> &mut TokenBucket;

/// See the module.
#[derive(Debug)]
pub(super) struct Ledger {
    bounds: Bounds,
    accounts: BTreeMap<Network, Account>,
    sweep_at: usize,
    connections: usize,
    /// Those that are no WebSocket yet.
    pending: Crowd<Arc<Notify>>,
    /// Those of them that were put out and are not gone yet.
    going: usize,
    next_number: u64,
}

impl Ledger {
    pub(super) fn new(bounds: Bounds) -> Self {
        let pending = Crowd::default();
        Self { bounds, accounts: BTreeMap::new(), sweep_at: SWEEP_FROM, connections: 0, pending, going: 0, next_number: 0 }
    }

    /// Takes a socket in; its number, and what puts another one out in its favour.
    pub(super) fn enter(&mut self, address: AddressPrefix, put_out: Arc<Notify>) -> (u64, Option<Arc<Notify>>) {
        let other = if self.pending.len() >= self.bounds.pending { self.pending.pop() } else { None };
        self.going += usize::from(other.is_some());
        let number = self.next_number;
        self.next_number += 1;
        self.pending.insert(address, number, put_out);
        (number, other)
    }

    pub(super) fn leave(&mut self, address: AddressPrefix, number: u64) {
        if !self.pending.remove(address, number) {
            self.going = self.going.saturating_sub(1);
        }
    }

    /// How many were put out and still have their files.
    pub(super) const fn going(&self) -> usize {
        self.going
    }

    /// Whether one more connection may come from there; changes nothing.
    pub(super) fn may_admit(&mut self, address: AddressPrefix, now_ms: u64) -> Result<(), Refusal> {
        self.has_share(address, now_ms)?;
        if self.connections >= self.bounds.connections { Err(Refusal::ServerFull) } else { Ok(()) }
    }

    pub(super) fn admit(&mut self, address: AddressPrefix, now_ms: u64) -> Result<(), Refusal> {
        self.has_share(address, now_ms)?;
        let is_full = self.connections >= self.bounds.connections;
        for network in Network::around(address) {
            let account = self.account(network, now_ms);
            let _ = account.openings.take(1, now_ms); // it is there: that was looked at
            account.connections += usize::from(!is_full);
        }
        if is_full {
            return Err(Refusal::ServerFull);
        }
        self.connections += 1;
        Ok(())
    }

    pub(super) fn disconnect(&mut self, address: AddressPrefix) {
        for network in Network::around(address) {
            if let Some(account) = self.accounts.get_mut(&network) {
                account.connections = account.connections.saturating_sub(1);
            }
        }
        self.connections = self.connections.saturating_sub(1);
    }

    pub(super) fn may_arrive(&mut self, address: AddressPrefix, now_ms: u64) -> bool {
        self.take(address, |account| &mut account.arrivals, 1, now_ms)
    }

    pub(super) fn may_ask_for_page(&mut self, address: AddressPrefix, now_ms: u64) -> bool {
        self.take(address, |account| &mut account.pages, 1, now_ms)
    }

    pub(super) fn may_try_passcode(&mut self, address: AddressPrefix, now_ms: u64) -> bool {
        self.take(address, |account| &mut account.passcodes, PASSCODE_SECONDS, now_ms)
    }

    pub(super) fn forgive_passcode(&mut self, address: AddressPrefix) {
        self.give_back(address, |account| &mut account.passcodes, PASSCODE_SECONDS);
    }

    pub(super) fn may_try_sign_in(&mut self, address: AddressPrefix, now_ms: u64) -> bool {
        self.take(address, |account| &mut account.sign_ins, SIGN_IN_SECONDS, now_ms)
    }

    pub(super) fn forgive_sign_in(&mut self, address: AddressPrefix) {
        self.give_back(address, |account| &mut account.sign_ins, SIGN_IN_SECONDS);
    }

    pub(super) fn may_err_as_operator(&mut self, address: AddressPrefix, now_ms: u64) -> bool {
        self.take(address, |account| &mut account.admin_tokens, ADMIN_TOKEN_SECONDS, now_ms)
    }

    /// Whether there is something left for an address, and for each network around it.
    fn has_share(&mut self, address: AddressPrefix, now_ms: u64) -> Result<(), Refusal> {
        for network in Network::around(address) {
            let account = self.account(network, now_ms);
            let is_full = account.connections >= account.connections_max;
            if is_full || !account.openings.holds(1, now_ms) {
                return Err(match (network.is_address(), is_full) {
                    (true, true) => Refusal::AddressFull,
                    (true, false) => Refusal::AddressTooFast,
                    (false, true) => Refusal::NetworkFull,
                    (false, false) => Refusal::NetworkTooFast,
                });
            }
        }
        Ok(())
    }

    /// Takes tokens from an address and each network around it, if all have them.
    fn take(&mut self, address: AddressPrefix, bucket: Bucket, tokens: u32, now_ms: u64) -> bool {
        let mut around = Network::around(address);
        let is_there = around.clone().all(|network| bucket(self.account(network, now_ms)).holds(tokens, now_ms));
        is_there && around.all(|network| bucket(self.account(network, now_ms)).take(tokens, now_ms))
    }

    fn give_back(&mut self, address: AddressPrefix, bucket: Bucket, tokens: u32) {
        for network in Network::around(address) {
            if let Some(account) = self.accounts.get_mut(&network) {
                bucket(account).give_back(tokens);
            }
        }
    }

    fn account(&mut self, network: Network, now_ms: u64) -> &mut Account {
        if self.accounts.len() >= self.sweep_at && !self.accounts.contains_key(&network) {
            self.sweep(now_ms);
        }
        let bounds = self.bounds;
        self.accounts.entry(network).or_insert_with(|| Account::new(network, bounds, now_ms))
    }

    /// Forgets whom nothing needs to be remembered of; where those are too few, whoever has nothing open.
    fn sweep(&mut self, now_ms: u64) {
        self.accounts.retain(|_, account| !account.is_as_new(now_ms));
        if self.accounts.len() > ADDRESSES_MAX / 2 {
            self.accounts.retain(|_, account| account.connections > 0);
        }
        self.sweep_at = (2 * self.accounts.len()).max(SWEEP_FROM);
    }
}

#[cfg(test)]
mod tests {
    use dais_shared::limits::{CONNECTIONS, CONNECTIONS_PER_ADDRESS};

    use super::*;

    const BOUNDS: Bounds = Bounds { connections_per_address: 40, connections: 100, pending: 4 };

    /// One of IPv4, each in another network.
    fn address(number: usize) -> AddressPrefix {
        let [.., a, b, c] = number.to_be_bytes();
        AddressPrefix::V4([a, b, c, 7])
    }

    fn admitted(ledger: &mut Ledger, from: usize, count: usize, now_ms: u64) -> usize {
        (0..count).filter(|_| ledger.admit(address(from), now_ms).is_ok()).count()
    }

    #[test]
    fn one_address_has_its_share_and_leaves_the_others_theirs() {
        let mut ledger = Ledger::new(BOUNDS);
        assert_eq!(admitted(&mut ledger, 1, 50, 0), 40);
        assert_eq!(ledger.admit(address(1), 0), Err(Refusal::AddressFull));
        assert_eq!((admitted(&mut ledger, 2, 40, 0), admitted(&mut ledger, 3, 40, 0)), (40, 20));
        assert_eq!(ledger.admit(address(4), 0), Err(Refusal::ServerFull));
        ledger.disconnect(address(1));
        assert_eq!(admitted(&mut ledger, 4, 2, 0), 1);
    }

    #[test]
    fn a_network_has_its_share_whichever_addresses_it_uses() {
        let subnet = |number: u8| AddressPrefix::V6([0x20, 1, 0xD, 0xB8, 0, 1, 0x23, number]);
        let site = |number: u8| AddressPrefix::V6([0x20, 1, 0xD, 0xB8, 0, 1, number, 0]);
        let host = |number: u8| AddressPrefix::V4([203, 0, 113, number]);
        for around in ["a /56", "a /48", "a /24"] {
            let of = match around {
                "a /56" => subnet,
                "a /48" => site,
                _ => host,
            };
            let mut ledger = Ledger::new(Bounds { connections: 1000, ..BOUNDS });
            let mut asked = (0..=u8::MAX).flat_map(|number| [of(number); 10]);
            let (mut came, mut refused) = (0, None);
            while let (Some(address), None) = (asked.next(), refused) {
                assert_eq!(ledger.may_admit(address, 0).is_ok(), came < 100, "{around}: it is told beforehand");
                refused = ledger.admit(address, 0).err();
                came += u32::from(refused.is_none());
            }
            // A tenth of all, which is more here than what an address has one and a half or two times.
            assert_eq!((came, refused), (100, Some(Refusal::NetworkFull)), "{around}");
            assert_eq!(ledger.admit(address(1), 0), Ok(()), "others find place");
            ledger.disconnect(of(0));
            assert_eq!(ledger.admit(of(200), 0), Err(Refusal::NetworkTooFast), "{around}");
            assert_eq!(ledger.admit(of(200), 1_000), Ok(()), "{around}");
        }
    }

    #[test]
    fn tries_are_counted_for_the_network_too() {
        let mut ledger = Ledger::new(BOUNDS);
        let host = |number: u8| AddressPrefix::V4([203, 0, 113, number]);
        let tries = (0..=u8::MAX).flat_map(|number| [number; 100]).filter(|number| ledger.may_try_passcode(host(*number), 0));
        assert_eq!(tries.count(), 2 * PASSCODES_PER_ADDRESS as usize);
        assert!(!ledger.may_try_passcode(host(7), 0) && ledger.may_try_passcode(address(1), 0));
        ledger.forgive_passcode(host(7));
        assert!(ledger.may_try_passcode(host(8), 0), "what was right is given back to all");
    }

    #[test]
    fn whose_network_holds_most_sockets_makes_room_first() {
        let mut ledger = Ledger::new(BOUNDS);
        let entered: Vec<Arc<Notify>> =
            [address(9), AddressPrefix::V4([203, 0, 113, 1]), AddressPrefix::V4([203, 0, 113, 2]), address(8)]
                .map(|from| {
                    let put_out = Arc::new(Notify::new());
                    assert!(ledger.enter(from, Arc::clone(&put_out)).1.is_none());
                    put_out
                })
                .into();
        let (_, other) = ledger.enter(address(7), Arc::new(Notify::new()));
        assert!(Arc::ptr_eq(&other.expect("one has to go"), &entered[1]), "not the oldest of all");
    }

    #[test]
    fn an_address_that_comes_and_goes_all_the_time_has_to_wait() {
        let mut ledger = Ledger::new(BOUNDS);
        for _ in 0..40 {
            assert_eq!(ledger.admit(address(1), 0), Ok(()));
            ledger.disconnect(address(1));
        }
        assert_eq!(ledger.admit(address(1), 499), Err(Refusal::AddressTooFast));
        assert_eq!(ledger.admit(address(1), 500), Ok(()));
        assert_eq!(ledger.admit(address(2), 499), Ok(()), "another one does not");
    }

    #[test]
    fn the_oldest_socket_of_whoever_has_the_most_makes_room() {
        let mut ledger = Ledger::new(BOUNDS);
        let entered: Vec<Arc<Notify>> = [1, 2, 2, 3]
            .map(|from| {
                let put_out = Arc::new(Notify::new());
                assert!(ledger.enter(address(from), Arc::clone(&put_out)).1.is_none());
                put_out
            })
            .into();
        let (number, other) = ledger.enter(address(4), Arc::new(Notify::new()));
        assert!(Arc::ptr_eq(&other.expect("one has to go"), &entered[1]));
        assert_eq!((ledger.pending.len(), ledger.going()), (4, 1), "who was put out is counted no more, but for his file");
        ledger.leave(address(2), 1);
        assert_eq!((ledger.pending.len(), ledger.going()), (4, 0));
        ledger.leave(address(4), number);
        let newest = Arc::new(Notify::new());
        assert!(ledger.enter(address(4), Arc::clone(&newest)).1.is_none(), "there is room again");
        let (_, other) = ledger.enter(address(5), Arc::new(Notify::new()));
        assert!(Arc::ptr_eq(&other.expect("one has to go"), &entered[0]), "the oldest, where everybody has as many");
    }

    #[test]
    fn a_passcode_that_was_right_costs_nothing() {
        let mut ledger = Ledger::new(BOUNDS);
        for _ in 0..2 * PASSCODES_PER_ADDRESS {
            assert!(ledger.may_try_passcode(address(1), 0));
            ledger.forgive_passcode(address(1));
        }
        assert!((0..PASSCODES_PER_ADDRESS).all(|_| ledger.may_try_passcode(address(1), 0)));
        assert!(!ledger.may_try_passcode(address(1), 9_999));
        assert!(ledger.may_try_passcode(address(1), 10_000));
    }

    #[test]
    fn a_school_of_five_hundred_comes_in_at_once_by_default() {
        let bounds = Bounds::within(20_000, CONNECTIONS, CONNECTIONS_PER_ADDRESS);
        let mut ledger = Ledger::new(bounds);
        for _ in 0..500 {
            assert!(ledger.admit(address(1), 0).is_ok());
            assert!(ledger.may_arrive(address(1), 0) && ledger.may_arrive(address(1), 0));
            assert!(ledger.may_try_passcode(address(1), 0));
        }
    }

    #[test]
    fn what_is_remembered_of_addresses_is_bounded() {
        /// More than are remembered, each with the network around it.
        const MANY: usize = ADDRESSES_MAX / 2 + 2 * SWEEP_FROM;
        let mut ledger = Ledger::new(Bounds { connections: ADDRESSES_MAX, ..BOUNDS });
        let neighbour = |number: usize| {
            let [.., a, b, c] = number.to_be_bytes();
            AddressPrefix::V4([10 + a, b, c, 7])
        };
        for number in 0..MANY {
            // All at once, so that nobody is as new.
            assert!(ledger.may_arrive(neighbour(number), 0));
        }
        assert!(ledger.accounts.len() <= ADDRESSES_MAX, "{}", ledger.accounts.len());
        assert_eq!(ledger.admit(address(7), 0), Ok(()));
        for number in 0..MANY {
            assert!(ledger.may_arrive(neighbour(MANY + number), 100_000));
        }
        assert_eq!(ledger.accounts[&Network::Address(address(7))].connections, 1, "whoever has something open is not forgotten");
        ledger.disconnect(address(7));
        // An hour later everybody is as new.
        for number in 0..=ledger.sweep_at {
            assert!(ledger.may_arrive(address(900_000 + number), 3_700_000));
        }
        assert!(!ledger.accounts.contains_key(&Network::Address(address(7))));
    }
}
