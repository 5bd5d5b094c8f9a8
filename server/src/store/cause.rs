//! What keeps the store from being opened, examined or copied, and how that is told from what SQLite and the system say. All
//! three say the same of the same cause. A file is called damaged when its content is, and never for what stands in the way
//! to it: whoever is told so throws it away.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use rusqlite::ffi;

use super::files::{FILE, Files, LOG_FILE};
use crate::refused::{Refused, Tried};

/// Less room than this in a folder is none: the log's index alone takes half of it.
const PROBE_BYTES: usize = 64 << 10;
const ELSEWHERE: &str = "choose another folder with --data-dir";

/// Why the state of the last run cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The system does not let this program use it as it has to.
    #[error("{0}. What is kept there has not been touched")]
    Refused(Refused),
    /// Another program keeps it from being used.
    #[error(
        "{path} is locked by another program, and is whole as far as can be seen; end that program (`fuser {path}` names it)"
    )]
    Locked {
        /// Which file.
        path: PathBuf,
    },
    /// Another server has it.
    #[error("{path} is in use by another server; stop that, or choose another folder with --data-dir")]
    InUse {
        /// Which folder.
        path: PathBuf,
    },
    /// It is somebody else's.
    #[error("{path} is the database of another program; choose another folder with --data-dir, or move that file away")]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// It is no database at all.
    #[error(
        "{path} is no database: it was overwritten, or is the file of another program. It is left as it is: move it away, then put \
         a backup in its place, or begin anew without rooms and identities"
    )]
    NoDatabase {
        /// Which file.
        path: PathBuf,
    },
    /// Its content is torn.
    #[error(
        "{path} is damaged ({reason}). It is left as it is: move it and {LOG_FILE} away, then put a backup in its place, or begin \
         anew without rooms and identities"
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It is gone, and its log is not.
    #[error(
        "there is no {path}, but its log is there ({LOG_FILE}). Nothing is changed: put {FILE} back, or move {LOG_FILE} away and \
         put a backup in its place, or begin anew without rooms and identities"
    )]
    Gone {
        /// Which file.
        path: PathBuf,
    },
    /// It is a copy, beside which the log of the file before it was left.
    #[error(
        "{LOG_FILE} beside {path} is another file's log, and would spoil this one. Both are left as they are: move {LOG_FILE} away, \
         if it is what a copy was put in the place of"
    )]
    OthersLog {
        /// Which file.
        path: PathBuf,
    },
    /// The machine gives no thread for it.
    #[error("the system gives the store no thread: {source}; raise the limit of threads (TasksMax in the service, `ulimit -u`)")]
    Thread {
        /// Why not.
        source: std::io::Error,
    },
    /// A newer server wrote it.
    #[error("{path} was written by a newer version of Dais (format {version}); start that version, or put a backup in its place")]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Of which format.
        version: u32,
    },
    /// It was taken away while it was opened.
    #[error("{reason}")]
    Fallen {
        /// Which, and what to do.
        reason: String,
    },
    /// Nothing that is known here.
    #[error("SQLite cannot use {path} ({reason}). It is left as it is, and need not be damaged; keep it and {LOG_FILE}")]
    Unknown {
        /// Which file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
}

impl From<Refused> for OpenError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused.or(ELSEWHERE))
    }
}

/// Where the cause of an error of SQLite's may be looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The files may be opened: nobody in this process has them open, or the one who has gives them up.
    AtFiles,
    /// This process works with the files: to open and close one would give up SQLite's locks on it (`fcntl`).
    AtFolder,
}

/// What an error of SQLite's means that came of the database in `files`.
pub(super) fn of(error: &rusqlite::Error, files: &Files, look: Look) -> OpenError {
    match error {
        rusqlite::Error::SqliteFailure(said, words) => {
            let words = words.clone().unwrap_or_else(|| said.to_string());
            of_code(said.extended_code, words, files, look)
        }
        // A row holds what no version of this program writes there.
        other => files.damaged(other.to_string()),
    }
}

