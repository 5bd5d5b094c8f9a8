//! Who has how much open, and how fast more came. Told the time; knows no lock.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use dais_shared::ids::AddressPrefix;
use dais_shared::limits::{
    ADDRESS_REFILL_SECONDS, ADDRESSES_MAX, ADMIN_TOKEN_SECONDS, ADMIN_TOKENS_PER_ADDRESS, ARRIVALS_PER_CONNECTION,
    PASSCODE_SECONDS, PASSCODES_PER_ADDRESS, SIGN_IN_SECONDS, SIGN_INS_PER_ADDRESS,
};
use dais_shared::rate::TokenBucket;
use tokio::sync::Notify;

use super::Bounds;

/// The map is looked through for what can be forgotten when it has grown to twice what the last look left, and to this.
const SWEEP_FROM: usize = 1024;

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The address has as many connections as one may have.
    AddressFull,
    /// Too many new ones came from there of late.
    AddressTooFast,
    /// The server has no place left.
    ServerFull,
    /// Too many logins and joins came from there of late.
    Arrivals,
    /// Too many wrong passcodes came from there of late.
    Passcodes,
    /// Too many tries to sign in failed there of late.
    SignIns,
    /// Too many wrong admin tokens came from there of late.
    AdminTokens,
}

impl Refusal {
    pub(crate) const ALL: [Self; 7] = [
        Self::AddressFull,
        Self::AddressTooFast,
        Self::ServerFull,
        Self::Arrivals,
        Self::Passcodes,
        Self::SignIns,
        Self::AdminTokens,
    ];
}

/// One address.
#[derive(Debug)]
struct Account {
    /// Sockets that are no WebSocket yet, the oldest first, each with what puts it out.
    pending: BTreeMap<u64, Arc<Notify>>,
    connections: usize,
    openings: TokenBucket,
    arrivals: TokenBucket,
    passcodes: TokenBucket,
    sign_ins: TokenBucket,
    admin_tokens: TokenBucket,
}

impl Account {
    fn new(connections: usize, now_ms: u64) -> Self {
        let connections = u32::try_from(connections).unwrap_or(u32::MAX);
        let share = |burst: u32| TokenBucket::new(burst, (burst / ADDRESS_REFILL_SECONDS).max(1), now_ms);
        Self {
            pending: BTreeMap::new(),
            connections: 0,
            openings: share(connections),
            arrivals: share(connections.saturating_mul(ARRIVALS_PER_CONNECTION)),
            passcodes: TokenBucket::new(PASSCODES_PER_ADDRESS * PASSCODE_SECONDS, 1, now_ms),
            sign_ins: TokenBucket::new(SIGN_INS_PER_ADDRESS * SIGN_IN_SECONDS, 1, now_ms),
            admin_tokens: TokenBucket::new(ADMIN_TOKENS_PER_ADDRESS * ADMIN_TOKEN_SECONDS, 1, now_ms),
        }
    }

    fn has_something_open(&self) -> bool {
        self.connections > 0 || !self.pending.is_empty()
    }

    /// Whether a new account would say the same.
    fn is_as_new(&mut self, now_ms: u64) -> bool {
        !self.has_something_open()
            && self.openings.is_full(now_ms)
            && self.arrivals.is_full(now_ms)
            && self.passcodes.is_full(now_ms)
            && self.sign_ins.is_full(now_ms)
            && self.admin_tokens.is_full(now_ms)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Ledger {
    bounds: Bounds,
    accounts: BTreeMap<AddressPrefix, Account>,
    sweep_at: usize,
    connections: usize,
    pending: usize,
    next_number: u64,
}

impl Ledger {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, accounts: BTreeMap::new(), sweep_at: SWEEP_FROM, connections: 0, pending: 0, next_number: 0 }
    }

    /// Takes a socket in; its number, and what puts another one out in its favour.
    pub(super) fn enter(&mut self, address: AddressPrefix, put_out: Arc<Notify>, now_ms: u64) -> (u64, Option<Arc<Notify>>) {
        let other = if self.pending >= self.bounds.pending { self.put_out_one() } else { None };
        let number = self.next_number;
        self.next_number += 1;
        self.account(address, now_ms).pending.insert(number, put_out);
        self.pending += 1;
        (number, other)
    }

    pub(super) fn leave(&mut self, address: AddressPrefix, number: u64) {
        // It is gone already if it was put out.
        if self.accounts.get_mut(&address).is_some_and(|account| account.pending.remove(&number).is_some()) {
            self.pending -= 1;
        }
    }

    pub(super) fn admit(&mut self, address: AddressPrefix, now_ms: u64) -> Result<(), Refusal> {
        let (most, is_full) = (self.bounds.connections_per_address, self.connections >= self.bounds.connections);
        let account = self.account(address, now_ms);
        if account.connections >= most {
            return Err(Refusal::AddressFull);
        }
        if !account.openings.take(1, now_ms) {
            return Err(Refusal::AddressTooFast);
        }
        if is_full {
            return Err(Refusal::ServerFull);
        }
        account.connections += 1;
        self.connections += 1;
        Ok(())
    }

