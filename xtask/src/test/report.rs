//! Steps, their counts, and what a person sees of them: one line for a step that passed, all of
//! its output for one that failed, and the count as the very last line.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use super::count::{Outcome, Tally};
use crate::{Result, process, project};

/// Everything that has been counted so far.
pub(crate) struct Report {
    total: Tally,
    failures: Vec<String>,
    skips: Vec<String>,
    started: Instant,
}

impl Report {
    pub(crate) fn new() -> Self {
        Report { total: Tally::default(), failures: Vec::new(), skips: Vec::new(), started: Instant::now() }
    }

    /// Runs one step. Whatever goes wrong in it is counted, never lost: an error that is not a
    /// counted failure, and a step that counted nothing at all, are a failure each.
    pub(crate) fn step(&mut self, name: &str, title: &str, function: impl FnOnce(&mut Step) -> Result<()>) {
        println!("----- {name}: {title}");
        let started = Instant::now();
        let mut step = Step::new(name);
        let outcome = function(&mut step);
        let error = match outcome {
            Err(sentence) => Some(sentence),
            Ok(()) if step.tally == Tally::default() => Some("nothing was run".to_owned()),
            Ok(()) => None,
        };
        if let Some(sentence) = error {
            println!("{sentence}");
            if step.tally.failed == 0 {
                step.failed(1, &sentence);
            }
        }
        let verdict = if step.tally.failed > 0 { "FAILED" } else { "ok" };
        println!("{verdict:6} {name}: {}, {:.0} s", step.tally, started.elapsed().as_secs_f64());
        self.total.add(step.tally);
        self.failures.extend(step.failures.into_iter().map(|what| format!("{name}: {what}")));
        self.skips.extend(step.skips.into_iter().map(|what| format!("{name}: {what}")));
    }

    /// Prints what was skipped and what failed, and the count, and says how to exit. A skipped test is one that could
    /// not be judged on this machine at this time; no test is switched off by hand, which `tests/src/tidy.rs` sees to.
    pub(crate) fn finish(self) -> ExitCode {
        println!("-----");
        for skip in &self.skips {
            println!("skipped {skip}");
        }
        for failure in &self.failures {
            println!("FAILED {failure}");
        }
        println!("{:.0} s in all", self.started.elapsed().as_secs_f64());
        println!("{}", self.total);
        if self.total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// One step as it runs.
pub(crate) struct Step {
    name: String,
    tally: Tally,
    failures: Vec<String>,
    skips: Vec<String>,
}

impl Step {
    fn new(name: &str) -> Self {
        Step { name: name.to_owned(), tally: Tally::default(), failures: Vec::new(), skips: Vec::new() }
    }

    pub(crate) fn passed(&mut self, count: u64) {
        self.tally.passed += count;
    }

    /// Counts failures; `what` goes into the summary.
    pub(crate) fn failed(&mut self, count: u64, what: &str) {
        self.tally.failed += count;
        self.failures.push(what.to_owned());
    }

    /// Takes over what a runner counted. What failed is printed at once, with the log if there is one: that is long.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) fn add(&mut self, runner: &str, outcome: Outcome, log: &Path) -> Result<()> {
        let named = |what: &String| if runner.is_empty() { what.clone() } else { format!("{runner} {what}") };
        self.tally.add(outcome.tally);
        self.skips.extend(outcome.skips.iter().map(named));
        let failures: Vec<String> = outcome.failures.iter().map(named).collect();
        for failure in &failures {
            println!("FAILED {failure}");
        }
        if outcome.tally.failed > 0 {
            show(log)?;
        }
        self.failures.extend(failures);
        Ok(())
    }

    /// Where output of this step goes; `part` tells apart several in one step.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub(crate) fn log(&self, part: &str) -> Result<PathBuf> {
        Ok(project::scratch()?.join(format!("{}{part}.log", self.name)))
    }

    /// Runs a check: one test, whose output is shown only if it fails.
    ///
    /// # Errors
    /// When it cannot be started at all.
    pub(crate) fn check(&mut self, command: &mut Command, limit: Duration) -> Result<()> {
        println!("  $ {}", process::shown(command));
        let log = self.log("")?;
        let end = process::logged(command, &log, None, limit)?;
        if end.success() {
            self.passed(1);
        } else {
            show(&log)?;
            self.failed(1, &format!("`{}` ({end})", process::shown(command)));
        }
        Ok(())
    }
}

/// Prints a log in full.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn show(log: &Path) -> Result<()> {
    let bytes = std::fs::read(log).map_err(|error| format!("cannot read {}: {error}", log.display()))?;
    println!("{}", String::from_utf8_lossy(&bytes));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_errs_or_counts_nothing_has_failed() {
        let mut report = Report::new();
        report.step("fine", "", |step| {
            step.passed(3);
            Ok(())
        });
        report.step("broken", "", |step| {
            step.passed(2);
            Err("no compiler".to_owned())
        });
        report.step("empty", "", |_| Ok(()));
        assert_eq!(report.total, Tally { passed: 5, failed: 2, skipped: 0 });
        assert_eq!(report.failures, ["broken: no compiler", "empty: nothing was run"]);
    }

    #[test]
    fn a_check_counts_once_by_how_it_ends() {
        let mut step = Step::new("report-test");
        step.check(&mut Command::new("true"), Duration::from_secs(10)).expect("starts");
        step.check(&mut Command::new("false"), Duration::from_secs(10)).expect("starts");
        assert_eq!(step.tally, Tally { passed: 1, failed: 1, skipped: 0 });
        assert!(step.check(&mut Command::new("/nonexistent"), Duration::from_secs(10)).is_err());
    }
}
