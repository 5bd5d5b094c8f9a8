//! The packets of one stream that wait for their turn, in order, each once.
//!
//! Knows sequence numbers and lengths. It refuses to know time: when a packet's turn comes is
//! the decision's business. Every slot is made in `new`; afterwards nothing is allocated or
//! freed, so that it may be used on the audio thread.

use crate::codec::PAYLOAD_BYTES_MAX;
use crate::packet::PacketHeader;

/// Packets that may wait: 64 are 640 ms in frames of 10 ms, and playout sheds long before
/// that. The bound is met only while nothing is rendered.
pub(crate) const PACKETS_MAX: usize = 64;

/// How far back a repeated sequence number is recognised: 1.28 s in frames of 10 ms. One from
/// further back belongs to a stream that began anew.
const SEQUENCE_WINDOW: i32 = u128::BITS as i32;

/// How many numbers may be missing before a stream is taken for one that began anew: half a minute
/// in frames of 10 ms, which is as long as a place is kept for a stream that says nothing.
const SEQUENCES_LOST_MAX: i32 = 3_000;

/// One waiting packet without its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) sequence: u32,
    pub(crate) timestamp: u64,
    /// Length by the packet's own table-of-contents byte, in samples.
    pub(crate) samples: u32,
    pub(crate) level_dbov: u8,
    pub(crate) flags: u8,
}

struct Slot {
    waiting: Waiting,
    payload_bytes: usize,
    payload: [u8; PAYLOAD_BYTES_MAX],
}

/// What became of a packet offered to the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placed {
    Queued,
    /// Queued, and the oldest one thrown out for it; its length in samples.
    Displaced(u32),
    Duplicate,
}

/// The waiting room of one stream.
pub(crate) struct Buffer {
    slots: Box<[Slot]>,
    /// Which slots are taken, by ascending sequence: `order[..count]`. The rest are free.
    order: [u8; PACKETS_MAX],
    count: usize,
    samples: u64,
    /// The newest sequence ever taken and a bit for each of those before it.
    newest: Option<u32>,
    seen: u128,
}

impl Buffer {
    pub(crate) fn new() -> Self {
        let empty = Waiting { sequence: 0, timestamp: 0, samples: 0, level_dbov: 0, flags: 0 };
        let slot = |_| Slot { waiting: empty, payload_bytes: 0, payload: [0; PAYLOAD_BYTES_MAX] };
        Self {
            slots: (0..PACKETS_MAX).map(slot).collect(),
            order: std::array::from_fn(|index| index as u8),
            count: 0,
            samples: 0,
            newest: None,
            seen: 0,
        }
    }

