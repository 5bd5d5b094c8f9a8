//! The rules of an outbox: control before voice, control never lost without a snapshot in its place, voice bounded by
//! bytes and by age. Told the time; knows no socket.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};
use dais_shared::ids::StreamId;
use dais_shared::limits::{OUTBOX_CONTROL_BYTES_MAX, OUTBOX_VOICE_AGE_MS_MAX, OUTBOX_VOICE_BYTES_MAX};

use super::flight::Flight;
use super::frames::Frames;

/// A finished control frame, by what may stand in for it when the connection is too slow for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// Answers the connection itself: nothing stands in for it. Who asks without reading is closed.
    Answer(Bytes),
    /// A change of the room: a later snapshot stands in for any number of them.
    Change(Bytes),
    /// The whole of the room.
    Snapshot(Bytes),
    /// Good to know at once, worthless later: acknowledgements, mappings, pings.
    Hint(Bytes),
}

impl Control {
    const fn bytes(&self) -> &Bytes {
        match self {
            Self::Answer(bytes) | Self::Change(bytes) | Self::Snapshot(bytes) | Self::Hint(bytes) => bytes,
        }
    }
}

/// A voice message, the same bytes for every listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Voice {
    /// Whose voice it is.
    pub(crate) stream: StreamId,
    /// When it reached the server. Messages with the same time have left the room together.
    pub(crate) arrived_ms: u64,
    /// The message, without a header of the socket's: it may leave in one frame with others.
    pub(crate) bytes: Bytes,
}

/// What was dropped, in frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Drops {
    pub(crate) voice_late: u64,
    pub(crate) voice_overflow: u64,
    pub(crate) voice_silenced: u64,
    pub(crate) control_discarded: u64,
}

/// What waits, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Depth {
    pub(crate) voice_bytes: usize,
    /// With the rest of a frame that has begun to leave, whatever it is.
    pub(crate) control_bytes: usize,
}

/// Whether the client's picture of its room is whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Picture {
    #[default]
    Whole,
    /// Changes were discarded.
    Torn,
    /// And a snapshot has been asked for.
    SnapshotAsked,
}

/// What waits for one connection.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// A frame that has begun to leave: whatever happens, its rest follows.
    begun: Bytes,
    control: VecDeque<Control>,
    control_bytes: usize,
    voice: VecDeque<Voice>,
    voice_bytes: usize,
    /// How the first of `voice` were gathered.
    frames: Frames,
    flight: Flight,
    picture: Picture,
    drops: Drops,
}

