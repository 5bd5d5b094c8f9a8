//! Keeps the mix within full scale: a gain that has gone down by the time a peak is heard, and a soft clip for whatever
//! it does not catch.
//!
//! The signal leaves [`LOOK_AHEAD_SAMPLES`] later than it came, so that the gain falls in a ramp before the peak rather
//! than with it: sixteen voices exceed full scale in more places than a soft clip could bend unheard. Below −1 dBFS it
//! changes nothing else, not one bit. Contract of the audio thread: no allocation, no lock, no log.

use crate::{SAMPLE_RATE_HZ, SAMPLES_PER_MS};

/// What the mix is held under: −1 dBFS.
const THRESHOLD: f32 = 0.891;

/// What the gain aims at is below the threshold by more than its product with a sample is rounded.
const AIM: f32 = THRESHOLD * (1.0 - 1e-6);

/// How much earlier the gain begins to fall than a peak is heard, and how long it takes: 1 ms.
pub(crate) const LOOK_AHEAD_SAMPLES: usize = SAMPLES_PER_MS as usize;

/// Time constant of the gain's return in seconds: slow enough not to be heard as pumping.
const RELEASE_S: f32 = 0.1;

/// From here on the gain is back, by 0.002 dB, which nobody hears: nearer to 1 the return's steps are too small to change it.
const GAIN_BACK: f32 = 1.0 - 2e-4;

/// A sample that has not left yet, and the largest gain it bears.
#[derive(Clone, Copy)]
struct Pending {
    sample: f32,
    gain_max: f32,
}

/// The state of one signal's limiter.
pub(crate) struct Limiter {
    /// A ring; the oldest is the next to leave.
    pending: [Pending; LOOK_AHEAD_SAMPLES + 1],
    next: usize,
    /// Samples since the last that bears less than full gain, as far as that matters.
    since_peak: usize,
    gain: f32,
    /// How fast the gain falls while a peak is under way.
    fall: f32,
    release: f32,
    samples_clipped_total: u64,
}

impl Limiter {
    pub(crate) fn new() -> Self {
        Self {
            pending: [Pending { sample: 0.0, gain_max: 1.0 }; LOOK_AHEAD_SAMPLES + 1],
            next: 0,
            since_peak: LOOK_AHEAD_SAMPLES + 1,
            gain: 1.0,
            fall: 0.0,
            release: 1.0 - (-1.0 / (RELEASE_S * SAMPLE_RATE_HZ as f32)).exp(),
            samples_clipped_total: 0,
        }
    }

    /// How many samples needed the soft clip so far.
    pub(crate) fn samples_clipped_total(&self) -> u64 {
        self.samples_clipped_total
    }

    /// Brings finite samples at 48 kHz within ±1, and delays them by [`LOOK_AHEAD_SAMPLES`].
    pub(crate) fn process(&mut self, samples: &mut [f32]) {
        let is_at_rest = self.gain == 1.0 && self.since_peak >= self.pending.len();
        if is_at_rest && samples.iter().all(|sample| sample.abs() <= THRESHOLD) {
            return samples.iter_mut().for_each(|sample| *sample = self.delay(*sample, 1.0));
        }
        for sample in samples {
            let level = sample.abs();
            let gain_max = if level > THRESHOLD { AIM / level } else { 1.0 };
            let leaving = self.delay(*sample, gain_max);
            self.follow(gain_max);
            *sample = leaving * self.gain;
            if sample.abs() > THRESHOLD {
                self.samples_clipped_total += 1;
                *sample = soft_clip(*sample);
            }
        }
    }

    /// Takes the newest sample, with the largest gain it bears, for the one that leaves.
    fn delay(&mut self, sample: f32, gain_max: f32) -> f32 {
        self.pending[self.next] = Pending { sample, gain_max };
        self.next = if self.next + 1 < self.pending.len() { self.next + 1 } else { 0 };
        self.pending[self.next].sample
    }

