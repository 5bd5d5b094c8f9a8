//! One speaker, a network that is a function, one listener, and a clock that is a number.

use std::collections::BTreeMap;
use std::time::Duration;

use dais_audio::{
    CaptureConfig, CapturePipeline, EncodedFrame, OpusEncoder, PacketHeader, PlaybackConfig, PlaybackPipeline,
    PlaybackStatistics, StreamStatistics,
};

pub(crate) const STREAM: u32 = 7;
pub(crate) const TONE_HZ: f64 = 440.0;
pub(crate) const TONE_AMPLITUDE: f64 = 0.3;

/// Samples of the tone at a device's rate.
pub(crate) fn tone(rate_hz: u32, seconds: f64) -> Vec<f32> {
    let samples = (f64::from(rate_hz) * seconds).round() as usize;
    let step = std::f64::consts::TAU * TONE_HZ / f64::from(rate_hz);
    (0..samples).map(|n| (TONE_AMPLITUDE * (n as f64 * step).sin()) as f32).collect()
}

/// The samples as frames, coded with the product's defaults.
pub(crate) fn encode(rate_hz: u32, frame_samples: u32, samples: &[f32]) -> Vec<EncodedFrame> {
    let config = CaptureConfig { frame_samples, codes_silence: true, ..CaptureConfig::new(rate_hz) };
    let mut capture = CapturePipeline::new(config, OpusEncoder::boxed).unwrap();
    let mut frames = Vec::new();
    for quantum in samples.chunks(128) {
        capture.push(quantum);
        frames.extend(std::iter::from_fn(|| capture.poll_frame()));
    }
    frames
}

/// The header that a frame travels with.
pub(crate) fn header(stream: u32, sequence: u32, frame: &EncodedFrame) -> PacketHeader {
    PacketHeader {
        stream,
        sequence,
        timestamp: frame.timestamp,
        // The speaker sits beside the server.
        arrival_ms: (frame.timestamp + u64::from(frame.duration_samples)) / 48,
        duration_samples: frame.duration_samples,
        level_dbov: frame.level_dbov,
        flags: 0,
    }
}

/// What a listener heard, and what his pipeline says about it.
pub(crate) struct Heard {
    pub(crate) samples: Vec<f32>,
    pub(crate) rate_hz: u32,
    pub(crate) total: PlaybackStatistics,
    pub(crate) stream: StreamStatistics,
    /// Buffered samples, once a second.
    pub(crate) levels: Vec<u64>,
}

/// A listener with a device of his own rate, quantum and clock.
pub(crate) struct Listener {
    pub(crate) device_rate_hz: u32,
    pub(crate) quantum: usize,
    /// How much faster his sound card runs than the speaker's, in parts per million.
    pub(crate) drift_ppm: f64,
}

impl Default for Listener {
    fn default() -> Self {
        Self { device_rate_hz: 48_000, quantum: 128, drift_ppm: 0.0 }
    }
}

impl Listener {
    /// Plays `frames`, each sent when its last sample was captured. `network` gives the delays
    /// after which copies of a frame arrive, in ms: none for a lost one, two for a doubled one.
    pub(crate) fn hears(&self, frames: &[EncodedFrame], mut network: impl FnMut(u32) -> Vec<u64>) -> Heard {
        let mut arrivals: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        for (sequence, frame) in (0u32..).zip(frames) {
            let sent_us = (frame.timestamp + u64::from(frame.duration_samples)) * 1_000 / 48;
            for delay_ms in network(sequence) {
                arrivals.entry(sent_us + delay_ms * 1_000).or_default().push(sequence);
            }
        }
        let mut playback = PlaybackPipeline::new(PlaybackConfig::new(self.device_rate_hz)).unwrap();
        let end = frames.last().unwrap();
        let seconds = (end.timestamp + u64::from(end.duration_samples)) as f64 / 48_000.0;
        let rate = f64::from(self.device_rate_hz) * (1.0 + self.drift_ppm * 1e-6);
        let mut samples = Vec::new();
        let mut levels = Vec::new();
        let mut quantum = vec![0.0; self.quantum];
        while (samples.len() as f64) < seconds * rate {
            let now = Duration::from_secs_f64(samples.len() as f64 / rate);
            while let Some(entry) = arrivals.first_entry()
                && u128::from(*entry.key()) <= now.as_micros()
            {
                for sequence in entry.remove() {
                    let frame = &frames[sequence as usize];
                    playback.insert(&header(STREAM, sequence, frame), &frame.payload, now);
                }
            }
            playback.render(&mut quantum, now);
            samples.extend_from_slice(&quantum);
            if levels.len() < now.as_secs() as usize {
                levels.push(playback.stream_statistics(STREAM).map_or(0, |stream| stream.buffered_samples));
            }
        }
        Heard {
            samples,
            rate_hz: self.device_rate_hz,
            total: playback.statistics(),
            stream: playback.stream_statistics(STREAM).unwrap(),
            levels,
        }
    }
}

