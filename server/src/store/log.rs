//! The database's write-ahead log, looked over before SQLite reads it: SQLite takes what is behind the first frame that is
//! damaged for something that was never finished, and forgets it without a word.
//!
//! Its format: "WAL-mode File Format", <https://sqlite.org/walformat.html>. A frame that cannot be read is lawful in one
//! place alone: in the last transaction, which the system may have been writing when the power went. Every transaction is on
//! the disk before the next begins, so where a later one follows it, something that was promised is damaged.

mod end;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

pub(super) use end::{Held, Watched};

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// How a log begins, but for the lowest bit: whether its checksums read words big-endian.
const MAGIC: u32 = 0x377f_0682;
const FORMAT: u32 = 3_007_000;
const DATABASE_HEADER_BYTES: usize = 100;
const DATABASE_MAGIC: &[u8] = b"SQLite format 3\0";
const WRITE_VERSION_AT: usize = 18;
const WRITTEN_WITHOUT_LOG: u8 = 1;
const WRITTEN_WITH_LOG: u8 = 2;
const PAGE_BYTES: std::ops::RangeInclusive<u32> = 512..=65_536;

/// What is wrong with a log, in words that go on behind its name; nothing if there is none.
///
/// # Errors
/// What the system says where it cannot be read, which says nothing about the log.
pub(super) fn damage(path: &Path) -> io::Result<Option<String>> {
    match File::open(path) {
        Ok(file) => look_over(BufReader::new(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a log lies beside a database that has none, as copies have not, nor what a server left that was told to end:
/// SQLite would take it for the database's all the same. The header says how a file was written last ("The Database File
/// Format", section 1.3.3), and says it on the disk before the first log begins.
pub(super) fn is_of_another(log: &Path, database: &Path) -> io::Result<bool> {
    let is_there = std::fs::metadata(log).is_ok_and(|log| log.len() > 0);
    Ok(is_there && write_version(database)? == Some(WRITTEN_WITHOUT_LOG))
}

/// Whether the database was written with a log beside it.
pub(super) fn had_one(database: &Path) -> io::Result<bool> {
    Ok(write_version(database)? == Some(WRITTEN_WITH_LOG))
}

/// Whether the database that is open here is one that has a log: nothing else was written over it.
#[cfg(unix)]
pub(super) fn is_begun(database: &File) -> io::Result<bool> {
    use std::os::unix::fs::FileExt as _;
    let mut header = [0; DATABASE_HEADER_BYTES];
    match database.read_exact_at(&mut header, 0) {
        Ok(()) => Ok(header.starts_with(DATABASE_MAGIC) && header[WRITE_VERSION_AT] == WRITTEN_WITH_LOG),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
pub(super) fn is_begun(_: &File) -> io::Result<bool> {
    Ok(true)
}

/// What there is to say where such a database has no log.
pub(crate) fn missing(database: &Path) -> String {
    format!(
        "{} is as a running server had it, and its log is not beside it: if it was copied from one, or the log was removed, the          newest of what people did is missing. `dais backup` copies everything",
        database.display()
    )
}

fn write_version(database: &Path) -> io::Result<Option<u8>> {
    let mut header = [0; DATABASE_HEADER_BYTES];
    let is_whole = fill(&mut File::open(database)?, &mut header)?;
    Ok(is_whole.then_some(header[WRITE_VERSION_AT]))
}

fn look_over(mut file: impl Read) -> io::Result<Option<String>> {
    let mut header = [0; HEADER_BYTES];
    // A shorter one has nothing behind it.
    if !fill(&mut file, &mut header)? {
        return Ok(None);
    }
    // Nor has one that was never filled. A beginning is on the disk before anything is written behind it, so where something
    // is, somebody has emptied the log and a server has written on.
    if header == [0; HEADER_BYTES] {
        return Ok(if is_zero(file)? {
            None
        } else {
            Some("its beginning was emptied, and more was written behind it".to_owned())
        });
    }
    let page_bytes = word(&header, 8);
    let is_header = word(&header, 0) & !1 == MAGIC
        && word(&header, 4) == FORMAT
        && PAGE_BYTES.contains(&page_bytes)
        && page_bytes.is_power_of_two();
    let mut sums = Sums { is_big_endian: word(&header, 0) & 1 == 1, first: 0, second: 0 };
    sums.add(&header[..24]);
    if !is_header || !sums.are(&header[24..]) {
        return Ok(Some("its beginning is damaged".to_owned()));
    }
    let salts = &header[16..24];
    let mut frame = [0; FRAME_HEADER_BYTES];
    let mut page = vec![0; page_bytes as usize];
    let mut number = 0;
    // The first frame that cannot be read, and whether one since then ended its transaction.
    let mut damaged = None;
    let mut has_ended = false;
    while fill(&mut file, &mut frame)? && fill(&mut file, &mut page)? {
        number += 1;
        sums.add(&frame[..8]);
        sums.add(&page);
        let is_of_this_log = frame[8..16] == *salts;
        let follows = is_of_this_log && sums.are(&frame[16..]);
        if let Some(damaged) = damaged.filter(|_| follows && has_ended) {
            return Ok(Some(format!("its frame {damaged} is damaged, and more was written behind it")));
        }
        if !follows {
            damaged = damaged.or(Some(number));
            // What was written behind it began with the sums that it was given.
            sums.go_on_from(&frame[16..]);
        }
        has_ended = is_of_this_log && damaged.is_some() && word(&frame, 4) != 0;
    }
    Ok(None)
}

/// Reads all of `buffer`; whether there was so much.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether there is nothing but zeros.
fn is_zero(mut file: impl Read) -> io::Result<bool> {
    let mut bytes = vec![0; 65_536];
    loop {
        match file.read(&mut bytes) {
            Ok(0) => return Ok(true),
            Ok(length) if bytes[..length].iter().any(|byte| *byte != 0) => return Ok(false),
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The running checksum of a log.
struct Sums {
    is_big_endian: bool,
    first: u32,
    second: u32,
}

impl Sums {
    fn add(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks_exact(8) {
            let read = |at| if self.is_big_endian { word(pair, at) } else { word(pair, at).swap_bytes() };
            let (one, other) = (read(0), read(4));
            self.first = self.first.wrapping_add(one).wrapping_add(self.second);
            self.second = self.second.wrapping_add(other).wrapping_add(self.first);
        }
    }

    fn go_on_from(&mut self, said: &[u8]) {
        (self.first, self.second) = (word(said, 0), word(said, 4));
    }

    fn are(&self, said: &[u8]) -> bool {
        (word(said, 0), word(said, 4)) == (self.first, self.second)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use std::fs;

    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::*;

    fn rows(count: u32) -> String {
        "INSERT INTO a VALUES (hex(randomblob(900)));".repeat(count as usize)
    }

    /// What SQLite leaves behind where nobody closes the database, and how long it was before the last transaction.
    fn written(before: &str) -> (Vec<u8>, usize) {
        let folder = TempDir::with_prefix("dais-log-").unwrap();
        let path = folder.path().join("a.db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA cache_size = 2; CREATE TABLE a (b TEXT)").unwrap();
        connection.execute_batch(before).unwrap();
        let log = path.with_extension("db-wal");
        let mut last = 0;
        for count in [3, 1, 5, 2] {
            last = usize::try_from(fs::metadata(&log).unwrap().len()).unwrap();
            connection.execute_batch(&format!("BEGIN; {} COMMIT", rows(count))).unwrap();
        }
        (fs::read(&log).unwrap(), last)
    }

    #[test]
    fn a_whole_log_is_whole_wherever_it_ends() {
        let (log, _) = written("");
        assert_eq!(damage(Path::new("/nowhere/at/all")).unwrap(), None);
        for length in (0..log.len()).step_by(509).chain([log.len()]) {
            assert_eq!(look_over(&log[..length]).unwrap(), None, "{length} bytes");
        }
        assert_eq!(look_over(&[0; 4_096][..]).unwrap(), None, "made room for and never written");
    }

    #[test]
    fn a_log_that_was_emptied_and_written_on_is_damaged() {
        let (mut log, last) = written("");
        log[..last].fill(0);
        assert!(look_over(&log[..]).unwrap().is_some_and(|what| what.contains("emptied")));
    }

    #[test]
    fn damage_before_the_last_transaction_is_found_and_in_it_is_a_torn_end() {
        let (log, last) = written("");
        for at in (0..log.len()).step_by(101) {
            let mut log = log.clone();
            log[at] ^= 0x40;
            let found = look_over(&log[..]).unwrap();
            assert_eq!(found.is_some(), at < last, "at {at} of {}, {last}: {found:?}", log.len());
        }
        let mut torn = log;
        torn[last..last + 200].fill(0);
        assert_eq!(look_over(&torn[..]).unwrap(), None);
    }

    #[test]
    fn what_was_given_up_and_what_an_older_log_left_behind_is_no_damage() {
        let (given_up, _) = written(&format!("BEGIN; {} ROLLBACK", rows(60)));
        assert_eq!(look_over(&given_up[..]).unwrap(), None);
        let (begun_anew, _) = written(&format!("{} PRAGMA wal_checkpoint(RESTART);", rows(60)));
        assert_eq!(look_over(&begun_anew[..]).unwrap(), None);
    }
}
