//! The server in a process of its own, which can be killed: the test program itself, started once more.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What the server is told, a word per line.
const ARGUMENTS: &str = "DAIS_TEST_ARGUMENTS";

/// A running server. Killed when dropped.
pub(crate) struct ServerProcess {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From its start until it accepted connections.
    pub(crate) took: Duration,
}

impl ServerProcess {
    /// Starts one that keeps its state in `folder`; port 0 is a free one.
    pub(crate) fn start(folder: &Path, port: u16) -> Self {
        Self::start_with(folder, port, &[], Stdio::inherit())
    }

    /// With more options, and its log somewhere.
    pub(crate) fn start_with(folder: &Path, port: u16, options: &[&str], log: Stdio) -> Self {
        let listen = format!("127.0.0.1:{port}");
        let arguments = [&["dais", "--listen", &listen, "--data-dir", folder.to_str().unwrap()], options].concat().join("\n");
        let began = Instant::now();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "harness::process::be_a_server", "--ignored", "--nocapture", "--quiet"])
            .env(ARGUMENTS, arguments)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.map_while(Result::ok).find_map(|line| Some(line.rsplit_once("http://")?.1.parse().unwrap()));
        let address = address.expect("it says where it listens");
        Self { child, address, took: began.elapsed() }
    }

    /// As if the power failed, but for the disk's own cache.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Fails where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// No test: the program that [`ServerProcess::start`] starts.
#[test]
#[ignore = "a server for other tests"]
fn be_a_server() {
    let Ok(arguments) = std::env::var(ARGUMENTS) else { return };
    let _ = dais_server::run(arguments.lines().map(Into::into));
}
