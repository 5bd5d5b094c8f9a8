//! Several voices: places, volumes, the sum.

use std::time::Duration;

use dais_audio::{Inserted, PlaybackConfig, PlaybackPipeline};

use crate::harness::{encode, header, rms, tone};

/// Everybody in `streams` says the same second, then this is what the room sounds like.
fn room(playback: &mut PlaybackPipeline, streams: &[u32], from_tick: u64) -> Vec<f32> {
    let frames = encode(48_000, 960, &tone(48_000, 1.0));
    let mut heard = Vec::new();
    let mut quantum = [0.0; 960];
    for (tick, frame) in (from_tick..).zip(&frames) {
        let now = Duration::from_millis(tick * 20);
        for &stream in streams {
            let mut header = header(stream, u32::try_from(tick).unwrap(), frame);
            header.timestamp += from_tick * 960;
            header.arrival_ms += from_tick * 20;
            playback.insert(&header, &frame.payload, now);
        }
        playback.render(&mut quantum, now);
        heard.extend_from_slice(&quantum);
    }
    heard
}

#[test]
fn voices_add_up_and_a_choir_stays_within_full_scale() {
    let mut playback = PlaybackPipeline::new(PlaybackConfig::new(48_000)).unwrap();
    let one = rms(&room(&mut playback, &[1], 0)[12_000..]);
    let two = rms(&room(&mut playback, &[1, 2], 50)[12_000..]);
    assert!((two / one - 2.0).abs() < 0.1, "{one} and {two}");
    let everybody: Vec<u32> = (1..=16).collect();
    let choir = room(&mut playback, &everybody, 100);
    assert!(choir.iter().all(|sample| sample.abs() <= 1.0));
    assert!(rms(&choir[12_000..]) > 0.4);
    assert_eq!(playback.statistics().streams_open, 16);
}

#[test]
fn a_listener_turns_people_down_before_their_first_word() {
    let mut playback = PlaybackPipeline::new(PlaybackConfig::new(48_000)).unwrap();
    playback.set_gain(1, 0.0);
    assert_eq!(rms(&room(&mut playback, &[1], 0)), 0.0);
    playback.set_gain(1, 0.5);
    let half = rms(&room(&mut playback, &[1], 50)[12_000..]);
    assert!((half - 0.5 * 0.212).abs() < 0.01, "{half}");
}

#[test]
fn places_are_limited_and_given_back() {
    let config = PlaybackConfig { streams_max: 2, ..PlaybackConfig::new(48_000) };
    let mut playback = PlaybackPipeline::new(config).unwrap();
    let frame = &encode(48_000, 960, &tone(48_000, 0.1))[0];
    let offer = |playback: &mut PlaybackPipeline, stream, seconds| {
        playback.insert(&header(stream, 1, frame), &frame.payload, Duration::from_secs(seconds))
    };
    assert!(playback.open_stream(1) && playback.open_stream(1));
    assert_eq!(offer(&mut playback, 2, 1), Inserted::Queued);
    assert_eq!(offer(&mut playback, 3, 1), Inserted::NoFreeStream);
    assert!(!playback.open_stream(3));
    assert_eq!(playback.statistics().packets_unplaced_total, 1);
    playback.close_stream(1);
    assert!(playback.stream_statistics(1).is_none());
    assert_eq!(offer(&mut playback, 3, 1), Inserted::Queued);
    assert_eq!(playback.statistics().counters.packets_queued_total, 2);
}

#[test]
fn whoever_was_silent_for_long_gives_his_place_away_unless_turned_down() {
    let config = PlaybackConfig { streams_max: 2, ..PlaybackConfig::new(48_000) };
    let mut playback = PlaybackPipeline::new(config).unwrap();
    room(&mut playback, &[1, 2], 0);
    // The last words play out.
    for tick in 50..100u64 {
        playback.render(&mut [0.0; 960], Duration::from_millis(tick * 20));
    }
    playback.set_gain(1, 0.0);
    let frame = &encode(48_000, 960, &tone(48_000, 0.1))[0];
    let mut offer = |stream, seconds| playback.insert(&header(stream, 1, frame), &frame.payload, Duration::from_secs(seconds));
    assert_eq!(offer(3, 20), Inserted::NoFreeStream);
    assert_eq!(offer(3, 40), Inserted::Queued);
    assert_eq!(offer(4, 400), Inserted::NoFreeStream, "one place is kept by its volume, one by what waits");
    assert!(playback.stream_statistics(1).is_some());
    assert!(playback.stream_statistics(2).is_none());
}

#[test]
fn a_closed_voice_fades_out_instead_of_breaking_off() {
    let mut playback = PlaybackPipeline::new(PlaybackConfig::new(48_000)).unwrap();
    let mut heard = room(&mut playback, &[1], 0);
    playback.close_stream(1);
    let mut quantum = [0.0; 128];
    for tick in 0..50u64 {
        playback.render(&mut quantum, Duration::from_millis(1_000 + tick * 3));
        heard.extend_from_slice(&quantum);
    }
    assert!(rms(&heard[48_000 + 2_880..]) == 0.0, "silent within 60 ms");
    let step = heard[12_000..].windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(step < 0.3 * 0.0576 * 1.5, "no click: {step}");
}

#[test]
fn absurd_configurations_are_refused() {
    for streams_max in [0, 65] {
        let config = PlaybackConfig { streams_max, ..PlaybackConfig::new(48_000) };
        assert!(PlaybackPipeline::new(config).is_err());
    }
    assert!(PlaybackPipeline::new(PlaybackConfig::new(7)).is_err());
}

#[test]
fn frames_that_end_together_are_not_all_decoded_in_one_quantum() {
    let mut playback = PlaybackPipeline::new(PlaybackConfig::new(48_000)).unwrap();
    let frames = encode(48_000, 960, &tone(48_000, 2.0));
    let mut quantum = [0.0; 128];
    let (mut decoded, mut most) = (0, 0);
    let mut arrived = 0u32;
    for tick in 0..700u64 {
        let now = Duration::from_micros(tick * 8_000 / 3);
        while u128::from(arrived) * 20 <= now.as_millis() {
            for stream in 0..16 {
                let frame = &frames[arrived as usize];
                playback.insert(&header(stream, arrived, frame), &frame.payload, now);
            }
            arrived += 1;
        }
        playback.render(&mut quantum, now);
        let total = playback.statistics().counters.samples_decoded_total / 960;
        // At the very beginning all sixteen have to begin.
        if tick > 50 {
            most = most.max(total - decoded);
        }
        decoded = total;
    }
    assert!(decoded > 1_400, "{decoded} frames in all");
    assert!(most <= 4, "{most} frames in one quantum");
}
