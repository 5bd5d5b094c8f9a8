//! What SQLite leaves behind of what is gone, and how it goes from the file.
//!
//! With `secure_delete` what is deleted is overwritten where it stood. Twice that is not enough. A changed page goes into the
//! log, and the one before it stays in the file, or earlier in the log, until a checkpoint has copied all and cut the log off. And
//! where rows move from one page to another, copies of them stay in the middle of the old one, where nothing stands; rows that
//! are deleted later are deleted elsewhere. So all of these middles are overwritten in the file itself: bytes that mean nothing
//! to anybody, whichever half of a write survives a crash ("The Database File Format", section 1.6).

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use dais_shared::limits::WIPED_PAGES;
use rusqlite::Connection;

use super::standing::Trouble;

const DATABASE_HEADER_BYTES: usize = 100;
const PAGE_SIZE_AT: usize = 16;

/// How far the overwriting has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wiped {
    /// To the end of the file: what was gone when it began is gone from it.
    Done,
    /// There is more to do.
    InPart,
    /// Nowhere: somebody else, who makes a copy, still reads the file as it was.
    NotYet,
}

/// Why there is something left.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WipeError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    File(#[from] io::Error),
    #[error(transparent)]
    Displaced(#[from] Trouble),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Leftovers {
    /// The database's. Closed behind SQLite's own: on Unix the first to be closed takes a process' locks along.
    file: File,
    /// The page to go on with, counted from 0.
    next: u64,
    /// How many changes there had been when the first page was looked at last. Of the run before nobody knows.
    began_at: Option<u64>,
}

impl Leftovers {
    pub(super) fn open(database: &Path) -> io::Result<Self> {
        Ok(Self { file: File::options().read(true).write(true).open(database)?, next: 0, began_at: None })
    }

    /// One step, from the beginning again if that is wanted. Outside any transaction.
    pub(super) fn wipe(&mut self, connection: &Connection, anew: bool) -> Result<Wiped, WipeError> {
        if anew {
            (self.next, self.began_at) = (0, None);
        }
        let (first, changes) = (self.next, connection.total_changes());
        // What is behind the page to go on with may have come into the log since the last step, as it was.
        if !cut_log(connection)? {
            return Ok(Wiped::NotYet);
        }
        let (last, is_done) = self.overwrite(first)?;
        // The next change of a page begins with what is in the file.
        connection.release_memory()?;
        self.next = if is_done { 0 } else { last };
        if first == 0 {
            self.began_at = Some(changes);
        }
        Ok(if is_done { Wiped::Done } else { Wiped::InPart })
    }

    /// Whether something may have been left since the last time that all was looked at began.
    pub(super) fn is_behind(&self, connection: &Connection) -> bool {
        self.next > 0 || self.began_at.is_none_or(|began_at| connection.total_changes() > began_at)
    }

    /// Some pages; up to which, and whether that is the end.
    fn overwrite(&mut self, first: u64) -> io::Result<(u64, bool)> {
        let mut header = [0; DATABASE_HEADER_BYTES];
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_exact(&mut header)?;
        let page_bytes = match u16::from_be_bytes([header[PAGE_SIZE_AT], header[PAGE_SIZE_AT + 1]]) {
            1 => 65_536,
            bytes => usize::from(bytes),
        };
        if !(512..=65_536).contains(&page_bytes) {
            return Err(io::Error::other("its pages have no size"));
        }
        let pages = self.file.metadata()?.len() / page_bytes as u64;
        let last = pages.min(first + WIPED_PAGES);
        let mut page = vec![0; page_bytes];
        let mut has_written = false;
        for number in first..last {
            let start = number * page_bytes as u64;
            self.file.seek(SeekFrom::Start(start))?;
            self.file.read_exact(&mut page)?;
            let middle = middle(&page, if number == 0 { DATABASE_HEADER_BYTES } else { 0 });
            if page[middle.clone()].iter().any(|byte| *byte != 0) {
                page[middle.clone()].fill(0);
                self.file.seek(SeekFrom::Start(start + middle.start as u64))?;
                self.file.write_all(&page[middle])?;
                has_written = true;
            }
        }
        if has_written {
            self.file.sync_data()?;
        }
        Ok((last, last == pages))
    }
}

/// Copies all that the log holds into the file, and cuts it off; whether nobody kept it from that.
fn cut_log(connection: &Connection) -> rusqlite::Result<bool> {
    let patience_ms: u32 = connection.pragma_query_value(None, "busy_timeout", |row| row.get(0))?;
    // Whoever copies takes his time, for which no change waits.
    connection.busy_timeout(Duration::ZERO)?;
    let is_busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    connection.busy_timeout(Duration::from_millis(patience_ms.into()))?;
    Ok(!is_busy?)
}

