//! The server in a process of its own, which can be killed, limited and looked at from outside: the test program itself,
//! started once more.

use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use super::http::{self, Answer};

/// What the server is told, a word per line.
const ARGUMENTS: &str = "DAIS_TEST_ARGUMENTS";
/// How far its clock is ahead of the machine's, in milliseconds.
const CLOCK_OFF: &str = "DAIS_TEST_CLOCK_OFF";

/// A running server. Killed when dropped.
pub(crate) struct ServerProcess {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From its start until it accepted connections.
    pub(crate) took: Duration,
    complaints: PathBuf,
    /// Open for as long as it runs: after a minute the test runner around it has something to say, and ends if nobody is there.
    _said: Lines<BufReader<ChildStdout>>,
}

impl ServerProcess {
    /// Starts one that keeps its state in `folder`; port 0 is a free one.
    pub(crate) fn start(folder: &Path, port: u16) -> Self {
        Self::start_with(folder, port, &[], None)
    }

    /// With more options, and where `files` says so with a limit of open files.
    pub(crate) fn start_with(folder: &Path, port: u16, options: &[&str], files: Option<u32>) -> Self {
        Self::start_by(folder, port, options, files, 0)
    }

    /// And by a clock that is so far ahead.
    pub(crate) fn start_by(folder: &Path, port: u16, options: &[&str], files: Option<u32>, clock_off_ms: i64) -> Self {
        let listen = format!("127.0.0.1:{port}");
        let arguments = [&["dais", "--listen", &listen, "--data-dir", folder.to_str().unwrap()], options].concat().join("\n");
        let program = std::env::current_exe().unwrap();
        let mut command = match files {
            None => Command::new(program),
            Some(files) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\"")]).arg(program);
                shell
            }
        };
        let complaints = folder.join("complaints.txt");
        let began = Instant::now();
        let mut child = command
            .args(["--exact", "harness::process::a_server_in_its_own_process_answers", "--nocapture", "--quiet"])
            .env(ARGUMENTS, arguments)
            .env(CLOCK_OFF, clock_off_ms.to_string())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::options().create(true).append(true).open(&complaints).unwrap())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = said.by_ref().map_while(Result::ok).find_map(|line| Some(line.rsplit_once("://")?.1.parse().unwrap()));
        let address = address.expect("it says where it listens");
        Self { child, address, took: began.elapsed(), complaints, _said: said }
    }

    /// As if the power failed, but for the disk's own cache.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// As an operator ends it: SIGTERM, and it is waited for.
    pub(crate) fn stop(mut self) {
        let told = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]).status().unwrap();
        assert!(told.success() && self.child.wait().unwrap().success(), "it ends well");
    }

    /// Sends it a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let told = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status().unwrap();
        assert!(told.success());
    }

    /// All that it has written to its standard error: warnings, and what a panic says.
    pub(crate) fn complaints(&self) -> String {
        std::fs::read_to_string(&self.complaints).unwrap()
    }

    /// Waits until it has complained of this: its log is written behind its back.
    pub(crate) fn complains_of(&self, what: &str) {
        let began = Instant::now();
        while !self.complaints().contains(what) {
            assert!(began.elapsed() < super::PATIENCE, "nothing of {what:?} in {}", self.complaints());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The memory that it holds.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process that runs holds memory");
        1024 * line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap()
    }

    /// `GET`.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        http::call(self.address, "GET", path, &[], None).await
    }

    /// One number out of `/metrics`.
    pub(crate) async fn figure(&self, name: &str) -> f64 {
        let page = self.get("/metrics").await.text();
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or_else(|| panic!("{name} in {page}"))
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Fails where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Also the program that [`ServerProcess::start`] starts: told what to serve, it is the server.
#[test]
fn a_server_in_its_own_process_answers() {
    if let Ok(arguments) = std::env::var(ARGUMENTS) {
        let clock_off_ms = std::env::var(CLOCK_OFF).unwrap().parse().unwrap();
        assert_eq!(dais_server::run_by(arguments.lines().map(Into::into), clock_off_ms), std::process::ExitCode::SUCCESS);
        return;
    }
    let folder = tempfile::TempDir::with_prefix("dais-process-").unwrap();
    let server = ServerProcess::start(folder.path(), 0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(runtime.block_on(server.get("/healthz")).status, 200);
    let address = server.address;
    server.kill();
    assert!(std::net::TcpStream::connect(address).is_err(), "nothing listens there any more");
}
