//! Whether the log still holds what SQLite has written there. SQLite remembers where its log ends, and believes that: a log
//! that another hand has emptied is written on at the old place, and the hole before that is copied into the database.
//!
//! Where the log ends is in its index ("The WAL-Index File Format", section 2.1), whose bytes SQLite works on in memory. The
//! head of the last frame carries the sum of all before it: where it is there, and the log is so long, nothing was cut off. What was
//! the last frame at the look before is read whole once something is behind it: then it says the same of what stood there.

use std::fs::File;

/// What is in a log and its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Held {
    /// All that was written.
    All,
    /// All, but the index does not say so any more.
    ButNotTheIndex,
    /// Less than what was written, or something else.
    NotAll,
}

/// Where a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    /// Other ones each time that the log begins anew; the first four bytes count.
    salts: [u8; 8],
    frames: u32,
    page_bytes: u64,
    /// How the sums read what they add.
    is_big_endian: bool,
    /// Of everything up to there, as the last frame has it.
    sums: [u8; 8],
}

/// See the module.
#[derive(Debug)]
pub(in crate::store) struct Watched {
    pub(in crate::store) log: File,
    pub(in crate::store) index: File,
    /// As the last look found it.
    seen: Option<End>,
    index_bytes: u64,
}

impl Watched {
    /// A log and an index that SQLite has just made or read.
    pub(in crate::store) const fn new(log: File, index: File) -> Self {
        Self { log, index, seen: None, index_bytes: 0 }
    }

    /// How many frames the log had when it was looked at last.
    pub(in crate::store) fn frames(&self) -> u32 {
        self.seen.map_or(0, |seen| seen.frames)
    }
}

#[cfg(not(unix))]
impl Watched {
    /// Nobody cuts off what is mapped there.
    pub(in crate::store) const fn look(&mut self, _: u64, _: u64) -> std::io::Result<Held> {
        Ok(Held::All)
    }

