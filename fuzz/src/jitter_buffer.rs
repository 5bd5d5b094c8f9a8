//! A listener's sound: the first two bytes choose device and places, what follows are packets that arrive and sound that is
//! asked for (`Op::read`).
//!
//! What must hold: no panic; every sample that is asked for is written, finite and within full scale; once the pipeline is
//! made, nothing is allocated or freed; what waits is bounded; each packet is counted once, as what became of it, and waits if
//! it was queued; and a while after the last packet nothing waits any more, unless a speaker's clock was absurd.

use std::sync::LazyLock;
use std::time::Duration;

use dais_audio::codec::packet_samples;
use dais_audio::{
    CaptureConfig, CapturePipeline, Counters, EncodedFrame, Inserted, OpusEncoder, PacketHeader, PlaybackConfig,
    PlaybackPipeline, PlaybackStatistics, StreamStatistics,
};

use crate::allocator::measured;

/// Sound that one input may ask for: more takes time and shows nothing new.
const RENDERED_MAX: Duration = Duration::from_secs(1);
/// What waits in one stream, in samples: 64 packets of 120 ms, and half a second that is decoded.
const BUFFERED_SAMPLES_MAX: u64 = 64 * 5_760 + 24_576;
/// By then everything has been played or given up: half a second for the longest pause and the largest target, and as
/// long as the decoded sound lasts. Behind that, a packet is played when its speaker's clock says, by any of its packets: see
/// [`Listener::transits_ms`].
const DRAINED_WITHIN: Duration = Duration::from_millis(1_500);

/// A sequence this far from the newest belongs to another count.
const SEQUENCES_REMEMBERED: u32 = 128;

const RATES_HZ: [u32; 5] = [48_000, 44_100, 8_000, 16_000, 96_000];
const STREAMS: usize = 6;
/// What is rendered at once, in samples: a quantum, odd numbers, and more than a block.
const LENGTHS: [usize; 8] = [128, 1, 441, 480, 127, 256, 1_024, 2_880];

/// Two seconds of something like a voice, in frames of 10 ms and of 20 ms.
static FRAMES: LazyLock<[Vec<EncodedFrame>; 2]> = LazyLock::new(|| [480, 960].map(frames));

fn frames(frame_samples: u32) -> Vec<EncodedFrame> {
    let config = CaptureConfig { frame_samples, complexity: 1, ..CaptureConfig::new(48_000) };
    let mut capture = CapturePipeline::new(config, OpusEncoder::boxed).expect("the product's own settings");
    let wave = |n: f32| (n * 0.02).sin() * 0.4 + (n * 0.11).sin() * 0.2;
    // A word, a pause, a word.
    let samples: Vec<f32> = (0..96_000u32).map(|n| if n / 24_000 == 1 { 0.0 } else { wave(n as f32) }).collect();
    let mut frames = Vec::new();
    for quantum in samples.chunks(128) {
        capture.push(quantum);
        frames.extend(std::iter::from_fn(|| capture.poll_frame()));
    }
    frames
}

pub(crate) fn run(data: &[u8]) {
    let Some((&[device, places], mut rest)) = data.split_first_chunk() else { return };
    LazyLock::force(&FRAMES);
    let mut listener = Listener::new(device, places);
    while let Some(op) = Op::read(&mut rest) {
        listener.takes(&op);
    }
    listener.drains();
}

/// One thing that happens to the pipeline.
#[derive(Debug)]
enum Op<'a> {
    /// A true frame, so many after the last one of that stream in sequence, and so many ms late.
    Frame {
        stream: u8,
        is_long: bool,
        sequence_step: i8,
        late_ms: u8,
        flags: u8,
    },
    /// Any header, a true frame.
    Header {
        header: PacketHeader,
        frame: u8,
    },
    /// The next header, any payload.
    Payload {
        stream: u8,
        payload: &'a [u8],
    },
    Render {
        length: u8,
        times: u8,
    },
    /// Time goes on without sound, or jumps back.
    Pass {
        ms: i16,
    },
    Control {
        stream: u8,
        what: u8,
        value: u8,
    },
}

fn take<const N: usize>(data: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = data.split_first_chunk()?;
    *data = rest;
    Some(*head)
}

