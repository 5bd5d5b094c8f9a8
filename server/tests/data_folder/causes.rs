//! What keeps the store from being opened: each cause made with real files and met by the real program, and what a server
//! that starts, the doctor and the backup say of it compared with the table in docs/store.md.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use rusqlite::Connection;
use tempfile::TempDir;

use super::displaced::start;
use super::{ANYBODY, LEFT, PROGRAM, Serving, allow, copy_all, file};

const TABLE: &str = include_str!("../../../docs/store.md");
/// Nobody, who owns nothing.
const STRANGER: u32 = 65_534;

/// In what the program is started.
enum Around {
    Nothing,
    /// As a user who owns nothing. Only root can be that.
    Stranger,
    /// With a file system of 1 MB in the data folder's place, holding what was there, on which this was done.
    Mounted(&'static str),
}

use Around::{Mounted, Nothing, Stranger};

/// What is held while the program runs.
#[derive(Default)]
struct Held {
    /// That the file be locked.
    is_locked: bool,
    _server: Option<Serving>,
}

struct Case {
    name: &'static str,
    around: Around,
    /// Told the data folder, in which there is what a server left that was told to end.
    make: fn(&Path) -> Held,
}

fn case(name: &'static str, around: Around, make: fn(&Path) -> Held) -> Case {
    Case { name, around, make }
}

/// Told the data folder.
type Makes = fn(&Path);

fn plain(name: &'static str, make: Makes) -> (&'static str, Makes) {
    (name, make)
}

fn killed(data: &Path) {
    fs::remove_dir_all(data).unwrap();
    copy_all(LEFT[1].path(), data);
}

/// Whether this machine lets a test mount something.
static MOUNTS: LazyLock<bool> = LazyLock::new(|| {
    let tried = Command::new("unshare").args(["-rm", "sh", "-c", "mount -t tmpfs none /mnt"]).output();
    tried.is_ok_and(|tried| tried.status.success())
});
static IS_ROOT: LazyLock<bool> = LazyLock::new(|| rustix::process::getuid().is_root());

fn overwrite(path: &Path, from: usize, to: usize) {
    let mut bytes = fs::read(path).unwrap();
    let (from, to) = (from.min(bytes.len()), to.min(bytes.len()));
    bytes[from..to].fill(0xa5);
    fs::write(path, bytes).unwrap();
}

/// Those that need nothing around them.
fn in_files() -> Vec<(&'static str, Makes)> {
    vec![
        plain("the folder is a file", |data| {
            fs::remove_dir_all(data).unwrap();
            fs::write(data, "a file").unwrap();
        }),
        plain("the folder is a link to nowhere", |data| {
            fs::remove_dir_all(data).unwrap();
            symlink("/no/such/volume", data).unwrap();
        }),
        plain("the file is a link to nowhere", |data| {
            fs::remove_file(file(data)).unwrap();
            symlink("/no/such/volume/dais.db", file(data)).unwrap();
        }),
        plain("a folder has the file's name", |data| {
            fs::remove_file(file(data)).unwrap();
            fs::create_dir(file(data)).unwrap();
        }),
        plain("the file is no database", |data| fs::write(file(data), "milk, bread, butter".repeat(1_000)).unwrap()),
        plain("the file is another program's database", |data| {
            fs::remove_file(file(data)).unwrap();
            Connection::open(file(data)).unwrap().execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
        }),
        plain("the file is empty", |data| fs::write(file(data), "").unwrap()),
        plain("a page is damaged", |data| overwrite(&file(data), 4_096, usize::MAX)),
        plain("the file is cut short", |data| {
            let half = fs::metadata(file(data)).unwrap().len() / 2;
            File::options().write(true).open(file(data)).unwrap().set_len(half).unwrap();
        }),
        plain("the log is damaged", |data| {
            killed(data);
            overwrite(&data.join("dais.db-wal"), 3, 4);
        }),
        plain("the file is gone, and its log is not", |data| {
            killed(data);
            fs::remove_file(file(data)).unwrap();
        }),
        plain("a copy lies beside the log of the file before it", |data| {
            killed(data);
            fs::copy(file(LEFT[0].path()), file(data)).unwrap();
        }),
        plain("a newer version wrote it", |data| {
            Connection::open(file(data)).unwrap().pragma_update(None, "user_version", 999).unwrap();
        }),
    ]
}

/// Those that need somebody else, another user or another disk.
fn in_their_surroundings() -> Vec<Case> {
    vec![
        case("another server works there", Nothing, |data| {
            let server = start(data);
            // What it writes when it starts is written before that.
            assert!(server.makes("room"));
            Held { _server: Some(server), ..Held::default() }
        }),
        case("the disk is full", Mounted("head -c 2000000 /dev/zero >\"$1/filler\" 2>/dev/null"), |_| Held::default()),
        case("the file system is read-only", Mounted("mount -o remount,bind,ro \"$1\""), |_| Held::default()),
        case("the folder may not be written", Stranger, |data| {
            allow(data, 0o755);
            allow(&file(data), 0o644);
            Held::default()
        }),
        case("the folder may not be entered", Stranger, |data| {
            allow(data, 0o700);
            Held::default()
        }),
        case("the file may not be read", Stranger, |data| {
            open_to_all(data);
            allow(&file(data), 0o600);
            Held::default()
        }),
        case("the file may not be written", Stranger, |data| {
            open_to_all(data);
            allow(&file(data), 0o644);
            Held::default()
        }),
        case("the log may not be read", Stranger, |data| {
            killed(data);
            open_to_all(data);
            allow(&data.join("dais.db-wal"), 0o600);
            Held::default()
        }),
        case("the lock may not be written", Stranger, |data| {
            open_to_all(data);
            allow(&data.join("dais.lock"), 0o644);
            Held::default()
        }),
    ]
}

fn open_to_all(data: &Path) {
    allow(data, ANYBODY);
    for entry in fs::read_dir(data).unwrap() {
        allow(&entry.unwrap().path(), 0o666);
    }
}

/// What the program was asked to do, and what came of it: how it ended, and all that it said.
struct Outcome {
    code: Option<i32>,
    said: String,
}

fn outcome(around: &Around, data: &Path, arguments: &[&str]) -> Outcome {
    // One that starts although it should not is not waited for.
    let mut command = Command::new("timeout");
    command.args(["--kill-after=1", "20"]);
    if let Mounted(done) = around {
        let script = format!(
            "cp -a \"$1\" \"$1.kept\" && mount -t tmpfs -o size=1m none \"$1\" && cp -a \"$1.kept/.\" \"$1\" && {{ {done}; :; }} && \
             shift && exec \"$0\" \"$@\""
        );
        let flags = if *IS_ROOT { "-m" } else { "-rm" };
        command.args(["unshare", flags, "sh", "-c", &script]).arg(&PROGRAM.1).arg(data);
    } else {
        command.arg(&PROGRAM.1);
    }
    command.args(arguments).arg("--data-dir").arg(data).current_dir("/");
    if matches!(around, Stranger) {
        command.uid(STRANGER).gid(STRANGER);
    }
    let output = command.output().unwrap();
    let kept = data.with_extension("kept");
    let _ = fs::remove_dir_all(kept);
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    Outcome { code: output.status.code(), said }
}

/// A row of the table: what it says about this cause.
fn row(name: &str) -> [String; 3] {
    let start = format!("| {name} | ");
    let line = TABLE.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("no row for {name}"));
    let cells: Vec<&str> = line.trim_end_matches(" |").split(" | ").collect();
    let [server, doctor, backup] = cells[..] else { panic!("three cells: {line}") };
    let or_same = |cell: &str| if cell == "same" { server.to_owned() } else { cell.to_owned() };
    [server.to_owned(), or_same(doctor), or_same(backup)]
}

