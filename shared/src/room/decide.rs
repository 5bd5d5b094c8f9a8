//! What an input means: the law of the room. Reads the state, changes nothing.

mod chair;
mod moderation;
mod order;
mod presence;
mod stage;
mod talk;

use alloc::vec;
use alloc::vec::Vec;

use stage::{leave_stage, report_microphone, set_microphone};

use super::{Command, Context, Denied, Event, Input, LeaveReason, Room, RoomEndReason, Seat, StageSeat};
use crate::ids::MemberId;
use crate::permissions::{Action, may, may_act_on};

type Decision = Result<Vec<Event>, Denied>;

/// Who asks: a seat and its number.
#[derive(Clone, Copy)]
struct Actor<'a> {
    member: MemberId,
    seat: &'a Seat,
}

impl Room {
    /// Judges an input. An empty list is a lawful yes that changes nothing.
    ///
    /// # Errors
    /// [`Denied`] where the rules or the state of the room forbid it.
    pub fn decide(&self, input: &Input, context: &Context) -> Decision {
        if self.ended.is_some() {
            return Err(Denied::RoomEnded);
        }
        match input {
            Input::Join(join) => self.join(join, context),
            Input::Command(member, command) => self.command(*member, command, context),
            Input::Leave(member) => self.leave(*member, LeaveReason::Left, context),
            Input::ConnectionLost(member) => Ok(self.connection_lost(*member, context)),
            Input::DeadlinePassed => self.deadline_passed(context),
            Input::Close(reason) => Ok(vec![Event::RoomEnded(*reason)]),
            Input::Order(order) => self.order(order, context),
        }
    }

    fn command(&self, member: MemberId, command: &Command, context: &Context) -> Decision {
        let actor = Actor { member, seat: self.seat(member).ok_or(Denied::NotInRoom)? };
        match command {
            Command::RaiseHand => self.raise_hand(actor, context),
            Command::LowerHand => self.lower_hand(actor),
            Command::RespondInvite { invitation, accept } => self.respond_invite(actor, *invitation, *accept, context),
            Command::TakeSeat => self.take_seat(actor, context),
            Command::LeaveStage => leave_stage(actor),
            Command::SetMicrophone { muted } => set_microphone(actor, *muted),
            Command::ReportMicrophone(state) => report_microphone(actor, *state),
            Command::SendMessage(text) => self.send_message(actor, text, context),
            Command::React(reaction) => {
                allowed(actor, Action::React)?;
                Ok(vec![Event::Reacted { member, reaction: *reaction }])
            }
            Command::Invite(target) => self.invite(actor, *target, context),
            Command::CancelInvite(target) => self.cancel_invite(actor, *target),
            Command::AdmitHand(target) => self.admit_hand(actor, *target, context),
            Command::DeclineHand(target) => self.decline_hand(actor, *target),
            Command::LowerAllHands => self.lower_all_hands(actor),
            Command::MuteSpeaker(target) => self.mute_speaker(actor, *target),
            Command::MuteAll => self.mute_all(actor),
            Command::LiftMute(target) => self.lift_mute(actor, *target),
            Command::RemoveFromStage(target) => self.remove_from_stage(actor, *target),
            Command::Kick(target) => self.kick(actor, *target, context),
            Command::Ban(target) => self.ban(actor, *target, context),
            Command::BanDeparted(user) => self.ban_departed(actor, *user, context),
            Command::Unban(user) => self.unban(actor, *user, context),
            Command::RemoveMessage(message) => self.remove_message(actor, *message),
            Command::MakeCoHost(target) => self.set_co_host(actor, *target, true, context),
            Command::RemoveCoHost(target) => self.set_co_host(actor, *target, false, context),
            Command::HandOver(target) => self.hand_over(actor, *target, context),
            Command::NameSuccessor(target) => self.name_successor(actor, *target),
            Command::Set(setting) => self.set(actor, setting),
            Command::SetPasscode(passcode) => self.set_passcode(actor, passcode.as_deref()),
            Command::EndRoom => {
                allowed(actor, Action::EndRoom)?;
                Ok(vec![Event::RoomEnded(RoomEndReason::ByHost)])
            }
        }
    }

    /// The seat that `actor` may do `action` to.
    fn allowed_on(&self, actor: Actor<'_>, action: Action, target: MemberId) -> Result<&Seat, Denied> {
        allowed(actor, action)?;
        let target = self.seat(target).ok_or(Denied::NoSuchMember)?;
        if may_act_on(actor.seat.role, action, target.role) { Ok(target) } else { Err(Denied::NotPermitted) }
    }

    /// Likewise, of somebody on stage.
    fn allowed_on_stage(&self, actor: Actor<'_>, action: Action, target: MemberId) -> Result<(&Seat, &StageSeat), Denied> {
        let seat = self.allowed_on(actor, action, target)?;
        seat.stage.as_ref().map(|stage| (seat, stage)).ok_or(Denied::NotOnStage)
    }
}

fn allowed(actor: Actor<'_>, action: Action) -> Result<(), Denied> {
    if may(actor.seat.role, action) { Ok(()) } else { Err(Denied::NotPermitted) }
}
