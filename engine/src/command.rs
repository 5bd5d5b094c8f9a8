//! What a person asks of the engine.

use dais_shared::ids::{MemberId, MessageId, RoomId, UserId};
use dais_shared::room::{self, Mode};
use serde::{Deserialize, Serialize};

/// The shell's number for a command; the answer carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ticket(pub u32);

/// What a person can ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Become somebody, or take another name.
    Login {
        /// The name shown.
        name: String,
    },
    /// Forget who one is.
    Logout,
    /// The first page of rooms after an id.
    ListRooms {
        /// Only those after this one.
        after: Option<RoomId>,
    },
    /// Whether to be told when the room list changes.
    WatchRooms {
        /// On or off.
        watch: bool,
    },
    /// Create a room and join it as its host.
    CreateRoom {
        /// Its id; the server makes one if absent.
        room: Option<RoomId>,
        /// Its title.
        title: String,
        /// How people come on stage.
        mode: Mode,
        /// Whether it is found by its id alone, which the server makes in that case.
        unlisted: bool,
        /// What those who come in are asked for.
        passcode: Option<String>,
    },
    /// Join a room.
    JoinRoom {
        /// Which.
        room: RoomId,
        /// What the room asks for, where it does.
        passcode: Option<String>,
        /// Take the seat over from another page of the same person.
        take_over: bool,
    },
    /// What the lobby would show of one room.
    DescribeRoom {
        /// Which.
        room: RoomId,
    },
    /// Leave the room.
    LeaveRoom,
    /// A page of the member list.
    ListMembers {
        /// Only those after this one.
        after: Option<MemberId>,
    },
    /// A page of the chat.
    ListMessages {
        /// Only those before this one.
        before: Option<MessageId>,
    },
    /// Who is banned, and who has left.
    ListBanned,
    /// Something that the rules of the room decide.
    Room(room::Command),
    /// How loud one person is for this listener alone: 0 is silence, 1 unchanged, at most 2.
    SetVolume {
        /// Whose voice, by identity, so that it holds when the person comes back.
        user: UserId,
        /// A factor.
        volume: f32,
    },
    /// How one speaks from now on.
    SetSpeaking(Speaking),
    /// What happens to the key of [`Speaking::PushToTalk`]. Without effect where one may not be heard now: a press is no
    /// wish to be kept for later.
    Talk(TalkKey),
    /// Be nobody again, on this page alone: the identity stays what it is elsewhere. [`Command::Login`] makes another.
    BecomeAnother,
    /// Stop waiting and connect now.
    Retry,
}

/// What of an open microphone is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Speaking {
    /// What is voice, and not silence.
    #[default]
    VoiceActivation,
    /// Everything.
    OpenMicrophone,
    /// Everything while a key is held, and nothing otherwise.
    PushToTalk,
}

/// What a shell says of the key of [`Speaking::PushToTalk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TalkKey {
    /// It is pressed.
    Pressed,
    /// It is held as before: to be said several times a second, or it counts as released after one. Opens nothing.
    StillHeld,
    /// It is released, or may be: at most one more frame is sent.
    Released,
}

/// Why there is no microphone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MicrophoneFailure {
    /// The person, the browser or the system refuses it.
    Refused,
    /// There is none.
    Missing,
    /// It is there and cannot be opened, or it went away while open.
    Lost,
}