    /// Moves the gain by one sample, towards what all that is pending bears.
    fn follow(&mut self, newest: f32) {
        self.since_peak = if newest < 1.0 { 0 } else { (self.since_peak + 1).min(self.pending.len()) };
        let lowest = if self.since_peak < self.pending.len() {
            self.pending.iter().fold(1.0f32, |lowest, pending| lowest.min(pending.gain_max))
        } else {
            1.0
        };
        // The steepest of all ramps under way is steep enough for each of them.
        self.fall = self.fall.max((self.gain - newest) / LOOK_AHEAD_SAMPLES as f32);
        if self.gain > lowest {
            self.gain = (self.gain - self.fall).max(lowest);
        } else {
            self.fall = 0.0;
            self.gain += (lowest - self.gain) * self.release;
            if self.gain >= GAIN_BACK {
                self.gain = lowest;
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
        tone_at(440.0, amplitude, samples)
    }

    fn tone_at(hz: f32, amplitude: f32, samples: usize) -> Vec<f32> {
        (0..samples).map(|n| amplitude * (std::f32::consts::TAU * hz * n as f32 / 48_000.0).sin()).collect()
    }

    fn limited(input: &[f32]) -> (Vec<f32>, Limiter) {
        let (mut output, mut limiter) = (input.to_vec(), Limiter::new());
        limiter.process(&mut output);
        (output, limiter)
    }

    fn peak(samples: &[f32]) -> f32 {
        samples.iter().fold(0.0, |peak, sample| peak.max(sample.abs()))
    }

    /// Noise with this mean square, from a seed (xorshift32, G. Marsaglia, "Xorshift RNGs", 2003): twelve uniform numbers
    /// added up are as good as Gaussian.
    fn noise(seed: u32, mean_square: f32, samples: usize) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9E37_79B9) | 1;
        let mut uniform = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as f32 / u32::MAX as f32 - 0.5
        };
        (0..samples).map(|_| (0..12).map(|_| uniform()).sum::<f32>() * mean_square.sqrt()).collect()
    }

    /// A voice at this pitch that says a syllable, pauses and says the next, with this mean square while it sounds.
    fn voice(hz: f32, phase: f32, mean_square: f32, samples: usize) -> Vec<f32> {
        let wave = |n: usize| {
            let time = n as f32 / 48_000.0 + phase;
            let syllable = (std::f32::consts::PI * 4.0 * time).sin().max(0.0).sqrt();
            let turn = std::f32::consts::TAU * hz * (time + 0.002 * (std::f32::consts::TAU * 3.0 * time).sin());
            syllable * (1..=20).map(|k| (turn * k as f32 + phase * (k * k) as f32).sin() / k as f32).sum::<f32>()
        };
        let wave: Vec<f32> = (0..samples).map(wave).collect();
        let sounding: Vec<f32> = wave.iter().copied().filter(|sample| sample.abs() > 1e-3).collect();
        let factor = (mean_square / crate::stretch::mean_square(&sounding)).sqrt();
        wave.iter().map(|sample| sample * factor).collect()
    }

    fn sum(voices: impl Iterator<Item = Vec<f32>>) -> Vec<f32> {
        let added = |one: Vec<f32>, other: Vec<f32>| one.iter().zip(&other).map(|(a, b)| a + b).collect();
        voices.reduce(added).expect("somebody speaks")
    }

    #[test]
    fn what_fits_is_a_millisecond_late_and_otherwise_untouched() {
        let input = tone(0.89, 9_600);
        let (output, limiter) = limited(&input);
        assert_eq!(output[..LOOK_AHEAD_SAMPLES], [0.0; LOOK_AHEAD_SAMPLES]);
        assert_eq!(output[LOOK_AHEAD_SAMPLES..], input[..9_600 - LOOK_AHEAD_SAMPLES]);
        assert_eq!(limiter.samples_clipped_total(), 0);
    }

    #[test]
    fn sixteen_voices_at_minus_twenty_are_held_under_the_ceiling_by_the_gain() {
        const MINUS_TWENTY: f32 = 0.01;
        let choirs: [(&str, Vec<f32>); 3] = [
            ("noise", sum((1..=16).map(|seed| noise(seed, MINUS_TWENTY, 480_000)))),
            ("tones", sum((1..=16).map(|n| tone_at(170.0 + 61.3 * n as f32, 0.1414, 480_000)))),
            ("voices", sum((1..=16u8).map(|n| voice(90.0 + 11.7 * f32::from(n), 0.37 * f32::from(n), MINUS_TWENTY, 480_000)))),
        ];
        for (what, choir) in &choirs {
            let over = choir.iter().filter(|sample| sample.abs() > THRESHOLD).count();
            assert!(over > 480, "{what}: {over} samples are too loud, or nothing is proved");
            let (output, limiter) = limited(choir);
            let clipped = limiter.samples_clipped_total();
            println!("{what}: {over} of 480000 samples too loud, {clipped} in the soft clip, peak {}", peak(&output));
            assert!(clipped < 480, "{what}: {clipped}");
            assert!(peak(&output) <= THRESHOLD, "{what}");
        }
    }

    #[test]
    fn the_gain_falls_within_two_milliseconds_and_returns_in_a_tenth_of_a_second() {
        // A constant shows the gain itself.
        let input: Vec<f32> = (0..48_000).map(|n| if (4_800..9_600).contains(&n) { 1.782 } else { 0.5 }).collect();
        let (output, _) = limited(&input);
        let gain = |at: usize| output[at + LOOK_AHEAD_SAMPLES] / input[at];
        let begins = (0..4_800).find(|&at| gain(at) < 1.0).expect("it falls before the peak");
        assert!(4_800 - begins <= 2 * SAMPLES_PER_MS as usize, "{begins}");
        assert!((gain(4_800) - 0.5).abs() < 1e-3, "{}", gain(4_800));
        // After one time constant all but 1/e of the way back is done.
        let back = gain(9_600 + (RELEASE_S * SAMPLE_RATE_HZ as f32) as usize);
        assert!((back - (1.0 - 0.5 / std::f32::consts::E)).abs() < 0.01, "{back}");
        let largest = (4_000..47_000).map(|at| (gain(at + 1) - gain(at)).abs()).fold(0.0, f32::max);
        assert!(largest < 0.5 / LOOK_AHEAD_SAMPLES as f32 + 1e-3, "a ramp, no step: {largest}");
    }

    #[test]
    fn long_after_a_peak_nothing_is_changed_again() {
        let mut input = tone(0.5, 96_000);
        input[4_800..9_600].iter_mut().for_each(|sample| *sample *= 4.0);
        let (output, _) = limited(&input);
        let is_untouched = |from: usize, to: usize| output[from..to] == input[from - LOOK_AHEAD_SAMPLES..to - LOOK_AHEAD_SAMPLES];
        assert!(!is_untouched(9_600, 14_400), "it was held down");
        assert!(is_untouched(67_200, 96_000));
    }

    #[test]
    fn the_ceiling_holds_whatever_comes() {
        let ceiling = 10f32.powf(-1.0 / 20.0);
        for seed in 1..20 {
            // Loud and quiet in turn, with single peaks in between.
            let mut input = noise(seed, 0.5, 48_000);
            for (place, sample) in input.iter_mut().enumerate() {
                *sample *= [0.1, 1.0, 5.0][place / 700 % 3];
                if place % (37 * seed as usize) == 0 {
                    *sample *= 100.0;
                }
            }
            let (output, limiter) = limited(&input);
            assert!(peak(&output) <= ceiling, "{}", peak(&output));
            assert_eq!(limiter.samples_clipped_total(), 0);
        }
    }

    #[test]
    fn a_choir_is_ducked_rather_than_crushed() {
        let (output, _) = limited(&tone(3.0, 48_000));
        assert!(output.iter().all(|sample| sample.abs() <= 1.0));
        let held = peak(&output[24_000..]);
        assert!(held > 0.88, "held at the threshold: {held}");
    }

    #[test]
    fn the_clip_is_smooth_and_symmetric() {
        assert!((soft_clip(THRESHOLD + 1e-4) - (THRESHOLD + 1e-4)).abs() < 1e-6);
        assert!(soft_clip(100.0) <= 1.0);
        assert_eq!(soft_clip(-0.95), -soft_clip(0.95));
    }
}
