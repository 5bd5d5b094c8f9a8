//! What people do, drawn from a seed: mostly what a page would offer them, and sometimes what it would not.

use dais_engine::{Command, Speaking};
use dais_shared::ids::{InvitationId, MemberId, RoomId};
use dais_shared::permissions::Role;
use dais_shared::room::{Command as RoomCommand, Mode, Reaction, Setting};
use dais_shared::view::View;

use crate::PASSCODE;
use crate::page::{Asked, Page};
use crate::random::Random;

/// What a person does next.
#[derive(Debug)]
pub(super) enum Act {
    Ask(Command, Asked),
    /// For so many milliseconds.
    Speak(u64),
    SetSpeaking(Speaking),
    Nothing,
}

/// What somebody does who is logged in and in no room.
pub(super) fn outside(random: &mut Random, hall: Option<&RoomId>, next_hall: impl FnOnce() -> RoomId, is_founder: bool) -> Act {
    match hall {
        Some(room) => {
            let passcode = random.percent(70).then(|| PASSCODE.to_owned());
            let take_over = random.percent(20);
            Act::Ask(Command::JoinRoom { room: room.clone(), passcode, take_over }, Asked::Other)
        }
        None if is_founder || random.percent(5) => {
            let room = next_hall();
            let mode = if random.percent(50) { Mode::Moderated } else { Mode::Open };
            let passcode = random.percent(20).then(|| PASSCODE.to_owned());
            let create = Command::CreateRoom { room: Some(room.clone()), title: "Hall".into(), mode, unlisted: false, passcode };
            Act::Ask(create, Asked::Create(room))
        }
        None => Act::Nothing,
    }
}

/// What somebody does who is in a room.
pub(super) fn inside(page: &mut Page, now_ms: u64) -> Act {
    let Some(view) = page.view.clone() else { return Act::Nothing };
    let random = &mut page.random;
    let role = view.my_role();
    let poses_as = if random.percent(5) { Role::Host } else { role };
    match poses_as {
        Role::Host | Role::CoHost if random.percent(60) => moderate(random, &view, now_ms),
        Role::Listener => listen(random, &view),
        Role::Speaker | Role::CoHost | Role::Host => speak(random, &view),
    }
}

fn room(command: RoomCommand) -> Act {
    Act::Ask(Command::Room(command), Asked::Other)
}

fn unmute() -> Act {
    Act::Ask(Command::Room(RoomCommand::SetMicrophone { muted: false }), Asked::Unmute)
}

fn listen(random: &mut Random, view: &View) -> Act {
    if let Some(invitation) = view.private.invitation.as_ref().filter(|_| random.percent(25)) {
        let id = if random.percent(5) { InvitationId(invitation.id.0 + 1) } else { invitation.id };
        return room(RoomCommand::RespondInvite { invitation: id, accept: random.percent(70) });
    }
    match random.below(20) {
        0..=7 => room(RoomCommand::RaiseHand),
        8..=10 => room(RoomCommand::TakeSeat),
        11 => room(RoomCommand::LowerHand),
        12 => unmute(),
        13 => room(RoomCommand::RespondInvite { invitation: InvitationId(1), accept: true }),
        _ => talk(random, view),
    }
}

fn speak(random: &mut Random, view: &View) -> Act {
    let is_muted = view.my_stage().is_some_and(|me| me.self_muted);
    match random.below(20) {
        0..=9 if is_muted => unmute(),
        0..=11 => Act::Speak(random.between(50, 1_200)),
        12..=14 => Act::Ask(Command::Room(RoomCommand::SetMicrophone { muted: true }), Asked::Silence),
        15 => Act::Ask(Command::Room(RoomCommand::LeaveStage), Asked::Silence),
        16 => Act::SetSpeaking(match random.below(4) {
            0 => Speaking::VoiceActivation,
            1 => Speaking::PushToTalk,
            _ => Speaking::OpenMicrophone,
        }),
        _ => talk(random, view),
    }
}

