//! Signals: which end the process, which do not, and what is read again.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ChildStderr, Command};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::channels::{PATIENCE, TOKEN, ask, ends, get, serving, signal};
use super::{Serving, dais, folder};

/// The server's log, a line at a time.
struct Log(BufReader<ChildStderr>);

impl Log {
    fn of(serving: &mut Serving) -> Self {
        Self(BufReader::new(serving.stderr.take().unwrap()))
    }

    /// Everything up to a line with this in it.
    fn until(&mut self, wanted: &str) -> String {
        let mut said = String::new();
        loop {
            let before = said.len();
            assert_ne!(self.0.read_line(&mut said).unwrap(), 0, "no {wanted:?} in {said}");
            if said[before..].contains(wanted) {
                return said;
            }
        }
    }
}

/// Tries to sign in: the status.
fn sign_in(address: &str, password: &str) -> u16 {
    let mut socket = TcpStream::connect(address).unwrap();
    let body = format!("to=%2F&password={password}");
    let head = format!("POST /sign-in HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    let kind = "Content-Type: application/x-www-form-urlencoded";
    write!(socket, "{head}{kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn on_sighup_secrets_and_certificates_are_read_again_and_broken_ones_change_nothing() {
    let folder = folder();
    let [password, options] = ["password", "dais.toml"].map(|name| folder.path().join(name));
    let write = |path: &Path, text: &str| std::fs::write(path, text).unwrap();
    let token =
        |token: &str| format!("listen = \"127.0.0.1:0\"\nadmin-token = \"{token}\"\nsign-in-password-file = \"password\"\n");
    write(&password, "open-sesame\n");
    write(&options, &token(TOKEN));
    let mut command = dais(&folder);
    let mut serving = Serving::start(command.args(["--config", "dais.toml"]).env_remove("DAIS_ADMIN_TOKEN"));
    let address = serving.first_line().trim().rsplit_once("http://").unwrap().1.to_owned();
    let mut log = Log::of(&mut serving);
    assert_eq!((sign_in(&address, "open-sesame"), get(&address, "/metrics", TOKEN).0), (303, 200));
    signal(&serving.child, "HUP");
    let said = log.until("read again");
    assert!(said.contains("sign_in=\"as before\"") && said.contains("certificate=\"none\""), "{said}");

    const OTHER: &str = "another admin token";
    write(&password, "close-sesame\n");
    write(&options, &token(OTHER));
    signal(&serving.child, "HUP");
    let said = log.until("read again");
    assert!(said.contains("sign_in=\"new\"") && said.contains("admin_token=\"new\""), "{said}");
    assert_eq!((sign_in(&address, "open-sesame"), get(&address, "/metrics", TOKEN).0), (401, 401));

    write(&password, "short");
    write(&options, "colour = \"red\"\n");
    signal(&serving.child, "HUP");
    let said = log.until("read again");
    for wanted in ["8 to 128 characters", "the old password", "colour", "the old admin token stays"] {
        assert!(said.contains(wanted), "{wanted} in {said}");
    }
    write(&options, &format!("{}room-seats = 10\n", token(OTHER)));
    std::fs::remove_file(&password).unwrap();
    signal(&serving.child, "HUP");
    let said = log.until("read again");
    assert!(said.contains("there is no ") && said.contains("want a restart"), "{said}");
    assert_eq!((sign_in(&address, "close-sesame"), get(&address, "/metrics", OTHER).0), (303, 200), "as it was");
}

#[test]
fn on_sighup_a_certificate_is_read_again_at_once() {
    let folder = folder();
    let mut command = dais(&folder);
    let mut serving = Serving::start(command.args(["--listen", "127.0.0.1:0", "--tls", "self-signed"]));
    serving.first_line();
    let mut log = Log::of(&mut serving);
    signal(&serving.child, "HUP");
    assert!(log.until("read again").contains("certificate=\"as before\""));
    let certificate = folder.path().join("dais-data/tls-certificate.pem");
    std::fs::remove_file(&certificate).unwrap();
    signal(&serving.child, "HUP");
    assert!(log.until("read again").contains("certificate=\"new\"") && certificate.exists());
    std::fs::write(folder.path().join("dais-data/tls-key.pem"), "rubbish").unwrap();
    signal(&serving.child, "HUP");
    assert!(log.until("read again").contains("the old certificate stays"));
}

#[test]
fn a_signal_ends_the_process_in_order_or_not_at_all() {
    let folder = folder();
    let (mut serving, address) = serving(&folder, std::process::Stdio::piped(), &[]);
    let mut log = Log::of(&mut serving);
    // By themselves all of these would end it.
    for name in ["HUP", "USR1", "USR2", "ALRM", "VTALRM", "PROF", "IO", "XFSZ", "PIPE", "40"] {
        signal(&serving.child, name);
        assert_eq!(get(&address, "/healthz", "").0, 200, "{name}");
    }
    signal(&serving.child, "QUIT");
    let said = log.until("Dais stops");
    assert!(said.contains("SIGQUIT") && said.contains("SIGUSR1") && !said.contains("SIGXFSZ"), "{said}");
    assert!(ends(&mut serving.child).success());
    for name in ["XCPU", "PWR"] {
        let (mut serving, _) = super::channels::serving(&folder, std::process::Stdio::piped(), &[]);
        signal(&serving.child, name);
        assert!(ends(&mut serving.child).success(), "{name}");
    }
}

#[test]
fn told_again_it_ends_at_once() {
    let folder = folder();
    let (mut serving, address) = serving(&folder, std::process::Stdio::piped(), &[]);
    // Somebody whose request is under way, and waited for.
    let mut socket = TcpStream::connect(&address).unwrap();
    let head = format!("POST /api/rooms HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n");
    write!(socket, "{head}Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n").unwrap();
    let mut going_on = [0; 12];
    socket.read_exact(&mut going_on).unwrap();
    assert_eq!(&going_on, b"HTTP/1.1 100");
    let mut log = Log::of(&mut serving);
    signal(&serving.child, "TERM");
    log.until("Dais stops");
    signal(&serving.child, "INT");
    let status = ends(&mut serving.child);
    assert_eq!((status.code(), status.signal()), (Some(130), None));
}

/// A server whose start waits for a file that is not there yet, and the file.
fn starting(folder: &tempfile::TempDir) -> (Serving, File) {
    let password = folder.path().join("password");
    if !password.exists() {
        assert!(Command::new("mkfifo").arg(&password).status().unwrap().success());
    }
    let serving = Serving::start(dais(folder).args(["--listen", "127.0.0.1:0", "--sign-in-password-file", "password"]));
    // A pipe with a name opens at one end when somebody opens the other.
    (serving, File::options().write(true).open(&password).unwrap())
}

#[test]
fn told_to_end_while_it_starts_it_does_in_order_or_without_what_does_not_come() {
    let folder = folder();
    let (mut serving, password) = starting(&folder);
    signal(&serving.child, "INT");
    assert!(ends(&mut serving.child).success(), "without the file");
    drop(password);
    let (mut serving, mut password) = starting(&folder);
    let mut log = Log::of(&mut serving);
    signal(&serving.child, "HUP");
    signal(&serving.child, "TERM");
    assert!(log.until("Dais stops before it has started").contains("SIGTERM"));
    password.write_all(b"open-sesame\n").unwrap();
    drop(password);
    assert!(ends(&mut serving.child).success());
    assert_eq!(serving.first_line(), "", "nobody is told an address");
    assert!(!folder.path().join("dais-data/dais.db-wal").exists(), "the store was closed");

    let (mut serving, _password) = starting(&folder);
    let twice = format!("kill -TERM {0}; kill -INT {0}", serving.child.id());
    assert!(Command::new("sh").args(["-c", &twice]).status().unwrap().success());
    // Which of them came first the system does not say.
    let code = ends(&mut serving.child).code();
    assert!([Some(128 + 15), Some(128 + 2)].contains(&code), "told again: {code:?}");
    // What such ends leave is taken up.
    std::fs::remove_file(folder.path().join("password")).unwrap();
    let (_serving, address) = super::channels::serving(&folder, std::process::Stdio::piped(), &[]);
    assert_eq!(get(&address, "/healthz", "").0, 200);
}

/// Raises what [`a_disk_that_is_full_and_has_room_again`] has lowered.
fn lift_limit(serving: &Serving) {
    let pid = Pid::from_child(&serving.child);
    let maximum = prlimit(Some(pid), Resource::Fsize, Rlimit { current: None, maximum: None });
    maximum.unwrap();
}

#[test]
fn a_disk_that_is_full_and_has_room_again() {
    let folder = folder();
    // As many as the limit has units for: 512 bytes each, or 1024.
    const UNITS: usize = 400;
    let log = folder.path().join("log.txt");
    std::fs::write(&log, vec![b'\n'; 1024 * UNITS]).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -S -f {UNITS} && exec \"$0\" \"$@\"")]).arg(env!("CARGO_BIN_EXE_dais"));
    command.current_dir(&folder).args(["--listen", "127.0.0.1:0"]).env("DAIS_ADMIN_TOKEN", TOKEN);
    command.stdout(std::process::Stdio::piped()).stderr(File::options().append(true).open(&log).unwrap());
    let mut serving = Serving::start(&mut command);
    let address = serving.first_line().trim().rsplit_once("http://").unwrap().1.to_owned();
    let made = |number: usize| {
        let body = format!("{{\"id\": \"hall-{number}\", \"title\": \"Hall\"}}");
        ask(&address, "POST", "/api/rooms", TOKEN, &body).0
    };
    let refused = (0..300).find(|number| made(*number) != 201).expect("the disk is full in the end");
    assert_eq!(get(&address, "/healthz", "").0, 503);
    assert_eq!(get(&address, "/metrics", "a wrong admin token").0, 401);
    lift_limit(&serving);
    let deadline = Instant::now() + PATIENCE;
    while get(&address, "/healthz", "").0 != 200 {
        assert!(Instant::now() < deadline, "it is well again");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(made(refused + 1), 201);
    let told = |said: &str| said.contains("lines of the log could not be written");
    while !told(&std::fs::read_to_string(&log).unwrap()) {
        assert!(Instant::now() < deadline, "the log tells what it lacks");
        std::thread::sleep(Duration::from_millis(20));
    }
    signal(&serving.child, "TERM");
    assert!(ends(&mut serving.child).success());
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(said.contains("the store keeps changes again") && !said.contains("panicked"), "{}", said.trim());
}
