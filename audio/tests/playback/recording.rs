//! The recorded packets with which the browser side is tested: two seconds of tone, in the
//! layout of the audio thread, each packet behind its length in two little-endian bytes.

use std::path::PathBuf;
use std::time::Duration;

use dais_audio::packet::{encode_packet, parse_packet};
use dais_audio::{Inserted, PlaybackConfig, PlaybackPipeline};

use crate::harness::{STREAM, TONE_AMPLITUDE, encode, header, tone, tone_quality};

fn recording() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../e2e/unit/tone.packets")
}

/// The recording made anew, by today's encoder.
fn record() -> Vec<u8> {
    let mut bytes = Vec::new();
    for (sequence, frame) in (0u32..).zip(&encode(48_000, 960, &tone(48_000, 2.0))) {
        let packet = encode_packet(&header(STREAM, sequence, frame), &frame.payload);
        bytes.extend_from_slice(&u16::try_from(packet.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(&packet);
    }
    bytes
}

/// `DAIS_RECORD=1 cargo test -p dais-audio recording` writes the file, after a change of layout.
#[test]
fn the_recording_is_the_tone_in_todays_layout() {
    if std::env::var_os("DAIS_RECORD").is_some() {
        std::fs::write(recording(), record()).unwrap();
    }
    let bytes = std::fs::read(recording()).unwrap();
    let mut playback = PlaybackPipeline::new(PlaybackConfig::new(48_000)).unwrap();
    let mut heard = Vec::new();
    let mut quantum = [0.0; 960];
    let mut rest = bytes.as_slice();
    while let Some((length, tail)) = rest.split_first_chunk() {
        let (packet, tail) = tail.split_at(usize::from(u16::from_le_bytes(*length)));
        let (header, payload) = parse_packet(packet).unwrap();
        let now = Duration::from_millis(u64::from(header.sequence) * 20);
        assert_eq!(playback.insert(&header, payload, now), Inserted::Queued);
        playback.render(&mut quantum, now);
        heard.extend_from_slice(&quantum);
        rest = tail;
    }
    assert_eq!(heard.len(), 2 * 48_000);
    let (clean_db, amplitude) = tone_quality(&heard[24_000..72_000], 48_000);
    assert!(clean_db > 25.0, "{clean_db:.1} dB");
    assert!((amplitude / TONE_AMPLITUDE - 1.0).abs() < 0.1, "{amplitude}");
}
