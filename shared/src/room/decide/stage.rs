//! Hands, invitations, the way on stage and off it, and the microphone there.

use alloc::vec;
use alloc::vec::Vec;

use super::super::{
    Context, Denied, Event, HandLoweredBy, HandRaisedBy, HostChangedBy, Invitation, InvitationEnd, MicrophoneSetBy,
    MicrophoneState, Mode, Room, StageEntry, StageExit,
};
use super::{Actor, Decision, allowed};
use crate::ids::{AddressPrefix, InvitationId, MemberId, StreamId};
use crate::limits::{HANDS_MAX, HANDS_PER_NETWORK_MAX, INVITATION_MS, INVITATIONS_MAX};
use crate::permissions::{Action, Role};

impl Room {
    pub(super) fn raise_hand(&self, actor: Actor<'_>, context: &Context) -> Decision {
        allowed(actor, Action::RaiseHand)?;
        if self.has_hand_raised(actor.member) {
            return Ok(vec![]);
        }
        if !self.settings.takes_hands {
            return Err(Denied::HandQueueClosed);
        }
        self.queue_up(actor.member, HandRaisedBy::Member, context)
    }

    fn queue_up(&self, member: MemberId, by: HandRaisedBy, context: &Context) -> Decision {
        if !self.seat(member).is_some_and(|seat| self.takes_hand_from(seat.address)) {
            return Err(Denied::HandQueueFull);
        }
        Ok(vec![Event::HandRaised { member, by, at_ms: context.now_ms }])
    }

    /// Whether the queue has a place for somebody from there.
    pub(super) fn takes_hand_from(&self, address: AddressPrefix) -> bool {
        let seats = self.hands.iter().filter_map(|hand| self.seat(hand.member));
        let near = seats.filter(|seat| seat.address.is_near(&address)).count();
        self.hands.len() < HANDS_MAX && near < HANDS_PER_NETWORK_MAX
    }

    pub(super) fn lower_hand(&self, actor: Actor<'_>) -> Decision {
        allowed(actor, Action::LowerHand)?;
        if !self.has_hand_raised(actor.member) {
            return Ok(vec![]);
        }
        Ok(vec![Event::HandLowered { member: actor.member, by: HandLoweredBy::Member }])
    }

    pub(super) fn admit_hand(&self, actor: Actor<'_>, target: MemberId, context: &Context) -> Decision {
        self.allowed_on(actor, Action::AdmitHand, target)?;
        self.hand_raised(target)?;
        self.call_up(target, StageEntry::Admitted, context)
    }

    pub(super) fn decline_hand(&self, actor: Actor<'_>, target: MemberId) -> Decision {
        self.allowed_on(actor, Action::DeclineHand, target)?;
        self.hand_raised(target)?;
        Ok(vec![Event::HandLowered { member: target, by: HandLoweredBy::Declined }])
    }

    pub(super) fn lower_all_hands(&self, actor: Actor<'_>) -> Decision {
        allowed(actor, Action::DeclineHand)?;
        let lowered = |hand: &super::super::RaisedHand| Event::HandLowered { member: hand.member, by: HandLoweredBy::Declined };
        Ok(self.hands.iter().map(lowered).collect())
    }

    fn hand_raised(&self, member: MemberId) -> Result<(), Denied> {
        if self.has_hand_raised(member) { Ok(()) } else { Err(Denied::HandNotRaised) }
    }

    pub(super) fn invite(&self, actor: Actor<'_>, target: MemberId, context: &Context) -> Decision {
        let seat = self.allowed_on(actor, Action::Invite, target)?;
        if seat.stage.is_some() {
            return Err(Denied::AlreadyOnStage);
        }
        if self.has_hand_raised(target) {
            return self.call_up(target, StageEntry::Admitted, context); // a raised hand is consent
        }
        if self.invitations.contains_key(&target) {
            return Err(Denied::AlreadyInvited);
        }
        if self.invitations.len() >= INVITATIONS_MAX {
            return Err(Denied::TooManyInvitations);
        }
        Ok(vec![Event::Invited(Invitation {
            id: InvitationId(self.next_invitation),
            member: target,
            by: actor.member,
            expires_ms: context.now_ms + INVITATION_MS,
        })])
    }

    pub(super) fn cancel_invite(&self, actor: Actor<'_>, target: MemberId) -> Decision {
        self.allowed_on(actor, Action::CancelInvite, target)?;
        self.invitation_of(target).ok_or(Denied::NotInvited)?;
        Ok(vec![Event::InvitationEnded { member: target, end: InvitationEnd::Cancelled }])
    }

