//! `cargo xtask run`: from nothing to a running server.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use crate::client::{self, Page};
use crate::process::with_args;
use crate::{Result, cost, process, project, setup};

/// Sets up, builds in release, and becomes the server.
///
/// # Errors
/// When a step before that fails.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let args = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
    println!("Dais: setting up, building, starting. The first time takes a quarter of an hour or more on two");
    println!("cores, because everything is compiled from source (docs/building.md); later it takes seconds.");
    process::forward_signals()?;
    make(Page::Quick)?;

    println!("Starting the server, which says where it is.");
    let folder = std::env::current_dir().map_err(|error| format!("where are we? {error}"))?;
    // From here on this process is the server: Ctrl-C and every other signal are its own.
    let error = process::command(project::release_binary("dais")).args(args).current_dir(folder).exec();
    Err(format!("cannot start the server: {error}"))
}

/// `cargo xtask build`: everything as it is shipped.
///
/// # Errors
/// When a step fails.
pub(crate) fn build() -> Result<()> {
    process::forward_signals()?;
    make(Page::Small)?;
    println!("{} is all there is to install.", project::release_binary("dais").display());
    Ok(())
}

/// Sets up, builds page, server and bots, and says what that took.
fn make(page: Page) -> Result<()> {
    setup::build_tools()?;
    client::build(page)?;
    println!("Building server and bots in release.");
    cost::part("server and bots", || process::run(&mut release_build()))?;
    if let Some(total) = cost::total() {
        println!("Built in {total}.");
    }
    Ok(())
}

/// Builds `dais` with the client inside, and `dais-bots`.
pub(crate) fn release_build() -> Command {
    let packages = ["--package", "dais-server", "--package", "dais-bots", "--features", "dais-server/embedded-client"];
    let mut build = with_args("cargo", &["build", "--release"]);
    build.args(packages);
    build
}

/// Builds what those two are made of, but nothing of this workspace: that would have to be built again, once there is a client
/// to put inside. Always fails, with whatever it was to refuse.
pub(crate) fn dependencies_build() -> Command {
    let mut build = release_build();
    build.args(["--quiet", "--keep-going"]).stdout(Stdio::null()).stderr(Stdio::null());
    build.env("RUSTC_WORKSPACE_WRAPPER", project::root().join("xtask/only_dependencies"));
    build
}
