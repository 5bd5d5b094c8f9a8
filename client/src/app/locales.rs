//! Every sentence of the page, as a typed table: a language that forgets one does not compile. Knows nothing about
//! where a sentence is shown.
//!
//! The enums of the protocol carry no words; the functions here give each of their variants one sentence, through
//! exhaustive matches.

mod devices;
mod en;
mod happened;
mod moderation;
mod speaking;
mod talk;

use dais_engine::shared::names::InvalidName;
use dais_engine::shared::room::Mode;
use dais_engine::shared::wire::Goodbye;
use dais_engine::{Failure, LeftRoom, MicrophoneFailure};
use leptos::prelude::{expect_context, provide_context};

use crate::link::why_not::Obstacle;
use crate::state::diagnosis::{Heard, Hearing};

pub(crate) use devices::Devices;
pub(crate) use happened::Happened;
pub(crate) use moderation::{Badges, Entry, Invitation, Moderation};
pub(crate) use speaking::Speaking;
pub(crate) use talk::{Chat, Keys};

/// Makes the person's language available to [`t`] below this component.
pub(crate) fn provide_language() {
    provide_context(Language(&en::EN));
}

/// The sentences in the person's language. Call it where a component is built, not in its event handlers.
pub(crate) fn t() -> &'static Sentences {
    expect_context::<Language>().0
}

/// For tests, which have no component around them.
#[cfg(test)]
pub(crate) fn english() -> &'static Sentences {
    &en::EN
}

