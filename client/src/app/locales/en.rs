//! English.

mod devices;
mod errors;
mod happened;
mod moderation;
mod screens;
mod sound;
mod speaking;
mod talk;

use super::{Controls, Sentences};

/// The table.
pub(super) const EN: Sentences = Sentences {
    controls: CONTROLS,
    lobby: screens::LOBBY,
    join: screens::JOIN,
    room: screens::ROOM,
    person: screens::PERSON,
    happened: happened::HAPPENED,
    microphone: sound::MICROPHONE,
    quality: sound::QUALITY,
    settings: sound::SETTINGS,
    devices: devices::DEVICES,
    connection: errors::CONNECTION,
    errors: errors::ERRORS,
    entry: moderation::ENTRY,
    invitation: moderation::INVITATION,
    moderation: moderation::MODERATION,
    badges: moderation::BADGES,
    chat: talk::CHAT,
    keys: talk::KEYS,
    speaking: speaking::SPEAKING,
};

const CONTROLS: Controls = Controls {
    mute: "Mute",
    unmute: "Unmute",
    raise_hand: "Raise hand",
    lower_hand: "Lower hand",
    take_seat: "Take a seat",
    leave_stage: "Leave stage",
    leave: "Leave",
    join: "Join",
    create_room: "Create room",
    admit: "Admit",
    decline: "Decline",
    allow_to_speak: "Allow to speak",
    remove_from_stage: "Remove from stage",
    copy_link: "Copy link",
    invite: "Invite to stage",
    cancel_invitation: "Cancel invitation",
    accept: "Accept",
    reject: "Reject",
    make_co_host: "Make co-host",
    remove_co_host: "Remove co-host",
    name_successor: "Name as successor",
    forget_successor: "Do not name as successor",
    hand_over: "Hand over",
    kick: "Kick",
    ban: "Ban",
    unban: "Unban",
    banned_people: "Banned people",
    lock: "Lock",
    unlock: "Unlock",
    mute_all: "Mute all",
    lower_all_hands: "Lower all hands",
    passcode: "Passcode",
    unlisted: "Unlisted",
    message: "Message",
    send: "Send",
    remove_message: "Remove message",
    use_this_tab: "Use this tab",
    join_as_another: "Join as another person",
    show_more: "Show more",
    cancel: "Cancel",
    save: "Save",
    lower_hand_of: |name| format!("Lower hand of {name}"),
    end_room: "End room",
    enable_sound: "Enable sound",
    retry: "Retry",
    reload: "Reload the page",
    log_out: "Log out",
    room_id_or_link: "Room id or link",
    your_name: "Your name",
    room_title: "Room title",
    actions_for: |name| format!("Actions for {name}"),
    settings: "Settings",
    close: "Close",
    dismiss: "Dismiss",
    notices: "Notices",
};

/// `1 person`, `2 persons`: English has two forms.
fn counted(count: u32, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
