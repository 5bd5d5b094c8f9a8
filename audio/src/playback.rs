//! Everybody's packets into one loudspeaker signal.
//!
//! Knows the streams, the mix and the device's rate. It refuses to know sockets, threads and
//! clocks: `now` is any clock, the same for all calls, and the speaker pulls by calling
//! [`PlaybackPipeline::render`]. A device asks for sound in steps, so that what arrives between two
//! of them may be told a later time than what is rendered next.
//!
//! Contract of the audio thread: all memory is made in [`PlaybackPipeline::new`]; `insert`
//! and `render` do not allocate, free, lock or log, and never fail. Whatever arrives, every
//! sample that leaves is within ±1.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::SAMPLE_RATE_HZ;
use crate::codec::{CodecError, PAYLOAD_BYTES_MAX, packet_samples, sanitize};
use crate::delay::{DelayModel, TARGET_SAMPLES_MAX};
use crate::limiter::Limiter;
use crate::packet::PacketHeader;
use crate::resample::Resampler;
use crate::statistics::{Counters, PlaybackStatistics, StreamStatistics};
use crate::stream::{Scratch, Stream};

/// Streams that a pipeline can be made for: more than a stage has seats, and about 150 kB each.
pub const STREAMS_MAX: usize = 64;

/// Samples at the device's rate that are rendered at a time; longer requests are done in turns.
const BLOCK_SAMPLES: usize = 256;

/// Packets decoded ahead in one call to `render`, so that streams whose frames end at the
/// same moment do not all need decoding in the same quantum.
const DECODED_AHEAD_MAX: usize = 4;

/// A stream that nobody closed gives its place away after this long without a packet.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// What a playback pipeline is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaybackConfig {
    /// The rate of the samples that [`PlaybackPipeline::render`] gives, in Hz.
    pub device_rate_hz: u32,
    /// Voices that may be open at once, 1 to [`STREAMS_MAX`].
    pub streams_max: usize,
}

impl PlaybackConfig {
    /// The product's default: 16 streams.
    pub fn new(device_rate_hz: u32) -> Self {
        Self { device_rate_hz, streams_max: 16 }
    }
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It waits for its turn.
    Queued,
    /// It came before; this copy is forgotten.
    Duplicate,
    /// Its turn is over.
    Late,
    /// It waits, and the oldest packet was thrown away to make room.
    Overflow,
    /// Every stream is taken by others.
    NoFreeStream,
    /// More bytes than an Opus frame can have.
    TooLarge,
    /// Not an Opus packet.
    Malformed,
}

/// All remote voices of one listener.
pub struct PlaybackPipeline {
    streams: Box<[Stream]>,
    /// The way from the server to here, which all streams share.
    downlink: DelayModel,
    device_rate_hz: u32,
    /// What the device takes at once, as far as it was told, in samples at its rate.
    step_samples: usize,
    /// Of the last call that told it.
    now: Duration,
    scratch: Scratch,
    mix: Box<[f32]>,
    voice: Box<[f32]>,
    limiter: Limiter,
    resampler: Resampler,
    /// Which stream is first to be decoded ahead: everybody in turn.
    ahead_first: usize,
    /// The stream being worked on plus one, 0 for none. Atomic so that the store is made before
    /// the work, and can be read after the work ended in a trap.
    at_work: AtomicU64,
    closed: Counters,
    packets_unplaced_total: u64,
    samples_rendered_total: u64,
}

impl std::fmt::Debug for PlaybackPipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlaybackPipeline").field("resampler", &self.resampler).finish_non_exhaustive()
    }
}

