//! What happened on the stage.

use dais_engine::shared::room::Mode;

use super::super::Happened;

pub(super) const HAPPENED: Happened = Happened {
    came_on_stage: |name| format!("{name} came on stage."),
    you_came_on_stage: "You are on stage, muted. Press Unmute to speak.",
    you_were_admitted: "You were called on stage. You are muted: press Unmute to speak.",
    left_stage: |name| format!("{name} left the stage."),
    was_removed: |name| format!("{name} was removed from the stage."),
    left_room: |name| format!("{name} left the room."),
    timed_out: |name| format!("{name} lost the connection and left the room."),
    you_left_stage: "You are in the audience.",
    you_were_removed: "The host moved you to the audience.",
    muted: |name| format!("{name} is muted."),
    unmuted: |name| format!("{name} is unmuted."),
    you_muted: "You are muted.",
    you_unmuted: "You are on air.",
    muted_by_host: |name| format!("{name} was muted by the host."),
    you_were_muted: "The host muted you.",
    mute_lifted: |name| format!("{name} is allowed to speak again."),
    your_mute_lifted: "The host allows you to speak again. Press Unmute when you want to.",
    you_returned_muted: "You are back, muted. Press Unmute to speak.",
    microphone_refused: |name| format!("{name} did not allow the microphone."),
    microphone_missing: |name| format!("{name} has no microphone."),
    microphone_lost: |name| format!("The microphone of {name} failed."),
    connection_lost: |name| format!("{name} lost the connection. The seat is held."),
    connection_back: |name| format!("{name} is back."),
    hand_raised: |name| format!("{name} raised a hand."),
    your_hand_raised: |position| match position {
        1 => "Your hand is up. You are next.".into(),
        position => format!("Your hand is up. You are number {position}."),
    },
    hand_lowered: |name| format!("{name} lowered the hand."),
    your_hand_lowered: "Your hand is down.",
    hand_declined: |name| format!("The host declined {name}."),
    your_hand_declined: "The host declined for now. You may raise your hand again.",
    host_changed: |name| format!("{name} is the host now."),
    you_are_host: "You are the host now.",
    leaderless: "The host is gone and nobody moderates the room. It will end soon unless a host comes back.",
    mode_changed: |mode| match mode {
        Mode::Moderated => "The room is moderated now: the host decides who speaks.",
        Mode::Open => "The room is open now: anybody may take a seat.",
    },
    title_changed: |title| format!("The room is called “{title}” now."),
    joined_room: |title| format!("You joined “{title}”."),
    somebody: "Somebody",
};
