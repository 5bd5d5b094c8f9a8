//! One speaker's voice, from packets to samples at 48 kHz.
//!
//! Gathers the situation and asks [`crate::decide`]; `stream/deeds.rs` does what it says. It
//! refuses to know other streams, the mix and the device. Contract of the audio thread: after
//! `new` it must not allocate, free, lock or log; whatever a packet holds, it conceals and counts.

mod deeds;

use std::time::Duration;

use crate::SAMPLE_RATE_HZ;
use crate::codec::{CONCEAL_SAMPLES_STEP, CodecError, Decoder, PACKET_SAMPLES_MAX};
use crate::conceal::{Comfort, Fader};
use crate::decide::{ACCELERATE_SAMPLES_MIN, Decision, Next, Situation, decide};
use crate::delay::{DelayModel, Passage, Target};
use crate::fifo::Fifo;
use crate::jitter::{Buffer, Placed, ahead};
use crate::level::LEVEL_DBOV_SILENCE;
use crate::mixer::Gain;
use crate::packet::{FLAG_PRE_ROLL, FLAG_TALKSPURT_END, PacketHeader};
use crate::playback::Inserted;
use crate::statistics::{Counters, StreamStatistics};
use crate::stretch::PERIOD_SAMPLES_MAX;

/// Decoded samples that may wait to be mixed: what is left of one packet and the longest packets
/// or pause behind it.
const DECODED_SAMPLES_MAX: usize = 24_576;

/// A stream with less than this decoded, in samples, is decoded one packet ahead when there is
/// time for it: 20 ms.
const DECODE_AHEAD_SAMPLES: usize = 960;

/// The length of a frame as long as none was decoded, in samples.
const FRAME_SAMPLES_START: u32 = 960;

/// How far ahead a pause is looked for in which a cut is not heard, in samples, and how much
/// quieter than speech it has to be, in dB.
const CUT_AHEAD_SAMPLES: u64 = 100 * crate::SAMPLES_PER_MS as u64;
const CUT_QUIETER_DB: u8 = 20;

/// Decoded samples from which on libopus knows a voice well enough to go on with it: two of the longest frames. With less it
/// makes up noise.
const KNOWN_SAMPLES_MIN: u32 = 1_920;

/// Comfort noise lasts this long after speech broke off, in samples: one second. Then the line
/// is dead, and may sound so.
const COMFORT_SAMPLES_MAX: u32 = SAMPLE_RATE_HZ;

/// What one piece of stretched sound may take: history or what was decoded ahead, the packets that
/// complete what is looked at, and room for a period more.
const PIECE_SAMPLES_MAX: usize = 2 * PERIOD_SAMPLES_MAX + DECODE_AHEAD_SAMPLES + 2 * PACKET_SAMPLES_MAX;

/// Lags are brought within this, in samples (about six hours), so that sums of them do not
/// overflow, whatever timestamps say.
const DELAY_SAMPLES_BOUND: i64 = 1 << 30;

