//! One speaker's voice, from packets to samples at 48 kHz.
//!
//! Gathers the situation, asks [`crate::decide`] and does what it says. It refuses to know
//! other streams, the mix and the device. Contract of the audio thread: after `new` it must
//! not allocate, free, lock or log; whatever a packet holds, it conceals and counts.

use std::time::Duration;

use crate::codec::{CONCEAL_SAMPLES_STEP, CodecError, Decoder, PACKET_SAMPLES_MAX};
use crate::conceal::{FADE_SAMPLES, Fader};
use crate::decide::{Decision, Next, Situation, decide};
use crate::delay::Target;
use crate::fifo::Fifo;
use crate::jitter::{Buffer, Placed, Waiting, ahead};
use crate::level::LEVEL_DBOV_SILENCE;
use crate::mixer::Gain;
use crate::packet::{FLAG_TALKSPURT_END, FLAG_TALKSPURT_START, PacketHeader};
use crate::playback::Inserted;
use crate::statistics::{Counters, StreamStatistics};

/// Decoded samples that may wait to be mixed: what is left of one packet and the longest packet
/// or pause behind it.
const DECODED_SAMPLES_MAX: usize = 16_384;

/// A stream with less than this decoded, in samples, is decoded one packet ahead when there is
/// time for it: 20 ms.
const DECODE_AHEAD_SAMPLES: usize = 960;

/// The length of a frame as long as none was decoded, in samples.
const FRAME_SAMPLES_START: u32 = 960;

/// Two packets' worth of samples to work in, shared by all streams.
pub(crate) struct Scratch {
    first: Box<[f32; PACKET_SAMPLES_MAX]>,
    second: Box<[f32; PACKET_SAMPLES_MAX]>,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { first: Box::new([0.0; PACKET_SAMPLES_MAX]), second: Box::new([0.0; PACKET_SAMPLES_MAX]) }
    }
}

/// A place for one speaker; reused for the next when it is closed.
pub(crate) struct Stream {
    id: Option<u32>,
    /// Closed by the caller; what was sounding is fading out.
    closing: bool,
    decoder: Decoder,
    buffer: Buffer,
    decoded: Fifo,
    target: Target,
    fader: Fader,
    pub(crate) gain: Gain,
    pub(crate) counters: Counters,
    playing: bool,
    /// The timestamp after what was decoded or concealed last.
    cursor: u64,
    /// The sequence whose turn is next; older ones are late.
    next_sequence: Option<u32>,
    frame_samples: u32,
    ended: bool,
    /// Since when nothing was there to play in a talkspurt, until something plays again.
    dry_since: Option<Duration>,
    /// Made up while dry; a packet that turns out lost is thereby already concealed.
    stalled_samples: u32,
    /// Since when a packet has been waiting for a talkspurt to begin.
    waiting_since: Option<Duration>,
    last_packet_at: Duration,
    level_dbov: u8,
}

impl Stream {
    /// A free place.
    pub(crate) fn new() -> Result<Self, CodecError> {
        Ok(Self {
            id: None,
            closing: false,
            decoder: Decoder::new()?,
            buffer: Buffer::new(),
            decoded: Fifo::new(DECODED_SAMPLES_MAX),
            target: Target::new(),
            fader: Fader::new(),
            gain: Gain::new(),
            counters: Counters::default(),
            playing: false,
            cursor: 0,
            next_sequence: None,
            frame_samples: FRAME_SAMPLES_START,
            ended: false,
            dry_since: None,
            stalled_samples: 0,
            waiting_since: None,
            last_packet_at: Duration::ZERO,
            level_dbov: LEVEL_DBOV_SILENCE,
        })
    }

    /// Whose place this is; `None` when it is free or fading out.
    pub(crate) fn id(&self) -> Option<u32> {
        self.id.filter(|_| !self.closing)
    }

