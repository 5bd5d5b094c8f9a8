//! Tests in Rust: built once with cargo, then each binary run by itself under a time limit, so
//! that one that hangs or dies is seen and named.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use super::count::{self, Tally, TestBinary};
use super::report::{self, Step};
use super::{BUILD_LIMIT, Options, equip};
use crate::process::{self, with_args};
use crate::{Result, project};

/// All packages: those of the browser have tests that need none.
const EVERYTHING: [&str; 3] = ["--workspace", "--features", "xtask/brotli"];

/// Unit and integration tests of all packages, compiled for this machine.
///
/// # Errors
/// When the tests do not build.
pub(super) fn tests(options: &Options, step: &mut Step) -> Result<()> {
    let mut args = EVERYTHING.map(str::to_owned).to_vec();
    if options.long {
        // The large sizes are held to the bounds as they stand, which only optimised code can keep.
        args.push("--profile=long".into());
    }
    let product = project::release_binary("dais");
    let built = modified(&product);
    run_all(&args, options, step, |command| {
        if modified(&product) != built {
            return Err(format!("building the tests has replaced {}, which they are to test", product.display()));
        }
        equip(command, options)
    })
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|file| file.modified()).ok()
}

/// The tests of a few packages, for `cargo xtask check`: no variables, no browsers.
///
/// # Errors
/// When the tests do not build.
pub(crate) fn libraries(packages: &[&str], step: &mut Step) -> Result<()> {
    let args: Vec<String> = packages.iter().map(|package| format!("--package={package}")).collect();
    let options = Options { long: false, steps: Vec::new() };
    run_all(&args, &options, step, |_| Ok(()))
}

fn run_all(args: &[String], options: &Options, step: &mut Step, prepare: impl Fn(&mut Command) -> Result<()>) -> Result<()> {
    for binary in build(args, step)? {
        let log = step.log(&format!("-{}", binary.name.replace([' ', '(', ')', '/'], "-")))?;
        let mut command = process::command(&binary.program);
        prepare(&mut command)?;
        let folder = Path::new(&binary.manifest).parent().unwrap_or(project::root());
        command.current_dir(folder).env("CARGO_MANIFEST_DIR", folder);
        let end = process::logged(&mut command, &log, None, options.runner_limit())?;
        let outcome = count::libtest(&read(&log)?, end.success(), options.long);
        if outcome.tally != Tally::default() {
            println!("  {}: {} ({end})", binary.name, outcome.tally);
        }
        step.add(&binary.name, outcome, &log)?;
    }
    Ok(())
}

/// Builds and lists the test binaries.
fn build(args: &[String], step: &Step) -> Result<Vec<TestBinary>> {
    let mut build = with_args("cargo", &["test", "--no-run", "--message-format=json-render-diagnostics"]);
    build.args(args);
    println!("  $ {}", process::shown(&build));
    let (log, messages) = (step.log("")?, project::scratch()?.join("test-binaries.json"));
    let end = process::logged(&mut build, &log, Some(&messages), BUILD_LIMIT)?;
    if !end.success() {
        report::show(&log)?;
        return Err(format!("the tests do not build ({end})"));
    }
    Ok(count::test_binaries(&read(&messages)?))
}

/// Examples in documentation comments.
///
/// # Errors
/// When cargo cannot be started.
pub(super) fn doc_tests(options: &Options, step: &mut Step) -> Result<()> {
    let mut command = with_args("cargo", &["test", "--doc"]);
    command.args(EVERYTHING);
    println!("  $ {}", process::shown(&command));
    let log = step.log("")?;
    let end = process::logged(&mut command, &log, None, BUILD_LIMIT)?;
    let outcome = count::libtest(&read(&log)?, end.success(), options.long);
    if outcome.tally == Tally::default() {
        // No example anywhere: that they all build is what was checked.
        step.passed(1);
    }
    step.add("", outcome, &log)
}

fn read(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
