//! How late packets come, and how long a stream should therefore wait before it is played.
//!
//! The way from a mouth to an ear has two legs. From the server to here everybody shares one
//! socket, so one [`DelayModel`] learns from all voices, and from the server's clock when all
//! are silent. From a speaker to the server each has his own. [`Target`] adds the two: it is the lag at
//! which waiting longer costs more than the loss that it saves, by the histogram of both delays' sum.
//! That is a high quantile of the sum, higher where what comes late comes little later.
//!
//! Delay is counted from the quickest packet of the last seconds, so that clocks need not
//! agree and may drift. Knows arrival times and timestamps; refuses to know what is played.
//! Runs on the audio thread: no allocation, no lock.

mod model;

use std::time::Duration;

use model::{BUCKET_SAMPLES, BUCKETS, lateness_of_sum, samples_at, samples_at_ms};

use crate::{SAMPLE_RATE_HZ, SAMPLES_PER_MS};

pub(crate) use model::DelayModel;

/// The target before anything is known, in samples: 40 ms, which covers what a scheduler on a
/// busy two-core machine adds to a loopback connection.
pub(crate) const TARGET_START_SAMPLES: u32 = 40 * SAMPLES_PER_MS;

/// The smallest target, in samples: 10 ms, and 4 ms more than a device takes at once, which is what clocks in
/// milliseconds at both ends can be wrong by.
pub(crate) const TARGET_SAMPLES_MIN: u32 = 10 * SAMPLES_PER_MS;
const BEYOND_STEP_SAMPLES_MIN: u32 = 4 * SAMPLES_PER_MS;

/// The shortest step a device takes, in samples: a quantum of the Web Audio API. The histograms' buckets leave room for it.
const STEP_SAMPLES_LEAST: u32 = 128;

/// The largest target, in samples: 250 ms. Beyond it a conversation suffers more from the delay
/// (ITU-T G.114 wants at most 400 ms from mouth to ear, better 150) than from a gap.
pub(crate) const TARGET_SAMPLES_MAX: u32 = 250 * SAMPLES_PER_MS;

/// What losing all of a speech would be worth, in samples of lag: one percent of it as much as
/// 20 ms. The target is where waiting longer begins to cost more than it saves.
const LOSS_SAMPLES: f32 = 2_000.0 * SAMPLES_PER_MS as f32;

/// Lag that hardly anybody notices, in samples, and how much it weighs: 30 ms on top of what devices take stay well below
/// the 150 ms of ITU-T G.114, while a gap is heard however short the lag is.
const UNNOTICED_SAMPLES: u32 = 30 * SAMPLES_PER_MS;
const UNNOTICED_WEIGHT: f32 = 0.25;

/// The part of all packets that come in what is taken for the usual time. One that takes longer is
/// overdue, and what is there is played slower until it comes. Packets that come together with the
/// one before them waited for that one, and tell nothing.
const USUAL_PART: i32 = 90;

/// How much one packet moves what is taken for the usual time, in hundredths of a sample: by its
/// part, or by the rest. At 50 packets a second it falls by 5 ms a second.
const USUAL_STEP: i32 = 48;

/// What is taken for the usual time before it is known, in hundredths of a sample: 30 ms.
const USUAL_START: i32 = 30 * SAMPLES_PER_MS.cast_signed() * 100;

/// Packets this close behind another came with it, as far as a device that asks for sound now and
/// then can tell.
const TOGETHER: Duration = Duration::from_millis(3);

/// Added to the usual time, in samples: a busy machine is that late now and then, and speech is not to be
/// stretched for it.
const USUAL_SLACK_SAMPLES: u32 = 9 * SAMPLES_PER_MS;

/// How much longer what is there lasts when it is played slower, as a part of it.
const SLOWED_BY: f32 = 0.3;

/// How fast the target falls while somebody speaks: 20 ms a second, slow enough that catching
/// up is not heard. Between talkspurts it falls at once.
const FALL_SAMPLES_PER_SECOND: u32 = 20 * SAMPLES_PER_MS;