impl PlaybackPipeline {
    /// Makes every decoder and buffer there will ever be.
    ///
    /// # Errors
    /// Whatever of `config` cannot be done; see [`CodecError`].
    pub fn new(config: PlaybackConfig) -> Result<Self, CodecError> {
        let PlaybackConfig { device_rate_hz, streams_max } = config;
        if !(1..=STREAMS_MAX).contains(&streams_max) {
            return Err(CodecError::Streams { streams: streams_max });
        }
        let resampler = Resampler::new(SAMPLE_RATE_HZ, device_rate_hz)?;
        // At the beginning the resampler wants the most, but for one step between two outputs.
        let step = SAMPLE_RATE_HZ.div_ceil(device_rate_hz) as usize;
        let block_samples = resampler.input_samples_needed(BLOCK_SAMPLES) + step;
        Ok(Self {
            streams: (0..streams_max).map(|_| Stream::new()).collect::<Result<_, _>>()?,
            downlink: DelayModel::new(),
            device_rate_hz,
            step_samples: 0,
            now: Duration::ZERO,
            scratch: Scratch::new(),
            mix: vec![0.0; block_samples].into_boxed_slice(),
            voice: vec![0.0; block_samples].into_boxed_slice(),
            limiter: Limiter::new(),
            resampler,
            ahead_first: 0,
            at_work: AtomicU64::new(0),
            closed: Counters::default(),
            packets_unplaced_total: 0,
            samples_rendered_total: 0,
        })
    }

    /// Takes a packet from the network. A stream not seen before opens itself, if there is
    /// room. `now` is when it arrived here.
    pub fn insert(&mut self, header: &PacketHeader, payload: &[u8], now: Duration) -> Inserted {
        let refusal = if payload.len() > PAYLOAD_BYTES_MAX { Inserted::TooLarge } else { Inserted::Malformed };
        let samples = packet_samples(payload).filter(|_| refusal == Inserted::Malformed);
        let Some(samples) = samples else {
            match self.find(header.stream) {
                Some(index) => self.streams[index].counters.packets_invalid_total += 1,
                None => self.closed.packets_invalid_total += 1,
            }
            return refusal;
        };
        self.now = now;
        let Some(index) = self.find_or_open(header.stream, now) else {
            self.packets_unplaced_total += 1;
            return Inserted::NoFreeStream;
        };
        self.mark_work(Some(header.stream));
        let inserted = self.streams[index].insert(header, samples, payload, &mut self.downlink, now);
        self.mark_work(None);
        inserted
    }

    /// What the server sent at `server_ms`, in milliseconds of its clock, arrived at `now`: tells how
    /// late things come while nobody speaks. Packets tell the same by themselves.
    pub fn handle_clock(&mut self, server_ms: u64, now: Duration) {
        self.now = now;
        self.downlink.observe_server(server_ms, now);
    }

    /// The device takes so many samples at once, at its rate, though they are asked for in smaller parts: several calls of
    /// [`PlaybackPipeline::render`] follow each other at once, and then there is a pause.
    pub fn set_step(&mut self, samples: usize) {
        self.step_samples = samples;
    }

    /// Fills `output` with the mix: mono, at the device's rate, within ±1, any length. `now`
    /// is when this is asked for.
    pub fn render(&mut self, output: &mut [f32], now: Duration) {
        let rate_hz = f64::from(self.device_rate_hz);
        let after = |samples: usize| now + Duration::from_secs_f64(samples as f64 / rate_hz);
        let step = (self.step_samples.max(output.len()) as u64).saturating_mul(u64::from(SAMPLE_RATE_HZ))
            / u64::from(self.device_rate_hz);
        self.downlink.set_step(u32::try_from(step).unwrap_or(u32::MAX).min(TARGET_SAMPLES_MAX));
        let mut rendered = 0;
        for block in output.chunks_mut(BLOCK_SAMPLES) {
            let at = after(rendered);
            rendered += block.len();
            self.render_block(block, at);
        }
        self.samples_rendered_total += output.len() as u64;
        // What plays next is due then.
        self.now = after(rendered);
        self.decode_ahead(self.now);
    }

    fn render_block(&mut self, output: &mut [f32], now: Duration) {
        let needed = self.resampler.input_samples_needed(output.len());
        let mix = &mut self.mix[..needed];
        let voice = &mut self.voice[..needed];
        mix.fill(0.0);
        for stream in self.streams.iter_mut().filter(|stream| !stream.is_free()) {
            mark(&self.at_work, stream.id());
            if stream.render(voice, now, &mut self.scratch) {
                stream.gain.add_to(mix, voice);
            } else {
                stream.gain.settle();
            }
        }
        mark(&self.at_work, None);
        self.limiter.process(mix);
        self.resampler.process(mix, output);
        // The filter's ripple can carry a peak a little over full scale.
        output.iter_mut().for_each(|sample| *sample = sanitize(*sample));
    }

