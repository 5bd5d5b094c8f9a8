//! Loss, reordering, duplicates, lateness, stalls and pauses.

use dais_audio::packet::{FLAG_TALKSPURT_END, FLAG_TALKSPURT_START};
use dais_audio::{EncodedFrame, Inserted, PlaybackConfig, PlaybackPipeline};
use std::time::Duration;

use crate::harness::{Heard, Listener, Random, STREAM, TONE_AMPLITUDE, TONE_HZ, encode, header, rms, tone, tone_quality};

fn ten_seconds() -> Vec<EncodedFrame> {
    encode(48_000, 960, &tone(48_000, 10.0))
}

fn hear(network: impl FnMut(u32) -> Vec<u64>) -> Heard {
    Listener::default().hears(&ten_seconds(), network)
}

#[test]
fn lost_frames_are_concealed_without_gap_or_click() {
    let mut random = Random(1);
    let heard = hear(|_| if random.below(100) < 5 { vec![] } else { vec![10] });
    let counters = heard.total.counters;
    let concealed = counters.samples_concealed_total as f64 / 480_000.0;
    println!("concealed {concealed:.3}, largest step {:.2}", heard.largest_step());
    assert!((0.03..0.07).contains(&concealed), "{concealed}");
    assert_eq!(heard.silences(0.2), (0, 1.0));
    assert!(heard.largest_step() < 1.5, "{}", heard.largest_step());
    assert_eq!(counters.packets_late_total + counters.packets_duplicate_total, 0);
}

#[test]
fn what_is_late_before_the_decoder_knows_the_voice_makes_no_click() {
    let step = std::f64::consts::TAU * 200.0 / 48_000.0;
    let samples: Vec<f32> = (0..48_000).map(|n| (TONE_AMPLITUDE * (f64::from(n) * step).sin()) as f32).collect();
    let largest_step = |heard: &Heard| {
        let steps = heard.samples.windows(2).map(|pair| f64::from((pair[1] - pair[0]).abs()));
        steps.fold(0.0, f64::max) / (TONE_AMPLITUDE * step)
    };
    for frame_samples in [480, 960] {
        let frames = encode(48_000, frame_samples, &samples);
        // A tone that begins at once is coded with some noise.
        let own = largest_step(&Listener::default().hears(&frames, |_| vec![0]));
        for late in 1..4 {
            let heard = Listener::default().hears(&frames, |sequence| vec![if sequence == late { 70 } else { 0 }]);
            assert!(heard.total.counters.samples_concealed_total > 0, "frame {late} was not late");
            let largest = largest_step(&heard);
            println!("{frame_samples} samples, frame {late}: {largest:.2}");
            assert!(largest < 1.5_f64.max(own + 0.01), "{frame_samples} samples, frame {late}: {largest}, by itself {own}");
        }
    }
}

#[test]
fn a_long_loss_fades_to_silence_and_comes_back() {
    let heard = hear(|sequence| if (200..250).contains(&sequence) { vec![] } else { vec![10] });
    // Frame 200 plays 4.0 s into the sound, which begins some 80 ms late.
    let faded = rms(heard.between(4.25, 4.9));
    // Comfort noise is at most 50 dB below full scale.
    assert!(faded < 0.0035, "made-up sound goes on: {faded}");
    let (clean_db, _) = tone_quality(heard.between(5.5, 9.5), 48_000);
    assert!(clean_db > 25.0, "{clean_db:.1} dB afterwards");
    assert!(heard.largest_step() < 1.5, "{}", heard.largest_step());
    let (long, _) = heard.silences(0.2);
    assert_eq!(long, 1);
}

