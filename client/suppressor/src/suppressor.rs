//! RNNoise at any device's rate.
//!
//! Jean-Marc Valin, "A Hybrid DSP/Deep Learning Approach to Real-Time Full-Band Speech Enhancement" (2018), as rebuilt by
//! nnnoiseless. It knows frames of 10 ms at 48 kHz and nothing else; where the device's rate is another one, this converts
//! there and back. It refuses to know devices, threads and browsers.

use std::collections::VecDeque;

use dais_audio::SAMPLE_RATE_HZ;
use dais_audio::codec::CodecError;
use dais_audio::resample::Resampler;
use nnnoiseless::DenoiseState;

/// Samples in what RNNoise takes at once: 10 ms at 48 kHz.
const BLOCK_SAMPLES: usize = DenoiseState::FRAME_SIZE;

/// RNNoise counts samples as 16-bit integers do, the rest of Dais as fractions of full scale.
const FULL_SCALE: f32 = 32_768.0;

/// What converting there and back keeps, in samples of the slower rate: half a filter each way, and what is under way.
const FILTERS_SAMPLES: u32 = 64;

/// Takes the noise out of one signal.
///
/// What comes out is as long as what went in, and 10 ms later (RNNoise's windows overlap by half); at rates other than 48 kHz
/// 20 ms and what two filters need of the future, a millisecond each.
pub struct Suppressor {
    state: Box<DenoiseState<'static>>,
    to_block_rate: Resampler,
    to_device_rate: Resampler,
    /// At 48 kHz, up to a block.
    waiting: Vec<f32>,
    clean: [f32; BLOCK_SAMPLES],
    /// At the device's rate.
    ready: VecDeque<f32>,
    /// RNNoise fades into its first block.
    is_first: bool,
}

impl std::fmt::Debug for Suppressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Suppressor({:?})", self.to_block_rate)
    }
}

/// Within ±1; one that is no number would stay in RNNoise's memory for good.
fn lawful(sample: f32) -> f32 {
    if sample.is_nan() { 0.0 } else { sample.clamp(-1.0, 1.0) }
}

