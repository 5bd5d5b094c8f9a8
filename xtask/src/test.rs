//! `cargo xtask test`: every check and every test there is, each as a named step, and the count
//! as the last line. A check that is no test runner (format, lints, builds) counts as one test.
//!
//! Programs find what they test through variables ([`environment`]), for tests in Rust and in
//! JavaScript alike.

mod browser;
mod count;
mod report;
mod rust;
mod trunk;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use crate::client::{self, Page};
use crate::process::{self, with_args};
use crate::{Result, project, run, setup};
use report::Step;

pub(crate) use report::Report;
pub(crate) use rust::libraries;

/// How long a check or a build may take; a cold release build on two busy cores needs minutes.
const BUILD_LIMIT: Duration = Duration::from_secs(40 * 60);

/// How long a single test may take; under `--long` there is no such limit.
const ONE_TEST_LIMIT: Duration = Duration::from_secs(60);

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    /// The big size: tests see `DAIS_LONG=1`.
    long: bool,
    /// Names of the steps to run; empty means all.
    steps: Vec<String>,
}

impl Options {
    fn asks_for(&self, step: &str) -> bool {
        if self.steps.is_empty() { self.long || step != ONLY_LONG } else { self.steps.iter().any(|asked| asked == step) }
    }

    /// How long one runner (a test binary, the browser tests) may take as a whole.
    fn runner_limit(&self) -> Duration {
        let minutes = if self.long { 6 * 60 } else { 30 };
        Duration::from_secs(minutes * 60)
    }

    /// The limit that a single test is measured by.
    fn one_test_limit(&self) -> Option<Duration> {
        (!self.long).then_some(ONE_TEST_LIMIT)
    }
}

type StepFunction = fn(&Options, &mut Step) -> Result<()>;

/// The steps in their order: what fails quickest comes first, and what tests the built product
/// comes after building it.
const STEPS: [(&str, &str, StepFunction); 10] = [
    ("set-up", "tools, browsers, Python", set_up),
    ("format", "cargo fmt --check", format),
    ("clippy", "clippy, this machine", clippy),
    ("clippy-wasm", "clippy, wasm32", clippy_wasm),
    ("client", "the client in release", build_client),
    ("release", "server and bots in release", build_release),
    ("unit", "tests in Rust", rust::tests),
    ("doc", "examples in the documentation", rust::doc_tests),
    ("e2e", "journeys in browsers", browser::journeys),
    (ONLY_LONG, "Trunk makes the same page", trunk::same_page),
];

/// The step that has to be asked for, by its name or by `--long`: it takes as long to build Trunk as it does to build Dais.
const ONLY_LONG: &str = "trunk";

/// Runs the steps asked for. Exits with success only if nothing failed.
pub(crate) fn run(args: &[String]) -> ExitCode {
    let options = match parse(args) {
        Ok(options) => options,
        Err(sentence) => {
            eprintln!("xtask: {sentence}");
            return ExitCode::from(2);
        }
    };
    let mut report = Report::new();
    if let Err(sentence) = process::forward_signals() {
        eprintln!("xtask: {sentence}");
    }
    for (name, title, function) in STEPS {
        if options.asks_for(name) {
            report.step(name, title, |step| function(&options, step));
        }
    }
    report.finish()
}

fn parse(args: &[String]) -> Result<Options> {
    let mut options = Options { long: false, steps: Vec::new() };
    for arg in args {
        if arg == "--long" {
            options.long = true;
        } else if STEPS.iter().any(|(name, _, _)| name == arg) {
            options.steps.push(arg.clone());
        } else if arg != "--" {
            let names: Vec<&str> = STEPS.iter().map(|(name, _, _)| *name).collect();
            return Err(format!("`test` knows --long and the steps {}; not `{arg}`", names.join(" ")));
        }
    }
    Ok(options)
}

/// The variables every test sees:
///
/// - `DAIS_BIN`, `DAIS_BOTS_BIN`: the release builds of the server (client inside) and the bots
/// - `CHROMIUM`, `FIREFOX`: the browsers
/// - `NGINX`: a reverse proxy
/// - `DAIS_PYTHON`: an interpreter with numpy, scipy, soundfile, pesq and pystoi
///
/// and under `--long` also `DAIS_LONG=1`.
///
/// # Errors
/// When a browser is not installed or `tests/requirements.txt` cannot be read.
pub(crate) fn environment() -> Result<Vec<(&'static str, String)>> {
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    Ok(vec![
        ("DAIS_BIN", text(project::release_binary("dais"))),
        ("DAIS_BOTS_BIN", text(project::release_binary("dais-bots"))),
        ("CHROMIUM", text(setup::chromium().ok_or("there is no Chromium")?)),
        ("FIREFOX", text(setup::firefox().ok_or("there is no Firefox")?)),
        ("NGINX", text(setup::nginx().ok_or("there is no nginx")?)),
        ("DAIS_PYTHON", text(setup::python()?)),
    ])
}

/// Gives a test runner its variables.
fn equip(command: &mut Command, options: &Options) -> Result<()> {
    command.envs(environment()?);
    if options.long {
        command.env("DAIS_LONG", "1");
    }
    Ok(())
}

fn set_up(_: &Options, step: &mut Step) -> Result<()> {
    setup::build_tools()?;
    setup::test_tools()?;
    step.passed(1);
    Ok(())
}

/// Also a step of `cargo xtask check`.
pub(crate) fn format_check() -> Command {
    with_args("cargo", &["fmt", "--all", "--", "--check"])
}

/// Everything, tests included, compiled for this machine; the browser's packages compile here too
/// and have tests that need no browser. Also a step of `cargo xtask check`.
pub(crate) fn clippy_native() -> Command {
    with_args(
        "cargo",
        &["clippy", "--workspace", "--all-targets", "--features", "xtask/brotli,xtask/bindgen", "--", "--deny", "warnings"],
    )
}

fn format(_: &Options, step: &mut Step) -> Result<()> {
    step.check(&mut format_check(), BUILD_LIMIT)
}

fn clippy(_: &Options, step: &mut Step) -> Result<()> {
    step.check(&mut clippy_native(), BUILD_LIMIT)
}

fn clippy_wasm(_: &Options, step: &mut Step) -> Result<()> {
    let mut command = with_args("cargo", &["clippy", "--target", project::WASM_TARGET]);
    for package in project::BROWSER_PACKAGES {
        command.args(["--package", package]);
    }
    command.args(["--", "--deny", "warnings"]);
    step.check(&mut command, BUILD_LIMIT)
}

fn build_client(_: &Options, step: &mut Step) -> Result<()> {
    client::build(Page::Small)?;
    step.passed(1);
    Ok(())
}

fn build_release(_: &Options, step: &mut Step) -> Result<()> {
    step.check(&mut run::release_build(), BUILD_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_the_size_and_names_of_steps() {
        let parsed = |list: &[&str]| parse(&list.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>());
        assert_eq!(parsed(&[]), Ok(Options { long: false, steps: Vec::new() }));
        assert_eq!(parsed(&["--long", "e2e"]), Ok(Options { long: true, steps: vec!["e2e".to_owned()] }));
        assert!(parsed(&["--lnog"]).is_err());
    }

    #[test]
    fn without_names_all_steps_run_but_the_one_that_is_for_the_long_size() {
        let asked = |list: &[&str]| {
            let options = parse(&list.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>()).expect("known");
            STEPS.iter().filter(|(name, _, _)| options.asks_for(name)).count()
        };
        assert_eq!([asked(&[]), asked(&["--long"]), asked(&["trunk"]), asked(&["--long", "e2e"])], [9, 10, 1, 1]);
    }
}
