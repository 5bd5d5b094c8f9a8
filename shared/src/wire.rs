//! The protocol: what client and server say to each other, byte by byte. docs/protocol.md is its prose.
//!
//! Every WebSocket message is binary: one byte that tells control from voice, then postcard. Postcard numbers the
//! variants of an enum in the order written here, so new ones go to the end and a change in the middle is a new
//! [`PROTOCOL_VERSION`]. Nothing here carries a sentence: the client owns those.

mod bundle;
mod goodbye;

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

pub use bundle::{InvalidBundle, KIND_BUNDLE, Messages, encode_bundle_head, messages};
pub use goodbye::Goodbye;

use crate::ids::{MemberId, MessageId, PageId, RequestId, Revision, RoomId, Seq, StreamId, Token, UserId};
use crate::limits::CLIENT_MESSAGE_BYTES_MAX;
use crate::room::{Command, Denied, LeaveReason, Message, Mode};
use crate::view::{Absent, Delta, Member, View};
use crate::voice;

/// What both sides must agree on. The first thing a client says.
pub const PROTOCOL_VERSION: u16 = 4;

/// First byte of a control message.
pub const KIND_CONTROL: u8 = 0;
/// First byte of a voice message. Of several at once: [`KIND_BUNDLE`].
pub const KIND_VOICE: u8 = 1;

/// A control message from a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientFrame {
    /// The first message of a connection. Its version stands in front of all else in every version of the protocol.
    Hello {
        /// [`PROTOCOL_VERSION`] of the client.
        version: u16,
        /// What the client calls itself, for the server's log: at most 64 characters.
        client: String,
        /// The secret of an identity given earlier.
        token: Option<Token>,
    },
    /// Asks for something; exactly one [`ServerFrame::Reply`] comes back.
    Request {
        /// Echoed in the reply.
        id: RequestId,
        /// What is asked.
        request: Request,
    },
    /// Heartbeat and round-trip measurement; a [`ServerFrame::Pong`] comes back.
    Ping {
        /// Echoed.
        nonce: u32,
    },
    /// Answers [`ServerFrame::Ping`].
    Pong {
        /// Echoed.
        nonce: u32,
    },
    /// The newest arrival time among the voice frames that have reached this client, in server milliseconds.
    VoiceReport {
        /// See above.
        newest_ms: u64,
    },
    /// How the speaker's capture time maps to the server's clock, as the speaker estimates it.
    ClockMapping {
        /// A timestamp of the speaker's stream, in 48 kHz samples.
        timestamp: u64,
        /// The server's clock when that sample was captured, in milliseconds.
        server_ms: u64,
    },
}

/// What a client may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Become somebody; or, being somebody, take another name for the rooms joined from now on.
    Login {
        /// The name shown.
        name: String,
    },
    /// Leave the room and forget the identity: its token opens nothing any more.
    Logout,
    /// One page of the listed rooms, in the order of their ids.
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
        /// The page that asks.
        page: PageId,
    },
    /// Join a room, or come back to one's seat there.
    JoinRoom {
        /// Which.
        room: RoomId,
        /// The passcode, where the person has given one.
        passcode: Option<String>,
        /// The page that asks. A seat that is in use on another page is not given away unasked.
        page: PageId,
        /// Take the seat over from that other page.
        take_over: bool,
        /// Whether the microphone is open on this page at this moment.
        microphone_open: bool,
    },
    /// Leave the room for good.
    LeaveRoom,
    /// One page of the member list, in the order of the seats.
    ListMembers {
        /// Only those after this one.
        after: Option<MemberId>,
    },
    /// A fresh snapshot, after a gap.
    Resync,
    /// What the lobby would show of one room; of an unlisted one too, since whoever asks knows its id. Of one that is not there,
    /// whether the asker is the one to create it.
    DescribeRoom {
        /// Which.
        room: RoomId,
    },
    /// One page of the chat: the newest messages before one.
    ListMessages {
        /// Only those before this one.
        before: Option<MessageId>,
    },
    /// Who is banned, and who has left. For moderators.
    ListBanned,
    /// Whether one person's voice is to be sent to this connection. Lasts as long as the connection's seat.
    Silence {
        /// The source of sound.
        stream: StreamId,
        /// Silent or not.
        silent: bool,
    },
    /// Something that the rules of the room decide.
    Room(Command),
}

