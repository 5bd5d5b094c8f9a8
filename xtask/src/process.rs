//! Starting other programs: with a clean environment, a time limit, and the promise that nothing
//! this program started outlives it. Knows nothing of what the programs do.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::{Result, project};

/// Variables that cargo and rustup set for this program and that must not reach its children:
/// they would pin the toolchain this program was started with, which set-up may have replaced.
const NOT_INHERITED: [&str; 12] = [
    "CARGO",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
    "RUSTUP_TOOLCHAIN_SOURCE",
    "RUST_RECURSION_COUNT",
    // Trunk takes its value for a yes-or-no option and refuses the usual `1`.
    "NO_COLOR",
];

/// Process groups to end when this program is told to end.
static GROUPS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// How long a program may take to obey SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// A command in the repository's root, without the variables named above, with cargo's own bin
/// folder first on PATH.
pub(crate) fn command(program: impl Into<OsString>) -> Command {
    let mut command = Command::new(program.into());
    command.current_dir(project::root());
    for name in NOT_INHERITED {
        command.env_remove(name);
    }
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_BIN_") {
            command.env_remove(&*name);
        }
    }
    command.env("PATH", search_path());
    if let Some(libraries) = std::env::var_os("LD_LIBRARY_PATH") {
        // `cargo run` adds the folders of its own toolchain.
        let kept = std::env::split_paths(&libraries).filter(|folder| {
            let folder = folder.to_string_lossy();
            !folder.contains("/toolchains/") && !folder.contains("/target/")
        });
        match std::env::join_paths(kept) {
            Ok(kept) if !kept.is_empty() => command.env("LD_LIBRARY_PATH", kept),
            _ => command.env_remove("LD_LIBRARY_PATH"),
        };
    }
    command
}

/// Shorthand: a command and its arguments.
pub(crate) fn with_args(program: &str, args: &[&str]) -> Command {
    let mut command = command(program);
    command.args(args);
    command
}

/// PATH for this program's children.
fn search_path() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = cargo_bin().into_iter().chain(std::env::split_paths(&path));
    std::env::join_paths(folders).unwrap_or(path)
}

/// The folder `cargo install` puts programs into.
fn cargo_bin() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    home.map(|home| home.join("bin"))
}

/// The full path of a program, looked up as [`command`] would.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&search_path()).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// A command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

