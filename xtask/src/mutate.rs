//! `cargo xtask mutate`: flips every cell of the permissions table, one at a time, and insists that the tests notice.
//!
//! Works on a copy of `shared` and of the hand-written table under `target/`, so that the tree stays as it is and little
//! is compiled each time.

use std::path::{Path, PathBuf};

use crate::process::{run, succeeds, with_args};
use crate::{Result, project};

/// One cell: where its word stands in the source, and whose it is.
#[derive(Debug, PartialEq, Eq)]
struct Cell {
    at: std::ops::Range<usize>,
    name: String,
}

/// Runs the tests once per cell.
///
/// # Errors
/// When they fail unchanged, or when a flipped cell goes unnoticed.
pub(crate) fn mutate() -> Result<()> {
    let folder = project::scratch()?.join("mutants");
    copy(&folder)?;
    let source = folder.join("shared/src/permissions.rs");
    let original = read(&source)?;
    let cells = cells(&original);
    println!("The tests as they are, then {} cells of permissions.rs flipped, one at a time.", cells.len());
    run(&mut tests(&folder))?;
    let mut survivors = Vec::new();
    for (number, cell) in cells.iter().enumerate() {
        let word = if &original[cell.at.clone()] == "YES" { "NO" } else { "YES" };
        let flipped = format!("{}{word}{}", &original[..cell.at.start], &original[cell.at.end..]);
        write(&source, &flipped)?;
        let is_unnoticed = succeeds(&mut tests(&folder));
        let outcome = if is_unnoticed { "NOT NOTICED" } else { "noticed" };
        println!("{:3} of {}: {} is {word}: {outcome}", number + 1, cells.len(), cell.name);
        if is_unnoticed {
            survivors.push(cell.name.clone());
        }
    }
    println!("{} of {} flipped cells noticed", cells.len() - survivors.len(), cells.len());
    if survivors.is_empty() { Ok(()) } else { Err(format!("no test noticed: {}", survivors.join(", "))) }
}

/// Every YES and NO in the rows of the table.
fn cells(source: &str) -> Vec<Cell> {
    const ROLES: [&str; 4] = ["listener", "speaker", "co-host", "host"];
    let mut cells = Vec::new();
    let mut line_start = 0;
    for line in source.split_inclusive('\n') {
        let row = line.trim_start().strip_prefix("Action::").and_then(|row| row.split_once(" => ["));
        if let Some((action, _)) = row {
            let mut role = 0;
            let mut at = line.find('[').unwrap_or(line.len());
            while let Some(found) = line[at..].find(['Y', 'N']) {
                at += found;
                let length = if line[at..].starts_with("YES") { 3 } else { 2 };
                let name = format!("{action} by a {}", ROLES.get(role).unwrap_or(&"?"));
                cells.push(Cell { at: line_start + at..line_start + at + length, name });
                at += length;
                role += 1;
            }
        }
        line_start += line.len();
    }
    cells
}

/// The tests of the literal table, without optimisation and without the rest of the workspace.
fn tests(folder: &Path) -> std::process::Command {
    let manifest = folder.join("rules/Cargo.toml");
    let mut tests = with_args("cargo", &["test", "--quiet", "--offline", "--manifest-path"]);
    tests.arg(manifest).args(["--test", "rules", "--", "table"]);
    tests.env("CARGO_TARGET_DIR", folder.join("target"));
    tests
}

fn copy(folder: &Path) -> Result<()> {
    for (from, to) in [("shared/src", "shared/src"), ("tests/src/rules", "rules/src")] {
        copy_folder(&project::root().join(from), &folder.join(to))?;
    }
    // The document stands where the test looks for it.
    copy_folder(&project::root().join("docs"), &folder.join("../docs"))?;
    let version = |name: &str| format!("{name} = {}\n", dependency(name));
    let package =
        |name: &str| format!("[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n");
    let shared = format!(
        "{}[workspace]\n[dependencies]\n{}{}{}",
        package("dais-shared"),
        version("serde"),
        version("postcard"),
        version("thiserror")
    );
    let rules = format!(
        "{}autobins = false\n[workspace]\n[[test]]\nname = \"rules\"\npath = \"src/main.rs\"\n[dev-dependencies]\n{}{}dais-shared = {{ path = \"../shared\" }}\n",
        package("rules"),
        version("postcard"),
        version("proptest")
    );
    write(&folder.join("shared/Cargo.toml"), &shared)?;
    write(&folder.join("rules/Cargo.toml"), &rules)?;
    std::fs::copy(project::root().join("Cargo.lock"), folder.join("rules/Cargo.lock"))
        .map(drop)
        .map_err(|error| format!("cannot copy Cargo.lock: {error}"))
}

/// What the workspace's manifest asks for under a name.
fn dependency(name: &str) -> String {
    let manifest = std::fs::read_to_string(project::root().join("Cargo.toml")).unwrap_or_default();
    let line = manifest.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('='));
    line.map_or_else(|| "\"*\"".to_owned(), |found| found.trim().to_owned())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    let fail = |what: &Path, error: std::io::Error| format!("cannot copy {}: {error}", what.display());
    std::fs::create_dir_all(to).map_err(|error| fail(to, error))?;
    for entry in std::fs::read_dir(from).map_err(|error| fail(from, error))? {
        let path: PathBuf = entry.map_err(|error| fail(from, error))?.path();
        let Some(name) = path.file_name() else { continue };
        if path.is_dir() {
            copy_folder(&path, &to.join(name))?;
        } else {
            std::fs::copy(&path, to.join(name)).map_err(|error| fail(&path, error))?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_of_a_row_is_found() {
        let source = "fn row() {\n    Action::RaiseHand => [YES, NO, NO, YES],\n    other => 1,\n}\n";
        let found: Vec<_> = cells(source).into_iter().map(|cell| (source[cell.at].to_owned(), cell.name)).collect();
        let expected = [("YES", "listener"), ("NO", "speaker"), ("NO", "co-host"), ("YES", "host")];
        assert_eq!(found, expected.map(|(word, role)| (word.to_owned(), format!("RaiseHand by a {role}"))));
    }
}
