//! What the browser and sound tests need: two browsers, node with playwright-core, a virtual
//! sound card, a program that speaks, and a reverse proxy.

use std::path::PathBuf;

use super::system::System;
use crate::{Result, process, project};

/// The oldest node that playwright-core supports.
const NODE_MAJOR_MIN: u32 = 20;

/// A full Chromium; Playwright's own headless shell refuses a microphone. `CHROMIUM` names
/// another.
pub(crate) fn chromium() -> Option<PathBuf> {
    program("CHROMIUM", &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"])
}

/// A Firefox. `FIREFOX` names another.
pub(crate) fn firefox() -> Option<PathBuf> {
    program("FIREFOX", &["firefox-esr", "firefox"])
}

/// An nginx. `NGINX` names another than the system's and the one unpacked for the tests.
pub(crate) fn nginx() -> Option<PathBuf> {
    program("NGINX", &["nginx"]).or_else(|| Some(unpacked_nginx().join("usr/sbin/nginx")).filter(|path| path.is_file()))
}

fn unpacked_nginx() -> PathBuf {
    project::cache().join("nginx")
}

fn program(variable: &str, names: &[&str]) -> Option<PathBuf> {
    match std::env::var_os(variable) {
        Some(path) => Some(PathBuf::from(path)),
        None => names.iter().find_map(|name| process::which(name)),
    }
}

/// Installs what is missing of the programs.
pub(super) fn programs(system: &mut System) -> Result<()> {
    let mut missing = Vec::new();
    if chromium().is_none() {
        missing.extend(["chromium", "fonts-dejavu-core"]);
    }
    if firefox().is_none() {
        missing.push("firefox-esr");
    }
    // Reactions are emoji, which no other font has: pictures of the page would show boxes.
    if !has_emoji() {
        missing.push("fonts-noto-color-emoji");
    }
    for (program, package) in [
        ("pulseaudio", "pulseaudio"),
        ("pactl", "pulseaudio-utils"),
        ("espeak-ng", "espeak-ng"),
        ("sox", "sox"),
        ("node", "nodejs"),
    ] {
        if process::which(program).is_none() {
            missing.push(package);
        }
    }
    if !missing.is_empty() {
        system.install(&missing, "the tests drive real browsers and speak into a virtual microphone")?;
    }
    if nginx().is_none() {
        system.unpack("nginx", &unpacked_nginx(), "the tests put a reverse proxy before the server")?;
    }
    // Apart from nodejs, because some packages of node bring npm along and conflict with Debian's.
    if process::which("npm").is_none() {
        system.install(&["npm"], "it fetches the library that drives the browsers")?;
    }
    newer_node()
}

/// Whether a font of the system draws emoji. A system that cannot say what fonts it has, has none.
fn has_emoji() -> bool {
    let families = process::output(process::command("fc-list").args([":", "family"]));
    families.is_some_and(|families| families.contains("Emoji"))
}

/// Where node came too old from the system, one from npm, in the user's cache folder.
fn newer_node() -> Result<()> {
    if node_major("node".into()) >= Some(NODE_MAJOR_MIN) || cached_node().is_file() {
        return Ok(());
    }
    println!("The system's node is older than {NODE_MAJOR_MIN}; fetching one from npm.");
    let folder = project::cache().join("node");
    std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let mut install = process::with_args("npm", &["install", "--no-save", "--no-audit", "--no-fund", "--prefix"]);
    process::run(install.arg(&folder).arg(format!("node@{NODE_MAJOR_MIN}")))?;
    if node_major(cached_node()) >= Some(NODE_MAJOR_MIN) {
        Ok(())
    } else {
        Err(format!("install node {NODE_MAJOR_MIN} or newer"))
    }
}

fn cached_node() -> PathBuf {
    project::cache().join("node/node_modules/node/bin/node")
}

fn node_major(node: PathBuf) -> Option<u32> {
    let version = process::output(process::command(node).arg("--version"))?;
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// The node to run tests with.
pub(crate) fn node_path() -> PathBuf {
    if cached_node().is_file() { cached_node() } else { "node".into() }
}

/// `npm ci` in e2e/, unless the packages there are those of the lock file.
pub(super) fn node_packages() -> Result<()> {
    let folder = project::root().join("e2e");
    let wanted =
        std::fs::read(folder.join("package-lock.json")).map_err(|error| format!("cannot read e2e/package-lock.json: {error}"))?;
    let note = folder.join("node_modules/.installed-lock.json");
    if std::fs::read(&note).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("Installing the browser driver of e2e/package-lock.json.");
    let mut install = process::with_args("npm", &["ci", "--no-audit", "--no-fund"]);
    process::run(install.current_dir(&folder))?;
    std::fs::write(&note, wanted).map_err(|error| format!("cannot write {}: {error}", note.display()))
}
