//! `cargo xtask run`: from nothing to a running server.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::process::with_args;
use crate::{Result, client, process, project, setup};

/// Sets up, builds in release, and becomes the server.
///
/// # Errors
/// When a step before that fails.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let args = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
    println!("Dais: setting up, building, starting. The first time takes about a quarter of an hour");
    println!("on two cores, because tools and codec are compiled from source; later it takes seconds.");
    process::forward_signals()?;
    setup::build_tools()?;
    client::build()?;
    println!("Building server and bots in release.");
    process::run(&mut release_build())?;

    println!("Starting the server, which says where it is.");
    let folder = std::env::current_dir().map_err(|error| format!("where are we? {error}"))?;
    // From here on this process is the server: Ctrl-C and every other signal are its own.
    let error = process::command(project::release_binary("dais")).args(args).current_dir(folder).exec();
    Err(format!("cannot start the server: {error}"))
}

/// Builds `dais` with the client inside, and `dais-bots`.
pub(crate) fn release_build() -> Command {
    let mut build = native_build();
    build.args(["--features", "dais-server/embedded-client"]);
    build
}

/// The same without the client.
pub(crate) fn native_build() -> Command {
    with_args("cargo", &["build", "--release", "--package", "dais-server", "--package", "dais-bots"])
}