impl<'a> Op<'a> {
    fn read(data: &mut &'a [u8]) -> Option<Self> {
        let [what] = take(data)?;
        let stream = (what >> 4) % (STREAMS as u8 + 1);
        Some(match what & 0xF {
            0..=4 => {
                let [step, late_ms, flags] = take(data)?;
                let is_long = flags & 8 != 0;
                Self::Frame { stream, is_long, sequence_step: step.cast_signed(), late_ms, flags: flags & 7 }
            }
            5 => {
                let header = PacketHeader {
                    stream: u32::from(stream),
                    sequence: u32::from_le_bytes(take(data)?),
                    timestamp: u64::from_le_bytes(take(data)?),
                    arrival_ms: u64::from_le_bytes(take(data)?),
                    duration_samples: u32::from_le_bytes(take(data)?),
                    level_dbov: take::<1>(data)?[0],
                    flags: take::<1>(data)?[0],
                };
                Self::Header { header, frame: take::<1>(data)?[0] }
            }
            6 | 7 => {
                let [length] = take(data)?;
                let (payload, rest) = data.split_at_checked(usize::from(length))?;
                *data = rest;
                Self::Payload { stream, payload }
            }
            8..=12 => {
                let [length, times] = take(data)?;
                Self::Render { length, times }
            }
            13 => Self::Pass { ms: i16::from_le_bytes(take(data)?) },
            _ => {
                let [what, value] = take(data)?;
                Self::Control { stream, what, value }
            }
        })
    }
}

/// A pipeline, its clock, and what speakers have counted.
struct Listener {
    playback: PlaybackPipeline,
    rate_hz: u32,
    streams_max: usize,
    now: Duration,
    /// The latest that `now` has been.
    latest: Duration,
    /// A header came that no speaker's clock explains: its packet may be due in a thousand years.
    is_timeless: bool,
    rendered: Duration,
    sequences: [u32; STREAMS + 1],
    /// Negative steps lead back no further than the beginning.
    timestamps: [u64; STREAMS + 1],
    /// The least and the greatest time from a packet's timestamp to its arrival: so far apart are the times that a speaker's
    /// packets give for one sample.
    transits_ms: Option<(i64, i64)>,
    /// The newest sequence that was queued.
    newest: [Option<u32>; STREAMS + 1],
    before: PlaybackStatistics,
    samples_asked: u64,
    output: Vec<f32>,
}

impl Listener {
    fn new(device: u8, places: u8) -> Self {
        let rate_hz = RATES_HZ[usize::from(device) % RATES_HZ.len()];
        let streams_max = 1 + usize::from(places % 4);
        let playback = PlaybackPipeline::new(PlaybackConfig { device_rate_hz: rate_hz, streams_max }).expect("lawful");
        Self {
            before: playback.statistics(),
            playback,
            rate_hz,
            streams_max,
            now: Duration::from_secs(1),
            latest: Duration::ZERO,
            is_timeless: false,
            rendered: Duration::ZERO,
            sequences: [100; STREAMS + 1],
            timestamps: [48_000; STREAMS + 1],
            transits_ms: None,
            newest: [None; STREAMS + 1],
            samples_asked: 0,
            output: vec![0.0; 2_880],
        }
    }

    fn takes(&mut self, op: &Op<'_>) {
        match *op {
            Op::Frame { stream, is_long, sequence_step, late_ms, flags } => {
                let frames = &FRAMES[usize::from(is_long)];
                let mut header = self.next_header(stream, if is_long { 960 } else { 480 }, sequence_step);
                header.arrival_ms = header.arrival_ms.saturating_sub(u64::from(late_ms));
                header.flags = flags;
                let frame = &frames[header.sequence as usize % frames.len()];
                header.level_dbov = frame.level_dbov;
                self.inserts(&header, &frame.payload);
            }
            Op::Header { header, frame } => {
                self.is_timeless = true;
                let frames = &FRAMES[usize::from(frame & 1)];
                self.inserts(&header, &frames[usize::from(frame) % frames.len()].payload);
            }
            Op::Payload { stream, payload } => {
                let header = self.next_header(stream, 960, 1);
                self.inserts(&header, payload);
            }
            Op::Render { length, times } => {
                for _ in 0..=times % 16 {
                    if self.rendered < RENDERED_MAX {
                        self.renders(LENGTHS[usize::from(length) % LENGTHS.len()]);
                    }
                }
            }
            Op::Pass { ms } if ms >= 0 => self.now += Duration::from_millis(ms.unsigned_abs().into()),
            Op::Pass { ms } => self.now = self.now.saturating_sub(Duration::from_millis(ms.unsigned_abs().into())),
            Op::Control { stream, what, value } => self.controls(u32::from(stream), what, value),
        }
        self.latest = self.latest.max(self.now);
        self.holds();
    }

