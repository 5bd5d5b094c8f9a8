//! The product's own pipelines over a trace: speech through the encoder, the trace, the playback pipeline
//! and a sound card that pulls, with one number for the time.

use std::collections::BTreeMap;
use std::time::Duration;

use dais_audio::packet::{FLAG_TALKSPURT_END, FLAG_TALKSPURT_START};
use dais_audio::{
    CaptureConfig, CapturePipeline, CodecError, EncodedFrame, OpusEncoder, PacketHeader, PlaybackConfig, PlaybackPipeline,
};

use super::trace::{Trace, Way};

const RATE_HZ: u32 = 48_000;
const STREAM: u32 = 1;
/// What an AudioWorklet is asked for at a time, in samples.
const QUANTUM: usize = 128;

/// Speech, coded once and said again and again.
pub(crate) struct Speech {
    frames: Vec<EncodedFrame>,
    frame_ms: f64,
}

impl Speech {
    /// Codes mono samples at 48 kHz with the product's settings.
    ///
    /// # Errors
    /// Frames of another length than 10 or 20 ms; nothing to say.
    pub(crate) fn encode(samples: &[f32], frame_ms: f64) -> Result<Self, CodecError> {
        let mut capture = capture(frame_ms)?;
        let mut frames = Vec::new();
        for piece in samples.chunks(RATE_HZ as usize / 10) {
            capture.push(piece);
            frames.extend(std::iter::from_fn(|| capture.poll_frame()));
        }
        Ok(Self { frames, frame_ms })
    }

    /// The coded frames, in order.
    pub(crate) fn frames(&self) -> &[EncodedFrame] {
        &self.frames
    }

    /// Codes what a trace carries, every talkspurt from its beginning by an encoder that starts afresh, as the product's
    /// does. `sample` gives the samples of a talkspurt, counted from its first.
    ///
    /// # Errors
    /// As [`Self::encode`].
    #[cfg(test)]
    pub(crate) fn said_through(trace: &Trace, sample: impl Fn(u64) -> f32) -> Result<Self, CodecError> {
        let mut microphone = capture(trace.frame_ms)?;
        let (mut frames, mut next) = (Vec::new(), 0);
        for (index, passage) in trace.passages.iter().enumerate() {
            if trace.follows_pause(index) {
                (microphone, next) = (capture(trace.frame_ms)?, 0);
            }
            while frames.len() <= passage.sequence as usize {
                let piece: Vec<f32> = (next..next + 480).map(&sample).collect();
                next += 480;
                microphone.push(&piece);
                frames.extend(std::iter::from_fn(|| microphone.poll_frame()));
            }
        }
        Ok(Self { frames, frame_ms: trace.frame_ms })
    }
}

/// The product's encoder at its defaults, that codes whatever it is given.
fn capture(frame_ms: f64) -> Result<CapturePipeline, CodecError> {
    let frame_samples = (frame_ms * 48.0) as u32;
    CapturePipeline::new(CaptureConfig { frame_samples, codes_silence: true, ..CaptureConfig::new(RATE_HZ) }, OpusEncoder::boxed)
}

/// What was heard, in numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    /// Lag behind the quickest frames while speech was played, in ms: mean, and what 95 % did not exceed.
    pub(crate) delay_ms: f64,
    pub(crate) delay_p95_ms: f64,
    /// Of active speech.
    pub(crate) concealed_percent: f64,
    pub(crate) discarded_percent: f64,
    pub(crate) stretched_percent: f64,
    /// Received and thrown away, in ms.
    pub(crate) discarded_ms: f64,
    pub(crate) underruns: u64,
    /// The largest mean over one second of how far the lag was off its target, in ms.
    pub(crate) off_target_ms: f64,
    /// How late playout was, in ms, and at which second.
    pub(crate) lags_ms: Vec<(f64, f64)>,
    /// The loudspeaker's signal, 48 kHz.
    pub(crate) samples: Vec<f32>,
}

impl Heard {
    /// Made up or thrown away, in percent of speech.
    pub(crate) fn lost_percent(&self) -> f64 {
        self.concealed_percent + self.discarded_percent
    }

    /// Lag and loss as one number: 1 % of loss is as bad as 20 ms.
    pub(crate) fn cost(&self) -> f64 {
        self.delay_ms + 20.0 * self.lost_percent()
    }
}

struct Arrival<'a> {
    header: PacketHeader,
    payload: &'a [u8],
}