    pub(crate) fn is_free(&self) -> bool {
        self.id.is_none()
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    /// When the last packet came, where this place could be given away without anybody noticing:
    /// nothing waits or sounds, and its listener set no volume of his own.
    pub(crate) fn idle_since(&self) -> Option<Duration> {
        let unused = !self.playing && self.buffer.len() == 0 && self.gain.target() == 1.0;
        unused.then_some(self.last_packet_at)
    }

    /// Takes the place for a new speaker, as if new.
    pub(crate) fn open(&mut self, id: u32, now: Duration) {
        self.free();
        self.id = Some(id);
        self.last_packet_at = now;
    }

    /// Lets the speaker go; a sound that lasts fades out first.
    pub(crate) fn close(&mut self) {
        self.closing = true;
        self.ended = true;
        self.buffer.clear();
        if !self.playing {
            self.free();
        }
    }

    /// Forgets everything about the speaker and keeps the memory.
    fn free(&mut self) {
        self.restart();
        self.id = None;
        self.closing = false;
        self.decoded.clear();
        self.target = Target::new();
        self.fader = Fader::new();
        self.gain = Gain::new();
        self.counters = Counters::default();
        self.frame_samples = FRAME_SAMPLES_START;
        self.level_dbov = LEVEL_DBOV_SILENCE;
    }

    /// The speaker counts anew: what waits belongs to a past that has no order with the present.
    fn restart(&mut self) {
        self.buffer.clear();
        self.decoder.reset();
        self.playing = false;
        self.fader.silence();
        self.next_sequence = None;
        self.ended = false;
        self.dry_since = None;
        self.stalled_samples = 0;
        self.waiting_since = None;
    }

    /// Takes a packet of `samples` samples in.
    pub(crate) fn insert(&mut self, header: &PacketHeader, samples: u32, payload: &[u8], now: Duration) -> Inserted {
        self.last_packet_at = now;
        if self.buffer.is_elsewhere(header.sequence) {
            self.restart();
        }
        if self.buffer.was_seen(header.sequence) {
            self.counters.packets_duplicate_total += 1;
            return Inserted::Duplicate;
        }
        if self.next_sequence.is_some_and(|next| ahead(header.sequence, next) < 0) {
            self.counters.packets_late_total += 1;
            return Inserted::Late;
        }
        let placed = self.buffer.insert(header, samples, payload);
        self.counters.packets_queued_total += 1;
        self.target.handle_arrival(header.sequence, header.timestamp, now);
        self.handle_dry_end(header, now);
        if !self.playing {
            self.waiting_since.get_or_insert(now);
        }
        match placed {
            Placed::Queued => Inserted::Queued,
            Placed::Duplicate => Inserted::Duplicate,
            Placed::Displaced(samples) => {
                self.counters.packets_overflow_total += 1;
                self.counters.samples_discarded_total += u64::from(samples);
                Inserted::Overflow
            }
        }
    }

    /// A packet came after playout had run dry. If it goes on where playout stopped, it was
    /// late; if the speaker paused meanwhile, nothing was missing.
    fn handle_dry_end(&mut self, header: &PacketHeader, now: Duration) {
        let Some(dry_since) = self.dry_since else { return };
        let in_sequence = self.next_sequence == Some(header.sequence);
        let in_time = header.timestamp == self.cursor;
        if in_sequence && in_time {
            self.target.handle_lateness(now.saturating_sub(dry_since), now);
        }
        if !in_sequence || in_time {
            self.counters.underruns_total += 1;
        }
        self.dry_since = None;
    }

    /// Fills `output` with this voice at 48 kHz; whether any of it is sound.
    pub(crate) fn render(&mut self, output: &mut [f32], now: Duration, scratch: &mut Scratch) -> bool {
        let mut filled = 0;
        loop {
            filled += self.decoded.pop(&mut output[filled..]);
            if filled == output.len() {
                return true;
            }
            let decision = decide(&self.situation(now));
            if decision == Decision::Wait {
                break;
            }
            self.execute(decision, now, scratch);
        }
        output[filled..].fill(0.0);
        if self.closing {
            self.free();
        }
        filled > 0
    }

    /// Decodes one packet before it is needed, if the next is there and little is left.
    pub(crate) fn decode_ahead(&mut self, now: Duration, scratch: &mut Scratch) -> bool {
        if !self.playing || self.decoded.len() >= DECODE_AHEAD_SAMPLES {
            return false;
        }
        let decision = decide(&self.situation(now));
        if decision == Decision::Decode {
            self.execute(decision, now, scratch);
        }
        decision == Decision::Decode
    }

    fn situation(&mut self, now: Duration) -> Situation {
        self.settle_stall();
        let last = self.buffer.last();
        Situation {
            playing: self.playing,
            buffered_samples: self.buffered_samples(),
            target_samples: u64::from(self.target.samples()),
            waited: self.waiting_since.map_or(Duration::ZERO, |since| now.saturating_sub(since)),
            end_waits: last.is_some_and(|last| last.flags & FLAG_TALKSPURT_END != 0),
            ended: self.ended,
            concealed_samples: self.fader.concealed_samples(),
            ran_dry: self.stalled_samples > 0,
            frame_samples: self.frame_samples,
            next: self.buffer.first().map(|first| Next {
                gap_samples: first.timestamp.wrapping_sub(self.cursor).cast_signed(),
                // What is missing behind an announced end was no sound.
                follows_loss: !self.ended && self.next_sequence != Some(first.sequence),
            }),
        }
    }

    /// Where packets turn out to be lost, the sound made up while waiting for them has already
    /// taken their place in time.
    fn settle_stall(&mut self) {
        let Some(first) = self.buffer.first() else { return };
        let gap = first.timestamp.wrapping_sub(self.cursor).cast_signed();
        if let Ok(gap) = u32::try_from(gap.clamp(0, i64::from(u32::MAX)))
            && gap > 0
            && self.stalled_samples > 0
        {
            self.cursor = self.cursor.wrapping_add(u64::from(gap.min(self.stalled_samples)));
            self.stalled_samples = 0;
        }
    }

    fn execute(&mut self, decision: Decision, now: Duration, scratch: &mut Scratch) {
        match decision {
            Decision::Wait => {}
            Decision::Start { discard } => self.start(discard),
            Decision::Decode => self.play_next(scratch),
            Decision::Shed { samples } => self.shed(samples, scratch),
            Decision::Conceal { samples } => {
                let made_up = self.conceal(samples as usize, scratch);
                self.cursor = self.cursor.wrapping_add(u64::from(made_up));
            }
            Decision::Stall { samples } => {
                self.dry_since = self.dry_since.or_else(|| (self.buffer.len() == 0).then_some(now));
                self.stalled_samples += self.conceal(samples as usize, scratch);
            }
            Decision::Pause { samples } => self.pause(samples, scratch),
            Decision::Stop => self.stop(now, scratch),
        }
    }

    fn start(&mut self, mut discard: u64) {
        while let Some(first) = self.buffer.first()
            && self.buffer.len() > 1
            && u64::from(first.samples) <= discard
        {
            discard -= u64::from(first.samples);
            self.discard_first();
        }
        if let Some(first) = self.buffer.first() {
            self.cursor = first.timestamp;
            self.next_sequence = Some(first.sequence);
        }
        self.playing = true;
        self.ended = false;
        self.dry_since = None;
        self.stalled_samples = 0;
        self.waiting_since = None;
    }

    fn play_next(&mut self, scratch: &mut Scratch) {
        let Some((packet, length)) = self.decode_first(&mut scratch.first) else { return };
        match length {
            Some(length) => {
                let samples = &mut scratch.first[..length];
                self.fader.pass(samples);
                self.decoded.push(samples);
            }
            None => {
                self.conceal(packet.samples as usize, scratch);
            }
        }
    }

    /// Takes the first packet out and decodes it; time moves to its end. The inner `None` says
    /// that libopus refused it.
    fn decode_first(&mut self, output: &mut [f32; PACKET_SAMPLES_MAX]) -> Option<(Waiting, Option<usize>)> {
        let first = self.buffer.first()?;
        if first.flags & FLAG_TALKSPURT_START != 0 {
            self.decoder.reset();
        }
        let length = self.decoder.decode(self.buffer.first_payload(), output);
        match length {
            Some(length) => self.counters.samples_decoded_total += length as u64,
            None => self.counters.packets_undecodable_total += 1,
        }
        self.buffer.remove_first();
        self.cursor = first.timestamp.wrapping_add(u64::from(first.samples));
        self.next_sequence = Some(first.sequence.wrapping_add(1));
        self.frame_samples = first.samples;
        self.level_dbov = first.level_dbov;
        self.ended = first.flags & FLAG_TALKSPURT_END != 0;
        self.stalled_samples = 0;
        Some((first, length))
    }

    /// Throws away the first packet unheard.
    fn discard_first(&mut self) {
        if let Some(first) = self.buffer.remove_first() {
            self.counters.samples_discarded_total += u64::from(first.samples);
        }
    }

    /// Leaves out about `samples` samples: the packet that would have come next is faded into
    /// the one that comes after the cut.
    fn shed(&mut self, samples: u64, scratch: &mut Scratch) {
        let Some((packet, old_length)) = self.decode_first(&mut scratch.first) else { return };
        let mut left_out = u64::from(packet.samples);
        while let Some(first) = self.buffer.first()
            && self.buffer.len() > 1
            && left_out < samples
        {
            left_out += u64::from(first.samples);
            if left_out >= samples || self.buffer.len() == 2 {
                // The last one left out brings the decoder's state to where the cut ends.
                self.decode_first(&mut scratch.second);
            } else {
                self.buffer.remove_first();
            }
        }
        let new_length = self.decode_first(&mut scratch.second).and_then(|(_, length)| length);
        let (Some(old_length), Some(new_length)) = (old_length, new_length) else {
            self.conceal(packet.samples as usize, scratch);
            return;
        };
        self.counters.samples_discarded_total += left_out;
        let fade = old_length.min(new_length).min(FADE_SAMPLES as usize);
        for index in 0..fade {
            let position = (index as f32 + 0.5) / fade as f32;
            let rise = 0.5 - 0.5 * (std::f32::consts::PI * position).cos();
            scratch.second[index] = scratch.first[index] * (1.0 - rise) + scratch.second[index] * rise;
        }
        let samples = &mut scratch.second[..new_length];
        self.fader.pass(samples);
        self.decoded.push(samples);
    }

    /// Makes up sound, in steps of 2.5 ms; how many samples it became.
    fn conceal(&mut self, samples: usize, scratch: &mut Scratch) -> u32 {
        let length = samples.min(PACKET_SAMPLES_MAX) / CONCEAL_SAMPLES_STEP * CONCEAL_SAMPLES_STEP;
        let made_up = &mut scratch.first[..length];
        self.decoder.conceal(made_up);
        self.fader.conceal(made_up);
        self.decoded.push(made_up);
        self.counters.samples_concealed_total += length as u64;
        u32::try_from(length).expect("a packet is at most 5,760 samples")
    }

    /// Silence between two packets, the first part of it a fade.
    fn pause(&mut self, samples: u64, scratch: &mut Scratch) {
        let faded = self.fade_out(samples, scratch);
        let mut silence = samples - faded;
        scratch.first.fill(0.0);
        while silence > 0 {
            let length = silence.min(PACKET_SAMPLES_MAX as u64);
            self.decoded.push(&scratch.first[..length as usize]);
            silence -= length;
        }
        if let Some(first) = self.buffer.first() {
            if !self.ended && self.next_sequence != Some(first.sequence) {
                self.counters.samples_concealed_total += samples;
            }
            self.cursor = first.timestamp;
            self.next_sequence = Some(first.sequence);
        }
        self.fader.silence();
        self.stalled_samples = 0;
    }

    fn stop(&mut self, now: Duration, scratch: &mut Scratch) {
        self.fade_out(u64::from(FADE_SAMPLES), scratch);
        self.fader.silence();
        self.playing = false;
        self.stalled_samples = 0;
        self.waiting_since = (self.buffer.len() > 0).then_some(now);
    }

    /// Ends what sounds within 10 ms, or `samples` if that is less; how long it took.
    fn fade_out(&mut self, samples: u64, scratch: &mut Scratch) -> u64 {
        if self.fader.is_silent() {
            return 0;
        }
        let samples = samples.min(u64::from(FADE_SAMPLES)) as usize;
        let length = samples / CONCEAL_SAMPLES_STEP * CONCEAL_SAMPLES_STEP;
        let tail = &mut scratch.first[..length];
        self.decoder.conceal(tail);
        self.fader.end(tail);
        self.decoded.push(tail);
        length as u64
    }

    fn buffered_samples(&self) -> u64 {
        self.buffer.samples() + self.decoded.len() as u64
    }

    /// What there is to say about this stream; `None` when the place is free.
    pub(crate) fn statistics(&self) -> Option<StreamStatistics> {
        Some(StreamStatistics {
            stream: self.id()?,
            playing: self.playing,
            buffered_samples: self.buffered_samples(),
            target_samples: u64::from(self.target.samples()),
            jitter_samples: self.target.jitter_samples(),
            level_dbov: self.level_dbov,
            timestamp_next: self.cursor.wrapping_sub(self.decoded.len() as u64),
            counters: self.counters,
        })
    }
}
