//! What can happen to a room, as data that shrinks well.

use dais_shared::ids::{AddressPrefix, InvitationId, MemberId, MessageId, RoomId, UserId};
use dais_shared::names::Looks;
use dais_shared::permissions::Role;
use dais_shared::room::{
    Command, Context, Denied, Event, Input, Join, MicrophoneState, Mode, Pass, Reaction, Room, Setting, Settings,
};
use proptest::prelude::*;

/// People who come and go: the first of them founded the room.
const PEOPLE: u64 = 8;
pub(super) const PASSCODE: &str = "xyzzy-passcode";

#[derive(Clone, Debug)]
pub(super) enum Step {
    Join(u64),
    JoinWithPasscode(u64),
    Lose(u64),
    Leave(u64),
    /// Seconds.
    Pass(u64),
    /// Somebody does something to somebody.
    Act {
        who: u64,
        whom: u64,
        act: Act,
    },
    /// A member who never was does something.
    Stranger(Act),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    RaiseHand,
    LowerHand,
    Accept,
    Reject,
    WrongAnswer,
    TakeSeat,
    LeaveStage,
    Mute,
    Unmute,
    Report,
    Write,
    React,
    Invite,
    Cancel,
    Admit,
    Decline,
    LowerAll,
    MuteOther,
    MuteAll,
    Lift,
    Remove,
    Kick,
    Ban,
    BanDeparted,
    Unban,
    RemoveMessage,
    MakeCoHost,
    RemoveCoHost,
    HandOver,
    Name,
    Open,
    Moderated,
    Title,
    Shut,
    Lock,
    Unlock,
    Passcode,
    NoPasscode,
    End,
}

const ACTS: [Act; 39] = [
    Act::RaiseHand,
    Act::LowerHand,
    Act::Accept,
    Act::Reject,
    Act::WrongAnswer,
    Act::TakeSeat,
    Act::LeaveStage,
    Act::Mute,
    Act::Unmute,
    Act::Report,
    Act::Write,
    Act::React,
    Act::Invite,
    Act::Cancel,
    Act::Admit,
    Act::Decline,
    Act::LowerAll,
    Act::MuteOther,
    Act::MuteAll,
    Act::Lift,
    Act::Remove,
    Act::Kick,
    Act::Ban,
    Act::BanDeparted,
    Act::Unban,
    Act::RemoveMessage,
    Act::MakeCoHost,
    Act::RemoveCoHost,
    Act::HandOver,
    Act::Name,
    Act::Open,
    Act::Moderated,
    Act::Title,
    Act::Shut,
    Act::Lock,
    Act::Unlock,
    Act::Passcode,
    Act::NoPasscode,
    Act::End,
];

pub(super) fn step() -> impl Strategy<Value = Step> {
    let person = 0..PEOPLE;
    prop_oneof![
        4 => person.clone().prop_map(Step::Join),
        1 => person.clone().prop_map(Step::JoinWithPasscode),
        1 => person.clone().prop_map(Step::Lose),
        1 => person.clone().prop_map(Step::Leave),
        2 => prop_oneof![Just(1u64), Just(20), Just(31), Just(61), Just(121), Just(601)].prop_map(Step::Pass),
        // The founder acts often, so that much of it is lawful.
        8 => (prop_oneof![Just(0), person.clone()], person, proptest::sample::select(ACTS.to_vec()))
            .prop_map(|(who, whom, act)| Step::Act { who, whom, act }),
        1 => proptest::sample::select(ACTS.to_vec()).prop_map(Step::Stranger),
    ]
}

/// A room and its time.
pub(super) struct World {
    pub(super) room: Room,
    pub(super) now_ms: u64,
}

impl World {
    /// With the founder in it.
    pub(super) fn new() -> Self {
        let settings = Settings::new("Hall".into(), Mode::Moderated);
        let mut world = Self {
            room: Room::new(RoomId::parse("a-hall-that-nobody-ever-guesses").unwrap(), settings, None, user(0)),
            now_ms: 1_000_000,
        };
        world.carry_out(&Step::Join(0), |_, _| {});
        world
    }

    /// Judges and applies, and shows the room after every event.
    pub(super) fn carry_out(&mut self, step: &Step, mut after: impl FnMut(&Room, &Event)) {
        self.now_ms += 1;
        let seat = |person: u64| self.room.seat_of(user(person));
        let input = match step {
            Step::Join(person) => Some(Input::Join(join(*person, None))),
            Step::JoinWithPasscode(person) => Some(Input::Join(join(*person, Some(PASSCODE.into())))),
            Step::Lose(person) => seat(*person).map(Input::ConnectionLost),
            Step::Leave(person) => seat(*person).map(Input::Leave),
            Step::Pass(seconds) => return self.pass(seconds * 1_000, after),
            Step::Act { who, whom, act } => {
                let target = seat(*whom).unwrap_or(MemberId(9_999));
                seat(*who).map(|member| Input::Command(member, self.command(member, target, user(*whom), *act)))
            }
            Step::Stranger(act) => {
                let command = self.command(MemberId(9_999), MemberId(1), user(0), *act);
                Some(Input::Command(MemberId(9_999), command))
            }
        };
        if let Some(input) = input {
            self.judge(&input, &mut after);
        }
    }

