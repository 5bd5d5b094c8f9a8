//! Coming in, dropping out, coming back and leaving.

use alloc::vec;
use alloc::vec::Vec;

use super::super::{
    Context, Denied, Event, HandLoweredBy, HandRaisedBy, HostChangedBy, Input, InvitationEnd, Join, LeaveReason, MicrophoneSetBy,
    Room, RoomEndReason, StageEntry, StageExit, StageSeat,
};
use super::Decision;
use crate::ids::{MemberId, StreamId};
use crate::limits::SEAT_GRACE_MS;
use crate::names;
use crate::permissions::Role;

impl Room {
    pub(super) fn join(&self, join: &Join, context: &Context) -> Decision {
        if let Some(member) = self.seat_of(join.user) {
            return Ok(self.come_back(member, join.microphone_open));
        }
        let name = names::person(&join.name).map_err(Denied::InvalidName)?;
        let takes_chair = join.pass.role == Role::Host || self.takes_chair(join.user, context);
        self.let_in(join, takes_chair, context)?;
        let member = MemberId(self.next_member);
        // Whoever the chair waits for finds his name as he left it.
        let awaited = self.departed.iter().filter(|gone| gone.user != join.user && self.is_awaited(gone.user, context));
        let taken = self.seats.values().map(|seat| &seat.likeness).chain(awaited.map(|gone| &gone.likeness));
        let (name, likeness) = names::distinct(&name, &join.looks, taken);
        let (user, address, at_ms) = (join.user, join.address, context.now_ms);
        let mut events = vec![Event::MemberJoined { member, user, name, likeness, address, at_ms }];
        if takes_chair {
            let has_host = self.host().is_some();
            let role = if has_host { Role::Speaker } else { Role::Host };
            let stream = StreamId(self.next_stream);
            events.push(Event::StageJoined { member, role, stream, entry: StageEntry::Host, at_ms });
            if has_host {
                events.push(Event::HostChanged { member, by: HostChangedBy::Return, at_ms });
            }
        } else {
            events.extend(self.placed(member, join, context));
        }
        Ok(events)
    }

    /// Whether this is somebody's coming back to a seat of his own. It gives nothing that he has not got, so it goes on while
    /// the store cannot keep changes: after a crash the seat waits for him anyway.
    #[must_use]
    pub fn only_returns(&self, input: &Input) -> bool {
        matches!(input, Input::Join(join) if self.seat_of(join.user).is_some())
    }

    /// Where somebody's pass leads: on stage or, while that is full or nobody is in charge there, to the hand queue. Whoever
    /// was muted by a moderator before is muted still.
    fn placed(&self, member: MemberId, join: &Join, context: &Context) -> Vec<Event> {
        let role = join.pass.role;
        let is_full = self.stage_count() >= context.stage_seats_max;
        let (stream, entry, at_ms) = (StreamId(self.next_stream), StageEntry::TookSeat, context.now_ms);
        let has_host = self.host().is_some();
        match role {
            Role::Listener | Role::Host => vec![], // of a host the chair is the place
            Role::Speaker | Role::CoHost if is_full || (role == Role::Speaker && !has_host) => {
                let by = if is_full { HandRaisedBy::StageFull } else { HandRaisedBy::Member };
                if self.takes_hand_from(join.address) { vec![Event::HandRaised { member, by, at_ms }] } else { vec![] }
            }
            Role::Speaker | Role::CoHost if has_host => vec![Event::StageJoined { member, role, stream, entry, at_ms }],
            // A room is not to be without a moderator who is there.
            Role::Speaker | Role::CoHost => vec![
                Event::StageJoined { member, role: Role::Speaker, stream, entry, at_ms },
                Event::HostChanged { member, by: HostChangedBy::Succession, at_ms },
            ],
        }
    }

