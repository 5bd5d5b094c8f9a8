//! What happened in a room: the output of `decide`, the input of `apply`, and what the store keeps.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::{MicrophoneState, Mode};
use crate::ids::{MemberId, StreamId, UserId};
use crate::permissions::Role;

/// One change of a room. Says everything `apply` needs, so that applying it cannot fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody took a seat in the room: the founder as its host and on stage, everybody else as a listener.
    MemberJoined {
        /// The new seat.
        member: MemberId,
        /// Whose it is.
        user: UserId,
        /// The name shown.
        name: String,
        /// When, in Unix milliseconds.
        at_ms: u64,
    },
    /// Somebody's seat is gone.
    MemberLeft {
        /// The seat.
        member: MemberId,
        /// Why.
        reason: LeaveReason,
    },
    /// The connection dropped; the seat is held.
    ConnectionLost {
        /// The seat.
        member: MemberId,
        /// Until when it is held, in Unix milliseconds.
        held_until_ms: u64,
    },
    /// The connection is back.
    ConnectionBack {
        /// The seat.
        member: MemberId,
    },
    /// A hand went up, to the end of the queue.
    HandRaised {
        /// A listener.
        member: MemberId,
        /// When, in Unix milliseconds.
        at_ms: u64,
    },
    /// A hand went down.
    HandLowered {
        /// Whose it was.
        member: MemberId,
        /// By what.
        by: HandLoweredBy,
    },
    /// Somebody came on stage, muted by himself.
    StageJoined {
        /// Who.
        member: MemberId,
        /// Speaker, or host for the one who holds the room.
        role: Role,
        /// The new source of sound.
        stream: StreamId,
        /// How.
        entry: StageEntry,
        /// When, in Unix milliseconds.
        at_ms: u64,
    },
    /// Somebody on stage is in the audience again.
    StageLeft {
        /// Who.
        member: MemberId,
        /// How.
        exit: StageExit,
    },
    /// The two microphone bits of somebody on stage.
    MicrophoneSet {
        /// Whose.
        member: MemberId,
        /// Muted by himself.
        self_muted: bool,
        /// Muted by a moderator.
        host_muted: bool,
        /// Who changed them.
        by: MicrophoneSetBy,
    },
    /// What the device of somebody on stage does.
    MicrophoneReported {
        /// Whose.
        member: MemberId,
        /// What it does.
        state: MicrophoneState,
    },
    /// Somebody on stage is the host now.
    HostChanged {
        /// The new host.
        member: MemberId,
    },
    /// Nobody moderates: the room ends unless that changes.
    Leaderless {
        /// When it ends, in Unix milliseconds.
        ends_at_ms: u64,
    },
    /// The room is moderated or open now.
    ModeChanged(Mode),
    /// The room has a new title.
    TitleChanged(String),
    /// The room is over.
    RoomEnded(RoomEndReason),
}

/// Why a seat is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeaveReason {
    /// On purpose.
    Left,
    /// The connection did not come back in time.
    TimedOut,
}

/// What lowered a hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HandLoweredBy {
    /// Its bearer.
    Member,
    /// A moderator.
    Declined,
    /// Coming on stage.
    CalledUp,
    /// Leaving the room.
    Left,
}

/// How somebody came on stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StageEntry {
    /// As the host of the room.
    Host,
    /// Called up by a moderator after raising a hand.
    Admitted,
    /// By taking a seat in an open room.
    TookSeat,
}

/// How somebody left the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StageExit {
    /// On purpose, to the audience.
    Stepped,
    /// Removed by a moderator, to the audience.
    Removed,
    /// Out of the room.
    LeftRoom(LeaveReason),
}

/// Who changed the microphone bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MicrophoneSetBy {
    /// The member.
    Member,
    /// A moderator.
    Moderator,
    /// Coming back on another page, whose microphone is closed.
    Return,
}

/// Why a room is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoomEndReason {
    /// The host ended it.
    ByHost,
    /// Nobody is left.
    Empty,
    /// Nobody moderated it any more.
    Leaderless,
    /// Something went wrong in the server.
    Failed,
}