/// Between a page's list of cells and the cells themselves, if it has such. The others are whole, or overwritten as a whole.
fn middle(page: &[u8], header: usize) -> Range<usize> {
    const KINDS_INSIDE: [u8; 2] = [2, 5];
    const KINDS_AT_THE_END: [u8; 2] = [10, 13];
    let word = |at: usize| usize::from(u16::from_be_bytes([page[header + at], page[header + at + 1]]));
    let kind = page[header];
    let header_bytes = match kind {
        _ if KINDS_INSIDE.contains(&kind) => 12,
        _ if KINDS_AT_THE_END.contains(&kind) => 8,
        _ => return 0..0,
    };
    let start = header + header_bytes + 2 * word(3);
    let end = if word(5) == 0 { 65_536 } else { word(5) };
    // A page that says something else is damaged, and is found out where it is read.
    if start <= end && end <= page.len() { start..end } else { 0..0 }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use std::collections::BTreeSet;
    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::store::database::equip;

    /// Numbers that look drawn and are the same each time (Numerical Recipes' generator).
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % bound
        }
    }

    fn text(number: u64) -> String {
        format!("<text {number:05}>")
    }

    /// Which of the texts stand in some file of the folder.
    fn found(folder: &TempDir, count: u64) -> BTreeSet<u64> {
        let mut all = Vec::new();
        for entry in fs::read_dir(folder.path()).unwrap() {
            all.extend(fs::read(entry.unwrap().path()).unwrap());
        }
        let starts = all.windows(6).enumerate().filter(|(_, bytes)| bytes == b"<text ").map(|(at, _)| at + 6);
        let numbers = starts.filter_map(|at| std::str::from_utf8(all.get(at..at + 5)?).ok()?.parse().ok());
        numbers.filter(|number| *number < count).collect()
    }

    #[test]
    fn of_rows_that_came_moved_and_went_nothing_is_left_and_the_others_are_whole() {
        let mut has_left_something = false;
        for seed in 0..3 {
            let folder = TempDir::with_prefix("dais-leftovers-").unwrap();
            let path = folder.path().join("a.db");
            let connection = Connection::open(&path).unwrap();
            equip(&connection).unwrap();
            connection.pragma_update(None, "synchronous", "OFF").unwrap(); // nobody pulls the plug
            connection
                .execute_batch("CREATE TABLE a (room INTEGER, id INTEGER, text TEXT, PRIMARY KEY (room, id)) WITHOUT ROWID")
                .unwrap();
            let mut leftovers = Leftovers::open(&path).unwrap();
            let (mut random, mut live, mut count) = (Random(seed), Vec::new(), 0);
            connection.execute_batch("BEGIN").unwrap();
            for step in 0..3_000 {
                if random.below(100) < 55 {
                    let long = "x".repeat([5, 30, 100, 400, 1_500][random.below(5) as usize]);
                    let row = (random.below(8), count);
                    let values = rusqlite::params![row.0 as i64, row.1 as i64, text(count) + &long];
                    connection.prepare_cached("INSERT INTO a VALUES (?1, ?2, ?3)").unwrap().execute(values).unwrap();
                    live.push(row);
                    count += 1;
                } else if !live.is_empty() {
                    let (room, id) = live.swap_remove(random.below(live.len() as u64) as usize);
                    let sql = if random.below(2) == 0 {
                        "DELETE FROM a WHERE room = ?1 AND id = ?2"
                    } else {
                        "INSERT OR REPLACE INTO a VALUES (?1, ?2, NULL)"
                    };
                    connection.prepare_cached(sql).unwrap().execute([room as i64, id as i64]).unwrap();
                }
                if step % 50 == 0 {
                    connection.execute_batch("COMMIT; BEGIN").unwrap();
                }
            }
            connection.execute_batch("COMMIT").unwrap();
            let live: BTreeSet<u64> = live.into_iter().map(|(_, id)| id).collect();
            assert!(cut_log(&connection).unwrap());
            has_left_something |= found(&folder, count) != live;
            assert!(leftovers.is_behind(&connection));
            while leftovers.wipe(&connection, false).unwrap() != Wiped::Done {}
            assert_eq!(found(&folder, count), live, "seed {seed}");
            assert!(!leftovers.is_behind(&connection));
            // What is in its memory is no older than the file.
            connection.execute("UPDATE a SET text = text || '!'", []).unwrap();
            assert_eq!(found(&folder, count), live, "seed {seed}: and does not come back");
            let said: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
            assert_eq!(said, "ok");
            let kept: i64 = connection.query_row("SELECT count(*) FROM a WHERE text NOT NULL", [], |row| row.get(0)).unwrap();
            assert_eq!(kept, live.len() as i64);
        }
        assert!(has_left_something, "there was something to do");
    }

    #[test]
    fn while_somebody_copies_the_file_nothing_is_wiped_and_nobody_waits() {
        let folder = TempDir::with_prefix("dais-leftovers-").unwrap();
        let path = folder.path().join("a.db");
        let connection = Connection::open(&path).unwrap();
        equip(&connection).unwrap();
        connection.execute_batch("CREATE TABLE a (text TEXT)").unwrap();
        connection.execute("INSERT INTO a VALUES (?1)", [text(7)]).unwrap();
        let mut leftovers = Leftovers::open(&path).unwrap();
        let copying = Connection::open(&path).unwrap();
        copying.execute_batch("BEGIN; SELECT count(*) FROM a").unwrap();
        connection.execute("DELETE FROM a", []).unwrap();
        assert_eq!(leftovers.wipe(&connection, true).unwrap(), Wiped::NotYet);
        assert!(!found(&folder, 8).is_empty() && leftovers.is_behind(&connection));
        copying.execute_batch("COMMIT").unwrap();
        assert_eq!(leftovers.wipe(&connection, true).unwrap(), Wiped::Done);
        assert!(found(&folder, 8).is_empty());
    }

    #[test]
    fn a_page_that_makes_no_sense_is_left_alone() {
        let mut page = vec![0xff; 512];
        for kind in 0..=u8::MAX {
            page[0] = kind;
            assert!(middle(&page, 0).is_empty(), "{kind}");
        }
        page[..8].copy_from_slice(&[13, 0, 0, 0, 2, 1, 0, 0]);
        assert_eq!(middle(&page, 0), 12..256);
    }
}