    fn next_header(&mut self, stream: u8, samples: u32, step: i8) -> PacketHeader {
        let place = usize::from(stream);
        self.sequences[place] = self.sequences[place].wrapping_add_signed(step.into());
        self.timestamps[place] = self.timestamps[place].saturating_add_signed(i64::from(step) * i64::from(samples));
        PacketHeader {
            stream: stream.into(),
            sequence: self.sequences[place],
            timestamp: self.timestamps[place],
            arrival_ms: self.now.as_millis() as u64,
            duration_samples: samples,
            level_dbov: 40,
            flags: 0,
        }
    }

    fn inserts(&mut self, header: &PacketHeader, payload: &[u8]) {
        let waited = self.waiting(header.stream);
        let transit_ms = (self.now.as_millis() as i64).wrapping_sub_unsigned(header.timestamp / 48);
        let (least_ms, most_ms) = self.transits_ms.unwrap_or((transit_ms, transit_ms));
        self.transits_ms = Some((least_ms.min(transit_ms), most_ms.max(transit_ms)));
        let (playback, now) = (&mut self.playback, self.now);
        let (inserted, usage) = measured(|| playback.insert(header, payload, now));
        assert_eq!(usage.calls, 0, "a packet is taken in without the allocator");
        let after = self.playback.statistics();
        let (before, now) = (outcomes(&self.before), outcomes(&after));
        let mut expected = before;
        let became = match inserted {
            Inserted::Queued | Inserted::Overflow => 0,
            Inserted::Duplicate => 1,
            Inserted::Late => 2,
            Inserted::TooLarge | Inserted::Malformed => 3,
            Inserted::NoFreeStream => 4,
        };
        expected[became] += 1;
        assert_eq!(now, expected, "queued, duplicate, late, invalid, unplaced, after {inserted:?}");
        let is_overflow = u64::from(inserted == Inserted::Overflow);
        let thrown_out = after.counters.packets_overflow_total - self.before.counters.packets_overflow_total;
        assert_eq!(thrown_out, is_overflow, "an overflow throws one packet out, and nothing else does");
        self.waits_longer(header, payload, waited, inserted);
    }

    /// What waits in a stream, in samples; nothing where there is none.
    fn waiting(&self, stream: u32) -> Option<u64> {
        self.playback.stream_statistics(stream).map(|stream| stream.buffered_samples)
    }

    /// A packet that is queued waits, and nothing that waited is gone for it, unless the stream counts anew.
    fn waits_longer(&mut self, header: &PacketHeader, payload: &[u8], waited: Option<u64>, inserted: Inserted) {
        let newest = &mut self.newest[header.stream as usize];
        let ahead = newest.filter(|_| waited.is_some()).map(|newest| header.sequence.wrapping_sub(newest).cast_signed());
        let is_new_count = ahead.is_none_or(|ahead| ahead.unsigned_abs() >= SEQUENCES_REMEMBERED);
        if matches!(inserted, Inserted::Queued | Inserted::Overflow) && (is_new_count || ahead.is_some_and(|ahead| ahead > 0)) {
            *newest = Some(header.sequence);
        }
        if is_new_count {
            return;
        }
        let samples = packet_samples(payload).map_or(0, u64::from);
        let (waited, waits) = (waited.unwrap_or(0), self.waiting(header.stream).unwrap_or(0));
        match inserted {
            Inserted::Queued => assert_eq!(waits, waited + samples, "queued, and something else is gone"),
            Inserted::Overflow => assert!(waits < waited + samples, "thrown out, and it still waits"),
            _ => assert_eq!(waits, waited, "{inserted:?}, and what waits is another"),
        }
    }

