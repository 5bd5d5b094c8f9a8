//! No splice clicks: a steady tone through every network there is steps no further from one sample to the next than
//! the tone does by itself.

use super::pipeline::{self, Speech};
use super::trace::Trace;
use super::{battery, networks};

const AMPLITUDE: f32 = 0.5;

/// How much larger than the tone's own a step may be: beyond it a click is heard.
const STEP_MAX: f32 = 1.5;

/// The first moments of a tone, in samples: it begins, and the codec finds out what it is.
const BEGINNING: usize = 24_000;

/// Loudness is looked at this far around a step, in samples: 5 ms, a period of the lowest tone.
const AROUND: usize = 240;

/// How much of a trace is played, in seconds: clean and lossy times in turn take 80 s, and others are the same all over.
fn seconds(name: &str) -> f64 {
    match (std::env::var_os("DAIS_LONG"), name) {
        (Some(_), _) => 600.0,
        (None, "tcp-alternating") => 80.0,
        (None, _) => 45.0,
    }
}

/// Every trace of the tables, and one of each family of the seeded ones.
fn traces() -> Vec<Trace> {
    let mut traces: Vec<Trace> = networks::of_the_table().into_iter().chain((1..=6).map(battery::trace)).collect();
    for trace in &mut traces {
        let seconds = seconds(&trace.name);
        trace.passages.retain(|passage| passage.sent_ms < seconds * 1000.0);
    }
    traces
}

/// The largest step from one sample to the next.
fn largest_step(samples: &[f32]) -> f32 {
    samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
}

fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak, sample| peak.max(sample.abs()))
}

/// A tone as it comes through a network that does nothing: what the codec makes of it.
struct Tone {
    hz: f32,
    step: f32,
    peak: f32,
}

impl Tone {
    fn of(hz: f32, samples: &[f32]) -> Self {
        let steady = &samples[BEGINNING..samples.len() - BEGINNING];
        Self { hz, step: largest_step(steady), peak: peak(steady) }
    }

    /// The largest step as a multiple of the tone's own, and before which second of the sound it is. Behind a loss libopus
    /// predicts from what it made up, and the tone swells and fades for a while: where it is louder than it was said,
    /// its own step is larger by as much. A swell has no corner; a click has, and is found in it.
    fn largest_step(&self, samples: &[f32]) -> (f32, f64) {
        let peaks: Vec<f32> = samples.chunks(AROUND).map(peak).collect();
        let mut largest = (0.0, 0.0);
        for (piece, begin) in (0..samples.len()).step_by(AROUND).enumerate() {
            let around = peak(&peaks[piece.saturating_sub(1)..peaks.len().min(piece + 2)]);
            let step = largest_step(&samples[begin..samples.len().min(begin + AROUND + 1)]);
            let multiple = step / (self.step * (around / self.peak).max(1.0));
            if multiple > largest.0 {
                largest = (multiple, begin as f64 / 48_000.0);
            }
        }
        largest
    }
}

fn listen(hz: f32) {
    let sample = |n: u64| AMPLITUDE * (std::f64::consts::TAU * f64::from(hz) / 48_000.0 * n as f64).sin() as f32;
    let traces = traces();
    let clean = &traces[0];
    assert_eq!(clean.name, "clean");
    let steady = Speech::said_through(clean, sample).expect("frames of 20 ms");
    let tone = Tone::of(hz, &pipeline::play(clean, &steady, Some(0.0)).expect("a decoder").samples);
    // The codec adds noise to a tone, but does not make another of it.
    let coded = tone.step / (AMPLITUDE * std::f32::consts::TAU * hz / 48_000.0);
    println!("{hz} Hz: coded, its own step is {coded:.2} of what was said");
    assert!((0.9..1.25).contains(&coded), "{hz} Hz: {coded}");

    let mut clicks = Vec::new();
    for trace in &traces {
        let differs = trace.frame_ms != clean.frame_ms || (1..trace.passages.len()).any(|index| trace.follows_pause(index));
        let other = differs.then(|| Speech::said_through(trace, sample).expect("frames of 10 or 20 ms"));
        let heard = pipeline::play(trace, other.as_ref().unwrap_or(&steady), Some(0.0)).expect("a decoder");
        // While the tone begins, the codec does not know it yet, and no part of it is like another: it is not steady.
        let (first, _) = tone.largest_step(&heard.samples[..BEGINNING]);
        let (step, at_s) = tone.largest_step(&heard.samples[BEGINNING..]);
        let at_s = at_s + BEGINNING as f64 / 48_000.0;
        println!(
            "{} Hz, {}: {step:.2} of the tone's own at {at_s:.3} s ({:.2} without regard to swells), {first:.2} while it begins; \
             {:.2} % made up, {:.2} % stretched",
            tone.hz,
            trace.name,
            largest_step(&heard.samples[BEGINNING..]) / tone.step,
            heard.concealed_percent,
            heard.stretched_percent
        );
        if step > STEP_MAX {
            clicks.push(format!("{}: {step:.2} at {at_s:.3} s", trace.name));
        }
    }
    assert!(clicks.is_empty(), "{hz} Hz clicks: {clicks:#?}");
}

/// A click would have been found: the same tone with one made into it.
#[test]
fn a_click_is_found_in_a_swell_and_beside_it() {
    let sine = |n: usize| (std::f32::consts::TAU * 440.0 / 48_000.0 * n as f32).sin();
    let even: Vec<f32> = (0..96_000).map(|n| AMPLITUDE * sine(n)).collect();
    let tone = Tone::of(440.0, &even);
    // It swells to one and a half times its loudness and back.
    let swell = |n: usize| 1.0 + 0.5 * (std::f32::consts::PI * n as f32 / 96_000.0).sin();
    let swollen: Vec<f32> = even.iter().enumerate().map(|(n, sample)| sample * swell(n)).collect();
    assert!(largest_step(&swollen) / tone.step > 1.45 && tone.largest_step(&swollen).0 < 1.05);
    for samples in [even, swollen] {
        // A quarter of a turn is left out where the tone passes zero: a splice as it must not be.
        let cut = 48_000;
        let spliced: Vec<f32> = samples[..cut].iter().chain(&samples[cut + 27..]).copied().collect();
        let (step, at_s) = tone.largest_step(&spliced);
        assert!(step > 5.0 && (at_s - 1.0).abs() < 0.01, "{step} at {at_s}");
    }
}

#[test]
fn a_low_tone_does_not_click() {
    listen(200.0);
}

#[test]
fn a_middle_tone_does_not_click() {
    listen(440.0);
}

#[test]
fn a_high_tone_does_not_click() {
    listen(1_000.0);
}