#[test]
fn jitter_within_the_target_is_not_heard() {
    let mut random = Random(2);
    let heard = hear(|_| vec![random.below(36)]);
    let counters = heard.total.counters;
    println!("{counters:?}, jitter {:.0} samples", heard.stream.jitter_samples);
    assert_eq!(counters.samples_concealed_total, 0);
    assert!((100.0..1_500.0).contains(&heard.stream.jitter_samples));
    // Stretches move the tone in time; between them it is clean.
    let quality = |window: usize| tone_quality(heard.between(1.0 + window as f64 * 0.1, 1.1 + window as f64 * 0.1), 48_000).0;
    let mut windows: Vec<f64> = (0..80).map(quality).collect();
    windows.sort_by(f64::total_cmp);
    assert!(windows[20] > 25.0, "{windows:?}");
    assert!(heard.largest_step() < 1.5, "{}", heard.largest_step());
}

#[test]
fn jitter_with_reordering_is_learned() {
    let mut random = Random(3);
    let heard = hear(|_| vec![random.below(90)]);
    let counters = heard.total.counters;
    let lost = (counters.samples_concealed_total + counters.samples_discarded_total) as f64 / 480_000.0;
    println!("{counters:?}, target {}", heard.stream.target_samples);
    let (long, sounding) = heard.silences(0.3);
    assert_eq!(long, 0);
    assert!(sounding > 0.99, "{sounding}");
    assert!(lost < 0.05, "{lost}");
    assert!(heard.largest_step() < 1.5, "{}", heard.largest_step());
}

#[test]
fn doubled_frames_change_nothing() {
    let once = hear(|_| vec![10]);
    let twice = hear(|_| vec![10, 25]);
    assert!(once.samples == twice.samples, "not one sample");
    assert_eq!(twice.total.counters.packets_duplicate_total, 498, "the last copies come after the end");
}

#[test]
fn a_frame_after_its_turn_is_counted_and_ignored() {
    let heard = hear(|sequence| if sequence == 100 { vec![400] } else { vec![10] });
    let counters = heard.total.counters;
    assert_eq!(counters.packets_late_total, 1);
    assert_eq!(counters.samples_concealed_total, 960);
}

#[test]
fn after_a_stall_sound_returns_and_delay_does_not_stay() {
    // Frames 200 to 299 are held up and arrive together with frame 300, as on a TCP socket.
    let heard = hear(|sequence| match sequence {
        200..300 => vec![10 + 20 * (300 - u64::from(sequence))],
        _ => vec![10],
    });
    let counters = heard.total.counters;
    println!("{counters:?}, buffered {} at the end", heard.stream.buffered_samples);
    let back = rms(heard.between(6.15, 6.25));
    assert!(back > 0.15, "sound is back after {back}");
    assert!(heard.stream.buffered_samples <= heard.stream.target_samples + (120 + 20) * 48);
    assert_eq!(heard.stream.target_samples, 10 * 48, "two seconds teach nothing");
    assert!(heard.largest_step() < 1.5, "{}", heard.largest_step());
}

/// A way down that stops for two seconds: a quarter of a second of voice stands in it and comes when it goes on; what the server
/// held back is not there, but for the last 200 ms, which come a round trip later. Until they do, what came first is played.
#[test]
fn after_a_stall_only_what_was_on_its_way_is_thrown_away() {
    let frames = encode(48_000, 480, &tone(48_000, 10.0));
    for round_trip_ms in [0, 5, 10, 15, 30, 60] {
        let until = |arrives_ms: u64, sequence: u32| arrives_ms.saturating_sub(10 * (u64::from(sequence) + 1));
        let heard = Listener::default().hears(&frames, |sequence| match sequence {
            400..425 => vec![until(6_000, sequence)],
            425..580 => vec![],
            580.. => vec![until(6_000 + round_trip_ms, sequence)],
            _ => vec![0],
        });
        let counters = heard.total.counters;
        let thrown_away_ms = counters.samples_discarded_total / 48;
        let quicker_ms = counters.samples_accelerated_total / 48;
        println!("{round_trip_ms} ms: {thrown_away_ms} ms thrown away, {quicker_ms} ms quicker, {counters:?}");
        assert!((230 - round_trip_ms..=260).contains(&thrown_away_ms), "{thrown_away_ms} ms at {round_trip_ms} ms");
        assert!(heard.stream.delay_samples <= heard.stream.target_samples as i64 + 10 * 48, "{:?}", heard.stream);
        assert!(heard.largest_step() < 1.5, "{}", heard.largest_step());
    }
}

