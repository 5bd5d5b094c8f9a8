//! A voice frame's way through the room: may it be heard, was it heard before, was it held up too long, then to
//! everybody else at once.
//! The payload is never looked at.

use bytes::Bytes;
use dais_shared::ids::{MemberId, Seq, StreamId};
use dais_shared::limits::UNHEARD_FRAMES_MAX;
use dais_shared::room::Unheard;
use dais_shared::voice::Header;
use dais_shared::wire::{Goodbye, ServerFrame};

use super::RoomActor;
use super::chorus::Frame;
use super::lateness::Lateness;
use crate::fan_out::Occupant;
use crate::outbox::control_frame;

/// What the room remembers of one connection's speaking.
#[derive(Debug, Default)]
pub(super) struct Speech {
    unheard_in_a_row: u32,
    stream: Option<StreamId>,
    seen: Seen,
    lateness: Lateness,
    mapping: Option<Bytes>,
}

impl Speech {
    /// The newest clock mapping, for those who come later.
    pub(super) fn mapping_frame(&self) -> Option<Bytes> {
        self.mapping.clone()
    }

    /// A new stay on stage counts its frames and its time anew.
    fn turn_to(&mut self, stream: StreamId) {
        if self.stream != Some(stream) {
            *self = Self { unheard_in_a_row: self.unheard_in_a_row, stream: Some(stream), ..Self::default() };
        }
    }

    /// Whether this frame is the first of its stream and sequence.
    fn is_new(&mut self, stream: StreamId, sequence: Seq) -> bool {
        self.turn_to(stream);
        self.seen.insert(sequence)
    }
}

/// Which of the last 64 sequence numbers have come. Older ones count as come: they are too late for anybody.
#[derive(Debug, Default)]
struct Seen {
    /// One more than the newest.
    end: u64,
    /// Bit n: `end - 1 - n` has come.
    recent: u64,
}

impl Seen {
    fn insert(&mut self, sequence: Seq) -> bool {
        let sequence = u64::from(sequence.0);
        if sequence >= self.end {
            let ahead = sequence + 1 - self.end;
            self.recent = u32::try_from(ahead).ok().and_then(|ahead| self.recent.checked_shl(ahead)).unwrap_or(0) | 1;
            self.end = sequence + 1;
            return true;
        }
        let behind = self.end - 1 - sequence;
        if behind >= u64::from(u64::BITS) || self.recent & (1 << behind) != 0 {
            return false;
        }
        self.recent |= 1 << behind;
        true
    }
}

impl RoomActor {
    pub(super) fn handle_voice(&mut self, from: Occupant, arrived_ms: u64, header: &Header, message: Bytes) {
        let allowed = match self.room.ended() {
            None => self.room.may_speak(from.member),
            Some(_) => Err(Unheard::NotAMember),
        };
        let Some(link) = self.link(from) else {
            self.house.metrics.count_unheard(Unheard::NotAMember);
            return;
        };
        let stream = match allowed {
            Ok(stream) => stream,
            Err(reason) => {
                link.speech.unheard_in_a_row += 1;
                if link.speech.unheard_in_a_row >= UNHEARD_FRAMES_MAX {
                    link.outbox.close(Goodbye::Abuse);
                }
                self.house.metrics.count_unheard(reason);
                return;
            }
        };
        link.speech.unheard_in_a_row = 0;
        if !link.speech.is_new(stream, header.sequence) {
            self.house.metrics.voice_frames_duplicate_total.add(1);
            return;
        }
        if link.speech.lateness.is_too_late(header.timestamp, arrived_ms) {
            self.house.metrics.voice_frames_stale_total.add(1);
            return;
        }
        self.chorus.push(Frame { speaker: from.member, stream, arrived_ms, message }, header);
        self.house.metrics.voice_frames_heard_total.add(1);
    }

    pub(super) fn handle_clock_mapping(&mut self, from: Occupant, timestamp: u64, server_ms: u64) {
        let Ok(stream) = self.room.may_speak(from.member) else { return };
        let Some(link) = self.link(from) else { return };
        let frame = control_frame(&ServerFrame::ClockMapping { stream, timestamp, server_ms });
        link.speech.turn_to(stream);
        link.speech.lateness.handle_mapping();
        link.speech.mapping = Some(frame.clone());
        self.mappings.push(from.member, stream, frame);
        self.send_mappings();
    }

    /// Passes on the clock mappings that are due.
    pub(super) fn send_mappings(&mut self) {
        let room = &self.room;
        let group = self.mappings.take(self.now_ms, |speaker, stream| room.may_speak(speaker) == Ok(stream));
        if group.is_empty() {
            return;
        }
        let all_but = |member: Option<MemberId>| {
            group
                .iter()
                .filter(|(speaker, _)| Some(*speaker) != member)
                .map(|(_, frame)| &frame[..])
                .collect::<Vec<_>>()
                .concat()
                .into()
        };
        // A speaker is not told of the own clock.
        let personal: Vec<_> = group.iter().map(|(speaker, _)| (*speaker, all_but(Some(*speaker)))).collect();
        self.fan_out.send_hint(&all_but(None), &personal, self.now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sequence_is_new_once_within_the_window() {
        let mut seen = Seen::default();
        let came = [5, 5, 4, 6, 4, 5, 100, 36, 37, 37, 99, 100, 0, u32::MAX, u32::MAX, 101];
        let new = came.map(|sequence| seen.insert(Seq(sequence)));
        assert_eq!(
            new,
            [true, false, true, true, false, false, true, false, true, false, true, false, false, true, false, false]
        );
    }

    #[test]
    fn a_new_stream_counts_from_anywhere() {
        let mut speech = Speech::default();
        assert!(speech.is_new(StreamId(1), Seq(70)));
        assert!(speech.is_new(StreamId(2), Seq(3)));
        assert!(!speech.is_new(StreamId(2), Seq(3)));
    }
}
