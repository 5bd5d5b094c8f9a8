//! Converts between a device's sample rate and 48 kHz: a windowed sinc, tabulated in phases.
//!
//! Knows two rates and refuses to know which end is the device. The output is aligned with
//! the input: output sample `k` is the signal at input time `k · input rate / output rate`,
//! so that timestamps stay true; what the filter needs of the future it waits for.
//!
//! Runs on the audio thread: after `new` it must not allocate, free, lock or log.

use std::f64::consts::PI;

use crate::DEVICE_RATE_HZ_RANGE;
use crate::codec::CodecError;

/// Filter length in samples of the slower rate. With the window below the transition from
/// pass to stop is a tenth of that rate wide; half of it, 0.5 ms at 48 kHz, is the delay.
const TAPS: usize = 48;

/// Positions between two input samples for which coefficients are tabulated, at most. Rates with a
/// common measure need no more than these: 147 from 48 to 44.1 kHz. For others there are so many,
/// and between them coefficients are interpolated linearly, with an error near −100 dB.
const PHASES_MAX: usize = 256;

/// Shape of the Kaiser window: 80 dB of attenuation beyond the transition (Kaiser 1974).
const KAISER_BETA: f64 = 7.857;

/// Where the filter is 6 dB down, as a part of the slower rate: pass up to 0.41 of it, full
/// attenuation from 0.51.
const CUTOFF: f64 = 0.46;

/// A converter with its memory, for one mono signal.
pub struct Resampler {
    /// Both rates without their common measure.
    input_rate: u32,
    output_rate: u32,
    taps: usize,
    phases: usize,
    /// `phases + 1` rows of `taps` coefficients, so that the last phase has a neighbour.
    table: Box<[f32]>,
    /// The last `taps` inputs twice over, so that they are always contiguous somewhere.
    history: Box<[f32]>,
    write: usize,
    /// Inputs still to be taken before the next output can be made.
    inputs_pending: usize,
    /// How far the next output lies beyond an input sample, in 1 / `output_rate` of one; less than one.
    phase: u32,
    /// What that grows by with each output: whole inputs, and the rest in 1 / `output_rate`.
    step: (usize, u32),
}

impl std::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Resampler({} : {})", self.input_rate, self.output_rate)
    }
}

impl Resampler {
    /// Any two rates in Hz within [`DEVICE_RATE_HZ_RANGE`]; equal ones pass the signal
    /// through untouched.
    ///
    /// # Errors
    /// [`CodecError::DeviceRate`] for a rate outside that range.
    pub fn new(input_rate_hz: u32, output_rate_hz: u32) -> Result<Self, CodecError> {
        for rate_hz in [input_rate_hz, output_rate_hz] {
            if !DEVICE_RATE_HZ_RANGE.contains(&rate_hz) {
                return Err(CodecError::DeviceRate { rate_hz });
            }
        }
        let slowdown = (f64::from(input_rate_hz) / f64::from(output_rate_hz)).max(1.0);
        let taps = ((TAPS as f64 * slowdown).ceil() as usize).next_multiple_of(2);
        let measure = common_measure(input_rate_hz, output_rate_hz);
        let (input_rate, output_rate) = (input_rate_hz / measure, output_rate_hz / measure);
        let phases = PHASES_MAX.min(output_rate as usize);
        Ok(Self {
            input_rate,
            output_rate,
            taps,
            phases,
            table: coefficients(taps, CUTOFF / slowdown, phases),
            history: vec![0.0; 2 * taps].into_boxed_slice(),
            write: 0,
            inputs_pending: taps / 2 + 1,
            phase: 0,
            step: ((input_rate / output_rate) as usize, input_rate % output_rate),
        })
    }

    /// How many inputs [`Self::process`] takes to fill `output_samples` outputs from here.
    pub fn input_samples_needed(&self, output_samples: usize) -> usize {
        let Some(steps) = output_samples.checked_sub(1) else { return 0 };
        if self.is_passthrough() {
            return output_samples;
        }
        let beyond = (u64::from(self.phase) + steps as u64 * u64::from(self.input_rate)) / u64::from(self.output_rate);
        self.inputs_pending + usize::try_from(beyond).expect("a count of samples in memory fits the address space")
    }

