//! WAV files in and out, and a tone for whoever has none.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

/// The longest tone: it is held in memory.
const TONE_SECONDS_MAX: f64 = 600.0;
const TONE_RATE_HZ: u32 = 16_000;
const TONE_HZ: f64 = 440.0;
/// Soft: 20 dB below full scale.
const TONE_AMPLITUDE: f64 = 0.1;

/// Mono sound at its own rate.
pub struct Sound {
    /// Samples a second.
    pub rate_hz: u32,
    /// Full scale is 1.
    pub samples: Vec<f32>,
}

/// A soft tone of 440 Hz.
///
/// # Errors
/// A sentence, where it would be too long or be nothing.
pub fn tone(seconds: f64) -> Result<Sound> {
    ensure!(seconds > 0.0 && seconds <= TONE_SECONDS_MAX, "--tone is between 0 and {TONE_SECONDS_MAX}");
    let step = std::f64::consts::TAU * TONE_HZ / f64::from(TONE_RATE_HZ);
    let count = (seconds * f64::from(TONE_RATE_HZ)).ceil() as usize;
    let samples = (0..count).map(|place| (TONE_AMPLITUDE * (step * place as f64).sin()) as f32).collect();
    Ok(Sound { rate_hz: TONE_RATE_HZ, samples })
}

/// Reads a WAV file of any rate, width and number of channels, mixed down to one.
///
/// # Errors
/// A sentence naming the file, where it is no such thing or has no samples.
pub fn read(path: &Path) -> Result<Sound> {
    let name = path.display();
    let mut reader = WavReader::open(path).with_context(|| format!("cannot read {name} as a WAV file"))?;
    let spec = reader.spec();
    let samples: Vec<f32> = match spec.sample_format {
        SampleFormat::Float => reader.samples::<f32>().collect::<Result<_, _>>(),
        SampleFormat::Int => {
            let full_scale = (1_i64 << (spec.bits_per_sample - 1)) as f32;
            reader.samples::<i32>().map(|sample| sample.map(|sample| sample as f32 / full_scale)).collect()
        }
    }
    .with_context(|| format!("{name} breaks off"))?;
    ensure!(!samples.is_empty(), "{name} holds no sound");
    let channels = usize::from(spec.channels);
    let mono = samples.chunks(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect();
    Ok(Sound { rate_hz: spec.sample_rate, samples: mono })
}

/// Writes mono sound as 16-bit WAV.
///
/// # Errors
/// A sentence naming the file, where it cannot be written.
pub fn write(path: &Path, sound: &Sound) -> Result<()> {
    let name = path.display();
    let spec = WavSpec { channels: 1, sample_rate: sound.rate_hz, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let cannot = || format!("cannot write {name}");
    let mut writer = WavWriter::create(path, spec).with_context(cannot)?;
    for sample in &sound.samples {
        let scaled = (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round();
        writer.write_sample(scaled as i16).with_context(cannot)?;
    }
    writer.finalize().with_context(cannot)
}
