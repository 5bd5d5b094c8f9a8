//! The host's chair: who gets it, and what becomes of a room without one.

use alloc::vec;
use alloc::vec::Vec;

use super::super::{Context, Denied, Event, HostChangedBy, LeaveReason, Room, RoomEndReason, Seat};
use super::{Actor, Decision};
use crate::ids::{MemberId, UserId};
use crate::limits::{CHAIR_CLAIM_MS, LEADERLESS_ROOM_MS, SEAT_GRACE_MS};
use crate::permissions::{Action, Role};

impl Room {
    /// Whether the chair is this newcomer's: it is kept for a host who vanished, and otherwise, while it is free, it is
    /// the founder's.
    pub(super) fn takes_chair(&self, user: UserId, context: &Context) -> bool {
        self.is_awaited(user, context) || (user == self.founder && self.host().is_none())
    }

    /// Whether this is a host who vanished, and may have the chair back.
    pub(super) fn is_awaited(&self, user: UserId, context: &Context) -> bool {
        self.claims.iter().any(|claim| claim.user == user && !context.is_due(claim.until_ms))
    }

    /// What a departure means for the chair and the room. A host who vanishes is not a host who goes: the chair is kept
    /// for him, and a room that he leaves empty too.
    pub(super) fn after_leaving(&self, member: MemberId, seat: &Seat, reason: LeaveReason, context: &Context) -> Vec<Event> {
        let is_host = seat.role == Role::Host;
        let has_vanished = reason == LeaveReason::TimedOut;
        let mut events = Vec::new();
        if is_host && has_vanished {
            let vanished_ms = seat.held_until_ms.unwrap_or(context.now_ms).saturating_sub(SEAT_GRACE_MS);
            events.push(Event::ChairKept { user: seat.user, until_ms: vanished_ms + CHAIR_CLAIM_MS });
        }
        let is_kept = is_host && has_vanished || self.claims.iter().any(|claim| !context.is_due(claim.until_ms));
        let is_last = self.seats.len() == 1;
        if is_last && !has_vanished && !is_kept {
            events.push(Event::RoomEnded(RoomEndReason::Empty));
        } else if is_host || (is_last && self.ends_at_ms.is_none()) {
            events.push(match self.next_host(member) {
                Some(member) => Event::HostChanged { member, by: HostChangedBy::Succession, at_ms: context.now_ms },
                None => Event::Leaderless { ends_at_ms: context.now_ms + LEADERLESS_ROOM_MS },
            });
        }
        events
    }

    /// Who is present before who is not; then whom the host named, then co-hosts, then speakers; among those whoever has
    /// been it longest.
    fn next_host(&self, leaving: MemberId) -> Option<MemberId> {
        self.on_stage()
            .filter(|(member, ..)| *member != leaving)
            .min_by_key(|(member, seat, stage)| {
                let is_named = self.successor == Some(*member);
                (!seat.is_connected(), !is_named, core::cmp::Reverse(seat.role), stage.role_since_ms)
            })
            .map(|(member, ..)| member)
    }

    pub(super) fn hand_over(&self, actor: Actor<'_>, target: MemberId, context: &Context) -> Decision {
        self.allowed_on_stage(actor, Action::HandOver, target)?;
        Ok(vec![Event::HostChanged { member: target, by: HostChangedBy::HandedOver, at_ms: context.now_ms }])
    }

    pub(super) fn name_successor(&self, actor: Actor<'_>, target: Option<MemberId>) -> Decision {
        super::allowed(actor, Action::NameSuccessor)?;
        if let Some(target) = target {
            self.allowed_on_stage(actor, Action::NameSuccessor, target)?;
        }
        Ok(if target == self.successor { vec![] } else { vec![Event::SuccessorNamed(target)] })
    }

    pub(super) fn set_co_host(&self, actor: Actor<'_>, target: MemberId, is_co_host: bool, context: &Context) -> Decision {
        let action = if is_co_host { Action::MakeCoHost } else { Action::RemoveCoHost };
        let (seat, _) = self.allowed_on_stage(actor, action, target)?;
        if (seat.role == Role::CoHost) == is_co_host {
            return Err(Denied::OtherRole);
        }
        Ok(vec![Event::CoHostSet { member: target, is_co_host, at_ms: context.now_ms }])
    }
}
