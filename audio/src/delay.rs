//! How much of a stream should wait in its jitter buffer.
//!
//! Starts at a constant, rises when a talkspurt ran dry because packets came late, and falls
//! slowly while none does. Knows arrival times and timestamps of one stream; refuses to know
//! what is played meanwhile. Runs on the audio thread: no allocation, no lock.

use std::time::Duration;

use crate::{SAMPLE_RATE_HZ, SAMPLES_PER_MS};

/// The target before anything is known, in samples: 60 ms, three frames of 20 ms. It covers
/// what a scheduler on a busy two-core machine adds to a loopback connection.
pub(crate) const TARGET_START_SAMPLES: u32 = 60 * SAMPLES_PER_MS;

/// The largest target, in samples: 200 ms. Beyond it a conversation suffers more from the delay
/// (ITU-T G.114 wants at most 400 ms from mouth to ear, better 150) than from a gap.
pub(crate) const TARGET_SAMPLES_MAX: u32 = 200 * SAMPLES_PER_MS;

/// The least and the most that one underrun adds to the target, in samples.
const RISE_SAMPLES: std::ops::RangeInclusive<u32> = 10 * SAMPLES_PER_MS..=60 * SAMPLES_PER_MS;

/// A stall beyond this is an interruption, not jitter, and is not learned from.
const LATENESS_LEARNED_MAX: Duration = Duration::from_millis(500);

/// How fast the target falls while nothing runs dry: 2 ms a second, so that what one bad
/// moment taught is forgotten after about a minute.
const FALL_SAMPLES_PER_SECOND: u32 = 2 * SAMPLES_PER_MS;

/// The target of one stream, and the jitter it was seen to have.
pub(crate) struct Target {
    samples: u32,
    fell_at: Duration,
    jitter_samples: f32,
    newest: Option<Arrival>,
}

#[derive(Clone, Copy)]
struct Arrival {
    sequence: u32,
    timestamp: u64,
    now: Duration,
}

impl Target {
    pub(crate) fn new() -> Self {
        Self { samples: TARGET_START_SAMPLES, fell_at: Duration::ZERO, jitter_samples: 0.0, newest: None }
    }

    /// What should wait, in samples.
    pub(crate) fn samples(&self) -> u32 {
        self.samples
    }

    /// Interarrival jitter in samples.
    pub(crate) fn jitter_samples(&self) -> f32 {
        self.jitter_samples
    }

    /// A packet arrived: measures jitter (RFC 3550, section 6.4.1) between neighbours in
    /// sequence, and lets the target fall.
    pub(crate) fn handle_arrival(&mut self, sequence: u32, timestamp: u64, now: Duration) {
        if let Some(newest) = self.newest
            && sequence == newest.sequence.wrapping_add(1)
        {
            let arrived = now.saturating_sub(newest.now).as_secs_f32() * SAMPLE_RATE_HZ as f32;
            let captured = timestamp.wrapping_sub(newest.timestamp) as f32;
            // A talkspurt's pause is in both differences; only a lie makes them drift apart.
            let deviation = (arrived - captured).abs().min(SAMPLE_RATE_HZ as f32);
            self.jitter_samples += (deviation - self.jitter_samples) / 16.0;
        }
        self.newest = Some(Arrival { sequence, timestamp, now });
        self.fall(now);
    }

    /// A packet came `late` after the moment at which it should have played.
    pub(crate) fn handle_lateness(&mut self, late: Duration, now: Duration) {
        self.fell_at = now;
        if late > LATENESS_LEARNED_MAX {
            return;
        }
        let late_samples = (late.as_secs_f32() * SAMPLE_RATE_HZ as f32) as u32;
        let rise = late_samples.clamp(*RISE_SAMPLES.start(), *RISE_SAMPLES.end());
        self.samples = (self.samples + rise).min(TARGET_SAMPLES_MAX);
    }

    /// Whole seconds only, so that rounding neither stops nor hastens the fall.
    fn fall(&mut self, now: Duration) {
        let seconds = now.saturating_sub(self.fell_at).as_secs();
        if seconds == 0 {
            return;
        }
        self.fell_at += Duration::from_secs(seconds);
        let fall = u32::try_from(seconds).unwrap_or(u32::MAX).saturating_mul(FALL_SAMPLES_PER_SECOND);
        self.samples = self.samples.saturating_sub(fall).max(TARGET_START_SAMPLES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn lateness_raises_at_once_and_quiet_lowers_slowly() {
        let mut target = Target::new();
        assert_eq!(target.samples(), 60 * 48);
        target.handle_lateness(MS(35), MS(1_000));
        assert_eq!(target.samples(), 95 * 48);
        target.handle_arrival(1, 0, MS(11_000));
        assert_eq!(target.samples(), 75 * 48, "2 ms a second over ten seconds");
        target.handle_arrival(2, 960, MS(3_600_000));
        assert_eq!(target.samples(), 60 * 48, "never below the start");
    }

    #[test]
    fn the_target_is_bounded_and_an_interruption_teaches_nothing() {
        let mut target = Target::new();
        target.handle_lateness(MS(501), MS(1_000));
        assert_eq!(target.samples(), 60 * 48);
        for _ in 0..20 {
            target.handle_lateness(MS(300), MS(1_000));
        }
        assert_eq!(target.samples(), 200 * 48);
    }

    #[test]
    fn jitter_is_zero_for_a_steady_stream_and_bounded_for_a_liar() {
        let mut target = Target::new();
        for n in 0..100u32 {
            target.handle_arrival(n, u64::from(n) * 960, MS(u64::from(n) * 20 + 7));
        }
        assert!(target.jitter_samples() < 0.5);
        for n in 100..200u32 {
            target.handle_arrival(n, u64::MAX / u64::from(n), MS(u64::from(n) * 20));
        }
        assert!(target.jitter_samples() <= 48_000.0);
    }
}
