//! `cargo xtask dev`: the server and `trunk serve` side by side. Trunk rebuilds the page as files
//! change and passes `/ws`, `/api` and `/healthz` on to the server, which is not rebuilt.

use std::time::Duration;

use crate::process::{Group, with_args};
use crate::{Result, process, project, setup};

/// Runs both until one ends or Ctrl-C.
///
/// # Errors
/// When set-up fails, or when one of the two ends by itself.
pub(crate) fn run() -> Result<()> {
    setup::build_tools()?;
    process::forward_signals()?;
    println!("Starting the server on http://127.0.0.1:8080 and the page on http://127.0.0.1:8090;");
    println!("open the second. Ctrl-C stops both.");
    // Built one after the other, because both call cargo and would wait for each other anyway.
    process::run(&mut with_args("cargo", &["build", "--package", "dais-server"]))?;
    if !project::root().join("dist/index.html").is_file() {
        // The server refuses to start on a folder without a page.
        process::run(&mut with_args("trunk", &["build"]))?;
    }
    let mut server =
        Group::spawn(&mut with_args("cargo", &["run", "--quiet", "--package", "dais-server", "--", "--web-dir", "dist"]))?;
    let mut page = Group::spawn(&mut with_args("trunk", &["serve"]))?;
    loop {
        for (name, group) in [("the server", &mut server), ("trunk serve", &mut page)] {
            if let Some(status) = group.poll()? {
                return Err(format!("{name} ended ({status}); stopping the other"));
            }
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}
