//! What the engine says: to the person ([`Event`]) and to the shell ([`Output`]).

use dais_audio::PacketHeader;
use dais_shared::ids::{MemberId, StreamId, Token};
use dais_shared::room::{Denied, LeaveReason, RoomEndReason};
use dais_shared::view::{Change, View};
use dais_shared::wire::{Goodbye, Identity, Reply, RoomsPage};
use serde::{Deserialize, Serialize};

use crate::command::Ticket;

/// What the shell is to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Open a socket to the server. What comes of it is told with `Engine::handle_socket_*`.
    Connect,
    /// Send a binary message.
    Send(Vec<u8>),
    /// Close the socket; no answer is expected.
    Disconnect,
    /// Open the microphone; `Engine::handle_microphone_*` tells what comes of it.
    OpenMicrophone,
    /// Release the microphone at once.
    CloseMicrophone,
    /// The same, since there is nothing that codes what it gives: the person is told, and may try again.
    MicrophoneUseless,
    /// Nobody is speaking: throw away what waits between the device and [`crate::Engine::handle_samples`], where that can
    /// be done.
    FlushMicrophone,
    /// Tell the playback pipeline the server's time: what was sent then has just arrived.
    PlayClock {
        /// In milliseconds of the server's clock.
        server_ms: u64,
    },
    /// Give a frame to the playback pipeline.
    Play {
        /// Whose, when, how long.
        header: PacketHeader,
        /// The Opus packet.
        payload: Vec<u8>,
    },
    /// A speaker is gone: forget the stream.
    CloseStream(StreamId),
    /// How loud a stream is to be played.
    SetGain {
        /// Whose.
        stream: StreamId,
        /// A factor, 0 to 2.
        gain: f32,
    },
    /// Keep this secret for the next visit, or forget the one kept.
    KeepToken {
        /// The secret.
        token: Option<Token>,
        /// Whether it is for this page alone, and the one that other pages use is to be left in peace.
        is_for_this_page: bool,
    },
    /// Tell the person.
    Event(Event),
}

/// What a person is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The connection.
    Connection(ConnectionState),
    /// Who one is on this server; absent before login and after logout.
    Identity(Option<Identity>),
    /// A command was answered.
    Answered {
        /// Which.
        ticket: Ticket,
        /// What came of it.
        result: Result<Reply, Failure>,
    },
    /// The room as it is now. The changes are those that led here since the last such event; none after a snapshot.
    Room {
        /// All that is known of it.
        view: Box<View>,
        /// What happened, in order.
        changes: Vec<Change>,
    },
    /// One is in no room any more.
    LeftRoom(LeftRoom),
    /// The room list changed.
    Rooms(RoomsPage),
    /// How loud people on stage are, in -dBov as in RFC 6464 (127 is silence). Several times a second while it changes.
    Levels(Vec<(MemberId, u8)>),
    /// The voice one sends is not sent at the moment, because the network does not take it; or it is again.
    VoiceHeldBack(bool),
    /// With [`crate::Speaking::PushToTalk`]: the key lets one's voice out, or does not any more.
    Talking(bool),
    /// Measurements, once a second.
    Statistics(Statistics),
}

/// How things stand with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConnectionState {
    /// The first connection is being made.
    Connecting,
    /// All is well.
    Online,
    /// Nothing has come from the server for a while, though something should have.
    Stalled,
    /// The connection was lost; the next try is under way or soon.
    Reconnecting {
        /// How many tries have failed in a row.
        failed_tries: u32,
        /// When the next one starts, in milliseconds from now.
        retry_in_ms: u32,
        /// Whether the last one came as far as an open WebSocket: nothing on the way keeps those out then.
        was_open: bool,
    },
    /// The server closed the connection for good.
    Closed(Goodbye),
}

/// Why a command did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Failure {
    /// The server said a lawful no.
    #[error(transparent)]
    Denied(Denied),
    /// The connection is down, or went down before the answer came.
    #[error("not connected")]
    Offline,
}

/// Why one is in no room any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeftRoom {
    /// On purpose.
    Left,
    /// The room is over.
    Ended(RoomEndReason),
    /// A moderator put one out.
    PutOut {
        /// Kicked or banned.
        reason: LeaveReason,
        /// When one may come back, in Unix milliseconds, if ever.
        until_ms: Option<u64>,
    },
    /// On coming back, the server did not let one in again.
    NotReadmitted(Denied),
}

/// What the engine measures. The playback pipeline's own figures come from its shell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// The server's clock now, in Unix milliseconds, once it is known: what countdowns are reckoned by.
    pub server_ms: Option<f64>,
    /// The last round trip, in milliseconds.
    pub rtt_ms: Option<f32>,
    /// How much the arrival of voice varies, in milliseconds (the estimator of RFC 3550, section 6.4.1).
    pub jitter_ms: f32,
    /// What is sent, in bits per second over the last second.
    pub sent_bps: u32,
    /// What is received, in bits per second over the last second.
    pub received_bps: u32,
    /// Voice frames sent in this session.
    pub frames_sent: u64,
    /// Voice frames not sent because earlier ones were still under way.
    pub frames_held_back: u64,
    /// Voice frames received in this session.
    pub frames_received: u64,
    /// Times that voice stopped for over 200 ms in the middle of a talkspurt, on the way from the server to here.
    pub stalls_own: u32,
    /// Likewise on the ways of those who speak.
    pub stalls_others: u32,
    /// Per speaker.
    pub speakers: Vec<SpeakerStatistics>,
}

/// What is measured of one speaker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpeakerStatistics {
    /// Who.
    pub member: MemberId,
    /// The source of sound.
    pub stream: StreamId,
    /// When the speaker's microphone gave the sample of timestamp zero, in milliseconds of this machine's clock, the one of
    /// [`Engine::handle_timeout`](crate::Engine::handle_timeout); `None` before speaker and server have told.
    pub captured_origin_ms: Option<f64>,
}