    /// Converts until `input` is used up or `output` is full; how many samples were taken
    /// and how many made.
    pub fn process(&mut self, input: &[f32], output: &mut [f32]) -> Progress {
        if self.is_passthrough() {
            let count = input.len().min(output.len());
            output[..count].copy_from_slice(&input[..count]);
            return Progress { consumed: count, produced: count };
        }
        let (mut consumed, mut produced) = (0, 0);
        while produced < output.len() {
            while self.inputs_pending > 0 {
                let Some(&sample) = input.get(consumed) else {
                    return Progress { consumed, produced };
                };
                self.take(sample);
                consumed += 1;
            }
            output[produced] = self.interpolate();
            produced += 1;
            self.advance();
        }
        Progress { consumed, produced }
    }

    /// By one output. Divides nothing: this is done for every sample.
    fn advance(&mut self) {
        let (inputs, rest) = self.step;
        self.inputs_pending = inputs;
        self.phase += rest;
        if self.phase >= self.output_rate {
            self.phase -= self.output_rate;
            self.inputs_pending += 1;
        }
    }

    fn is_passthrough(&self) -> bool {
        self.input_rate == self.output_rate
    }

    fn take(&mut self, sample: f32) {
        self.history[self.write] = sample;
        self.history[self.write + self.taps] = sample;
        self.write = if self.write + 1 < self.taps { self.write + 1 } else { 0 };
        self.inputs_pending -= 1;
    }

    fn interpolate(&self) -> f32 {
        let window = &self.history[self.write..self.write + self.taps];
        if self.phases == self.output_rate as usize {
            let from = self.phase as usize * self.taps;
            return dot_product(window, &self.table[from..from + self.taps]);
        }
        let position = self.phase as f32 * self.phases as f32 / self.output_rate as f32;
        // The phase is below the output rate, so the row is below `phases`; rounding in f32
        // could only reach that itself, and the minimum keeps its neighbour in the table.
        let row = (position as usize).min(self.phases - 1);
        let fraction = position - row as f32;
        let (near, far) = self.table[row * self.taps..].split_at(self.taps);
        let near = dot_product(window, near);
        near + (dot_product(window, &far[..self.taps]) - near) * fraction
    }
}

/// What one call to [`Resampler::process`] did, in samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Inputs taken.
    pub consumed: usize,
    /// Outputs made.
    pub produced: usize,
}

/// The sum of products, in four lanes: additions that do not wait for each other.
fn dot_product(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 4];
    let (a_chunks, a_rest) = a.as_chunks::<4>();
    let (b_chunks, b_rest) = b.as_chunks::<4>();
    for (x, y) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..4 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]) + rest
}

/// The greatest number that both are multiples of (Euclid).
fn common_measure(one: u32, other: u32) -> u32 {
    if other == 0 { one } else { common_measure(other, one % other) }
}

