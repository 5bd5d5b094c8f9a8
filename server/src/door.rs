//! The door: how many sockets and connections there are, from one address, from the networks around it and altogether, and how
//! fast new ones come.
//!
//! What is no WebSocket yet is never refused: when there are too many, the oldest of whoever has the most is put out, so
//! that handshakes that never end make room for those that do. Connections are refused. [`Ledger`] is told the time; the
//! shell adds the lock and passes that give back what they took. Knows no socket. Whoever asks it tells of those who are refused.

mod crowd;
mod ledger;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dais_shared::ids::AddressPrefix;
use dais_shared::limits::{FILES_RESERVED, PENDING_SHARE};
use tokio::sync::Notify;

use crate::metrics::Metrics;
use crate::refusal::{Refusal, Refusals};
use ledger::Ledger;

/// So many sockets that were put out may still have their files while others come in: they are counted among those that the
/// server keeps for itself.
const GOING_MAX: usize = FILES_RESERVED / 4;

/// See the module.
#[derive(Debug)]
pub(crate) struct Door {
    ledger: Mutex<Ledger>,
    /// Somebody has left.
    left: Notify,
    metrics: Arc<Metrics>,
    refusals: Arc<Refusals>,
}

/// How many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// WebSocket connections from one address.
    pub(crate) connections_per_address: usize,
    /// WebSocket connections altogether.
    pub(crate) connections: usize,
    /// Sockets that are no WebSocket yet.
    pub(crate) pending: usize,
}

impl Bounds {
    /// What can be promised where so many files may be open, and so many `connections` are wanted at most.
    pub(crate) fn within(files: usize, connections: usize, connections_per_address: usize) -> Self {
        let sockets = files.saturating_sub(FILES_RESERVED).max(PENDING_SHARE);
        let pending = sockets / PENDING_SHARE;
        Self { connections_per_address, connections: connections.min(sockets - pending), pending }
    }

    /// How many files may have to be open for so many connections.
    pub(crate) fn files_for(connections: u64) -> u64 {
        let (reserved, share) = (FILES_RESERVED as u64, PENDING_SHARE as u64);
        reserved + (connections * share).div_ceil(share - 1)
    }
}

impl Door {
    pub(crate) fn new(bounds: Bounds, metrics: Arc<Metrics>, refusals: Arc<Refusals>) -> Self {
        Self { ledger: Mutex::new(Ledger::new(bounds)), left: Notify::new(), metrics, refusals }
    }

    /// A socket was accepted. It may stay until it is put out.
    pub(crate) fn enter(self: &Arc<Self>, address: AddressPrefix) -> Entrance {
        let put_out = Arc::new(Notify::new());
        let (number, other) = self.ledger().enter(address, Arc::clone(&put_out));
        if let Some(other) = other {
            self.metrics.sockets_put_out_total.add(1);
            self.refusals.refuse(Refusal::PutOut, None);
            other.notify_one();
        }
        Entrance { door: Arc::clone(self), address, number, put_out }
    }

    /// Resolves when those who were put out have left, but for a few: whoever takes in the next before that has more files open
    /// than there are.
    pub(crate) async fn settled(&self) {
        while self.ledger().going() > GOING_MAX {
            self.left.notified().await;
        }
    }

    /// A lawful handshake asks to become a connection.
    ///
    /// # Errors
    /// [`Refusal`] says why it may not.
    pub(crate) fn admit(self: &Arc<Self>, address: AddressPrefix, now_ms: u64) -> Result<Admission, Refusal> {
        self.ledger().admit(address, now_ms)?;
        Ok(Admission { door: Arc::clone(self), address })
    }

    /// Whether one would be let in now: for whoever was not and is not told why by his browser.
    ///
    /// # Errors
    /// [`Refusal`] says why not.
    pub(crate) fn may_admit(&self, address: AddressPrefix, now_ms: u64) -> Result<(), Refusal> {
        self.ledger().may_admit(address, now_ms)
    }

    /// Somebody logs in, creates a room or joins one. False where too many do at this address, or in its network.
    pub(crate) fn may_arrive(&self, address: AddressPrefix, now_ms: u64) -> bool {
        self.ledger().may_arrive(address, now_ms)
    }

    /// Somebody asks for a page of a list, or a snapshot. False where too many do.
    pub(crate) fn may_ask_for_page(&self, address: AddressPrefix, now_ms: u64) -> bool {
        self.ledger().may_ask_for_page(address, now_ms)
    }

    /// Somebody tries a passcode. False where too many were wrong there.
    pub(crate) fn may_try_passcode(&self, address: AddressPrefix, now_ms: u64) -> bool {
        self.ledger().may_try_passcode(address, now_ms)
    }

    /// It was not wrong: the try is not counted.
    pub(crate) fn forgive_passcode(&self, address: AddressPrefix) {
        self.ledger().forgive_passcode(address);
    }

    /// Somebody tries to sign in. False where too many have failed there.
    pub(crate) fn may_try_sign_in(&self, address: AddressPrefix, now_ms: u64) -> bool {
        self.ledger().may_try_sign_in(address, now_ms)
    }

    /// It went well: the try is not counted.
    pub(crate) fn forgive_sign_in(&self, address: AddressPrefix) {
        self.ledger().forgive_sign_in(address);
    }

    /// Somebody brought a wrong admin token. False where too many did there.
    pub(crate) fn may_err_as_operator(&self, address: AddressPrefix, now_ms: u64) -> bool {
        self.ledger().may_err_as_operator(address, now_ms)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // A panic while the lock is held leaves at worst one too many counted; the others must live on.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket that is no WebSocket yet. Leaves when dropped.
#[derive(Debug)]
pub(crate) struct Entrance {
    door: Arc<Door>,
    address: AddressPrefix,
    number: u64,
    put_out: Arc<Notify>,
}

impl Entrance {
    /// Resolves when others need the place.
    pub(crate) async fn put_out(&self) {
        self.put_out.notified().await;
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        self.door.ledger().leave(self.address, self.number);
        self.door.left.notify_one();
    }
}

/// A WebSocket connection. Leaves when dropped.
#[derive(Debug)]
pub(crate) struct Admission {
    door: Arc<Door>,
    address: AddressPrefix,
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.door.ledger().disconnect(self.address);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn the_next_ones_wait_until_those_who_were_put_out_have_left() {
        let bounds = Bounds { connections_per_address: 10, connections: 10, pending: GOING_MAX + 5 };
        let metrics = Arc::new(Metrics::default());
        let door = Arc::new(Door::new(bounds, Arc::clone(&metrics), Refusals::new(metrics, crate::LogAddresses::default())));
        let enter = || door.enter(IpAddr::from(Ipv4Addr::LOCALHOST).into());
        let mut inside: Vec<Entrance> = (0..bounds.pending + GOING_MAX).map(|_| enter()).collect();
        assert!(door.settled().now_or_never().is_some(), "so many may still be going");
        inside.push(enter());
        assert!(door.settled().now_or_never().is_none(), "one more is too many");
        let put_out = inside.remove(0);
        assert!(put_out.put_out().now_or_never().is_some(), "the oldest goes");
        drop(put_out);
        assert!(door.settled().now_or_never().is_some());
    }
}