/// What everybody does beside the stage.
fn talk(random: &mut Random, view: &View) -> Act {
    match random.below(12) {
        0..=2 => room(RoomCommand::SendMessage(format!("message {}", random.below(1_000)))),
        3 | 4 => room(RoomCommand::React(*random.pick(&Reaction::ALL).unwrap_or(&Reaction::Heart))),
        5 | 6 => match random.pick(&view.stage) {
            Some(person) => {
                let volume = if random.percent(60) { 0.0 } else { 1.0 };
                Act::Ask(Command::SetVolume { user: person.user, volume }, Asked::Other)
            }
            None => Act::Nothing,
        },
        7 => Act::Ask(Command::ListMembers { after: None }, Asked::Other),
        8 => Act::Ask(Command::ListBanned, Asked::Other),
        9 => Act::Ask(Command::ListMessages { before: None }, Asked::Other),
        10 if random.percent(30) => Act::Ask(Command::LeaveRoom, Asked::Silence),
        _ => Act::Nothing,
    }
}

fn moderate(random: &mut Random, view: &View, now_ms: u64) -> Act {
    let on_stage = random.pick(&view.stage).map(|person| (person.member, person.stream));
    let listener = random.pick(&view.audience).map(|listener| listener.member);
    let hand = random.pick(&view.hands).map(|hand| hand.member);
    let (speaker, stream) = on_stage.unwrap_or((MemberId(9_999), dais_shared::ids::StreamId(9_999)));
    let listener = listener.unwrap_or(MemberId(9_999));
    let silence = |command: RoomCommand| Act::Ask(Command::Room(command), Asked::SilenceOther(stream, now_ms));
    if let Some(hand) = hand.filter(|_| random.percent(50)) {
        return room(if random.percent(85) { RoomCommand::AdmitHand(hand) } else { RoomCommand::DeclineHand(hand) });
    }
    match random.below(60) {
        0..=11 => room(RoomCommand::Invite(listener)),
        12 => room(RoomCommand::CancelInvite(listener)),
        13..=19 => silence(RoomCommand::MuteSpeaker(speaker)),
        20..=25 => room(RoomCommand::LiftMute(speaker)),
        26..=28 => silence(RoomCommand::RemoveFromStage(speaker)),
        29 => silence(RoomCommand::Kick(speaker)),
        30 => room(RoomCommand::Kick(listener)),
        31 => silence(RoomCommand::Ban(speaker)),
        32 => unban(view),
        33..=36 => room(RoomCommand::MakeCoHost(speaker)),
        37 => room(RoomCommand::RemoveCoHost(speaker)),
        38 => room(RoomCommand::HandOver(speaker)),
        39 | 40 => room(RoomCommand::NameSuccessor(random.percent(80).then_some(speaker))),
        41 => room(RoomCommand::MuteAll),
        42 => room(RoomCommand::LowerAllHands),
        43..=51 => room(set(random)),
        52 if random.percent(25) => room(RoomCommand::EndRoom),
        53 => match random.pick(&view.messages) {
            Some(message) => room(RoomCommand::RemoveMessage(message.id)),
            None => Act::Nothing,
        },
        _ => speak(random, view),
    }
}

fn set(random: &mut Random) -> RoomCommand {
    match random.below(8) {
        0 => RoomCommand::Set(Setting::Mode(Mode::Open)),
        1 => RoomCommand::Set(Setting::Mode(Mode::Moderated)),
        2 => RoomCommand::Set(Setting::Lock(random.percent(30))),
        3 => RoomCommand::Set(Setting::Title(format!("Hall {}", random.below(100)))),
        4 => RoomCommand::Set(Setting::HandQueue(random.percent(70))),
        5 => RoomCommand::Set(Setting::Chat(random.percent(70))),
        6 => RoomCommand::SetPasscode(Some(PASSCODE.to_owned())),
        _ => RoomCommand::SetPasscode(None),
    }
}

/// Whoever wrote a message may be banned by now.
fn unban(view: &View) -> Act {
    view.messages.last().map_or(Act::Nothing, |message| room(RoomCommand::Unban(message.user)))
}
