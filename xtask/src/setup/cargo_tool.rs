//! Programs that come as crates: wasm-bindgen and Trunk, each in one exact version, in cargo's
//! own bin folder unless PATH has them already.

use crate::{Result, process, project};

/// The command-line half of wasm-bindgen: it must be of the very version the client links.
pub(super) fn wasm_bindgen() -> Result<()> {
    let version = project::wasm_bindgen_version()?;
    if is_there("wasm-bindgen", &version) {
        return Ok(());
    }
    println!("Building wasm-bindgen {version} (once, two to six minutes on two cores).");
    // Without its lock file, which may name releases that have been withdrawn since; and without its test runner.
    install("wasm-bindgen-cli", &version, "1", &["--no-default-features", "--bin", "wasm-bindgen"])?;
    insist("wasm-bindgen", &version)
}

/// Trunk, which builds and serves the page.
pub(super) fn trunk() -> Result<()> {
    let version = project::TRUNK_VERSION;
    if is_there("trunk", version) {
        return Ok(());
    }
    println!("Building Trunk {version} (once, four to twelve minutes on two cores).");
    // It mostly waits for others, so nothing of it is optimised; and it needs no TLS, since it finds its tools here
    // instead of fetching them.
    install("trunk", version, "0", &["--locked", "--no-default-features"])?;
    insist("trunk", version)
}

/// Whether the program on PATH says it is `NAME VERSION`.
fn is_there(name: &str, version: &str) -> bool {
    process::output(&mut process::with_args(name, &["--version"]))
        .is_some_and(|text| text.split_whitespace().nth(1) == Some(version))
}

fn insist(name: &str, version: &str) -> Result<()> {
    if is_there(name, version) {
        return Ok(());
    }
    let found = process::which(name).map_or("none".to_owned(), |path| path.display().to_string());
    Err(format!("{name} {version} was installed, but PATH finds another: {found}"))
}

/// `cargo install`, tuned for a short build: the tools run for seconds, a full optimisation of
/// them takes minutes more than it ever gives back.
fn install(package: &str, version: &str, opt_level: &str, options: &[&str]) -> Result<()> {
    let build = project::target().join("tools");
    let mut install = process::with_args("cargo", &["install", package, "--version", &format!("={version}")]);
    install.args(["--force", "--quiet"]).args(options);
    install.env("CARGO_TARGET_DIR", &build);
    install.env("CARGO_PROFILE_RELEASE_LTO", "off");
    install.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", opt_level);
    install.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    install.env("CARGO_PROFILE_RELEASE_DEBUG", "none");
    process::run(&mut install)?;
    // A gigabyte that nobody needs again.
    let _ = std::fs::remove_dir_all(build);
    Ok(())
}
