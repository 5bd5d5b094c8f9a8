//! What becomes of what people do while the data folder is moved, removed or replaced under a running server, and what a
//! server leaves behind.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{PROGRAM, Serving, file, serve};

const TOKEN: &str = "0123456789abcdef";
const PATIENCE: Duration = Duration::from_secs(20);

impl Serving {
    fn http(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut socket = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n\
             Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        socket.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
    }

    /// Asks for a room; whether it is promised.
    pub(super) fn makes(&self, room: &str) -> bool {
        let (status, answer) = self.http("POST", "/api/rooms", &format!(r#"{{"id": "{room}", "title": "{room}"}}"#));
        assert!(matches!(status, 201 | 503), "{answer}");
        status == 201
    }

    fn has(&self, room: &str) -> bool {
        self.http("GET", &format!("/api/rooms/{room}"), "").0 == 200
    }

    /// Waits until it says that it is well, or not, and why.
    fn until_well(&self, is_well: bool) -> String {
        let began = Instant::now();
        loop {
            let (status, answer) = self.http("GET", "/healthz", "");
            if (status == 200) == is_well {
                return answer;
            }
            assert!(began.elapsed() < PATIENCE, "{answer}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

pub(super) fn start(data: &Path) -> Serving {
    serve(data, &["--admin-token", TOKEN])
}

fn folder() -> (TempDir, PathBuf) {
    let folder = TempDir::with_prefix("dais-displaced-").unwrap();
    let data = folder.path().join("data");
    (folder, data)
}

fn names(data: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The only line that speaks of the store.
#[track_caller]
fn assert_told_once(complaints: &[String], wanted: &[&str]) {
    let told: Vec<_> = complaints.iter().filter(|line| line.contains("cannot keep changes")).collect();
    assert!(told.len() == 1 && wanted.iter().all(|words| told[0].contains(words)), "{wanted:?}: {complaints:#?}");
}

fn ask(arguments: &[&str], data: &Path) -> (bool, String) {
    // One that starts although it should not is not waited for.
    let mut command = Command::new("timeout");
    let output = command
        .args(["--kill-after=1", "20"])
        .arg(&PROGRAM.1)
        .args(arguments)
        .arg("--data-dir")
        .arg(data)
        .current_dir("/")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.success(), said)
}

#[test]
fn into_a_folder_that_is_removed_nothing_is_promised() {
    let (_folder, data) = folder();
    let server = start(&data);
    assert!(server.makes("kept"));
    fs::remove_dir_all(&data).unwrap();
    assert!(!server.makes("lost"), "the very next change is refused");
    assert!(server.until_well(false).contains("its files are not where they were"));
    let (is_well, said) = ask(&["doctor", "--room-seats", "1", "--listen", &server.address], &data);
    assert!(!is_well && said.contains("is not well: the store cannot keep changes"), "{said}");
    assert!(said.contains("is not where the server that runs"), "{said}");
    let complaints = server.end("TERM");
    assert_told_once(&complaints, &["dais.db was removed", "restart the server"]);
    assert!(!data.exists(), "nobody begins anew in silence");
}

#[test]
fn a_folder_that_is_gone_is_noticed_where_nobody_does_anything_and_taken_up_where_it_comes_back() {
    let (folder, data) = folder();
    let away = folder.path().join("away");
    let server = start(&data);
    assert!(server.makes("before"));
    fs::rename(&data, &away).unwrap();
    server.until_well(false);
    assert!(!server.makes("meanwhile"));
    fs::rename(&away, &data).unwrap();
    server.until_well(true);
    assert!(server.makes("after"));
    assert_told_once(&server.complaints(), &["dais.db is not there any more", "Put it back"]);
    server.end("KILL");
    let server = start(&data);
    let found = ["before", "meanwhile", "after"].map(|room| server.has(room));
    assert_eq!(found, [true, false, true]);
}

#[test]
fn a_file_that_takes_the_place_of_the_one_in_use_gets_nothing_and_is_left_alone() {
    for in_place in [false, true] {
        let (folder, data) = folder();
        let (copy, spare) = (folder.path().join("copy.db"), folder.path().join("spare.db"));
        let server = start(&data);
        assert!(server.makes("copied"));
        assert!(ask(&["backup", copy.to_str().unwrap()], &data).0);
        assert!(server.makes("later"));
        fs::copy(&copy, &spare).unwrap();
        if in_place {
            fs::copy(&copy, file(&data)).unwrap();
        } else {
            fs::rename(&spare, file(&data)).unwrap();
        }
        assert!(!server.makes("lost"));
        let why = if in_place { "was overwritten" } else { "is another file" };
        assert_told_once(&server.end("TERM"), &[why, "work with what is there now"]);
        assert!(fs::read(file(&data)).unwrap() == fs::read(&copy).unwrap(), "{why}: the backup is as it was");
        let (is_started, said) = ask(&["--listen", "127.0.0.1:0"], &data);
        assert!(!is_started && said.contains("another file's log"), "{said}");
        fs::remove_file(data.join("dais.db-wal")).unwrap();
        let server = start(&data);
        assert_eq!(["copied", "later"].map(|room| server.has(room)), [true, false], "{why}");
    }
}

#[test]
fn a_log_that_is_removed_loses_nothing() {
    for removed in [&["dais.db-wal"][..], &["dais.db-shm"], &["dais.db-wal", "dais.db-shm"]] {
        let (_folder, data) = folder();
        let server = start(&data);
        assert!(server.makes("before"));
        removed.iter().for_each(|name| fs::remove_file(data.join(name)).unwrap());
        assert!(server.makes("after"));
        assert_eq!(names(&data), ["dais.db", "dais.db-shm", "dais.db-wal", "dais.lock"]);
        server.end("KILL");
        let server = start(&data);
        assert_eq!(["before", "after"].map(|room| server.has(room)), [true; 2], "{removed:?}");
    }
}

#[test]
fn into_a_log_that_is_emptied_nothing_is_promised_and_nothing_of_it_comes_into_the_file() {
    for signal in ["TERM", "KILL"] {
        let (_folder, data) = folder();
        let server = start(&data);
        assert!(server.makes("early"));
        assert_eq!(server.end("TERM"), [""; 0]);
        let server = start(&data);
        assert!(server.makes("late"));
        let whole = fs::read(file(&data)).unwrap();
        File::create(data.join("dais.db-wal")).unwrap();
        assert!(!server.makes("lost"), "the very next change is refused");
        assert!(server.until_well(false).contains("its files are not where they were"));
        assert_told_once(&server.complaints(), &["dais.db-wal was emptied", "the newest of what people did is lost"]);
        server.end(signal);
        assert!(fs::read(file(&data)).unwrap() == whole, "{signal}: the file is as it was");
        let server = start(&data);
        assert_eq!(["early", "late"].map(|room| server.has(room)), [true, false], "{signal}");
        assert!(server.makes("again"));
    }
}

#[test]
fn an_index_that_is_emptied_ends_no_server_and_loses_nothing() {
    let (_folder, data) = folder();
    let server = start(&data);
    assert!(server.makes("before"));
    File::create(data.join("dais.db-shm")).unwrap();
    assert!(server.makes("after"));
    assert!(server.complaints().iter().any(|line| line.contains("dais.db-shm was cut short or overwritten")));
    server.end("KILL");
    let server = start(&data);
    assert_eq!(["before", "after"].map(|room| server.has(room)), [true; 2]);
}

#[test]
fn a_folder_whose_lock_is_removed_has_one_server_all_the_same() {
    let (_folder, data) = folder();
    let server = start(&data);
    fs::remove_file(data.join("dais.lock")).unwrap();
    assert!(server.makes("room"), "it is locked again before anything is written");
    let (is_started, said) = ask(&["--listen", "127.0.0.1:0"], &data);
    assert!(!is_started && said.contains("in use by another server"), "{said}");
}

#[test]
fn a_server_that_is_told_to_end_leaves_one_whole_file_and_a_copy_without_the_log_of_one_that_runs_is_told() {
    let [(_one, data), (_two, whole), (_three, half)] = [(); 3].map(|()| folder());
    let server = start(&data);
    assert!(server.makes("early"));
    fs::create_dir(&half).unwrap();
    fs::copy(file(&data), file(&half)).unwrap();
    assert_eq!(server.end("TERM"), [""; 0]);
    assert_eq!(names(&data), ["dais.db", "dais.lock"]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (is_started, said) = ask(&["--listen", &taken.local_addr().unwrap().to_string()], &data);
    assert!(!is_started && said.contains("in use by another program"), "{said}");
    assert_eq!(names(&data), ["dais.db", "dais.lock"], "one that comes to nothing leaves the same");
    fs::create_dir(&whole).unwrap();
    fs::copy(file(&data), file(&whole)).unwrap();
    let server = start(&whole);
    assert!(server.has("early"), "all of it is in the file");
    assert_eq!(server.end("TERM"), [""; 0]);

    let doctor = ["doctor", "--room-seats", "1", "--listen", "127.0.0.1:0"];
    let missing = "its log is not beside it";
    let (is_well, said) = ask(&doctor, &half);
    assert!(!is_well && said.contains(missing), "{said}");
    let complaints = start(&half).end("TERM");
    assert!(complaints.len() == 1 && complaints[0].contains(missing), "{complaints:?}");
    let (is_well, said) = ask(&doctor, &half);
    assert!(is_well, "{said}");
}
