//! What is printed and logged cannot be written: nothing stops, nothing is refused for it, and what is lost is counted.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Serving, dais, folder, output};

pub(super) const TOKEN: &str = "0123456789abcdef0123";
/// Long enough for a busy machine; a test that waits this long has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// What the server answers: the status, and the body.
pub(super) fn ask(address: &str, method: &str, path: &str, token: &str, body: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let authorization = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{authorization}");
    write!(socket, "{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap_or_else(|| panic!("no answer to {method} {path}: {answer:?}"));
    (status.parse().unwrap(), answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

pub(super) fn get(address: &str, path: &str, token: &str) -> (u16, String) {
    ask(address, "GET", path, token, "")
}

/// How many lines of the log are lost.
fn lost(address: &str) -> u64 {
    let page = get(address, "/metrics", TOKEN).1;
    page.lines()
        .find_map(|line| line.strip_prefix("dais_log_lines_lost_total ")?.parse().ok())
        .unwrap_or_else(|| panic!("{page}"))
}

/// The server goes on whatever it logs: it refuses, answers, and keeps what it is told.
fn goes_on(address: &str, room: &str) {
    for _ in 0..3 {
        assert_eq!(get(address, "/metrics", "a wrong admin token").0, 401, "which is a line in the log");
    }
    let (status, made) = ask(address, "POST", "/api/rooms", TOKEN, &format!("{{\"id\": \"{room}\", \"title\": \"Hall\"}}"));
    assert_eq!(status, 201, "{made}");
    assert_eq!(get(address, "/healthz", "").0, 200);
}

pub(super) fn serving(folder: &tempfile::TempDir, stderr: impl Into<Stdio>, options: &[&str]) -> (Serving, String) {
    let mut command = dais(folder);
    command.args(["--listen", "127.0.0.1:0"]).args(options).env("DAIS_ADMIN_TOKEN", TOKEN);
    // A panic would say where it was, and look for symbols meanwhile.
    command.env("RUST_BACKTRACE", "1").stderr(stderr);
    let mut serving = Serving::start(&mut command);
    let line = serving.first_line();
    (serving, line.trim().rsplit_once("http://").unwrap().1.to_owned())
}

pub(super) fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap().success());
}

fn told_to_end(child: &Child) {
    signal(child, "TERM");
}

pub(super) fn ends(child: &mut Child) -> std::process::ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match child.try_wait().unwrap() {
            Some(status) => return status,
            None if Instant::now() > deadline => {
                let _ = child.kill();
                panic!("it does not end");
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// A pipe that holds all it can and that nobody reads.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, writer) = std::io::pipe().unwrap();
    // Opened anew, so that only this end of it does not wait.
    const O_NONBLOCK: i32 = 0o4000;
    let path = format!("/proc/self/fd/{}", writer.as_raw_fd());
    let mut filling = File::options().write(true).custom_flags(O_NONBLOCK).open(path).unwrap();
    for bytes in [&[b'x'; 4096][..], b"x"] {
        while filling.write(bytes).is_ok() {}
    }
    (reader, writer)
}

#[test]
fn a_log_that_cannot_be_written_stops_nothing_and_its_lines_are_counted() {
    for (number, format) in ["text", "json"].into_iter().enumerate() {
        let folder = folder();
        let (gone, no_reader) = std::io::pipe().unwrap();
        drop(gone);
        let full = || File::options().write(true).open("/dev/full").unwrap();
        for (which, stderr) in [Stdio::from(full()), no_reader.into()].into_iter().enumerate() {
            let (mut serving, address) = serving(&folder, stderr, &["--log-format", format]);
            goes_on(&address, &format!("hall-{number}-{which}"));
            let deadline = Instant::now() + PATIENCE;
            while lost(&address) < 3 {
                assert!(Instant::now() < deadline, "three lines are lost at least");
            }
            told_to_end(&serving.child);
            assert!(ends(&mut serving.child).success());
        }
    }
}

#[test]
fn a_log_that_nobody_reads_holds_nobody_up_and_is_written_when_somebody_does() {
    let folder = folder();
    let (mut reader, writer) = full_pipe();
    let (mut serving, address) = serving(&folder, writer, &[]);
    goes_on(&address, "hall");
    let reading = std::thread::spawn(move || {
        let mut said = String::new();
        reader.read_to_string(&mut said).unwrap();
        said
    });
    told_to_end(&serving.child);
    assert!(ends(&mut serving.child).success());
    let said = reading.join().unwrap();
    // Each is told, or counted in the next line of its kind.
    let counts = said.lines().filter(|line| line.contains("a wrong admin token")).filter_map(|line| line.split("count=").nth(1));
    let told: u32 = counts.filter_map(|rest| rest.split_whitespace().next()?.parse::<u32>().ok()).sum();
    assert_eq!(told, 3, "they waited: {}", said.trim_matches('x'));
}

#[test]
fn a_server_whose_output_nobody_reads_ends_when_told_to() {
    let folder = folder();
    let (_reader, writer) = full_pipe();
    let mut command = dais(&folder);
    command.args(["--listen", "127.0.0.1:0", "--tls", "self-signed"]);
    command.stdout(writer.try_clone().unwrap()).stderr(writer);
    let mut child = command.spawn().unwrap();
    while !folder.path().join("dais-data/tls-certificate.pem").exists() {
        assert_eq!(child.try_wait().unwrap(), None, "it has ended");
        std::thread::yield_now();
    }
    told_to_end(&child);
    assert!(ends(&mut child).success());
}

#[test]
fn what_keeps_it_from_starting_is_its_exit_code_where_it_cannot_be_said() {
    let folder = folder();
    let full = || File::options().write(true).open("/dev/full").unwrap();
    for arguments in
        [&["--listen", "nowhere"][..], &["--listen", "127.0.0.1:0", "--web-dir", "nowhere"], &["backup", "/nowhere/x"]]
    {
        let status = dais(&folder).args(arguments).stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(1), "{arguments:?}");
    }
    let (_reader, writer) = full_pipe();
    let mut child = dais(&folder).args(["--listen", "127.0.0.1:0", "--web-dir", "nowhere"]).stderr(writer).spawn().unwrap();
    assert_eq!(ends(&mut child).code(), Some(1));
}

#[test]
fn tools_whose_output_nobody_wants_end_as_they_would_otherwise() {
    let folder = folder();
    for arguments in [&["doctor", "--listen", "127.0.0.1:0", "--room-seats", "10"][..], &["--help"], &["--version"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (ended, said) = output(dais(&folder).args(arguments).env("RUST_BACKTRACE", "1").stdout(writer));
        assert!(ended.status.success() && said.is_empty(), "{arguments:?}: {said}");
    }
    let full = File::options().write(true).open("/dev/full").unwrap();
    let (ended, said) = output(dais(&folder).args(["doctor", "--listen", "127.0.0.1:0", "--room-seats", "10"]).stdout(full));
    assert!(ended.status.code() == Some(1) && said.contains("cannot print") && said.lines().count() == 1, "{said}");
}
