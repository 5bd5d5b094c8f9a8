//! The volume of made-up sound: it fades before it is noticed, into the noise of the speaker's
//! room, and truth fades back in.
//!
//! Knows how long concealment has lasted and how quiet the speaker's pauses are. It refuses to
//! know how the made-up samples came to be. Runs on the audio thread: no allocation, no lock.

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

    /// True samples: back to full volume, by a fade where something else came before. It is slowest at first: a decoder that
    /// lacks what came before may step in its first milliseconds.
    pub(crate) fn pass(&mut self, samples: &mut [f32]) {
        if self.gain < 1.0 {
            let length = samples.len().min(FADE_SAMPLES as usize);
            for (index, sample) in samples[..length].iter_mut().enumerate() {
                *sample *= self.gain + (1.0 - self.gain) * rise(index, length);
            }
        }
        self.handle_blended();
    }

    /// Truth is back at full volume: what was made up has been blended into it.
    pub(crate) fn handle_blended(&mut self) {
        self.concealed_samples = 0;
        self.gain = 1.0;
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

    /// The volume of the last sample, 0 to 1.
    pub(crate) fn gain(&self) -> f32 {
        self.gain
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

/// Fades `old` into the samples that take its place, over [`FADE_SAMPLES`] or what there is of either.
pub(crate) fn blend<'a>(old: impl ExactSizeIterator<Item = &'a f32>, new: &mut [f32]) {
    let length = old.len().min(new.len()).min(FADE_SAMPLES as usize);
    for (index, (new, old)) in new[..length].iter_mut().zip(old).enumerate() {
        let rise = rise(index, length);
        *new = old * (1.0 - rise) + *new * rise;
    }
}

/// From 0 to 1 over `length` samples, level at both ends.
fn rise(index: usize, length: usize) -> f32 {
    let position = (index as f32 + 0.5) / length as f32;
    0.5 - 0.5 * (std::f32::consts::PI * position).cos()
}

/// The loudest comfort noise, as mean square: −50 dBFS. Where pauses are louder than that, they
/// are not mere noise.
const COMFORT_MEAN_SQUARE_MAX: f32 = 1e-5;

/// How fast the floor is believed to rise while nothing as quiet is heard: 3 dB a second.
const FLOOR_RISE_PER_SAMPLE: f32 = 1.44e-5;

/// What is no louder than this above the floor is a pause, as a factor of power: 6 dB.
const PAUSE_ABOVE_FLOOR: f32 = 4.0;

/// The loudest pause, as mean square: −40 dBFS.
const PAUSE_MEAN_SQUARE_MAX: f32 = 1e-4;

/// The noise of a speaker's room, and something like it where nothing else is to be heard.
pub(crate) struct Comfort {
    /// Mean square of the quietest frames; `None` before the first.
    floor: Option<f32>,
    gain: f32,
    random: u32,
}

impl Comfort {
    pub(crate) fn new() -> Self {
        Self { floor: None, gain: 0.0, random: 0x2545_F491 }
    }

    /// Learns from true samples.
    pub(crate) fn listen(&mut self, samples: &[f32]) {
        let power = crate::stretch::mean_square(samples);
        let risen = self.floor.map_or(power, |floor| floor * (1.0 + FLOOR_RISE_PER_SAMPLE * samples.len() as f32));
        self.floor = Some(power.min(risen));
    }

    /// What is quieter than this is a pause, as mean square.
    pub(crate) fn pause_mean_square(&self) -> f32 {
        let floor = self.floor.unwrap_or(0.0);
        (floor * PAUSE_ABOVE_FLOOR).clamp(COMFORT_MEAN_SQUARE_MAX, PAUSE_MEAN_SQUARE_MAX)
    }

    /// Adds noise whose volume goes from where it was to `gain`, a factor of its own from 0 to 1.
    pub(crate) fn add_to(&mut self, samples: &mut [f32], gain: f32) {
        // Uniform noise within ±a has a mean square of a² / 3.
        let amplitude = (3.0 * self.floor.unwrap_or(0.0).min(COMFORT_MEAN_SQUARE_MAX)).sqrt();
        let step = (gain - self.gain) / samples.len().max(1) as f32;
        for sample in samples {
            self.gain += step;
            // Numerical Recipes' generator: noise that nobody listens to closely.
            self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *sample += self.gain * amplitude * (self.random as f32 / (u32::MAX / 2) as f32 - 1.0);
        }
        self.gain = gain;
    }

    /// The noise has left with what it was added to.
    pub(crate) fn silence(&mut self) {
        self.gain = 0.0;
    }

    /// Whether noise sounds.
    pub(crate) fn is_on(&self) -> bool {
        self.gain > 0.0
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
    fn what_was_played_last_is_blended_into_what_comes_without_a_step() {
        let old: Vec<f32> = (0..600).map(|n| n as f32 / 600.0).collect();
        let mut new = [-1.0f32; 960];
        blend(old.iter().rev(), &mut new);
        assert!((new[0] - old[599]).abs() < 0.01, "it begins where the old ended");
        assert!(new[480..].iter().all(|&sample| sample == -1.0), "and is itself after 10 ms");
        let largest = new.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(largest < 0.01, "{largest}");
        let mut short = [-1.0f32; 120];
        blend(old.iter().rev(), &mut short);
        assert!(short[0] > 0.9 && short[119] < -0.99);
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

    #[test]
    fn comfort_noise_is_as_loud_as_the_pauses_and_never_louder_than_fifty_below() {
        for (pause, heard_db) in [(0.001f32, -60.0f32), (0.1, -50.0)] {
            let mut comfort = Comfort::new();
            comfort.listen(&[0.5; 960]);
            comfort.listen(&[pause; 960]);
            comfort.listen(&[0.5; 960]);
            let mut noise = [0.0f32; 9_600];
            comfort.add_to(&mut noise[..480], 1.0);
            comfort.add_to(&mut noise[480..], 1.0);
            let level_db = 10.0 * crate::stretch::mean_square(&noise[480..]).log10();
            assert!((level_db - heard_db).abs() < 0.7, "{level_db} dB");
            assert!(noise[..8].iter().all(|sample| sample.abs() < 1e-4), "it fades in");
        }
        let mut unknown = Comfort::new();
        let mut noise = [0.0f32; 480];
        unknown.add_to(&mut noise, 1.0);
        assert_eq!(noise, [0.0; 480]);
    }
}
