//! A steady tone on a kind network: clean, in time, at every device's rate.

use crate::harness::{Listener, TONE_AMPLITUDE, encode, tone, tone_quality};

#[test]
fn a_tone_comes_through_clean_at_every_rate() {
    for (from_hz, to_hz) in [(48_000, 48_000), (44_100, 44_100), (16_000, 96_000)] {
        let frames = encode(from_hz, 960, &tone(from_hz, 4.0));
        let listener = Listener { device_rate_hz: to_hz, ..Listener::default() };
        let heard = listener.hears(&frames, |_| vec![10]);
        let (clean_db, amplitude) = tone_quality(heard.between(1.0, 3.0), to_hz);
        println!("{from_hz} to {to_hz}: {clean_db:.1} dB clean, amplitude {amplitude:.3}");
        assert!(clean_db > 25.0, "{from_hz} to {to_hz}: {clean_db:.1} dB");
        let level_db = 20.0 * (amplitude / TONE_AMPLITUDE).log10();
        assert!(level_db.abs() < 1.0, "{from_hz} to {to_hz}: {level_db:.2} dB off");
        assert_eq!(heard.silences(0.2), (0, 1.0));
        assert_eq!(heard.total.counters.samples_concealed_total, 0);
        assert_eq!(heard.total.counters.underruns_total, 0);
        assert!((13..=14).contains(&heard.stream.level_dbov), "amplitude 0.3 is 13.5 dB below overload");
        let behind = 4 * 48_000 - heard.stream.timestamp_next;
        assert!((30 * 48..70 * 48).contains(&behind), "what plays was captured {behind} samples ago");
    }
}

#[test]
fn the_first_word_is_as_late_as_the_target_wants_it() {
    for (frame_samples, frame_ms) in [(960, 20.0), (480, 10.0)] {
        let mut samples = vec![0.0; 24_000];
        samples.extend(tone(48_000, 1.0));
        let frames = encode(48_000, frame_samples, &samples);
        let heard = Listener::default().hears(&frames, |_| vec![10]);
        let delay_ms = (heard.begins_s() - 0.5) * 1_000.0;
        // A frame comes when it is full, 10 ms later, and waits for the first target, 40 ms; 6.5 ms are
        // Opus' look-ahead; the tone needs a moment to pass the threshold; playout begins at a quantum.
        let expected_ms = frame_ms + 10.0 + 40.0 + 6.5;
        println!("frames of {frame_samples}: {delay_ms:.1} ms from mouth to ear, {expected_ms} expected");
        assert!((delay_ms - expected_ms).abs() < 5.0, "{delay_ms:.1} ms instead of {expected_ms}");
    }
}

#[test]
fn a_device_with_another_quantum_hears_the_same() {
    let frames = encode(48_000, 960, &tone(48_000, 2.0));
    for quantum in [1, 100, 480, 1_024] {
        let listener = Listener { quantum, ..Listener::default() };
        let heard = listener.hears(&frames, |_| vec![0]);
        let (clean_db, _) = tone_quality(heard.between(0.5, 1.5), 48_000);
        assert!(clean_db > 25.0, "quantum of {quantum}: {clean_db:.1} dB");
    }
}

#[test]
fn ten_minutes_of_drifting_clocks_stay_in_bounds() {
    let second = encode(48_000, 960, &tone(48_000, 1.0));
    let mut frames = Vec::new();
    for repeat in 0..600u64 {
        frames.extend(second.iter().cloned().map(|mut frame| {
            frame.timestamp += repeat * 48_000;
            frame
        }));
    }
    for drift_ppm in [-200.0, 200.0] {
        let listener = Listener { drift_ppm, ..Listener::default() };
        let heard = listener.hears(&frames, |_| vec![5]);
        let (low, high) = (heard.levels[1..].iter().min().unwrap(), heard.levels[1..].iter().max().unwrap());
        let counters = heard.total.counters;
        println!("{drift_ppm} ppm: level {low} to {high} samples, {counters:?}");
        // 200 ppm over ten minutes are 120 ms, which neither pile up nor run dry.
        assert!(*high <= (10 + 20 + 20) * 48, "{drift_ppm} ppm: {high} samples wait");
        assert_eq!(counters.underruns_total, 0, "{drift_ppm} ppm");
        let (long, sounding) = heard.silences(0.5);
        assert_eq!(long, 0);
        assert!(sounding > 0.999, "{drift_ppm} ppm: {sounding}");
    }
}
