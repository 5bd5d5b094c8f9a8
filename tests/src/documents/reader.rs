//! Somebody who reads a document from its beginning and types what it shows, at one shell, in a folder of his own.

use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Long enough for a busy machine; a command that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a reader has by another name here, as it stands in the documents and as it is typed. Nothing else is changed. `{root}` is
/// the reader's folder and `{port}` a port of his own.
pub(super) const SUBSTITUTIONS: [(&str, &str); 14] = [
    // What it becomes once it has built everything, which CI does in steps of its own.
    ("cargo xtask run", "dais"),
    ("target/release/", ""),
    ("/usr/local/bin/dais", "dais"),
    // As whom: here it is whoever runs the tests.
    (
        "systemd-run --pty --property=DynamicUser=yes --property=User=dais --property=StateDirectory=dais --property=LimitNOFILE=20000 \\\n",
        "",
    ),
    ("/etc/dais", "{root}/etc/dais"),
    ("/var/lib/dais", "{root}/var/lib/dais"),
    ("/var/backups", "{root}/var/backups"),
    // The name leads to the server itself.
    ("--url https://talk.example", "--url http://127.0.0.1:{port}"),
    ("127.0.0.1:8080", "127.0.0.1:{port}"),
    ("localhost:8080", "localhost:{port}"),
    ("0.0.0.0:8080", "0.0.0.0:{port}"),
    ("0.0.0.0:8443", "0.0.0.0:{port}"),
    ("0.0.0.0:443", "0.0.0.0:{port}"),
    // In the image.
    ("=/data", "={root}/data"),
];

/// How a command went.
pub(super) struct Went {
    pub(super) code: i32,
    pub(super) stdout: String,
    stderr: String,
}

impl std::fmt::Display for Went {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "it ends with {} and says\n{}{}", self.code, self.stdout, self.stderr)
    }
}

/// See the module. What he has started ends with him.
pub(super) struct Reader {
    shell: Child,
    keyboard: ChildStdin,
    /// What the shell itself says, line by line.
    screen: Receiver<String>,
    folder: TempDir,
    port: u16,
    typed: u32,
    /// The process of the server that runs.
    server: Option<u32>,
}

