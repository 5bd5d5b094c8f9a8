//! The playback pipeline on the browser's audio thread: plain exports around
//! [`dais_audio::PlaybackPipeline`], called by `playout.js`.
//!
//! No wasm-bindgen, no imports: an audio worklet has no `TextDecoder`, and the module must be
//! instantiated synchronously. It refuses to know messages, gains that outlive it and what a
//! trap means; all that stays in JavaScript, which survives when this module does not.
//!
//! Contract of the audio thread: `dais_init` makes all memory; no later call allocates, frees,
//! locks or logs. Times are seconds of the audio context's own clock.

#![expect(unsafe_code, reason = "exports by name, and one module-wide state on a single thread")]

use std::cell::UnsafeCell;
use std::time::Duration;

use dais_audio::packet::{PACKET_BYTES_MAX, parse_packet};
use dais_audio::{Counters, Inserted, PlaybackConfig, PlaybackPipeline};

/// Samples that one call to [`dais_render`] can give; far more than any browser's quantum.
const OUTPUT_SAMPLES_MAX: usize = 4_096;

/// Voices at once, as many as a stage may seat.
const STREAMS_MAX: usize = 16;

/// Numbers about everything in front of the statistics block, at these indices:
///
/// 0 streams open · 1 packets unplaced · 2 samples rendered (device rate) · 3 samples clipped ·
/// 4–15 counters (see [`write_counters`]) · 16 rows that follow.
const TOTALS: usize = 17;

/// Numbers about one stream, in rows behind the totals:
///
/// 0 stream · 1 playing (0 or 1) · 2 samples buffered · 3 lag behind the quickest packets in
/// samples · 4 what it should be · 5 jitter in samples · 6 level in −dBov · 7 timestamp that plays
/// next · 8–19 counters. Samples are at 48 kHz.
const ROW: usize = 20;

/// All that lives in this module.
struct Module {
    pipeline: PlaybackPipeline,
    packet: [u8; PACKET_BYTES_MAX],
    output: [f32; OUTPUT_SAMPLES_MAX],
    statistics: [f64; TOTALS + ROW * STREAMS_MAX],
}

/// The one place where the module is kept between calls.
struct Global(UnsafeCell<Option<Box<Module>>>);

// SAFETY: an audio worklet is one thread, and wasm without shared memory has no other.
unsafe impl Sync for Global {}

static MODULE: Global = Global(UnsafeCell::new(None));

/// What `dais_init` made; `None` before it.
fn module() -> Option<&'static mut Module> {
    // SAFETY: one thread, and no export calls another while it holds this reference. After a
    // trap the only call made is `dais_stream_at_work`, and the interrupted one never goes on.
    unsafe { (*MODULE.0.get()).as_deref_mut() }
}

/// Seconds from JavaScript as a time; nonsense becomes zero.
fn time(now_s: f64) -> Duration {
    Duration::try_from_secs_f64(now_s).unwrap_or(Duration::ZERO)
}

/// Makes the pipeline for a device's rate in Hz: 1, or 0 where that rate cannot be served.
#[unsafe(no_mangle)]
extern "C" fn dais_init(device_rate_hz: u32) -> u32 {
    let config = PlaybackConfig { streams_max: STREAMS_MAX, ..PlaybackConfig::new(device_rate_hz) };
    let Ok(pipeline) = PlaybackPipeline::new(config) else { return 0 };
    let module = Box::new(Module {
        pipeline,
        packet: [0; PACKET_BYTES_MAX],
        output: [0.0; OUTPUT_SAMPLES_MAX],
        statistics: [0.0; TOTALS + ROW * STREAMS_MAX],
    });
    // SAFETY: one thread, and nothing else holds a reference now; see `module`.
    unsafe { *MODULE.0.get() = Some(module) };
    1
}

/// Where the next packet is to be written, [`dais_packet_capacity`] bytes; null before init.
#[unsafe(no_mangle)]
extern "C" fn dais_packet_buffer() -> *mut u8 {
    module().map_or(std::ptr::null_mut(), |module| module.packet.as_mut_ptr())
}

/// The size of the packet buffer in bytes.
#[unsafe(no_mangle)]
extern "C" fn dais_packet_capacity() -> usize {
    PACKET_BYTES_MAX
}

/// Takes in the packet in the packet buffer, `length` bytes in the layout of
/// `dais_audio::packet`: 0 queued, 1 duplicate, 2 late, 3 queued by throwing out the oldest, 4
/// no free stream, 5 too large, 6 not Opus, 7 no packet at all.
#[unsafe(no_mangle)]
extern "C" fn dais_insert(length: usize, now_s: f64) -> u32 {
    const NO_PACKET: u32 = 7;
    let Some(module) = module() else { return NO_PACKET };
    let packet = module.packet.get(..length).and_then(parse_packet);
    let Some((header, payload)) = packet else { return NO_PACKET };
    match module.pipeline.insert(&header, payload, time(now_s)) {
        Inserted::Queued => 0,
        Inserted::Duplicate => 1,
        Inserted::Late => 2,
        Inserted::Overflow => 3,
        Inserted::NoFreeStream => 4,
        Inserted::TooLarge => 5,
        Inserted::Malformed => 6,
    }
}