impl Queue {
    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.control.is_empty() && self.voice.is_empty()
    }

    pub(crate) fn depth(&self) -> Depth {
        Depth { voice_bytes: self.voice_bytes, control_bytes: self.control_bytes + self.begun.len() }
    }

    /// What waits of control and of voice, in bytes, counted anew: what the queue believes is what is to be checked.
    #[cfg(feature = "simulation")]
    pub(crate) fn bytes(&self) -> (usize, usize) {
        let control = self.control.iter().map(|control| control.bytes().len()).sum();
        (control, self.voice.iter().map(|voice| voice.bytes.len()).sum())
    }

    pub(crate) const fn flight_mut(&mut self) -> &mut Flight {
        &mut self.flight
    }

    /// Beyond [`OUTBOX_CONTROL_BYTES_MAX`] everything that a snapshot can stand in for is discarded.
    pub(crate) fn push_control(&mut self, control: Control) {
        match &control {
            Control::Change(_) if self.picture != Picture::Whole => {
                self.drops.control_discarded += 1;
                return;
            }
            Control::Snapshot(_) => self.picture = Picture::Whole,
            Control::Answer(_) | Control::Change(_) | Control::Hint(_) => {}
        }
        self.control_bytes += control.bytes().len();
        self.control.push_back(control);
        if self.control_bytes > OUTBOX_CONTROL_BYTES_MAX {
            self.discard_replaceable();
        }
    }

    /// Whether even what nothing can stand in for is too much: the connection cannot be served.
    pub(crate) const fn is_overloaded(&self) -> bool {
        self.control_bytes > OUTBOX_CONTROL_BYTES_MAX
    }

    /// Beyond [`OUTBOX_VOICE_BYTES_MAX`] the oldest goes first.
    pub(crate) fn push_voice(&mut self, voice: Voice) {
        self.voice_bytes += voice.bytes.len();
        self.voice.push_back(voice);
        while self.voice_bytes > OUTBOX_VOICE_BYTES_MAX {
            self.drop_oldest_voice();
            self.drops.voice_overflow += 1;
        }
    }

    /// Whether voice that arrived at `arrived_ms` may leave at once: nothing waits before it, and it is not too old.
    pub(crate) fn may_pass(&mut self, arrived_ms: u64, now_ms: u64) -> bool {
        self.is_empty() && !is_late(arrived_ms, now_ms) && self.flight.may_leave(arrived_ms)
    }

    /// A frame of voice has passed without waiting here; of it `rest` is still to follow, whatever happens.
    pub(crate) fn handle_passed(&mut self, arrived_ms: u64, rest: &[u8]) {
        self.flight.handle_sent(arrived_ms);
        if !rest.is_empty() {
            self.begun = Bytes::copy_from_slice(rest);
        }
    }

    /// Takes back what waits of `stream`. A frame that has begun to leave has left.
    pub(crate) fn silence(&mut self, stream: StreamId) {
        let before = self.voice.len();
        self.voice.retain(|voice| voice.stream != stream);
        self.voice_bytes = self.voice.iter().map(|voice| voice.bytes.len()).sum();
        self.drops.voice_silenced += (before - self.voice.len()) as u64;
    }

    pub(crate) fn discard_voice(&mut self) {
        self.voice.clear();
        self.voice_bytes = 0;
    }

    /// Drops voice that has waited longer than [`OUTBOX_VOICE_AGE_MS_MAX`].
    pub(crate) fn drop_late(&mut self, now_ms: u64) {
        while self.voice.front().is_some_and(|voice| is_late(voice.arrived_ms, now_ms)) {
            self.drop_oldest_voice();
            self.drops.voice_late += 1;
        }
    }

    /// Fills `slices` with what may leave now, in order: what has begun, control, then voice as far as the listener
    /// is not too far behind. Returns how many were filled.
    pub(crate) fn gather<'a>(&'a mut self, slices: &mut [IoSlice<'a>]) -> usize {
        let Self { begun, control, voice, frames, flight, .. } = self;
        frames.gather(voice.iter().take_while(|voice| flight.may_leave(voice.arrived_ms)));
        let begun = Some(&*begun).filter(|bytes| !bytes.is_empty());
        let mut count = 0;
        let mut take = |part: &'a [u8]| {
            let slice = slices.get_mut(count);
            count += usize::from(slice.is_some());
            slice.map(|slice| *slice = IoSlice::new(part)).is_some()
        };
        if begun.into_iter().chain(control.iter().map(Control::bytes)).all(|frame| take(frame)) {
            frames.give(voice, take);
        }
        count
    }

    /// The first `written` bytes of what was gathered have left, and nothing has changed in between.
    pub(crate) fn advance(&mut self, mut written: usize) {
        while written > 0 {
            if self.begun.is_empty() && !self.begin(&mut written) {
                return;
            }
            let now = written.min(self.begun.len());
            self.begun.advance(now);
            written -= now;
        }
        if self.begun.is_empty() {
            self.begun = Bytes::new(); // lets go of the frame's memory
        }
    }

    /// Takes the next frame out. One of voice that has left as a whole, as nearly all do, is no more than counted.
    fn begin(&mut self, written: &mut usize) -> bool {
        if let Some(control) = self.control.pop_front() {
            self.control_bytes -= control.bytes().len();
            self.begun = control.bytes().clone();
            return true;
        }
        let Some((head, count)) = self.frames.pop() else { return false };
        let messages = || self.voice.iter().take(count);
        let frame_bytes = head.len() + messages().map(|voice| voice.bytes.len()).sum::<usize>();
        if *written >= frame_bytes {
            *written -= frame_bytes;
        } else {
            let parts: Vec<&[u8]> = std::iter::once(head).chain(messages().map(|voice| &voice.bytes[..])).collect();
            self.begun = parts.concat().into();
        }
        for voice in self.voice.drain(..count) {
            self.voice_bytes -= voice.bytes.len();
            self.flight.handle_sent(voice.arrived_ms);
        }
        true
    }

    /// Whether the connection's task has something to do for this queue.
    pub(crate) fn wants_attention(&self) -> bool {
        (self.picture == Picture::Torn && self.control.is_empty()) || self.flight.wants_ping()
    }

    /// Whether a snapshot is to be asked for: once, when the control that waited has left.
    pub(crate) fn poll_snapshot_request(&mut self) -> bool {
        let is_due = self.picture == Picture::Torn && self.control.is_empty();
        if is_due {
            self.picture = Picture::SnapshotAsked;
        }
        is_due
    }

    /// Whether a ping is to be sent now, because voice that is still fresh is held back.
    pub(crate) fn poll_ping_request(&mut self, now_ms: u64) -> bool {
        self.drop_late(now_ms);
        self.flight.wants_ping()
    }

    /// What was dropped since the last call, if anything.
    pub(crate) fn take_drops(&mut self) -> Option<Drops> {
        let drops = std::mem::take(&mut self.drops);
        (drops != Drops::default()).then_some(drops)
    }

    fn drop_oldest_voice(&mut self) {
        if let Some(voice) = self.voice.pop_front() {
            self.voice_bytes -= voice.bytes.len();
        }
    }

    fn discard_replaceable(&mut self) {
        let before = self.control.len();
        let is_in_a_room = self.control.iter().any(|control| matches!(control, Control::Change(_) | Control::Snapshot(_)));
        self.control.retain(|control| matches!(control, Control::Answer(_)));
        self.control_bytes = self.control.iter().map(|control| control.bytes().len()).sum();
        self.drops.control_discarded += (before - self.control.len()) as u64;
        if is_in_a_room {
            self.picture = Picture::Torn;
        }
    }
}

