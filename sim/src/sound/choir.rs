//! Sixteen people who all speak at once, each at −20 dBFS: what they add up to is beyond full scale again and again, and
//! has to be held under it by the mix's gain, not bent by its soft clip.

use std::time::Duration;

use dais_audio::{CodecError, PacketHeader, PlaybackConfig, PlaybackPipeline};

use super::pipeline::Speech;
use super::trace::FRAME_MS;

const SPEAKERS: u32 = 16;
const SECONDS: u64 = 60;
/// −20 dBFS, as mean square.
const LOUDNESS: f32 = 0.01;
/// Stretches of a clip quieter than this against its loudest are pauses, as a factor of power: 30 dB.
const PAUSE: f32 = 1e-3;
/// How much of the sound may touch the soft clip, in percent.
const CLIPPED_PERCENT_MAX: f64 = 0.1;

/// Plays the choir, prints what became of it, and says whether its gate holds.
///
/// # Errors
/// libopus cannot make what is needed.
pub(crate) fn run(clips: &[Vec<f32>]) -> Result<bool, CodecError> {
    let samples: Vec<f32> = clips.iter().flat_map(|clip| at_loudness(clip)).collect();
    let speech = Speech::encode(&samples, FRAME_MS)?;
    let frames = speech.frames();
    let mut playback = PlaybackPipeline::new(PlaybackConfig::new(48_000))?;
    let frame_ms = FRAME_MS as u64;
    let mut heard = vec![0.0; FRAME_MS as usize * 48];
    let mut peak = 0.0f32;
    for sequence in 0..u32::try_from(SECONDS * 1000 / frame_ms).unwrap_or(u32::MAX) {
        let now_ms = u64::from(sequence) * frame_ms;
        for stream in 0..SPEAKERS {
            // Everybody says something else.
            let begin = frames.len() * stream as usize / SPEAKERS as usize;
            let frame = &frames[(begin + sequence as usize) % frames.len()];
            let header = PacketHeader {
                stream,
                sequence,
                timestamp: u64::from(sequence) * u64::from(frame.duration_samples),
                arrival_ms: now_ms,
                duration_samples: frame.duration_samples,
                level_dbov: frame.level_dbov,
                flags: 0,
            };
            playback.insert(&header, &frame.payload, Duration::from_millis(now_ms));
        }
        playback.render(&mut heard, Duration::from_millis(now_ms));
        peak = heard.iter().fold(peak, |peak, sample| peak.max(sample.abs()));
    }
    let statistics = playback.statistics();
    let percent = 100.0 * statistics.samples_clipped_total as f64 / statistics.samples_rendered_total as f64;
    let holds = percent < CLIPPED_PERCENT_MAX;
    println!(
        "\nSixteen voices at −20 dBFS: {percent:.3} % of the samples in the soft clip, peak {:.2} dBFS: {}.",
        20.0 * peak.log10(),
        if holds { "holds" } else { "FAILS" }
    );
    Ok(holds)
}

/// The clip with [`LOUDNESS`] where it is no pause.
fn at_loudness(clip: &[f32]) -> Vec<f32> {
    let power = |frame: &[f32]| frame.iter().map(|sample| sample * sample).sum::<f32>() / frame.len() as f32;
    let powers: Vec<f32> = clip.chunks_exact(960).map(power).collect();
    let loudest = powers.iter().copied().fold(0.0, f32::max);
    let spoken: Vec<f32> = powers.into_iter().filter(|power| *power > loudest * PAUSE).collect();
    let mean = spoken.iter().sum::<f32>() / spoken.len().max(1) as f32;
    let factor = (LOUDNESS / mean.max(f32::MIN_POSITIVE)).sqrt();
    clip.iter().map(|sample| sample * factor).collect()
}
