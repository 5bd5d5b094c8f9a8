//! Journeys in real browsers: `node --test` over `e2e/**/*.test.mjs` (or `.js`), one file after
//! the other, because they share the machine's two or so cores and measure sound in real time.

use std::path::{Path, PathBuf};

use super::count;
use super::report::Step;
use super::{Options, equip};
use crate::awake::Awake;
use crate::{Result, client, process, project, setup};

/// Runs them all.
///
/// # Errors
/// When there are none, or when what they need is missing.
pub(super) fn journeys(options: &Options, step: &mut Step) -> Result<()> {
    let folder = project::root().join("e2e");
    let mut files = Vec::new();
    collect(&folder, &mut files)?;
    if files.is_empty() {
        return Err("there is no e2e/*.test.mjs".to_owned());
    }
    for name in ["dais", "dais-bots"] {
        let program = project::release_binary(name);
        if !program.is_file() {
            return Err(format!("not run, because {} was not built", program.display()));
        }
    }
    client::insist_on_small_in(&project::release_binary("dais"))?;
    files.sort();

    let (log, events) = (step.log("")?, project::scratch()?.join("e2e.jsonl"));
    let mut node = process::command(setup::node_path());
    node.current_dir(&folder);
    // A journey that fails leaves things open, for which nobody is to wait.
    node.args(["--test", "--test-concurrency=1", "--test-force-exit"]);
    node.args(["--test-reporter=spec", "--test-reporter-destination=stdout"]);
    let reporter = project::root().join("xtask/node_reporter.mjs");
    node.arg(format!("--test-reporter={}", reporter.display()));
    node.arg(format!("--test-reporter-destination={}", events.display()));
    node.args(&files);
    equip(&mut node, options)?;
    println!("  $ node --test ({} files)", files.len());
    // Left over from the time before, it would be counted again.
    let _ = std::fs::remove_file(&events);
    let awake = Awake::keep();
    let end = process::logged(&mut node, &log, None, options.runner_limit())?;
    drop(awake);

    let text = std::fs::read_to_string(&events).unwrap_or_default();
    let outcome = count::node(&text, end.success(), options.one_test_limit());
    println!("  node: {} ({end})", outcome.tally);
    step.add("", outcome, &log)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "node_modules" {
            collect(&path, files)?;
        } else if name.ends_with(".test.mjs") || name.ends_with(".test.js") {
            files.push(path);
        }
    }
    Ok(())
}
