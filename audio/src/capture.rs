//! From a microphone's samples to Opus frames with their place in time.
//!
//! Knows the device's rate, the frame length and the codec's settings. It refuses to know who
//! may speak, what the network does and when to stop: its caller polls frames, or skips them.

use crate::codec::{CodecError, Encoder, sanitize};
use crate::framer::Framer;
use crate::level::{LEVEL_DBOV_SILENCE, level_dbov};
use crate::resample::Resampler;
use crate::{SAMPLE_RATE_HZ, SAMPLES_PER_MS};

/// Samples converted at a time; any length will do, this one stays in the cache.
const BLOCK_SAMPLES: usize = 512;

/// How a microphone is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptureConfig {
    /// The rate of the samples that [`CapturePipeline::push`] is given, in Hz.
    pub device_rate_hz: u32,
    /// Length of a frame in samples at 48 kHz: 480 (10 ms) or 960 (20 ms).
    pub frame_samples: u32,
    /// What the encoder aims at, in bits per second of Opus payload.
    pub bitrate_bps: i32,
    /// 0 (cheap) to 10 (good).
    pub complexity: u8,
}

impl CaptureConfig {
    /// The product's defaults: 20 ms, 32 kb/s, the best quality libopus has. At 24–48 kb/s
    /// Opus carries speech in full band (RFC 6716, section 2.1.1).
    pub fn new(device_rate_hz: u32) -> Self {
        Self { device_rate_hz, frame_samples: 20 * SAMPLES_PER_MS, bitrate_bps: 32_000, complexity: 10 }
    }
}

/// One frame, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedFrame {
    /// The frame's first sample less the encoder's look-ahead, in samples at 48 kHz since the
    /// pipeline was made. The count starts at the look-ahead, so that this is never negative.
    pub timestamp: u64,
    /// Length in samples at 48 kHz.
    pub duration_samples: u32,
    /// Loudness: 0 (overload) to 127 (silence), as RFC 6464.
    pub level_dbov: u8,
    /// Opus, at most 1,275 bytes.
    pub payload: Vec<u8>,
}

/// A microphone being coded.
pub struct CapturePipeline {
    resampler: Resampler,
    framer: Framer,
    encoder: Encoder,
    frame: Box<[f32]>,
    level_dbov: u8,
}

impl std::fmt::Debug for CapturePipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CapturePipeline").field("resampler", &self.resampler).finish_non_exhaustive()
    }
}

impl CapturePipeline {
    /// A pipeline at its beginning.
    ///
    /// # Errors
    /// Whatever of `config` cannot be done; see [`CodecError`].
    pub fn new(config: CaptureConfig) -> Result<Self, CodecError> {
        let CaptureConfig { device_rate_hz, frame_samples, bitrate_bps, complexity } = config;
        if ![10 * SAMPLES_PER_MS, 20 * SAMPLES_PER_MS].contains(&frame_samples) {
            return Err(CodecError::FrameSamples { samples: frame_samples });
        }
        Ok(Self {
            resampler: Resampler::new(device_rate_hz, SAMPLE_RATE_HZ)?,
            framer: Framer::new(frame_samples as usize),
            encoder: Encoder::new(bitrate_bps, complexity)?,
            frame: vec![0.0; frame_samples as usize].into_boxed_slice(),
            level_dbov: LEVEL_DBOV_SILENCE,
        })
    }

    /// Takes in mono samples at the device's rate, full scale ±1, any number of them. What is
    /// not polled for a second is forgotten, oldest first, and time goes on over it.
    pub fn push(&mut self, samples: &[f32]) {
        let (mut clean, mut converted) = ([0.0; BLOCK_SAMPLES], [0.0; BLOCK_SAMPLES]);
        for block in samples.chunks(BLOCK_SAMPLES) {
            for (clean, &sample) in clean.iter_mut().zip(block) {
                *clean = sanitize(sample);
            }
            let mut rest = &clean[..block.len()];
            loop {
                let progress = self.resampler.process(rest, &mut converted);
                self.framer.push(&converted[..progress.produced]);
                rest = &rest[progress.consumed..];
                if progress.produced < converted.len() {
                    break;
                }
            }
        }
    }

    /// The next whole frame, coded; `None` while it is not complete. To be polled until
    /// `None`.
    pub fn poll_frame(&mut self) -> Option<EncodedFrame> {
        let timestamp = self.take_frame()?;
        // libopus refuses no frame of a length it was configured for; if it ever did, the
        // frame would be as good as lost, and time would go on.
        let payload = self.encoder.encode(&self.frame).ok()?.to_vec();
        Some(EncodedFrame {
            timestamp,
            duration_samples: u32::try_from(self.frame.len()).expect("a frame is at most 960 samples"),
            level_dbov: self.level_dbov,
            payload,
        })
    }

    /// Passes over the next whole frame without coding it, because the network has no room
    /// for it; whether there was one.
    pub fn skip_frame(&mut self) -> bool {
        self.take_frame().is_some()
    }

