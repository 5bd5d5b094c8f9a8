//! What playing costs: the time in which the playback pipeline renders 10 ms of one, four and sixteen voices on this
//! machine. Numbers to compare on one machine; nothing is judged.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use dais_audio::{CaptureConfig, CapturePipeline, EncodedFrame, OpusEncoder, PacketHeader, PlaybackConfig, PlaybackPipeline};

const SPEAKERS: [u32; 3] = [1, 4, 16];
/// 10 and 20 ms, in samples: what small and large rooms send.
const FRAME_SAMPLES: [u32; 2] = [480, 960];
/// Each case is played so often, all cases in turn, so that a busy moment of the machine is nobody's alone.
const RUNS: usize = 9;
/// What one run plays, and what it plays before that without being measured.
const SECONDS: u64 = 10;
const WARM_UP_SECONDS: u64 = 1;
/// What an AudioWorklet is asked for at a time, in samples, and in how many nanoseconds.
const QUANTUM: usize = 128;
const QUANTUM_NS: f64 = QUANTUM as f64 / 48_000.0 * 1e9;

/// Prints a table of medians.
///
/// # Errors
/// libopus cannot make what is needed.
pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    let coded = FRAME_SAMPLES.map(encode);
    let mut cases: Vec<Case> = Vec::new();
    for frames in coded {
        let frames = frames?;
        cases.extend(SPEAKERS.map(|speakers| Case {
            speakers,
            frames: frames.clone(),
            mean_us: Vec::new(),
            slowest_us: Vec::new(),
        }));
    }
    for _ in 0..RUNS {
        cases.iter_mut().try_for_each(Case::play)?;
    }
    println!("| speakers | frames | µs per rendered 10 ms | µs of a call for 128 samples, 99.9 % | of its time |");
    println!("|---|---|---|---|---|");
    for case in &mut cases {
        let (mean_us, slowest_us) = (median(&mut case.mean_us), median(&mut case.slowest_us));
        println!(
            "| {} | {} ms | {mean_us:.1} | {slowest_us:.0} | {:.1} % |",
            case.speakers,
            case.frames[0].duration_samples / 48,
            100_000.0 * slowest_us / QUANTUM_NS
        );
    }
    println!("\nMedians of {RUNS} interleaved runs of {SECONDS} s of made-up voices at 48 kHz.");
    Ok(())
}

/// So many people who speak at once, and what it cost in each run.
struct Case {
    speakers: u32,
    frames: Vec<EncodedFrame>,
    mean_us: Vec<f64>,
    slowest_us: Vec<f64>,
}

impl Case {
    fn play(&mut self) -> Result<(), Box<dyn Error>> {
        let mut playback = PlaybackPipeline::new(PlaybackConfig::new(48_000))?;
        let mut quantum = [0.0; QUANTUM];
        let mut calls = Vec::new();
        let mut arrived = 0;
        let mut samples = 0;
        while samples < (WARM_UP_SECONDS + SECONDS) * 48_000 {
            let now = Duration::from_nanos(samples * 1_000_000 / 48);
            while let Some(frame) = self.frames.get(arrived)
                && frame.timestamp + u64::from(frame.duration_samples) <= samples
            {
                for stream in 0..self.speakers {
                    playback.insert(&header(stream, u32::try_from(arrived)?, frame), &frame.payload, now);
                }
                arrived += 1;
            }
            let begun = Instant::now();
            playback.render(black_box(&mut quantum), now);
            let took = begun.elapsed();
            if samples >= WARM_UP_SECONDS * 48_000 {
                calls.push(took.as_secs_f64() * 1e6);
            }
            samples += QUANTUM as u64;
        }
        let calls_in_10_ms = 480.0 / QUANTUM as f64;
        self.mean_us.push(calls.iter().sum::<f64>() / calls.len() as f64 * calls_in_10_ms);
        calls.sort_by(f64::total_cmp);
        self.slowest_us.push(calls[calls.len() * 999 / 1000]);
        Ok(())
    }
}

fn header(stream: u32, sequence: u32, frame: &EncodedFrame) -> PacketHeader {
    PacketHeader {
        stream,
        sequence,
        timestamp: frame.timestamp,
        arrival_ms: (frame.timestamp + u64::from(frame.duration_samples)) / 48,
        duration_samples: frame.duration_samples,
        level_dbov: frame.level_dbov,
        flags: frame.flags,
    }
}

/// A voice of many harmonics whose pitch and loudness move, in the product's coding.
fn encode(frame_samples: u32) -> Result<Vec<EncodedFrame>, Box<dyn Error>> {
    let config = CaptureConfig { frame_samples, codes_silence: true, ..CaptureConfig::new(48_000) };
    let mut capture = CapturePipeline::new(config, OpusEncoder::boxed)?;
    let mut frames = Vec::new();
    let mut turn = 0.0f64;
    for piece in 0..(WARM_UP_SECONDS + SECONDS) * 100 {
        let samples: Vec<f32> = (piece * 480..piece * 480 + 480)
            .map(|sample| {
                let time = sample as f64 / 48_000.0;
                turn += std::f64::consts::TAU * (120.0 + 25.0 * (std::f64::consts::TAU * 1.3 * time).sin()) / 48_000.0;
                let loudness = 0.12 * (0.6 + 0.4 * (std::f64::consts::TAU * 4.0 * time).sin());
                (loudness * (1..=24).map(|k| (turn * f64::from(k)).sin() / f64::from(k)).sum::<f64>()) as f32
            })
            .collect();
        capture.push(&samples);
        frames.extend(std::iter::from_fn(|| capture.poll_frame()));
    }
    Ok(frames)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