/// A control message from the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    target_pointer_width = "64",
    expect(clippy::large_enum_variant, reason = "one at a time is made or read; none is stored")
)]
pub enum ServerFrame {
    /// Answers [`ClientFrame::Hello`].
    Welcome {
        /// [`PROTOCOL_VERSION`] of the server.
        version: u16,
        /// The server's clock, in Unix milliseconds.
        server_ms: u64,
        /// Who the token says the client is. Absent without a token, and with one that opens nothing.
        identity: Option<Identity>,
        /// Send something at least this often, in milliseconds.
        heartbeat_ms: u32,
    },
    /// The last message before the server closes the connection.
    Goodbye(Goodbye),
    /// Answers a request.
    Reply {
        /// The request's number.
        id: RequestId,
        /// The room's revision when the request was decided; 0 outside a room.
        revision: Revision,
        /// What came of it.
        result: Result<Reply, Denied>,
    },
    /// The whole of what the client may know of its room.
    Snapshot(View),
    /// What changed since.
    Delta(Delta),
    /// The room list changed; its first page.
    Rooms(RoomsPage),
    /// Answers [`ClientFrame::Ping`].
    Pong {
        /// Echoed.
        nonce: u32,
        /// The server's clock, in Unix milliseconds.
        server_ms: u64,
    },
    /// Asks for a [`ClientFrame::Pong`].
    Ping {
        /// To be echoed.
        nonce: u32,
    },
    /// The newest voice frame that has reached the server from this client.
    VoiceAck {
        /// Its sequence.
        sequence: Seq,
    },
    /// This member's seat in the room is gone by somebody else's doing.
    PutOut {
        /// Which room.
        room: RoomId,
        /// Kicked or banned.
        reason: LeaveReason,
        /// When one may come back, in Unix milliseconds, if ever.
        until_ms: Option<u64>,
    },
    /// A speaker's clock mapping, see [`ClientFrame::ClockMapping`].
    ClockMapping {
        /// Whose.
        stream: StreamId,
        /// In 48 kHz samples.
        timestamp: u64,
        /// In milliseconds of the server's clock.
        server_ms: u64,
    },
    /// Nobody has spoken for a moment, though somebody could: tells how late voice would be.
    Clock {
        /// The server's clock, in Unix milliseconds.
        server_ms: u64,
    },
}

/// Who somebody is on this server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The public id.
    pub user: UserId,
    /// The name shown in rooms joined from now on.
    pub name: String,
}

/// The good answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Done; what changed comes as a delta.
    Done,
    /// Logged in.
    LoggedIn {
        /// Who.
        identity: Identity,
        /// The secret that proves it, only when the identity is new.
        token: Option<Token>,
    },
    /// The room exists and the asker sits in it; a snapshot came before this.
    Joined {
        /// Which.
        room: RoomId,
        /// The asker's seat.
        member: MemberId,
    },
    /// A page of rooms.
    Rooms(RoomsPage),
    /// A page of members.
    Members {
        /// In the order of their seats.
        members: Vec<Member>,
        /// How many sit in the room.
        total: u32,
    },
    /// One room.
    Room(RoomSummary),
    /// A page of the chat, oldest first.
    Messages(Vec<Message>),
    /// Who may not come in, and who could be kept out.
    Banned {
        /// Longest banned first.
        banned: Vec<Absent>,
        /// Who left of himself, longest gone first.
        departed: Vec<Absent>,
    },
    /// There is no such room yet, and the asker is sent to be its host: it is for him to create it.
    RoomToOpen,
}

/// A page of the room list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomsPage {
    /// In the order of their ids.
    pub rooms: Vec<RoomSummary>,
    /// How many are listed.
    pub total: u32,
}

/// A room, as the lobby shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSummary {
    /// Its id.
    pub id: RoomId,
    /// Its title.
    pub title: String,
    /// How people come on stage.
    pub mode: Mode,
    /// The host's name, while there is a host.
    pub host: Option<String>,
    /// How many are on stage.
    pub on_stage: u32,
    /// How many listen.
    pub listening: u32,
    /// Whether nobody new is let in.
    pub is_locked: bool,
    /// Whether a passcode is asked for.
    pub has_passcode: bool,
}

/// A message from a client, taken apart as far as the server looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromClient<'a> {
    /// Control.
    Control(ClientFrame),
    /// Voice: the speaker's header and payload as one run of bytes, which travels on unchanged, and the header read
    /// out of it.
    Voice {
        /// Header and payload.
        bytes: &'a [u8],
        /// The header.
        header: voice::Header,
    },
}

