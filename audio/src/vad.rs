//! Whether somebody is speaking: nothing else is worth sending.
//!
//! Compares loudness with the quietest of late, and holds on for a while after it falls. Whatever is
//! loud counts as voice, music and a steady tone too: it is meant to leave out silence, not to judge
//! sounds. Knows frames and refuses to know what is done with them.

use crate::SAMPLE_RATE_HZ;
use crate::stretch::mean_square;

/// Louder than the floor by this is voice, as a factor of power: 9 dB.
const VOICE_ABOVE_FLOOR: f32 = 8.0;

/// What is quieter is never voice, and what is louder always is, as mean square: −62 and −46 dBFS. A
/// quiet talker in front of a laptop is at about −40.
const NEVER_VOICE: f32 = 6.3e-7;
const ALWAYS_VOICE: f32 = 2.5e-5;

/// How fast the floor is believed to rise while nothing as quiet is heard: 3 dB a second.
const FLOOR_RISE_PER_SAMPLE: f32 = 1.44e-5;

/// Voice goes on for this long after it was last heard, in samples: 300 ms, longer than the closure
/// of a plosive and most pauses between words.
const HANGOVER_SAMPLES: usize = SAMPLE_RATE_HZ as usize * 3 / 10;

/// What a frame is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// Nobody speaks.
    Silence,
    /// The first frame of a talkspurt.
    Start,
    /// Somebody speaks, or did a moment ago.
    Voice,
    /// The last frame of a talkspurt.
    End,
}

/// One microphone's detector.
pub(crate) struct Detector {
    /// Mean square of the quietest frames; `None` before the first.
    floor: Option<f32>,
    hangover_samples: usize,
    /// Whatever comes counts as voice.
    hears_all: bool,
}

impl Detector {
    /// One for which all is voice, if it `hears_all`.
    pub(crate) fn new(hears_all: bool) -> Self {
        Self { floor: None, hangover_samples: 0, hears_all }
    }

    /// Takes the next frame in.
    pub(crate) fn judge(&mut self, frame: &[f32]) -> Activity {
        let power = mean_square(frame);
        let risen = self.floor.map_or(power, |floor| floor * (1.0 + FLOOR_RISE_PER_SAMPLE * frame.len() as f32));
        // Digital silence is no floor to rise from.
        let floor = power.min(risen).max(NEVER_VOICE / VOICE_ABOVE_FLOOR);
        self.floor = Some(floor);
        let was_active = self.is_active();
        let is_voice = self.hears_all || power > (floor * VOICE_ABOVE_FLOOR).clamp(NEVER_VOICE, ALWAYS_VOICE);
        self.hangover_samples = if is_voice { HANGOVER_SAMPLES } else { self.hangover_samples.saturating_sub(frame.len()) };
        match (was_active, self.is_active()) {
            (false, false) => Activity::Silence,
            (false, true) => Activity::Start,
            (true, true) => Activity::Voice,
            (true, false) => Activity::End,
        }
    }

    /// Whether the last frame was part of a talkspurt that goes on.
    pub(crate) fn is_active(&self) -> bool {
        self.hangover_samples > 0
    }

    /// The next voice starts a talkspurt, whatever came before.
    pub(crate) fn reset(&mut self) {
        self.hangover_samples = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: usize = 480;

    /// Frames of noise of this amplitude.
    fn noise(amplitude: f32, frames: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            amplitude * (state as f32 / (u32::MAX / 2) as f32 - 1.0)
        };
        (0..frames * FRAME).map(next).collect()
    }

    fn judge(detector: &mut Detector, samples: &[f32]) -> Vec<Activity> {
        samples.chunks(FRAME).map(|frame| detector.judge(frame)).collect()
    }

    #[test]
    fn speech_over_a_rooms_noise_is_a_talkspurt_with_two_ends() {
        let mut detector = Detector::new(false);
        let room = judge(&mut detector, &noise(0.001, 100, 1));
        assert!(room.iter().all(|activity| *activity == Activity::Silence), "−65 dBFS of noise is no voice");
        let speech = judge(&mut detector, &noise(0.05, 20, 2));
        assert_eq!(speech[0], Activity::Start, "with its very first frame");
        assert!(speech[1..].iter().all(|activity| *activity == Activity::Voice));
        let after = judge(&mut detector, &noise(0.001, 100, 3));
        assert_eq!(after[28], Activity::Voice, "held for 300 ms");
        assert_eq!(after[29], Activity::End);
        assert!(after[30..].iter().all(|activity| *activity == Activity::Silence));
    }

    #[test]
    fn a_pause_between_words_does_not_end_it() {
        let mut detector = Detector::new(false);
        judge(&mut detector, &noise(0.05, 20, 1));
        let pause = judge(&mut detector, &noise(0.0, 25, 2));
        assert!(pause.iter().all(|activity| *activity == Activity::Voice));
        assert_eq!(detector.judge(&noise(0.05, 1, 3)), Activity::Voice);
    }

    #[test]
    fn a_steady_sound_that_is_loud_enough_never_becomes_the_floor() {
        let mut detector = Detector::new(false);
        let steady = judge(&mut detector, &noise(0.03, 6_000, 1));
        assert_eq!(steady[0], Activity::Start);
        assert!(steady[1..].iter().all(|activity| *activity == Activity::Voice), "a minute of it");
    }

    #[test]
    fn a_louder_room_is_learned_and_nonsense_is_survived() {
        let mut detector = Detector::new(false);
        judge(&mut detector, &noise(0.001, 100, 1));
        let fan = judge(&mut detector, &noise(0.006, 600, 2));
        assert_eq!(fan[0], Activity::Start, "a fan goes on");
        assert_eq!(fan.last(), Some(&Activity::Silence), "and is the room's noise six seconds later");
        judge(&mut detector, &[f32::NAN; FRAME]);
        judge(&mut detector, &noise(0.0, 100, 4));
        assert_eq!(detector.judge(&noise(0.05, 1, 5)), Activity::Start);
    }
}