    pub(super) fn disconnect(&mut self, address: AddressPrefix) {
        if let Some(account) = self.accounts.get_mut(&address) {
            account.connections = account.connections.saturating_sub(1);
        }
        self.connections = self.connections.saturating_sub(1);
    }

    pub(super) fn may_arrive(&mut self, address: AddressPrefix, now_ms: u64) -> bool {
        self.account(address, now_ms).arrivals.take(1, now_ms)
    }

    pub(super) fn may_try_passcode(&mut self, address: AddressPrefix, now_ms: u64) -> bool {
        self.account(address, now_ms).passcodes.take(PASSCODE_SECONDS, now_ms)
    }

    pub(super) fn forgive_passcode(&mut self, address: AddressPrefix) {
        if let Some(account) = self.accounts.get_mut(&address) {
            account.passcodes.give_back(PASSCODE_SECONDS);
        }
    }

    pub(super) fn may_try_sign_in(&mut self, address: AddressPrefix, now_ms: u64) -> bool {
        self.account(address, now_ms).sign_ins.take(SIGN_IN_SECONDS, now_ms)
    }

    pub(super) fn forgive_sign_in(&mut self, address: AddressPrefix) {
        if let Some(account) = self.accounts.get_mut(&address) {
            account.sign_ins.give_back(SIGN_IN_SECONDS);
        }
    }

    pub(super) fn may_err_as_operator(&mut self, address: AddressPrefix, now_ms: u64) -> bool {
        self.account(address, now_ms).admin_tokens.take(ADMIN_TOKEN_SECONDS, now_ms)
    }

    /// The oldest socket of the address that has the most.
    fn put_out_one(&mut self) -> Option<Arc<Notify>> {
        // Of those who have as many, whoever's is the oldest: numbers rise.
        let order = |account: &&mut Account| (account.pending.len(), Reverse(account.pending.keys().next().copied()));
        let account = self.accounts.values_mut().max_by_key(order)?;
        let (_, put_out) = account.pending.pop_first()?;
        self.pending -= 1;
        Some(put_out)
    }

    fn account(&mut self, address: AddressPrefix, now_ms: u64) -> &mut Account {
        if self.accounts.len() >= self.sweep_at && !self.accounts.contains_key(&address) {
            self.sweep(now_ms);
        }
        let connections = self.bounds.connections_per_address;
        self.accounts.entry(address).or_insert_with(|| Account::new(connections, now_ms))
    }

    /// Forgets whom nothing needs to be remembered of; where those are too few, whoever has nothing open.
    fn sweep(&mut self, now_ms: u64) {
        self.accounts.retain(|_, account| !account.is_as_new(now_ms));
        if self.accounts.len() > ADDRESSES_MAX / 2 {
            self.accounts.retain(|_, account| account.has_something_open());
        }
        self.sweep_at = (2 * self.accounts.len()).max(SWEEP_FROM);
    }
}

#[cfg(test)]
mod tests {
    use dais_shared::limits::{CONNECTIONS, CONNECTIONS_PER_ADDRESS};

    use super::*;

    const BOUNDS: Bounds = Bounds { connections_per_address: 40, connections: 100, pending: 4 };

    fn address(number: usize) -> AddressPrefix {
        let [.., a, b, c] = number.to_be_bytes();
        AddressPrefix::V4([10, a, b, c])
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
                assert!(ledger.enter(address(from), Arc::clone(&put_out), 0).1.is_none());
                put_out
            })
            .into();
        let (number, other) = ledger.enter(address(4), Arc::new(Notify::new()), 0);
        assert!(Arc::ptr_eq(&other.expect("one has to go"), &entered[1]));
        ledger.leave(address(2), 1);
        assert_eq!(ledger.pending, 4, "who was put out has left already");
        ledger.leave(address(4), number);
        let newest = Arc::new(Notify::new());
        assert!(ledger.enter(address(4), Arc::clone(&newest), 0).1.is_none(), "there is room again");
        let (_, other) = ledger.enter(address(5), Arc::new(Notify::new()), 0);
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
        let mut ledger = Ledger::new(Bounds { connections: ADDRESSES_MAX, ..BOUNDS });
        for number in 0..3 * ADDRESSES_MAX {
            // All at once, so that nobody is as new.
            assert!(ledger.may_arrive(address(number), 0));
        }
        assert!(ledger.accounts.len() <= ADDRESSES_MAX, "{}", ledger.accounts.len());
        assert_eq!(ledger.admit(address(7), 0), Ok(()));
        for number in 0..3 * ADDRESSES_MAX {
            assert!(ledger.may_arrive(address(1000 + number), 100_000));
        }
        assert_eq!(ledger.accounts[&address(7)].connections, 1, "whoever has something open is not forgotten");
        ledger.disconnect(address(7));
        // An hour later everybody is as new.
        for number in 0..=ledger.sweep_at {
            assert!(ledger.may_arrive(address(900_000 + number), 3_700_000));
        }
        assert!(!ledger.accounts.contains_key(&address(7)));
    }
}
