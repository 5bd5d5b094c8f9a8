//! The `dais` binary as an operator meets it: what it prints, how it ends, which option wins.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "binary/channels.rs"]
mod channels;
#[path = "binary/signals.rs"]
mod signals;

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};

use tempfile::TempDir;

/// In a folder of its own, so that nothing is left where the tests were started.
fn dais(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dais"));
    command.current_dir(folder);
    for variable in
        ["LISTEN", "DATA_DIR", "WEB_DIR", "LOG", "LOG_FORMAT", "LOG_ADDRESSES", "CONFIG", "TLS", "TLS_CERTIFICATE", "TLS_KEY"]
    {
        command.env_remove(format!("DAIS_{variable}"));
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn folder() -> TempDir {
    TempDir::with_prefix("dais-binary-").unwrap()
}

fn output(command: &mut Command) -> (Output, String) {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    (output, said)
}

/// A running server, killed if the test fails before it has ended.
struct Serving {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: Option<ChildStderr>,
}

impl Serving {
    fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = child.stderr.take();
        Self { child, stdout, stderr }
    }

    fn first_line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_prints_its_address_and_ends_well_when_told_to() {
    let folder = folder();
    for signal in ["TERM", "INT"] {
        let mut serving = Serving::start(dais(&folder).args(["--listen", "127.0.0.1:0"]));
        let line = serving.first_line();
        let address = line.trim().rsplit_once("http://").unwrap().1;
        std::net::TcpStream::connect(address).unwrap();
        let id = serving.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap().success());
        assert!(serving.child.wait().unwrap().success(), "{signal}");
        let mut said = String::new();
        serving.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 2, "nothing to complain of: {said}");
        for wanted in ["Dais starts", env!("CARGO_PKG_VERSION"), address, "dais-data", "tls=\"none\""] {
            assert!(lines[0].contains(wanted), "{wanted} in {said}");
        }
        assert!(lines[1].contains("Dais stops") && lines[1].contains(&format!("SIG{signal}")), "{said}");
    }
}

#[test]
fn with_a_certificate_of_its_own_it_says_https_and_what_to_compare() {
    let folder = folder();
    let serve = || {
        let mut serving = Serving::start(dais(&folder).args(["--listen", "127.0.0.1:0", "--tls", "self-signed"]));
        let address = serving.first_line();
        assert!(address.contains(" is on https://127.0.0.1:"), "{address}");
        serving.first_line().trim().rsplit_once("SHA-256 ").unwrap().1.to_owned()
    };
    let fingerprint = serve();
    assert_eq!(fingerprint.split(':').filter(|byte| byte.len() == 2).count(), 32, "{fingerprint}");
    assert_eq!(serve(), fingerprint, "it is kept");
    std::fs::remove_file(folder.path().join("dais-data/tls-certificate.pem")).unwrap();
    assert_ne!(serve(), fingerprint);
}

#[test]
fn a_certificate_that_cannot_be_used_is_said_in_a_sentence() {
    let folder = folder();
    drop(Serving::start(dais(&folder).args(["--listen", "127.0.0.1:0", "--tls", "self-signed"])).first_line());
    let [chain, key] = ["tls-certificate.pem", "tls-key.pem"].map(|name| folder.path().join("dais-data").join(name));
    for (certificate, key, wanted) in [(&key, &key, "holds no certificate"), (&chain, &chain, "holds no private key")] {
        let mut command = dais(&folder);
        command.args(["--listen", "127.0.0.1:0", "--tls-certificate"]).arg(certificate).arg("--tls-key").arg(key);
        let (refused, said) = output(&mut command);
        assert_eq!(refused.status.code(), Some(1));
        assert!(said.contains(wanted) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn it_serves_though_nobody_reads_what_it_prints() {
    let folder = folder();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = dais(&folder);
    let mut child = command.args(["--listen", "127.0.0.1:0", "--tls", "self-signed"]).stdout(writer).spawn().unwrap();
    let stderr = child.stderr.take().unwrap();
    // Told to end while it starts, it ends when it has.
    while !folder.path().join("dais-data/tls-certificate.pem").exists() {
        assert_eq!(child.try_wait().unwrap(), None, "it has ended");
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let said = std::io::read_to_string(stderr).unwrap();
    let is_fine = !said.contains("WARN") && !said.contains("ERROR");
    assert!(child.wait().unwrap().success() && is_fine, "{said}");
}

#[test]
fn a_port_in_use_is_said_in_a_sentence() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (output, said) = output(dais(&folder).args(["--listen", &address]));
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains(&address) && said.contains("in use") && said.contains("--listen"), "{said}");
    assert_eq!(said.lines().count(), 1);
}

#[test]
fn a_filter_that_would_log_nothing_ends_the_start_with_the_levels() {
    let folder = folder();
    let (refused, said) = output(dais(&folder).args(["--listen", "127.0.0.1:0", "--log", "verbose"]));
    let (by_variable, said_too) = output(dais(&folder).args(["--listen", "127.0.0.1:0"]).env("DAIS_LOG", "verbose"));
    assert_eq!((refused.status.code(), by_variable.status.code()), (Some(1), Some(1)));
    assert!(said.contains("\"verbose\"") && said.contains("error, warn, info, debug, trace"), "{said}");
    assert!(said.lines().count() == 1 && said == said_too, "{said_too}");
}

#[test]
fn the_doctor_fails_when_something_is_wrong_and_only_then() {
    let folder = folder();
    let examined = |address: &str| {
        let arguments = ["doctor", "--room-seats", "10", "--listen", address];
        let output = dais(&folder).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = examined("127.0.0.1:0");
    assert!(code == Some(0) && said.contains("is free") && !said.contains("WRONG"), "{said}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    std::thread::spawn(move || taken.incoming().for_each(drop));
    let (code, said) = examined(&address);
    let wrong: Vec<&str> = said.lines().filter(|line| line.starts_with("WRONG")).collect();
    assert!(code == Some(1) && wrong.len() == 1 && wrong[0].contains(&address), "{said}");
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let folder = folder();
    let taken: Vec<_> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let [flag, variable, file] = [0, 1, 2].map(|index| taken[index].local_addr().unwrap().to_string());
    let path = std::env::temp_dir().join(format!("dais-binary-{}.toml", std::process::id()));
    std::fs::write(&path, format!("listen = \"{file}\"\n")).unwrap();
    // Every address is taken, so that each run ends and names the one it tried.
    let mut command = dais(&folder);
    command.env("DAIS_CONFIG", &path);
    assert!(output(&mut command).1.contains(&file));
    command.env("DAIS_LISTEN", &variable);
    assert!(output(&mut command).1.contains(&variable));
    command.args(["serve", "--listen", &flag]);
    assert!(output(&mut command).1.contains(&flag));
    std::fs::write(&path, "colour = \"red\"\n").unwrap();
    let (refused, said) = output(&mut command);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("colour"), "{said}");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn help_names_every_option_and_is_no_failure() {
    let folder = folder();
    let output = dais(&folder).arg("--help").output().unwrap();
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    for word in [
        "--listen",
        "--data-dir",
        "--web-dir",
        "--log",
        "--log-format",
        "--log-addresses",
        "--admin-token",
        "--connections-per-address",
        "--config",
        "--tls",
        "DAIS_LISTEN",
        "serve",
        "backup",
        "doctor",
        "127.0.0.1:8080",
    ] {
        assert!(help.contains(word), "{word} is missing in:\n{help}");
    }
}
