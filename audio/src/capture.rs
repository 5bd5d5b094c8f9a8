//! From a microphone's samples to Opus frames with their place in time.
//!
//! Knows the device's rate, the frame length, the codec's settings and whether anybody speaks:
//! silence makes no frames. It refuses to know who may speak, what the network does and when to
//! stop: its caller polls frames, or skips them.

use std::collections::VecDeque;

use crate::codec::{CodecError, Encode, FRAME_SAMPLES_MAX, MakeEncoder, PAYLOAD_BYTES_MAX, sanitize};
use crate::framer::Framer;
use crate::level::{LEVEL_DBOV_SILENCE, level_dbov};
use crate::packet::{FLAG_PRE_ROLL, FLAG_TALKSPURT_END, FLAG_TALKSPURT_START};
use crate::resample::Resampler;
use crate::vad::{Activity, Detector};
use crate::{SAMPLE_RATE_HZ, SAMPLES_PER_MS};

/// Samples converted at a time; any length will do, this one stays in the cache.
const BLOCK_SAMPLES: usize = 512;

/// What is sent from before a talkspurt was noticed, in samples: 40 ms, so that no word loses its
/// beginning. Listeners make up for the delay within 300 ms.
const PRE_ROLL_SAMPLES: usize = 40 * SAMPLES_PER_MS as usize;

/// A frame this quiet, in −dBov, holds nothing that anybody said, even where silence is coded like voice.
const QUIET_DBOV: u8 = 60;

/// Nobody speaks when it has been quiet for so long, in samples: 300 ms, longer than the closure of a plosive.
const QUIET_SAMPLES_MIN: usize = 300 * SAMPLES_PER_MS as usize;

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
    /// Whether silence is coded like voice, instead of making no frames.
    pub codes_silence: bool,
}

impl CaptureConfig {
    /// The product's defaults: 20 ms, 32 kb/s, the best quality libopus has. At 24–48 kb/s
    /// Opus carries speech in full band (RFC 6716, section 2.1.1).
    pub fn new(device_rate_hz: u32) -> Self {
        let frame_samples = FRAME_SAMPLES_MAX as u32;
        Self { device_rate_hz, frame_samples, bitrate_bps: 32_000, complexity: 10, codes_silence: false }
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
    /// [`FLAG_TALKSPURT_START`], [`FLAG_TALKSPURT_END`] and [`FLAG_PRE_ROLL`], added up.
    pub flags: u8,
    /// Opus, at most 1,275 bytes.
    pub payload: Vec<u8>,
}

/// What became of a frame that the network has no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skipped {
    /// It would have been sent.
    Voice,
    /// It would not have been.
    Silence,
}

/// A frame before it is coded.
struct Raw {
    timestamp: u64,
    level_dbov: u8,
    flags: u8,
    samples: Box<[f32; FRAME_SAMPLES_MAX]>,
    length: usize,
}

