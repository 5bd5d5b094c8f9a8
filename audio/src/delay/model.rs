//! How late the packets of one leg of the way come, compared with the quickest of late.

use std::time::Duration;

use crate::{SAMPLE_RATE_HZ, SAMPLES_PER_MS};

/// Packets after which a model is trusted: half a second of frames of 10 ms.
const TRUSTED_AFTER: u32 = 50;

/// Width of a histogram's bucket, in samples: 2 ms, of the order of what clocks in
/// milliseconds can tell.
pub(super) const BUCKET_SAMPLES: u32 = 2 * SAMPLES_PER_MS;

/// What is believed before anything is known: that this many packets came without delay. A single late one is no reason
/// to wait.
const BELIEVED: f32 = 100.0;

/// Buckets: the last holds all from 254 ms on, which no target can wait for.
pub(super) const BUCKETS: usize = 128;

/// After this long a packet counts 1/e of a new one.
const MEMORY: Duration = Duration::from_secs(25);

/// A delay beyond this is an interruption, not jitter, and is not learned from.
const STALL_SAMPLES: i64 = 500 * SAMPLES_PER_MS as i64;

/// After an interruption everything that it held up comes in one burst; learning goes on with
/// the first packet that is no later than this, or after [`STALL_LASTS_MAX`].
const STALL_OVER_SAMPLES: i64 = 60 * SAMPLES_PER_MS as i64;

/// An interruption that lasts longer is a new way with another length.
const STALL_LASTS_MAX: Duration = Duration::from_secs(2);

/// The quickest packet is looked for in so many steps of so long: 1 s, long enough to have one
/// on a way with much jitter, short enough to follow a queue that grows and clocks that drift.
const BASE_STEPS: usize = 10;
const BASE_STEP_MS: u128 = 100;

/// A moment as a count of samples.
pub(crate) fn samples_at(now: Duration) -> i64 {
    i64::try_from(now.as_nanos() * u128::from(SAMPLE_RATE_HZ) / 1_000_000_000).unwrap_or(i64::MAX / 4)
}

/// The server's milliseconds as a count of samples; absurd ones end far from overflow.
pub(crate) fn samples_at_ms(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX).clamp(0, i64::MAX / 1_024).saturating_mul(i64::from(SAMPLES_PER_MS))
}

/// The least value of the last [`BASE_STEPS`].
struct Minimum {
    of_step: [i64; BASE_STEPS],
    step: u64,
    least: i64,
}

impl Minimum {
    const fn new() -> Self {
        Self { of_step: [i64::MAX; BASE_STEPS], step: 0, least: i64::MAX }
    }

    fn observe(&mut self, value: i64, now: Duration) -> i64 {
        let place = |step: u64| (step % BASE_STEPS as u64) as usize;
        let step = u64::try_from(now.as_millis() / BASE_STEP_MS).unwrap_or(u64::MAX);
        if step > self.step {
            let gone = (step - self.step).min(BASE_STEPS as u64);
            (0..gone).for_each(|back| self.of_step[place(step - back)] = i64::MAX);
            self.step = step;
        }
        let current = &mut self.of_step[place(self.step)];
        *current = value.min(*current);
        self.least = self.of_step.iter().copied().min().unwrap_or(value);
        self.least
    }
}

/// One leg of the way: how late its packets come, compared with its quickest.
pub(crate) struct DelayModel {
    base: Minimum,
    weights: [f32; BUCKETS],
    total: f32,
    observed: u32,
    observed_at: Duration,
    stalled_since: Option<Duration>,
    step_samples: u32,
}

impl DelayModel {
    pub(crate) const fn new() -> Self {
        Self {
            base: Minimum::new(),
            weights: {
                let mut weights = [0.0; BUCKETS];
                weights[0] = BELIEVED;
                weights
            },
            total: BELIEVED,
            observed: 0,
            observed_at: Duration::ZERO,
            stalled_since: None,
            step_samples: 0,
        }
    }

    /// The leg ends at a device that takes this many samples at once: the last of them are asked for as much before
    /// their time.
    pub(crate) fn set_step(&mut self, samples: u32) {
        self.step_samples = samples;
    }

    pub(super) fn step_samples(&self) -> u32 {
        self.step_samples
    }

    /// Learns from one packet: `transit` is its time at the leg's end less its time at the
    /// leg's beginning, in samples, by whatever clocks there are.
    pub(crate) fn observe(&mut self, transit: i64, now: Duration) {
        let delay = transit.saturating_sub(self.base.observe(transit, now));
        if self.is_stalled(delay, transit, now) {
            return;
        }
        let elapsed = now.saturating_sub(self.observed_at).min(MEMORY);
        if !elapsed.is_zero() {
            let kept = (-elapsed.as_secs_f32() / MEMORY.as_secs_f32()).exp();
            self.weights.iter_mut().for_each(|weight| *weight *= kept);
            self.total *= kept;
            self.observed_at = now;
        }
        let bucket = usize::try_from(delay / i64::from(BUCKET_SAMPLES)).unwrap_or(0).min(BUCKETS - 1);
        self.weights[bucket] += 1.0;
        self.total += 1.0;
        self.observed = self.observed.saturating_add(1);
    }

    /// Learns, as the leg from the server to here, from what the server sent at `server_ms`, in
    /// milliseconds of its clock.
    pub(crate) fn observe_server(&mut self, server_ms: u64, now: Duration) {
        self.observe(samples_at(now).wrapping_sub(samples_at_ms(server_ms)), now);
    }

    /// Whether this packet belongs to an interruption or to the burst behind it.
    fn is_stalled(&mut self, delay: i64, transit: i64, now: Duration) -> bool {
        if delay > STALL_SAMPLES {
            let since = *self.stalled_since.get_or_insert(now);
            if now.saturating_sub(since) <= STALL_LASTS_MAX {
                return true;
            }
            self.base = Minimum::new();
            self.base.observe(transit, now);
        } else if let Some(since) = self.stalled_since
            && delay > STALL_OVER_SAMPLES
            && now.saturating_sub(since) <= STALL_LASTS_MAX
        {
            return true;
        }
        self.stalled_since = None;
        false
    }

    /// Transit of the quickest packet, in samples; `None` before the first.
    pub(super) fn base(&self) -> Option<i64> {
        (self.base.least != i64::MAX).then_some(self.base.least)
    }

    pub(super) fn is_trusted(&self) -> bool {
        self.observed >= TRUSTED_AFTER
    }
}

/// How many of all packets are later than so many buckets, when both legs' delays add up: a part of one.
pub(super) fn lateness_of_sum(one: &DelayModel, other: &DelayModel) -> [f32; BUCKETS] {
    let mut later = 1.0;
    std::array::from_fn(|sum| {
        let here: f32 = (0..=sum).map(|bucket| one.weights[bucket] * other.weights[sum - bucket]).sum();
        later -= here / (one.total * other.total);
        later
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drifting_clocks_move_the_base_along() {
        let mut downlink = DelayModel::new();
        for n in 0..30_000u64 {
            let now = Duration::from_secs_f64(n as f64 * 0.02 * 1.000_2 + 0.05);
            downlink.observe(samples_at(now) - samples_at_ms(n * 20), now);
        }
        let off = samples_at(Duration::from_secs_f64(30_000.0 * 0.02 * 1.000_2 + 0.05)) - samples_at_ms(30_000 * 20);
        let behind = off - downlink.base().unwrap_or(0);
        assert!((0..48).contains(&behind), "{behind} samples behind");
    }
}