/// Prints the command, runs it in the foreground, and insists on success.
///
/// # Errors
/// When it cannot be started or fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("  $ {}", shown(command));
    let status = command.status().map_err(|error| format!("cannot start `{}`: {error}", shown(command)))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` failed ({status})", shown(command))) }
}

/// Like [`run`], for programs that say much: what they print to standard output is shown only if
/// they fail. They stay in the foreground, because sudo may ask for a password.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_quietly(command: &mut Command, log: &Path) -> Result<()> {
    let file = File::create(log).map_err(|error| format!("cannot write {}: {error}", log.display()))?;
    let outcome = run(command.stdout(file));
    if outcome.is_err() {
        println!("{}", std::fs::read_to_string(log).unwrap_or_default());
    }
    outcome
}

/// What a command prints to standard output, trimmed, if it succeeds; silent otherwise.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether a command succeeds, in silence.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    output(command).is_some()
}

/// How a program ended that was given a time limit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself.
    Exited(ExitStatus),
    /// Killed, because it took longer than this.
    TimedOut(Duration),
}

impl End {
    pub(crate) fn success(&self) -> bool {
        matches!(self, End::Exited(status) if status.success())
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Exited(status) => write!(formatter, "{status}"),
            End::TimedOut(limit) => write!(formatter, "killed after {} s", limit.as_secs()),
        }
    }
}

/// Runs a command with both outputs going to `log` (standard output to `stdout` if given), and
/// kills it with everything it started when it takes longer than `limit`.
///
/// # Errors
/// When a file cannot be made or the program cannot be started.
pub(crate) fn logged(command: &mut Command, log: &Path, stdout: Option<&Path>, limit: Duration) -> Result<End> {
    let create = |path: &Path| File::create(path).map_err(|error| format!("cannot write {}: {error}", path.display()));
    let errors = create(log)?;
    let out = match stdout {
        Some(path) => create(path)?,
        None => errors.try_clone().map_err(|error| format!("cannot write {}: {error}", log.display()))?,
    };
    command.stdin(Stdio::null()).stdout(out).stderr(errors);
    let mut group = Group::spawn(command)?;
    let started = Instant::now();
    loop {
        if let Some(status) = group.poll()? {
            return Ok(End::Exited(status));
        }
        if started.elapsed() > limit {
            return Ok(End::TimedOut(limit));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A program and everything it starts, as one process group; ended when dropped.
pub(crate) struct Group {
    child: Child,
    name: String,
}

impl Group {
    /// Starts the command as the leader of a new group.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn spawn(command: &mut Command) -> Result<Self> {
        let name = shown(command);
        let child = command.process_group(0).spawn().map_err(|error| format!("cannot start `{name}`: {error}"))?;
        groups().insert(child.id());
        Ok(Group { child, name })
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub(crate) fn poll(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().map_err(|error| format!("cannot wait for `{}`: {error}", self.name))
    }

    /// Waits until it has ended, and says how.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        self.child.wait().map_err(|error| format!("cannot wait for `{}`: {error}", self.name))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let id = self.child.id();
        // Also after the leader has ended by itself: what it started may still be there.
        signal_group(id, "TERM");
        let asked = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && asked.elapsed() < GRACE {
            std::thread::sleep(Duration::from_millis(20));
        }
        signal_group(id, "KILL");
        // The leader is dead or dying: this only collects it.
        let _ = self.child.wait();
        groups().remove(&id);
    }
}

/// From now on SIGINT and SIGTERM also reach the groups, and then end this program.
///
/// # Errors
/// When the handlers cannot be installed.
pub(crate) fn forward_signals() -> Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals =
        signal_hook::iterator::Signals::new([SIGINT, SIGTERM]).map_err(|error| format!("cannot listen for signals: {error}"))?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            let ids: Vec<u32> = groups().iter().copied().collect();
            for id in &ids {
                signal_group(*id, "TERM");
            }
            let asked = Instant::now();
            while ids.iter().any(|id| signal_group(*id, "0")) && asked.elapsed() < GRACE {
                std::thread::sleep(Duration::from_millis(20));
            }
            for id in &ids {
                signal_group(*id, "KILL");
            }
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

/// Sends a signal to a whole group; false if there is none by that id. `0` only asks. Through the
/// shell, whose own `kill` is there on the smallest system.
fn signal_group(id: u32, signal: &str) -> bool {
    Command::new("sh")
        .args(["-c", &format!("kill -s {signal} -- -{id}")])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn groups() -> std::sync::MutexGuard<'static, BTreeSet<u32>> {
    // A set of numbers is as good after a panic as before.
    GROUPS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_past_its_limit_is_killed_with_its_children() {
        let folder = std::env::temp_dir().join(format!("xtask-process-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let log = folder.join("log");
        // The leader waits for a child that ignores the polite signal.
        let script = "sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done' & wait";
        let end = logged(Command::new("sh").args(["-c", script]), &log, None, Duration::from_millis(300));
        assert_eq!(end, Ok(End::TimedOut(Duration::from_millis(300))));
        let text = std::fs::read_to_string(&log).expect("the log is there");
        let child: u32 = text.trim().parse().expect("the child printed its id");
        let gone = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            let status = std::fs::read_to_string(format!("/proc/{child}/stat"));
            status.map_or(true, |status| status.contains(") Z "))
        });
        assert!(gone, "process {child} is still there");
        let _ = std::fs::remove_dir_all(folder);
    }

    #[test]
    fn the_environment_of_the_calling_cargo_stops_here() {
        let told = output(command("sh").args(["-c", "echo ${CARGO-none} ${RUSTUP_TOOLCHAIN-none} ${CARGO_PKG_NAME-none}"]));
        assert_eq!(told.as_deref(), Some("none none none"));
    }
}