    fn decode_ahead(&mut self, now: Duration) {
        let count = self.streams.len();
        let mut decoded = 0;
        for offset in 0..count {
            let index = (self.ahead_first + offset) % count;
            let Some(id) = self.streams[index].id() else { continue };
            self.mark_work(Some(id));
            if self.streams[index].decode_ahead(now, &mut self.scratch) {
                decoded += 1;
                if decoded == DECODED_AHEAD_MAX {
                    self.ahead_first = (index + 1) % count;
                    break;
                }
            }
        }
        self.mark_work(None);
    }

    /// Reserves a place for a stream before its first packet; whether it has one now.
    pub fn open_stream(&mut self, stream: u32) -> bool {
        // A reservation is not an arrival: it has the age of the newest thing known.
        let now = self.streams.iter().filter_map(Stream::idle_since).max().unwrap_or_default();
        self.find_or_open(stream, now).is_some()
    }

    /// Ends a stream: what waits is forgotten, what sounds fades out within 10 ms of what is
    /// already decoded, and its place is free for another.
    pub fn close_stream(&mut self, stream: u32) {
        if let Some(index) = self.find(stream) {
            self.closed.add(&self.streams[index].counters);
            self.streams[index].counters = Counters::default();
            self.streams[index].close();
        }
    }

    /// Sets the volume at which a stream is mixed: a factor, 0 (silent) to 4, reached in a
    /// ramp of 20 ms. It belongs to the stream until that is closed; a stream not seen before
    /// opens, if there is room, so that its first word is heard at this volume.
    pub fn set_gain(&mut self, stream: u32, gain: f32) {
        if self.open_stream(stream)
            && let Some(index) = self.find(stream)
        {
            self.streams[index].gain.set(gain);
        }
    }

    /// Everything together.
    pub fn statistics(&self) -> PlaybackStatistics {
        let mut counters = self.closed;
        self.streams.iter().for_each(|stream| counters.add(&stream.counters));
        PlaybackStatistics {
            streams_open: self.streams.iter().filter(|stream| stream.id().is_some()).count(),
            packets_unplaced_total: self.packets_unplaced_total,
            samples_rendered_total: self.samples_rendered_total,
            samples_clipped_total: self.limiter.samples_clipped_total(),
            counters,
        }
    }

    /// One stream, if it is open.
    pub fn stream_statistics(&self, stream: u32) -> Option<StreamStatistics> {
        self.streams[self.find(stream)?].statistics(self.now)
    }

    /// Every open stream, in no particular order.
    pub fn streams(&self) -> impl Iterator<Item = StreamStatistics> {
        self.streams.iter().filter_map(|stream| stream.statistics(self.now))
    }

    /// Whose packets were being worked on: meaningful after a trap stopped a call half-way, to
    /// know whom to blame.
    pub fn stream_at_work(&self) -> Option<u32> {
        let marked = self.at_work.load(Ordering::Relaxed).checked_sub(1)?;
        u32::try_from(marked).ok()
    }

    /// Names whose packets are worked on from here, until the next call of anything else.
    pub fn mark_work(&self, stream: Option<u32>) {
        mark(&self.at_work, stream);
    }

    fn find(&self, stream: u32) -> Option<usize> {
        self.streams.iter().position(|candidate| candidate.id() == Some(stream))
    }

    /// The stream's place: its own, a free one, one that is fading out, or one that was long idle.
    fn find_or_open(&mut self, stream: u32, now: Duration) -> Option<usize> {
        if let Some(index) = self.find(stream) {
            return Some(index);
        }
        let index = (self.streams.iter().position(Stream::is_free))
            .or_else(|| self.streams.iter().position(Stream::is_closing))
            .or_else(|| self.find_idle(now))?;
        self.closed.add(&self.streams[index].counters);
        self.streams[index].open(stream, now);
        Some(index)
    }

    fn find_idle(&self, now: Duration) -> Option<usize> {
        self.streams.iter().position(|stream| stream.idle_since().is_some_and(|since| now.saturating_sub(since) > IDLE_MAX))
    }
}

/// A store that no optimiser may move behind the work it announces or drop as overwritten.
fn mark(at_work: &AtomicU64, stream: Option<u32>) {
    at_work.store(stream.map_or(0, |stream| u64::from(stream) + 1), Ordering::Relaxed);
}
