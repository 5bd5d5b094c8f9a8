//! How much voice is on its way to a listener: what was written less what the listener says it has. Told the time.
//!
//! The socket's own buffers say nothing about buffers further on, and those hold minutes of voice. What stands there
//! is judged by the listener's reports. Every pong is a report too: it proves that all written before its ping has
//! arrived, so that the last frames before a silence never count as missing.
//!
//! Two things hold voice back. Too much of it is on its way: a queue stands somewhere. Or it takes much longer to be reported
//! than of late: the way has stopped, and what is written now would come when it is stale. The second is TCP's retransmission
//! timer (RFC 6298) one layer up: reports of a long or crowded way are late, but evenly so.

use dais_shared::limits::{VOICE_IN_FLIGHT_MS_MAX, VOICE_UNSEEN_MS_MAX};
use dais_shared::quickest::Quickest;

/// The quickest report is looked for among so many, once or twice: half a second to a second of them.
const QUICKEST_OF: u32 = 4;

/// Times are the server's milliseconds; voice is named by when it arrived at the server.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    /// The newest voice written.
    newest_ms: u64,
    /// Where unreported voice begins. `None` while everything written is reported.
    unreported_from_ms: Option<u64>,
    /// How long voice takes until it is reported, at the quickest of late.
    quickest: Quickest<u64, QUICKEST_OF>,
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
        let since_ms = |from_ms: u64| arrived_ms.saturating_sub(from_ms);
        let is_crowded = |from_ms| since_ms(from_ms) > VOICE_IN_FLIGHT_MS_MAX + self.rtt_min_ms.unwrap_or(0);
        let is_stopped = |from_ms| since_ms(from_ms) > VOICE_UNSEEN_MS_MAX + self.quickest.get().unwrap_or(0);
        let is_held = self.unreported_from_ms.is_some_and(|from_ms| is_crowded(from_ms) || is_stopped(from_ms));
        self.is_held = self.has_reported && is_held;
        !self.is_held
    }

    /// Voice that arrived at `arrived_ms` begins to leave.
    pub(crate) fn handle_sent(&mut self, arrived_ms: u64) {
        self.newest_ms = self.newest_ms.max(arrived_ms);
        self.unreported_from_ms.get_or_insert(arrived_ms);
    }

    /// The listener has everything up to `newest_ms`. What it cannot have is ignored.
    pub(crate) fn handle_report(&mut self, newest_ms: u64, now_ms: u64) {
        if newest_ms > self.newest_ms {
            return;
        }
        self.has_reported = true;
        self.seen(newest_ms, now_ms.saturating_sub(newest_ms));
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
            self.seen(ping.newest_ms, rtt_ms);
        }
    }

    /// Whether a ping is needed to learn if held voice may leave again.
    pub(crate) fn wants_ping(&self) -> bool {
        self.is_held && self.ping.is_none()
    }

    /// Voice up to `newest_ms` has arrived, which is known `after_ms` after it left.
    fn seen(&mut self, newest_ms: u64, after_ms: u64) {
        self.is_held = false; // until voice that waits is judged again
        self.quickest.note(after_ms);
        if newest_ms >= self.newest_ms {
            self.unreported_from_ms = None;
        } else if let Some(from_ms) = &mut self.unreported_from_ms {
            *from_ms = (*from_ms).max(newest_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use dais_shared::limits::VOICE_REPORT_MS;

    use super::*;

    fn flight_after(sent: impl IntoIterator<Item = u64>) -> Flight {
        let mut flight = Flight::default();
        for arrived_ms in sent {
            flight.handle_sent(arrived_ms);
        }
        flight
    }

    #[test]
    fn a_queue_on_the_way_may_hold_no_more_than_this() {
        let mut flight = flight_after([1000]);
        let nonce = flight.start_ping(1000);
        flight.handle_pong(nonce, 1150);
        for sent_ms in (1000..3000).step_by(20) {
            flight.handle_sent(sent_ms);
            if sent_ms > 1400 {
                flight.handle_report(sent_ms - 400, sent_ms);
            }
        }
        assert!(flight.may_leave(2580 + VOICE_IN_FLIGHT_MS_MAX + 150));
        assert!(!flight.may_leave(2581 + VOICE_IN_FLIGHT_MS_MAX + 150));
    }

    /// When voice is held, of somebody who talks from 1000 on and of whom the listener's reports come so late, every second of
    /// them so much later than the others, the last about what had arrived by `stopped_ms`.
    fn held_at(stopped_ms: u64, late_ms: u64, later_ms: u64) -> u64 {
        let mut flight = Flight::default();
        let nonce = flight.start_ping(900);
        flight.handle_pong(nonce, 900 + late_ms);
        for now_ms in 1000_u64..10_000 {
            if now_ms.is_multiple_of(20) {
                if !flight.may_leave(now_ms) {
                    return now_ms;
                }
                flight.handle_sent(now_ms);
            }
            for (turn, late_ms) in [(0, late_ms), (1, late_ms + later_ms)] {
                let reported = now_ms.saturating_sub(late_ms);
                let is_its_turn = reported >= 1000 && (reported - 1000) % (2 * VOICE_REPORT_MS) == turn * VOICE_REPORT_MS;
                if is_its_turn && reported < stopped_ms {
                    flight.handle_report(reported - reported % 20, now_ms);
                }
            }
        }
        10_000
    }

    #[test]
    fn a_way_that_stops_takes_little_more() {
        for stopped_ms in 3000..3200 {
            let taken_ms = held_at(stopped_ms, 0, 0) - stopped_ms;
            assert!((100..=300).contains(&taken_ms), "stopped at {stopped_ms}, {taken_ms} ms more");
        }
    }

    #[test]
    fn reports_that_are_late_hold_nothing() {
        for late_ms in [0, 60, 200, 300] {
            for later_ms in [0, 40, 70] {
                assert_eq!(held_at(20_000, late_ms, later_ms), 10_000, "{late_ms} ms late, every second {later_ms} ms more");
            }
        }
    }

    #[test]
    fn a_stall_lengthens_nothing_and_a_longer_way_is_learned_within_a_second() {
        let mut flight = flight_after([1000]);
        flight.handle_report(1000, 1010);
        flight.handle_sent(2000);
        flight.handle_report(2000, 4000);
        flight.handle_sent(4000);
        assert!(flight.may_leave(4010 + VOICE_UNSEEN_MS_MAX) && !flight.may_leave(4011 + VOICE_UNSEEN_MS_MAX));
        for sent_ms in (5000..6000).step_by(100) {
            flight.handle_sent(sent_ms);
            flight.handle_report(sent_ms, sent_ms + 90);
        }
        flight.handle_sent(7000);
        assert!(flight.may_leave(7090 + VOICE_UNSEEN_MS_MAX) && !flight.may_leave(7091 + VOICE_UNSEEN_MS_MAX));
    }

    #[test]
    fn silence_counts_as_nothing_in_flight() {
        let mut flight = flight_after([1000, 1020]);
        flight.handle_report(1020, 1020);
        assert!(flight.may_leave(9000), "everything before the silence is reported");
        flight.handle_sent(9000);
        assert!(flight.may_leave(9000 + VOICE_UNSEEN_MS_MAX), "and is no reason to expect the next report at once");
    }

    #[test]
    fn a_pong_frees_what_no_report_ever_named() {
        let mut flight = flight_after([1000, 1020]);
        flight.handle_report(1000, 1000);
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
        flight.handle_report(5000, 5000);
        assert!(flight.may_leave(9000), "who never reports lawfully is judged by the socket");
    }
}
