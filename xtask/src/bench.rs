//! `cargo xtask bench`: what things cost on this machine. Prints numbers and judges none.

use crate::process::{command, run, with_args};
use crate::{Result, project};

/// Runs one kind of measurement.
///
/// # Errors
/// The kind is unknown, or the program that measures does not build.
pub(crate) fn bench(args: &[String]) -> Result<()> {
    match args {
        [kind] if kind == "render" => render(),
        _ => Err("say what to measure: cargo xtask bench render".to_owned()),
    }
}

/// The audio thread's work, natively.
fn render() -> Result<()> {
    run(&mut with_args("cargo", &["build", "--release", "--quiet", "--package", "dais-sim"]))?;
    run(command(project::release_binary("dais-sim")).arg("render"))
}
