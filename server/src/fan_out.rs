//! One finished frame into every listener's outbox. Knows who listens, not why.

use std::sync::Arc;

use bytes::Bytes;
use dais_shared::ids::{ConnectionId, MemberId, StreamId};

use crate::outbox::{Control, Outbox, Voice};

/// A seat and the connection behind it: a message from any other connection is not from this seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Occupant {
    pub(crate) member: MemberId,
    pub(crate) connection: ConnectionId,
}

/// Everybody in a room to whom frames go, densely, in no particular order.
#[derive(Debug, Default)]
pub(crate) struct FanOut {
    listeners: Vec<(Occupant, Arc<Outbox>)>,
    /// Who is written to first. Goes round, so that nobody is always last.
    first: usize,
}

/// A voice frame on its way to everybody but its speaker.
#[derive(Clone, Debug)]
pub(crate) struct Spoken {
    pub(crate) speaker: MemberId,
    pub(crate) voice: Voice,
}

impl FanOut {
    /// Frames go to this connection from now on, in place of any other of the same seat.
    pub(crate) fn insert(&mut self, occupant: Occupant, outbox: Arc<Outbox>) {
        self.remove(occupant.member);
        self.listeners.push((occupant, outbox));
    }

    pub(crate) fn remove(&mut self, member: MemberId) {
        if let Some(place) = self.listeners.iter().position(|(listener, _)| listener.member == member) {
            self.listeners.swap_remove(place);
        }
    }

    /// Sends voice, each listener's share in one write. Returns how many frames were put into outboxes.
    pub(crate) fn send_voice(&mut self, spoken: &[Spoken], now_ms: u64) -> u64 {
        if spoken.is_empty() || self.listeners.is_empty() {
            return 0;
        }
        self.first = (self.first + 1) % self.listeners.len();
        let (later, sooner) = self.listeners.split_at(self.first);
        let mut count = 0;
        for (listener, outbox) in sooner.iter().chain(later) {
            let heard = spoken.iter().filter(|spoken| spoken.speaker != listener.member).map(|spoken| &spoken.voice);
            count += outbox.send_voice(heard, now_ms);
        }
        count
    }

    /// Sends a change of the room.
    pub(crate) fn send_change(&self, frame: &Bytes, now_ms: u64) {
        for (_, outbox) in &self.listeners {
            outbox.send_control(Control::Change(frame.clone()), now_ms);
        }
    }

    /// Sends something that is worthless later to everybody but one.
    pub(crate) fn send_hint(&self, frame: &Bytes, except: MemberId, now_ms: u64) {
        for (listener, outbox) in &self.listeners {
            if listener.member != except {
                outbox.send_control(Control::Hint(frame.clone()), now_ms);
            }
        }
    }

    /// Takes back what waits of a stream that may not be heard any more.
    pub(crate) fn silence(&self, stream: StreamId) {
        for (_, outbox) in &self.listeners {
            outbox.silence(stream);
        }
    }
}
