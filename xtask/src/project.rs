//! Where things are in this repository, and which versions it pins. Knows paths, runs nothing.

use std::path::{Path, PathBuf};

use crate::Result;

/// The Trunk this project's `index.html` and `Trunk.toml` are written for. 0.22 asks for a newer
/// Rust than the workspace does.
pub(crate) const TRUNK_VERSION: &str = "0.21.14";

/// Packages that only exist in the browser and are built for wasm32.
pub(crate) const BROWSER_PACKAGES: [&str; 4] = ["dais-client", "dais-encoder", "dais-worklet", "dais-suppressor"];

/// Packages without I/O, clocks or async: the tests of the quick loop.
pub(crate) const PURE_PACKAGES: [&str; 3] = ["dais-shared", "dais-audio", "dais-engine"];

/// The target triple of everything in the browser.
pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// The repository's root: the folder above this package.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder inside the workspace")
}

/// Cargo's target folder, honouring `CARGO_TARGET_DIR`.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// A folder of this program's own below the target folder, made if need be: logs and stamps.
pub(crate) fn scratch() -> Result<PathBuf> {
    let folder = target().join("xtask");
    std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    Ok(folder)
}

/// The user's cache folder for things that should survive `cargo clean`.
pub(crate) fn cache() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let base = base.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    base.unwrap_or_else(target).join("dais")
}

/// Path of a program built in release, e.g. `dais`.
pub(crate) fn release_binary(name: &str) -> PathBuf {
    target().join("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// The exact wasm-bindgen version the workspace pins; its command-line tool must be the same.
///
/// # Errors
/// When the root `Cargo.toml` cannot be read or pins no exact version.
pub(crate) fn wasm_bindgen_version() -> Result<String> {
    let path = root().join("Cargo.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    pinned_version(&text, "wasm-bindgen").ok_or_else(|| "Cargo.toml pins no exact wasm-bindgen version (`\"=X.Y.Z\"`)".to_owned())
}

/// Finds `name = "=X.Y.Z"` in a manifest's text.
fn pinned_version(manifest: &str, name: &str) -> Option<String> {
    manifest.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        let version = value.trim().strip_prefix("\"=")?.strip_suffix('"')?;
        (key.trim() == name).then(|| version.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_exact_pin_counts() {
        let manifest = "wasm-bindgen-futures = \"=0.4.80\"\nwasm-bindgen = \"=0.2.130\"\nopus = \"0.4.0\"\n";
        assert_eq!(pinned_version(manifest, "wasm-bindgen").as_deref(), Some("0.2.130"));
        assert_eq!(pinned_version(manifest, "opus"), None);
        assert_eq!(pinned_version(manifest, "leptos"), None);
    }
}
