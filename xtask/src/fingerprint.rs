//! One number for the contents of some files and folders, to tell whether they changed. Good
//! against forgetting to build, not against malice.

use std::hash::Hasher;
use std::path::{Path, PathBuf};

use crate::Result;

/// A hash of the names and contents of everything below `paths`, each relative to `root`. A path
/// that does not exist counts as empty.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn of(root: &Path, paths: &[&str]) -> Result<u64> {
    let mut files = Vec::new();
    for path in paths {
        collect(&root.join(path), &mut files)?;
    }
    files.sort();
    let mut hasher = std::hash::DefaultHasher::new();
    for file in files {
        let contents = std::fs::read(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        let name = file.strip_prefix(root).unwrap_or(&file);
        hasher.write(name.to_string_lossy().as_bytes());
        hasher.write_usize(contents.len());
        hasher.write(&contents);
    }
    Ok(hasher.finish())
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
    } else if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        for entry in entries {
            let entry = entry.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_contents_both_count() {
        let root = std::env::temp_dir().join(format!("xtask-fingerprint-{}", std::process::id()));
        std::fs::create_dir_all(root.join("a/b")).expect("a temporary folder");
        std::fs::write(root.join("a/b/one"), "1").expect("writable");
        let before = of(&root, &["a", "absent"]).expect("readable");
        assert_eq!(of(&root, &["a"]), Ok(before));
        std::fs::write(root.join("a/b/one"), "2").expect("writable");
        let changed = of(&root, &["a"]).expect("readable");
        assert_ne!(changed, before);
        std::fs::rename(root.join("a/b/one"), root.join("a/b/two")).expect("writable");
        assert_ne!(of(&root, &["a"]), Ok(changed));
        let _ = std::fs::remove_dir_all(root);
    }
}
