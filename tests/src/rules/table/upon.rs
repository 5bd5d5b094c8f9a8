//! Verdicts on commands that name somebody. Words as in `alone`.
//!
//! Rows: listener, speaker, co-host and host as actors. Columns, as targets: a listener, a speaker, a co-host, the
//! host, the actor himself, nobody who is here. The host at the host is himself.

use dais_shared::ids::UserId;
use dais_shared::room::Command;

use super::{Ask, OTHERWISE, Target, Upon};
use crate::scene::{NO_USER, Scene};

/// Who left with the column's role; for the last two columns, who is here and who never was.
fn departed(scene: &Scene, target: Target) -> UserId {
    match scene.departed.get(target.column) {
        Some(user) => *user,
        None => scene.house.room.seat(target.member).map_or(NO_USER, |seat| seat.user),
    }
}

const NEVER: &str = "- - - - - -";
const HANDS_UP: &[&str] = &["hands up", "invited, hands up", "queue closed, hands up"];
const HANDS_UP_HOWEVER_FULL: &[&str] =
    &["hands up", "invited, hands up", "queue closed, hands up", "stage full, hands up", "stage full, invited, hands up"];
const HANDS_UP_STAGE_FULL: &[&str] = &["stage full, hands up", "stage full, invited, hands up"];
const INVITED_HANDS_DOWN: &[&str] =
    &["invited", "invited a minute ago", "stage full, invited", "queue full, stage full, invited"];
const INVITED: &[&str] = &[
    "invited",
    "invited, hands up",
    "invited a minute ago",
    "stage full, invited",
    "stage full, invited, hands up",
    "queue full, stage full, invited",
];