/// Whether voice is older than it may be when it leaves.
const fn is_late(arrived_ms: u64, now_ms: u64) -> bool {
    arrived_ms + OUTBOX_VOICE_AGE_MS_MAX < now_ms
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use dais_shared::limits::{BUNDLE_MESSAGES_MAX, FRAMES_PER_WRITE_MAX};
    use dais_shared::wire::{KIND_VOICE, messages};

    use super::super::frames::payloads;
    use super::*;
    use crate::websocket;

    /// A message of ten bytes.
    fn voice(stream: u32, arrived_ms: u64, byte: u8) -> Voice {
        Voice { stream: StreamId(stream), arrived_ms, bytes: [&[KIND_VOICE][..], &[byte; 9]].concat().into() }
    }

    /// A finished frame of so many bytes in all.
    fn control(make: fn(Bytes) -> Control, byte: u8, bytes: usize) -> Control {
        let mut frame = Vec::new();
        let header = if bytes > 127 { 4 } else { 2 };
        websocket::put_binary_header(bytes - header, &mut frame);
        frame.resize(bytes, byte);
        make(frame.into())
    }

    /// Writes up to `bytes` and returns what left.
    fn write(queue: &mut Queue, bytes: usize) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 8];
        let count = queue.gather(&mut slices);
        let mut left: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect();
        left.truncate(bytes);
        queue.advance(left.len());
        left
    }

    /// The last byte of each message in each frame that left.
    fn told(left: &[u8]) -> Vec<String> {
        let last = |message: &[u8]| char::from(*message.last().unwrap_or(&b'-'));
        payloads(left).into_iter().map(|frame| messages(frame).unwrap().map(last).collect()).collect()
    }

    #[test]
    fn control_overtakes_voice_but_not_a_frame_that_has_begun() {
        for begun in 1..12 {
            let mut queue = Queue::default();
            queue.push_voice(voice(1, 0, b'a'));
            queue.push_voice(voice(1, 1, b'b'));
            let mut left = write(&mut queue, begun);
            queue.push_control(control(Control::Answer, b'X', 4));
            left.extend(write(&mut queue, 100));
            assert_eq!(told(&left), ["a", "X", "b"]);
            assert!(queue.is_empty());
        }
    }

    #[test]
    fn what_left_the_room_together_is_one_frame_wherever_its_writes_end() {
        for first in 0..60 {
            let mut queue = Queue::default();
            for (arrived_ms, byte) in [(0, b'a'), (7, b'b'), (7, b'c'), (7, b'd'), (8, b'e')] {
                queue.push_voice(voice(u32::from(byte), arrived_ms, byte));
            }
            let mut left = write(&mut queue, first);
            while !queue.is_empty() {
                left.extend(write(&mut queue, 100));
            }
            assert_eq!(told(&left), ["a", "bcd", "e"], "{first} bytes first");
            assert_eq!(queue.depth(), Depth::default());
        }
    }

    #[test]
    fn of_what_left_the_room_together_the_silenced_is_taken_out() {
        let mut queue = Queue::default();
        for byte in *b"abc" {
            queue.push_voice(voice(u32::from(byte), 7, byte));
        }
        queue.silence(StreamId(u32::from(b'b')));
        assert_eq!(told(&write(&mut queue, 100)), ["ac"]);
    }

    #[test]
    fn a_frame_has_no_more_messages_than_a_full_stage_and_a_write_no_more_than_it_can() {
        let mut queue = Queue::default();
        for _ in 0..2 * FRAMES_PER_WRITE_MAX {
            queue.push_voice(voice(1, 7, b'a'));
        }
        let mut left = Vec::new();
        while !queue.is_empty() {
            left.extend(write(&mut queue, usize::MAX));
        }
        assert_eq!(told(&left), vec!["a".repeat(BUNDLE_MESSAGES_MAX); 2 * FRAMES_PER_WRITE_MAX / BUNDLE_MESSAGES_MAX]);
    }

    #[test]
    fn voice_older_than_its_age_is_dropped_and_counted() {
        let mut queue = Queue::default();
        queue.push_voice(voice(1, 1000, b'a'));
        queue.push_voice(voice(1, 1020, b'b'));
        queue.drop_late(1000 + OUTBOX_VOICE_AGE_MS_MAX);
        assert_eq!(queue.take_drops(), None, "exactly its age is not too old");
        queue.drop_late(1001 + OUTBOX_VOICE_AGE_MS_MAX);
        assert_eq!(told(&write(&mut queue, 100)), ["b"]);
        assert_eq!(queue.take_drops(), Some(Drops { voice_late: 1, ..Drops::default() }));
    }

    #[test]
    fn voice_is_bounded_by_bytes_and_the_newest_stays() {
        let mut queue = Queue::default();
        let count = u64::try_from(OUTBOX_VOICE_BYTES_MAX).unwrap_or(0) / 10 + 5;
        for arrived_ms in 0..count {
            queue.push_voice(voice(1, arrived_ms, b'a'));
        }
        assert!(queue.voice_bytes <= OUTBOX_VOICE_BYTES_MAX);
        assert_eq!(queue.voice.back().map(|voice| voice.arrived_ms), Some(count - 1));
        assert_eq!(queue.take_drops().map(|drops| drops.voice_overflow), Some(count - queue.voice.len() as u64));
    }

    #[test]
    fn a_silenced_stream_is_taken_back() {
        let mut queue = Queue::default();
        for (stream, byte) in [(1, b'a'), (2, b'b'), (1, b'c')] {
            queue.push_voice(voice(stream, 0, byte));
        }
        queue.silence(StreamId(1));
        assert_eq!(told(&write(&mut queue, 100)), ["b"]);
        assert_eq!(queue.take_drops().map(|drops| drops.voice_silenced), Some(2));
    }

    #[test]
    fn too_many_changes_become_one_snapshot_and_answers_stay() {
        let mut queue = Queue::default();
        queue.push_control(control(Control::Answer, b'A', 3));
        let half = OUTBOX_CONTROL_BYTES_MAX / 2;
        queue.push_control(control(Control::Change, b'c', half));
        assert!(!queue.wants_attention());
        queue.push_control(control(Control::Change, b'd', half));
        assert!(!queue.is_overloaded());
        assert!(!queue.poll_snapshot_request(), "not before the rest has left");
        queue.push_control(control(Control::Change, b'e', 3));
        assert_eq!(told(&write(&mut queue, 100)), ["A"], "changes to a torn picture are worth nothing");
        assert!(queue.poll_snapshot_request());
        assert!(!queue.poll_snapshot_request(), "once");
        queue.push_control(control(Control::Snapshot, b'S', 4));
        queue.push_control(control(Control::Change, b'f', 3));
        assert_eq!(told(&write(&mut queue, 100)), ["S", "f"]);
        assert_eq!(queue.take_drops().map(|drops| drops.control_discarded), Some(3));
    }

    #[test]
    fn who_asks_without_reading_is_overloaded() {
        let mut queue = Queue::default();
        for _ in 0..=OUTBOX_CONTROL_BYTES_MAX / 1000 {
            queue.push_control(control(Control::Answer, b'A', 1000));
        }
        assert!(queue.is_overloaded());
    }
}
