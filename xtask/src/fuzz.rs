//! `cargo xtask fuzz`: looks for inputs that break what must always hold (the targets are `fuzz/src`).
//!
//! The engine is libFuzzer, built from the C++ in its crate. It is guided by coverage, which LLVM counts for stable rustc, too,
//! when asked with [`INSTRUMENTED`]; only its sanitizers need a nightly one, and there is next to no unsafe code to sanitize.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use crate::process::{End, command, logged, output, run, succeeds, with_args};
use crate::{Result, process, project};

/// Every target, and how long its inputs may be, in bytes: longer ones reach nothing new.
const TARGETS: [(&str, u32); 4] =
    [("wire_decode", 1_400), ("websocket_frames", 600), ("room_inputs", 362), ("jitter_buffer", 800)];

/// What cargo-fuzz hands to rustc: a counter for each edge, and the operands of comparisons.
const INSTRUMENTED: &str = "--cfg=fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

/// How long it goes on where nobody says, all targets together.
const MINUTES: f64 = 4.0;

/// One input may take this long, in seconds: a thousand times what the slowest one does.
const ONE_INPUT_SECONDS: u32 = 20;

/// How long a failing input is made smaller, in seconds.
const MINIMISE_SECONDS: u32 = 30;

/// Starting, reading the corpora and ending take so long at most, beyond the time to explore.
const BESIDE: Duration = Duration::from_secs(120);

#[derive(Debug, PartialEq)]
struct Options {
    minutes: f64,
    /// Adds what reaches new code to the committed corpora.
    keep: bool,
    targets: Vec<(&'static str, u32)>,
}

/// What exploring one target came to.
struct Explored {
    name: &'static str,
    executions: u64,
    seconds: u64,
    inputs: usize,
    edges: u64,
    /// The file in the committed corpus, and what was said.
    failure: Option<(PathBuf, String)>,
}

/// Explores for so many minutes.
///
/// # Errors
/// Something does not build, or an input fails: it is in the corpus then, and the tests fail until it does not.
pub(crate) fn fuzz(args: &[String]) -> Result<()> {
    let options = parse(args)?;
    process::forward_signals()?;
    let program = build()?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let at_once = cores.min(options.targets.len());
    let seconds = (options.minutes * 60.0 * at_once as f64 / options.targets.len() as f64).max(1.0) as u64;
    println!("{} targets, {at_once} at a time, {seconds} s each", options.targets.len());
    let waiting = Mutex::new(options.targets.iter());
    let explored = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().ok().and_then(|mut waiting| waiting.next());
                    let Some(&(name, bytes_max)) = next else { break };
                    let outcome = explore(&program, name, bytes_max, seconds);
                    explored.lock().expect("nobody panics while he holds this").push(outcome);
                }
            });
        }
    });
    let explored = explored.into_inner().expect("nobody panicked while he held this");
    let explored: Vec<Explored> = explored.into_iter().collect::<Result<_>>()?;
    report(&explored);
    let failed: Vec<&str> = explored.iter().filter(|one| one.failure.is_some()).map(|one| one.name).collect();
    if !failed.is_empty() {
        return Err(format!("found something in {}", failed.join(", ")));
    }
    if options.keep {
        options.targets.iter().try_for_each(|(name, _)| keep(&program, name))?;
    }
    Ok(())
}

fn parse(args: &[String]) -> Result<Options> {
    let mut options = Options { minutes: MINUTES, keep: false, targets: Vec::new() };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--keep" => options.keep = true,
            "--minutes" => {
                let minutes = args.next().and_then(|minutes| minutes.parse().ok()).filter(|minutes: &f64| *minutes > 0.0);
                options.minutes = minutes.ok_or("--minutes wants a number")?;
            }
            name => {
                let target = TARGETS.iter().find(|(target, _)| *target == name);
                let names = TARGETS.map(|(name, _)| name).join(" ");
                options
                    .targets
                    .push(*target.ok_or(format!("`fuzz` knows --minutes, --keep and the targets {names}; not `{name}`"))?);
            }
        }
    }
    if options.targets.is_empty() {
        options.targets = TARGETS.to_vec();
    }
    Ok(options)
}