#[derive(Clone, Copy)]
struct Language(&'static Sentences);

/// Says something of one person.
pub(crate) type OfName = fn(&str) -> String;

/// One language.
pub(crate) struct Sentences {
    pub(crate) controls: Controls,
    pub(crate) lobby: Lobby,
    pub(crate) join: Join,
    pub(crate) room: Room,
    pub(crate) person: Person,
    pub(crate) happened: Happened,
    pub(crate) microphone: Microphone,
    pub(crate) quality: Quality,
    pub(crate) settings: Settings,
    pub(crate) devices: Devices,
    pub(crate) connection: Connection,
    pub(crate) errors: Errors,
    pub(crate) entry: Entry,
    pub(crate) invitation: Invitation,
    pub(crate) moderation: Moderation,
    pub(crate) badges: Badges,
    pub(crate) chat: Chat,
    pub(crate) keys: Keys,
    pub(crate) speaking: Speaking,
}

/// Names of controls. In English they are what assistive technology and browser tests look for.
pub(crate) struct Controls {
    pub(crate) mute: &'static str,
    pub(crate) unmute: &'static str,
    pub(crate) raise_hand: &'static str,
    pub(crate) lower_hand: &'static str,
    pub(crate) take_seat: &'static str,
    pub(crate) leave_stage: &'static str,
    pub(crate) leave: &'static str,
    pub(crate) join: &'static str,
    pub(crate) create_room: &'static str,
    pub(crate) admit: &'static str,
    pub(crate) decline: &'static str,
    pub(crate) allow_to_speak: &'static str,
    pub(crate) remove_from_stage: &'static str,
    pub(crate) copy_link: &'static str,
    pub(crate) invite: &'static str,
    pub(crate) cancel_invitation: &'static str,
    pub(crate) accept: &'static str,
    pub(crate) reject: &'static str,
    pub(crate) make_co_host: &'static str,
    pub(crate) remove_co_host: &'static str,
    pub(crate) name_successor: &'static str,
    pub(crate) forget_successor: &'static str,
    pub(crate) hand_over: &'static str,
    pub(crate) kick: &'static str,
    pub(crate) ban: &'static str,
    pub(crate) unban: &'static str,
    pub(crate) banned_people: &'static str,
    pub(crate) lock: &'static str,
    pub(crate) unlock: &'static str,
    pub(crate) mute_all: &'static str,
    pub(crate) lower_all_hands: &'static str,
    pub(crate) passcode: &'static str,
    pub(crate) unlisted: &'static str,
    pub(crate) message: &'static str,
    pub(crate) send: &'static str,
    pub(crate) remove_message: &'static str,
    pub(crate) use_this_tab: &'static str,
    pub(crate) join_as_another: &'static str,
    pub(crate) show_more: &'static str,
    pub(crate) cancel: &'static str,
    pub(crate) save: &'static str,
    pub(crate) lower_hand_of: OfName,
    pub(crate) end_room: &'static str,
    pub(crate) enable_sound: &'static str,
    pub(crate) retry: &'static str,
    pub(crate) reload: &'static str,
    pub(crate) log_out: &'static str,
    pub(crate) room_id_or_link: &'static str,
    pub(crate) your_name: &'static str,
    pub(crate) room_title: &'static str,
    pub(crate) actions_for: OfName,
    pub(crate) settings: &'static str,
    pub(crate) close: &'static str,
    pub(crate) dismiss: &'static str,
    pub(crate) notices: &'static str,
}

/// The lobby.
pub(crate) struct Lobby {
    pub(crate) heading: &'static str,
    pub(crate) lead: &'static str,
    pub(crate) you: &'static str,
    pub(crate) logged_in_as: OfName,
    pub(crate) name_hint: &'static str,
    pub(crate) live_rooms: &'static str,
    pub(crate) loading_rooms: &'static str,
    pub(crate) no_rooms: &'static str,
    pub(crate) no_rooms_hint: &'static str,
    pub(crate) more_rooms: fn(u32) -> String,
    pub(crate) hosted_by: OfName,
    pub(crate) without_host: &'static str,
    pub(crate) on_stage: fn(u32) -> String,
    pub(crate) listening: fn(u32) -> String,
    pub(crate) mode: fn(Mode) -> &'static str,
    pub(crate) go_heading: &'static str,
    pub(crate) go: &'static str,
    pub(crate) create_heading: &'static str,
    pub(crate) create_lead: &'static str,
    pub(crate) who_speaks: &'static str,
    pub(crate) mode_hint: fn(Mode) -> &'static str,
    pub(crate) room_id: &'static str,
    pub(crate) room_id_hint: &'static str,
    pub(crate) unlisted_hint: &'static str,
    pub(crate) passcode_hint: &'static str,
    pub(crate) still_in: OfName,
    pub(crate) return_to_room: &'static str,
}

/// The screen before a room.
pub(crate) struct Join {
    pub(crate) looking: &'static str,
    pub(crate) not_open: &'static str,
    pub(crate) not_open_hint: &'static str,
    pub(crate) to_open: &'static str,
    pub(crate) no_microphone_needed: &'static str,
    pub(crate) your_seat_is_held: &'static str,
    pub(crate) joining: &'static str,
    pub(crate) back: &'static str,
    pub(crate) no_such_page: &'static str,
    pub(crate) no_such_page_hint: &'static str,
}

/// The room.
pub(crate) struct Room {
    pub(crate) stage: &'static str,
    pub(crate) audience: &'static str,
    pub(crate) raised_hands: &'static str,
    pub(crate) menu: &'static str,
    pub(crate) make_open: &'static str,
    pub(crate) make_moderated: &'static str,
    pub(crate) your_controls: &'static str,
    pub(crate) nobody_on_stage: &'static str,
    pub(crate) nobody_listens: &'static str,
    pub(crate) more_listeners: fn(u32) -> String,
    pub(crate) no_hands: &'static str,
    pub(crate) hands_of_open_room: &'static str,
    pub(crate) hands_closed: &'static str,
    pub(crate) your_hand: fn(u32) -> String,
    pub(crate) you_listen: &'static str,
    pub(crate) you_listen_open: &'static str,
    pub(crate) you_listen_closed: &'static str,
    pub(crate) you_are_muted: &'static str,
    pub(crate) you_are_muted_by_host: &'static str,
    pub(crate) you_may_unmute: &'static str,
    pub(crate) you_are_on_air: &'static str,
    pub(crate) you_are_unheard: &'static str,
    pub(crate) you_are_offline: &'static str,
    pub(crate) link_copied: &'static str,
    pub(crate) link_not_copied: OfName,
    pub(crate) leaderless: fn(u64) -> String,
    pub(crate) sound_locked: &'static str,
    pub(crate) sound_failed: &'static str,
    pub(crate) insecure: &'static str,
}

/// Words about one person.
pub(crate) struct Person {
    pub(crate) you: &'static str,
    pub(crate) host: &'static str,
    pub(crate) co_host: &'static str,
    pub(crate) muted: &'static str,
    pub(crate) muted_by_host: &'static str,
    pub(crate) reconnecting: &'static str,
    pub(crate) microphone_refused: &'static str,
    pub(crate) microphone_missing: &'static str,
    pub(crate) microphone_lost: &'static str,
    pub(crate) hand_raised: &'static str,
    pub(crate) silence_for_me: &'static str,
    pub(crate) volume_for_me: &'static str,
    pub(crate) volume_percent: fn(u32) -> String,
    pub(crate) silenced: &'static str,
}

/// The microphone.
pub(crate) struct Microphone {
    pub(crate) failed: fn(MicrophoneFailure) -> &'static str,
    pub(crate) opening: &'static str,
    pub(crate) try_again: &'static str,
}

/// The quality panel.
pub(crate) struct Quality {
    pub(crate) heading: &'static str,
    pub(crate) open: &'static str,
    pub(crate) hearing: fn(Hearing) -> &'static str,
    pub(crate) heard: fn(Heard) -> &'static str,
    pub(crate) can_you_hear: &'static str,
    pub(crate) can_others_hear: &'static str,
    pub(crate) measurements: &'static str,
    pub(crate) rtt: &'static str,
    pub(crate) jitter: &'static str,
    pub(crate) stalls_own: &'static str,
    pub(crate) stalls_others: &'static str,
    pub(crate) sent: &'static str,
    pub(crate) received: &'static str,
    pub(crate) concealed: &'static str,
    pub(crate) discarded: &'static str,
    pub(crate) stretched: &'static str,
    pub(crate) late: &'static str,
    pub(crate) held_back: &'static str,
    pub(crate) speakers: &'static str,
    pub(crate) speaker: &'static str,
    pub(crate) buffer: &'static str,
    pub(crate) mouth_to_ear: &'static str,
    pub(crate) mouth_to_ear_hint: &'static str,
    pub(crate) unknown: &'static str,
    pub(crate) ms: fn(f32) -> String,
    pub(crate) about_ms: fn(f32, f32) -> String,
    pub(crate) kbit: fn(u32) -> String,
    pub(crate) percent: fn(f32) -> String,
}

/// The settings.
pub(crate) struct Settings {
    pub(crate) heading: &'static str,
    pub(crate) microphone: &'static str,
    pub(crate) echo_cancellation: &'static str,
    pub(crate) echo_cancellation_hint: &'static str,
    pub(crate) noise_suppression: &'static str,
    pub(crate) noise_suppression_hint: &'static str,
    pub(crate) strong_suppression: &'static str,
    pub(crate) strong_suppression_hint: &'static str,
    pub(crate) gain_control: &'static str,
    pub(crate) gain_control_hint: &'static str,
    pub(crate) input_level: &'static str,
    pub(crate) input_level_closed: &'static str,
    pub(crate) appearance: &'static str,
    pub(crate) theme: &'static str,
    pub(crate) theme_system: &'static str,
    pub(crate) theme_light: &'static str,
    pub(crate) theme_dark: &'static str,
}

/// The connection to the server.
pub(crate) struct Connection {
    pub(crate) connecting: &'static str,
    pub(crate) online: &'static str,
    pub(crate) stalled: &'static str,
    pub(crate) reconnecting: &'static str,
    pub(crate) closed: &'static str,
    pub(crate) lost_in_room: &'static str,
    pub(crate) lost_in_lobby: &'static str,
    pub(crate) obstacle: fn(Obstacle) -> &'static str,
    pub(crate) goodbye: fn(Goodbye) -> &'static str,
    pub(crate) worker_failed: &'static str,
}

/// What did not work, and what to do about it.
pub(crate) struct Errors {
    pub(crate) failure: fn(Failure) -> &'static str,
    pub(crate) invalid_person_name: fn(InvalidName) -> &'static str,
    pub(crate) invalid_room_title: fn(InvalidName) -> &'static str,
    pub(crate) invalid_topic: fn(InvalidName) -> &'static str,
    pub(crate) invalid_passcode: fn(InvalidName) -> &'static str,
    pub(crate) invalid_message: fn(InvalidName) -> &'static str,
    pub(crate) invalid_room_id: &'static str,
    pub(crate) not_a_room_link: &'static str,
    pub(crate) left_room: fn(LeftRoom) -> Option<&'static str>,
}