/// Takes in the server's time, in milliseconds of its clock: what it sent then has just arrived.
#[unsafe(no_mangle)]
extern "C" fn dais_clock(server_ms: f64, now_s: f64) {
    if let Some(module) = module() {
        // Out of range it saturates, and is no time of any server.
        module.pipeline.handle_clock(server_ms as u64, time(now_s));
    }
}

/// Where [`dais_render`] leaves its samples, 32-bit floats; null before init.
#[unsafe(no_mangle)]
extern "C" fn dais_output_buffer() -> *const f32 {
    module().map_or(std::ptr::null(), |module| module.output.as_ptr())
}

/// The size of the output buffer in samples.
#[unsafe(no_mangle)]
extern "C" fn dais_output_capacity() -> usize {
    OUTPUT_SAMPLES_MAX
}

/// Renders up to [`dais_output_capacity`] samples into the output buffer; how many.
#[unsafe(no_mangle)]
extern "C" fn dais_render(samples: usize, now_s: f64) -> usize {
    let Some(module) = module() else { return 0 };
    let samples = samples.min(OUTPUT_SAMPLES_MAX);
    module.pipeline.render(&mut module.output[..samples], time(now_s));
    samples
}

/// The device takes so many samples at once, however many [`dais_render`] is asked for.
#[unsafe(no_mangle)]
extern "C" fn dais_set_step(samples: usize) {
    if let Some(module) = module() {
        module.pipeline.set_step(samples);
    }
}

/// Reserves a place for a stream: 1, or 0 where all are taken.
#[unsafe(no_mangle)]
extern "C" fn dais_open_stream(stream: u32) -> u32 {
    module().map_or(0, |module| u32::from(module.pipeline.open_stream(stream)))
}

/// Ends a stream.
#[unsafe(no_mangle)]
extern "C" fn dais_close_stream(stream: u32) {
    if let Some(module) = module() {
        module.pipeline.close_stream(stream);
    }
}

/// Sets a stream's volume, a factor from 0 to 4.
#[unsafe(no_mangle)]
extern "C" fn dais_set_gain(stream: u32, gain: f32) {
    if let Some(module) = module() {
        module.pipeline.set_gain(stream, gain);
    }
}

/// Writes the statistics block and tells where it is; null before init. Its numbers are 64-bit
/// floats, at the indices given at [`TOTALS`] and [`ROW`].
#[unsafe(no_mangle)]
extern "C" fn dais_statistics() -> *const f64 {
    let Some(module) = module() else { return std::ptr::null() };
    let total = module.pipeline.statistics();
    let (totals, rows) = module.statistics.split_at_mut(TOTALS);
    let mut count = 0;
    for (row, stream) in rows.chunks_exact_mut(ROW).zip(module.pipeline.streams()) {
        count += 1;
        row[0] = f64::from(stream.stream);
        row[1] = f64::from(u8::from(stream.playing));
        row[2] = stream.buffered_samples as f64;
        row[3] = stream.delay_samples as f64;
        row[4] = stream.target_samples as f64;
        row[5] = f64::from(stream.jitter_samples);
        row[6] = f64::from(stream.level_dbov);
        row[7] = stream.timestamp_next as f64;
        write_counters(&mut row[8..], &stream.counters);
    }
    totals[0] = total.streams_open as f64;
    totals[1] = total.packets_unplaced_total as f64;
    totals[2] = total.samples_rendered_total as f64;
    totals[3] = total.samples_clipped_total as f64;
    write_counters(&mut totals[4..16], &total.counters);
    totals[16] = f64::from(count);
    module.statistics.as_ptr()
}

/// Counters in this order: packets queued, duplicate, late, overflowed, invalid, undecodable;
/// samples decoded, concealed, discarded; underruns; samples accelerated, slowed.
fn write_counters(numbers: &mut [f64], counters: &Counters) {
    let values = [
        counters.packets_queued_total,
        counters.packets_duplicate_total,
        counters.packets_late_total,
        counters.packets_overflow_total,
        counters.packets_invalid_total,
        counters.packets_undecodable_total,
        counters.samples_decoded_total,
        counters.samples_concealed_total,
        counters.samples_discarded_total,
        counters.underruns_total,
        counters.samples_accelerated_total,
        counters.samples_slowed_total,
    ];
    for (number, value) in numbers.iter_mut().zip(values) {
        *number = value as f64;
    }
}

/// After a trap: the stream whose packets were being worked on, or −1 for none.
#[unsafe(no_mangle)]
extern "C" fn dais_stream_at_work() -> f64 {
    module().and_then(|module| module.pipeline.stream_at_work()).map_or(-1.0, f64::from)
}

/// Traps as if a packet of `stream` had broken the decoder: for the tests that prove the page
/// survives it.
#[unsafe(no_mangle)]
extern "C" fn dais_crash(stream: u32) {
    if let Some(module) = module() {
        module.pipeline.mark_work(Some(stream));
    }
    trap();
}

#[cfg(target_arch = "wasm32")]
fn trap() -> ! {
    core::arch::wasm32::unreachable()
}

#[cfg(not(target_arch = "wasm32"))]
fn trap() -> ! {
    std::process::abort()
}
