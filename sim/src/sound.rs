//! What the product's pipelines make of networks, beside a fixed buffer that knew them
//! before and beside NetEq's delay manager.
//!
//! Lag is counted from what the quickest frame of the trace took; framing, the codec's look-ahead and sound
//! cards come on top, for everybody alike. Lost is what was concealed or discarded, of what was said.

mod battery;
mod choir;
#[cfg(test)]
mod click;
mod neteq;
mod networks;
mod oracle;
mod pipeline;
mod random;
mod record;
mod trace;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use neteq::Outcome;
use pipeline::{Heard, Speech};
pub(crate) use record::record;
use trace::Trace;

/// What to simulate.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// A directory of WAV files, mono at 48 kHz: what is said.
    pub(crate) speech: PathBuf,
    /// Somebody's trace instead of our own.
    pub(crate) trace: Option<PathBuf>,
    /// How many seeded traces are compared with NetEq.
    pub(crate) battery: Option<u64>,
    /// Only traces whose name contains this.
    pub(crate) only: Option<String>,
    /// Where what was heard is written, a WAV file each: for [`record`].
    pub(crate) output: Option<PathBuf>,
}

/// Runs what `options` say and prints tables; whether every gate held.
///
/// # Errors
/// Speech or trace cannot be read, output cannot be written.
pub(crate) fn run(options: &Options) -> Result<bool, Box<dyn Error>> {
    let clips = read_speech(&options.speech)?;
    let samples = clips.concat();
    let battery = options.battery.unwrap_or(if options.trace.is_some() || options.only.is_some() { 0 } else { BATTERY });
    let traces = match &options.trace {
        Some(path) => vec![Trace::read(path).map_err(|error| error.to_string())?],
        None => networks::of_the_table().into_iter().filter(|trace| is_wanted(options, &trace.name)).collect(),
    };
    println!(
        "| trace | mean ms | p95 ms | concealed % | discarded % | stretched % | underruns | off target ms | fixed: same loss | NetEq: J at same delay | J | gate |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    let mut holds = true;
    for trace in &traces {
        let speech = Speech::encode(&samples, trace.frame_ms)?;
        let heard = pipeline::play(trace, &speech, None)?;
        holds &= print_row(trace, &heard);
    }
    if battery > 0 {
        holds &= run_battery(battery, &samples)?;
    }
    if options.trace.is_none() && is_wanted(options, "choir") {
        holds &= choir::run(&clips)?;
    }
    Ok(holds)
}

/// Seeded traces that are compared with NetEq, unless said otherwise.
const BATTERY: u64 = 60;

fn is_wanted(options: &Options, name: &str) -> bool {
    options.only.as_ref().is_none_or(|only| name.contains(only.as_str()))
}

/// What a trace allows, from the targets of this product.
fn gate(trace: &Trace, heard: &Heard) -> Option<bool> {
    let stationary = |most: f64| {
        let fixed_ms = oracle::fixed_delay_ms(trace, most);
        heard.lost_percent() <= most && fixed_ms.is_some_and(|fixed_ms| heard.delay_ms <= fixed_ms + 10.0)
    };
    match trace.name.as_str() {
        "clean" => Some(heard.lost_percent() == 0.0),
        "jitter-50" | "jitter-50-short" | "tcp-1" | "tcp-1-short" => Some(stationary(1.0)),
        "tcp-5" | "tcp-5-short" | "tcp-5-up" | "tcp-5-short-up" => Some(stationary(4.0)),
        "tcp-alternating" => {
            Some(oracle::fixed_delay_ms(trace, heard.lost_percent()).is_some_and(|fixed_ms| heard.delay_ms <= 0.7 * fixed_ms))
        }
        name if name.starts_with("stall-") => Some(is_back(heard, 25.0) && heard.discarded_ms <= 300.0),
        "cut" => Some(is_back(heard, 28.0)),
        name if name.starts_with("drift") => Some(heard.off_target_ms <= 10.0 && heard.underruns == 0),
        _ => None,
    }
}

/// Whether the lag is what it was in the second ten seconds, from this second on, within 10 ms.
fn is_back(heard: &Heard, from_s: f64) -> bool {
    let before = heard.lags_ms.iter().filter(|(second, _)| (10.0..19.0).contains(second));
    let baseline = before.clone().map(|(_, lag)| lag).sum::<f64>() / before.count().max(1) as f64;
    heard.lags_ms.iter().filter(|(second, _)| *second >= from_s).all(|(_, lag)| (lag - baseline).abs() <= 10.0)
}

fn print_row(trace: &Trace, heard: &Heard) -> bool {
    let fixed = oracle::fixed_delay_ms(trace, heard.lost_percent()).map_or("–".to_owned(), |ms| format!("{ms:.0} ms"));
    let rival = rival(trace, heard.delay_ms);
    let gate = gate(trace, heard);
    println!(
        "| {} | {:.1} | {:.1} | {:.2} | {:.2} | {:.2} | {} | {:.1} | {fixed} | {:.0} ms, {:.2} %: {:.1} | {:.1} | {} |",
        trace.name,
        heard.delay_ms,
        heard.delay_p95_ms,
        heard.concealed_percent,
        heard.discarded_percent,
        heard.stretched_percent,
        heard.underruns,
        heard.off_target_ms,
        rival.delay_ms,
        rival.lost_percent,
        rival.cost(),
        heard.cost(),
        gate.map_or("", |holds| if holds { "holds" } else { "FAILS" }),
    );
    gate.unwrap_or(true)
}

/// NetEq with the quantile that gives it this mean delay, between the two nearest tried.
fn rival(trace: &Trace, delay_ms: f64) -> Outcome {
    let mut outcomes: Vec<Outcome> =
        (80..=99).map(|percent| neteq::play(trace, trace.frame_ms, f64::from(percent) / 100.0)).collect();
    outcomes.sort_by(|one, other| one.delay_ms.total_cmp(&other.delay_ms));
    let above = outcomes.partition_point(|outcome| outcome.delay_ms < delay_ms);
    let (Some(low), Some(high)) = (above.checked_sub(1).map(|below| outcomes[below]), outcomes.get(above)) else {
        return if above == 0 { outcomes[0] } else { outcomes[above - 1] };
    };
    let share = (delay_ms - low.delay_ms) / (high.delay_ms - low.delay_ms).max(1e-9);
    Outcome { delay_ms, lost_percent: low.lost_percent + share * (high.lost_percent - low.lost_percent) }
}

/// What came of the seeded traces of one kind, added up.
#[derive(Debug, Default)]
struct Kind {
    traces: u64,
    better: u64,
    ours: Outcome,
    neteq: Outcome,
}

impl Kind {
    fn add(&mut self, ours: Outcome, neteq: Outcome) {
        self.traces += 1;
        self.better += u64::from(ours.cost() < neteq.cost());
        for (sum, one) in [(&mut self.ours, ours), (&mut self.neteq, neteq)] {
            sum.delay_ms += one.delay_ms;
            sum.lost_percent += one.lost_percent;
        }
    }

    fn print(&self, name: &str) {
        let columns = |sum: Outcome| {
            let mean = |sum: f64| sum / self.traces as f64;
            format!("{:.1} | {:.2} | {:.1}", mean(sum.delay_ms), mean(sum.lost_percent), mean(sum.cost()))
        };
        let (ours, neteq) = (columns(self.ours), columns(self.neteq));
        println!("| {name} | {ours} | {neteq} | {} of {} |", self.better, self.traces);
    }
}

/// Seeded traces against NetEq: whether four in five are better.
fn run_battery(battery: u64, samples: &[f32]) -> Result<bool, Box<dyn Error>> {
    let speech = Speech::encode(samples, trace::FRAME_MS)?;
    let mut kinds: BTreeMap<String, Kind> = BTreeMap::new();
    println!("\n| seeded traces | mean ms | lost % | J | NetEq ms | NetEq lost % | NetEq J | better in |");
    println!("|---|---|---|---|---|---|---|---|");
    for seed in 1..=battery {
        let trace = battery::trace(seed);
        let heard = pipeline::play(&trace, &speech, None)?;
        let ours = Outcome { delay_ms: heard.delay_ms, lost_percent: heard.lost_percent() };
        let kind = trace.name.trim_end_matches(|end: char| end.is_ascii_digit()).trim_end_matches('-');
        kinds.entry(kind.to_owned()).or_default().add(ours, rival(&trace, heard.delay_ms));
    }
    kinds.iter().for_each(|(name, kind)| kind.print(name));
    let better: u64 = kinds.values().map(|kind| kind.better).sum();
    println!("\nBetter than NetEq in {better} of {battery} seeded traces.");
    Ok(better * 5 >= battery * 4)
}

/// The clips of a directory in the order of their names.
fn read_speech(directory: &Path) -> Result<Vec<Vec<f32>>, Box<dyn Error>> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wav"));
    paths.sort();
    let mut clips = Vec::new();
    for path in &paths {
        let mut reader = hound::WavReader::open(path)?;
        let spec = reader.spec();
        if (spec.channels, spec.sample_rate, spec.bits_per_sample) != (1, 48_000, 16) {
            return Err(format!("{} is not mono, 48 kHz, 16 bit", path.display()).into());
        }
        let samples: Result<Vec<i16>, _> = reader.samples().collect();
        clips.push(samples?.into_iter().map(|sample| f32::from(sample) / 32_768.0).collect::<Vec<f32>>());
    }
    if clips.iter().map(Vec::len).sum::<usize>() < 48_000 {
        return Err(format!("{} holds less than a second of speech", directory.display()).into());
    }
    Ok(clips)
}