/// The target follows each packet, but is computed this often: a convolution is not free.
const RENEWED_EVERY: Duration = Duration::from_millis(60);

/// The lag at which waiting longer costs more than it saves, in samples.
fn best_lag(lateness: &[f32; BUCKETS], usual: u32) -> u32 {
    let ends = |bucket: usize| (bucket as u32 + 1) * BUCKET_SAMPLES;
    let mut best = (f32::INFINITY, 0);
    for (bucket, later) in lateness.iter().enumerate() {
        // Once a packet is overdue, what is there lasts longer; so much less is needed.
        let stretched = ends(bucket).saturating_sub(usual) as f32 * SLOWED_BY / (1.0 + SLOWED_BY);
        let lag = ends(bucket) - stretched as u32;
        let unnoticed = lag.min(UNNOTICED_SAMPLES) as f32 * (1.0 - UNNOTICED_WEIGHT);
        let cost = lag as f32 - unnoticed + LOSS_SAMPLES * later.max(0.0);
        if cost < best.0 {
            best = (cost, lag);
        }
    }
    best.1
}

/// When one stream is to be played, and the jitter it was seen to have.
pub(crate) struct Target {
    uplink: DelayModel,
    base: i64,
    samples: u32,
    /// How much earlier than its turn a sample may be asked for, beyond what the buckets leave room for.
    early_samples: u32,
    /// In hundredths of a sample.
    usual: i32,
    renewed_at: Option<Duration>,
    jitter_samples: f32,
    newest: Option<Arrival>,
}

#[derive(Clone, Copy)]
struct Arrival {
    sequence: u32,
    timestamp: u64,
    now: Duration,
}

/// What a packet tells about the way it came.
#[derive(Clone, Copy)]
pub(crate) struct Passage {
    pub(crate) sequence: u32,
    pub(crate) timestamp: u64,
    /// At the server, in its milliseconds.
    pub(crate) server_ms: u64,
    /// Recorded before the talkspurt was noticed, and therefore late without any fault of the
    /// network.
    pub(crate) is_pre_roll: bool,
    /// Nothing of this stream is being played, so nobody hears the target fall.
    pub(crate) may_fall: bool,
}

impl Target {
    pub(crate) fn new() -> Self {
        Self {
            uplink: DelayModel::new(),
            base: 0,
            samples: TARGET_START_SAMPLES,
            early_samples: 0,
            usual: USUAL_START,
            renewed_at: None,
            jitter_samples: 0.0,
            newest: None,
        }
    }

    /// By how much playout should lag behind the quickest packets, in samples.
    pub(crate) fn samples(&self) -> u32 {
        self.samples
    }

    /// Interarrival jitter in samples.
    pub(crate) fn jitter_samples(&self) -> f32 {
        self.jitter_samples
    }

    /// Whether a packet with this timestamp takes longer than nine of ten do. `now` is when the sample is due that is asked
    /// for, which may be that much later than now.
    pub(crate) fn is_overdue(&self, timestamp: u64, now: Duration) -> bool {
        self.delay_samples(timestamp, now) > i64::from(self.usual_samples() + self.early_samples)
    }

    /// By how much a sample with this timestamp lags behind the quickest packets if it is
    /// played now, in samples.
    pub(crate) fn delay_samples(&self, timestamp: u64, now: Duration) -> i64 {
        samples_at(now).wrapping_sub(timestamp.cast_signed()).wrapping_sub(self.base)
    }

    /// The speaker counts his time anew: what was learned of his leg says nothing any more.
    pub(crate) fn restart(&mut self) {
        self.uplink = DelayModel::new();
        self.newest = None;
        self.renewed_at = None;
    }