    /// Time goes on, and every deadline is judged in its turn.
    pub(super) fn pass(&mut self, by_ms: u64, mut after: impl FnMut(&Room, &Event)) {
        self.now_ms += by_ms;
        for _ in 0..1_000 {
            if self.room.next_deadline_ms().is_none_or(|deadline_ms| deadline_ms > self.now_ms) {
                return;
            }
            self.judge(&Input::DeadlinePassed, &mut after);
        }
        panic!("deadlines never end");
    }

    fn judge(&mut self, input: &Input, after: &mut impl FnMut(&Room, &Event)) {
        let before = self.room.clone();
        match self.room.decide(input, &Context::at(self.now_ms)) {
            Ok(events) => {
                for event in &events {
                    self.room.apply(event);
                    after(&self.room, event);
                }
            }
            Err(denied) => {
                assert_eq!(before, self.room, "a no changes nothing");
                assert!(denied != Denied::Unavailable && denied != Denied::TooFast, "the rules know neither store nor rate");
            }
        }
    }

    fn command(&self, member: MemberId, target: MemberId, user: UserId, act: Act) -> Command {
        let invitation = self.room.invitation_of(member).map_or(InvitationId(0), |invitation| invitation.id);
        match act {
            Act::RaiseHand => Command::RaiseHand,
            Act::LowerHand => Command::LowerHand,
            Act::Accept => Command::RespondInvite { invitation, accept: true },
            Act::Reject => Command::RespondInvite { invitation, accept: false },
            Act::WrongAnswer => Command::RespondInvite { invitation: InvitationId(invitation.0 + 1), accept: true },
            Act::TakeSeat => Command::TakeSeat,
            Act::LeaveStage => Command::LeaveStage,
            Act::Mute => Command::SetMicrophone { muted: true },
            Act::Unmute => Command::SetMicrophone { muted: false },
            Act::Report => Command::ReportMicrophone(MicrophoneState::Open),
            Act::Write => Command::SendMessage(format!("message at {}", self.now_ms)),
            Act::React => Command::React(Reaction::Applause),
            Act::Invite => Command::Invite(target),
            Act::Cancel => Command::CancelInvite(target),
            Act::Admit => Command::AdmitHand(target),
            Act::Decline => Command::DeclineHand(target),
            Act::LowerAll => Command::LowerAllHands,
            Act::MuteOther => Command::MuteSpeaker(target),
            Act::MuteAll => Command::MuteAll,
            Act::Lift => Command::LiftMute(target),
            Act::Remove => Command::RemoveFromStage(target),
            Act::Kick => Command::Kick(target),
            Act::Ban => Command::Ban(target),
            Act::BanDeparted => Command::BanDeparted(user),
            Act::Unban => Command::Unban(user),
            Act::RemoveMessage => Command::RemoveMessage(MessageId(1)),
            Act::MakeCoHost => Command::MakeCoHost(target),
            Act::RemoveCoHost => Command::RemoveCoHost(target),
            Act::HandOver => Command::HandOver(target),
            Act::Name => Command::NameSuccessor(Some(target)),
            Act::Open => Command::Set(Setting::Mode(Mode::Open)),
            Act::Moderated => Command::Set(Setting::Mode(Mode::Moderated)),
            Act::Title => Command::Set(Setting::Title(format!("Hall {}", self.now_ms))),
            Act::Shut => Command::Set(Setting::HandQueue(false)),
            Act::Lock => Command::Set(Setting::Lock(true)),
            Act::Unlock => Command::Set(Setting::Lock(false)),
            Act::Passcode => Command::SetPasscode(Some(PASSCODE.into())),
            Act::NoPasscode => Command::SetPasscode(None),
            Act::End => Command::EndRoom,
        }
    }
}

fn user(person: u64) -> UserId {
    UserId(100 + person)
}

/// Of the last ones, each was given something beforehand.
const fn given(person: u64) -> Role {
    match person {
        5 => Role::Speaker,
        6 => Role::CoHost,
        7 => Role::Host,
        _ => Role::Listener,
    }
}

/// Two and two share a name, and an address.
fn join(person: u64, passcode: Option<String>) -> Join {
    let address = AddressPrefix::V4([10, 0, 0, (person / 2) as u8]);
    let name = format!("Name {}", person / 2);
    Join {
        user: user(person),
        looks: Looks::plain(&name),
        name,
        address,
        passcode,
        microphone_open: person.is_multiple_of(3),
        pass: Pass { role: given(person), ..Pass::NONE },
    }
}
