//! Verdicts on commands that name nobody.
//!
//! `+` is a yes that changes something, `=` a yes to what is so already, `-` the no to a role; every other word is the
//! reason for another no. Columns: listener, speaker, co-host, host.

use dais_shared::ids::InvitationId;
use dais_shared::room::{Command, MicrophoneState, Mode, Reaction, Setting};

use super::{Alone, Ask, OTHERWISE};
use crate::scene::NO_USER;

const HANDS_UP: &[&str] =
    &["hands up", "invited, hands up", "stage full, hands up", "stage full, invited, hands up", "queue closed, hands up"];
const INVITED: &[&str] = &["invited", "invited, hands up", "stage full, invited", "stage full, invited, hands up"];
const INVITED_HOWEVER_FULL: &[&str] =
    &["invited", "invited, hands up", "stage full, invited", "stage full, invited, hands up", "queue full, stage full, invited"];

#[rustfmt::skip]
pub(super) const TABLE: &[Alone] = &[
    Alone { name: "RaiseHand", ask: |_, _| Ask::Command(Command::RaiseHand), rows: &[
        (OTHERWISE,                                         "+            - - -"),
        (HANDS_UP,                                          "=            - - -"),
        (&["queue closed", "settings made"],                "hands-closed - - -"),
        (&["queue full", "queue full, stage full, invited"], "hands-full   - - -"),
    ] },
    Alone { name: "LowerHand", ask: |_, _| Ask::Command(Command::LowerHand), rows: &[
        (OTHERWISE, "= - - -"),
        (HANDS_UP,  "+ - - -"),
    ] },
    Alone { name: "RespondInvite yes", ask: |scene, me| {
        let invitation = scene.house.room.invitation_of(me).map_or(InvitationId(u32::MAX), |invitation| invitation.id);
        Ask::Command(Command::RespondInvite { invitation, accept: true })
    }, rows: &[
        (OTHERWISE,                            "expired    - - -"),
        (INVITED,                              "+          - - -"),
        (&["queue full, stage full, invited"], "hands-full - - -"),
    ] },
    Alone { name: "RespondInvite no", ask: |scene, me| {
        let invitation = scene.house.room.invitation_of(me).map_or(InvitationId(u32::MAX), |invitation| invitation.id);
        Ask::Command(Command::RespondInvite { invitation, accept: false })
    }, rows: &[
        (OTHERWISE,            "expired - - -"),
        (INVITED_HOWEVER_FULL, "+       - - -"),
    ] },
    Alone { name: "RespondInvite to another's invitation", ask: |scene, _| {
        let another = scene.house.room.invitation_of(scene.cast[0].second);
        Ask::Command(Command::RespondInvite { invitation: another.map_or(InvitationId(1), |other| other.id), accept: true })
    }, rows: &[
        (OTHERWISE, "expired - - -"),
    ] },
    Alone { name: "TakeSeat", ask: |_, _| Ask::Command(Command::TakeSeat), rows: &[
        (OTHERWISE,                   "moderated  - - -"),
        (&["open", "settings made"],  "+          - - -"),
        (&["stage full, open"],       "stage-full - - -"),
    ] },
    Alone { name: "LeaveStage", ask: |_, _| Ask::Command(Command::LeaveStage), rows: &[
        (OTHERWISE, "- + + -"),
    ] },
    Alone { name: "SetMicrophone open", ask: |_, _| Ask::Command(Command::SetMicrophone { muted: false }), rows: &[
        (OTHERWISE,              "- +     +     +"),
        (&["microphones open"],  "- =     =     ="),
        (&["muted by the host"], "- muted muted ="),
    ] },
    Alone { name: "SetMicrophone muted", ask: |_, _| Ask::Command(Command::SetMicrophone { muted: true }), rows: &[
        (OTHERWISE,              "- = = ="),
        (&["microphones open"],  "- + + +"),
        (&["muted by the host"], "- = = +"),
    ] },
    Alone { name: "ReportMicrophone", ask: |_, _| Ask::Command(Command::ReportMicrophone(MicrophoneState::Open)), rows: &[
        (OTHERWISE,                                  "- + + +"),
        (&["microphones open", "muted by the host"], "- = = ="),
    ] },
    Alone { name: "SendMessage", ask: |_, _| Ask::Command(Command::SendMessage(" Hello\nyou ".into())), rows: &[
        (OTHERWISE,                          "+           +           +           +"),
        (&["chat closed", "settings made"],  "chat-closed chat-closed chat-closed chat-closed"),
    ] },
    Alone { name: "SendMessage of nothing", ask: |_, _| Ask::Command(Command::SendMessage(" \u{200B} ".into())), rows: &[
        (OTHERWISE,                          "message-empty message-empty message-empty message-empty"),
        (&["chat closed", "settings made"],  "chat-closed   chat-closed   chat-closed   chat-closed"),
    ] },
    Alone { name: "SendMessage of 501 characters", ask: |_, _| Ask::Command(Command::SendMessage("ö".repeat(501))), rows: &[
        (OTHERWISE,                          "message-long message-long message-long message-long"),
        (&["chat closed", "settings made"],  "chat-closed  chat-closed  chat-closed  chat-closed"),
    ] },
    Alone { name: "SendMessage of 500 characters", ask: |_, _| Ask::Command(Command::SendMessage("ö".repeat(500))), rows: &[
        (OTHERWISE,                          "+           +           +           +"),
        (&["chat closed", "settings made"],  "chat-closed chat-closed chat-closed chat-closed"),
    ] },
    Alone { name: "React", ask: |_, _| Ask::Command(Command::React(Reaction::Applause)), rows: &[
        (OTHERWISE, "+ + + +"),
    ] },
    Alone { name: "LowerAllHands", ask: |_, _| Ask::Command(Command::LowerAllHands), rows: &[
        (OTHERWISE, "- - = ="),
        (HANDS_UP,  "- - + +"),
        (&["queue full", "queue full, stage full, invited"], "- - + +"),
    ] },
    Alone { name: "MuteAll", ask: |_, _| Ask::Command(Command::MuteAll), rows: &[
        (OTHERWISE,              "- - + +"),
        (&["muted by the host"], "- - = ="),
    ] },
    Alone { name: "Unban", ask: |scene, _| Ask::Command(Command::Unban(scene.banned)), rows: &[
        (OTHERWISE, "- - + +"),
    ] },
    Alone { name: "Unban of one who is not banned", ask: |_, _| Ask::Command(Command::Unban(NO_USER)), rows: &[
        (OTHERWISE, "- - no-person no-person"),
    ] },
    Alone { name: "SeeBans", ask: |_, _| Ask::SeeBans, rows: &[
        (OTHERWISE, "- - + +"),
    ] },
    Alone { name: "RemoveMessage of one who left", ask: |scene, _| {
        Ask::Command(Command::RemoveMessage(scene.message_of_departed))
    }, rows: &[
        (OTHERWISE,             "- - + +"),
        (&["messages removed"], "- - = ="),
        // He has been here once more, and left once more.
        (&["bans full"],        "- - + +"),
    ] },
    Alone { name: "NameSuccessor nobody", ask: |_, _| Ask::Command(Command::NameSuccessor(None)), rows: &[
        (OTHERWISE,            "- - - ="),
        (&["successor named"], "- - - +"),
    ] },
    Alone { name: "Set mode", ask: |_, _| Ask::Command(Command::Set(Setting::Mode(Mode::Open))), rows: &[
        (OTHERWISE,                                       "- - - +"),
        (&["open", "stage full, open", "settings made"],  "- - - ="),
    ] },
    Alone { name: "Set title", ask: |_, _| Ask::Command(Command::Set(Setting::Title(" Tower ".into()))), rows: &[
        (OTHERWISE,          "- - - +"),
        (&["settings made"], "- - - ="),
    ] },
    Alone { name: "Set title to nothing", ask: |_, _| Ask::Command(Command::Set(Setting::Title("  ".into()))), rows: &[
        (OTHERWISE, "- - - title-empty"),
    ] },
    Alone { name: "Set title that turns around", ask: |_, _| {
        Ask::Command(Command::Set(Setting::Title("To\u{202E}wer".into())))
    }, rows: &[
        (OTHERWISE, "- - - title-tricky"),
    ] },
    Alone { name: "Set topic", ask: |_, _| Ask::Command(Command::Set(Setting::Topic("Bells".into()))), rows: &[
        (OTHERWISE,          "- - - +"),
        (&["settings made"], "- - - ="),
    ] },
    Alone { name: "Set topic to nothing", ask: |_, _| Ask::Command(Command::Set(Setting::Topic(" ".into()))), rows: &[
        (OTHERWISE,          "- - - ="),
        (&["settings made"], "- - - +"),
    ] },
    Alone { name: "Set topic of 201 characters", ask: |_, _| {
        Ask::Command(Command::Set(Setting::Topic("x".repeat(201))))
    }, rows: &[
        (OTHERWISE, "- - - topic-long"),
    ] },
    Alone { name: "Set hand queue", ask: |_, _| Ask::Command(Command::Set(Setting::HandQueue(false))), rows: &[
        (OTHERWISE,                                                    "- - - +"),
        (&["queue closed", "queue closed, hands up", "settings made"], "- - - ="),
    ] },
    Alone { name: "Set chat", ask: |_, _| Ask::Command(Command::Set(Setting::Chat(false))), rows: &[
        (OTHERWISE,                         "- - - +"),
        (&["chat closed", "settings made"], "- - - ="),
    ] },
    Alone { name: "Set lock", ask: |_, _| Ask::Command(Command::Set(Setting::Lock(true))), rows: &[
        (OTHERWISE,          "- - - +"),
        (&["settings made"], "- - - ="),
    ] },
    Alone { name: "Set unlisted", ask: |_, _| Ask::Command(Command::Set(Setting::Unlisted(true))), rows: &[
        (OTHERWISE,          "- - - +"),
        (&["settings made"], "- - - ="),
    ] },
    Alone { name: "SetPasscode", ask: |_, _| Ask::Command(Command::SetPasscode(Some("sesame".into()))), rows: &[
        (OTHERWISE,          "- - - +"),
        (&["settings made"], "- - - ="),
    ] },
    Alone { name: "SetPasscode to nothing", ask: |_, _| Ask::Command(Command::SetPasscode(Some("\t".into()))), rows: &[
        (OTHERWISE, "- - - passcode-empty"),
    ] },
    Alone { name: "SetPasscode off", ask: |_, _| Ask::Command(Command::SetPasscode(None)), rows: &[
        (OTHERWISE,          "- - - ="),
        (&["settings made"], "- - - +"),
    ] },
    Alone { name: "EndRoom", ask: |_, _| Ask::Command(Command::EndRoom), rows: &[
        (OTHERWISE, "- - - +"),
    ] },
];
