//! The beginning of a word, from a microphone that was silent to a loudspeaker.

use std::time::Duration;

use dais_audio::packet::FLAG_PRE_ROLL;
use dais_audio::{CaptureConfig, CapturePipeline, OpusEncoder, PacketHeader, PlaybackConfig, PlaybackPipeline, StreamStatistics};

use crate::harness::{self, STREAM, tone};

const STEP_SAMPLES: usize = 480;
const STEP_MS: u64 = 10;

/// What a listener hears of `samples`, 10 ms at a time and without any network in between, and how his pipeline stands after each
/// step; and how many frames came only because speech is noticed late.
fn hears(samples: &[f32]) -> (Vec<f32>, Vec<Option<StreamStatistics>>, usize) {
    let config = CaptureConfig { frame_samples: 960, ..CaptureConfig::new(48_000) };
    let mut capture = CapturePipeline::new(config, OpusEncoder::boxed).unwrap();
    let mut playback = PlaybackPipeline::new(PlaybackConfig::new(48_000)).unwrap();
    let (mut heard, mut stands, mut pre_rolled, mut sequence) = (Vec::new(), Vec::new(), 0, 0);
    let mut now_ms = 0;
    for step in samples.chunks(STEP_SAMPLES) {
        now_ms += STEP_MS;
        let now = Duration::from_millis(now_ms);
        capture.push(step);
        while let Some(frame) = capture.poll_frame() {
            pre_rolled += usize::from(frame.flags & FLAG_PRE_ROLL != 0);
            let header = PacketHeader { arrival_ms: now_ms, flags: frame.flags, ..harness::header(STREAM, sequence, &frame) };
            playback.insert(&header, &frame.payload, now);
            sequence += 1;
        }
        let mut output = [0.0; STEP_SAMPLES];
        playback.render(&mut output, now);
        heard.extend_from_slice(&output);
        stands.push(playback.stream_statistics(STREAM).filter(|stream| stream.playing));
    }
    (heard, stands, pre_rolled)
}

#[test]
fn what_came_late_since_speech_was_noticed_late_is_made_up_for_at_once() {
    const WORDS: usize = 4;
    let word = [vec![0.0; 48_000], tone(48_000, 1.0)].concat();
    let (heard, stands, pre_rolled) = hears(&word.repeat(WORDS));
    assert!(pre_rolled >= 2 * WORDS, "{pre_rolled}");
    let mut before = None;
    let mut began = 0;
    for (step, stand) in stands.iter().enumerate() {
        let Some(stream) = stand else {
            before = None;
            continue;
        };
        if before.replace(step).is_none() {
            began = step;
        }
        let lag = stream.delay_samples - stream.target_samples.cast_signed();
        let is_in_time = (step - began) as u64 * STEP_MS < 60;
        assert!(
            is_in_time || lag <= 10 * 48,
            "{lag} samples beyond the target, {} ms after its beginning",
            (step - began) as u64 * STEP_MS
        );
    }
    let sounding = heard.chunks(STEP_SAMPLES).filter(|chunk| chunk.iter().any(|sample| sample.abs() > 0.1)).count();
    assert!(sounding >= WORDS * 98, "no more than 20 ms of any word are missing: {sounding} steps sound");
}
