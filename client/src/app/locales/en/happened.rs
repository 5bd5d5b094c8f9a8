//! What happened in a room.

use dais_engine::shared::room::Mode;

use super::super::Happened;

pub(super) const HAPPENED: Happened = Happened {
    // On stage and off it.
    host_came_on_stage: |name| format!("{name} is here as the host."),
    was_admitted: |name| format!("{name} was called on stage."),
    took_seat: |name| format!("{name} took a seat on stage."),
    accepted: |name| format!("{name} accepted the invitation and came on stage."),
    you_came_on_stage: "You are on stage, muted. Press Unmute to speak.",
    you_were_admitted: "You were called on stage. You are muted: press Unmute to speak.",
    left_stage: |name| format!("{name} left the stage."),
    was_removed: |name| format!("{name} was removed from the stage."),
    left_room: |name| format!("{name} left the room."),
    timed_out: |name| format!("{name} lost the connection and left the room."),
    was_kicked: |name| format!("{name} was put out of the room for a minute."),
    was_banned: |name| format!("{name} was banned from the room."),
    you_left_stage: "You are in the audience.",
    you_were_removed: "The host moved you to the audience.",
    // Microphones and connections.
    muted: |name| format!("{name} is muted."),
    unmuted: |name| format!("{name} is unmuted."),
    you_muted: "You are muted.",
    you_unmuted: "You are on air.",
    muted_by_host: |name| format!("{name} was muted by a moderator."),
    you_were_muted: "You were muted by a moderator.",
    mute_lifted: |name| format!("{name} is allowed to speak again."),
    your_mute_lifted: "The host allows you to speak again. Press Unmute when you want to.",
    you_returned_muted: "You are back, muted. Press Unmute to speak.",
    microphone_refused: |name| format!("{name} did not allow the microphone."),
    microphone_missing: |name| format!("{name} has no microphone."),
    microphone_lost: |name| format!("The microphone of {name} failed."),
    connection_lost: |name| format!("{name} lost the connection. The seat is held."),
    connection_back: |name| format!("{name} is back."),
    // Hands and invitations.
    hand_raised: |name| format!("{name} raised a hand."),
    hand_raised_by_full_stage: |name| format!("{name} accepted, but the stage is full: the hand is up instead."),
    your_hand_raised: |position| match position {
        1 => "Your hand is up. You are next.".into(),
        position => format!("Your hand is up. You are number {position}."),
    },
    your_hand_raised_by_full_stage: "The stage is full at the moment, so your hand is up instead. You are called when there is room.",
    hand_lowered: |name| format!("{name} lowered the hand."),
    your_hand_lowered: "Your hand is down.",
    hand_declined: |name| format!("{name} was declined."),
    your_hand_declined: "Your hand was declined for now. You may raise it again.",
    was_invited: |name| format!("{name} is invited to the stage."),
    rejected: |name| format!("{name} declined the invitation."),
    you_rejected: "You stay in the audience.",
    invitation_cancelled: |name| format!("The invitation of {name} was cancelled."),
    your_invitation_cancelled: "The invitation to the stage was cancelled.",
    invitation_expired: |name| format!("{name} did not answer the invitation in time."),
    your_invitation_expired: "The invitation to the stage has expired.",
    // Who is in charge.
    made_co_host: |name| format!("{name} is a co-host now."),
    co_host_removed: |name| format!("{name} is no co-host any more."),
    you_are_co_host: "You are a co-host now: you may call people on stage, mute them and put them out.",
    you_are_no_co_host: "You are no co-host any more.",
    host_handed_over: |name| format!("The host handed the room over: {name} is the host now."),
    host_succeeded: |name| format!("The host is gone: {name} is the host now."),
    host_returned: |name| format!("The host is back: {name} is the host again."),
    you_are_host: "You are the host now.",
    leaderless: "The host is gone and nobody moderates the room. It will end soon unless a host comes back.",
    // What the room is.
    mode_changed: |mode| match mode {
        Mode::Moderated => "The room is moderated now: the host decides who speaks.",
        Mode::Open => "The room is open now: anybody may take a seat.",
    },
    title_changed: |title| format!("The room is called “{title}” now."),
    topic_changed: |topic| match topic {
        "" => "The room has no topic any more.".into(),
        topic => format!("The room is about “{topic}” now."),
    },
    hand_queue_set: |is_open| if is_open { "Hands may be raised again." } else { "No hands are taken at the moment." },
    chat_set: |is_open| if is_open { "The chat is open." } else { "The chat is closed." },
    lock_set: |is_locked| if is_locked { "The room is locked: nobody new comes in." } else { "The room is unlocked." },
    unlisted_set: |is_unlisted| {
        if is_unlisted { "The room is unlisted now: only its link leads here." } else { "The room is in the list of rooms now." }
    },
    passcode_set: |has_passcode| {
        if has_passcode { "A passcode is needed to come in now." } else { "No passcode is needed any more." }
    },
    message_removed: "A message was removed from the chat.",
    joined_room: |title| format!("You joined “{title}”."),
    somebody: "Somebody",
};
