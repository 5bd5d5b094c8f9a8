//! Makes a piece of sound shorter or longer by one period of itself, so that its pitch stays.
//!
//! Waveform similarity overlap-add (W. Verhelst and M. Roelands, "An overlap-add technique based
//! on waveform similarity", ICASSP 1993) with the step chosen as one pitch period, as WebRTC's
//! NetEq does. Knows samples at 48 kHz; it refuses to know why, how often and when. Runs on the
//! audio thread: no allocation, no lock.

use crate::SAMPLES_PER_MS;

/// The shortest period looked for, in samples: 2.5 ms, a voice at 400 Hz.
pub(crate) const PERIOD_SAMPLES_MIN: usize = 5 * SAMPLES_PER_MS as usize / 2;

/// The longest, in samples: 12.5 ms, a voice at 80 Hz.
pub(crate) const PERIOD_SAMPLES_MAX: usize = 25 * SAMPLES_PER_MS as usize / 2;

/// How alike two neighbouring periods have to be, as normalised correlation, so that blending
/// them is not heard. NetEq's figure for acceleration.
pub(crate) const LIKENESS: f32 = 0.9;

/// How alike they have to be where the choice is between blending them and making sound up.
pub(crate) const LIKENESS_AT_LEAST: f32 = 0.0;

/// What a period has to be like.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    /// At least and at most this long, in samples.
    pub(crate) shortest: usize,
    pub(crate) longest: usize,
    /// [`LIKENESS`] or [`LIKENESS_AT_LEAST`].
    pub(crate) likeness: f32,
    /// What is quieter than this, as mean square, is a pause, of which anything may be left out
    /// or said twice.
    pub(crate) quiet: f32,
}

/// The search looks at every fourth sample first: 12 kHz hold every period of a voice.
const COARSE: usize = 4;

/// The length by which sound can be made shorter or longer at `split` unnoticed: what lies that
/// far before `split` resembles what lies behind it. `None` where there is no such length.
pub(crate) fn period(samples: &[f32], split: usize, wanted: Wanted) -> Option<usize> {
    let longest = wanted.longest.min(PERIOD_SAMPLES_MAX).min(split).min(samples.len().saturating_sub(split));
    let shortest = wanted.shortest.max(PERIOD_SAMPLES_MIN);
    if longest < shortest {
        return None;
    }
    if mean_square(&samples[split - longest..split + longest]) < wanted.quiet {
        return Some(longest);
    }
    let coarse = best(samples, split, shortest..=longest, COARSE)?;
    let near = coarse.saturating_sub(COARSE - 1).max(shortest)..=(coarse + COARSE - 1).min(longest);
    let fine = best(samples, split, near, 1)?;
    (likeness(samples, split, fine, 1) >= wanted.likeness).then_some(fine)
}

/// Leaves out one period around `split`: the one before it is blended into the one behind.
/// Returns the new length; what stands beyond it means nothing any more.
///
/// Nothing changes outside these two periods, so that there is no step at either end. `period`
/// fits on both sides of `split`.
pub(crate) fn shorten(samples: &mut [f32], split: usize, period: usize) -> usize {
    let first = split - period;
    for index in 0..period {
        let rise = (index as f32 + 0.5) / period as f32;
        samples[first + index] += (samples[split + index] - samples[first + index]) * rise;
    }
    samples.copy_within(split + period.., split);
    samples.len() - period
}

/// Says one period twice at `split`: what lies behind it is blended back into what lies before
/// it, and comes again. `samples` holds `length` samples and room for a period more; returns
/// the new length. `period` fits on both sides of `split`.
pub(crate) fn lengthen(samples: &mut [f32], length: usize, split: usize, period: usize) -> usize {
    samples.copy_within(split..length, split + period);
    for index in 0..period {
        let rise = (index as f32 + 0.5) / period as f32;
        let (before, behind) = (samples[split - period + index], samples[split + period + index]);
        samples[split + index] = behind + (before - behind) * rise;
    }
    length + period
}

/// Loudness as power: 1 for a square wave at full scale.
pub(crate) fn mean_square(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32
}

