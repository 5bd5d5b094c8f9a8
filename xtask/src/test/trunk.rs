//! Whether `trunk build` still works, and makes the page that `cargo xtask` makes without it.

use std::collections::BTreeMap;
use std::path::Path;

use super::report::Step;
use super::{BUILD_LIMIT, Options};
use crate::client::{self, Page};
use crate::process::with_args;
use crate::{Result, project, setup};

/// A run of so many digits in a name is a hash.
const HASH_DIGITS_MIN: usize = 12;

/// Lets Trunk build the page into a folder of its own and compares it with `dist/`.
///
/// # Errors
/// When one of the two cannot be built, or they differ.
pub(super) fn same_page(_: &Options, step: &mut Step) -> Result<()> {
    setup::build_tools()?;
    setup::trunk()?;
    client::build(Page::Small)?;
    let folder = project::scratch()?.join("trunk");
    step.check(with_args("trunk", &["build", "--release", "--dist"]).arg(&folder), BUILD_LIMIT)?;
    let (ours, trunks) = (files(&project::root().join("dist"))?, files(&folder)?);
    for name in ours.keys().chain(trunks.keys()) {
        if ours.get(name) != trunks.get(name) {
            step.failed(1, &format!("{name}: in dist/ it is not what Trunk makes in {}", folder.display()));
        }
    }
    Ok(())
}

/// The contents of a page's files, without the compressed copies, by their names. Of a hash is left that there is one: Trunk has
/// another.
fn files(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let failed = |error| format!("cannot read {}: {error}", folder.display());
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.ends_with(".br") && !name.ends_with(".gz") && path.is_file() {
            let contents = std::fs::read(&path).map_err(failed)?;
            let is_page = name.ends_with(".html");
            let text = || without_hashes(&String::from_utf8_lossy(&contents)).into_bytes();
            let contents = if is_page { text() } else { contents };
            files.insert(without_hashes(&name), contents);
        }
    }
    Ok(files)
}

fn without_hashes(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for piece in text.split_inclusive(|letter: char| !letter.is_ascii_hexdigit()) {
        let digits = piece.trim_end_matches(|letter: char| !letter.is_ascii_hexdigit());
        kept += if digits.len() >= HASH_DIGITS_MIN { "#" } else { digits };
        kept += &piece[digits.len()..];
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_equal_but_for_their_hashes() {
        assert_eq!(without_hashes("/app-0123456789abcdef_bg.wasm"), "/app-#_bg.wasm");
        assert_eq!(without_hashes("/app-ef0123456789abc_bg.wasm"), without_hashes("/app-0123456789abcdef_bg.wasm"));
        assert_eq!(without_hashes("/feedface.css"), "/feedface.css");
    }
}
