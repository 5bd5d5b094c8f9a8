//! `cargo xtask bench`: what things cost on this machine. Prints numbers, and judges none but the store's.

use std::path::PathBuf;

use crate::awake::Awake;
use crate::process::{command, run, with_args};
use crate::{Result, client, project, setup, test};

/// Runs one kind of measurement.
///
/// # Errors
/// The kind is unknown, or the program that measures does not build.
pub(crate) fn bench(args: &[String]) -> Result<()> {
    match args.split_first() {
        Some((kind, [])) if kind == "render" => render(),
        Some((kind, options)) if kind == "store" => store(options),
        Some((kind, [])) if kind == "echo" => in_browsers("echo.mjs", &[]),
        Some((kind, options)) if kind == "fan-out" => fan_out(options),
        Some((kind, options)) if kind == "join" => in_browsers("join.mjs", options),
        Some((kind, options)) if kind == "speech" => in_browsers("speech.mjs", options),
        Some((kind, options)) if kind == "listener" => in_browsers("listener.mjs", options),
        Some((kind, options)) if kind == "mouth-to-ear" => in_browsers("mouth_to_ear.mjs", options),
        _ => Err("say what to measure: cargo xtask bench render, echo, fan-out, store, join, listener, mouth-to-ear, or speech"
            .to_owned()),
    }
}

/// The audio thread's work, natively.
fn render() -> Result<()> {
    run(&mut with_args("cargo", &["build", "--release", "--quiet", "--package", "dais-sim"]))?;
    run(command(project::release_binary("dais-sim")).arg("render"))
}

/// The server's work beside a bare loop's, on the release build as it stands.
fn fan_out(options: &[String]) -> Result<()> {
    let program = built_server()?;
    let mut bench = with_args("cargo", &["run", "--release", "--quiet", "--package", "dais-tests", "--example", "fan_out", "--"]);
    run(bench.args(options).env("DAIS_BIN", program))
}

fn built_server() -> Result<PathBuf> {
    let program = project::release_binary("dais");
    if !program.is_file() {
        return Err(format!("there is no {}; `cargo xtask build` builds it", program.display()));
    }
    client::insist_on_small_in(&program)?;
    Ok(program)
}

/// Every request to the store, on an empty one and on a full one. Fails where the full one takes more than twice as long.
fn store(options: &[String]) -> Result<()> {
    let bench =
        ["run", "--release", "--quiet", "--package", "dais-server", "--features", "bench", "--example", "what_storing_costs"];
    run(with_args("cargo", &bench).arg("--").args(options))
}

/// What only real browsers tell, on the release build as it stands.
fn in_browsers(script: &str, options: &[String]) -> Result<()> {
    setup::test_tools()?;
    built_server()?;
    let mut node = command(setup::node_path());
    node.current_dir(project::root().join("e2e")).arg(format!("bench/{script}")).args(options);
    // What waking costs is part of what hearing costs, and differs between those who are compared.
    let _awake = (script != "listener.mjs").then(Awake::keep);
    run(node.envs(test::environment()?))
}