/// Of every 50 frames six are held up and arrive together.
fn short_stalls(sequence: u32) -> Vec<u64> {
    match sequence % 50 {
        place @ 0..6 => vec![10 + 20 * (6 - u64::from(place))],
        _ => vec![10],
    }
}

#[test]
fn one_short_stall_is_bridged_and_loses_nothing() {
    let heard = hear(|sequence| if (200..250).contains(&sequence) { short_stalls(sequence) } else { vec![10] });
    let counters = heard.total.counters;
    println!("{counters:?}, target {}", heard.stream.target_samples);
    assert_eq!(counters.underruns_total, 1);
    assert_eq!(counters.samples_discarded_total + counters.packets_late_total, 0);
    assert_eq!(heard.stream.target_samples, 10 * 48, "one in ten seconds is not worth waiting for");
    let (long, sounding) = heard.silences(0.2);
    assert_eq!(long, 0, "what is made up bridges most of the stall");
    assert!(sounding > 0.99, "{sounding}");
}

#[test]
fn short_stalls_that_come_again_are_waited_for() {
    let heard = hear(short_stalls);
    let counters = heard.total.counters;
    println!("{counters:?}, target {}", heard.stream.target_samples);
    assert!((70 * 48..=120 * 48).contains(&heard.stream.target_samples), "{}", heard.stream.target_samples);
    assert!(counters.underruns_total <= 3, "{counters:?}");
    assert_eq!(counters.samples_discarded_total + counters.packets_late_total, 0);
    assert!(heard.largest_step() < 1.5, "{}", heard.largest_step());
}

#[test]
fn a_pause_is_silence_and_no_loss() {
    let mut frames = ten_seconds();
    frames.truncate(300);
    for frame in &mut frames[150..] {
        frame.timestamp += 96_000;
    }
    let mut playback = PlaybackPipeline::new(PlaybackConfig::new(48_000)).unwrap();
    let mut heard = Vec::new();
    let mut quantum = [0.0; 480];
    let mut sequence = 0usize;
    for tick in 0..900u64 {
        let now = Duration::from_millis(tick * 10);
        while let Some(frame) = frames.get(sequence)
            && frame.timestamp + 960 <= tick * 480
        {
            let mut header = header(STREAM, u32::try_from(sequence).unwrap(), frame);
            header.flags = match sequence {
                0 | 150 => FLAG_TALKSPURT_START,
                149 | 299 => FLAG_TALKSPURT_END,
                _ => 0,
            };
            assert_eq!(playback.insert(&header, &frame.payload, now), Inserted::Queued);
            sequence += 1;
        }
        playback.render(&mut quantum, now);
        heard.extend_from_slice(&quantum);
    }
    let counters = playback.statistics().counters;
    assert_eq!((counters.samples_concealed_total, counters.underruns_total), (0, 0));
    assert_eq!(counters.samples_decoded_total, 300 * 960);
    assert_eq!(rms(&heard[48_000 * 7 / 2..48_000 * 9 / 2]), 0.0, "the pause");
    assert!(rms(&heard[48_000 * 11 / 2..48_000 * 15 / 2]) > 0.2, "the second talkspurt");
    assert!(!playback.stream_statistics(STREAM).unwrap().playing);
}

#[test]
fn a_speaker_who_counts_anew_is_heard_at_once() {
    let frames = ten_seconds();
    let mut playback = PlaybackPipeline::new(PlaybackConfig::new(48_000)).unwrap();
    let mut quantum = [0.0; 960];
    let mut late = 0;
    for (tick, frame) in frames.iter().enumerate() {
        let now = Duration::from_millis(tick as u64 * 20);
        // From frame 250 on another encoder, another count: as after a reload of his page.
        let anew = tick >= 250;
        let mut header = header(STREAM, u32::try_from(if anew { tick - 250 } else { tick + 5_000 }).unwrap(), frame);
        header.timestamp = if anew { (tick as u64 - 250) * 960 } else { header.timestamp };
        late += u32::from(playback.insert(&header, &frame.payload, now) != Inserted::Queued);
        playback.render(&mut quantum, now);
        if tick > 260 {
            assert!(rms(&quantum) > 0.1, "silent at tick {tick}");
        }
    }
    assert_eq!(late, 0);
}