/// The targets, their counters and libFuzzer, as one program.
fn build() -> Result<PathBuf> {
    if process::which("c++").is_none() {
        return Err("libFuzzer is C++, and there is no `c++` here; `cargo xtask setup` installs one".to_owned());
    }
    // With a target named, what runs while building is built without counters.
    let version = output(&mut with_args("rustc", &["-vV"])).ok_or("rustc does not say its version")?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc does not name its host")?;
    let mut build =
        with_args("cargo", &["build", "--profile=fuzz", "--package=dais-fuzz", "--features=explore", "--target", host]);
    run(build.env("RUSTFLAGS", INSTRUMENTED))?;
    Ok(project::target().join(host).join("fuzz").join("dais-fuzz"))
}

/// Inputs in the repository.
fn committed(name: &str) -> PathBuf {
    project::root().join("fuzz/corpus").join(name)
}

/// A folder of this target's own, with what it found so far, for the next time.
fn own_folder(name: &str) -> Result<PathBuf> {
    let folder = project::scratch()?.join("fuzz").join(name);
    let inputs = folder.join("inputs");
    std::fs::create_dir_all(&inputs).map_err(|error| format!("cannot make {}: {error}", inputs.display()))?;
    Ok(folder)
}

fn start(program: &Path, name: &str) -> Command {
    let mut start = command(program);
    start.env("DAIS_FUZZ_TARGET", name);
    start
}

