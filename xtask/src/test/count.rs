//! Reads what test runners print for machines and turns it into counts. Starts nothing.

use std::time::Duration;

use serde_json::Value;

/// So much of a reason stands in the summary; the rest is in the log.
const REASON_CHARS_MAX: usize = 400;

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    /// Also what the Rust test runner calls ignored.
    pub(crate) skipped: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// What one run of a test runner amounts to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    /// Names of the tests that failed or took too long, and why as far as the runner says.
    pub(crate) failures: Vec<String>,
    /// Names of the tests that were skipped, and why.
    pub(crate) skips: Vec<String>,
}

impl Outcome {
    fn fail(&mut self, what: impl Into<String>) {
        self.tally.failed += 1;
        self.failures.push(what.into());
    }
}

/// Counts the output of Rust's test runner: the sum of its `test result:` lines, of which there
/// is one per binary and, for documentation, one or more per crate.
///
/// A runner that ends badly without having counted a failure (a crash, a kill, no result line)
/// is one failure. So is each test that the runner reports to take over a minute, unless
/// `slow_is_fine`.
pub(crate) fn libtest(output: &str, success: bool, slow_is_fine: bool) -> Outcome {
    let mut outcome = Outcome::default();
    let mut results: u32 = 0;
    for line in output.lines() {
        if let Some(tally) = result_line(line) {
            results += 1;
            outcome.tally.add(tally);
        } else if let Some(name) = between(line, "test ", " ... FAILED") {
            outcome.failures.push(because(name, &panic_of(output, name)));
        } else if let Some((name, why)) = line.strip_prefix("test ").and_then(|line| line.split_once(" ... ignored")) {
            outcome.skips.push(because(name, why.trim_start_matches(", ")));
        } else if let Some(name) = between(line, "test ", " has been running for over 60 seconds")
            && !slow_is_fine
        {
            outcome.fail(format!("{name} took over 60 s"));
        }
    }
    if results == 0 {
        outcome.fail("the runner ended without a result");
    } else if !success && outcome.tally.failed == 0 {
        outcome.fail("the runner ended badly although no test failed");
    }
    outcome
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; …`
fn result_line(line: &str) -> Option<Tally> {
    let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let count = |what: &str| counts.split("; ").find_map(|part| part.strip_suffix(what)?.trim_end().parse().ok());
    Some(Tally { passed: count("passed")?, failed: count("failed")?, skipped: count("ignored")? })
}

fn between<'a>(line: &'a str, start: &str, end: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix(end)
}

/// A name and, in one line that can be read at a glance, why.
fn because(name: &str, why: &str) -> String {
    let words: Vec<&str> = why.split_whitespace().collect();
    match words.join(" ") {
        why if why.is_empty() => name.to_owned(),
        why => format!("{name}: {}", why.chars().take(REASON_CHARS_MAX).collect::<String>()),
    }
}

/// What a failed test said: its panic, or the end of what it printed.
fn panic_of(output: &str, name: &str) -> String {
    let title = format!("---- {name} stdout ----");
    let Some((_, said)) = output.split_once(&title) else { return String::new() };
    let said = said.split("\n---- ").next().unwrap_or_default();
    let said = said.split("\nfailures:\n").next().unwrap_or_default();
    said.find(" panicked at ").map_or(said, |from| &said[from..]).to_owned()
}

/// Counts what `node_reporter.mjs` wrote: one JSON object per finished test.
///
/// Suites and files only group tests: they count when they themselves went wrong. A runner that
/// ends badly without a failure, or without any test, is one failure; so is a test over `limit`.
pub(crate) fn node(events: &str, success: bool, limit: Option<Duration>) -> Outcome {
    let mut outcome = Outcome::default();
    for line in events.lines().filter(|line| !line.is_empty()) {
        let Ok(event) = serde_json::from_str::<Value>(line) else {
            outcome.fail("an unreadable line from the runner");
            continue;
        };
        let name = event["name"].as_str().unwrap_or("a test without a name");
        let groups = event["groups"] == true;
        let reason = event["reason"].as_str().unwrap_or_default();
        if event["passed"] != true {
            if !(groups && event["only_children_failed"] == true) {
                outcome.fail(because(name, reason));
            }
        } else if groups {
            // What it groups counts for itself.
        } else if event["skipped"] == true {
            outcome.tally.skipped += 1;
            outcome.skips.push(because(name, reason));
        } else if limit.is_some_and(|limit| seconds(&event) > limit.as_secs_f64()) {
            outcome.fail(format!("{name} took {:.0} s", seconds(&event)));
        } else {
            outcome.tally.passed += 1;
        }
    }
    if outcome.tally == Tally::default() {
        outcome.fail("the runner ended without a result");
    } else if !success && outcome.tally.failed == 0 {
        outcome.fail("the runner ended badly although no test failed");
    }
    outcome
}

fn seconds(event: &Value) -> f64 {
    event["seconds"].as_f64().unwrap_or(0.0)
}

/// A test binary that cargo built.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TestBinary {
    /// `package target`, for people.
    pub(crate) name: String,
    /// Path of the program.
    pub(crate) program: String,
    /// The package's manifest.
    pub(crate) manifest: String,
}

/// The test binaries in cargo's `--message-format=json` output.
pub(crate) fn test_binaries(messages: &str) -> Vec<TestBinary> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact" && message["profile"]["test"] == true)
        .filter_map(|message| {
            let manifest = message["manifest_path"].as_str()?;
            let target = message["target"]["name"].as_str()?;
            let kind = message["target"]["kind"][0].as_str()?;
            let package = std::path::Path::new(manifest).parent()?.file_name()?.to_str()?;
            Some(TestBinary {
                name: format!("{package} ({kind} {target})"),
                program: message["executable"].as_str()?.to_owned(),
                manifest: manifest.to_owned(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(passed: u64, failed: u64, skipped: u64) -> Tally {
        Tally { passed, failed, skipped }
    }

    #[test]
    fn the_last_line_reads_as_promised() {
        assert_eq!(tally(12, 0, 3).to_string(), "12 passed, 0 failed, 3 skipped");
    }

    #[test]
    fn libtest_results_are_summed_with_their_reasons_and_ignored_means_skipped() {
        let output = "running 2 tests\ntest a ... ok\ntest b ... ignored\n\n\
            test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            running 3 tests\ntest c ... FAILED\ntest d::e ... FAILED\ntest f ... ignored, for a while\n\n\
            failures:\n\n---- c stdout ----\nit begins\n\nthread 'c' panicked at c.rs:1:2:\nleft is not\n  right\n\n\
            ---- d::e stdout ----\nError: none\n\n\nfailures:\n    c\n    d::e\n\n\
            test result: FAILED. 0 passed; 2 failed; 1 ignored; 0 measured; 4 filtered out; finished in 1.20s\n";
        let outcome = libtest(output, false, false);
        assert_eq!(outcome.tally, tally(1, 2, 2));
        assert_eq!(outcome.failures, ["c: panicked at c.rs:1:2: left is not right", "d::e: Error: none"]);
        assert_eq!(outcome.skips, ["b", "f: for a while"]);
    }

    #[test]
    fn a_test_binary_that_dies_is_a_failure() {
        let died = libtest("running 9 tests\ntest a ... ok\n", false, false);
        assert_eq!(died.tally, tally(0, 1, 0));
        assert_eq!(libtest("", true, false).tally, tally(0, 1, 0));
        let late = "test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(libtest(late, false, false).tally, tally(5, 1, 0));
    }

    #[test]
    fn an_empty_but_healthy_binary_is_no_failure() {
        let empty =
            "running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        assert_eq!(libtest(empty, true, false), Outcome::default());
    }

    #[test]
    fn a_test_over_a_minute_fails_unless_the_size_is_long() {
        let output = "test slow has been running for over 60 seconds\ntest slow ... ok\n\
            test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 61.0s\n";
        assert_eq!(libtest(output, true, false).tally, tally(1, 1, 0));
        assert_eq!(libtest(output, true, true).tally, tally(1, 0, 0));
    }

    #[test]
    fn node_events_count_tests_not_their_groups() {
        let events = r#"
{"name":"hears","passed":true,"skipped":false,"groups":false,"seconds":2.5}
{"name":"speaks","passed":false,"reason":"Error:\n  no sound","skipped":false,"groups":false,"seconds":1}
{"name":"waits","passed":true,"skipped":false,"groups":false,"seconds":61}
{"name":"later","passed":true,"skipped":true,"reason":"not yet","groups":false,"seconds":0}
{"name":"file.mjs","passed":false,"groups":true,"only_children_failed":true,"seconds":70}
{"name":"broken.mjs","passed":false,"groups":true,"only_children_failed":false,"seconds":0}
{"name":"suite","passed":true,"groups":true,"seconds":99}
"#;
        let outcome = node(events, false, Some(Duration::from_secs(60)));
        assert_eq!(outcome.tally, tally(1, 3, 1));
        assert_eq!(outcome.failures, ["speaks: Error: no sound", "waits took 61 s", "broken.mjs"]);
        assert_eq!(outcome.skips, ["later: not yet"]);
        assert_eq!(node(events, false, None).tally, tally(2, 2, 1));
    }

    #[test]
    fn a_browser_runner_that_says_nothing_or_ends_badly_has_failed() {
        assert_eq!(node("", true, None).tally, tally(0, 1, 0));
        let fine = r#"{"name":"hears","passed":true,"groups":false,"seconds":2.5}"#;
        assert_eq!(node(fine, true, None).tally, tally(1, 0, 0));
        assert_eq!(node(fine, false, None).tally, tally(1, 1, 0));
        assert_eq!(node("nonsense", true, None).tally, tally(0, 1, 0));
    }

    #[test]
    fn only_test_binaries_are_taken_from_cargos_messages() {
        let messages = r#"
{"reason":"compiler-artifact","manifest_path":"/r/shared/Cargo.toml","target":{"kind":["lib"],"name":"dais_shared"},"profile":{"test":true},"executable":"/r/target/debug/deps/dais_shared-1"}
{"reason":"compiler-artifact","manifest_path":"/r/shared/Cargo.toml","target":{"kind":["lib"],"name":"dais_shared"},"profile":{"test":false},"executable":null}
{"reason":"compiler-artifact","manifest_path":"/r/server/Cargo.toml","target":{"kind":["bin"],"name":"dais"},"profile":{"test":false},"executable":"/r/target/debug/dais"}
{"reason":"build-finished","success":true}
"#;
        let binaries = test_binaries(messages);
        assert_eq!(binaries.len(), 1);
        assert_eq!(binaries[0].name, "shared (lib dais_shared)");
        assert_eq!(binaries[0].program, "/r/target/debug/deps/dais_shared-1");
    }
}
