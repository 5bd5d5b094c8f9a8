//! What the system refuses about files and folders, as sentences: the true cause, and what helps against it. All who open
//! or write a file say it with these words, so that one cause reads the same wherever it is met.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tried {
    Read,
    Write,
}

/// A file or folder that the system refuses. Shown, it is a sentence without its full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {cure}")]
pub struct Refused {
    what: String,
    cure: String,
}

impl Refused {
    /// `error` is what came back when `path` was to be read or written. Looks at the path to tell what it means.
    pub(crate) fn new(path: &Path, tried: Tried, error: &io::Error) -> Self {
        let (what, cure) = match in_the_way(path, tried, error) {
            Some(found) => found,
            None => of_the_system(path, tried, error),
        };
        Self { what, cure }
    }

    /// Of a path that is not there, if that is because a link leads nowhere.
    pub(crate) fn broken_link(path: &Path) -> Option<Self> {
        broken_link(path).map(|_| Self::new(path, Tried::Read, &ErrorKind::NotFound.into()))
    }

    /// Says what else helps.
    pub(crate) fn or(self, cure: &str) -> Self {
        Self { cure: format!("{}, or {cure}", self.cure), ..self }
    }

    /// A disk on which nothing more can be kept, or the part of one that is allowed.
    pub(crate) fn full(path: &Path) -> Self {
        Self::new(path, Tried::Write, &ErrorKind::StorageFull.into())
    }

    /// Not enough memory for a file.
    pub(crate) fn memory(path: &Path) -> Self {
        Self::new(path, Tried::Read, &ErrorKind::OutOfMemory.into())
    }

    /// Locks that do not work.
    pub(crate) fn locks(path: &Path, reason: &str) -> Self {
        let what = format!("the file system of {} does not lock files ({reason})", path.display());
        Self { what, cure: "keep the folder on a disk of this machine".into() }
    }

    /// A disk, or a file system, that is broken or seems so. What is on it may be well.
    pub(crate) fn disk(path: &Path, reason: &str) -> Self {
        let what = format!("the disk under {} fails ({reason})", path.display());
        Self { what, cure: "look into the system's log (`dmesg`), and copy what is there to another disk first of all".into() }
    }
}

/// The link on the way to a path that leads nowhere.
fn broken_link(path: &Path) -> Option<(&Path, PathBuf)> {
    path.ancestors().filter(|at| !at.as_os_str().is_empty()).find_map(|at| {
        let is_missing = matches!(std::fs::metadata(at), Err(error) if error.kind() == ErrorKind::NotFound);
        is_missing.then(|| std::fs::read_link(at).ok().map(|target| (at, target))).flatten()
    })
}

/// What stands at the path, or on the way there, in place of what is wanted.
fn in_the_way(path: &Path, tried: Tried, error: &io::Error) -> Option<(String, String)> {
    let name = path.display();
    let found = |what: String, cure: &str| Some((what, cure.to_owned()));
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::AlreadyExists | ErrorKind::NotADirectory | ErrorKind::IsADirectory => {}
        _ => return None,
    }
    if let Some((at, target)) = broken_link(path) {
        let what = format!("{} is a link to {}, which is not there", at.display(), target.display());
        return found(what, "bring that back (its volume may not be mounted)");
    }
    let mut missing = path;
    for at in path.ancestors().filter(|at| !at.as_os_str().is_empty()) {
        match std::fs::metadata(at) {
            Ok(there) if at == path && there.is_dir() => {
                let is_unwanted = error.kind() == ErrorKind::IsADirectory;
                return is_unwanted.then(|| (format!("{name} is a folder, and no file"), "move it away".to_owned()));
            }
            Ok(there) if there.is_dir() => break,
            Ok(_) => return found(format!("{} is a file, and no folder", at.display()), "move it away"),
            Err(_) => missing = at,
        }
    }
    if missing == path {
        return found(format!("there is no {name}"), "make it");
    }
    match tried {
        Tried::Read => found(format!("there is no {name}, nor a folder {}", missing.display()), "make it"),
        Tried::Write => found(format!("there is no folder {}", missing.display()), "make it"),
    }
}

