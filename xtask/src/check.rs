//! `cargo xtask check`: the quick loop before a commit, under a minute when warm.

use std::process::ExitCode;
use std::time::Duration;

use crate::process::with_args;
use crate::test::{self, Report};
use crate::{project, setup};

/// How long a step may take when nothing is warm.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// Format, lints, a wasm check of client and worklet, and the tests of the pure packages.
pub(crate) fn run() -> ExitCode {
    if let Err(sentence) = setup::build_tools().and_then(|()| setup::lint_tools()) {
        eprintln!("xtask: {sentence}");
        return ExitCode::FAILURE;
    }
    let mut report = Report::new();
    report.step("format", "cargo fmt --check", |step| step.check(&mut test::format_check(), LIMIT));
    report.step("clippy", "clippy, this machine", |step| step.check(&mut test::clippy_native(), LIMIT));
    report.step("wasm", "the browser's packages for wasm32", |step| {
        let mut check = with_args("cargo", &["check", "--target", project::WASM_TARGET]);
        check.args(project::BROWSER_PACKAGES.map(|package| format!("--package={package}")));
        step.check(&mut check, LIMIT)
    });
    report.step("unit", "tests of the pure packages", |step| test::libraries(&project::PURE_PACKAGES, step));
    report.finish()
}
