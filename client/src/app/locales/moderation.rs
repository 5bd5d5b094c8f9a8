//! Coming in, being asked on stage, and moderating.

use super::OfName;

/// The way into a room, and what stands in it.
pub(crate) struct Entry {
    pub(crate) conflict_heading: &'static str,
    pub(crate) conflict: &'static str,
    pub(crate) use_this_tab_hint: &'static str,
    pub(crate) another_hint: &'static str,
    pub(crate) again_in: fn(u64) -> String,
    pub(crate) again_now: &'static str,
    pub(crate) passcode_hint: &'static str,
    pub(crate) locked: &'static str,
}

/// Being asked on stage.
pub(crate) struct Invitation {
    pub(crate) heading: &'static str,
    pub(crate) asks: OfName,
    pub(crate) consent: &'static str,
    pub(crate) left: fn(u64) -> String,
    pub(crate) answer: &'static str,
    pub(crate) invited: &'static str,
    pub(crate) countdown: fn(u64) -> String,
}

/// Moderating a room.
pub(crate) struct Moderation {
    pub(crate) kick_heading: OfName,
    pub(crate) kick: OfName,
    pub(crate) ban_heading: OfName,
    pub(crate) ban: OfName,
    pub(crate) end_heading: &'static str,
    pub(crate) end: &'static str,
    pub(crate) hand_over_to_heading: OfName,
    pub(crate) hand_over_to: OfName,
    pub(crate) hand_over_heading: &'static str,
    pub(crate) hand_over: &'static str,
    pub(crate) nobody_to_hand_over_to: &'static str,
    pub(crate) leave_heading: &'static str,
    pub(crate) leave: &'static str,
    pub(crate) hand_over_and_leave: &'static str,
    pub(crate) next_host: &'static str,
    pub(crate) passcode_heading: &'static str,
    pub(crate) passcode_hint: &'static str,
    pub(crate) passcode_is_set: &'static str,
    pub(crate) remove_passcode: &'static str,
    pub(crate) about_heading: &'static str,
    pub(crate) edit_about: &'static str,
    pub(crate) topic: &'static str,
    pub(crate) topic_hint: &'static str,
    pub(crate) banned_heading: &'static str,
    pub(crate) nobody_banned: &'static str,
    pub(crate) departed_heading: &'static str,
    pub(crate) departed_hint: &'static str,
    pub(crate) nobody_departed: &'static str,
    /// Somebody who was banned, and of whom the server knows no more than that.
    pub(crate) erased_person: &'static str,
    pub(crate) loading: &'static str,
    pub(crate) open_hand_queue: &'static str,
    pub(crate) close_hand_queue: &'static str,
    pub(crate) open_chat: &'static str,
    pub(crate) close_chat: &'static str,
    pub(crate) successor: &'static str,
}

/// What a room is, in a word.
pub(crate) struct Badges {
    pub(crate) locked: &'static str,
    pub(crate) passcode: &'static str,
    pub(crate) unlisted: &'static str,
    pub(crate) hands_closed: &'static str,
    pub(crate) chat_closed: &'static str,
    pub(crate) label: &'static str,
}