/// Plays `speech` through `trace`. Samples are kept from `keeps_from_ms` after the first frame was sent on, if at all: an hour
/// of them is large.
///
/// # Errors
/// libopus cannot make a decoder.
pub(crate) fn play(trace: &Trace, speech: &Speech, keeps_from_ms: Option<f64>) -> Result<Heard, CodecError> {
    let begin_ms = trace.passages.first().map_or(0.0, |first| first.sent_ms);
    let mut arrivals = schedule(trace, speech, begin_ms);
    let end_us = arrivals.last_key_value().map_or(0, |(at_us, _)| *at_us) + 500_000;
    let path_ms = trace.path_ms();
    let mut playback = PlaybackPipeline::new(PlaybackConfig::new(RATE_HZ))?;
    let mut meter = Meter::default();
    let mut samples = Vec::new();
    let mut quantum = [0.0; QUANTUM];
    for step in 0u64.. {
        let now = Duration::from_secs_f64((step * QUANTUM as u64) as f64 / f64::from(RATE_HZ));
        let true_ms = now.as_secs_f64() * 1000.0 / (1.0 + trace.drift_ppm * 1e-6);
        if (true_ms * 1000.0) as u64 > end_us {
            break;
        }
        while let Some(entry) = arrivals.first_entry()
            && *entry.key() <= (true_ms * 1000.0) as u64
        {
            for arrival in entry.remove() {
                playback.insert(&arrival.header, arrival.payload, now);
            }
        }
        playback.render(&mut quantum, now);
        if keeps_from_ms.is_some_and(|from_ms| true_ms >= from_ms) {
            samples.extend_from_slice(&quantum);
        }
        if let Some(stream) = playback.stream_statistics(STREAM).filter(|stream| stream.playing) {
            let played_ms = stream.timestamp_next.cast_signed() as f64 / 48.0;
            let quantum_ms = QUANTUM as f64 / 48.0;
            let off_ms = (stream.delay_samples - stream.target_samples.cast_signed()) as f64 / 48.0;
            meter.note(true_ms, true_ms + quantum_ms - played_ms - path_ms, off_ms);
        }
    }
    let spoken = trace.passages.len() as f64 * trace.frame_ms * 48.0;
    let counters = playback.statistics().counters;
    let percent = |samples: u64| 100.0 * samples as f64 / spoken;
    let (delay_ms, delay_p95_ms) = meter.delay();
    Ok(Heard {
        delay_ms,
        delay_p95_ms,
        concealed_percent: percent(counters.samples_concealed_total),
        discarded_percent: percent(counters.samples_discarded_total),
        stretched_percent: percent(counters.samples_accelerated_total + counters.samples_slowed_total),
        discarded_ms: counters.samples_discarded_total as f64 / 48.0,
        underruns: counters.underruns_total,
        off_target_ms: meter.off_target_ms,
        lags_ms: meter.lags_ms,
        samples,
    })
}

/// When what arrives, in µs. Timestamps follow the sequence; where nothing was sent for a while, they
/// follow the clock, as the product's do.
fn schedule<'a>(trace: &Trace, speech: &'a Speech, begin_ms: f64) -> BTreeMap<u64, Vec<Arrival<'a>>> {
    let mut arrivals: BTreeMap<u64, Vec<Arrival<'_>>> = BTreeMap::new();
    let frame_samples = (trace.frame_ms * 48.0) as u64;
    let mut timestamp = 0u64;
    for (index, passage) in trace.passages.iter().enumerate() {
        let has_paused = trace.follows_pause(index);
        if let Some(before) = index.checked_sub(1).map(|before| &trace.passages[before]) {
            let steps = u64::from(passage.sequence - before.sequence);
            timestamp += if has_paused { ((passage.sent_ms - before.sent_ms) * 48.0) as u64 } else { steps * frame_samples };
        }
        let ends = index + 1 == trace.passages.len() || trace.follows_pause(index + 1);
        let Some(arrived_ms) = passage.arrived_ms else { continue };
        // One of the two sits beside the server.
        let server_ms = if trace.way == Way::Up { arrived_ms } else { passage.sent_ms };
        let frame = &speech.frames[passage.sequence as usize % speech.frames.len()];
        let header = PacketHeader {
            stream: STREAM,
            sequence: passage.sequence,
            timestamp,
            arrival_ms: (server_ms - begin_ms) as u64,
            duration_samples: frame.duration_samples,
            level_dbov: frame.level_dbov,
            flags: if has_paused { FLAG_TALKSPURT_START } else { 0 } | if ends { FLAG_TALKSPURT_END } else { 0 },
        };
        let at_us = ((arrived_ms - begin_ms) * 1000.0).max(0.0) as u64;
        arrivals.entry(at_us).or_default().push(Arrival { header, payload: &frame.payload });
    }
    debug_assert!((speech.frame_ms - trace.frame_ms).abs() < 0.1);
    arrivals
}

/// Lags, a bucket per half millisecond, and second by second.
#[derive(Default)]
struct Meter {
    buckets: Vec<u64>,
    sum_ms: f64,
    count: u64,
    second: u64,
    second_off_ms: f64,
    second_lag_ms: f64,
    second_count: u64,
    off_target_ms: f64,
    lags_ms: Vec<(f64, f64)>,
}

impl Meter {
    fn note(&mut self, at_ms: f64, delay_ms: f64, off_ms: f64) {
        let bucket = (delay_ms * 2.0).clamp(0.0, 20_000.0) as usize;
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        self.sum_ms += delay_ms;
        self.count += 1;
        let second = (at_ms / 1000.0) as u64;
        if second != self.second && self.second_count > 0 {
            let count = self.second_count as f64;
            // The first seconds find out what the way is like.
            if self.second >= 5 {
                self.off_target_ms = self.off_target_ms.max((self.second_off_ms / count).abs());
            }
            self.lags_ms.push((self.second as f64, self.second_lag_ms / count));
            (self.second_off_ms, self.second_lag_ms, self.second_count) = (0.0, 0.0, 0);
        }
        self.second = second;
        self.second_off_ms += off_ms;
        self.second_lag_ms += delay_ms;
        self.second_count += 1;
    }

    fn delay(&self) -> (f64, f64) {
        let mut reached = 0;
        let p95 = self.buckets.iter().position(|count| {
            reached += count;
            reached as f64 >= 0.95 * self.count as f64
        });
        (self.sum_ms / self.count.max(1) as f64, p95.unwrap_or(0) as f64 / 2.0)
    }
}
