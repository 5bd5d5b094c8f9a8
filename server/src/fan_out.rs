//! One finished frame into every listener's outbox. Knows who listens, not why.

use std::sync::Arc;

use bytes::Bytes;
use dais_shared::ids::{ConnectionId, MemberId, StreamId};
use dais_shared::limits::SILENCED_STREAMS_MAX;

use crate::outbox::{Control, Outbox, Together, Voice};

/// A seat and the connection behind it: a message from any other connection is not from this seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Occupant {
    pub(crate) member: MemberId,
    pub(crate) connection: ConnectionId,
}

/// Everybody in a room to whom frames go, densely, in no particular order.
#[derive(Debug, Default)]
pub(crate) struct FanOut {
    listeners: Vec<Listener>,
    /// Who is written to first. Goes round, so that nobody is always last.
    first: usize,
    together: Together,
}

#[derive(Debug)]
struct Listener {
    occupant: Occupant,
    outbox: Arc<Outbox>,
    /// Whom this listener does not want to hear: mostly nobody.
    silenced: Vec<StreamId>,
}

/// A voice frame on its way to everybody but its speaker.
#[derive(Clone, Debug)]
pub(crate) struct Spoken {
    pub(crate) speaker: MemberId,
    /// When it came, by the server's clock; what it carries is the time of the last that leaves together with it.
    pub(crate) arrived_ms: u64,
    pub(crate) voice: Voice,
}

impl FanOut {
    /// Frames go to this connection from now on, in place of any other of the same seat.
    pub(crate) fn insert(&mut self, occupant: Occupant, outbox: Arc<Outbox>) {
        self.remove(occupant.member);
        self.listeners.push(Listener { occupant, outbox, silenced: Vec::new() });
    }

    /// Nothing goes there any more, nor does voice that waits there: nobody would take it back if its speaker were
    /// silenced.
    pub(crate) fn remove(&mut self, member: MemberId) {
        if let Some(place) = self.listeners.iter().position(|listener| listener.occupant.member == member) {
            self.listeners.swap_remove(place).outbox.discard_voice();
        }
    }

    /// Sends voice, each listener's share in one write. Returns how many frames were put into outboxes.
    pub(crate) fn send_voice(&mut self, spoken: &[Spoken], now_ms: u64) -> u64 {
        if spoken.is_empty() || self.listeners.is_empty() {
            return 0;
        }
        self.first = (self.first + 1) % self.listeners.len();
        self.together.make(spoken.iter().map(|spoken| &spoken.voice));
        let (later, sooner) = self.listeners.split_at(self.first);
        let mut count = 0;
        for Listener { occupant, outbox, silenced } in sooner.iter().chain(later) {
            let is_heard = |spoken: &&Spoken| spoken.speaker != occupant.member && !silenced.contains(&spoken.voice.stream);
            let heard = spoken.iter().filter(is_heard).map(|spoken| &spoken.voice);
            count += if spoken.iter().all(|spoken| is_heard(&spoken)) {
                outbox.send_together(&self.together, heard, now_ms)
            } else {
                outbox.send_voice(heard, now_ms)
            };
        }
        count
    }

    /// Whether a stream is to reach this member. Takes back what waits of it.
    pub(crate) fn set_silenced(&mut self, member: MemberId, stream: StreamId, is_silenced: bool) {
        let Some(listener) = self.listeners.iter_mut().find(|listener| listener.occupant.member == member) else { return };
        listener.silenced.retain(|silenced| *silenced != stream);
        if is_silenced {
            if listener.silenced.len() >= SILENCED_STREAMS_MAX {
                listener.silenced.remove(0); // of somebody long off the stage
            }
            listener.silenced.push(stream);
            listener.outbox.silence(stream);
        }
    }

    /// Sends a change of the room: the common frame to everybody but those who get one of their own.
    pub(crate) fn send_change(&self, common: &Bytes, personal: &[(MemberId, Bytes)], now_ms: u64) {
        self.send_control(common, personal, Control::Change, now_ms);
    }

    /// Sends something that is worthless later: the common frames to everybody but those who get some of their own, or none.
    pub(crate) fn send_hint(&self, common: &Bytes, personal: &[(MemberId, Bytes)], now_ms: u64) {
        self.send_control(common, personal, Control::Hint, now_ms);
    }

    fn send_control(&self, common: &Bytes, personal: &[(MemberId, Bytes)], control: fn(Bytes) -> Control, now_ms: u64) {
        for Listener { occupant, outbox, .. } in &self.listeners {
            let own = personal.iter().find(|(member, _)| *member == occupant.member);
            let frames = own.map_or(common, |(_, frames)| frames);
            if !frames.is_empty() {
                outbox.send_control(control(frames.clone()), now_ms);
            }
        }
    }

    /// Takes back all voice that waits: the room has ended.
    pub(crate) fn discard_voice(&self) {
        for Listener { outbox, .. } in &self.listeners {
            outbox.discard_voice();
        }
    }

    /// Takes back what waits of a stream that may not be heard any more.
    pub(crate) fn silence(&self, stream: StreamId) {
        for Listener { outbox, .. } in &self.listeners {
            outbox.silence(stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::metrics::Metrics;
    use crate::outbox::{Transport, payloads};
    use crate::socket::Socket;

    fn voice(arrived_ms: u64, byte: u8) -> Spoken {
        let voice = Voice { stream: StreamId(1), arrived_ms, bytes: Bytes::from(vec![byte]) };
        Spoken { speaker: MemberId(1), arrived_ms, voice }
    }

    #[tokio::test]
    async fn voice_that_waits_for_one_who_has_left_never_leaves() {
        let house = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let mut listener = TcpStream::connect(house.local_addr().expect("it is bound")).await.expect("a connection");
        let (socket, _) = house.accept().await.expect("a connection");
        let outbox = Arc::new(Outbox::new(Socket::Tcp(socket), Transport::Plain, Arc::new(Metrics::default())));
        outbox.socket().writable().await.expect("an open socket");
        let mut fan_out = FanOut::default();
        fan_out.insert(Occupant { member: MemberId(2), connection: ConnectionId(2) }, Arc::clone(&outbox));

        fan_out.send_voice(&[voice(1000, b'a')], 1000);
        outbox.handle_report(1000, 1000);
        fan_out.send_voice(&[voice(1001, b'b')], 1001);
        // Too far ahead of what is reported: it waits.
        fan_out.send_voice(&[voice(1500, b'c')], 1500);
        fan_out.remove(MemberId(2));
        outbox.handle_report(1001, 1500);
        outbox.send_control(Control::Answer(Bytes::from_static(b"!")), 1500);

        let mut left = Vec::new();
        while left.last() != Some(&b'!') {
            left.push(listener.read_u8().await.expect("the answer comes"));
        }
        assert_eq!(left.strip_suffix(b"!").map(payloads), Some(vec![&b"a"[..], b"b"]));
    }
}