impl Heard {
    /// The samples between two moments, in seconds.
    pub(crate) fn between(&self, from_s: f64, to_s: f64) -> &[f32] {
        let index = |seconds: f64| ((seconds * f64::from(self.rate_hz)) as usize).min(self.samples.len());
        &self.samples[index(from_s)..index(to_s)]
    }

    /// When sound was first heard, in seconds.
    pub(crate) fn begins_s(&self) -> f64 {
        let first = self.samples.iter().position(|sample| sample.abs() > 0.1).unwrap();
        first as f64 / f64::from(self.rate_hz)
    }

    /// Silences of more than 40 ms, and the part of windows of 10 ms that is not silent, from
    /// `from_s` on: a window is silent 30 dB below the tone.
    pub(crate) fn silences(&self, from_s: f64) -> (usize, f64) {
        let window = (self.rate_hz / 100) as usize;
        let threshold = TONE_AMPLITUDE / std::f64::consts::SQRT_2 * 0.0316;
        let silent: Vec<bool> = self.between(from_s, f64::MAX).chunks_exact(window).map(|chunk| rms(chunk) < threshold).collect();
        let long = silent.chunk_by(|a, b| a == b).filter(|run| run[0] && run.len() > 4).count();
        let sounding = silent.iter().filter(|&&silent| !silent).count();
        (long, sounding as f64 / silent.len() as f64)
    }

    /// The largest step from one sample to the next, as a multiple of the tone's own.
    pub(crate) fn largest_step(&self) -> f64 {
        let own = TONE_AMPLITUDE * std::f64::consts::TAU * TONE_HZ / f64::from(self.rate_hz);
        let steps = self.samples.windows(2).map(|pair| f64::from((pair[1] - pair[0]).abs()));
        steps.fold(0.0, f64::max) / own
    }
}

pub(crate) fn rms(samples: &[f32]) -> f64 {
    let energy: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    (energy / samples.len() as f64).sqrt()
}

/// Tone to everything else, in dB, and the tone's amplitude: a least-squares fit of a sine of
/// that frequency over whole periods.
pub(crate) fn tone_quality(samples: &[f32], rate_hz: u32) -> (f64, f64) {
    let step = std::f64::consts::TAU * TONE_HZ / f64::from(rate_hz);
    let (mut sine, mut cosine, mut energy) = (0.0, 0.0, 0.0);
    for (n, &sample) in samples.iter().enumerate() {
        let sample = f64::from(sample);
        sine += sample * (n as f64 * step).sin();
        cosine += sample * (n as f64 * step).cos();
        energy += sample * sample;
    }
    let count = samples.len() as f64;
    let amplitude = 2.0 * (sine * sine + cosine * cosine).sqrt() / count;
    let tone_energy = amplitude * amplitude / 2.0 * count;
    (10.0 * (tone_energy / (energy - tone_energy).max(1e-12)).log10(), amplitude)
}

/// A small generator with a seed (xorshift64*, Vigna 2016), so that a failure can be repeated.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 16) % bound
    }
}