    /// Loudness of the newest frame polled or skipped: 0 (overload) to 127 (silence).
    pub fn level_dbov(&self) -> u8 {
        self.level_dbov
    }

    /// The next frame begins a talkspurt: the encoder starts afresh and what was captured
    /// before, up to now, is not sent. The frame's header then carries
    /// [`crate::packet::FLAG_TALKSPURT_START`], at which decoders start afresh too.
    pub fn reset_for_talkspurt(&mut self) {
        self.framer.discard_waiting();
        // libopus documents no failure here; an encoder that kept its state still codes.
        let _ = self.encoder.reset();
    }

    /// Time passed in which the microphone was closed, in samples at 48 kHz: timestamps go
    /// on over it.
    pub fn advance_time(&mut self, samples: u64) {
        self.framer.advance(samples);
    }

    /// The next frame's samples into `self.frame`, its level measured; its timestamp. The
    /// count of samples starts at the look-ahead, so the look-ahead to be taken off a frame's
    /// position cancels out, and the position is the timestamp.
    fn take_frame(&mut self) -> Option<u64> {
        let position = self.framer.take_frame(&mut self.frame)?;
        // A resampled peak may pass full scale by a little.
        self.frame.iter_mut().for_each(|sample| *sample = sanitize(*sample));
        self.level_dbov = level_dbov(&self.frame);
        Some(position)
    }

    /// The timestamp of the instant just after the newest sample pushed: with the clock's
    /// reading at that moment, the mapping between timestamps and time.
    pub fn timestamp_captured(&self) -> u64 {
        self.framer.end_position() + u64::from(self.encoder.look_ahead_samples())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn tone(rate_hz: u32, seconds: f64) -> Vec<f32> {
        let samples = (f64::from(rate_hz) * seconds) as usize;
        (0..samples).map(|n| (0.5 * (std::f64::consts::TAU * 440.0 * n as f64 / f64::from(rate_hz)).sin()) as f32).collect()
    }

    #[test]
    fn a_second_of_any_device_is_fifty_frames() {
        for rate_hz in [16_000, 44_100, 48_000, 96_000] {
            let mut capture = CapturePipeline::new(CaptureConfig::new(rate_hz)).unwrap();
            let mut frames = Vec::new();
            for quantum in tone(rate_hz, 1.01).chunks(128) {
                capture.push(quantum);
                frames.extend(std::iter::from_fn(|| capture.poll_frame()));
            }
            assert_eq!(frames.len(), 50, "{rate_hz} Hz");
            for (index, frame) in frames.iter().enumerate() {
                assert_eq!(frame.timestamp, index as u64 * 960);
                assert_eq!(frame.duration_samples, 960);
                assert_eq!(crate::codec::packet_samples(&frame.payload), Some(960));
            }
            assert_eq!(frames[40].level_dbov, 9, "half scale sine: -9 dBov");
            let bytes: usize = frames.iter().map(|frame| frame.payload.len()).sum();
            assert!((1_500..8_000).contains(&bytes), "{bytes} bytes in a second");
        }
    }

    #[test]
    fn a_skipped_frame_takes_its_time() {
        let mut config = CaptureConfig::new(48_000);
        config.frame_samples = 480;
        let mut capture = CapturePipeline::new(config).unwrap();
        capture.push(&tone(48_000, 0.04));
        assert_eq!(capture.poll_frame().unwrap().timestamp, 0);
        assert!(capture.skip_frame());
        assert_eq!(capture.level_dbov(), 9);
        assert_eq!(capture.poll_frame().unwrap().timestamp, 960);
        capture.reset_for_talkspurt();
        assert!(!capture.skip_frame());
        capture.advance_time(48_000);
        capture.push(&tone(48_000, 0.01));
        assert_eq!(capture.poll_frame().unwrap().timestamp, 1_920 + 48_000);
        assert!(capture.poll_frame().is_none());
    }

    #[test]
    fn wrong_settings_are_refused_by_name() {
        let good = CaptureConfig::new(48_000);
        let refusal = |config| CapturePipeline::new(config).unwrap_err();
        assert_eq!(refusal(CaptureConfig { frame_samples: 441, ..good }), CodecError::FrameSamples { samples: 441 });
        assert_eq!(refusal(CaptureConfig { device_rate_hz: 1, ..good }), CodecError::DeviceRate { rate_hz: 1 });
        assert!(matches!(refusal(CaptureConfig { complexity: 11, ..good }), CodecError::Opus { .. }));
    }

    #[test]
    fn a_broken_microphone_breaks_nothing() {
        let mut capture = CapturePipeline::new(CaptureConfig::new(44_100)).unwrap();
        capture.push(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.0e30].repeat(1_000));
        assert_eq!(std::iter::from_fn(|| capture.poll_frame()).count(), 4);
        capture.push(&vec![0.0; 44_100]);
        let last = std::iter::from_fn(|| capture.poll_frame()).last().unwrap();
        assert_eq!(last.level_dbov, 127, "nothing of it lingers");
    }
}