    /// An accepted invitation leads on stage or, when that is full, to the end of the hand queue: it is consent either way.
    pub(super) fn respond_invite(&self, actor: Actor<'_>, invitation: InvitationId, accept: bool, context: &Context) -> Decision {
        allowed(actor, Action::RespondInvite)?;
        let member = actor.member;
        self.invitation_of(member)
            .filter(|live| live.id == invitation && !context.is_due(live.expires_ms))
            .ok_or(Denied::InviteExpired)?;
        if !accept {
            return Ok(vec![Event::InvitationEnded { member, end: InvitationEnd::Rejected }]);
        }
        let mut events = vec![Event::InvitationEnded { member, end: InvitationEnd::Accepted }];
        if self.stage_count() < context.stage_seats_max {
            events.push(self.enter(member, StageEntry::Invited, context));
            events.extend(self.free_chair(member, context));
        } else if !self.has_hand_raised(member) {
            events.extend(self.queue_up(member, HandRaisedBy::StageFull, context)?);
        }
        Ok(events)
    }

    pub(super) fn take_seat(&self, actor: Actor<'_>, context: &Context) -> Decision {
        allowed(actor, Action::TakeSeat)?;
        if self.settings.mode == Mode::Moderated {
            return Err(Denied::RoomIsModerated);
        }
        let mut events = self.call_up(actor.member, StageEntry::TookSeat, context)?;
        events.extend(self.free_chair(actor.member, context));
        Ok(events)
    }

    /// Whoever comes on stage while there is no host takes the chair: a room is not to be without a moderator.
    fn free_chair(&self, member: MemberId, context: &Context) -> Option<Event> {
        let chair = Event::HostChanged { member, by: HostChangedBy::Succession, at_ms: context.now_ms };
        self.host().is_none().then_some(chair)
    }

    fn call_up(&self, member: MemberId, entry: StageEntry, context: &Context) -> Decision {
        if self.stage_count() >= context.stage_seats_max {
            return Err(Denied::StageFull);
        }
        let mut events = Vec::new();
        if self.has_hand_raised(member) {
            events.push(Event::HandLowered { member, by: HandLoweredBy::CalledUp });
        }
        if self.invitation_of(member).is_some() {
            events.push(Event::InvitationEnded { member, end: InvitationEnd::OnStage });
        }
        events.push(self.enter(member, entry, context));
        Ok(events)
    }

    fn enter(&self, member: MemberId, entry: StageEntry, context: &Context) -> Event {
        let stream = StreamId(self.next_stream);
        Event::StageJoined { member, role: Role::Speaker, stream, entry, at_ms: context.now_ms }
    }

    /// A moderator's mute also sets the member's own, so that lifting it asks and never opens a microphone.
    pub(super) fn mute_speaker(&self, actor: Actor<'_>, target: MemberId) -> Decision {
        let (_, stage) = self.allowed_on_stage(actor, Action::MuteOther, target)?;
        Ok(if stage.host_muted { vec![] } else { vec![muted_by_moderator(target)] })
    }

    pub(super) fn mute_all(&self, actor: Actor<'_>) -> Decision {
        allowed(actor, Action::MuteOther)?;
        let is_below = |role: Role| crate::permissions::may_act_on(actor.seat.role, Action::MuteOther, role);
        let others = self.on_stage().filter(|(_, seat, stage)| is_below(seat.role) && !stage.host_muted);
        Ok(others.map(|(member, ..)| muted_by_moderator(member)).collect())
    }

    pub(super) fn lift_mute(&self, actor: Actor<'_>, target: MemberId) -> Decision {
        let (_, stage) = self.allowed_on_stage(actor, Action::LiftMute, target)?;
        if !stage.host_muted {
            return Ok(vec![]);
        }
        let self_muted = stage.self_muted;
        Ok(vec![Event::MicrophoneSet { member: target, self_muted, host_muted: false, by: MicrophoneSetBy::Moderator }])
    }

    pub(super) fn remove_from_stage(&self, actor: Actor<'_>, target: MemberId) -> Decision {
        self.allowed_on_stage(actor, Action::RemoveFromStage, target)?;
        Ok(vec![Event::StageLeft { member: target, exit: StageExit::Removed }])
    }
}

const fn muted_by_moderator(member: MemberId) -> Event {
    Event::MicrophoneSet { member, self_muted: true, host_muted: true, by: MicrophoneSetBy::Moderator }
}

pub(super) fn leave_stage(actor: Actor<'_>) -> Decision {
    allowed(actor, Action::LeaveStage)?;
    Ok(vec![Event::StageLeft { member: actor.member, exit: StageExit::Stepped }])
}

pub(super) fn set_microphone(actor: Actor<'_>, muted: bool) -> Decision {
    allowed(actor, Action::SetMicrophone)?;
    let stage = actor.seat.stage.as_ref().ok_or(Denied::NotOnStage)?;
    if stage.host_muted && !muted {
        return Err(Denied::MutedByHost);
    }
    if stage.self_muted == muted {
        return Ok(vec![]);
    }
    let host_muted = stage.host_muted;
    Ok(vec![Event::MicrophoneSet { member: actor.member, self_muted: muted, host_muted, by: MicrophoneSetBy::Member }])
}

pub(super) fn report_microphone(actor: Actor<'_>, state: MicrophoneState) -> Decision {
    allowed(actor, Action::SetMicrophone)?;
    let is_known = actor.seat.stage.as_ref().is_some_and(|stage| stage.microphone == state);
    Ok(if is_known { vec![] } else { vec![Event::MicrophoneReported { member: actor.member, state }] })
}
