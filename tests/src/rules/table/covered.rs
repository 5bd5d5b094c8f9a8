//! That no command and no action is without rows.

use std::collections::BTreeSet;

use dais_shared::permissions::Action;
use dais_shared::room::Command;

use super::{Ask, asks};

/// What a command's rows begin with. A new command does not compile without an answer.
fn rows_of(command: &Command) -> &'static str {
    match command {
        Command::RaiseHand => "RaiseHand",
        Command::LowerHand => "LowerHand",
        Command::RespondInvite { .. } => "RespondInvite",
        Command::TakeSeat => "TakeSeat",
        Command::LeaveStage => "LeaveStage",
        Command::SetMicrophone { .. } => "SetMicrophone",
        Command::ReportMicrophone(_) => "ReportMicrophone",
        Command::SendMessage(_) => "SendMessage",
        Command::React(_) => "React",
        Command::Invite(_) => "Invite",
        Command::CancelInvite(_) => "CancelInvite",
        Command::AdmitHand(_) => "AdmitHand",
        Command::DeclineHand(_) => "DeclineHand",
        Command::LowerAllHands => "LowerAllHands",
        Command::MuteSpeaker(_) => "MuteSpeaker",
        Command::MuteAll => "MuteAll",
        Command::LiftMute(_) => "LiftMute",
        Command::RemoveFromStage(_) => "RemoveFromStage",
        Command::Kick(_) => "Kick",
        Command::Ban(_) => "Ban",
        Command::BanDeparted(_) => "BanDeparted",
        Command::Unban(_) => "Unban",
        Command::RemoveMessage(_) => "RemoveMessage",
        Command::MakeCoHost(_) => "MakeCoHost",
        Command::RemoveCoHost(_) => "RemoveCoHost",
        Command::HandOver(_) => "HandOver",
        Command::NameSuccessor(_) => "NameSuccessor",
        Command::Set(_) => "Set",
        Command::SetPasscode(_) => "SetPasscode",
        Command::EndRoom => "EndRoom",
    }
}

/// Whose rows show who may do an action. A new action does not compile without an answer.
fn rows_for(action: Action) -> &'static str {
    match action {
        Action::RaiseHand => "RaiseHand",
        Action::LowerHand => "LowerHand",
        Action::RespondInvite => "RespondInvite yes",
        Action::TakeSeat => "TakeSeat",
        Action::LeaveStage => "LeaveStage",
        Action::SetMicrophone => "SetMicrophone open",
        Action::SendMessage => "SendMessage",
        Action::React => "React",
        Action::Invite => "Invite",
        Action::CancelInvite => "CancelInvite",
        Action::AdmitHand => "AdmitHand",
        Action::DeclineHand => "DeclineHand",
        Action::MuteOther => "MuteSpeaker",
        Action::LiftMute => "LiftMute",
        Action::RemoveFromStage => "RemoveFromStage",
        Action::Kick => "Kick",
        Action::Ban => "Ban",
        Action::Unban => "Unban",
        Action::SeeBans => "SeeBans",
        Action::RemoveMessage => "RemoveMessage",
        Action::MakeCoHost => "MakeCoHost",
        Action::RemoveCoHost => "RemoveCoHost",
        Action::HandOver => "HandOver",
        Action::NameSuccessor => "NameSuccessor",
        Action::SetMode => "Set mode",
        Action::SetTitle => "Set title",
        Action::SetHandQueue => "Set hand queue",
        Action::SetChat => "Set chat",
        Action::SetLock => "Set lock",
        Action::SetPasscode => "SetPasscode",
        Action::SetUnlisted => "Set unlisted",
        Action::EndRoom => "EndRoom",
    }
}

#[test]
fn every_action_and_every_command_has_rows() {
    let asks = asks();
    for action in Action::ALL {
        assert!(asks.iter().any(|(name, _)| *name == rows_for(action)), "{action:?}");
    }
    let mut numbers = BTreeSet::new();
    for (name, ask) in &asks {
        let Ask::Command(command) = ask else { continue };
        assert!(*name == rows_of(command) || name.starts_with(&format!("{} ", rows_of(command))), "{name} asks {command:?}");
        numbers.insert(postcard::to_allocvec(command).unwrap()[0]);
    }
    // On the wire a variant is its number in one byte, and zeros are a lawful rest of each: so they can be counted.
    for number in 0..0x80 {
        let mut bytes = [0; 16];
        bytes[0] = number;
        if let Ok((command, _)) = postcard::take_from_bytes::<Command>(&bytes) {
            assert!(numbers.contains(&number), "{command:?} has no rows");
        }
    }
    assert_eq!(numbers.len(), 30);
}
