//! Bytes and numbers nobody honest would send: no panic, nothing above full scale, nothing that
//! grows.

use std::time::Duration;

use dais_audio::{Inserted, PacketHeader, PlaybackConfig, PlaybackPipeline};

use crate::harness::{Random, STREAM, encode, header, tone};

/// Packets per hostile test: quick here, a thorough run when asked for.
fn packets() -> u64 {
    if std::env::var_os("DAIS_LONG").is_some() { 1_000_000 } else { 20_000 }
}

#[test]
fn random_bytes_never_leave_full_scale() {
    let mut random = Random(4);
    let mut playback = PlaybackPipeline::new(PlaybackConfig::new(44_100)).unwrap();
    let mut quantum = [0.0; 441];
    let (mut queued, mut refused) = (0u64, 0u64);
    for tick in 0..packets() {
        let length = random.below(if tick % 4 == 0 { 1_400 } else { 80 }) as usize;
        let payload: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        let header = PacketHeader {
            stream: STREAM,
            sequence: u32::try_from(tick).unwrap(),
            timestamp: tick * 480,
            arrival_ms: tick,
            duration_samples: 480,
            level_dbov: 0,
            flags: (random.next() & 3) as u8,
        };
        match playback.insert(&header, &payload, Duration::from_millis(tick * 10)) {
            Inserted::TooLarge => assert!(length > 1_275),
            Inserted::Malformed => refused += 1,
            _ => queued += 1,
        }
        playback.render(&mut quantum, Duration::from_millis(tick * 10));
        assert!(quantum.iter().all(|sample| sample.abs() <= 1.0), "at packet {tick}");
    }
    println!("{queued} queued, {refused} refused, {:?}", playback.statistics().counters);
    assert!(queued > packets() / 10 && refused > packets() / 100, "both ways are taken");
}

#[test]
fn absurd_headers_neither_panic_nor_grow() {
    let mut random = Random(5);
    let mut playback = PlaybackPipeline::new(PlaybackConfig::new(48_000)).unwrap();
    let frames = encode(48_000, 960, &tone(48_000, 1.0));
    let mut quantum = [0.0; 480];
    let extreme = |random: &mut Random| match random.below(5) {
        0 => 0,
        1 => u64::MAX,
        2 => random.next(),
        3 => random.below(100_000),
        _ => 1 << random.below(64),
    };
    for tick in 0..packets() {
        let header = PacketHeader {
            stream: (extreme(&mut random) % 20) as u32,
            sequence: extreme(&mut random) as u32,
            timestamp: extreme(&mut random),
            arrival_ms: extreme(&mut random),
            duration_samples: extreme(&mut random) as u32,
            level_dbov: extreme(&mut random) as u8,
            flags: extreme(&mut random) as u8,
        };
        let frame = &frames[random.below(50) as usize];
        let now = Duration::from_nanos(extreme(&mut random));
        playback.insert(&header, &frame.payload, now);
        playback.render(&mut quantum, now);
        assert!(quantum.iter().all(|sample| sample.abs() <= 1.0), "at packet {tick}");
        assert!(playback.streams().all(|stream| stream.buffered_samples <= 64 * 5_760 + 16_384));
    }
}

/// One that makes himself late, and sends what never settles: each packet with a gap before it, and older than the one before.
#[test]
fn a_skip_decodes_no_more_than_an_audio_callback_has_time_for() {
    let mut playback = PlaybackPipeline::new(PlaybackConfig::new(48_000)).unwrap();
    let frames = encode(48_000, 480, &tone(48_000, 1.0));
    let mut quantum = [0.0; 480];
    let mut packets_decoded = |playback: &mut PlaybackPipeline, now| {
        let before = playback.statistics().counters.samples_decoded_total;
        playback.render(&mut quantum, now);
        (playback.statistics().counters.samples_decoded_total - before) / 480
    };
    for tick in 0..50u32 {
        let now = Duration::from_millis(u64::from(tick) * 10);
        playback.insert(&header(STREAM, tick, &frames[tick as usize]), &frames[tick as usize].payload, now);
        packets_decoded(&mut playback, now);
    }
    let now = Duration::from_millis(500);
    let waiting = 50 * 480;
    for packet in 0..60u32 {
        let timestamp = match packet {
            0 => waiting,
            59 => waiting + 48_000,
            _ => waiting - 4_800 - u64::from(packet),
        };
        let header = PacketHeader { timestamp, ..header(STREAM, 50 + 2 * packet, &frames[50]) };
        assert_eq!(playback.insert(&header, &frames[50].payload, now), Inserted::Queued);
    }
    let most = (0..5).map(|quantum| packets_decoded(&mut playback, now + Duration::from_millis(quantum * 10))).max();
    assert!(most.is_some_and(|most| most <= 10), "{most:?} packets in a callback");
    assert!(playback.statistics().counters.samples_discarded_total >= 50 * 480, "they were skipped");
}

#[test]
fn a_flood_that_nobody_plays_is_bounded_and_the_newest_survive() {
    let mut playback = PlaybackPipeline::new(PlaybackConfig::new(48_000)).unwrap();
    let frames = encode(48_000, 960, &tone(48_000, 1.0));
    for sequence in 0..10_000u32 {
        let frame = &frames[(sequence % 50) as usize];
        let mut header = header(STREAM, sequence, frame);
        header.timestamp = u64::from(sequence) * 960;
        let inserted = playback.insert(&header, &frame.payload, Duration::from_millis(u64::from(sequence)));
        assert_eq!(inserted, if sequence < 64 { Inserted::Queued } else { Inserted::Overflow });
    }
    let stream = playback.stream_statistics(STREAM).unwrap();
    assert_eq!(stream.buffered_samples, 64 * 960);
    // When the device wakes up, what is played is at most the target old.
    playback.render(&mut [0.0; 128], Duration::from_secs(20));
    let stream = playback.stream_statistics(STREAM).unwrap();
    assert!(stream.buffered_samples <= stream.target_samples + 960, "{stream:?}");
}