#[rustfmt::skip]
pub(super) const TABLE: &[Upon] = &[
    Upon { name: "Invite", ask: |_, target| Ask::Command(Command::Invite(target.member)), rows: &[
        //                       listener     speaker  co-host  host himself nobody
        (OTHERWISE,           [ NEVER, NEVER,
                                "+            on-stage -        -    -       no-member",
                                "+            on-stage on-stage -    -       no-member" ]),
        (INVITED_HANDS_DOWN,  [ NEVER, NEVER,
                                "invited      on-stage -        -    -       no-member",
                                "invited      on-stage on-stage -    -       no-member" ]),
        (HANDS_UP_STAGE_FULL, [ NEVER, NEVER,
                                "stage-full   on-stage -        -    -       no-member",
                                "stage-full   on-stage on-stage -    -       no-member" ]),
        (&["invitations full"], [ NEVER, NEVER,
                                "invites-full on-stage -        -    -       no-member",
                                "invites-full on-stage on-stage -    -       no-member" ]),
    ] },
    Upon { name: "CancelInvite", ask: |_, target| Ask::Command(Command::CancelInvite(target.member)), rows: &[
        (OTHERWISE, [ NEVER, NEVER,
                      "uninvited uninvited -         - - no-member",
                      "uninvited uninvited uninvited - - no-member" ]),
        (INVITED,   [ NEVER, NEVER,
                      "+         uninvited -         - - no-member",
                      "+         uninvited uninvited - - no-member" ]),
    ] },
    Upon { name: "AdmitHand", ask: |_, target| Ask::Command(Command::AdmitHand(target.member)), rows: &[
        (OTHERWISE,           [ NEVER, NEVER,
                                "hand-down  hand-down -         - - no-member",
                                "hand-down  hand-down hand-down - - no-member" ]),
        (HANDS_UP,            [ NEVER, NEVER,
                                "+          hand-down -         - - no-member",
                                "+          hand-down hand-down - - no-member" ]),
        (HANDS_UP_STAGE_FULL, [ NEVER, NEVER,
                                "stage-full hand-down -         - - no-member",
                                "stage-full hand-down hand-down - - no-member" ]),
    ] },
    Upon { name: "DeclineHand", ask: |_, target| Ask::Command(Command::DeclineHand(target.member)), rows: &[
        (OTHERWISE,             [ NEVER, NEVER,
                                  "hand-down hand-down -         - - no-member",
                                  "hand-down hand-down hand-down - - no-member" ]),
        (HANDS_UP_HOWEVER_FULL, [ NEVER, NEVER,
                                  "+         hand-down -         - - no-member",
                                  "+         hand-down hand-down - - no-member" ]),
    ] },
    Upon { name: "MuteSpeaker", ask: |_, target| Ask::Command(Command::MuteSpeaker(target.member)), rows: &[
        (OTHERWISE,              [ NEVER, NEVER,
                                   "off-stage + - - - no-member",
                                   "off-stage + + - - no-member" ]),
        (&["muted by the host"], [ NEVER, NEVER,
                                   "off-stage = - - - no-member",
                                   "off-stage = = - - no-member" ]),
    ] },
    Upon { name: "LiftMute", ask: |_, target| Ask::Command(Command::LiftMute(target.member)), rows: &[
        (OTHERWISE,              [ NEVER, NEVER,
                                   "off-stage = - - - no-member",
                                   "off-stage = = - - no-member" ]),
        (&["muted by the host"], [ NEVER, NEVER,
                                   "off-stage + - - - no-member",
                                   "off-stage + + - - no-member" ]),
    ] },
    Upon { name: "RemoveFromStage", ask: |_, target| Ask::Command(Command::RemoveFromStage(target.member)), rows: &[
        (OTHERWISE, [ NEVER, NEVER,
                      "off-stage + - - - no-member",
                      "off-stage + + - - no-member" ]),
    ] },
    Upon { name: "Kick", ask: |_, target| Ask::Command(Command::Kick(target.member)), rows: &[
        (OTHERWISE, [ NEVER, NEVER,
                      "+ + - - - no-member",
                      "+ + + - - no-member" ]),
    ] },
    Upon { name: "Ban", ask: |_, target| Ask::Command(Command::Ban(target.member)), rows: &[
        (OTHERWISE,      [ NEVER, NEVER,
                           "+         +         -         - - no-member",
                           "+         +         +         - - no-member" ]),
        (&["bans full"], [ NEVER, NEVER,
                           "bans-full bans-full -         - - no-member",
                           "bans-full bans-full bans-full - - no-member" ]),
    ] },
    // Of those who have left, by the role they held to the end: nobody bans an equal by waiting for him to go.
    Upon { name: "BanDeparted", ask: |scene, target| Ask::Command(Command::BanDeparted(departed(scene, target))), rows: &[
        (OTHERWISE,            [ NEVER, NEVER,
                                 "+         +         -         -         no-person no-person",
                                 "+         +         +         -         no-person no-person" ]),
        (&["departed banned"], [ NEVER, NEVER,
                                 "=         =         -         -         no-person no-person",
                                 "=         =         =         -         no-person no-person" ]),
        // The host who had left is out of the list of those remembered by then.
        (&["bans full"],       [ NEVER, NEVER,
                                 "bans-full bans-full -         no-person no-person no-person",
                                 "bans-full bans-full bans-full no-person no-person no-person" ]),
    ] },
    // The columns are the writers. One's own everybody takes back.
    Upon { name: "RemoveMessage", ask: |scene, target| {
        Ask::Command(Command::RemoveMessage(scene.message_of(target.member)))
    }, rows: &[
        (OTHERWISE,             [ "- - - - + no-message",
                                  "- - - - + no-message",
                                  "+ + - - + no-message",
                                  "+ + + + + no-message" ]),
        (&["messages removed"], [ "- - - - = no-message",
                                  "- - - - = no-message",
                                  "= = - - = no-message",
                                  "= = = = = no-message" ]),
    ] },
    Upon { name: "MakeCoHost", ask: |_, target| Ask::Command(Command::MakeCoHost(target.member)), rows: &[
        (OTHERWISE, [ NEVER, NEVER, NEVER,
                      "off-stage + other-role - - no-member" ]),
    ] },
    Upon { name: "RemoveCoHost", ask: |_, target| Ask::Command(Command::RemoveCoHost(target.member)), rows: &[
        (OTHERWISE, [ NEVER, NEVER, NEVER,
                      "off-stage other-role + - - no-member" ]),
    ] },
    Upon { name: "HandOver", ask: |_, target| Ask::Command(Command::HandOver(target.member)), rows: &[
        (OTHERWISE, [ NEVER, NEVER, NEVER,
                      "off-stage + + - - no-member" ]),
    ] },
    Upon { name: "NameSuccessor", ask: |_, target| Ask::Command(Command::NameSuccessor(Some(target.member))), rows: &[
        (OTHERWISE,            [ NEVER, NEVER, NEVER,
                                 "off-stage + + - - no-member" ]),
        (&["successor named"], [ NEVER, NEVER, NEVER,
                                 "off-stage = + - - no-member" ]),
    ] },
];
