//! Voices of several who talk at once, gathered so that they leave together. Told the time.
//!
//! Each write wakes the browser of every listener, which costs it more than what is written does. So while more than
//! [`SHORT_FRAME_TALKERS_MAX`] people talk, a frame waits for the others': until there is one of everybody who talks, and for
//! [`GATHERING_MS_MAX`] at most. A speaker's frames come as regularly as before, since the others' do.

use std::vec::Drain;

use bytes::Bytes;
use dais_shared::ids::{MemberId, StreamId};
use dais_shared::limits::{GATHERING_MS_MAX, SHORT_FRAME_TALKERS_MAX};
use dais_shared::voice::{Header, TALKSPURT_END};

/// Whoever was heard this recently talks: more than the longest frame, and a late one.
const TALKING_WITHIN_MS: u64 = 100;

/// A frame that may be heard, as its speaker sent it.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) speaker: MemberId,
    pub(super) stream: StreamId,
    pub(super) arrived_ms: u64,
    pub(super) message: Bytes,
}

/// Bounded by who may speak at all: a room has so many microphones, and whatever waits leaves within 20 ms.
#[derive(Debug, Default)]
pub(super) struct Chorus {
    waiting: Vec<Frame>,
    talkers: Vec<Talker>,
}

#[derive(Debug)]
struct Talker {
    stream: StreamId,
    heard_ms: u64,
    /// Nothing of his waits.
    is_awaited: bool,
    /// The speaker has said that the talkspurt ends.
    has_ended: bool,
    /// The speaker said so and went on all the same: for the rest of that, it counts for nothing.
    has_lied: bool,
}

impl Chorus {
    pub(super) fn push(&mut self, frame: Frame, header: &Header) {
        let now_ms = frame.arrived_ms;
        let stream = frame.stream;
        self.talkers.retain(|talker| talker.heard_ms + TALKING_WITHIN_MS > now_ms);
        let place = self.talkers.iter().position(|talker| talker.stream == stream);
        let before = place.map(|place| self.talkers.swap_remove(place));
        let has_lied = before.is_some_and(|before| before.has_ended || before.has_lied);
        let has_ended = header.flags & TALKSPURT_END != 0 && !has_lied;
        self.talkers.push(Talker { stream, heard_ms: now_ms, is_awaited: false, has_ended, has_lied });
        self.waiting.push(frame);
    }

    /// By when what waits is to leave; in the past where it need not wait.
    pub(super) fn due_ms(&self) -> Option<u64> {
        let first = self.waiting.first()?;
        let mut talkers = self.talkers.iter().filter(|talker| !talker.has_ended);
        let is_chorus = talkers.clone().count() > SHORT_FRAME_TALKERS_MAX;
        let waits = is_chorus && talkers.any(|talker| talker.is_awaited);
        Some(first.arrived_ms + if waits { GATHERING_MS_MAX } else { 0 })
    }

    /// When the last of what waits came.
    pub(super) fn newest_ms(&self) -> u64 {
        self.waiting.iter().map(|frame| frame.arrived_ms).max().unwrap_or_default()
    }

    /// What waits, in the order in which it came.
    pub(super) fn take(&mut self) -> Drain<'_, Frame> {
        for talker in &mut self.talkers {
            talker.is_awaited = true;
        }
        self.waiting.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use dais_shared::ids::Seq;

    use super::*;

    /// Lets `frames` (stream, arrival, flags) come by turns and says which left together, and when.
    fn left(frames: &[(u32, u64, u8)], until_ms: u64) -> Vec<(u64, Vec<u32>)> {
        let mut chorus = Chorus::default();
        let mut frames = frames.iter().peekable();
        let mut groups = Vec::new();
        for now_ms in 0..until_ms {
            while let Some((stream, arrived_ms, flags)) = frames.next_if(|(_, arrived_ms, _)| *arrived_ms <= now_ms) {
                let header = Header { sequence: Seq(0), timestamp: 0, duration_samples: 960, level_dbov: 9, flags: *flags };
                let stream = StreamId(*stream);
                let frame = Frame { speaker: MemberId(stream.0), stream, arrived_ms: *arrived_ms, message: Bytes::new() };
                chorus.push(frame, &header);
            }
            if chorus.due_ms().is_some_and(|due_ms| due_ms <= now_ms) {
                groups.push((now_ms, chorus.take().map(|frame| frame.stream.0).collect()));
            }
        }
        groups
    }

    #[test]
    fn one_or_two_who_talk_wait_for_nobody() {
        let frames = [(1, 0, 0), (2, 3, 0), (1, 10, 0), (2, 13, 0)];
        assert_eq!(left(&frames, 50), [(0, vec![1]), (3, vec![2]), (10, vec![1]), (13, vec![2])]);
    }

    #[test]
    fn three_who_talk_leave_together_and_as_regularly_as_they_came() {
        let frames: Vec<_> = (0..5).flat_map(|turn| [1, 2, 3].map(|who| (who, turn * 20 + u64::from(who) * 5, 0))).collect();
        let groups = left(&frames, 200);
        assert_eq!(groups[..2], [(5, vec![1]), (10, vec![2])], "that there are three shows with the third");
        assert_eq!(groups[2..6], [30, 50, 70, 90].map(|at_ms| (at_ms, vec![3, 1, 2])));
        assert_eq!(groups[6..], [(115, vec![3])]);
    }

    #[test]
    fn nobody_waits_longer_than_20_ms_for_one_who_is_late() {
        let frames = [(1, 0, 0), (2, 0, 0), (3, 0, 0), (1, 20, 0), (2, 21, 0), (3, 70, 0)];
        assert_eq!(left(&frames, 99), [(0, vec![1, 2, 3]), (40, vec![1, 2]), (90, vec![3])]);
    }

    #[test]
    fn who_says_with_each_frame_that_he_ends_is_not_believed() {
        let frames = (0..100).flat_map(|turn| (1..=16).map(move |who| (who, turn * 10 + u64::from(who) / 2, TALKSPURT_END)));
        let groups = left(&frames.collect::<Vec<_>>(), 1_020);
        assert!(groups.len() <= 1_000 / 10 + 16, "{} writes", groups.len());
        let alternating = |turn: u64, who: u32| if (turn + u64::from(who)).is_multiple_of(2) { TALKSPURT_END } else { 0 };
        let frames =
            (0..100).flat_map(|turn| (1..=16).map(move |who| (who, turn * 10 + u64::from(who) / 2, alternating(turn, who))));
        let groups = left(&frames.collect::<Vec<_>>(), 1_020);
        assert!(groups.len() <= 1_000 / 10 + 16, "{} writes", groups.len());
    }

    #[test]
    fn who_has_ended_is_not_waited_for() {
        let frames = [(1, 0, 0), (2, 0, 0), (3, 0, 0), (3, 18, TALKSPURT_END), (1, 20, 0), (2, 25, 0)];
        assert_eq!(left(&frames, 99), [(0, vec![1, 2, 3]), (18, vec![3]), (20, vec![1]), (25, vec![2])]);
        let frames = [(1, 0, 0), (2, 0, 0), (3, 0, 0), (1, 99, 0), (2, 101, 0), (1, 119, 0)];
        assert_eq!(left(&frames, 150)[1..], [(101, vec![1, 2]), (119, vec![1])], "the third was heard long ago");
    }
}
