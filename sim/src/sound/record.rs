//! Speech through networks, written down as it is heard, for the judges.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use super::pipeline::{self, Speech};
use super::trace::{FRAME_MS, Trace};
use super::{Options, networks, read_speech};

/// Seeds with which each kind of network is spoken through.
const SEEDS: u64 = 10;

/// Says all clips through networks of several kinds, and writes what is heard as `KIND-SEED.wav`, beside `KIND-SEED.csv` with
/// where each clip begins, in samples at 48 kHz. Of networks that last longer than all clips, the last time that these are
/// said is written.
///
/// # Errors
/// Speech cannot be read, output cannot be written.
pub(crate) fn record(options: &Options) -> Result<(), Box<dyn Error>> {
    let directory = options.output.as_ref().ok_or("say where to write: --output DIRECTORY")?;
    let clips = read_speech(&options.speech)?;
    let recorder = Recorder {
        directory,
        begins: clips.iter().scan(0, |begin, clip| Some(std::mem::replace(begin, *begin + clip.len()))).collect(),
        speech: Speech::encode(&clips.concat(), FRAME_MS)?,
    };
    let frames = u32::try_from(recorder.speech.frames().len())?;
    for trace in networks::to_record_once(frames, |sequence| recorder.begins_with(sequence % frames)) {
        recorder.record(&trace, 1)?;
    }
    for seed in 1..=SEEDS {
        networks::to_record(seed, frames).iter().try_for_each(|trace| recorder.record(trace, seed))?;
    }
    Ok(())
}

struct Recorder<'a> {
    directory: &'a Path,
    speech: Speech,
    /// Where each clip begins in what is said once, in samples.
    begins: Vec<usize>,
}

impl Recorder<'_> {
    /// The frame in which a clip begins.
    fn frame_of(begin: usize) -> usize {
        begin / (FRAME_MS as usize * 48)
    }

    /// Whether a clip begins with this frame. The first needs no pause before it.
    fn begins_with(&self, frame: u32) -> bool {
        self.begins.iter().skip(1).any(|begin| Self::frame_of(*begin) == frame as usize)
    }

    fn record(&self, trace: &Trace, seed: u64) -> Result<(), Box<dyn Error>> {
        let frames = self.speech.frames().len();
        let rounds = (trace.passages.len() / frames).max(1);
        let last_round = &trace.passages[(rounds - 1) * frames..];
        let first_ms = trace.passages.first().map_or(0.0, |first| first.sent_ms);
        let from_ms = last_round.first().map_or(0.0, |first| first.sent_ms);
        let heard = pipeline::play(trace, &self.speech, Some(from_ms - first_ms))?;
        let mut begins = String::new();
        for begin in &self.begins {
            let frame = last_round.get(Self::frame_of(*begin)).ok_or("the network ends before the speech")?;
            writeln!(begins, "{}", ((frame.sent_ms - from_ms) * 48.0) as u64)?;
        }
        let path = |extension: &str| self.directory.join(format!("{}-{seed}.{extension}", trace.name));
        std::fs::write(path("csv"), begins)?;
        write_wav(&path("wav"), &heard.samples)
    }
}

fn write_wav(path: &Path, samples: &[f32]) -> Result<(), Box<dyn Error>> {
    let spec = hound::WavSpec { channels: 1, sample_rate: 48_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(path, spec)?;
    for sample in samples {
        writer.write_sample((sample * 32_767.0) as i16)?;
    }
    Ok(writer.finalize()?)
}