    /// What waits, in samples.
    pub(crate) fn samples(&self) -> u64 {
        self.samples
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The packet with the lowest sequence.
    pub(crate) fn first(&self) -> Option<Waiting> {
        self.order[..self.count].first().map(|&index| self.slots[usize::from(index)].waiting)
    }

    /// The packet with the highest sequence.
    pub(crate) fn last(&self) -> Option<Waiting> {
        self.order[..self.count].last().map(|&index| self.slots[usize::from(index)].waiting)
    }

    /// What follows the packet with the lowest sequence without a gap, itself included, in
    /// samples; not counted further than `enough`.
    pub(crate) fn run_samples(&self, enough: u64) -> u64 {
        let mut run = 0;
        let mut last: Option<Waiting> = None;
        for &index in &self.order[..self.count] {
            let waiting = self.slots[usize::from(index)].waiting;
            let follows = last.is_none_or(|last| {
                waiting.sequence == last.sequence.wrapping_add(1)
                    && waiting.timestamp == last.timestamp.wrapping_add(u64::from(last.samples))
            });
            if !follows || run >= enough {
                break;
            }
            run += u64::from(waiting.samples);
            last = Some(waiting);
        }
        run
    }

    /// Whether the packet with the lowest sequence is sound, and one that begins within `ahead`
    /// samples of it is a pause: at least `quieter_db` below the loudest of them.
    pub(crate) fn pause_is_near(&self, ahead: u64, quieter_db: u8) -> bool {
        let Some(first) = self.first() else { return false };
        let near = || {
            let waiting = self.order[..self.count].iter().map(|&index| self.slots[usize::from(index)].waiting);
            waiting.take_while(|waiting| waiting.timestamp.wrapping_sub(first.timestamp) < ahead)
        };
        let loudest = near().map(|waiting| waiting.level_dbov).min().unwrap_or(0);
        let is_pause = |waiting: &Waiting| waiting.level_dbov >= loudest.saturating_add(quieter_db);
        !is_pause(&first) && near().any(|waiting| is_pause(&waiting))
    }

    /// Whether this sequence is too far from the newest to belong to the same count.
    pub(crate) fn is_elsewhere(&self, sequence: u32) -> bool {
        self.newest.is_some_and(|newest| !(1 - SEQUENCE_WINDOW..=SEQUENCES_LOST_MAX).contains(&ahead(sequence, newest)))
    }

    /// Takes a packet in, unless it was taken before. `samples` is its true length.
    pub(crate) fn insert(&mut self, header: &PacketHeader, samples: u32, payload: &[u8]) -> Placed {
        if self.was_seen(header.sequence) {
            return Placed::Duplicate;
        }
        self.mark_seen(header.sequence);
        let displaced = if self.count == PACKETS_MAX { self.remove_first() } else { None };
        let index = self.order[self.count];
        let slot = &mut self.slots[usize::from(index)];
        slot.waiting = Waiting {
            sequence: header.sequence,
            timestamp: header.timestamp,
            samples,
            level_dbov: header.level_dbov,
            flags: header.flags,
        };
        slot.payload_bytes = payload.len().min(PAYLOAD_BYTES_MAX);
        slot.payload[..slot.payload_bytes].copy_from_slice(&payload[..slot.payload_bytes]);
        // In order the place is the end, and nothing moves.
        let place = self.order[..self.count]
            .iter()
            .rposition(|&other| ahead(header.sequence, self.slots[usize::from(other)].waiting.sequence) > 0)
            .map_or(0, |before| before + 1);
        self.order[place..=self.count].rotate_right(1);
        self.count += 1;
        self.samples += u64::from(samples);
        displaced.map_or(Placed::Queued, |oldest| Placed::Displaced(oldest.samples))
    }

    /// The bytes of the packet with the lowest sequence; empty where none waits.
    pub(crate) fn first_payload(&self) -> &[u8] {
        match self.order[..self.count].first() {
            Some(&index) => {
                let slot = &self.slots[usize::from(index)];
                &slot.payload[..slot.payload_bytes]
            }
            None => &[],
        }
    }

    /// Takes the packet with the lowest sequence out.
    pub(crate) fn remove_first(&mut self) -> Option<Waiting> {
        let first = self.first()?;
        // The freed slot goes behind those in use.
        self.order[..self.count].rotate_left(1);
        self.count -= 1;
        self.samples -= u64::from(first.samples);
        Some(first)
    }

    /// Forgets everything, also which sequences were seen.
    pub(crate) fn clear(&mut self) {
        self.count = 0;
        self.samples = 0;
        self.newest = None;
        self.seen = 0;
    }

    /// Whether this sequence was taken before. Beyond the window nobody remembers, and those
    /// count as seen.
    pub(crate) fn was_seen(&self, sequence: u32) -> bool {
        let Some(newest) = self.newest else { return false };
        let behind = -i64::from(ahead(sequence, newest));
        match u32::try_from(behind) {
            Ok(behind) => self.seen.checked_shr(behind).is_none_or(|bits| bits & 1 == 1),
            Err(_) => false,
        }
    }

    fn mark_seen(&mut self, sequence: u32) {
        let Some(newest) = self.newest else {
            self.newest = Some(sequence);
            self.seen = 1;
            return;
        };
        match u32::try_from(ahead(sequence, newest)) {
            Ok(forward) => {
                self.seen = self.seen.checked_shl(forward).unwrap_or(0) | 1;
                self.newest = Some(sequence);
            }
            Err(_) => {
                let behind = ahead(sequence, newest).unsigned_abs();
                self.seen |= 1u128.checked_shl(behind).unwrap_or(0);
            }
        }
    }
}

/// How far `sequence` is ahead of `other`, by the shorter way round the 32-bit count.
pub(crate) fn ahead(sequence: u32, other: u32) -> i32 {
    sequence.wrapping_sub(other).cast_signed()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn header(sequence: u32) -> PacketHeader {
        PacketHeader {
            stream: 1,
            sequence,
            timestamp: u64::from(sequence) * 960,
            arrival_ms: 0,
            duration_samples: 960,
            level_dbov: 30,
            flags: 0,
        }
    }

    fn offer(buffer: &mut Buffer, sequence: u32) -> Placed {
        buffer.insert(&header(sequence), 960, &sequence.to_le_bytes())
    }

    fn drain(buffer: &mut Buffer) -> Vec<u32> {
        std::iter::from_fn(|| {
            let first = buffer.first()?;
            assert_eq!(buffer.first_payload(), first.sequence.to_le_bytes(), "bytes follow their header");
            buffer.remove_first()
        })
        .map(|waiting| waiting.sequence)
        .collect()
    }

    #[test]
    fn packets_leave_in_order_whatever_order_they_came_in() {
        let mut buffer = Buffer::new();
        for sequence in [5, 2, 9, 3, 1, 8] {
            assert_eq!(offer(&mut buffer, sequence), Placed::Queued);
        }
        assert_eq!(buffer.samples(), 6 * 960);
        assert_eq!(buffer.last().unwrap().sequence, 9);
        assert_eq!(drain(&mut buffer), [1, 2, 3, 5, 8, 9]);
        assert_eq!((buffer.samples(), buffer.first()), (0, None));
    }

    #[test]
    fn order_holds_across_the_end_of_the_count() {
        let mut buffer = Buffer::new();
        for sequence in [1, u32::MAX, 0, u32::MAX - 1] {
            assert_eq!(offer(&mut buffer, sequence), Placed::Queued);
        }
        assert_eq!(drain(&mut buffer), [u32::MAX - 1, u32::MAX, 0, 1]);
    }

    #[test]
    fn a_packet_is_taken_once_even_after_it_left() {
        let mut buffer = Buffer::new();
        assert_eq!(offer(&mut buffer, 100), Placed::Queued);
        assert_eq!(offer(&mut buffer, 100), Placed::Duplicate);
        assert_eq!(drain(&mut buffer), [100]);
        assert_eq!(offer(&mut buffer, 102), Placed::Queued);
        assert_eq!(offer(&mut buffer, 100), Placed::Duplicate);
        assert_eq!(offer(&mut buffer, 101), Placed::Queued, "skipped, not seen");
        assert_eq!(offer(&mut buffer, 101), Placed::Duplicate);
        assert!(buffer.is_elsewhere(102 + 3_001) && !buffer.is_elsewhere(102 + 3_000));
        assert!(buffer.is_elsewhere(102u32.wrapping_sub(128)) && !buffer.is_elsewhere(102u32.wrapping_sub(127)));
        buffer.clear();
        assert_eq!(offer(&mut buffer, 100), Placed::Queued, "a stream that began anew");
    }

    #[test]
    fn a_full_buffer_gives_up_its_oldest() {
        let mut buffer = Buffer::new();
        let capacity = PACKETS_MAX as u32;
        for sequence in 0..capacity {
            assert_eq!(offer(&mut buffer, sequence), Placed::Queued);
        }
        for sequence in capacity..10 * capacity {
            assert_eq!(offer(&mut buffer, sequence), Placed::Displaced(960));
        }
        assert_eq!(buffer.samples(), u64::from(capacity) * 960);
        assert_eq!(drain(&mut buffer), (9 * capacity..10 * capacity).collect::<Vec<_>>());
    }
}
