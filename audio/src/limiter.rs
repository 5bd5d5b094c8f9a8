//! Keeps the mix within full scale: a gain that ducks under peaks, and a soft clip for what
//! is quicker than the gain.
//!
//! Below −1 dBFS it changes nothing, not one bit. Contract of the audio thread: no allocation,
//! no lock, no log.

use crate::SAMPLE_RATE_HZ;

/// What the mix is held under: −1 dBFS.
const THRESHOLD: f32 = 0.891;

/// Time constants of the envelope in seconds: quick enough to catch a syllable, slow enough in
/// return not to be heard as pumping.
const ATTACK_S: f32 = 0.001;
const RELEASE_S: f32 = 0.1;

/// The state of one signal's limiter.
pub(crate) struct Limiter {
    envelope: f32,
    attack: f32,
    release: f32,
    samples_clipped_total: u64,
}

impl Limiter {
    pub(crate) fn new() -> Self {
        let coefficient = |seconds: f32| 1.0 - (-1.0 / (seconds * SAMPLE_RATE_HZ as f32)).exp();
        Self { envelope: 0.0, attack: coefficient(ATTACK_S), release: coefficient(RELEASE_S), samples_clipped_total: 0 }
    }

    /// How many samples needed the soft clip so far.
    pub(crate) fn samples_clipped_total(&self) -> u64 {
        self.samples_clipped_total
    }

    /// Brings finite samples at 48 kHz within ±1.
    pub(crate) fn process(&mut self, samples: &mut [f32]) {
        for sample in samples {
            let level = sample.abs();
            let coefficient = if level > self.envelope { self.attack } else { self.release };
            self.envelope += (level - self.envelope) * coefficient;
            if self.envelope > THRESHOLD {
                *sample *= THRESHOLD / self.envelope;
            }
            if sample.abs() > THRESHOLD {
                self.samples_clipped_total += 1;
                *sample = soft_clip(*sample);
            }
        }
    }
}

/// Bends what exceeds the threshold so that it approaches, and never passes, full scale; value
/// and slope are continuous at the threshold.
fn soft_clip(sample: f32) -> f32 {
    const ROOM: f32 = 1.0 - THRESHOLD;
    let excess = (sample.abs() - THRESHOLD) / ROOM;
    (THRESHOLD + ROOM * excess.tanh()).copysign(sample)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(amplitude: f32, samples: usize) -> Vec<f32> {
        (0..samples).map(|n| amplitude * (std::f32::consts::TAU * 440.0 * n as f32 / 48_000.0).sin()).collect()
    }

    #[test]
    fn what_fits_is_not_touched() {
        let input = tone(0.88, 9_600);
        let mut output = input.clone();
        let mut limiter = Limiter::new();
        limiter.process(&mut output);
        assert_eq!(output, input);
        assert_eq!(limiter.samples_clipped_total(), 0);
    }

    #[test]
    fn a_choir_is_ducked_rather_than_clipped() {
        let mut output = tone(3.0, 48_000);
        let mut limiter = Limiter::new();
        limiter.process(&mut output);
        assert!(output.iter().all(|sample| sample.abs() <= 1.0));
        let settled = &output[24_000..];
        let peak = settled.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        assert!(peak > 0.8, "held near the threshold, not crushed: {peak}");
    }

    #[test]
    fn the_clip_is_smooth_and_symmetric() {
        assert!((soft_clip(THRESHOLD + 1e-4) - (THRESHOLD + 1e-4)).abs() < 1e-6);
        assert!(soft_clip(100.0) <= 1.0);
        assert_eq!(soft_clip(-0.95), -soft_clip(0.95));
    }
}
