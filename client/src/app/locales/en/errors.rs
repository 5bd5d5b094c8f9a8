//! The connection, and what did not work.

use dais_engine::shared::names::InvalidName;
use dais_engine::shared::room::{Denied, LeaveReason, RoomEndReason};
use dais_engine::shared::wire::Goodbye;
use dais_engine::{Failure, LeftRoom};

use super::super::{Connection, Errors};
use crate::link::why_not::Obstacle;

pub(super) const CONNECTION: Connection = Connection {
    connecting: "Connecting…",
    online: "Connected",
    stalled: "Not responding",
    reconnecting: "Reconnecting…",
    closed: "Disconnected",
    lost_in_room: "The connection is lost and being made again. Your place in the room is held for 30 seconds.",
    lost_in_lobby: "The server cannot be reached at the moment. The page keeps trying.",
    obstacle: |obstacle| match obstacle {
        Obstacle::ForeignPage => {
            "The server answers and refuses this page, because it is asked by another name than stands in your address bar. Whoever \
             runs it: let the proxy pass on the Host header, or start the server with --allow-origin."
        }
        Obstacle::NetworkFull => {
            "Your network has as many connections as one network may have here, or too many came at once. The page keeps trying."
        }
        Obstacle::ServerFull => "The server is full at the moment. The page keeps trying.",
        Obstacle::Unavailable => "The server’s disk does not answer at the moment. The page keeps trying.",
        Obstacle::OnTheWay => {
            "The server answers, but something on the way lets no WebSocket connection through: a proxy, a filter or a firewall. \
             Try another network, or ask whoever runs it."
        }
    },
    goodbye: |goodbye| match goodbye {
        Goodbye::ShuttingDown => "The server is restarting and will be back.",
        Goodbye::WrongVersion => "The server was updated. Reload the page to go on.",
        Goodbye::Malformed => "Page and server did not understand each other. Reload the page.",
        Goodbye::TooLarge => "The server refused something as too large. Reload the page.",
        Goodbye::NoHello => "The server closed a connection that took too long to start.",
        Goodbye::Silent => "The server closed the connection, because nothing reached it for too long.",
        Goodbye::TooFast => "The server closed the connection, because it got too many messages at once.",
        Goodbye::Abuse => "The server closed the connection, because voice kept coming that nobody may hear.",
        Goodbye::Superseded => "You are in this room from another tab or device now.",
        Goodbye::Overloaded => "The server is full at the moment.",
        Goodbye::LoggedOut => "You are logged out.",
        Goodbye::NotSignedIn => "Reload the page to sign in again.",
    },
    worker_failed: "A part of this page could not be started. Reload it; if that does not help, use a newer browser.",
};

pub(super) const ERRORS: Errors = Errors {
    failure: |failure| match failure {
        Failure::Denied(why) => denied(why),
        Failure::Offline => "There is no connection to the server at the moment. Try again when it is back.",
    },
    invalid_person_name,
    invalid_room_title,
    invalid_topic,
    invalid_passcode,
    invalid_message,
    invalid_room_id: "A room id is 1 to 64 small letters, digits and hyphens.",
    not_a_room_link: "This is neither a room’s id nor a room’s link.",
    left_room: |left| match left {
        LeftRoom::Left => None,
        LeftRoom::Ended(reason) => Some(room_ended(reason)),
        LeftRoom::PutOut { reason: LeaveReason::Banned, .. } => {
            Some("A moderator has banned you from this room. Only a moderator can lift that.")
        }
        LeftRoom::PutOut { .. } => Some("You were put out of the room for a minute."),
        LeftRoom::NotReadmitted(Denied::UnknownRoom) => Some("The room ended while you were away."),
        LeftRoom::NotReadmitted(why) => Some(denied(why)),
    },
};