/// Samples to work in, shared by all streams.
pub(crate) struct Scratch {
    first: Box<[f32; PACKET_SAMPLES_MAX]>,
    second: Box<[f32; PACKET_SAMPLES_MAX]>,
    piece: Box<[f32; PIECE_SAMPLES_MAX]>,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self {
            first: Box::new([0.0; PACKET_SAMPLES_MAX]),
            second: Box::new([0.0; PACKET_SAMPLES_MAX]),
            piece: Box::new([0.0; PIECE_SAMPLES_MAX]),
        }
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
    /// The last samples that went into `decoded`.
    tail: Box<[f32; PERIOD_SAMPLES_MAX]>,
    /// Decoded since the decoder was reset.
    known_samples: u32,
    target: Target,
    fader: Fader,
    comfort: Comfort,
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
    /// Silent since playout broke off in the middle of speech, in samples.
    broken_off: Option<u32>,
    /// The period stretched away last, and what was played since, in samples.
    stretched_samples: u32,
    unstretched_samples: u32,
    /// Whether what is left was made longer, since the last packet was decoded.
    was_made_last: bool,
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
            tail: Box::new([0.0; PERIOD_SAMPLES_MAX]),
            known_samples: 0,
            target: Target::new(),
            fader: Fader::new(),
            comfort: Comfort::new(),
            gain: Gain::new(),
            counters: Counters::default(),
            playing: false,
            cursor: 0,
            next_sequence: None,
            frame_samples: FRAME_SAMPLES_START,
            ended: false,
            dry_since: None,
            stalled_samples: 0,
            broken_off: None,
            stretched_samples: 0,
            unstretched_samples: 0,
            was_made_last: false,
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
        self.comfort = Comfort::new();
        self.gain = Gain::new();
        self.counters = Counters::default();
        self.frame_samples = FRAME_SAMPLES_START;
        self.level_dbov = LEVEL_DBOV_SILENCE;
    }

    /// The speaker counts anew: what waits belongs to a past that has no order with the present.
    fn restart(&mut self) {
        self.buffer.clear();
        self.decoder.reset();
        self.known_samples = 0;
        self.playing = false;
        self.fader.silence();
        self.next_sequence = None;
        self.ended = false;
        self.dry_since = None;
        self.stalled_samples = 0;
        self.broken_off = None;
        self.target.restart();
    }

    /// Takes a packet of `samples` samples in.
    pub(crate) fn insert(
        &mut self,
        header: &PacketHeader,
        samples: u32,
        payload: &[u8],
        downlink: &mut DelayModel,
        now: Duration,
    ) -> Inserted {
        self.last_packet_at = now;
        if self.buffer.is_elsewhere(header.sequence) {
            self.restart();
        }
        if self.buffer.was_seen(header.sequence) {
            self.counters.packets_duplicate_total += 1;
            return Inserted::Duplicate;
        }
        downlink.observe_server(header.arrival_ms, now);
        let passage = Passage {
            sequence: header.sequence,
            timestamp: header.timestamp,
            server_ms: header.arrival_ms,
            is_pre_roll: header.flags & FLAG_PRE_ROLL != 0,
            may_fall: !self.playing && self.buffer.len() == 0,
        };
        self.target.handle_arrival(&passage, downlink, now);
        if self.next_sequence.is_some_and(|next| ahead(header.sequence, next) < 0) {
            self.counters.packets_late_total += 1;
            return Inserted::Late;
        }
        let placed = self.buffer.insert(header, samples, payload);
        self.counters.packets_queued_total += 1;
        self.handle_dry_end(header);
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

    /// A packet came after playout had run dry. If the speaker merely paused meanwhile, nothing
    /// was missing.
    fn handle_dry_end(&mut self, header: &PacketHeader) {
        if self.dry_since.take().is_some() {
            let in_sequence = self.next_sequence == Some(header.sequence);
            let in_time = header.timestamp == self.cursor;
            self.counters.underruns_total += u64::from(!in_sequence || in_time);
        }
    }

    /// Fills `output` with this voice at 48 kHz; whether any of it is sound.
    pub(crate) fn render(&mut self, output: &mut [f32], now: Duration, scratch: &mut Scratch) -> bool {
        let mut filled = 0;
        loop {
            filled += self.decoded.pop(&mut output[filled..]);
            if filled == output.len() {
                return true;
            }
            let at = now + Duration::from_nanos(filled as u64 * 1_000_000_000 / u64::from(SAMPLE_RATE_HZ));
            let decision = decide(&self.situation(at));
            if decision == Decision::Wait {
                break;
            }
            self.execute(decision, at, scratch);
        }
        let silence = &mut output[filled..];
        silence.fill(0.0);
        let is_comforted = self.comfort(silence);
        if self.closing {
            self.free();
        }
        filled > 0 || is_comforted
    }

    /// Where speech broke off, the noise of the speaker's room goes on for a while.
    fn comfort(&mut self, silence: &mut [f32]) -> bool {
        let silent = u32::try_from(silence.len()).unwrap_or(u32::MAX);
        let lasts = self.broken_off.is_some_and(|silent| silent < COMFORT_SAMPLES_MAX) && !self.closing;
        if let Some(broken_off) = &mut self.broken_off {
            *broken_off = broken_off.saturating_add(silent);
        }
        if !lasts && !self.comfort.is_on() {
            return false;
        }
        self.comfort.add_to(silence, if lasts { 1.0 } else { 0.0 });
        true
    }

    /// Decodes one packet before it is needed, if the next is there and little is left.
    pub(crate) fn decode_ahead(&mut self, now: Duration, scratch: &mut Scratch) -> bool {
        if !self.playing || self.decoded.len() >= DECODE_AHEAD_SAMPLES {
            return false;
        }
        if self.buffer.len() == 0 && !self.ended && self.target.is_overdue(self.cursor, now) {
            return self.make_last(scratch);
        }
        let decision = decide(&self.situation(now));
        let is_ordinary = matches!(decision, Decision::Decode | Decision::Accelerate { .. } | Decision::SlowDown { .. });
        if is_ordinary {
            self.execute(decision, now, scratch);
        }
        is_ordinary
    }

    fn situation(&mut self, now: Duration) -> Situation {
        self.settle_stall();
        let stretched_percent = (self.stretched_samples * 100).checked_div(self.unstretched_samples);
        Situation {
            playing: self.playing,
            delay_samples: self.delay_samples(now),
            target_samples: i64::from(self.target.samples()),
            contiguous_samples: self.buffer.run_samples(ACCELERATE_SAMPLES_MIN) + self.decoded.len() as u64,
            is_overdue: self.is_overdue(now),
            stretched_percent: stretched_percent.unwrap_or(if self.stretched_samples == 0 { 0 } else { u32::MAX }),
            ended: self.ended,
            concealed_samples: self.fader.concealed_samples(),
            next: self.gap_samples().map(|gap| Next {
                gap_samples: gap.saturating_sub(i64::from(self.stalled_samples)),
                follows_loss: self.follows_loss(),
                precedes_pause: self.buffer.pause_is_near(CUT_AHEAD_SAMPLES, CUT_QUIETER_DB),
            }),
        }
    }

    /// Whether the packet behind all that is there should have come. Where a newer one has, it will
    /// not come any more, on an ordered transport; nor does one behind the end of a talkspurt.
    fn is_overdue(&self, now: Duration) -> bool {
        let run = self.buffer.run_samples(u64::MAX);
        let ends = self.buffer.last().is_some_and(|last| last.flags & FLAG_TALKSPURT_END != 0);
        let (Some(first), false) = (self.buffer.first(), ends || run < self.buffer.samples()) else { return false };
        self.target.is_overdue(first.timestamp.wrapping_add(run), now)
    }

    /// By how much what plays next lags behind the quickest packets; while nothing plays, the
    /// first packet that waits. In samples.
    fn delay_samples(&self, now: Duration) -> i64 {
        let first = self.buffer.first().filter(|_| !self.playing);
        let lag = match first {
            Some(first) => self.target.delay_samples(first.timestamp, now),
            None => self.target.delay_samples(self.cursor, now).saturating_add(self.decoded.len() as i64),
        };
        lag.clamp(-DELAY_SAMPLES_BOUND, DELAY_SAMPLES_BOUND)
    }

    /// Sound made up while waiting takes the place of what was missing, once it is as long: until then
    /// a packet that only overtook another may still be overtaken by it.
    fn settle_stall(&mut self) {
        let Some(gap) = self.gap_samples() else { return };
        let Ok(gap) = u32::try_from(gap.min(i64::from(u32::MAX))) else { return };
        let is_filled = self.stalled_samples + CONCEAL_SAMPLES_STEP as u32 > gap;
        if gap > 0 && self.stalled_samples > 0 && (is_filled || !self.follows_loss()) {
            self.cursor = self.cursor.wrapping_add(u64::from(gap.min(self.stalled_samples)));
            self.stalled_samples = 0;
        }
    }

    /// From the end of what was played to the beginning of what waits.
    fn gap_samples(&self) -> Option<i64> {
        self.buffer.first().map(|first| first.timestamp.wrapping_sub(self.cursor).cast_signed())
    }

    /// Whether packets are missing before the first that waits. What is missing behind an announced
    /// end was no sound.
    fn follows_loss(&self) -> bool {
        let first = self.buffer.first();
        !self.ended && first.is_some_and(|first| self.next_sequence != Some(first.sequence))
    }

    fn buffered_samples(&self) -> u64 {
        self.buffer.samples() + self.decoded.len() as u64
    }

    /// What there is to say about this stream at `now`; `None` when the place is free.
    pub(crate) fn statistics(&self, now: Duration) -> Option<StreamStatistics> {
        Some(StreamStatistics {
            stream: self.id()?,
            playing: self.playing,
            buffered_samples: self.buffered_samples(),
            delay_samples: self.delay_samples(now),
            target_samples: u64::from(self.target.samples()),
            jitter_samples: self.target.jitter_samples(),
            level_dbov: self.level_dbov,
            timestamp_next: self.cursor.wrapping_sub(self.decoded.len() as u64),
            counters: self.counters,
        })
    }
}