/// The same for one of SQLite's extended result codes (<https://sqlite.org/rescode.html>).
pub(super) fn of_code(code: i32, words: String, files: &Files, look: Look) -> OpenError {
    let path = files.database.clone();
    match code {
        ffi::SQLITE_IOERR_NOMEM => return Refused::memory(&path).into(),
        ffi::SQLITE_IOERR_CORRUPTFS => return Refused::disk(&path, "its file system is damaged").into(),
        ffi::SQLITE_IOERR_LOCK
        | ffi::SQLITE_IOERR_UNLOCK
        | ffi::SQLITE_IOERR_RDLOCK
        | ffi::SQLITE_IOERR_CHECKRESERVEDLOCK
        | ffi::SQLITE_IOERR_SHMLOCK => return Refused::locks(&files.folder, &words).into(),
        _ => {}
    }
    match code & 0xff {
        ffi::SQLITE_CORRUPT => files.damaged(words),
        ffi::SQLITE_NOTADB => OpenError::NoDatabase { path },
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_PROTOCOL => OpenError::Locked { path },
        ffi::SQLITE_FULL => Refused::full(&files.folder).into(),
        ffi::SQLITE_NOMEM => Refused::memory(&path).into(),
        ffi::SQLITE_CANTOPEN | ffi::SQLITE_IOERR | ffi::SQLITE_READONLY | ffi::SQLITE_PERM | ffi::SQLITE_AUTH => {
            let found = match look {
                Look::AtFiles => files.probe(),
                Look::AtFolder => probe_folder(&files.folder),
            };
            match found {
                Err(refused) => refused.into(),
                Ok(()) if code & 0xff == ffi::SQLITE_IOERR => Refused::disk(&path, &words).into(),
                Ok(()) => OpenError::Unknown { path, reason: words },
            }
        }
        // Tables, columns or rows are not what this program has made them. Once it has read them all, that is its own fault.
        _ if look == Look::AtFolder => OpenError::Unknown { path, reason: words },
        ffi::SQLITE_ERROR | ffi::SQLITE_CONSTRAINT | ffi::SQLITE_MISMATCH | ffi::SQLITE_TOOBIG | ffi::SQLITE_FORMAT => {
            files.damaged(words)
        }
        _ => OpenError::Unknown { path, reason: words },
    }
}

/// What `PRAGMA quick_check` found, in its words. A page that could not be read is named among what is damaged, with the
/// result code; that is the disk's doing.
pub(super) fn of_check(said: String, files: &Files) -> OpenError {
    let code = said.rsplit_once("error code=").and_then(|(_, code)| code.trim().parse::<i32>().ok());
    match code {
        Some(code) if code & 0xff != ffi::SQLITE_CORRUPT => of_code(code, said, files, Look::AtFiles),
        _ => files.damaged(said),
    }
}

impl Files {
    pub(super) fn damaged(&self, reason: String) -> OpenError {
        OpenError::Damaged { path: self.database.clone(), reason }
    }

    /// Tries what a server does there, and stops at what is refused.
    fn probe(&self) -> Result<(), Refused> {
        probe_folder(&self.folder)?;
        for path in [&self.database, &self.log, &self.index] {
            match std::fs::metadata(path) {
                Ok(there) if !there.is_file() => return Err(Refused::new(path, Tried::Read, &no_file(&there))),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && path != &self.database => continue,
                Err(error) => return Err(Refused::new(path, Tried::Read, &error)),
                Ok(_) => {}
            }
            let read = File::open(path).and_then(|mut file| std::io::copy(&mut file, &mut std::io::sink()));
            read.map_err(|error| Refused::new(path, Tried::Read, &error))?;
            let opened = File::options().write(true).open(path);
            opened.map_err(|error| Refused::new(path, Tried::Write, &error))?;
        }
        Ok(())
    }
}

/// What is there is neither a file nor a link to one.
pub(super) fn no_file(there: &std::fs::Metadata) -> std::io::Error {
    if there.is_dir() { std::io::ErrorKind::IsADirectory.into() } else { std::io::Error::other("it is no plain file") }
}