fn denied(denied: Denied) -> &'static str {
    match denied {
        Denied::NotLoggedIn => "The server does not know you any more. Enter your name again.",
        Denied::NotInRoom => "You are not in the room any more. Join it again.",
        Denied::AlreadyInRoom => "You are in another room. Leave it first.",
        Denied::UnknownRoom => "There is no such room at the moment.",
        Denied::RoomIdTaken => "A room with this id is live already. Choose another id, or join that room.",
        Denied::InvalidName(why) => invalid_person_name(why),
        Denied::InvalidTitle(why) => invalid_room_title(why),
        Denied::RoomFull => "The room is full. Try again when somebody has left.",
        Denied::StageFull => "The stage is full. Somebody has to leave it first.",
        Denied::HandQueueFull => "Too many hands are up already. Try again later.",
        Denied::TooManyRooms => "This server is full: it has no place for another room at the moment. Try again later.",
        Denied::TooManyRoomsOfYours => "You are host of as many rooms as one person may be. End one of them first.",
        Denied::NotPermitted => "You are not allowed to do that.",
        Denied::NoSuchMember => "This person has left the room.",
        Denied::HandNotRaised => "The hand is down already.",
        Denied::NotOnStage => "This person is not on stage any more.",
        Denied::RoomIsModerated => "The host decides who speaks here. Raise your hand.",
        Denied::MutedByHost => "A moderator muted you. Only the host or a co-host can allow you to speak.",
        Denied::RoomEnded => "The room has ended.",
        Denied::SeatInUse => "You are in this room from another tab or device.",
        Denied::RoomLocked => "The room is locked: nobody new is let in at the moment.",
        Denied::PasscodeNeeded => "Enter the room’s passcode.",
        Denied::PasscodeWrong => "This is not the room’s passcode.",
        Denied::UnlistedIdChosen => "The id of an unlisted room cannot be chosen.",
        Denied::Kicked { .. } => "You, or somebody at your internet address, were put out of this room for a minute.",
        Denied::Banned => {
            "A moderator has banned you, or somebody at your internet address, from this room. Only a moderator can lift that."
        }
        Denied::InviteExpired => "The invitation is not valid any more.",
        Denied::AlreadyInvited => "This person is invited already.",
        Denied::NotInvited => "This person is not invited any more.",
        Denied::TooManyInvitations => "Too many invitations are under way. Wait until some are answered.",
        Denied::AlreadyOnStage => "This person is on stage already.",
        Denied::OtherRole => "This person’s role has changed in the meantime.",
        Denied::HandQueueClosed => "No hands are taken at the moment.",
        Denied::ChatClosed => "The chat is closed at the moment.",
        Denied::InvalidMessage(why) => invalid_message(why),
        Denied::InvalidTopic(why) => invalid_topic(why),
        Denied::InvalidPasscode(why) => invalid_passcode(why),
        Denied::NoSuchMessage => "The message is gone already.",
        Denied::NoSuchPerson => "This person is not on the list any more.",
        Denied::TooManyBans => "The list of banned people is full. Lift some bans first.",
        Denied::TooFast => "That was too quick. Wait a moment and try again.",
        Denied::Unavailable => "The server cannot keep changes at the moment. Try again soon.",
        Denied::TooManyRoomsOfNetwork => {
            "Your network has as many rooms as one network may have here. Somebody there has to end one first."
        }
        Denied::RoomGaveWay => {
            "The room was ended while nobody was in it, because the server had no place for others. It can be created anew."
        }
    }
}

fn room_ended(reason: RoomEndReason) -> &'static str {
    match reason {
        RoomEndReason::ByHost => "The host ended the room.",
        RoomEndReason::Empty => "The room ended, because nobody was left.",
        RoomEndReason::Leaderless => "The room ended, because nobody moderated it.",
        RoomEndReason::Failed => "The room ended, because something went wrong on the server.",
        RoomEndReason::ByOperator => "Whoever runs this server ended the room.",
    }
}

fn invalid_person_name(invalid: InvalidName) -> &'static str {
    match invalid {
        InvalidName::Empty => "Enter your name.",
        InvalidName::TooLong => "A name has at most 40 characters.",
        InvalidName::Unprintable => "The name holds characters that cannot be shown.",
    }
}

fn invalid_room_title(invalid: InvalidName) -> &'static str {
    match invalid {
        InvalidName::Empty => "Enter a title.",
        InvalidName::TooLong => "A title has at most 80 characters.",
        InvalidName::Unprintable => "The title holds characters that cannot be shown.",
    }
}

fn invalid_topic(invalid: InvalidName) -> &'static str {
    match invalid {
        InvalidName::Empty => "Enter a topic.",
        InvalidName::TooLong => "A topic has at most 200 characters.",
        InvalidName::Unprintable => "The topic holds characters that cannot be shown.",
    }
}

fn invalid_passcode(invalid: InvalidName) -> &'static str {
    match invalid {
        InvalidName::Empty => "Enter a passcode.",
        InvalidName::TooLong => "A passcode has at most 64 characters.",
        InvalidName::Unprintable => "The passcode holds characters that cannot be typed again.",
    }
}

fn invalid_message(invalid: InvalidName) -> &'static str {
    match invalid {
        InvalidName::Empty => "Write something first.",
        InvalidName::TooLong => "A message has at most 500 characters. Shorten it and send it again.",
        InvalidName::Unprintable => "The message holds characters that cannot be shown.",
    }
}