fn explore(program: &Path, name: &'static str, bytes_max: u32, seconds: u64) -> Result<Explored> {
    let folder = own_folder(name)?;
    let prefix = format!("{}/failing-", folder.display());
    files(&folder).into_iter().for_each(|old| drop(std::fs::remove_file(old)));
    let log = folder.with_extension("log");
    let mut explore = start(program, name);
    explore.arg(folder.join("inputs")).arg(committed(name)).args([
        format!("-max_total_time={seconds}"),
        format!("-max_len={bytes_max}"),
        format!("-timeout={ONE_INPUT_SECONDS}"),
        format!("-artifact_prefix={prefix}"),
        "-print_final_stats=1".to_owned(),
    ]);
    let end = logged(&mut explore, &log, None, Duration::from_secs(seconds) + BESIDE)?;
    let bytes = std::fs::read(&log).map_err(|error| format!("cannot read {}: {error}", log.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    let executions = after(&text, "stat::number_of_executed_units:").unwrap_or(0);
    let per_second = after(&text, "stat::average_exec_per_sec:").unwrap_or(0);
    let failure = if end.success() { None } else { Some(failure(program, name, &folder, &text, &end)?) };
    Ok(Explored {
        name,
        executions,
        seconds: executions.checked_div(per_second).unwrap_or(seconds),
        inputs: files(&folder.join("inputs")).len(),
        edges: after(&text, " cov: ").unwrap_or(0),
        failure,
    })
}

/// The last number that stands behind `label`.
fn after(text: &str, label: &str) -> Option<u64> {
    let rest = text.rsplit_once(label)?.1.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect()
}

/// Makes the input smaller and leaves it in the committed corpus.
fn failure(program: &Path, name: &str, folder: &Path, log: &str, end: &End) -> Result<(PathBuf, String)> {
    let Some(found) = files(folder).into_iter().next() else {
        return Err(format!("{name} ended ({end}) without leaving an input:\n{log}"));
    };
    let smaller = folder.with_extension("smaller");
    let _ = std::fs::remove_file(&smaller);
    let mut minimise = start(program, name);
    minimise.arg("-minimize_crash=1").arg(format!("-max_total_time={MINIMISE_SECONDS}"));
    minimise.arg(format!("-timeout={ONE_INPUT_SECONDS}")).arg(format!("-exact_artifact_path={}", smaller.display())).arg(&found);
    let limit = Duration::from_secs(MINIMISE_SECONDS.into()) + BESIDE;
    logged(&mut minimise, &folder.with_extension("minimise.log"), None, limit)?;
    let fails = smaller.is_file() && !succeeds(start(program, name).arg(&smaller));
    let input = if fails { smaller } else { found.clone() };
    // libFuzzer names what it found by its hash.
    let hash: String = found.to_string_lossy().chars().rev().take(8).collect::<Vec<_>>().into_iter().rev().collect();
    let kept = committed(name).join(format!("found-{hash}"));
    std::fs::copy(&input, &kept).map_err(|error| format!("cannot write {}: {error}", kept.display()))?;
    let said: Vec<&str> =
        log.lines().skip_while(|line| !line.contains("panicked at") && !line.contains("ERROR: ")).take(4).collect();
    Ok((kept, said.join("\n    ")))
}

fn report(explored: &[Explored]) {
    println!("{:18} {:>12} {:>10} {:>8} {:>8}", "target", "executions", "per second", "inputs", "edges");
    for one in explored {
        let per_second = one.executions / one.seconds.max(1);
        println!("{:18} {:>12} {per_second:>10} {:>8} {:>8}", one.name, one.executions, one.inputs, one.edges);
    }
    for (name, (file, said)) in explored.iter().filter_map(|one| Some((one.name, one.failure.as_ref()?))) {
        println!("\n{name} fails:\n    {said}\n  The input is {}.", file.display());
        println!("  To see it again: cargo test --package dais-fuzz {name}");
    }
}

/// Takes over from what was found the fewest inputs that reach what the committed ones do not.
fn keep(program: &Path, name: &str) -> Result<()> {
    let before = files(&committed(name)).len();
    let mut merge = start(program, name);
    // Edges alone: how often each was taken would make it ten times as many.
    merge.args(["-merge=1", "-set_cover_merge=1", "-use_counters=0"]).arg(committed(name)).arg(own_folder(name)?.join("inputs"));
    let log = own_folder(name)?.with_extension("merge.log");
    let end = logged(&mut merge, &log, None, Duration::from_secs(600))?;
    if !end.success() {
        return Err(format!("cannot merge what {name} found ({end}): see {}", log.display()));
    }
    println!("{name}: {before} inputs in {}, now {}", committed(name).display(), files(&committed(name)).len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_minutes_and_names() {
        let parsed = |list: &[&str]| parse(&list.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>());
        assert_eq!(parsed(&[]).map(|options| options.targets.len()), Ok(TARGETS.len()));
        let one = Options { minutes: 0.5, keep: true, targets: vec![TARGETS[2]] };
        assert_eq!(parsed(&["--minutes", "0.5", "room_inputs", "--keep"]), Ok(one));
        for wrong in [&["--minutes"][..], &["--minutes", "-1"], &["rooms"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn every_target_has_a_corpus_and_every_corpus_a_target() {
        let folders = std::fs::read_dir(project::root().join("fuzz/corpus")).expect("the corpora are in the repository");
        let mut folders: Vec<_> = folders.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        folders.sort();
        let mut names = TARGETS.map(|(name, _)| name);
        names.sort_unstable();
        assert_eq!(folders, names);
    }

    #[test]
    fn the_last_of_libfuzzers_numbers_counts() {
        let log = "#2\tINITED cov: 7 ft: 7\n#9\tDONE   cov: 12 ft: 9 corp: 3/15b\nstat::number_of_executed_units: 30150769\n";
        assert_eq!((after(log, " cov: "), after(log, "stat::number_of_executed_units:")), (Some(12), Some(30_150_769)));
        assert_eq!(after(log, "stat::average_exec_per_sec:"), None);
    }
}
