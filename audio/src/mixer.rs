//! Adds streams up, each at the volume its listener chose.
//!
//! Knows gains and refuses to know what is being mixed. Contract of the audio thread: no
//! allocation, no lock, no log; a change of gain never clicks.

use crate::SAMPLES_PER_MS;

/// A change of gain takes this long, in samples: 20 ms.
const RAMP_SAMPLES: f32 = 20.0 * SAMPLES_PER_MS as f32;

/// The loudest a listener may turn someone, as a factor: 12 dB.
pub(crate) const GAIN_MAX: f32 = 4.0;

/// A gain on its way to where it was set.
pub(crate) struct Gain {
    current: f32,
    target: f32,
    step: f32,
}

impl Gain {
    pub(crate) fn new() -> Self {
        Self { current: 1.0, target: 1.0, step: 0.0 }
    }

    /// Where the gain is going, as a factor.
    pub(crate) fn target(&self) -> f32 {
        self.target
    }

    /// Sets a factor, brought into 0 … [`GAIN_MAX`]; no number changes nothing.
    pub(crate) fn set(&mut self, gain: f32) {
        if gain.is_nan() {
            return;
        }
        self.target = gain.clamp(0.0, GAIN_MAX);
        self.step = (self.target - self.current) / RAMP_SAMPLES;
    }

    /// Arrives at once: for use while nothing sounds.
    pub(crate) fn settle(&mut self) {
        self.current = self.target;
    }

    /// Adds `input`, at this gain, to `mix` of the same length.
    pub(crate) fn add_to(&mut self, mix: &mut [f32], input: &[f32]) {
        if self.current == self.target {
            let gain = self.current;
            return mix.iter_mut().zip(input).for_each(|(sum, &sample)| *sum += sample * gain);
        }
        for (sum, &sample) in mix.iter_mut().zip(input) {
            *sum += sample * self.next();
        }
    }

    fn next(&mut self) -> f32 {
        if self.current != self.target {
            let next = self.current + self.step;
            // The last step lands on the target, whatever rounding did on the way.
            let arrived = (self.target - next) * self.step <= 0.0;
            self.current = if arrived { self.target } else { next };
        }
        self.current
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_add_up_and_a_new_gain_arrives_without_a_step() {
        let mut gain = Gain::new();
        let mut mix = [0.25f32; 4];
        gain.add_to(&mut mix, &[0.5; 4]);
        assert_eq!(mix, [0.75; 4]);
        gain.set(0.0);
        let mut mix = [0.0f32; 1_200];
        gain.add_to(&mut mix, &[1.0; 1_200]);
        assert!(mix.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 0.0015));
        assert!(mix[970..].iter().all(|&sample| sample == 0.0), "silenced means silent");
        gain.set(f32::NAN);
        assert_eq!(gain.target(), 0.0);
        gain.set(1_000.0);
        assert_eq!(gain.target(), GAIN_MAX);
    }
}