/// What the system says of itself.
fn of_the_system(path: &Path, tried: Tried, error: &io::Error) -> (String, String) {
    let name = path.display();
    let verb = match tried {
        Tried::Read => "read",
        Tried::Write => "write",
    };
    let (what, cure) = match Cause::of(error) {
        Cause::Forbidden => {
            let (verb, place) = match closed_above(path) {
                Some(above) => ("enter", above),
                None => (verb, path.to_owned()),
            };
            let cure = "give it to the user that the server runs as (`chown`, `chmod`)";
            (format!("this user may not {verb} {}", place.display()), cure)
        }
        Cause::ReadOnly => (format!("the file system of {name} is read-only"), "mount it for writing"),
        Cause::Full => (format!("there is no space left on the disk of {name}"), "make room there"),
        Cause::Quota => (format!("this user's share of the disk of {name} is used up"), "make room there, or raise the quota"),
        Cause::TooLarge => (format!("{name} may not grow any more"), "raise the limit of file sizes (`ulimit -f`)"),
        Cause::Files => (
            format!("{name} cannot be opened, as this process may have no more files open"),
            "raise its limit (LimitNOFILE in the service, `ulimit -n`)",
        ),
        Cause::FilesAltogether => (
            format!("{name} cannot be opened, as the whole system may have no more files open"),
            "end other programs, or raise fs.file-max",
        ),
        Cause::Memory => (format!("there is not enough memory to open {name}"), "end other programs, or give this one more"),
        Cause::Gone => (format!("the volume of {name} is gone ({error})"), "mount it again"),
        Cause::Locks => {
            let Refused { what, cure } = Refused::locks(path, &error.to_string());
            return (what, cure);
        }
        Cause::Disk => {
            let Refused { what, cure } = Refused::disk(path, &error.to_string());
            return (what, cure);
        }
        Cause::Other => (format!("the system does not let this program {verb} {name} ({error})"), "look into its log"),
    };
    (what, cure.to_owned())
}

/// The folder above that keeps this user from what is in it.
fn closed_above(path: &Path) -> Option<PathBuf> {
    let is_closed =
        |at: &Path| matches!(std::fs::symlink_metadata(at), Err(error) if error.kind() == ErrorKind::PermissionDenied);
    if path.is_dir() && is_closed(&path.join(".")) {
        return Some(path.to_owned());
    }
    if !is_closed(path) {
        return None;
    }
    path.ancestors().skip(1).find(|above| !is_closed(above)).map(Path::to_owned)
}

/// What an error of the system is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Forbidden,
    ReadOnly,
    Full,
    Quota,
    TooLarge,
    Files,
    FilesAltogether,
    Memory,
    Gone,
    Locks,
    Disk,
    Other,
}

impl Cause {
    fn of(error: &io::Error) -> Self {
        if let Some(cause) = error.raw_os_error().and_then(Self::of_number) {
            return cause;
        }
        match error.kind() {
            ErrorKind::PermissionDenied => Self::Forbidden,
            ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            ErrorKind::StorageFull => Self::Full,
            ErrorKind::QuotaExceeded => Self::Quota,
            ErrorKind::FileTooLarge => Self::TooLarge,
            ErrorKind::OutOfMemory => Self::Memory,
            ErrorKind::StaleNetworkFileHandle | ErrorKind::NotConnected => Self::Gone,
            ErrorKind::Unsupported => Self::Locks,
            _ => Self::Other,
        }
    }

    /// Those that the standard library does not tell apart.
    #[cfg(unix)]
    fn of_number(number: i32) -> Option<Self> {
        use rustix::io::Errno;
        match Errno::from_raw_os_error(number) {
            Errno::MFILE => Some(Self::Files),
            Errno::NFILE => Some(Self::FilesAltogether),
            Errno::NODEV | Errno::NXIO | Errno::STALE => Some(Self::Gone),
            Errno::NOLCK => Some(Self::Locks),
            Errno::IO => Some(Self::Disk),
            _ => None,
        }
    }

    #[cfg(not(unix))]
    const fn of_number(_: i32) -> Option<Self> {
        None
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn what_stands_in_the_way_is_named_and_not_what_was_looked_for_behind_it() {
        let folder = TempDir::with_prefix("dais-refused-").unwrap();
        let here = folder.path();
        std::fs::write(here.join("file"), "").unwrap();
        symlink("/no/such/volume", here.join("link")).unwrap();
        for (path, wanted) in [
            ("none", "there is no HERE/none; make it"),
            ("file/below/it", "HERE/file is a file, and no folder; move it away"),
            (
                "link",
                "HERE/link is a link to /no/such/volume, which is not there; bring that back (its volume may not be mounted)",
            ),
            (
                "link/below",
                "HERE/link is a link to /no/such/volume, which is not there; bring that back (its volume may not be mounted)",
            ),
            ("", "HERE/ is a folder, and no file; move it away"),
        ] {
            let path = here.join(path);
            for tried in [Tried::Read, Tried::Write] {
                let error = match std::fs::File::open(&path) {
                    Err(error) => error,
                    Ok(_) => ErrorKind::IsADirectory.into(),
                };
                let said = Refused::new(&path, tried, &error).to_string().replace(here.to_str().unwrap(), "HERE");
                assert_eq!(said, wanted);
            }
        }
        let missing = |tried| Refused::new(&here.join("none/below"), tried, &ErrorKind::NotFound.into()).to_string();
        assert!(missing(Tried::Write).contains("there is no folder ") && missing(Tried::Write).contains("/none; make it"));
        assert!(missing(Tried::Read).contains("/none/below, nor a folder "));
        let said = Refused::new(here, Tried::Write, &ErrorKind::StorageFull.into()).or("go elsewhere").to_string();
        assert!(said.starts_with("there is no space left on the disk of ") && said.ends_with("make room there, or go elsewhere"));
    }
}
