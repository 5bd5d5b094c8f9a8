//! What must stay true of the tree: its arrows, and the length of its files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand};

/// The length at which a file is split by concern.
const FILE_LINES_MAX: usize = 500;

/// Who may know whom, as in ARCHITECTURE.md. Nobody else may know anybody.
const ARROWS: [(&str, &[&str]); 13] = [
    ("dais-shared", &[]),
    ("dais-audio", &[]),
    ("dais-engine", &["dais-shared", "dais-audio"]),
    ("dais-server", &["dais-shared"]),
    ("dais-client", &["dais-engine"]),
    ("dais-encoder", &["dais-audio"]),
    ("dais-worklet", &["dais-audio"]),
    ("dais-suppressor", &["dais-audio"]),
    ("dais-bots", &["dais-engine"]),
    ("dais-sim", &["dais-audio"]),
    ("dais-tests", &["dais-server", "dais-bots", "dais-engine", "dais-shared"]),
    ("dais-fuzz", &["dais-shared", "dais-audio"]),
    ("xtask", &[]),
];

/// What the pure crates must not reach for: sockets, threads, clocks, chance, the web, a log.
const IMPURE: [&str; 12] = [
    "tokio",
    "futures-util",
    "axum",
    "hyper",
    "socket2",
    "getrandom",
    "rand",
    "tracing",
    "log",
    "web-sys",
    "js-sys",
    "wasm-bindgen",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().into()
}

fn workspace() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().features(CargoOpt::AllFeatures).exec().unwrap()
}

/// The edges that no arrow allows, tests' included: a test that knows more than its crate may is misplaced.
fn forbidden_edges(workspace: &Metadata, arrows: &BTreeMap<&str, &[&str]>) -> Vec<String> {
    let mut forbidden = Vec::new();
    for package in &workspace.packages {
        let Some(allowed) = arrows.get(package.name.as_str()) else {
            forbidden.push(format!("{} is not in the table of arrows", package.name));
            continue;
        };
        let ours = package.dependencies.iter().filter(|dependency| dependency.path.is_some());
        let wrong = ours.filter(|dependency| !allowed.contains(&dependency.name.as_str()));
        forbidden.extend(wrong.map(|dependency| format!("{} -> {}", package.name, dependency.name)));
    }
    forbidden
}

#[test]
fn the_arrows_between_crates_hold() {
    let forbidden = forbidden_edges(&workspace(), &BTreeMap::from(ARROWS));
    assert!(forbidden.is_empty(), "forbidden: {forbidden:#?}");
}

#[test]
fn an_arrow_that_is_not_in_the_table_is_found() {
    let mut arrows = BTreeMap::from(ARROWS);
    arrows.insert("dais-engine", &["dais-audio"]);
    arrows.remove("xtask");
    let forbidden = forbidden_edges(&workspace(), &arrows);
    assert_eq!(forbidden, ["dais-engine -> dais-shared", "xtask is not in the table of arrows"]);
}

#[test]
fn the_pure_crates_reach_for_nothing_impure() {
    let workspace = workspace();
    for name in ["dais-shared", "dais-audio", "dais-engine"] {
        let package = workspace.packages.iter().find(|package| package.name.as_str() == name).unwrap();
        let used = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        let impure: Vec<_> = used.map(|dependency| &dependency.name).filter(|used| IMPURE.contains(&used.as_str())).collect();
        assert!(impure.is_empty(), "{name} -> {impure:?}");
    }
}

#[test]
fn the_pure_crates_ban_clocks_and_unordered_maps() {
    for name in ["shared", "audio", "engine"] {
        let config = std::fs::read_to_string(root().join(name).join("clippy.toml")).unwrap();
        for banned in ["std::time::Instant::now", "std::time::SystemTime::now", "std::collections::HashMap"] {
            assert!(config.contains(banned), "{name}/clippy.toml does not ban {banned}");
        }
    }
}

#[test]
fn files_stay_short_and_modules_are_not_called_mod() {
    let mut wrong = Vec::new();
    for package in workspace().packages {
        let folder = package.manifest_path.parent().unwrap().join("src");
        for file in rust_files(folder.as_std_path()) {
            let lines = std::fs::read_to_string(&file).unwrap().lines().count();
            if lines > FILE_LINES_MAX {
                wrong.push(format!("{} has {lines} lines", file.display()));
            }
            if file.ends_with("mod.rs") {
                wrong.push(format!("{}: name it after its module", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// While the page is worked on Trunk serves it, and passes on what is the server's.
#[test]
fn trunk_passes_on_every_path_of_the_server() {
    let config = std::fs::read_to_string(root().join("Trunk.toml")).unwrap();
    let backends = config.lines().filter_map(|line| line.strip_prefix("backend = \"")).map(|rest| rest.trim_end_matches('"'));
    let passed: Vec<_> = backends.map(|backend| format!("/{}", backend.splitn(4, '/').nth(3).unwrap())).collect();
    // The page itself is Trunk's.
    let paths = dais_server::paths().into_iter().filter(|path| path != "/" && path != "/r/{room}");
    let is_passed = |path: &String| passed.iter().any(|to| path == to || path.starts_with(&format!("{to}/")));
    let missing: Vec<_> = paths.filter(|path| !is_passed(path)).collect();
    assert!(missing.is_empty(), "Trunk.toml passes on {passed:?}, and not {missing:?}");
}

/// A skipped test does not fail the run, so that it must be the machine's doing and nobody's choice: only the judge of
/// measurements in real time may skip one.
#[test]
fn no_test_is_switched_off() {
    let mut wrong = Vec::new();
    for package in workspace().packages {
        for file in rust_files(package.manifest_path.parent().unwrap().join("src").as_std_path()) {
            wrong.extend(holds(&file, &[concat!("#[", "ignore")]));
        }
    }
    let journeys = files(&root().join("e2e"), "mjs");
    assert!(journeys.len() > 20, "{}", journeys.len());
    for file in journeys.iter().filter(|file| !file.ends_with("harness/machine.mjs")) {
        wrong.extend(holds(file, &["test.skip", "test.todo", "test.only", "{ skip", "{ todo", ".skip("]));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What people write is checked where it has been written in one way, and nowhere else in the server.
#[test]
fn the_server_checks_no_text_before_it_is_composed() {
    let files = rust_files(&root().join("server").join("src"));
    let checks = ["person", "title", "topic", "message", "passcode"].map(|check| format!("names::{check}"));
    let checks = checks.each_ref().map(String::as_str);
    let spelling = root().join("server").join("src").join("spelling.rs");
    let wrong: Vec<_> = files.iter().filter(|file| **file != spelling).flat_map(|file| holds(file, &checks)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(!holds(&spelling, &checks).is_empty());
}

fn holds(file: &Path, words: &[&str]) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    words.iter().filter(|word| text.contains(**word)).map(|word| format!("{} has `{word}`", file.display())).collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    files(folder, "rs")
}

fn files(folder: &Path, kind: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("node_modules") {
            found.extend(files(&path, kind));
        } else if path.extension().is_some_and(|extension| extension == kind) {
            found.push(path);
        }
    }
    found
}
