//! The data folder as an operator meets it: the real program, real files, and what becomes of them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![cfg(target_os = "linux")]

mod causes;
mod displaced;

use std::fs::{self, File, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use rusqlite::Connection;
use tempfile::TempDir;

const ANYBODY: u32 = 0o777;

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn file(data: &Path) -> PathBuf {
    data.join("dais.db")
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Where those find the program, too, who may not look into the build's folder.
static PROGRAM: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = TempDir::with_prefix("dais-program-").unwrap();
    allow(folder.path(), ANYBODY);
    let program = folder.path().join("dais");
    fs::copy(env!("CARGO_BIN_EXE_dais"), &program).unwrap();
    (folder, program)
});

/// What a server left that was told to end, and what one left that was killed.
static LEFT: LazyLock<[TempDir; 2]> = LazyLock::new(|| {
    let [told, killed, work] = [(); 3].map(|()| TempDir::with_prefix("dais-left-").unwrap());
    serve(told.path(), &[]).end("TERM");
    fs::copy(file(told.path()), file(work.path())).unwrap();
    let connection = Connection::open(file(work.path())).unwrap();
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    connection.execute_batch(&format!("PRAGMA journal_mode = WAL; PRAGMA user_version = {version}")).unwrap();
    for name in ["dais.db", "dais.db-wal"] {
        fs::copy(work.path().join(name), killed.path().join(name)).unwrap();
    }
    fs::write(killed.path().join("dais.lock"), "").unwrap();
    [told, killed]
});

/// A server that accepts connections. Killed when dropped.
struct Serving {
    child: Child,
    address: String,
    complaints: PathBuf,
}

fn serve(data: &Path, options: &[&str]) -> Serving {
    let mut name = data.as_os_str().to_owned();
    name.push(".complaints");
    let complaints = PathBuf::from(name);
    let mut command = Command::new(&PROGRAM.1);
    command.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(data).args(options).stdout(Stdio::piped());
    let mut child = command.stderr(File::create(&complaints).unwrap()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().rsplit_once("http://").map(|(_, address)| address.to_owned());
    let address = address.unwrap_or_else(|| panic!("{line}{}", fs::read_to_string(&complaints).unwrap()));
    Serving { child, address, complaints }
}

impl Serving {
    /// Ends it, and returns what it has complained of, in lines.
    fn end(mut self, signal: &str) -> Vec<String> {
        let told = Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status().unwrap();
        let ended = self.child.wait().unwrap();
        assert!(told.success() && (ended.success() || signal == "KILL"), "{ended}: {:?}", self.complaints());
        self.complaints()
    }

    fn complaints(&self) -> Vec<String> {
        let said = fs::read_to_string(&self.complaints).unwrap();
        // That it starts and stops is none.
        said.lines().filter(|line| !line.contains(" INFO ")).map(str::to_owned).collect()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.complaints);
    }
}
