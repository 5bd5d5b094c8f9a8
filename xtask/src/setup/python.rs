//! The Python environment that judges speech (PESQ and STOI exist in Python only). It lives in
//! the user's cache folder, one per content of `tests/requirements.txt`, and survives
//! `cargo clean`.

use std::path::{Path, PathBuf};

use super::system::System;
use crate::{Result, process, project};

const REQUIREMENTS: &str = "tests/requirements.txt";

/// The environment's interpreter, whether it is there already or not.
///
/// # Errors
/// When the requirements cannot be read.
pub(crate) fn interpreter() -> Result<PathBuf> {
    Ok(folder()?.join("bin/python"))
}

fn folder() -> Result<PathBuf> {
    let hash = crate::fingerprint::of(project::root(), &[REQUIREMENTS])?;
    Ok(project::cache().join(format!("python-{hash:016x}")))
}

/// Makes the environment if it is not there.
pub(super) fn environment(system: &mut System) -> Result<()> {
    let folder = folder()?;
    // Written last: an interrupted installation is begun anew.
    let complete = folder.join("complete");
    if complete.is_file() && works(&folder.join("bin/python")) {
        return Ok(());
    }
    println!("Making a Python environment in {} (one to two minutes).", folder.display());
    let python = base_interpreter(system)?;
    let mut make = process::command(&python);
    process::run(make.args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut install = process::command(folder.join("bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", REQUIREMENTS]);
    process::run(&mut install)?;
    std::fs::write(&complete, "").map_err(|error| format!("cannot write {}: {error}", complete.display()))
}

/// A Python that can make environments and compile extensions (pesq comes as C).
fn base_interpreter(system: &mut System) -> Result<PathBuf> {
    let candidates = process::which("python3").into_iter().chain([PathBuf::from("/usr/bin/python3")]);
    if let Some(python) = candidates.into_iter().find(|python| can_make_environments(python)) {
        return Ok(python);
    }
    system.install(&["python3", "python3-venv", "python3-dev"], "PESQ and STOI judge the sound, and are Python")?;
    let python = PathBuf::from("/usr/bin/python3");
    if can_make_environments(&python) {
        Ok(python)
    } else {
        Err("no python3 here can make a virtual environment: install python3-venv and python3-dev".to_owned())
    }
}

fn can_make_environments(python: &Path) -> bool {
    let probe = "import ensurepip, venv, os, sysconfig, sys; \
                 header = os.path.join(sysconfig.get_paths()['include'], 'Python.h'); \
                 sys.exit(not os.path.exists(header))";
    process::succeeds(process::command(python).args(["-c", probe]))
}

fn works(python: &Path) -> bool {
    process::succeeds(process::command(python).args(["-c", "import numpy"]))
}