/// Whether a file can be made in a folder and something be written to it. It is taken away again.
pub(super) fn probe_folder(folder: &Path) -> Result<(), Refused> {
    let path = folder.join(format!("dais.probe.{}", std::process::id()));
    let refused = |error: std::io::Error| Refused::new(folder, Tried::Write, &error);
    let mut file = File::create(&path).map_err(refused)?;
    let written = file.write_all(&[0; PROBE_BYTES]).and_then(|()| file.sync_all());
    let removed = std::fs::remove_file(&path);
    written.and(removed).map_err(refused)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use rustix::io::Errno;
    use tempfile::TempDir;

    use super::*;

    const TABLE: &str = include_str!("../../../docs/store.md");

    fn files() -> (TempDir, Files) {
        let folder = TempDir::with_prefix("dais-cause-").unwrap();
        std::fs::write(folder.path().join(FILE), "something").unwrap();
        let files = Files::of(folder.path());
        (folder, files)
    }

    #[test]
    fn what_takes_a_machine_in_trouble_is_told_as_the_table_has_it() {
        let (_folder, files) = files();
        let io = |errno: Errno| Refused::new(&files.database, Tried::Read, &errno.into()).into();
        let sqlite = |code| of_code(code, "words".into(), &files, Look::AtFiles);
        let causes: [(&str, Vec<OpenError>); 8] = [
            ("EIO, SQLITE_IOERR", vec![io(Errno::IO), sqlite(ffi::SQLITE_IOERR_READ), sqlite(ffi::SQLITE_IOERR_FSYNC)]),
            ("EMFILE", vec![io(Errno::MFILE)]),
            ("ENFILE", vec![io(Errno::NFILE)]),
            ("ENOMEM, SQLITE_NOMEM", vec![io(Errno::NOMEM), sqlite(ffi::SQLITE_NOMEM), sqlite(ffi::SQLITE_IOERR_NOMEM)]),
            ("EDQUOT", vec![io(Errno::DQUOT)]),
            ("ESTALE, ENODEV", vec![io(Errno::STALE), io(Errno::NODEV)]),
            ("ENOLCK, SQLITE_IOERR_LOCK", vec![sqlite(ffi::SQLITE_IOERR_LOCK), sqlite(ffi::SQLITE_IOERR_SHMLOCK)]),
            ("SQLITE_FULL, also while a file of an older version is taken over", vec![sqlite(ffi::SQLITE_FULL)]),
        ];
        let rows = TABLE.lines().skip_while(|line| !line.starts_with("| what the system or SQLite says")).skip(2);
        let rows: Vec<_> = rows.map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")).collect();
        assert_eq!(rows.len(), causes.len());
        for ((cause, sentence), (name, errors)) in rows.into_iter().zip(causes) {
            assert_eq!(cause, name);
            for error in errors {
                let said = error.to_string().replace(files.folder.to_str().unwrap(), "DATA");
                let (before, after) = sentence.split_once('…').unwrap_or((sentence, ""));
                assert!(said.starts_with(before) && said.ends_with(after), "{name}:\n  {said}\n  {sentence}");
            }
        }
    }

    #[test]
    fn damaged_is_said_of_content_alone() {
        let (_folder, files) = files();
        let is_of_content = |error: &OpenError| matches!(error, OpenError::Damaged { .. } | OpenError::NoDatabase { .. });
        let said: Vec<i32> =
            (1..=28).filter(|code| is_of_content(&of_code(*code, "words".into(), &files, Look::AtFiles))).collect();
        let content = [
            ffi::SQLITE_ERROR,
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_TOOBIG,
            ffi::SQLITE_CONSTRAINT,
            ffi::SQLITE_MISMATCH,
            ffi::SQLITE_FORMAT,
            ffi::SQLITE_NOTADB,
        ];
        assert_eq!(said, content);
        let said = of_check("Tree 4 page 7: unable to get the page. error code=266".into(), &files);
        assert!(said.to_string().contains("the disk under"), "{said}");
        let said = of_check("Tree 4 page 7: unable to get the page. error code=11".into(), &files);
        assert!(is_of_content(&said), "{said}");
        assert!(is_of_content(&of_check("row 3 missing from index".into(), &files)));
    }
}