    fn renders(&mut self, samples: usize) {
        let lasts = Duration::from_secs_f64(samples as f64 / f64::from(self.rate_hz));
        self.rendered += lasts;
        let output = &mut self.output[..samples];
        output.fill(f32::NAN);
        let (playback, now) = (&mut self.playback, self.now);
        let ((), usage) = measured(|| playback.render(output, now));
        assert_eq!(usage.calls, 0, "sound is made without the allocator");
        let is_sound = |sample: &f32| (-1.0..=1.0).contains(sample);
        assert!(output.iter().all(is_sound), "{:?} leaves full scale", output.iter().find(|sample| !is_sound(sample)));
        self.now += lasts;
        self.samples_asked += samples as u64;
    }

    fn controls(&mut self, stream: u32, what: u8, value: u8) {
        let playback = &mut self.playback;
        let now = self.now;
        let ((), usage) = measured(|| match what % 5 {
            0 => playback.close_stream(stream),
            1 => drop(playback.open_stream(stream)),
            2 => playback.set_gain(stream, [0.0, 1.0, 4.0, f32::NAN, f32::INFINITY, -1.0, 1e-30, 0.3][usize::from(value % 8)]),
            3 => playback.handle_clock((now.as_millis() as u64).wrapping_sub(1 << (value % 64)), now),
            _ => playback.set_step([0, 128, 480, 4_096, usize::MAX][usize::from(value % 5)]),
        });
        assert_eq!(usage.calls, 0, "and played with without the allocator");
    }

    /// What holds whatever has come.
    fn holds(&mut self) {
        let now = self.playback.statistics();
        assert!(now.streams_open <= self.streams_max, "{} streams", now.streams_open);
        assert_eq!(now.samples_rendered_total, self.samples_asked, "what was asked for was given");
        for (before, now) in totals(&self.before.counters).into_iter().zip(totals(&now.counters)) {
            assert!(before <= now, "a total shrank: {:?}", self.before.counters);
        }
        for stream in self.playback.streams() {
            assert!(stream.buffered_samples <= BUFFERED_SAMPLES_MAX, "{stream:?}");
            assert!(stream.jitter_samples.is_finite(), "{stream:?}");
        }
        for (stream, newest) in (0..).zip(&mut self.newest) {
            // Whoever takes the place again counts anew.
            *newest = newest.filter(|_| self.playback.stream_statistics(stream).is_some());
        }
        assert_eq!(self.playback.stream_at_work(), None, "no stream is at work between calls");
        self.before = now;
    }

    /// No packet comes any more, and time goes on from the latest that it was, or from when the newest sample was captured.
    fn drains(&mut self) {
        let newest = self.timestamps.iter().map(|timestamp| Duration::from_millis(timestamp / 48)).max();
        self.now = self.now.max(self.latest).max(newest.unwrap_or_default());
        let (least_ms, most_ms) = self.transits_ms.filter(|_| !self.is_timeless).unwrap_or_default();
        let deadline = self.rendered + DRAINED_WITHIN + Duration::from_millis(most_ms.abs_diff(least_ms));
        let waits = |stream: &StreamStatistics| stream.buffered_samples > 0 || stream.playing;
        while self.playback.streams().any(|stream| waits(&stream)) && self.rendered < deadline {
            self.renders(self.rate_hz as usize / 100);
        }
        self.holds();
        let waiting = self.playback.streams().find(waits);
        assert!(self.is_timeless || waiting.is_none(), "something still waits: {waiting:?}");
    }
}

/// Queued, duplicate, late, invalid, unplaced.
fn outcomes(statistics: &PlaybackStatistics) -> [u64; 5] {
    let Counters { packets_queued_total, packets_duplicate_total, packets_late_total, packets_invalid_total, .. } =
        statistics.counters;
    let unplaced = statistics.packets_unplaced_total;
    [packets_queued_total, packets_duplicate_total, packets_late_total, packets_invalid_total, unplaced]
}

fn totals(counters: &Counters) -> [u64; 8] {
    [
        counters.packets_queued_total,
        counters.packets_undecodable_total,
        counters.samples_decoded_total,
        counters.samples_concealed_total,
        counters.samples_discarded_total,
        counters.underruns_total,
        counters.samples_accelerated_total,
        counters.samples_slowed_total,
    ]
}