/// A microphone being coded.
pub struct CapturePipeline {
    resampler: Resampler,
    framer: Framer,
    encoder: Box<dyn Encode>,
    payload: Box<[u8; PAYLOAD_BYTES_MAX]>,
    detector: Detector,
    codes_silence: bool,
    /// Silence that may turn out to be the beginning of a talkspurt.
    pre_roll: VecDeque<Raw>,
    /// To be coded next.
    ready: VecDeque<Raw>,
    level_dbov: u8,
    /// Up to now, without anything that anybody said.
    quiet_samples: usize,
    /// The last frame could not be coded.
    begins_anew: bool,
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
    pub fn new(config: CaptureConfig, make_encoder: MakeEncoder) -> Result<Self, CodecError> {
        let CaptureConfig { device_rate_hz, frame_samples, bitrate_bps, complexity, codes_silence } = config;
        check_frame_samples(frame_samples)?;
        Ok(Self {
            resampler: Resampler::new(device_rate_hz, SAMPLE_RATE_HZ)?,
            framer: Framer::new(frame_samples as usize),
            encoder: make_encoder(bitrate_bps, complexity)?,
            payload: Box::new([0; PAYLOAD_BYTES_MAX]),
            detector: Detector::new(codes_silence),
            codes_silence,
            pre_roll: VecDeque::new(),
            ready: VecDeque::new(),
            level_dbov: LEVEL_DBOV_SILENCE,
            quiet_samples: 0,
            begins_anew: false,
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

    /// The next frame of voice, coded; `None` while there is none. To be polled until `None`.
    pub fn poll_frame(&mut self) -> Option<EncodedFrame> {
        loop {
            let Some(raw) = self.ready.pop_front() else {
                self.judge_frame()?;
                continue;
            };
            let is_anew = std::mem::take(&mut self.begins_anew);
            let flags = if is_anew { raw.flags | FLAG_TALKSPURT_START } else { raw.flags };
            if flags & FLAG_TALKSPURT_START != 0 {
                self.encoder.reset();
            }
            // A frame that could not be coded is as good as lost, and time goes on. The encoder may be another one from
            // now on: decoders start afresh with it.
            let Some(bytes) = self.encoder.encode(&raw.samples[..raw.length], &mut self.payload) else {
                self.begins_anew = true;
                continue;
            };
            return Some(EncodedFrame {
                timestamp: raw.timestamp,
                duration_samples: u32::try_from(raw.length).expect("a frame is at most 960 samples"),
                level_dbov: raw.level_dbov,
                flags,
                payload: self.payload[..bytes].to_vec(),
            });
        }
    }

    /// Passes over the next whole frame without coding it, because the network has no room
    /// for it; `None` where there was none. What is sent next starts anew.
    pub fn skip_frame(&mut self) -> Option<Skipped> {
        if self.ready.is_empty() {
            self.judge_frame()?;
        }
        Some(if self.ready.pop_front().is_some() { Skipped::Voice } else { Skipped::Silence })
    }

    /// Loudness of the newest frame: 0 (overload) to 127 (silence).
    pub fn level_dbov(&self) -> u8 {
        self.level_dbov
    }

    /// Whether a talkspurt goes on.
    pub fn is_active(&self) -> bool {
        self.detector.is_active() || !self.ready.is_empty()
    }

    /// Whether nobody speaks just now, so that a moment lost is no loss.
    pub fn is_quiet(&self) -> bool {
        self.quiet_samples >= QUIET_SAMPLES_MIN
    }

    /// What is sent next begins a talkspurt, and nothing captured up to now is sent any more. Its first
    /// frame carries [`FLAG_TALKSPURT_START`], at which encoder and decoders start afresh.
    pub fn reset_for_talkspurt(&mut self) {
        self.framer.discard_waiting();
        self.detector.reset();
        self.pre_roll.clear();
        self.ready.clear();
    }

    /// Frames are this long from the next talkspurt on, in samples at 48 kHz: 480 or 960. Where silence is coded, and
    /// a talkspurt never ends, from the next moment on in which nobody speaks.
    ///
    /// # Errors
    /// [`CodecError::FrameSamples`] for any other length.
    pub fn set_frame_samples(&mut self, frame_samples: u32) -> Result<(), CodecError> {
        check_frame_samples(frame_samples)?;
        let is_between_words = self.codes_silence && self.ready.is_empty() && self.is_quiet();
        if (!self.is_active() || is_between_words) && self.framer.frame_samples() != frame_samples as usize {
            self.framer.set_frame_samples(frame_samples as usize);
            self.pre_roll.clear();
        }
        Ok(())
    }

    /// What the encoder aims at from now on, in bits per second.
    pub fn set_bitrate(&mut self, bitrate_bps: i32) {
        self.encoder.set_bitrate(bitrate_bps);
    }

    /// Time passed in which the microphone was closed, in samples at 48 kHz: timestamps go
    /// on over it.
    pub fn advance_time(&mut self, samples: u64) {
        self.framer.advance(samples);
    }

    /// Takes the next whole frame and puts it where it belongs; `None` while it is not complete. The
    /// count of samples starts at the look-ahead, so the look-ahead to be taken off a frame's
    /// position cancels out, and the position is the timestamp.
    fn judge_frame(&mut self) -> Option<()> {
        let length = self.framer.frame_samples();
        let mut samples = Box::new([0.0; FRAME_SAMPLES_MAX]);
        let timestamp = self.framer.take_frame(samples.as_mut_slice())?;
        let frame = &mut samples[..length];
        // A resampled peak may pass full scale by a little.
        frame.iter_mut().for_each(|sample| *sample = sanitize(*sample));
        self.level_dbov = level_dbov(frame);
        let activity = self.detector.judge(frame);
        let is_quiet = activity == Activity::Silence || self.level_dbov >= QUIET_DBOV;
        self.quiet_samples = if is_quiet { self.quiet_samples.saturating_add(length) } else { 0 };
        let flags = if activity == Activity::End { FLAG_TALKSPURT_END } else { 0 };
        let raw = Raw { timestamp, level_dbov: self.level_dbov, flags, samples, length };
        match activity {
            Activity::Silence => {
                self.pre_roll.push_back(raw);
                let most = PRE_ROLL_SAMPLES / length;
                self.pre_roll.drain(..self.pre_roll.len().saturating_sub(most));
            }
            Activity::Start => {
                self.pre_roll.iter_mut().for_each(|raw| raw.flags |= FLAG_PRE_ROLL);
                self.ready.append(&mut self.pre_roll);
                self.ready.push_back(raw);
                self.ready[0].flags |= FLAG_TALKSPURT_START;
            }
            Activity::Voice | Activity::End => self.ready.push_back(raw),
        }
        Some(())
    }

    /// The timestamp of the instant just after the newest sample pushed: with the clock's
    /// reading at that moment, the mapping between timestamps and time.
    pub fn timestamp_captured(&self) -> u64 {
        self.framer.end_position() + u64::from(self.encoder.look_ahead_samples())
    }
}

fn check_frame_samples(frame_samples: u32) -> Result<(), CodecError> {
    if [10 * SAMPLES_PER_MS, 20 * SAMPLES_PER_MS].contains(&frame_samples) {
        Ok(())
    } else {
        Err(CodecError::FrameSamples { samples: frame_samples })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::codec::OpusEncoder;

    fn tone(rate_hz: u32, seconds: f64) -> Vec<f32> {
        let samples = (f64::from(rate_hz) * seconds) as usize;
        (0..samples).map(|n| (0.5 * (std::f64::consts::TAU * 440.0 * n as f64 / f64::from(rate_hz)).sin()) as f32).collect()
    }

    #[test]
    fn a_second_of_any_device_is_fifty_frames() {
        for rate_hz in [16_000, 44_100, 48_000, 96_000] {
            let mut capture = CapturePipeline::new(CaptureConfig::new(rate_hz), OpusEncoder::boxed).unwrap();
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
        let mut capture = CapturePipeline::new(config, OpusEncoder::boxed).unwrap();
        capture.push(&tone(48_000, 0.04));
        assert_eq!(capture.poll_frame().unwrap().timestamp, 0);
        assert_eq!(capture.skip_frame(), Some(Skipped::Voice));
        assert_eq!(capture.level_dbov(), 9);
        assert_eq!(capture.poll_frame().unwrap().timestamp, 960);
        capture.reset_for_talkspurt();
        assert_eq!(capture.skip_frame(), None);
        capture.advance_time(48_000);
        capture.push(&tone(48_000, 0.01));
        assert_eq!(capture.poll_frame().unwrap().timestamp, 1_920 + 48_000);
        assert!(capture.poll_frame().is_none());
    }

    #[test]
    fn wrong_settings_are_refused_by_name() {
        let good = CaptureConfig::new(48_000);
        let refusal = |config| CapturePipeline::new(config, OpusEncoder::boxed).unwrap_err();
        assert_eq!(refusal(CaptureConfig { frame_samples: 441, ..good }), CodecError::FrameSamples { samples: 441 });
        assert_eq!(refusal(CaptureConfig { device_rate_hz: 1, ..good }), CodecError::DeviceRate { rate_hz: 1 });
        assert!(matches!(refusal(CaptureConfig { complexity: 11, ..good }), CodecError::Opus { .. }));
    }

    #[test]
    fn a_broken_microphone_breaks_nothing() {
        let mut capture = CapturePipeline::new(CaptureConfig::new(44_100), OpusEncoder::boxed).unwrap();
        capture.push(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.0e30].repeat(1_000));
        assert_eq!(std::iter::from_fn(|| capture.poll_frame()).count(), 4);
        capture.push(&vec![0.0; 44_100]);
        let last = std::iter::from_fn(|| capture.poll_frame()).last().unwrap();
        assert_eq!((last.level_dbov, last.flags), (127, FLAG_TALKSPURT_END), "nothing of it lingers");
    }

    #[test]
    fn silence_makes_no_frames_and_a_word_keeps_its_beginning() {
        for frame_samples in [480, 960] {
            let mut capture =
                CapturePipeline::new(CaptureConfig { frame_samples, ..CaptureConfig::new(48_000) }, OpusEncoder::boxed).unwrap();
            capture.push(&vec![0.0; 48_000]);
            assert!(capture.poll_frame().is_none() && !capture.is_active());
            capture.push(&tone(48_000, 0.1));
            capture.push(&vec![0.0; 24_000]);
            let frames: Vec<_> = std::iter::from_fn(|| capture.poll_frame()).collect();
            let pre_roll = 1_920 / frame_samples as usize;
            assert_eq!(frames[0].timestamp, 48_000 - 1_920, "40 ms before it");
            assert_eq!(frames[0].flags, FLAG_TALKSPURT_START | FLAG_PRE_ROLL);
            assert!(frames[1..pre_roll].iter().all(|frame| frame.flags == FLAG_PRE_ROLL));
            let (last, voice) = frames[pre_roll..].split_last().unwrap();
            assert!(voice.iter().all(|frame| frame.flags == 0));
            assert_eq!(last.flags, FLAG_TALKSPURT_END);
            let samples: u32 = frames.iter().map(|frame| frame.duration_samples).sum();
            assert_eq!(samples, 1_920 + 4_800 + 14_400, "the word, what was before it, and 300 ms");
        }
    }

    #[test]
    fn frames_change_their_length_between_talkspurts_only() {
        let mut capture = CapturePipeline::new(CaptureConfig::new(48_000), OpusEncoder::boxed).unwrap();
        capture.push(&tone(48_000, 0.04));
        assert_eq!(capture.poll_frame().unwrap().duration_samples, 960);
        capture.set_frame_samples(480).unwrap();
        assert_eq!(capture.poll_frame().unwrap().duration_samples, 960, "this one goes on as it began");
        capture.push(&vec![0.0; 48_000]);
        while capture.poll_frame().is_some() {}
        capture.set_frame_samples(480).unwrap();
        capture.push(&tone(48_000, 0.04));
        assert_eq!(capture.poll_frame().unwrap().duration_samples, 480);
        assert!(capture.set_frame_samples(500).is_err());
    }

    #[test]
    fn frames_change_their_length_between_words_where_silence_is_coded() {
        let config = CaptureConfig { codes_silence: true, ..CaptureConfig::new(48_000) };
        let mut capture = CapturePipeline::new(config, OpusEncoder::boxed).unwrap();
        let mut lengths_after = |samples: &[f32]| {
            capture.push(samples);
            let lengths: Vec<u32> = std::iter::from_fn(|| capture.poll_frame()).map(|frame| frame.duration_samples).collect();
            capture.set_frame_samples(480).unwrap();
            lengths
        };
        assert_eq!(lengths_after(&tone(48_000, 0.1)), [960; 5]);
        assert_eq!(lengths_after(&tone(48_000, 0.1)), [960; 5], "not within a word");
        assert_eq!(lengths_after(&[0.0; 19_200]), [960; 20]);
        assert_eq!(lengths_after(&tone(48_000, 0.1)), [480; 10]);
    }

    #[test]
    fn silence_is_coded_where_that_is_wanted() {
        let mut capture =
            CapturePipeline::new(CaptureConfig { codes_silence: true, ..CaptureConfig::new(48_000) }, OpusEncoder::boxed)
                .unwrap();
        capture.push(&vec![0.0; 4_800]);
        let flags: Vec<u8> = std::iter::from_fn(|| capture.poll_frame()).map(|frame| frame.flags).collect();
        assert_eq!(flags, [FLAG_TALKSPURT_START, 0, 0, 0, 0]);
    }

    /// Refuses its third frame.
    struct Failing(OpusEncoder, u32);

    impl Encode for Failing {
        fn look_ahead_samples(&self) -> u32 {
            self.0.look_ahead_samples()
        }

        fn set_bitrate(&mut self, bitrate_bps: i32) {
            self.0.set_bitrate(bitrate_bps);
        }

        fn encode(&mut self, frame: &[f32], payload: &mut [u8; PAYLOAD_BYTES_MAX]) -> Option<usize> {
            self.1 += 1;
            if self.1 == 3 { None } else { self.0.encode(frame, payload) }
        }

        fn reset(&mut self) {
            self.0.reset();
        }
    }

    #[test]
    fn after_a_frame_that_cannot_be_coded_decoders_start_afresh() {
        let failing: MakeEncoder = |bitrate_bps, complexity| Ok(Box::new(Failing(OpusEncoder::new(bitrate_bps, complexity)?, 0)));
        let config = CaptureConfig { codes_silence: true, ..CaptureConfig::new(48_000) };
        let mut capture = CapturePipeline::new(config, failing).unwrap();
        capture.push(&tone(48_000, 0.2));
        let frames: Vec<_> = std::iter::from_fn(|| capture.poll_frame()).collect();
        let starts: Vec<bool> = frames.iter().map(|frame| frame.flags & FLAG_TALKSPURT_START != 0).collect();
        assert_eq!(starts[..5], [true, false, true, false, false], "the third of all is missing");
        assert_eq!(frames[2].timestamp - frames[1].timestamp, 2 * u64::from(frames[1].duration_samples), "time goes on");
    }
}
