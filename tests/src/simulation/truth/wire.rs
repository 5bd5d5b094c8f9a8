//! What the server puts on each connection's wire, taken apart, and whether it may stand there.

use dais_shared::ids::{MemberId, Revision, RoomId};
use dais_shared::limits::OUTBOX_VOICE_AGE_MS_MAX;
use dais_shared::view::{Change, Private};
use dais_shared::voice::Origin;
use dais_shared::wire::{FromServer, Reply, ServerFrame, decode_server, messages};

use super::{Checked, Known, Truth};
use crate::PASSCODE;
use crate::frames::{self, Frame};

/// One connection, as the server writes to it.
#[derive(Debug, Default)]
pub(super) struct Ear {
    inbox: Vec<u8>,
    /// When the first byte of what stands in the inbox left, by epoch and by time.
    begun: (u64, u64),
    seat: Option<(RoomId, MemberId)>,
    /// The epoch in which the seat was given up.
    left: Option<u64>,
}

impl Ear {
    pub(super) fn left(&mut self, room: &RoomId, member: MemberId, epoch: u64) {
        if self.seat.as_ref().is_some_and(|seat| (&seat.0, seat.1) == (room, member)) {
            self.left.get_or_insert(epoch);
        }
    }
}

impl Truth {
    /// A connection's socket took these bytes.
    pub(crate) fn check_written(&mut self, line: u64, bytes: &[u8]) -> Checked {
        let now = (self.epoch, self.now_ms);
        let ear = self.ears.entry(line).or_default();
        if ear.inbox.is_empty() {
            ear.begun = now;
        }
        ear.inbox.extend_from_slice(bytes);
        loop {
            let ear = self.ears.entry(line).or_default();
            let Some(frame) = frames::take(&mut ear.inbox) else { return Ok(()) };
            let begun = std::mem::replace(&mut ear.begun, now);
            if let Frame::Binary(received) = frame {
                let found = messages(&received).map_err(|error| format!("connection {line}: {error}"))?;
                for message in found {
                    self.check_message(line, message, begun).map_err(|what| format!("connection {line}: {what}"))?;
                }
            }
        }
    }

    fn check_message(&mut self, line: u64, message: &[u8], begun: (u64, u64)) -> Checked {
        match decode_server(message).map_err(|error| format!("the server does not speak the protocol: {error}"))? {
            FromServer::Voice { origin, .. } => self.check_voice(line, &origin, begun),
            FromServer::Control(frame) => {
                let begins = |place: usize| message[place..].starts_with(PASSCODE.as_bytes());
                if (0..message.len()).any(|place| message[place] == PASSCODE.as_bytes()[0] && begins(place)) {
                    return Err("the passcode leaves the server".to_owned());
                }
                self.check_control(line, &frame)
            }
        }
    }

    fn check_voice(&self, line: u64, origin: &Origin, (epoch, at_ms): (u64, u64)) -> Checked {
        let ear = self.ears.get(&line).ok_or("no such connection")?;
        let (room, me) = ear.seat.as_ref().ok_or("voice for somebody who sits nowhere")?;
        let stream = origin.stream;
        if ear.left.is_some_and(|left| left <= epoch) {
            return Err(format!("{me} has left {room} and hears {stream}"));
        }
        let known = self.rooms.get(room).ok_or("no such room")?;
        let audible = known.voices.get(&stream).ok_or_else(|| format!("{me} hears {stream}, who was never allowed to speak"))?;
        if !audible.includes(epoch) {
            return Err(format!("{me} hears {stream} of {} while it may not be heard: {audible:?}", audible.speaker));
        }
        if audible.speaker == *me {
            return Err(format!("{me} hears himself"));
        }
        let age_ms = at_ms.saturating_sub(origin.arrived_ms);
        if age_ms > OUTBOX_VOICE_AGE_MS_MAX { Err(format!("voice of {stream} left {age_ms} ms after it came")) } else { Ok(()) }
    }

    fn check_control(&mut self, line: u64, frame: &ServerFrame) -> Checked {
        let ear = self.ears.entry(line).or_default();
        if let ServerFrame::Snapshot(view) = frame {
            (ear.seat, ear.left) = (Some((view.room.clone(), view.me)), None);
        }
        let has_left = ear.left.is_some();
        let Some((room, me)) = ear.seat.clone() else { return Ok(()) };
        let Some(known) = self.rooms.get_mut(&room) else { return Ok(()) };
        match frame {
            ServerFrame::Snapshot(view) => {
                known.told = known.told.max(view.revision);
                known.check_private(me, &view.private, view.revision)
            }
            ServerFrame::Delta(delta) => {
                known.told = known.told.max(delta.to);
                delta.changes.iter().try_for_each(|change| match change {
                    Change::Private(private) => known.check_private(me, private, delta.to),
                    Change::InvitationEnded { member, .. } if *member != me && !known.moderates(me, delta.from, delta.to) => {
                        Err(format!("{me} learns of the invitation of {member}"))
                    }
                    _ => Ok(()),
                })
            }
            ServerFrame::Reply { revision, result, .. } => {
                // Who has left is answered by the next room, too, where that does not let him in.
                if !has_left {
                    known.told = known.told.max(*revision);
                }
                let is_secret = matches!(result, Ok(Reply::Banned { .. }));
                if is_secret && !known.moderates(me, *revision, *revision) {
                    return Err(format!("{me} learns who is banned"));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Known {
    fn check_private(&self, me: MemberId, private: &Private, at: Revision) -> Checked {
        let room = self.history.get(&at).ok_or_else(|| format!("revision {at} never was"))?;
        if private.moderation.is_some() && !self.moderates(me, at, at) {
            return Err(format!("{me} moderates nobody and is told what moderators are told"));
        }
        let own = room.invitations().find(|invitation| invitation.member == me).map(|invitation| invitation.id);
        let told = private.invitation.as_ref().map(|invitation| invitation.id);
        if told == own { Ok(()) } else { Err(format!("{me} is told of the invitation {told:?}, where his own is {own:?}")) }
    }
}
