//! The volume of made-up sound: it fades before it is noticed, and truth fades back in.
//!
//! Knows how long concealment has lasted. It refuses to know how the made-up samples came to
//! be. Runs on the audio thread: no allocation, no lock.

use crate::SAMPLES_PER_MS;
use crate::decide::CONCEAL_SAMPLES_MAX;

/// Made-up sound keeps its volume this long, in samples: one frame lost is not heard.
const HOLD_SAMPLES: u32 = 20 * SAMPLES_PER_MS;

/// Over how many samples truth fades back in, or a talkspurt's end fades out: 10 ms.
pub(crate) const FADE_SAMPLES: u32 = 10 * SAMPLES_PER_MS;

/// The volume of one stream between truth and silence.
pub(crate) struct Fader {
    gain: f32,
    concealed_samples: u32,
}

impl Fader {
    /// Begins in silence.
    pub(crate) fn new() -> Self {
        Self { gain: 0.0, concealed_samples: 0 }
    }

    /// Made up since the last true sample, in samples.
    pub(crate) fn concealed_samples(&self) -> u32 {
        self.concealed_samples
    }

    /// True samples: back to full volume, by a fade where something else came before.
    pub(crate) fn pass(&mut self, samples: &mut [f32]) {
        self.concealed_samples = 0;
        if self.gain < 1.0 {
            self.ramp(samples, 1.0 / FADE_SAMPLES as f32);
        }
    }

    /// Made-up samples: full volume first, none once concealment has lasted its time.
    pub(crate) fn conceal(&mut self, samples: &mut [f32]) {
        let held = (HOLD_SAMPLES.saturating_sub(self.concealed_samples) as usize).min(samples.len());
        let (hold, fall) = samples.split_at_mut(held);
        self.ramp(hold, 0.0);
        self.ramp(fall, -1.0 / (CONCEAL_SAMPLES_MAX - HOLD_SAMPLES) as f32);
        let made_up = u32::try_from(samples.len()).unwrap_or(u32::MAX);
        self.concealed_samples = self.concealed_samples.saturating_add(made_up);
    }

    /// The end of a talkspurt: out within [`FADE_SAMPLES`].
    pub(crate) fn end(&mut self, samples: &mut [f32]) {
        self.ramp(samples, -1.0 / FADE_SAMPLES as f32);
    }

    /// The next sample begins from silence, as after one that was played.
    pub(crate) fn silence(&mut self) {
        self.gain = 0.0;
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.gain <= 0.0
    }

    fn ramp(&mut self, samples: &mut [f32], step: f32) {
        for sample in samples {
            self.gain = (self.gain + step).clamp(0.0, 1.0);
            *sample *= self.gain;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_sound_holds_then_reaches_silence_in_time() {
        let mut fader = Fader::new();
        fader.pass(&mut [1.0; 480]);
        let mut made_up = [1.0f32; 4_800];
        for frame in made_up.chunks_mut(480) {
            fader.conceal(frame);
        }
        assert!(made_up[..960].iter().all(|&sample| sample == 1.0));
        assert!(made_up[2_880] > 0.4 && made_up[2_880] < 0.6);
        assert!(made_up[4_799].abs() < 1e-3);
        assert_eq!(fader.concealed_samples(), 4_800);
        let largest = made_up.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(largest < 0.001, "no step: {largest}");
    }

    #[test]
    fn truth_returns_within_ten_milliseconds_and_is_then_untouched() {
        let mut fader = Fader::new();
        assert!(fader.is_silent());
        let mut truth = [0.5f32; 960];
        fader.pass(&mut truth);
        assert!(truth[0] < 0.01);
        assert!(truth[..480].is_sorted());
        assert!(truth[481..].iter().all(|&sample| sample == 0.5));
        let mut end = [0.5f32; 480];
        fader.end(&mut end);
        assert!(end[479].abs() < 1e-3 && fader.is_silent());
    }
}
