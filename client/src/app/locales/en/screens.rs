//! The lobby, the screen before a room, and the room.

use dais_engine::shared::room::Mode;

use super::super::{Join, Lobby, Person, Room};
use super::counted;

pub(super) const LOBBY: Lobby = Lobby {
    heading: "Lobby",
    lead: "Open a link, hear the room, raise a hand, speak.",
    you: "You",
    logged_in_as: |name| format!("You are {name} on this server."),
    name_hint: "Others in a room see it. No account is needed.",
    live_rooms: "Live rooms",
    loading_rooms: "Looking for rooms…",
    no_rooms: "No room is live at the moment.",
    no_rooms_hint: "Create one and send its link to the people you want to hear, or wait here: a new room shows up by itself.",
    more_rooms: |count| format!("{} not shown. Open them by their id.", counted(count, "more room is", "more rooms are")),
    hosted_by: |name| format!("Hosted by {name}"),
    without_host: "Without a host at the moment",
    on_stage: |count| format!("{count} on stage"),
    listening: |count| format!("{count} listening"),
    mode: |mode| match mode {
        Mode::Moderated => "Moderated",
        Mode::Open => "Open",
    },
    go_heading: "Have a link?",
    go: "Go to room",
    create_heading: "Start a room",
    create_lead: "You are its host and decide who speaks.",
    who_speaks: "Who may speak",
    mode_hint: |mode| match mode {
        Mode::Moderated => "People raise a hand and you call them on stage.",
        Mode::Open => "Whoever wants to takes a seat on stage.",
    },
    room_id: "Room id (optional)",
    room_id_hint: "The end of the room’s link: small letters, digits and hyphens.",
    unlisted_hint: "In no list: only who has the link finds it. The server makes an id that nobody guesses.",
    passcode_hint: "Optional. Whoever comes in is asked for it.",
    still_in: |title| format!("You are still in “{title}”."),
    return_to_room: "Return to the room",
};

pub(super) const JOIN: Join = Join {
    looking: "Looking for the room…",
    not_open: "This room is not live at the moment.",
    not_open_hint: "It may not have started yet. This page notices when it does.",
    to_open: "Nobody has opened this room yet. It opens when you join.",
    no_microphone_needed: "No microphone is needed to come in.",
    your_seat_is_held: "You were here a moment ago. Your place is held for half a minute.",
    joining: "Joining…",
    back: "Back to the lobby",
    no_such_page: "There is nothing here",
    no_such_page_hint: "The address is not that of a room. A room’s address ends in /r/ and the room’s id.",
};

pub(super) const ROOM: Room = Room {
    stage: "Stage",
    audience: "Audience",
    raised_hands: "Raised hands",
    menu: "Room menu",
    make_open: "Let everybody take a seat",
    make_moderated: "Let the host decide who speaks",
    your_controls: "Your controls",
    nobody_on_stage: "Nobody is on stage.",
    nobody_listens: "Nobody is in the audience yet. Copy the link and invite people.",
    more_listeners: |count| format!("and {}", counted(count, "more listener", "more listeners")),
    no_hands: "Nobody asks to speak.",
    hands_of_open_room: "Nobody asks to speak. In this room anybody may take a seat.",
    hands_closed: "The host takes no hands at the moment.",
    your_hand: |position| match position {
        1 => "Your hand is up. You are next.".into(),
        position => format!("Your hand is up. You are number {position}."),
    },
    you_listen: "You are listening. Raise a hand to speak.",
    you_listen_open: "You are listening. Take a seat to speak.",
    you_listen_closed: "You are listening. The host takes no hands at the moment.",
    you_are_muted: "You are on stage and muted.",
    you_are_muted_by_host: "A moderator muted you. You can unmute once the host or a co-host allows it.",
    you_may_unmute: "The host allows you to speak again. Nobody hears you until you press Unmute.",
    you_are_on_air: "You are on air.",
    you_are_unheard: "You are unmuted, but nobody hears you: the microphone is not open.",
    you_are_offline: "You are not connected at the moment.",
    link_copied: "The link is copied.",
    link_not_copied: |link| format!("The browser does not let this page copy. The link is {link}"),
    leaderless: |seconds| format!("Nobody moderates this room now. It ends in {seconds} s unless a host comes back."),
    sound_locked: "The browser holds the sound back until you allow it.",
    sound_failed: "This browser cannot play the room’s sound. Reload the page, or try the newest version of your browser.",
    insecure: "This page was not loaded securely, so the browser gives it neither sound nor microphone. \
               Open it with https:// or, on the server’s own machine, as http://localhost.",
};

pub(super) const PERSON: Person = Person {
    you: "you",
    host: "Host",
    co_host: "Co-host",
    muted: "Muted",
    muted_by_host: "Muted by the host",
    reconnecting: "Reconnecting…",
    microphone_refused: "Microphone not allowed",
    microphone_missing: "No microphone",
    microphone_lost: "Microphone failed",
    hand_raised: "Hand raised",
    silence_for_me: "Silence for me",
    volume_for_me: "Volume for me",
    volume_percent: |percent| format!("{percent} %"),
    silenced: "Silenced for you",
};