/// The lag with the highest likeness, every `step` samples.
fn best(samples: &[f32], split: usize, lags: std::ops::RangeInclusive<usize>, step: usize) -> Option<usize> {
    let rated = lags.step_by(step).map(|lag| (lag, likeness(samples, split, lag, step)));
    rated.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(lag, _)| lag)
}

/// Normalised correlation of the stretches of this length before and behind `split`: 1 for
/// the same.
fn likeness(samples: &[f32], split: usize, lag: usize, step: usize) -> f32 {
    let (before, behind) = (&samples[split - lag..split], &samples[split..split + lag]);
    let (mut product, mut first, mut second) = (0.0f32, 0.0f32, 0.0f32);
    for (&a, &b) in before.iter().step_by(step).zip(behind.iter().step_by(step)) {
        product += a * b;
        first += a * a;
        second += b * b;
    }
    product / (first * second).sqrt().max(f32::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: Wanted = Wanted { shortest: 0, longest: PERIOD_SAMPLES_MAX, likeness: LIKENESS, quiet: 1e-5 };
    const SPLIT: usize = PERIOD_SAMPLES_MAX;

    fn tone(hz: f32, length: usize) -> Vec<f32> {
        (0..length).map(|n| 0.5 * (std::f32::consts::TAU * hz * n as f32 / 48_000.0).sin()).collect()
    }

    /// Harmonics that fall off, as a voice has them.
    fn voice(hz: f32, length: usize) -> Vec<f32> {
        let phase = |n: usize, k: f32| (std::f32::consts::TAU * hz * k * n as f32 / 48_000.0).sin() / k;
        (0..length).map(|n| 0.2 * (1..=8).map(|k| phase(n, k as f32)).sum::<f32>()).collect()
    }

    fn largest_step(samples: &[f32]) -> f32 {
        samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn the_period_of_a_voice_is_found() {
        for hz in [85.0, 110.0, 160.0, 220.0, 300.0, 390.0] {
            let samples = voice(hz, 1_440);
            let found = period(&samples, SPLIT, ANY).expect("a voice has one") as f32;
            let cycles = found / (48_000.0 / hz);
            assert!((cycles - cycles.round()).abs() < 0.02 && cycles > 0.9, "{hz} Hz: {found}");
        }
    }

    #[test]
    fn noise_has_none_and_quiet_has_any() {
        let mut state = 1u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state as f32 / u32::MAX as f32 - 0.5
        };
        let samples: Vec<f32> = (0..1_440).map(|_| noise()).collect();
        assert_eq!(period(&samples, SPLIT, ANY), None);
        let quiet: Vec<f32> = samples.iter().map(|sample| sample * 0.003).collect();
        assert_eq!(period(&quiet, SPLIT, ANY), Some(PERIOD_SAMPLES_MAX));
        assert_eq!(period(&samples[..200], 100, ANY), None, "shorter than two periods");
    }

    #[test]
    fn a_tone_made_shorter_or_longer_stays_that_tone() {
        for hz in [100.0, 237.0, 440.0, 1_000.0] {
            let original = tone(hz, 1_920);
            let step = largest_step(&original);
            let found = period(&original[..1_440], SPLIT, ANY).expect("a tone has one");

            let mut shorter = original.clone();
            let length = shorten(&mut shorter, SPLIT, found);
            assert_eq!(length, 1_920 - found);
            assert!(largest_step(&shorter[..length]) <= step * 1.5, "{hz} Hz shorter");

            let mut longer = original.clone();
            longer.resize(1_920 + PERIOD_SAMPLES_MAX, 0.0);
            let length = lengthen(&mut longer, 1_920, SPLIT, found);
            assert_eq!(length, 1_920 + found);
            assert!(largest_step(&longer[..length]) <= step * 1.5, "{hz} Hz longer");
            assert_eq!(longer[length - 100..length], original[1_820..]);
            let ratio = mean_square(&longer[..length]) / mean_square(&original);
            assert!((ratio - 1.0).abs() < 0.05, "{hz} Hz keeps its level");
        }
    }
}
