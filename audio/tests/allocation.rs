//! The audio thread's contract: once a pipeline is made, playing allocates and frees nothing,
//! whatever arrives.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(unsafe_code, reason = "counting allocations means standing in for the allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use dais_audio::{CaptureConfig, CapturePipeline, EncodedFrame, OpusEncoder, PacketHeader, PlaybackConfig, PlaybackPipeline};

thread_local! {
    /// Calls to the allocator on this thread, in either direction.
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the count is a plain cell that
// needs no allocation itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        CALLS.set(CALLS.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Calls to the allocator while `work` runs.
fn allocator_calls(work: impl FnOnce()) -> u64 {
    let before = CALLS.get();
    work();
    CALLS.get() - before
}

fn frames() -> Vec<EncodedFrame> {
    let mut capture = CapturePipeline::new(CaptureConfig::new(48_000), OpusEncoder::boxed).unwrap();
    let tone: Vec<f32> = (0..48_000 * 4).map(|n| 0.3 * (n as f32 * 0.0576).sin()).collect();
    tone.chunks(9_600)
        .flat_map(|piece| {
            capture.push(piece);
            std::iter::from_fn(|| capture.poll_frame()).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn the_count_counts() {
    let calls = allocator_calls(|| drop(std::hint::black_box(vec![1u8; 100])));
    assert_eq!(calls, 2);
}

#[test]
fn playing_allocates_nothing_through_loss_overflow_and_nonsense() {
    let frames = frames();
    let mut playback = PlaybackPipeline::new(PlaybackConfig::new(44_100)).unwrap();
    let mut quantum = [0.0; 128];
    let calls = allocator_calls(|| {
        for (tick, frame) in (0u32..).zip(&frames) {
            let now = Duration::from_millis(u64::from(tick) * 20);
            for stream in 0..20u32 {
                let header = PacketHeader {
                    stream,
                    sequence: tick,
                    timestamp: frame.timestamp,
                    arrival_ms: u64::from(tick) * 20,
                    duration_samples: frame.duration_samples,
                    level_dbov: frame.level_dbov,
                    flags: u8::from(tick % 50 == 0),
                };
                match (tick + stream) % 23 {
                    0 => {}
                    1 => {
                        playback.insert(&header, &[0xFF; 60], now);
                    }
                    2 => {
                        playback.insert(&header, &[0; 2_000], now);
                    }
                    _ => {
                        playback.insert(&header, &frame.payload, now);
                        playback.insert(&header, &frame.payload, now);
                    }
                }
            }
            // From time to time the device stops asking, and everything piles up.
            if !(60..140).contains(&tick) {
                (0..7).for_each(|_| playback.render(&mut quantum, now));
            }
        }
        playback.set_gain(3, 0.5);
        playback.close_stream(4);
        assert!(playback.open_stream(99));
        playback.render(&mut quantum, Duration::from_secs(5));
        assert_eq!(playback.streams().count(), playback.statistics().streams_open);
    });
    let counters = playback.statistics().counters;
    println!("{counters:?}");
    assert!(counters.packets_overflow_total > 0 && counters.samples_concealed_total > 0);
    assert!(counters.packets_invalid_total > 0 && counters.samples_discarded_total > 0);
    assert_eq!(calls, 0, "calls to the allocator while playing");
}

#[test]
fn one_four_and_sixteen_speakers_are_played_without_the_allocator() {
    let frames = frames();
    let mut quantum = [0.0; 128];
    for speakers in [1, 4, 16] {
        let mut playback = PlaybackPipeline::new(PlaybackConfig::new(48_000)).unwrap();
        let mut arrived = 0usize;
        let calls = allocator_calls(|| {
            for step in 0..1_500u64 {
                let now = Duration::from_micros(step * 8_000 / 3);
                let now_ms = now.as_millis() as u64;
                while let Some(frame) = frames.get(arrived)
                    && frame.timestamp + u64::from(frame.duration_samples) <= step * 128
                {
                    for stream in 0..speakers {
                        // Each way loses and delays on its own.
                        let header = PacketHeader {
                            stream,
                            sequence: u32::try_from(arrived).unwrap(),
                            timestamp: frame.timestamp,
                            arrival_ms: now_ms.saturating_sub(u64::from(stream)),
                            duration_samples: frame.duration_samples,
                            level_dbov: frame.level_dbov,
                            flags: frame.flags,
                        };
                        if !(arrived + stream as usize).is_multiple_of(29) {
                            playback.insert(&header, &frame.payload, now);
                        }
                    }
                    arrived += 1;
                }
                if step % 75 == 0 {
                    playback.handle_clock(now_ms, now);
                }
                playback.render(&mut quantum, now);
            }
        });
        let statistics = playback.statistics();
        println!("{speakers} speakers: {calls} calls to the allocator, {:?}", statistics.counters);
        assert_eq!(statistics.streams_open, speakers as usize);
        assert!(statistics.counters.samples_decoded_total > u64::from(speakers) * 48_000 * 3, "they are heard");
        assert!(statistics.counters.samples_concealed_total > 0, "and not all of them came");
        assert_eq!(calls, 0, "{speakers} speakers");
    }
}
