//! What a change does. Cannot fail: whoever may refuse is `decide`. An event about a seat that is gone does nothing
//! but count.

use super::{Event, MicrophoneState, RaisedHand, Room, Seat, StageEntry, StageSeat};
use crate::ids::{MemberId, StreamId};
use crate::permissions::Role;

impl Room {
    /// Makes the change and counts the revision.
    pub fn apply(&mut self, event: &Event) {
        self.revision = self.revision.next();
        match event {
            Event::MemberJoined { member, user, name, at_ms } => {
                let seat = Seat {
                    user: *user,
                    name: name.clone(),
                    role: Role::Listener,
                    stage: None,
                    joined_ms: *at_ms,
                    held_until_ms: None,
                };
                self.seats.insert(*member, seat);
                self.seat_by_user.insert(*user, *member);
                self.next_member = self.next_member.max(member.0 + 1);
            }
            Event::MemberLeft { member, .. } => {
                if let Some(seat) = self.seats.remove(member) {
                    self.seat_by_user.remove(&seat.user);
                }
                self.hands.retain(|hand| hand.member != *member);
            }
            Event::ConnectionLost { member, held_until_ms } => self.with_seat(*member, |seat| {
                seat.held_until_ms = Some(*held_until_ms);
            }),
            Event::ConnectionBack { member } => self.with_seat(*member, |seat| seat.held_until_ms = None),
            Event::HandRaised { member, at_ms } => {
                if !self.has_hand_raised(*member) {
                    self.hands.push(RaisedHand { member: *member, raised_ms: *at_ms });
                }
            }
            Event::HandLowered { member, .. } => self.hands.retain(|hand| hand.member != *member),
            Event::StageJoined { member, role, stream, entry, at_ms } => {
                self.enter_stage(*member, *role, *stream, *entry, *at_ms);
            }
            Event::StageLeft { member, .. } => self.with_seat(*member, |seat| {
                seat.role = Role::Listener;
                seat.stage = None;
            }),
            Event::MicrophoneSet { member, self_muted, host_muted, .. } => self.with_stage(*member, |stage| {
                stage.self_muted = *self_muted;
                stage.host_muted = *host_muted;
            }),
            Event::MicrophoneReported { member, state } => {
                self.with_stage(*member, |stage| stage.microphone = *state);
            }
            Event::HostChanged { member } => {
                self.with_seat(*member, |seat| seat.role = Role::Host);
                self.ends_at_ms = None;
            }
            Event::Leaderless { ends_at_ms } => self.ends_at_ms = Some(*ends_at_ms),
            Event::ModeChanged(mode) => self.mode = *mode,
            Event::TitleChanged(title) => self.title.clone_from(title),
            Event::RoomEnded(reason) => self.ended = Some(*reason),
        }
    }

    fn enter_stage(&mut self, member: MemberId, role: Role, stream: StreamId, entry: StageEntry, at_ms: u64) {
        self.next_stream = self.next_stream.max(stream.0 + 1);
        self.hands.retain(|hand| hand.member != member);
        if entry == StageEntry::Host {
            self.ends_at_ms = None;
        }
        self.with_seat(member, |seat| {
            seat.role = role;
            seat.stage = Some(StageSeat {
                stream,
                since_ms: at_ms,
                self_muted: true,
                host_muted: false,
                microphone: MicrophoneState::Closed,
            });
        });
    }

    fn with_seat(&mut self, member: MemberId, change: impl FnOnce(&mut Seat)) {
        if let Some(seat) = self.seats.get_mut(&member) {
            change(seat);
        }
    }

    fn with_stage(&mut self, member: MemberId, change: impl FnOnce(&mut StageSeat)) {
        if let Some(stage) = self.seats.get_mut(&member).and_then(|seat| seat.stage.as_mut()) {
            change(stage);
        }
    }
}