/// A message from the server, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    target_pointer_width = "64",
    expect(clippy::large_enum_variant, reason = "one at a time is made or read; none is stored")
)]
pub enum FromServer<'a> {
    /// Control.
    Control(ServerFrame),
    /// Voice.
    Voice {
        /// What the server says of it.
        origin: voice::Origin,
        /// What the speaker says of it.
        header: voice::Header,
        /// The Opus packet.
        payload: &'a [u8],
    },
}

/// The peer misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More bytes than a message may have.
    #[error("the message is larger than {CLIENT_MESSAGE_BYTES_MAX} bytes")]
    TooLarge,
    /// Neither control nor voice.
    #[error("the message is of an unknown kind")]
    UnknownKind,
    /// A hello of another version, whose rest may mean anything.
    #[error("the peer speaks version {0} of the protocol")]
    WrongVersion(u16),
    /// The control message cannot be read, or has bytes left over.
    #[error("the control message cannot be read")]
    Control,
    /// The voice message is refused.
    #[error(transparent)]
    Voice(#[from] voice::InvalidVoice),
}

/// Reads a message from a client.
///
/// # Errors
/// [`DecodeError`] for anything but one whole lawful message.
pub fn decode_client(message: &[u8]) -> Result<FromClient<'_>, DecodeError> {
    if message.len() > CLIENT_MESSAGE_BYTES_MAX {
        return Err(DecodeError::TooLarge);
    }
    match message.split_first() {
        Some((&KIND_CONTROL, body)) => {
            if let Some(version) = hello_version(body).filter(|version| *version != PROTOCOL_VERSION) {
                return Err(DecodeError::WrongVersion(version));
            }
            match decode_whole(body)? {
                // Where its variant is written in more bytes than one, postcard finds it and `hello_version` does not.
                ClientFrame::Hello { version, .. } if version != PROTOCOL_VERSION => Err(DecodeError::WrongVersion(version)),
                frame => Ok(FromClient::Control(frame)),
            }
        }
        Some((&KIND_VOICE, bytes)) => {
            let (header, _) = voice::parse(bytes)?;
            Ok(FromClient::Voice { bytes, header })
        }
        _ => Err(DecodeError::UnknownKind),
    }
}

/// Reads a message from the server: one of those that [`messages`] finds.
///
/// # Errors
/// [`DecodeError`] for anything but one whole lawful message.
pub fn decode_server(message: &[u8]) -> Result<FromServer<'_>, DecodeError> {
    match message.split_first() {
        Some((&KIND_CONTROL, body)) => decode_whole(body).map(FromServer::Control),
        Some((&KIND_VOICE, body)) => {
            let (origin, bytes) = postcard::take_from_bytes::<voice::Origin>(body).map_err(|_| voice::InvalidVoice::Header)?;
            let (header, payload) = voice::parse(bytes)?;
            Ok(FromServer::Voice { origin, header, payload })
        }
        _ => Err(DecodeError::UnknownKind),
    }
}

/// Writes a control message of a client.
#[must_use]
pub fn encode_client(frame: &ClientFrame) -> Vec<u8> {
    encode(KIND_CONTROL, frame)
}

/// Writes a control message of the server.
#[must_use]
pub fn encode_server(frame: &ServerFrame) -> Vec<u8> {
    encode(KIND_CONTROL, frame)
}

/// Writes a voice message of a client.
#[must_use]
pub fn encode_client_voice(header: &voice::Header, payload: &[u8]) -> Vec<u8> {
    let mut message = encode(KIND_VOICE, header);
    message.extend_from_slice(payload);
    message
}

/// Writes the beginning of a voice message of the server; the client's header and payload follow as they are.
#[must_use]
pub fn encode_server_voice(origin: &voice::Origin, header_and_payload: &[u8]) -> Vec<u8> {
    let mut message = encode(KIND_VOICE, origin);
    message.extend_from_slice(header_and_payload);
    message
}

fn encode<T: Serialize>(kind: u8, body: &T) -> Vec<u8> {
    let mut message = Vec::with_capacity(64);
    message.push(kind);
    postcard::to_extend(body, message).expect("these types know their lengths and a Vec takes whatever comes")
}

fn decode_whole<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, DecodeError> {
    match postcard::take_from_bytes::<T>(body) {
        Ok((value, [])) => Ok(value),
        _ => Err(DecodeError::Control),
    }
}

/// The version in a hello, which every version of the protocol puts in the same place: variant 0, then the number.
fn hello_version(body: &[u8]) -> Option<u16> {
    let (variant, rest) = body.split_first()?;
    if *variant != 0 {
        return None;
    }
    postcard::take_from_bytes::<u16>(rest).ok().map(|(version, _)| version)
}