    /// Whether somebody new may come in. Whoever the chair waits for passes a lock, and a block that is meant for
    /// somebody else from the same address: a room is not to lose its host over it.
    fn let_in(&self, join: &Join, takes_chair: bool, context: &Context) -> Result<(), Denied> {
        let is_from = |address| address == Some(join.address) && !takes_chair;
        let from = Some(join.address).filter(|_| !takes_chair);
        let is_banned = self.bans.iter().any(|ban| ban.user == join.user || is_from(ban.address));
        if is_banned || self.is_erased_and_banned(join.user, from, context) {
            return Err(Denied::Banned);
        }
        let blocks = self.blocks.iter().filter(|block| block.until_ms > context.now_ms);
        let block = blocks.filter(|block| block.user == join.user || is_from(block.address)).max_by_key(|block| block.until_ms);
        if let Some(block) = block {
            return Err(Denied::Kicked { until_ms: block.until_ms });
        }
        if takes_chair {
            return Ok(());
        }
        if self.settings.is_locked && !join.pass.skips_lock {
            return Err(Denied::RoomLocked);
        }
        match (&self.passcode, &join.passcode) {
            _ if join.pass.skips_passcode => {}
            (Some(_), None) => return Err(Denied::PasscodeNeeded),
            (Some(passcode), Some(given)) if !is_same(passcode, given.trim()) => return Err(Denied::PasscodeWrong),
            _ => {}
        }
        if self.seats.len() >= context.room_seats_max { Err(Denied::RoomFull) } else { Ok(()) }
    }

    /// The microphone is never more open after coming back than it was before, nor than it is on the page that
    /// comes back.
    fn come_back(&self, member: MemberId, microphone_open: bool) -> Vec<Event> {
        let mut events = Vec::new();
        let Some(seat) = self.seat(member) else { return events };
        if !seat.is_connected() {
            events.push(Event::ConnectionBack { member });
        }
        if let Some(StageSeat { self_muted, host_muted, .. }) = seat.stage
            && !microphone_open
        {
            if !self_muted {
                events.push(Event::MicrophoneSet { member, self_muted: true, host_muted, by: MicrophoneSetBy::Return });
            }
            // This may be another page, which knows nothing of the sequence numbers that were used.
            events.push(Event::StreamRenewed { member, stream: StreamId(self.next_stream) });
        }
        events
    }

    pub(super) fn connection_lost(&self, member: MemberId, context: &Context) -> Vec<Event> {
        match self.seat(member) {
            Some(seat) if seat.is_connected() => {
                vec![Event::ConnectionLost { member, held_until_ms: context.now_ms + SEAT_GRACE_MS }]
            }
            _ => Vec::new(),
        }
    }

    /// A seat is given up, with everything that hangs on it.
    pub(super) fn leave(&self, member: MemberId, reason: LeaveReason, context: &Context) -> Decision {
        let seat = self.seat(member).ok_or(Denied::NotInRoom)?;
        let mut events = Vec::new();
        if self.has_hand_raised(member) {
            events.push(Event::HandLowered { member, by: HandLoweredBy::Left });
        }
        if self.invitation_of(member).is_some() {
            events.push(Event::InvitationEnded { member, end: InvitationEnd::Left });
        }
        if seat.stage.is_some() {
            events.push(Event::StageLeft { member, exit: StageExit::LeftRoom(reason) });
        }
        events.push(Event::MemberLeft { member, reason, role: seat.role, at_ms: context.date_ms() });
        events.extend(self.after_leaving(member, seat, reason, context));
        Ok(events)
    }

    /// The earliest deadline that is due.
    pub(super) fn deadline_passed(&self, context: &Context) -> Decision {
        let is_due = |deadline_ms: u64| context.is_due(deadline_ms);
        if self.ends_at_ms.is_some_and(is_due) {
            let reason = if self.seats.is_empty() { RoomEndReason::Empty } else { RoomEndReason::Leaderless };
            return Ok(vec![Event::RoomEnded(reason)]);
        }
        let expired = self.invitations().find(|invitation| is_due(invitation.expires_ms));
        if let Some(invitation) = expired {
            return Ok(vec![Event::InvitationEnded { member: invitation.member, end: InvitationEnd::Expired }]);
        }
        let overdue = self.seats().filter_map(|(member, seat)| seat.held_until_ms.map(|until_ms| (until_ms, member))).min();
        match overdue.filter(|(until_ms, _)| is_due(*until_ms)) {
            Some((_, member)) => self.leave(member, LeaveReason::TimedOut, context),
            None => Ok(vec![]),
        }
    }
}

/// Compares without telling by the time it takes how much of a guess is right.
fn is_same(secret: &str, guess: &str) -> bool {
    let difference = secret.bytes().zip(guess.bytes()).fold(0, |difference, (a, b)| difference | (a ^ b));
    difference == 0 && secret.len() == guess.len()
}
