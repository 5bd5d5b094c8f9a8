//! When what has a timestamp of the capture pipeline's came to the microphone.
//!
//! Each piece from the device says so, and a busy machine hands pieces on late: the quickest of late are believed. Told the time.

use std::time::Duration;

use dais_audio::SAMPLE_RATE_HZ;
use dais_shared::quickest::Quickest;

/// The quickest piece is looked for among so many, once or twice: seconds of them, in which clocks do not drift apart by a
/// millisecond.
const PIECES: u32 = 250;
/// What comes this much later than the quickest, in microseconds, comes after the device or the machine stood still: all since
/// then is later.
const STOOD_STILL_US: i64 = 500_000;
/// What is known better by so much, in microseconds, is worth telling.
const WORTH_TELLING_US: i64 = 3_000;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct CaptureClock {
    /// When the pipeline's timestamp zero came here, in microseconds of local time.
    origin_us: Quickest<i64, PIECES>,
    /// As it was told last.
    told_us: Option<i64>,
    /// From the microphone to here, as the page measured it last.
    device_latency: Duration,
}

/// How long so many samples last, in microseconds.
const fn us_of(samples: u64) -> u64 {
    samples.saturating_mul(1_000) / (SAMPLE_RATE_HZ as u64 / 1_000)
}

impl CaptureClock {
    /// A piece that ends before `timestamp` is here; its way took `device_latency`.
    pub(crate) fn note(&mut self, timestamp: u64, device_latency: Duration, now: Duration) {
        self.device_latency = device_latency;
        let now_us = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        let origin_us = now_us.saturating_sub_unsigned(us_of(timestamp));
        if self.origin_us.get().is_some_and(|least_us| origin_us.saturating_sub(least_us) > STOOD_STILL_US) {
            self.origin_us = Quickest::default();
        }
        self.origin_us.note(origin_us);
    }

    /// Whether what was told last turned out to be wrong.
    pub(crate) fn has_news(&self) -> bool {
        let (Some(told_us), Some(origin_us)) = (self.told_us, self.origin_us.get()) else { return false };
        told_us.saturating_sub(origin_us) > WORTH_TELLING_US
    }

    /// When what has the timestamp came to the microphone, to be told to others.
    pub(crate) fn tell(&mut self, timestamp: u64) -> Option<Duration> {
        let origin_us = self.origin_us.get()?;
        self.told_us = Some(origin_us);
        let at_us = origin_us.saturating_add_unsigned(us_of(timestamp));
        u64::try_from(at_us).ok().map(|us| Duration::from_micros(us).saturating_sub(self.device_latency))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_quickest_piece_of_late_is_believed() {
        let mut clock = CaptureClock::default();
        clock.note(480, 20 * MS, 150 * MS);
        assert_eq!(clock.tell(480), Some(130 * MS));
        clock.note(960, 20 * MS, 118 * MS);
        assert!(clock.has_news(), "42 ms earlier");
        assert_eq!(clock.tell(960), Some(98 * MS));
        clock.note(1_440, 5 * MS, 190 * MS);
        assert!(!clock.has_news());
        assert_eq!(clock.tell(1_440), Some(123 * MS), "the device's latency is what it is now");
    }

    #[test]
    fn a_device_that_stood_still_is_believed_anew() {
        let mut clock = CaptureClock::default();
        clock.note(480, Duration::ZERO, 20 * MS);
        clock.note(960, Duration::ZERO, 10_030 * MS);
        assert_eq!(clock.tell(960), Some(10_030 * MS));
    }

    #[test]
    fn absurd_numbers_do_not_overflow() {
        let mut clock = CaptureClock::default();
        clock.note(u64::MAX, Duration::MAX, Duration::MAX);
        clock.note(0, Duration::ZERO, Duration::ZERO);
        clock.tell(u64::MAX);
        assert_eq!(CaptureClock::default().tell(0), None);
    }
}
