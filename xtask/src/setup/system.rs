//! The operating system's packages. Installs on Debian and its children with apt; elsewhere says
//! what to install. Whatever needs root is printed before it runs.

use std::path::Path;
use std::process::Command;

use crate::{Result, process, project};

/// Access to the system's package manager.
pub(super) struct System {
    lists_are_fresh: bool,
}

impl System {
    pub(super) fn new() -> Self {
        System { lists_are_fresh: false }
    }

    /// Whether packages can be installed here at all.
    pub(super) fn has_apt() -> bool {
        process::which("apt-get").is_some()
    }

    /// Installs packages; `why` completes the sentence "Installing … :".
    ///
    /// # Errors
    /// On a system without apt, without root and sudo, or when apt fails.
    pub(super) fn install(&mut self, packages: &[&str], why: &str) -> Result<()> {
        if !Self::has_apt() {
            return Err(format!(
                "this system has no apt-get; install what Debian calls {} ({why}) and start again",
                packages.join(", ")
            ));
        }
        println!("Installing {} ({why}); apt needs root:", packages.join(", "));
        self.refresh()?;
        let mut install = as_root("apt-get")?;
        install.env("DEBIAN_FRONTEND", "noninteractive");
        install.args(["-o", "DPkg::Lock::Timeout=600", "-o", "Dpkg::Use-Pty=0"]);
        install.args(["install", "-y", "-qq", "--no-install-recommends"]);
        install.args(packages);
        process::run_quietly(&mut install, &project::scratch()?.join("apt.log"))
    }

    /// Unpacks a package into a folder, for a program that would come with a service if it were installed. Needs no root.
    ///
    /// # Errors
    /// On a system without apt, and when apt fails.
    pub(super) fn unpack(&mut self, package: &str, folder: &Path, why: &str) -> Result<()> {
        if !Self::has_apt() {
            return Err(format!("this system has no apt-get; install what Debian calls {package} ({why}) and start again"));
        }
        println!("Fetching {package} ({why}).");
        self.refresh()?;
        let _ = std::fs::remove_dir_all(folder);
        std::fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        let mut download = process::with_args("apt-get", &["download", "-qq", package]);
        process::run_quietly(download.current_dir(folder), &project::scratch()?.join("apt.log"))?;
        let files = std::fs::read_dir(folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
        let archive = files.flatten().map(|file| file.path()).find(|path| path.extension().is_some_and(|it| it == "deb"));
        let archive = archive.ok_or_else(|| format!("apt-get download left no {package}"))?;
        process::run(process::with_args("dpkg-deb", &["--extract"]).arg(archive).arg(folder))
    }

    /// The first of these packages that apt knows.
    ///
    /// # Errors
    /// When the package lists cannot be fetched.
    pub(super) fn first_known<'a>(&mut self, candidates: &[&'a str]) -> Result<Option<&'a str>> {
        if !Self::has_apt() {
            return Ok(candidates.first().copied());
        }
        self.refresh()?;
        Ok(candidates.iter().find(|name| process::succeeds(&mut process::with_args("apt-cache", &["show", name]))).copied())
    }

    /// `apt-get update`, once: a fresh machine has no lists at all.
    fn refresh(&mut self) -> Result<()> {
        if !self.lists_are_fresh {
            process::run(as_root("apt-get")?.args(["update", "-qq"]))?;
            self.lists_are_fresh = true;
        }
        Ok(())
    }
}

/// A command that runs as root: as it is for root, with sudo for others.
///
/// # Errors
/// When this is not root and there is no sudo.
pub(super) fn as_root(program: &str) -> Result<Command> {
    let is_root = process::output(&mut process::with_args("id", &["-u"])).is_some_and(|id| id == "0");
    if is_root {
        Ok(process::command(program))
    } else if process::which("sudo").is_some() {
        Ok(process::with_args("sudo", &["--preserve-env=DEBIAN_FRONTEND", program]))
    } else {
        Err(format!("`{program}` needs root, and there is no sudo: start `cargo xtask setup` as root once"))
    }
}
