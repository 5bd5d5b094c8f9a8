//! The round trip, and the server's clock as seen from here.
//!
//! Each ping gives a bound: the server read its clock between sending and receiving. The ping with the shortest round
//! trip of the last minute bounds it best (the clock filter of RFC 5905, section 10, reduced to its core).

use std::collections::VecDeque;
use std::time::Duration;

/// Pings that may be under way at once; older ones are forgotten.
const PENDING_MAX: usize = 8;
/// Samples kept: at one ping per two seconds, a minute.
const SAMPLES_MAX: usize = 30;

#[derive(Clone, Copy, Debug)]
struct Sample {
    rtt: Duration,
    /// Server milliseconds at local time zero.
    offset_ms: f64,
}

/// What pings have told.
#[derive(Debug, Default)]
pub(crate) struct ServerClock {
    next_nonce: u32,
    pending: VecDeque<(u32, Duration)>,
    samples: VecDeque<Sample>,
}

impl ServerClock {
    /// A ping leaves now: its nonce.
    pub(crate) fn ping(&mut self, now: Duration) -> u32 {
        self.next_nonce = self.next_nonce.wrapping_add(1);
        if self.pending.len() == PENDING_MAX {
            self.pending.pop_front();
        }
        self.pending.push_back((self.next_nonce, now));
        self.next_nonce
    }

    /// A pong came. One that was never asked for is ignored.
    pub(crate) fn handle_pong(&mut self, nonce: u32, server_ms: u64, now: Duration) {
        let Some(place) = self.pending.iter().position(|(pending, _)| *pending == nonce) else { return };
        let sent = self.pending[place].1;
        self.pending.drain(..=place);
        let rtt = now.saturating_sub(sent);
        let middle_ms = (sent + rtt / 2).as_secs_f64() * 1000.0;
        if self.samples.len() == SAMPLES_MAX {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample { rtt, offset_ms: server_ms as f64 - middle_ms });
    }

    /// A new connection may take another path: what was under way is forgotten.
    pub(crate) fn handle_reconnect(&mut self) {
        self.pending.clear();
        self.samples.clear();
    }

    /// When the oldest unanswered ping left.
    pub(crate) fn unanswered_since(&self) -> Option<Duration> {
        self.pending.front().map(|(_, sent)| *sent)
    }

    /// The last round trip.
    pub(crate) fn rtt(&self) -> Option<Duration> {
        self.samples.back().map(|sample| sample.rtt)
    }

    /// The shortest round trip of the last minute.
    pub(crate) fn rtt_min(&self) -> Option<Duration> {
        self.best().map(|sample| sample.rtt)
    }

    /// The server's clock at a local time, in milliseconds.
    pub(crate) fn server_ms(&self, at: Duration) -> Option<f64> {
        self.best().map(|sample| sample.offset_ms + at.as_secs_f64() * 1000.0)
    }

    /// The local time, in milliseconds, at which the server's clock says `server_ms`.
    pub(crate) fn local_ms(&self, server_ms: f64) -> Option<f64> {
        self.best().map(|sample| server_ms - sample.offset_ms)
    }

    fn best(&self) -> Option<&Sample> {
        self.samples.iter().min_by_key(|sample| sample.rtt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_shortest_round_trip_tells_the_time() {
        let mut clock = ServerClock::default();
        let slow = clock.ping(1000 * MS);
        clock.handle_pong(slow, 500_090, 1100 * MS); // 90 ms there, 10 ms back
        let quick = clock.ping(2000 * MS);
        clock.handle_pong(quick, 501_005, 2010 * MS);
        assert_eq!(clock.rtt_min(), Some(10 * MS));
        let read = clock.server_ms(3000 * MS).expect("two pongs came");
        assert!((read - 502_000.0).abs() < 0.5, "{read}");
        let back = clock.local_ms(read).expect("two pongs came");
        assert!((back - 3000.0).abs() < 1e-6, "{back}");
    }

    #[test]
    fn a_pong_nobody_asked_for_is_ignored() {
        let mut clock = ServerClock::default();
        clock.handle_pong(9, 1, MS);
        assert_eq!(clock.rtt(), None);
    }
}
