//! What an input means: the law of the room. Reads the state, changes nothing.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{
    Command, Context, Denied, Event, HandLoweredBy, Input, LeaveReason, MicrophoneSetBy, Mode, Room, RoomEndReason, Seat,
    StageEntry, StageExit, StageSeat,
};
use crate::ids::{MemberId, StreamId, UserId};
use crate::limits::{HANDS_MAX, LEADERLESS_ROOM_MS, SEAT_GRACE_MS};
use crate::names;
use crate::permissions::{Action, Role, may, may_act_on};

type Decision = Result<Vec<Event>, Denied>;

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
            Input::Join { user, name, microphone_open } => self.join(*user, name, *microphone_open, context),
            Input::Command(member, command) => self.command(*member, command, context),
            Input::Leave(member) => self.leave(*member, LeaveReason::Left, context),
            Input::ConnectionLost(member) => Ok(self.connection_lost(*member, context)),
            Input::DeadlinePassed => self.deadline_passed(context),
            Input::Close(reason) => Ok(vec![Event::RoomEnded(*reason)]),
        }
    }

    fn join(&self, user: UserId, name: &str, microphone_open: bool, context: &Context) -> Decision {
        if let Some(member) = self.seat_of(user) {
            return Ok(self.come_back(member, microphone_open));
        }
        let name = names::person(name).map_err(Denied::InvalidName)?;
        if self.seats.len() >= context.room_seats_max {
            return Err(Denied::RoomFull);
        }
        let member = MemberId(self.next_member);
        let mut events = vec![Event::MemberJoined { member, user, name, at_ms: context.now_ms }];
        if user == self.founder && self.host().is_none() {
            events.push(Event::StageJoined {
                member,
                role: Role::Host,
                stream: StreamId(self.next_stream),
                entry: StageEntry::Host,
                at_ms: context.now_ms,
            });
        }
        Ok(events)
    }

    /// The microphone is never more open after coming back than it was before, nor than it is on the page that
    /// comes back.
    fn come_back(&self, member: MemberId, microphone_open: bool) -> Vec<Event> {
        let mut events = Vec::new();
        let Some(seat) = self.seat(member) else { return events };
        if !seat.is_connected() {
            events.push(Event::ConnectionBack { member });
        }
        if let Some(StageSeat { self_muted: false, host_muted, .. }) = seat.stage
            && !microphone_open
        {
            events.push(Event::MicrophoneSet { member, self_muted: true, host_muted, by: MicrophoneSetBy::Return });
        }
        events
    }

    fn connection_lost(&self, member: MemberId, context: &Context) -> Vec<Event> {
        match self.seat(member) {
            Some(seat) if seat.is_connected() => {
                vec![Event::ConnectionLost { member, held_until_ms: context.now_ms + SEAT_GRACE_MS }]
            }
            _ => Vec::new(),
        }
    }

    fn command(&self, actor: MemberId, command: &Command, context: &Context) -> Decision {
        let seat = self.seat(actor).ok_or(Denied::NotInRoom)?;
        match command {
            Command::RaiseHand => self.raise_hand(actor, seat, context),
            Command::LowerHand => self.lower_hand(actor, seat),
            Command::TakeSeat => self.take_seat(actor, seat, context),
            Command::LeaveStage => {
                allowed(seat, Action::LeaveStage)?;
                Ok(vec![Event::StageLeft { member: actor, exit: StageExit::Stepped }])
            }
            Command::SetMicrophone { muted } => set_microphone(actor, seat, *muted),
            Command::ReportMicrophone(state) => {
                allowed(seat, Action::SetMicrophone)?;
                let known = seat.stage.as_ref().is_some_and(|stage| stage.microphone == *state);
                Ok(if known { vec![] } else { vec![Event::MicrophoneReported { member: actor, state: *state }] })
            }
            Command::AdmitHand(target) => self.admit_hand(seat, *target, context),
            Command::DeclineHand(target) => {
                self.allowed_on(seat, Action::DeclineHand, *target)?;
                self.hand_raised(*target)?;
                Ok(vec![Event::HandLowered { member: *target, by: HandLoweredBy::Declined }])
            }
            Command::MuteSpeaker(target) => self.mute_speaker(seat, *target),
            Command::LiftMute(target) => self.lift_mute(seat, *target),
            Command::RemoveFromStage(target) => {
                let target_seat = self.allowed_on(seat, Action::RemoveFromStage, *target)?;
                target_seat.stage.as_ref().ok_or(Denied::NotOnStage)?;
                Ok(vec![Event::StageLeft { member: *target, exit: StageExit::Removed }])
            }
            Command::SetMode(mode) => {
                allowed(seat, Action::SetMode)?;
                Ok(if *mode == self.mode { vec![] } else { vec![Event::ModeChanged(*mode)] })
            }
            Command::SetTitle(title) => self.set_title(seat, title),
            Command::EndRoom => {
                allowed(seat, Action::EndRoom)?;
                Ok(vec![Event::RoomEnded(RoomEndReason::ByHost)])
            }
        }
    }

    fn raise_hand(&self, actor: MemberId, seat: &Seat, context: &Context) -> Decision {
        allowed(seat, Action::RaiseHand)?;
        if self.has_hand_raised(actor) {
            return Ok(vec![]);
        }
        if self.hands.len() >= HANDS_MAX {
            return Err(Denied::HandQueueFull);
        }
        Ok(vec![Event::HandRaised { member: actor, at_ms: context.now_ms }])
    }

    fn lower_hand(&self, actor: MemberId, seat: &Seat) -> Decision {
        allowed(seat, Action::LowerHand)?;
        if !self.has_hand_raised(actor) {
            return Ok(vec![]);
        }
        Ok(vec![Event::HandLowered { member: actor, by: HandLoweredBy::Member }])
    }

    fn take_seat(&self, actor: MemberId, seat: &Seat, context: &Context) -> Decision {
        allowed(seat, Action::TakeSeat)?;
        match self.mode {
            Mode::Open => self.call_up(actor, StageEntry::TookSeat, context),
            Mode::Moderated => Err(Denied::RoomIsModerated),
        }
    }

    fn admit_hand(&self, actor: &Seat, target: MemberId, context: &Context) -> Decision {
        self.allowed_on(actor, Action::AdmitHand, target)?;
        self.hand_raised(target)?;
        self.call_up(target, StageEntry::Admitted, context)
    }

    fn call_up(&self, member: MemberId, entry: StageEntry, context: &Context) -> Decision {
        if self.stage_count() >= context.stage_seats_max {
            return Err(Denied::StageFull);
        }
        let mut events = Vec::new();
        if self.has_hand_raised(member) {
            events.push(Event::HandLowered { member, by: HandLoweredBy::CalledUp });
        }
        events.push(Event::StageJoined {
            member,
            role: Role::Speaker,
            stream: StreamId(self.next_stream),
            entry,
            at_ms: context.now_ms,
        });
        Ok(events)
    }

    /// A moderator's mute also sets the member's own, so that lifting it asks and never opens a microphone.
    fn mute_speaker(&self, actor: &Seat, target: MemberId) -> Decision {
        let stage = self.allowed_on(actor, Action::MuteOther, target)?.stage.as_ref().ok_or(Denied::NotOnStage)?;
        if stage.host_muted {
            return Ok(vec![]);
        }
        Ok(vec![Event::MicrophoneSet { member: target, self_muted: true, host_muted: true, by: MicrophoneSetBy::Moderator }])
    }

    fn lift_mute(&self, actor: &Seat, target: MemberId) -> Decision {
        let stage = self.allowed_on(actor, Action::LiftMute, target)?.stage.as_ref().ok_or(Denied::NotOnStage)?;
        if !stage.host_muted {
            return Ok(vec![]);
        }
        let self_muted = stage.self_muted;
        Ok(vec![Event::MicrophoneSet { member: target, self_muted, host_muted: false, by: MicrophoneSetBy::Moderator }])
    }

    fn set_title(&self, actor: &Seat, title: &str) -> Decision {
        allowed(actor, Action::SetTitle)?;
        let title: String = names::title(title).map_err(Denied::InvalidTitle)?;
        Ok(if title == self.title { vec![] } else { vec![Event::TitleChanged(title)] })
    }

    /// A seat is given up. A host's departure hands the room to whoever has served longest on stage; without such a
    /// person the room ends after a countdown, and without anybody at once.
    fn leave(&self, member: MemberId, reason: LeaveReason, context: &Context) -> Decision {
        let seat = self.seat(member).ok_or(Denied::NotInRoom)?;
        let mut events = Vec::new();
        if self.has_hand_raised(member) {
            events.push(Event::HandLowered { member, by: HandLoweredBy::Left });
        }
        if seat.stage.is_some() {
            events.push(Event::StageLeft { member, exit: StageExit::LeftRoom(reason) });
        }
        events.push(Event::MemberLeft { member, reason });
        if self.seats.len() == 1 {
            events.push(Event::RoomEnded(RoomEndReason::Empty));
        } else if seat.role == Role::Host {
            events.push(match self.successor(member) {
                Some(successor) => Event::HostChanged { member: successor },
                None => Event::Leaderless { ends_at_ms: context.now_ms + LEADERLESS_ROOM_MS },
            });
        }
        Ok(events)
    }

    /// The highest rank on stage but `leaving`, and among equals whoever came on stage first.
    fn successor(&self, leaving: MemberId) -> Option<MemberId> {
        self.on_stage()
            .filter(|(member, ..)| *member != leaving)
            .min_by_key(|(_, seat, stage)| (core::cmp::Reverse(seat.role), stage.since_ms))
            .map(|(member, ..)| member)
    }

    fn deadline_passed(&self, context: &Context) -> Decision {
        let is_due = |deadline_ms: u64| deadline_ms <= context.now_ms;
        if self.ends_at_ms.is_some_and(is_due) {
            return Ok(vec![Event::RoomEnded(RoomEndReason::Leaderless)]);
        }
        let overdue = self.seats().find(|(_, seat)| seat.held_until_ms.is_some_and(is_due));
        match overdue {
            Some((member, _)) => self.leave(member, LeaveReason::TimedOut, context),
            None => Ok(vec![]),
        }
    }

    fn allowed_on(&self, actor: &Seat, action: Action, target: MemberId) -> Result<&Seat, Denied> {
        allowed(actor, action)?;
        let target = self.seat(target).ok_or(Denied::NoSuchMember)?;
        if may_act_on(actor.role, action, target.role) { Ok(target) } else { Err(Denied::NotPermitted) }
    }

    fn hand_raised(&self, member: MemberId) -> Result<(), Denied> {
        if self.has_hand_raised(member) { Ok(()) } else { Err(Denied::HandNotRaised) }
    }
}

fn allowed(seat: &Seat, action: Action) -> Result<(), Denied> {
    if may(seat.role, action) { Ok(()) } else { Err(Denied::NotPermitted) }
}

fn set_microphone(member: MemberId, seat: &Seat, muted: bool) -> Decision {
    allowed(seat, Action::SetMicrophone)?;
    let stage = seat.stage.as_ref().ok_or(Denied::NotOnStage)?;
    if stage.host_muted && !muted {
        return Err(Denied::MutedByHost);
    }
    if stage.self_muted == muted {
        return Ok(vec![]);
    }
    let host_muted = stage.host_muted;
    Ok(vec![Event::MicrophoneSet { member, self_muted: muted, host_muted, by: MicrophoneSetBy::Member }])
}
