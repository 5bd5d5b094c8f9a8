//! How often a room's changes leave, and how much of them, so that whoever listens is not drowned in news. Told the time.

use crate::limits::{DELTA_BURST, DELTA_BYTES_BURST, DELTA_BYTES_PER_SECOND, DELTAS_PER_SECOND, DELTAS_RESERVED};

/// Two token buckets, in thousandths: one of deltas, one of the bytes that they have. The second may go below zero, since nobody
/// knows how long a delta is before it is encoded: what one is too long the next one waits for.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    deltas_milli: i64,
    bytes_milli: i64,
    /// The time for which the two are.
    at_ms: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { deltas_milli: milli(DELTA_BURST), bytes_milli: milli(DELTA_BYTES_BURST), at_ms: 0 }
    }
}

impl Pace {
    /// When the next delta may leave, in Unix milliseconds. One that is pressing, with a moderator's word in it, has tokens
    /// of its own, and does not wait for bytes.
    pub(super) fn next_ms(&self, is_pressing: bool) -> u64 {
        let wanted = if is_pressing { 1 } else { 1 + DELTAS_RESERVED };
        let for_deltas_ms = wait_ms(milli(wanted) - self.deltas_milli, DELTAS_PER_SECOND);
        let for_bytes_ms = if is_pressing { 0 } else { wait_ms(-self.bytes_milli, DELTA_BYTES_PER_SECOND) };
        self.at_ms.saturating_add(for_deltas_ms.max(for_bytes_ms))
    }

    /// A delta leaves.
    pub(super) fn take(&mut self, now_ms: u64) {
        self.refill(now_ms);
        self.deltas_milli -= milli(1);
    }

    /// It has so many bytes.
    pub(super) fn charge(&mut self, bytes: usize) {
        self.bytes_milli = self.bytes_milli.saturating_sub(i64::try_from(bytes).unwrap_or(i64::MAX).saturating_mul(1000));
    }

    fn refill(&mut self, now_ms: u64) {
        let elapsed_ms = i64::try_from(now_ms.saturating_sub(self.at_ms)).unwrap_or(i64::MAX);
        let refilled = |level: i64, per_second: u32, burst: u32| {
            level.saturating_add(elapsed_ms.saturating_mul(i64::from(per_second))).min(milli(burst))
        };
        self.deltas_milli = refilled(self.deltas_milli, DELTAS_PER_SECOND, DELTA_BURST);
        self.bytes_milli = refilled(self.bytes_milli, DELTA_BYTES_PER_SECOND, DELTA_BYTES_BURST);
        self.at_ms = self.at_ms.max(now_ms);
    }
}

/// Tokens in thousandths: at so many a second, one thousandth comes in a millisecond for each.
const fn milli(tokens: u32) -> i64 {
    tokens as i64 * 1000
}

/// How long it takes until so many thousandths more are there.
fn wait_ms(missing_milli: i64, per_second: u32) -> u64 {
    u64::try_from(missing_milli).unwrap_or(0).div_ceil(u64::from(per_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When deltas leave that are wanted all the time, within some seconds; each of so many bytes.
    fn times_ms(is_pressing: bool, bytes: usize) -> std::vec::Vec<u64> {
        let mut pace = Pace::default();
        let mut times = std::vec::Vec::new();
        for now_ms in 5_000..15_000 {
            while pace.next_ms(is_pressing) <= now_ms {
                pace.take(now_ms);
                pace.charge(bytes);
                times.push(now_ms);
            }
        }
        times
    }

    #[test]
    fn no_second_has_more_deltas_than_ten_however_pressing() {
        for is_pressing in [false, true] {
            let times = times_ms(is_pressing, 1);
            let most = times.iter().map(|from| times.iter().filter(|at| (*from..from + 1000).contains(at)).count()).max();
            assert!(most <= Some(10), "{most:?}");
            assert!(times.len() >= 10 * DELTAS_PER_SECOND as usize);
        }
    }

    #[test]
    fn long_deltas_are_fewer() {
        for bytes in [100, 1_000, 2_500] {
            let times = times_ms(false, bytes);
            let most = times.iter().map(|from| times.iter().filter(|at| (*from..from + 1000).contains(at)).count()).max();
            assert!(most.unwrap_or(0) * bytes <= 8_000, "{most:?} of {bytes} bytes");
        }
        assert!(times_ms(true, 2_500).len() > times_ms(false, 2_500).len(), "what is pressing does not wait for bytes");
    }

    #[test]
    fn what_is_pressing_finds_a_token_when_others_do_not() {
        let mut pace = Pace::default();
        while pace.next_ms(false) <= 1_000 {
            pace.take(1_000);
        }
        assert!(pace.next_ms(true) <= 1_000 && pace.next_ms(false) > 1_000);
        while pace.next_ms(true) <= 1_000 {
            pace.take(1_000);
        }
        assert!(pace.next_ms(true) <= 1_000 + 250, "and is never long without");
    }
}