    pub(in crate::store) const fn empty_index(&self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io;
    use std::os::unix::fs::FileExt as _;

    use super::super::{FORMAT, FRAME_HEADER_BYTES, HEADER_BYTES, Sums, word};
    use super::{End, Held, Watched};

    /// The index begins with this twice.
    const INDEX_HEADER_BYTES: usize = 48;
    /// Another program that writes to the database changes both, one after the other: they differ for less than one look takes.
    const INDEX_LOOKS: usize = 3;

    impl Watched {
        /// Looks, before SQLite does. So long are both.
        pub(in crate::store) fn look(&mut self, log_bytes: u64, index_bytes: u64) -> io::Result<Held> {
            let found = if index_bytes < self.index_bytes { None } else { End::said_by(&self.index)? };
            let Some(end) = found.filter(|end| self.seen.is_none_or(|seen| end.may_follow(&seen))) else {
                let Some(seen) = self.seen else { return Ok(Held::ButNotTheIndex) };
                let is_there = seen.is_reached_by(&self.log, log_bytes)? && seen.is_whole_in(&self.log)?;
                return Ok(if is_there { Held::ButNotTheIndex } else { Held::NotAll });
            };
            // What began anew has nothing of before, and what has not grown has nothing written behind it.
            let before = self.seen.filter(|seen| seen.salts == end.salts && *seen != end);
            if !end.is_reached_by(&self.log, log_bytes)? || !before.map_or(Ok(true), |seen| seen.is_whole_in(&self.log))? {
                return Ok(Held::NotAll);
            }
            (self.seen, self.index_bytes) = (Some(end), index_bytes);
            Ok(Held::All)
        }

        /// Has SQLite read the log once more, instead of its index: an empty one says nothing. One that is shorter than what
        /// SQLite has in memory would end the process where it is read.
        pub(in crate::store) fn empty_index(&self) -> io::Result<()> {
            self.index.set_len(self.index.metadata()?.len().max(self.index_bytes))?;
            self.index.write_all_at(&[0; 2 * INDEX_HEADER_BYTES], 0)
        }
    }

    impl End {
        /// What an index says, if that is sound.
        fn said_by(index: &File) -> io::Result<Option<Self>> {
            for _ in 1..INDEX_LOOKS {
                if let Some(end) = Self::said_once_by(index)? {
                    return Ok(Some(end));
                }
            }
            Self::said_once_by(index)
        }

        fn said_once_by(index: &File) -> io::Result<Option<Self>> {
            let mut twice = [0; 2 * INDEX_HEADER_BYTES];
            if !read(index, &mut twice, 0)? {
                return Ok(None);
            }
            let (header, same) = twice.split_at(INDEX_HEADER_BYTES);
            let number = |at: usize| u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
            let mut sums = Sums { is_big_endian: cfg!(target_endian = "big"), first: 0, second: 0 };
            sums.add(&header[..40]);
            if header != same || number(0) != FORMAT || (sums.first, sums.second) != (number(40), number(44)) {
                return Ok(None);
            }
            let page_bytes = match u16::from_ne_bytes([header[14], header[15]]) {
                1 => 65_536,
                bytes => u64::from(bytes),
            };
            let mut said = [0; 8];
            said[..4].copy_from_slice(&number(24).to_be_bytes());
            said[4..].copy_from_slice(&number(28).to_be_bytes());
            let mut salts = [0; 8];
            salts.copy_from_slice(&header[32..40]);
            Ok(Some(Self { salts, frames: number(16), page_bytes, is_big_endian: header[13] == 1, sums: said }))
        }

        /// Where the last frame begins, if there is one.
        fn last_at(&self) -> Option<u64> {
            let before = u64::from(self.frames.checked_sub(1)?);
            Some(HEADER_BYTES as u64 + before * (FRAME_HEADER_BYTES as u64 + self.page_bytes))
        }

        /// Whether a log has its beginning and the head of the last frame here, and is so long. For every look: two calls.
        fn is_reached_by(&self, log: &File, log_bytes: u64) -> io::Result<bool> {
            let Some(at) = self.last_at() else { return Ok(true) };
            let (mut header, mut frame) = ([0; HEADER_BYTES], [0; FRAME_HEADER_BYTES]);
            let is_long = log_bytes >= at + FRAME_HEADER_BYTES as u64 + self.page_bytes;
            if !is_long || !read(log, &mut header, 0)? || !read(log, &mut frame, at)? {
                return Ok(false);
            }
            let mut sums = Sums { is_big_endian: self.is_big_endian, first: 0, second: 0 };
            sums.add(&header[..24]);
            Ok(header[16..24] == self.salts && sums.are(&header[24..]) && self.is_head_of(&frame))
        }

        /// Whether a log has all of the last frame here. Once something was written behind it, its length says nothing of it.
        fn is_whole_in(&self, log: &File) -> io::Result<bool> {
            let Some(at) = self.last_at() else { return Ok(true) };
            // The sums of what is before it stand at the end of the log's header, or in the frame before.
            let sums_at = if self.frames == 1 { at - 8 } else { at - self.page_bytes - 8 };
            let mut sums_before = [0; 8];
            let mut frame = vec![0; FRAME_HEADER_BYTES + usize::try_from(self.page_bytes).unwrap_or_default()];
            if !read(log, &mut sums_before, sums_at)? || !read(log, &mut frame, at)? {
                return Ok(false);
            }
            let mut sums = Sums { is_big_endian: self.is_big_endian, first: 0, second: 0 };
            sums.go_on_from(&sums_before);
            sums.add(&frame[..8]);
            sums.add(&frame[FRAME_HEADER_BYTES..]);
            Ok(self.is_head_of(&frame) && sums.are(&self.sums))
        }

        fn is_head_of(&self, frame: &[u8]) -> bool {
            frame[8..16] == self.salts && frame[16..FRAME_HEADER_BYTES] == self.sums
        }

        /// Whether a log that ended there may end here now. One that held nothing may have become anything.
        fn may_follow(&self, seen: &Self) -> bool {
            let is_anew = word(&self.salts, 0).wrapping_sub(word(&seen.salts, 0)).cast_signed() > 0;
            seen.frames == 0 || if self.salts == seen.salts { self.frames >= seen.frames } else { is_anew }
        }
    }

    /// Fills `bytes`; whether there is so much.
    fn read(file: &File, bytes: &mut [u8], at: u64) -> io::Result<bool> {
        match file.read_exact_at(bytes, at) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}