impl Suppressor {
    /// For a device's rate in Hz, within [`dais_audio::DEVICE_RATE_HZ_RANGE`].
    ///
    /// # Errors
    /// [`CodecError::DeviceRate`] for a rate outside that range.
    pub fn new(device_rate_hz: u32) -> Result<Self, CodecError> {
        let to_block_rate = Resampler::new(device_rate_hz, SAMPLE_RATE_HZ)?;
        let to_device_rate = Resampler::new(SAMPLE_RATE_HZ, device_rate_hz)?;
        let mut ready = VecDeque::new();
        if device_rate_hz != SAMPLE_RATE_HZ {
            // A block is complete at some moment within a frame: a block in store, and what the two filters keep back.
            let kept = FILTERS_SAMPLES * device_rate_hz.max(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ;
            ready.resize((device_rate_hz / 100 + kept) as usize, 0.0);
        }
        Ok(Self {
            state: DenoiseState::new(),
            to_block_rate,
            to_device_rate,
            waiting: Vec::with_capacity(BLOCK_SAMPLES),
            clean: [0.0; BLOCK_SAMPLES],
            ready,
            is_first: true,
        })
    }

    /// Replaces mono samples, any number of them within ±1, by as many of what was there before without its noise.
    pub fn process(&mut self, samples: &mut [f32]) {
        let mut rest: &[f32] = samples;
        let mut converted = [0.0; BLOCK_SAMPLES];
        loop {
            let room = BLOCK_SAMPLES - self.waiting.len();
            let progress = self.to_block_rate.process(rest, &mut converted[..room]);
            rest = &rest[progress.consumed..];
            self.waiting.extend(converted[..progress.produced].iter().map(|&sample| lawful(sample) * FULL_SCALE));
            if self.waiting.len() < BLOCK_SAMPLES {
                break; // All of it is used up, or there would be more.
            }
            self.suppress();
        }
        // Where a frame is shorter than a block, the first ones wait for it.
        let missing = samples.len().saturating_sub(self.ready.len());
        samples[..missing].fill(0.0);
        let ready = self.ready.drain(..samples.len() - missing);
        samples[missing..].iter_mut().zip(ready).for_each(|(sample, ready)| *sample = ready);
    }

    fn suppress(&mut self) {
        self.state.process_frame(&mut self.clean, &self.waiting);
        self.waiting.clear();
        let silence = std::mem::take(&mut self.is_first);
        self.clean.iter_mut().for_each(|sample| *sample = if silence { 0.0 } else { *sample / FULL_SCALE });
        let mut rest: &[f32] = &self.clean;
        let mut converted = [0.0; BLOCK_SAMPLES];
        loop {
            let progress = self.to_device_rate.process(rest, &mut converted);
            rest = &rest[progress.consumed..];
            self.ready.extend(&converted[..progress.produced]);
            if progress.produced < converted.len() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use super::*;

    /// Seconds of anything, frame by frame, as a device of that rate gives them.
    fn through(rate_hz: u32, seconds: u32, signal: impl Fn(u32) -> f32) -> Vec<f32> {
        let mut suppressor = Suppressor::new(rate_hz).expect("a rate that devices have");
        let mut heard: Vec<f32> = (0..rate_hz * seconds).map(signal).collect();
        for frame in heard.chunks_mut(rate_hz as usize / 100) {
            suppressor.process(frame);
        }
        heard
    }

    fn level_db(samples: &[f32]) -> f32 {
        10.0 * (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32).log10()
    }

    /// White noise at -31 dBFS: the finaliser of MurmurHash3 (Appleby 2011) over a count.
    fn noise(index: u32) -> f32 {
        let mixed = (index ^ (index >> 16)).wrapping_mul(0x85eb_ca6b);
        let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35);
        ((mixed ^ (mixed >> 16)) >> 8) as f32 / (1 << 24) as f32 * 0.1 - 0.05
    }

    /// A voice as far as RNNoise cares: harmonics of a pitch that wanders, in syllables.
    fn voice(rate_hz: u32, index: u32) -> f32 {
        let time = index as f32 / rate_hz as f32;
        let phase = TAU * (140.0 * time + 3.0 * (time * 2.0).sin());
        let syllable = (TAU * 3.0 * time).sin().max(0.0);
        (1..=12).map(|harmonic| (phase * harmonic as f32).sin() / harmonic as f32).sum::<f32>() * 0.2 * syllable
    }

    #[test]
    fn noise_goes() {
        for rate_hz in [48_000, 44_100, 16_000] {
            let heard = through(rate_hz, 4, noise);
            let before: Vec<f32> = (0..rate_hz * 4).map(noise).collect();
            let gone_db = level_db(&before) - level_db(&heard[rate_hz as usize * 2..]);
            assert!(gone_db > 15.0, "{rate_hz} Hz: only {gone_db:.1} dB less");
        }
    }

    #[test]
    fn a_voice_stays_and_comes_as_late_as_is_said() {
        for (rate_hz, latest_ms) in [(48_000, 10.0), (44_100, 24.0), (16_000, 26.0)] {
            let heard = through(rate_hz, 4, |index| voice(rate_hz, index));
            let spoken: Vec<f32> = (0..rate_hz * 4).map(|index| voice(rate_hz, index)).collect();
            let part = rate_hz as usize..rate_hz as usize * 3;
            let likeness = |lag: usize| -> f32 { part.clone().map(|at| spoken[at] * heard[at + lag]).sum() };
            let lag = (0..rate_hz as usize / 20).max_by(|a, b| likeness(*a).total_cmp(&likeness(*b))).expect("lags");
            let lag_ms = lag as f32 * 1000.0 / rate_hz as f32;
            assert!((10.0 - 0.1..=latest_ms + 0.1).contains(&lag_ms), "{rate_hz} Hz: {lag_ms:.1} ms later");
            let lost_db = level_db(&spoken) - level_db(&heard);
            assert!(lost_db.abs() < 3.0, "{rate_hz} Hz: {lost_db:.1} dB quieter");
        }
    }

    #[test]
    fn once_begun_nothing_is_left_out_between_frames() {
        for rate_hz in [48_000, 44_100, 32_000, 8_000] {
            let mut suppressor = Suppressor::new(rate_hz).expect("a rate that devices have");
            // What is not there yet would be filled with digital silence, and what was too much would pile up.
            let mut frame = vec![0.0; rate_hz as usize / 100];
            let mut stored = Vec::new();
            for _ in 0..500 {
                suppressor.process(&mut frame);
                stored.push(suppressor.ready.len());
            }
            let (least, most) = (stored.iter().min().expect("frames"), stored.iter().max().expect("frames"));
            assert!(*most <= 2 * frame.len(), "{rate_hz} Hz: {least} to {most} samples in store");
            assert!(rate_hz == 48_000 || *least > 0, "{rate_hz} Hz: {least} to {most} samples in store");
        }
    }

    #[test]
    fn what_is_no_number_is_over_with_itself() {
        let mut suppressor = Suppressor::new(48_000).expect("a rate that devices have");
        suppressor.process(&mut [f32::NAN; 480]);
        suppressor.process(&mut [f32::INFINITY; 480]);
        let mut heard: Vec<f32> = (0..48_000 * 2).map(|index| voice(48_000, index)).collect();
        heard.chunks_mut(480).for_each(|frame| suppressor.process(frame));
        assert!(level_db(&heard) > -25.0, "{} dB", level_db(&heard));
    }

    #[test]
    fn any_number_of_samples_is_fine_and_a_rate_out_of_range_is_not() {
        let mut suppressor = Suppressor::new(48_000).expect("a rate that devices have");
        for count in [0, 1, 128, 479, 480, 481, 5_000] {
            suppressor.process(&mut vec![0.1; count]);
        }
        assert!(matches!(Suppressor::new(4_000), Err(CodecError::DeviceRate { rate_hz: 4_000 })));
    }
}