/// Whether something was said as the table has it, where `…` stands for anything.
fn is_as_written(said: &str, written: &str) -> bool {
    let mut parts = written.split('…');
    let Some(mut rest) = said.strip_prefix(parts.next().unwrap()) else { return false };
    for part in parts {
        let Some(at) = rest.rfind(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

#[track_caller]
fn assert_said(who: &str, case: &str, said: &str, written: &str, data: &Path) {
    let shown = said.replace(data.to_str().unwrap(), "DATA");
    assert!(is_as_written(&shown, written), "{who}, {case}:\n  said  {shown}\n  wants {written}");
}

fn listing(data: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let Ok(entries) = fs::read_dir(data) else { return Vec::new() };
    // What SQLite makes to look goes again, and the lock holds nothing.
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(|path| !path.ends_with("dais.lock")).collect();
    files.retain(|path| !path.ends_with("dais.db-shm"));
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read(path).ok())).collect()
}

/// Makes the cause anew for each of the three, and compares what they say.
fn hold_to_the_table(case: &Case, data: &Path, copies: &Path) {
    let [server, doctor, backup] = row(case.name);
    let held = (case.make)(data);
    let before = listing(data);
    // From here on nobody in this process may open and close the file, which would give up the lock.
    let locked = held.is_locked.then(|| {
        let connection = Connection::open(file(data)).unwrap();
        connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
        connection
    });
    let copy = copies.join("copy.db");
    let _ = fs::remove_file(&copy);
    let copy = copy.to_str().unwrap();
    let started = outcome(&case.around, data, &["--listen", "127.0.0.1:0"]);
    let look = || outcome(&case.around, data, &["doctor", "--room-seats", "1", "--listen", "127.0.0.1:0"]);
    let (examined, copied) = std::thread::scope(|scope| {
        // Two who only wait for somebody may wait together.
        let examined = held.is_locked.then(|| scope.spawn(look));
        let copied = outcome(&case.around, data, &["backup", copy]);
        (examined.map_or_else(look, |examined| examined.join().unwrap()), copied)
    });
    let said = started.said.trim_end().strip_prefix("dais: ").unwrap_or(&started.said);
    assert_said("start", case.name, said, &server, data);
    assert_eq!(started.code, Some(1), "{}: {}", case.name, started.said);
    let wrong: Vec<&str> = examined.said.lines().filter(|line| line.starts_with("WRONG")).collect();
    let only = wrong.first().filter(|_| wrong.len() == 1).map_or(examined.said.as_str(), |line| line);
    let said = only.trim_start_matches("WRONG").trim_start().trim_end_matches('.');
    assert_said("doctor", case.name, said, &doctor, data);
    if backup == "is written" {
        assert_eq!((copied.code, copied.said.as_str()), (Some(0), ""), "backup, {}", case.name);
        fs::remove_file(copy).unwrap();
    } else {
        let said = copied.said.trim_end().strip_prefix("dais: ").unwrap_or(&copied.said);
        assert_said("backup", case.name, said, &backup, data);
        assert!(!Path::new(copy).exists(), "{}: a part of a copy is none", case.name);
    }
    drop((held, locked));
    assert!(listing(data) == before, "{}: all is left as it is", case.name);
}

fn data_folder() -> (TempDir, PathBuf) {
    let folder = TempDir::with_prefix("dais-causes-").unwrap();
    allow(folder.path(), ANYBODY);
    let data = folder.path().join("data");
    copy_all(LEFT[0].path(), &data);
    (folder, data)
}

#[test]
fn what_lies_in_the_folder_is_named_by_all_three_alike() {
    for (name, make) in in_files() {
        let (folder, data) = data_folder();
        make(&data);
        hold_to_the_table(&case(name, Nothing, |_| Held::default()), &data, folder.path());
    }
    let (folder, data) = data_folder();
    let above = folder.path().join("above");
    fs::write(&above, "a file").unwrap();
    drop(data);
    hold_to_the_table(&case("the folder above is a file", Nothing, |_| Held::default()), &above.join("data"), folder.path());
}

#[test]
fn who_else_is_there_and_what_this_user_may_not_is_named_by_all_three_alike() {
    for case in in_their_surroundings() {
        let can_be = match case.around {
            Nothing => true,
            Stranger => *IS_ROOT,
            Mounted(_) => *MOUNTS,
        };
        if !can_be {
            eprintln!("{}: this machine does not let a test make that", case.name);
            continue;
        }
        let (folder, data) = data_folder();
        hold_to_the_table(&case, &data, folder.path());
    }
}

#[test]
fn a_file_that_another_program_has_locked_is_no_damaged_one() {
    let (folder, data) = data_folder();
    let locked = case("another program has it locked", Nothing, |_| Held { is_locked: true, ..Held::default() });
    hold_to_the_table(&locked, &data, folder.path());
}

#[test]
fn the_table_has_a_row_for_each_cause_and_no_other() {
    let mut made: Vec<&str> = in_files().iter().map(|(name, _)| *name).collect();
    made.extend(in_their_surroundings().iter().map(|case| case.name));
    made.extend(["another program has it locked", "the folder above is a file", "nothing is there yet"]);
    let rows = TABLE.lines().skip_while(|line| !line.starts_with("| cause")).skip(2);
    let rows: Vec<&str> = rows.map_while(|line| line.strip_prefix("| ")?.split(" | ").next()).collect();
    for name in &rows {
        assert!(made.contains(name), "nobody makes {name}");
    }
    assert_eq!(rows.len(), made.len(), "{rows:?}");
}

#[test]
fn where_nothing_is_a_server_begins_and_there_is_nothing_to_copy() {
    let folder = TempDir::with_prefix("dais-causes-").unwrap();
    let data = folder.path().join("data");
    let [_, doctor, backup] = row("nothing is there yet");
    let examined = outcome(&Nothing, &data, &["doctor", "--room-seats", "1", "--listen", "127.0.0.1:0"]);
    let shown = examined.said.replace(data.to_str().unwrap(), "DATA");
    assert!(examined.code == Some(0) && shown.contains(&doctor), "{shown}");
    let copied = outcome(&Nothing, &data, &["backup", folder.path().join("copy.db").to_str().unwrap()]);
    assert_said("backup", "nothing", copied.said.trim_end().trim_start_matches("dais: "), &backup, &data);
    assert!(!data.exists(), "neither makes it");
}

#[test]
fn a_copy_that_cannot_be_written_is_told_from_what_cannot_be_copied() {
    let (folder, data) = data_folder();
    let refused = |to: &Path| {
        let copied = outcome(&Nothing, &data, &["backup", to.to_str().unwrap()]);
        assert_eq!(copied.code, Some(1), "{}", copied.said);
        copied.said.replace(folder.path().to_str().unwrap(), "HERE")
    };
    let said = refused(&folder.path().join("none/copy.db"));
    assert_eq!(said, "dais: cannot write the copy: there is no folder HERE/none; make it, or name another file\n");
    let said = refused(&file(&data).join("copy.db"));
    assert_eq!(
        said,
        "dais: cannot write the copy: HERE/data/dais.db is a file, and no folder; move it away, or name another file\n"
    );
    assert!(refused(&file(&data)).ends_with("is there already; name another file\n"));
}
