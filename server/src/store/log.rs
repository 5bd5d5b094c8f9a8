//! The database's write-ahead log, looked over before SQLite reads it: SQLite takes what is behind the first frame that is
//! damaged for something that was never finished, and forgets it without a word.
//!
//! Its format: "WAL-mode File Format", <https://sqlite.org/walformat.html>. A frame that cannot be read is lawful in one
//! place alone: in the last transaction, which the system may have been writing when the power went. Every transaction is on
//! the disk before the next begins, so where a later one follows it, something that was promised is damaged.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// How a log begins, but for the lowest bit: whether its checksums read words big-endian.
const MAGIC: u32 = 0x377f_0682;
const FORMAT: u32 = 3_007_000;
const DATABASE_HEADER_BYTES: usize = 100;
const WRITE_VERSION_AT: usize = 18;
const WRITTEN_WITHOUT_LOG: u8 = 1;
const PAGE_BYTES: std::ops::RangeInclusive<u32> = 512..=65_536;

/// What is wrong with a log, in words that go on behind its name; nothing if there is none.
pub(super) fn damage(path: &Path) -> Result<(), String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    look_over(BufReader::new(file))
}

/// Whether a log lies beside a database that never had one, as copies have not: SQLite would take it for the database's all
/// the same. The header says how a file was written last ("The Database File Format", section 1.3.3), and says it on the
/// disk before the first log begins.
pub(super) fn is_of_another(log: &Path, database: &Path) -> bool {
    let is_there = std::fs::metadata(log).is_ok_and(|log| log.len() > 0);
    let mut header = [0; DATABASE_HEADER_BYTES];
    let is_read = File::open(database).is_ok_and(|mut file| fill(&mut file, &mut header) == Ok(true));
    is_there && is_read && header[WRITE_VERSION_AT] == WRITTEN_WITHOUT_LOG
}

fn look_over(mut file: impl Read) -> Result<(), String> {
    let mut header = [0; HEADER_BYTES];
    // A shorter one, or one that was never filled, has nothing behind it.
    if !fill(&mut file, &mut header)? || header == [0; HEADER_BYTES] {
        return Ok(());
    }
    let page_bytes = word(&header, 8);
    let is_header = word(&header, 0) & !1 == MAGIC
        && word(&header, 4) == FORMAT
        && PAGE_BYTES.contains(&page_bytes)
        && page_bytes.is_power_of_two();
    let mut sums = Sums { is_big_endian: word(&header, 0) & 1 == 1, first: 0, second: 0 };
    sums.add(&header[..24]);
    if !is_header || !sums.are(&header[24..]) {
        return Err("its beginning is damaged".to_owned());
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
            return Err(format!("its frame {damaged} is damaged, and more was written behind it"));
        }
        if !follows {
            damaged = damaged.or(Some(number));
            // What was written behind it began with the sums that it was given.
            sums.go_on_from(&frame[16..]);
        }
        has_ended = is_of_this_log && damaged.is_some() && word(&frame, 4) != 0;
    }
    Ok(())
}

/// Reads all of `buffer`; whether there was so much.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> Result<bool, String> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error.to_string()),
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
        assert_eq!(damage(Path::new("/nowhere/at/all")), Ok(()));
        for length in (0..log.len()).step_by(509).chain([log.len()]) {
            assert_eq!(look_over(&log[..length]), Ok(()), "{length} bytes");
        }
        assert_eq!(look_over(&[0; 4_096][..]), Ok(()), "made room for and never written");
    }

    #[test]
    fn damage_before_the_last_transaction_is_found_and_in_it_is_a_torn_end() {
        let (log, last) = written("");
        for at in (0..log.len()).step_by(101) {
            let mut log = log.clone();
            log[at] ^= 0x40;
            let found = look_over(&log[..]);
            assert_eq!(found.is_err(), at < last, "at {at} of {}, {last}: {found:?}", log.len());
        }
        let mut torn = log;
        torn[last..last + 200].fill(0);
        assert_eq!(look_over(&torn[..]), Ok(()));
    }

    #[test]
    fn what_was_given_up_and_what_an_older_log_left_behind_is_no_damage() {
        let (given_up, _) = written(&format!("BEGIN; {} ROLLBACK", rows(60)));
        assert_eq!(look_over(&given_up[..]), Ok(()));
        let (begun_anew, _) = written(&format!("{} PRAGMA wal_checkpoint(RESTART);", rows(60)));
        assert_eq!(look_over(&begun_anew[..]), Ok(()));
    }
}