impl Reader {
    pub(super) fn new() -> Self {
        let folder = TempDir::with_prefix("dais-reader-").unwrap();
        let bin = folder.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        for (name, variable) in [("dais", "DAIS_BIN"), ("dais-bots", "DAIS_BOTS_BIN")] {
            std::os::unix::fs::symlink(program(name, variable), bin.join(name)).unwrap();
        }
        for name in ["etc/dais", "var/lib", "var/backups"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path))).unwrap();
        let port = free_port();
        let mut command = Command::new("sh");
        for (name, _) in std::env::vars_os() {
            let said = name.to_string_lossy().to_lowercase();
            if said.starts_with("dais_") || said.ends_with("_proxy") {
                command.env_remove(&name);
            }
        }
        // Where a command says nothing of it, the default is a port of his own.
        command.current_dir(&folder).env("PATH", path).env("DAIS_LISTEN", format!("127.0.0.1:{port}"));
        let spawned = command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut shell = spawned.expect("there is a shell");
        let (keyboard, output) = (shell.stdin.take().unwrap(), shell.stdout.take().unwrap());
        let (told, screen) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Nobody looks once the reader has gone.
                let _ = told.send(line);
            }
        });
        Self { shell, keyboard, screen, folder, port, typed: 0, server: None }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What is typed where this stands.
    pub(super) fn in_place_of(&self, text: &str) -> String {
        let (root, port) = (self.folder.path().to_str().unwrap(), self.port.to_string());
        let mut rest = text;
        let mut typed = String::new();
        // From left to right, the longest first: what has been put in is not looked at again.
        while !rest.is_empty() {
            let fits = SUBSTITUTIONS.iter().filter(|(stands, _)| rest.starts_with(stands));
            match fits.max_by_key(|(stands, _)| stands.len()) {
                Some((stands, put)) => {
                    typed += &put.replace("{root}", root).replace("{port}", &port);
                    rest = &rest[stands.len()..];
                }
                None => {
                    let first = rest.chars().next().unwrap();
                    typed.push(first);
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        typed
    }

    /// Puts a file where a document says it is.
    pub(super) fn keeps(&self, path: &str, text: &str) {
        std::fs::write(self.in_place_of(path), self.in_place_of(text)).unwrap();
    }

    /// Types a command and waits for its end; what goes on in the background goes on.
    pub(super) fn types(&mut self, command: &str) -> Went {
        let (command, [stdout, stderr]) = (self.in_place_of(command), self.pages());
        let line = format!("{{ {command}\n}} </dev/null >{} 2>{}; echo \"@@ $?\"\n", stdout.display(), stderr.display());
        let code = self.enters(&line, &command);
        let read = |path: PathBuf| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        Went { code: code.parse().unwrap(), stdout: read(stdout), stderr: read(stderr) }
    }

    /// Starts a server, stops the one before, and waits until this one is there. What it has printed by then.
    pub(super) fn serves(&mut self, command: &str) -> String {
        self.stops();
        let (command, [stdout, stderr]) = (self.in_place_of(command), self.pages());
        let (out, err) = (stdout.display(), stderr.display());
        // In the foreground it keeps the terminal, and the reader opens another.
        let line = match has_background(&command) {
            true => format!("{{ {command}\n}} </dev/null >{out} 2>{err}; echo \"@@ $!\"\n"),
            false => format!("( exec {command}\n) </dev/null >{out} 2>{err} & echo \"@@ $!\"\n"),
        };
        let process: u32 = self.enters(&line, &command).parse().unwrap();
        self.server = Some(process);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = std::fs::read_to_string(&stdout).unwrap_or_default();
            if said.contains(" is on http") && said.ends_with('\n') {
                return said;
            }
            let errors = || std::fs::read_to_string(&stderr).unwrap_or_default();
            assert!(is_alive(process), "`{command}` has ended: {said}{}", errors());
            assert!(Instant::now() < deadline, "`{command}` does not say where it is: {said}{}", errors());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Presses Ctrl-C where the server runs, and waits for its end.
    pub(super) fn stops(&mut self) {
        let Some(process) = self.server.take() else { return };
        let code = self.enters(&format!("kill -TERM {process}; wait {process}; echo \"@@ $?\"\n"), "the server's end");
        assert_eq!(code, "0", "the server ends well");
    }

    fn pages(&mut self) -> [PathBuf; 2] {
        self.typed += 1;
        ["out", "err"].map(|name| self.folder.path().join(format!("{name}.{}", self.typed)))
    }

    /// Gives the shell a line, and returns what it says behind the mark.
    fn enters(&mut self, line: &str, command: &str) -> String {
        self.keyboard.write_all(line.as_bytes()).unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let said = self.screen.recv_timeout(left).unwrap_or_else(|_| panic!("`{command}` does not end"));
            if let Some(answer) = said.strip_prefix("@@ ") {
                return answer.to_owned();
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // The whole group: what runs in the background, too.
        let group = format!("kill -s KILL -- -{}", self.shell.id());
        let _ = Command::new("sh").args(["-c", &group]).stderr(Stdio::null()).status();
        let _ = self.shell.wait();
    }
}

fn has_background(command: &str) -> bool {
    command.trim_end().ends_with('&')
}

fn is_alive(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat"));
    status.is_ok_and(|status| !status.contains(") Z "))
}

/// The built program: that which is tested, or, where nothing says which that is, what cargo has built beside this one.
fn program(name: &str, variable: &str) -> PathBuf {
    let beside = || std::env::current_exe().unwrap().parent().and_then(Path::parent).unwrap().join(name);
    let program = std::env::var_os(variable).map_or_else(beside, PathBuf::from);
    let advice = format!("run these tests with `cargo xtask test`, or `cargo build` first; {variable} names another");
    assert!(program.is_file(), "there is no {}: {advice}", program.display());
    program
}

/// One that nobody is given who asks for any: commands name theirs before anybody listens there.
fn free_port() -> u16 {
    let first = 10_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    let ports = (first..30_000).chain(10_000..first);
    let is_free = |port: &u16| std::net::TcpListener::bind(("0.0.0.0", *port)).is_ok();
    let mut taken = TAKEN.lock().unwrap();
    let port = ports.filter(|port| !taken.contains(port)).find(is_free).expect("one of so many is free");
    taken.push(port);
    port
}

static TAKEN: std::sync::Mutex<Vec<u16>> = std::sync::Mutex::new(Vec::new());

/// What a built program prints.
pub(super) fn output_of(name: &str, arguments: &[&str]) -> String {
    let variable = if name == "dais" { "DAIS_BIN" } else { "DAIS_BOTS_BIN" };
    let output = Command::new(program(name, variable)).args(arguments).output().unwrap();
    assert!(output.status.success(), "{name} {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
