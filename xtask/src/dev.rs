//! `cargo xtask dev`: the server and `trunk serve` side by side. Trunk rebuilds the page as files change and passes what is
//! the server's on to it (Trunk.toml); the server is built and started anew as its own files change.

use std::path::Path;
use std::time::Duration;

use crate::process::{Group, with_args};
use crate::{Result, fingerprint, process, project, setup};

/// What the server is built from.
const SOURCES: [&str; 7] =
    ["server/src", "server/Cargo.toml", "shared/src", "shared/Cargo.toml", "docs/openapi.json", "Cargo.toml", "Cargo.lock"];

/// How often they are looked at: reading them takes some milliseconds.
const LOOK: Duration = Duration::from_millis(500);

/// Runs both until one ends or Ctrl-C.
///
/// # Errors
/// When set-up fails, or when one of the two ends by itself.
pub(crate) fn run() -> Result<()> {
    setup::build_tools()?;
    setup::trunk()?;
    process::forward_signals()?;
    println!("Starting the server on http://127.0.0.1:8080 and the page on http://127.0.0.1:8090;");
    println!("open the second. Both are built anew as you edit. Ctrl-C stops both.");
    let mut sources = Sources::now(project::root());
    // Built one after the other, because both call cargo and would wait for each other anyway.
    build_server()?;
    if !project::root().join("dist/index.html").is_file() {
        // The server refuses to start on a folder without a page.
        process::run(&mut with_args("trunk", &["build"]))?;
    }
    let mut server = start_server()?;
    let mut page = Group::spawn(&mut with_args("trunk", &["serve"]))?;
    loop {
        for (name, group) in [("the server", &mut server), ("trunk serve", &mut page)] {
            if let Some(status) = group.poll()? {
                return Err(format!("{name} ended ({status}); stopping the other"));
            }
        }
        if sources.have_changed() {
            match build_server() {
                Ok(()) => {
                    // It has to leave the port first.
                    drop(server);
                    server = start_server()?;
                }
                Err(_) => println!("The server does not build; the one that runs goes on until it does."),
            }
        }
        std::thread::sleep(LOOK);
    }
}

fn build_server() -> Result<()> {
    process::run(&mut with_args("cargo", &["build", "--package", "dais-server"]))
}

fn start_server() -> Result<Group> {
    Group::spawn(&mut with_args("cargo", &["run", "--quiet", "--package", "dais-server", "--", "--web-dir", "dist"]))
}

/// The server's files as they were last looked at.
struct Sources<'a> {
    root: &'a Path,
    seen: Result<u64>,
}

impl<'a> Sources<'a> {
    fn now(root: &'a Path) -> Self {
        Self { root, seen: fingerprint::of(root, &SOURCES) }
    }

    /// Whether they are others since. A file that goes while it is read is looked at once more.
    fn have_changed(&mut self) -> bool {
        let now = fingerprint::of(self.root, &SOURCES);
        let have_changed = now.is_ok() && now != self.seen;
        if have_changed {
            self.seen = now;
        }
        have_changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_what_the_server_is_built_from_is_seen_once() {
        let root = std::env::temp_dir().join(format!("xtask-dev-{}", std::process::id()));
        std::fs::create_dir_all(root.join("shared/src")).expect("a temporary folder");
        std::fs::create_dir_all(root.join("client/src")).expect("a temporary folder");
        let write = |path: &str, text: &str| std::fs::write(root.join(path), text).expect("writable");
        write("shared/src/room.rs", "1");
        let mut sources = Sources::now(&root);
        assert!(!sources.have_changed());
        write("client/src/app.rs", "the page's own");
        assert!(!sources.have_changed(), "Trunk sees to that");
        write("shared/src/room.rs", "2");
        assert!(sources.have_changed() && !sources.have_changed());
        let _ = std::fs::remove_dir_all(root);
    }

    #[test]
    fn all_that_the_server_is_built_from_is_there() {
        for path in SOURCES {
            assert!(project::root().join(path).exists(), "{path}");
        }
    }
}
