//! Coming in, being asked on stage, and moderating.

use super::super::{Badges, Entry, Invitation, Moderation};

pub(super) const ENTRY: Entry = Entry {
    conflict_heading: "You are here already",
    conflict: "You are in this room from another tab or device. Go on here instead, or come in as somebody else.",
    use_this_tab_hint: "The other tab stops. Your role and your place stay as they are, and your microphone is muted.",
    another_hint: "You come in as a new person, who is known to this tab alone.",
    again_in: |seconds| format!("You can join again in {seconds} s."),
    again_now: "You can join again now.",
    passcode_hint: "Ask whoever invited you.",
    locked: "The room is locked. Only people who have a seat in it get in.",
};

pub(super) const INVITATION: Invitation = Invitation {
    heading: "Invitation to the stage",
    asks: |name| match name {
        "" => "A moderator asks you to come on stage.".into(),
        name => format!("{name} asks you to come on stage."),
    },
    consent: "If you accept, the browser may ask for the microphone. You arrive muted, and nobody hears you before you press Unmute.",
    left: |seconds| format!("{seconds} s left to answer"),
    answer: "Answer the invitation",
    invited: "Invited",
    countdown: |seconds| format!("{seconds} s"),
};

pub(super) const MODERATION: Moderation = Moderation {
    kick_heading: |name| format!("Kick {name}?"),
    kick: |name| {
        format!(
            "{name} is put out of the room and can come back after a minute. Till then nobody new is let in from the same internet address, unless the server is told otherwise."
        )
    },
    ban_heading: |name| format!("Ban {name}?"),
    ban: |name| {
        format!(
            "{name} is put out of the room and cannot come back until you lift the ban, and neither can anybody new from the same internet address, unless the server is told otherwise."
        )
    },
    end_heading: "End the room?",
    end: "Everybody leaves, and the chat is gone.",
    hand_over_to_heading: |name| format!("Hand the room over to {name}?"),
    hand_over_to: |name| format!("{name} becomes the host, and you become a co-host."),
    hand_over_heading: "Hand over the room",
    hand_over: "Who is to be the host? You become a co-host.",
    nobody_to_hand_over_to: "Nobody else is on stage who could be the host. Call somebody on stage first, or end the room.",
    leave_heading: "Leave the room?",
    leave: "You are the host. Hand the room over to somebody on stage, or end it for everybody.",
    hand_over_and_leave: "Hand over and leave",
    next_host: "Next host",
    passcode_heading: "Passcode",
    passcode_hint: "Whoever comes in from now on is asked for it. Those inside stay.",
    passcode_is_set: "The room has a passcode. A new one replaces it.",
    remove_passcode: "Remove passcode",
    about_heading: "Title and topic",
    edit_about: "Edit title and topic",
    topic: "Topic",
    topic_hint: "What the room is about, in a line or two. Optional.",
    banned_heading: "Banned people",
    nobody_banned: "Nobody is banned.",
    departed_heading: "People who left",
    departed_hint: "They can be kept from coming back.",
    nobody_departed: "Nobody has left so far.",
    erased_person: "An erased person",
    loading: "Looking…",
    open_hand_queue: "Open the hand queue",
    close_hand_queue: "Close the hand queue",
    open_chat: "Open the chat",
    close_chat: "Close the chat",
    successor: "Successor",
};

pub(super) const BADGES: Badges = Badges {
    locked: "Locked",
    passcode: "Passcode",
    unlisted: "Unlisted",
    hands_closed: "Hand queue closed",
    chat_closed: "Chat closed",
    label: "About this room",
};