    /// A packet arrived, and `downlink` has learned from it already.
    pub(crate) fn handle_arrival(&mut self, passage: &Passage, downlink: &DelayModel, now: Duration) {
        if !passage.is_pre_roll {
            let transit = samples_at_ms(passage.server_ms).wrapping_sub(passage.timestamp.cast_signed());
            self.uplink.observe(transit, now);
        }
        self.base = match (self.uplink.base(), downlink.base()) {
            (Some(up), Some(down)) => up.wrapping_add(down),
            _ => samples_at(now).wrapping_sub(passage.timestamp.cast_signed()),
        };
        self.learn_usual(passage, now);
        self.measure_jitter(passage, now);
        self.renew(passage.may_fall, downlink, now);
    }

    fn usual_samples(&self) -> u32 {
        self.usual.unsigned_abs() / 100 + USUAL_SLACK_SAMPLES
    }

    /// Follows a quantile by small steps: up by the part that is to lie below, down by the rest.
    fn learn_usual(&mut self, passage: &Passage, now: Duration) {
        let came_alone = self.newest.is_none_or(|newest| now.saturating_sub(newest.now) > TOGETHER);
        if came_alone && !passage.is_pre_roll {
            let is_later = self.delay_samples(passage.timestamp, now) > i64::from(self.usual / 100);
            let step = if is_later { USUAL_PART } else { USUAL_PART - 100 };
            let most = TARGET_SAMPLES_MAX.cast_signed() * 100;
            self.usual = (self.usual + step * USUAL_STEP).clamp(0, most);
        }
    }

    fn renew(&mut self, may_fall: bool, downlink: &DelayModel, now: Duration) {
        let elapsed = self.renewed_at.map_or(Duration::ZERO, |at| now.saturating_sub(at));
        if self.renewed_at.is_some() && elapsed < RENEWED_EVERY && !may_fall {
            return;
        }
        self.renewed_at = Some(now);
        let is_known = self.uplink.is_trusted() && downlink.is_trusted();
        let step = downlink.step_samples();
        self.early_samples = step.saturating_sub(STEP_SAMPLES_LEAST);
        let least = if is_known { TARGET_SAMPLES_MIN.max(BEYOND_STEP_SAMPLES_MIN + step) } else { TARGET_START_SAMPLES };
        let late = best_lag(&lateness_of_sum(&self.uplink, downlink), self.usual_samples());
        let best = late + self.early_samples;
        let wanted = best.max(least).min(TARGET_SAMPLES_MAX);
        let fall = (elapsed.as_secs_f32() * FALL_SAMPLES_PER_SECOND as f32) as u32;
        let lowest = if may_fall { 0 } else { self.samples.saturating_sub(fall) };
        self.samples = wanted.max(lowest);
    }