/// The table: row `p` weighs the inputs around a point `p / phases` past the middle one.
fn coefficients(taps: usize, cutoff: f64, phases: usize) -> Box<[f32]> {
    let half = taps as f64 / 2.0;
    let mut table = Vec::with_capacity((phases + 1) * taps);
    for phase in 0..=phases {
        let offset = phase as f64 / phases as f64;
        let row: Vec<f64> = (0..taps)
            .map(|tap| {
                let distance = tap as f64 - (half - 1.0) - offset;
                sinc(2.0 * cutoff * distance) * kaiser(distance / half)
            })
            .collect();
        // Every phase passes a constant unchanged; otherwise the phases would modulate it.
        let sum: f64 = row.iter().sum();
        table.extend(row.iter().map(|weight| (weight / sum) as f32));
    }
    table.into_boxed_slice()
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// The Kaiser window at `x` in −1 … 1.
fn kaiser(x: f64) -> f64 {
    let inside = (1.0 - x * x).max(0.0);
    bessel_i0(KAISER_BETA * inside.sqrt()) / bessel_i0(KAISER_BETA)
}

/// The modified Bessel function of order zero, by its power series; 40 terms are exact in
/// f64 for the arguments used here.
fn bessel_i0(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..40 {
        term *= (x / 2.0 / f64::from(k)) * (x / 2.0 / f64::from(k));
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn tone(rate_hz: u32, frequency_hz: f64, samples: usize) -> Vec<f32> {
        (0..samples).map(|n| (0.5 * (2.0 * PI * frequency_hz * n as f64 / f64::from(rate_hz)).sin()) as f32).collect()
    }

    /// Converts in pieces of uneven length, as devices deliver.
    fn convert(input: &[f32], from_hz: u32, to_hz: u32) -> Vec<f32> {
        let mut resampler = Resampler::new(from_hz, to_hz).unwrap();
        let mut output = Vec::new();
        let mut scratch = [0.0; 97];
        for piece in input.chunks(131) {
            let mut rest = piece;
            loop {
                let progress = resampler.process(rest, &mut scratch);
                output.extend_from_slice(&scratch[..progress.produced]);
                rest = &rest[progress.consumed..];
                if progress.produced < scratch.len() {
                    break;
                }
            }
        }
        output
    }

    /// Signal to error in dB against the same tone computed at the output's rate: it measures
    /// gain, distortion, images and alignment at once.
    fn signal_to_error_db(from_hz: u32, to_hz: u32, frequency_hz: f64) -> f64 {
        let output = convert(&tone(from_hz, frequency_hz, from_hz as usize), from_hz, to_hz);
        let ideal = tone(to_hz, frequency_hz, output.len());
        let inner = 1_000..output.len() - 1_000;
        let (mut signal, mut error) = (0.0, 0.0);
        for n in inner {
            signal += f64::from(ideal[n]).powi(2);
            error += f64::from(output[n] - ideal[n]).powi(2);
        }
        10.0 * (signal / error).log10()
    }

    #[test]
    fn tones_come_through_clean_and_in_place() {
        for (from_hz, to_hz) in
            [(44_100, 48_000), (48_000, 44_100), (16_000, 48_000), (48_000, 16_000), (96_000, 48_000), (44_099, 48_000)]
        {
            let slower = f64::from(from_hz.min(to_hz));
            for frequency_hz in [100.0, 440.0, 1_000.0, 0.2 * slower, 0.39 * slower] {
                let ratio_db = signal_to_error_db(from_hz, to_hz, frequency_hz);
                assert!(ratio_db > 72.0, "{from_hz} to {to_hz}, {frequency_hz} Hz: {ratio_db:.1} dB");
            }
        }
    }

    #[test]
    fn what_the_slower_rate_cannot_carry_is_removed() {
        let output = convert(&tone(48_000, 12_000.0, 48_000), 48_000, 16_000);
        let peak = output[500..output.len() - 500].iter().fold(0.0f32, |peak, s| peak.max(s.abs()));
        assert!(peak < 0.5e-3, "12 kHz folds into 16 kHz sampling at {peak}");
    }

    #[test]
    fn equal_rates_pass_every_bit() {
        let input = tone(48_000, 440.0, 4_800);
        assert_eq!(convert(&input, 48_000, 48_000), input);
    }

    #[test]
    fn the_number_of_inputs_is_foretold_exactly() {
        for (from_hz, to_hz) in [(48_000, 44_100), (48_000, 16_000), (48_000, 192_000), (48_000, 48_000)] {
            let mut resampler = Resampler::new(from_hz, to_hz).unwrap();
            for round in 0..500usize {
                let mut output = vec![0.0; 1 + round % 131];
                let needed = resampler.input_samples_needed(output.len());
                let progress = resampler.process(&vec![0.25; needed], &mut output);
                assert_eq!(progress, Progress { consumed: needed, produced: output.len() });
            }
            assert_eq!(resampler.input_samples_needed(0), 0);
        }
    }

    #[test]
    fn length_is_right_over_a_minute() {
        let output = convert(&vec![0.1; 44_100 * 60], 44_100, 48_000);
        let expected = 48_000 * 60;
        assert!(output.len().abs_diff(expected) < 64, "{} of {expected}", output.len());
    }

    #[test]
    fn absurd_rates_are_refused() {
        for rate_hz in [0, 7_999, 384_001, u32::MAX] {
            assert_eq!(Resampler::new(rate_hz, 48_000).unwrap_err(), CodecError::DeviceRate { rate_hz });
            assert_eq!(Resampler::new(48_000, rate_hz).unwrap_err(), CodecError::DeviceRate { rate_hz });
        }
    }
}
