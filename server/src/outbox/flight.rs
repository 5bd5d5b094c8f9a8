//! How much voice is on its way to a listener: what was written less what the listener says it has. Told the time.
//!
//! The socket's own buffers say nothing about buffers further on, and those hold minutes of voice. What stands there
//! is judged by the listener's reports. Every pong is a report too: it proves that all written before its ping has
//! arrived, so that the last frames before a silence never count as missing.

use dais_shared::limits::VOICE_IN_FLIGHT_MS_MAX;

/// Times are the server's milliseconds; voice is named by when it arrived at the server.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    /// The newest voice written.
    newest_ms: u64,
    /// Where unreported voice begins. `None` while everything written is reported.
    unreported_from_ms: Option<u64>,
    /// The smallest round trip seen.
    rtt_min_ms: Option<u64>,
    ping: Option<Ping>,
    next_nonce: u32,
    /// Listeners that never report are judged by their sockets alone.
    has_reported: bool,
    is_held: bool,
}

#[derive(Clone, Copy, Debug)]
struct Ping {
    nonce: u32,
    sent_ms: u64,
    newest_ms: u64,
}

impl Flight {
    /// Whether voice that arrived at `arrived_ms` may leave now.
    pub(crate) fn may_leave(&mut self, arrived_ms: u64) -> bool {
        let in_flight_ms = self.unreported_from_ms.map_or(0, |from_ms| arrived_ms.saturating_sub(from_ms));
        let allowed_ms = VOICE_IN_FLIGHT_MS_MAX + self.rtt_min_ms.unwrap_or(0);
        self.is_held = self.has_reported && in_flight_ms > allowed_ms;
        !self.is_held
    }

    /// Voice that arrived at `arrived_ms` begins to leave.
    pub(crate) fn handle_sent(&mut self, arrived_ms: u64) {
        self.newest_ms = self.newest_ms.max(arrived_ms);
        self.unreported_from_ms.get_or_insert(arrived_ms);
    }

    /// The listener has everything up to `newest_ms`. What it cannot have is ignored.
    pub(crate) fn handle_report(&mut self, newest_ms: u64) {
        if newest_ms > self.newest_ms {
            return;
        }
        self.has_reported = true;
        self.arrived(newest_ms);
    }

    /// A ping leaves now; its nonce. An older one without an answer is forgotten.
    pub(crate) fn start_ping(&mut self, now_ms: u64) -> u32 {
        self.next_nonce = self.next_nonce.wrapping_add(1);
        self.ping = Some(Ping { nonce: self.next_nonce, sent_ms: now_ms, newest_ms: self.newest_ms });
        self.next_nonce
    }

    /// A ping came back. One that is not awaited is ignored.
    pub(crate) fn handle_pong(&mut self, nonce: u32, now_ms: u64) {
        if let Some(ping) = self.ping.take_if(|ping| ping.nonce == nonce) {
            let rtt_ms = now_ms.saturating_sub(ping.sent_ms);
            self.rtt_min_ms = Some(self.rtt_min_ms.map_or(rtt_ms, |min_ms| min_ms.min(rtt_ms)));
            self.arrived(ping.newest_ms);
        }
    }

    /// Whether a ping is needed to learn if held voice may leave again.
    pub(crate) fn wants_ping(&self) -> bool {
        self.is_held && self.ping.is_none()
    }

    fn arrived(&mut self, newest_ms: u64) {
        self.is_held = false; // until voice that waits is judged again
        if newest_ms >= self.newest_ms {
            self.unreported_from_ms = None;
        } else if let Some(from_ms) = &mut self.unreported_from_ms {
            *from_ms = (*from_ms).max(newest_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight_after(sent: impl IntoIterator<Item = u64>) -> Flight {
        let mut flight = Flight::default();
        for arrived_ms in sent {
            flight.handle_sent(arrived_ms);
        }
        flight
    }

    #[test]
    fn voice_is_held_while_too_much_is_unreported() {
        let mut flight = flight_after((1000..=1400).step_by(20));
        flight.handle_report(1000);
        assert!(flight.may_leave(1400));
        assert!(!flight.may_leave(1420), "420 ms would be on the way");
        flight.handle_report(1100);
        assert!(flight.may_leave(1420));
    }

    #[test]
    fn a_long_way_may_hold_more() {
        let mut flight = flight_after([1000]);
        let nonce = flight.start_ping(1000);
        flight.handle_pong(nonce, 1150);
        flight.handle_sent(1200);
        flight.handle_report(1000);
        assert!(flight.may_leave(1200 + 550));
        assert!(!flight.may_leave(1200 + 551));
    }

    #[test]
    fn silence_counts_as_nothing_in_flight() {
        let mut flight = flight_after([1000, 1020]);
        flight.handle_report(1020);
        assert!(flight.may_leave(9000), "everything before the silence is reported");
    }

    #[test]
    fn a_pong_frees_what_no_report_ever_named() {
        let mut flight = flight_after([1000, 1020]);
        flight.handle_report(1000);
        assert!(!flight.may_leave(9000), "1020 is unreported still");
        assert!(flight.wants_ping());
        let nonce = flight.start_ping(9000);
        assert!(!flight.wants_ping(), "one is under way");
        flight.handle_pong(nonce.wrapping_sub(1), 9010);
        assert!(!flight.may_leave(9020), "another nonce proves nothing");
        flight.handle_pong(nonce, 9010);
        assert!(flight.may_leave(9020));
    }

    #[test]
    fn reports_of_voice_never_sent_and_listeners_who_never_report_change_nothing() {
        let mut flight = flight_after([1000]);
        flight.handle_report(5000);
        assert!(flight.may_leave(9000), "who never reports lawfully is judged by the socket");
    }
}