#[test]
fn a_device_that_slept_catches_up_without_a_click() {
    let frames = ten_seconds();
    let mut playback = PlaybackPipeline::new(PlaybackConfig::new(48_000)).unwrap();
    let mut heard = Vec::new();
    let mut quantum = [0.0; 960];
    for (sequence, frame) in (0u32..).zip(&frames) {
        let now = Duration::from_millis(u64::from(sequence) * 20);
        assert_eq!(playback.insert(&header(STREAM, sequence, frame), &frame.payload, now), Inserted::Queued);
        // For 300 ms nobody asks for sound.
        if !(200..215).contains(&sequence) {
            playback.render(&mut quantum, now);
            heard.extend_from_slice(&quantum);
        }
    }
    let stream = playback.stream_statistics(STREAM).unwrap();
    assert!(stream.buffered_samples < stream.target_samples + 2 * 960, "{stream:?}");
    assert_eq!(stream.counters.samples_concealed_total, 0);
    let largest = heard.windows(2).map(|pair| f64::from((pair[1] - pair[0]).abs())).fold(0.0, f64::max);
    let own = TONE_AMPLITUDE * std::f64::consts::TAU * TONE_HZ / 48_000.0;
    println!("{} discarded, largest step {:.2}", stream.counters.samples_discarded_total, largest / own);
    assert_eq!(stream.counters.samples_discarded_total, 0, "{stream:?}");
    assert!((12_000..18_000).contains(&stream.counters.samples_accelerated_total), "{stream:?}");
    assert!(largest < 1.5 * own, "{}", largest / own);
}

#[test]
fn a_device_that_takes_sound_in_steps_is_given_it_whole() {
    let frames = encode(48_000, 480, &tone(48_000, 20.0));
    for (step, phase_us) in [(480usize, 0u64), (480, 3_000), (480, 7_000), (512, 0), (1_024, 0)] {
        let mut playback = PlaybackPipeline::new(PlaybackConfig::new(48_000)).unwrap();
        let mut block = vec![0.0; step];
        let mut next = 0usize;
        let mut jitter = 1u32;
        let mut arrival_us = |sequence: usize| {
            jitter = jitter.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (sequence as u64 + 1) * 10_000 + u64::from(jitter >> 24) * 4_000 / 256
        };
        let mut arrives_us = arrival_us(0);
        let mut settled = None;
        for n in 0u64.. {
            let asked_us = phase_us + n * step as u64 * 1_000_000 / 48_000;
            while next < frames.len() && arrives_us <= asked_us {
                let header = header(STREAM, u32::try_from(next).unwrap(), &frames[next]);
                playback.insert(&header, &frames[next].payload, Duration::from_micros(arrives_us));
                next += 1;
                arrives_us = arrives_us.max(arrival_us(next));
            }
            if next == frames.len() {
                break;
            }
            playback.render(&mut block, Duration::from_micros(asked_us));
            if asked_us > 3_000_000 && settled.is_none() {
                settled = Some(playback.statistics().counters);
            }
        }
        let (settled, counters) = (settled.unwrap(), playback.statistics().counters);
        let target_ms = playback.stream_statistics(STREAM).unwrap().target_samples / 48;
        let stretched = counters.samples_accelerated_total + counters.samples_slowed_total
            - settled.samples_accelerated_total
            - settled.samples_slowed_total;
        println!("step {step}, phase {phase_us} µs: target {target_ms} ms, stretched {} ms", stretched / 48);
        println!("{counters:?}");
        assert_eq!(counters.samples_concealed_total, settled.samples_concealed_total, "steps of {step}");
        assert!(stretched <= 48 * 170, "at most one percent of what was heard");
    }
}
