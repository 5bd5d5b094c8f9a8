//! One direction of a connection: bytes in order, as TCP carries them. What the network loses comes late, since it is sent
//! again; what is under way when a connection is cut never comes. Told the time.

use std::collections::VecDeque;

use dais_shared::limits::{SOCKET_NOTSENT_BYTES_MAX, SOCKET_SEND_BUFFER_BYTES};

use super::random::Random;

/// How a way is, for as long as it lasts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quality {
    /// The shortest time from one end to the other.
    pub(super) delay_ms: u64,
    /// At most so much more.
    pub(super) jitter_ms: u64,
    pub(super) bytes_per_ms: u64,
    /// How often a segment is lost and sent again, which holds up all that follows.
    pub(super) loss_percent: u64,
}

impl Quality {
    pub(super) fn draw(random: &mut Random) -> Self {
        match random.below(4) {
            0 => Self { delay_ms: 1, jitter_ms: 1, bytes_per_ms: 10_000, loss_percent: 0 },
            1 => Self { delay_ms: random.between(5, 30), jitter_ms: 10, bytes_per_ms: 1_000, loss_percent: 0 },
            2 => Self { delay_ms: random.between(20, 80), jitter_ms: 40, bytes_per_ms: 100, loss_percent: 2 },
            _ => {
                let (delay_ms, bytes_per_ms) = (random.between(20, 150), random.between(3, 30));
                Self { delay_ms, jitter_ms: 100, bytes_per_ms, loss_percent: 5 }
            }
        }
    }
}

#[derive(Debug)]
struct Segment {
    sent_us: u64,
    arrives_ms: u64,
    bytes: Vec<u8>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Way {
    quality: Quality,
    random: Random,
    under_way: VecDeque<Segment>,
    /// When the last byte given so far has gone out.
    free_us: u64,
    arrived_ms: u64,
    /// Nothing arrives any more, and nobody is told.
    is_hole: bool,
}

impl Way {
    pub(super) const fn new(quality: Quality, random: Random) -> Self {
        Self { quality, random, under_way: VecDeque::new(), free_us: 0, arrived_ms: 0, is_hole: false }
    }

    pub(super) fn push(&mut self, bytes: Vec<u8>, now_ms: u64) {
        let Quality { delay_ms, jitter_ms, bytes_per_ms, loss_percent } = self.quality;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.free_us = self.free_us.max(now_ms * 1000) + length * 1000 / bytes_per_ms;
        let again_ms = if self.random.percent(loss_percent) { 2 * delay_ms + 10 } else { 0 };
        let arrives_ms = self.free_us.div_ceil(1000) + delay_ms + self.random.below(jitter_ms + 1) + again_ms;
        self.arrived_ms = self.arrived_ms.max(arrives_ms);
        self.under_way.push_back(Segment { sent_us: self.free_us, arrives_ms: self.arrived_ms, bytes });
    }

    /// Nothing goes out before then.
    pub(super) fn stall(&mut self, until_ms: u64) {
        self.free_us = self.free_us.max(until_ms * 1000);
        self.arrived_ms = self.arrived_ms.max(until_ms);
        for segment in &mut self.under_way {
            segment.arrives_ms = segment.arrives_ms.max(until_ms);
        }
    }

    /// What is sent from now on goes nowhere.
    pub(super) const fn become_hole(&mut self) {
        self.is_hole = true;
    }

    pub(super) const fn is_hole(&self) -> bool {
        self.is_hole
    }

    /// The next bytes that have arrived.
    pub(super) fn take_arrived(&mut self, now_ms: u64) -> Option<Vec<u8>> {
        let is_due = !self.is_hole && self.under_way.front()?.arrives_ms <= now_ms;
        is_due.then(|| self.under_way.pop_front().map(|segment| segment.bytes)).flatten()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// When [`Way::take_arrived`] or [`Way::space`] has something new to say.
    pub(super) fn due_ms(&self, now_ms: u64) -> Option<u64> {
        if self.is_hole {
            return None;
        }
        let arrives_ms = self.under_way.front()?.arrives_ms;
        let sent = self.under_way.iter().map(|segment| segment.sent_us.div_ceil(1000)).find(|sent_ms| *sent_ms > now_ms);
        Some(sent.map_or(arrives_ms, |sent_ms| sent_ms.min(arrives_ms)))
    }

    /// Bytes that a socket over this way takes before it is full.
    pub(super) fn space(&self, now_ms: u64) -> usize {
        let bytes = |segments: &mut dyn Iterator<Item = &Segment>| segments.map(|segment| segment.bytes.len()).sum::<usize>();
        let unsent = bytes(&mut self.under_way.iter().filter(|segment| segment.sent_us > now_ms * 1000));
        let all = bytes(&mut self.under_way.iter());
        (SOCKET_NOTSENT_BYTES_MAX as usize).saturating_sub(unsent).min(SOCKET_SEND_BUFFER_BYTES.saturating_sub(all))
    }
}