    /// RFC 3550, section 6.4.1, between neighbours in sequence.
    fn measure_jitter(&mut self, passage: &Passage, now: Duration) {
        if let Some(newest) = self.newest
            && passage.sequence == newest.sequence.wrapping_add(1)
        {
            let arrived = now.saturating_sub(newest.now).as_secs_f32() * SAMPLE_RATE_HZ as f32;
            let captured = passage.timestamp.wrapping_sub(newest.timestamp) as f32;
            // A talkspurt's pause is in both differences; only a lie makes them drift apart.
            let deviation = (arrived - captured).abs().min(SAMPLE_RATE_HZ as f32);
            self.jitter_samples += (deviation - self.jitter_samples) / 16.0;
        }
        self.newest = Some(Arrival { sequence: passage.sequence, timestamp: passage.timestamp, now });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// Both legs of one speaker, frames of 20 ms.
    struct Way {
        target: Target,
        downlink: DelayModel,
    }

    impl Way {
        fn new() -> Self {
            Self { target: Target::new(), downlink: DelayModel::new() }
        }

        /// Frame `n` reaches the server `up_ms` and the listener another `down_ms` later.
        fn take(&mut self, n: u64, up_ms: u64, down_ms: u64) {
            let server_ms = n * 20 + up_ms;
            let now = MS(server_ms + down_ms);
            self.downlink.observe_server(server_ms, now);
            let passage = Passage { sequence: n as u32, timestamp: n * 960, server_ms, is_pre_roll: false, may_fall: false };
            self.target.handle_arrival(&passage, &self.downlink, now);
        }

        fn target_ms(&self) -> u32 {
            self.target.samples() / SAMPLES_PER_MS
        }
    }

    #[test]
    fn a_steady_way_needs_the_least_after_three_seconds() {
        let mut way = Way::new();
        way.take(0, 30, 30);
        assert_eq!(way.target_ms(), 40);
        for n in 1..200 {
            way.take(n, 30, 30);
        }
        assert_eq!(way.target_ms(), 10);
        assert_eq!(way.target.delay_samples(199 * 960, MS(199 * 20 + 60)), 0, "the newest, had it played on arrival");
    }

    #[test]
    fn a_device_that_takes_much_at_once_needs_it_earlier() {
        for (step_ms, target_ms) in [(3, 10), (12, 16), (30, 34)] {
            let mut way = Way::new();
            way.downlink.set_step(step_ms * SAMPLES_PER_MS);
            for n in 0..200 {
                way.take(n, 30, 30);
            }
            assert_eq!(way.target_ms(), target_ms, "in steps of {step_ms} ms");
        }
    }

    #[test]
    fn the_target_covers_the_jitter_of_both_legs_together() {
        let mut way = Way::new();
        for n in 0..2_000 {
            way.take(n, 30 + n * 7 % 20, 30 + n * 11 % 30);
        }
        assert!((40..=52).contains(&way.target_ms()), "{}", way.target_ms());
    }

    #[test]
    fn it_rises_at_once_and_falls_by_twenty_milliseconds_a_second() {
        let mut way = Way::new();
        for n in 0..500 {
            way.take(n, 30, 30);
        }
        for n in 500..600 {
            way.take(n, 30, 30 + (600 - n) * 3 / 2);
        }
        let risen = way.target_ms();
        assert!(risen >= 100, "{risen}");
        // Forgetting takes its time; the fall itself is what is bounded.
        let mut lowest = risen;
        for n in 600..4_000 {
            way.take(n, 30, 30);
            assert!(lowest - way.target_ms().min(lowest) <= 2, "less than 2 ms in 60");
            lowest = way.target_ms();
        }
        assert_eq!(lowest, 10);
    }

    #[test]
    fn an_interruption_teaches_nothing() {
        let mut way = Way::new();
        for n in 0..500 {
            way.take(n, 30, 30);
        }
        for n in 500..600 {
            way.take(n, 30, 30 + (600 - n) * 20);
        }
        for n in 600..700 {
            way.take(n, 30, 30);
        }
        assert_eq!(way.target_ms(), 10);
    }

    #[test]
    fn a_longer_way_is_learned_as_a_new_one() {
        let mut way = Way::new();
        for n in 0..500 {
            way.take(n, 30, 30);
        }
        for n in 500..1_500 {
            way.take(n, 30, 900);
        }
        assert_eq!(way.target_ms(), 10);
        assert_eq!(way.target.delay_samples(1_499 * 960, MS(1_499 * 20 + 930)), 0);
    }

    #[test]
    fn jitter_is_zero_for_a_steady_stream_and_everything_is_bounded_for_a_liar() {
        let mut way = Way::new();
        for n in 0..100 {
            way.take(n, 30, 7);
        }
        assert!(way.target.jitter_samples() < 0.5);
        for n in 100..200u64 {
            let passage = Passage {
                sequence: n as u32,
                timestamp: u64::MAX / n,
                server_ms: u64::MAX / (n % 3 + 1),
                is_pre_roll: false,
                may_fall: true,
            };
            way.target.handle_arrival(&passage, &way.downlink, MS(n * 20));
            way.target.delay_samples(u64::MAX - n, MS(n));
        }
        assert!(way.target.jitter_samples() <= 48_000.0);
        assert!((TARGET_SAMPLES_MIN..=TARGET_SAMPLES_MAX).contains(&way.target.samples()));
    }
}
