//! What a room is asked, and the lawful no.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::{MicrophoneState, Mode};
use crate::ids::{MemberId, UserId};
use crate::limits;
use crate::names::InvalidName;

/// Something that happened to a room, or that somebody asks of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A person comes in, or comes back to a seat that is still held (by identity, never by name).
    Join {
        /// Who it is.
        user: UserId,
        /// The name shown.
        name: String,
        /// Whether the person's microphone is open at this moment. Where it is not, coming back never opens it.
        microphone_open: bool,
    },
    /// A member asks for something.
    Command(MemberId, Command),
    /// A member goes on purpose.
    Leave(MemberId),
    /// A member's connection is gone.
    ConnectionLost(MemberId),
    /// [`super::Room::next_deadline_ms`] has come. Decides the earliest deadline that is due; ask again for the next.
    DeadlinePassed,
    /// The server closes the room.
    Close(super::RoomEndReason),
}

/// What a member may ask of the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Ask to be called on stage. A hand that is up already keeps its place.
    RaiseHand,
    /// Take that back.
    LowerHand,
    /// Go on stage in an open room.
    TakeSeat,
    /// Go back to the audience.
    LeaveStage,
    /// Mute or unmute oneself.
    SetMicrophone {
        /// Whether to be muted.
        muted: bool,
    },
    /// Say what the device does.
    ReportMicrophone(MicrophoneState),
    /// Call a raised hand on stage.
    AdmitHand(MemberId),
    /// Lower somebody else's hand.
    DeclineHand(MemberId),
    /// Mute somebody on stage.
    MuteSpeaker(MemberId),
    /// Let somebody unmute again. Opens nothing.
    LiftMute(MemberId),
    /// Send somebody back to the audience.
    RemoveFromStage(MemberId),
    /// Make the room moderated or open.
    SetMode(Mode),
    /// Rename the room.
    SetTitle(String),
    /// End the room for everybody.
    EndRoom,
}

impl Input {
    /// Whether this can only take away: it goes on while the store cannot keep changes, since nobody may stay audible,
    /// seated or in charge for that.
    #[must_use]
    pub const fn only_restricts(&self) -> bool {
        match self {
            Self::Leave(_) | Self::ConnectionLost(_) | Self::DeadlinePassed | Self::Close(_) => true,
            Self::Join { .. } => false,
            Self::Command(_, command) => command.only_restricts(),
        }
    }
}

impl Command {
    /// See [`Input::only_restricts`].
    #[must_use]
    pub const fn only_restricts(&self) -> bool {
        match self {
            Self::LowerHand
            | Self::LeaveStage
            | Self::SetMicrophone { muted: true }
            | Self::ReportMicrophone(_)
            | Self::DeclineHand(_)
            | Self::MuteSpeaker(_)
            | Self::RemoveFromStage(_)
            | Self::EndRoom => true,
            Self::RaiseHand
            | Self::TakeSeat
            | Self::SetMicrophone { muted: false }
            | Self::AdmitHand(_)
            | Self::LiftMute(_)
            | Self::SetMode(_)
            | Self::SetTitle(_) => false,
        }
    }
}

/// What a decision needs beside the room.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// Unix milliseconds, which the shell never lets go backwards.
    pub now_ms: u64,
    /// How many fit on this stage.
    pub stage_seats_max: usize,
    /// How many fit into this room.
    pub room_seats_max: usize,
}

impl Context {
    /// The default capacities at a given time.
    #[must_use]
    pub const fn at(now_ms: u64) -> Self {
        Self { now_ms, stage_seats_max: limits::STAGE_SEATS_MAX, room_seats_max: limits::ROOM_SEATS_MAX }
    }
}

/// A lawful no. Goes to whoever asked, and to nobody else; the client owns the sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Denied {
    /// Log in first.
    #[error("not logged in")]
    NotLoggedIn,
    /// Join a room first.
    #[error("not in a room")]
    NotInRoom,
    /// Leave the room first: one connection sits in at most one.
    #[error("already in a room")]
    AlreadyInRoom,
    /// There is no such room.
    #[error("there is no such room")]
    UnknownRoom,
    /// A room with this id exists.
    #[error("a room with this id exists")]
    RoomIdTaken,
    /// The name cannot be used.
    #[error("the name cannot be used: {0}")]
    InvalidName(InvalidName),
    /// The title cannot be used.
    #[error("the title cannot be used: {0}")]
    InvalidTitle(InvalidName),
    /// The room has no seat left.
    #[error("the room is full")]
    RoomFull,
    /// The stage has no seat left; a raised hand stays up.
    #[error("the stage is full")]
    StageFull,
    /// The hand queue has no place left.
    #[error("too many hands are raised")]
    HandQueueFull,
    /// The server has as many rooms as it may have.
    #[error("the server has no room for another room")]
    TooManyRooms,
    /// This person is host of as many rooms as one may be.
    #[error("too many rooms of one person")]
    TooManyRoomsOfYours,
    /// The role, or the other one's rank, does not allow it.
    #[error("the role does not allow this")]
    NotPermitted,
    /// The member has gone.
    #[error("there is no such member")]
    NoSuchMember,
    /// The hand is down already.
    #[error("the hand is not raised")]
    HandNotRaised,
    /// That member is not on stage.
    #[error("not on stage")]
    NotOnStage,
    /// Seats on this stage are given by the host: raise a hand.
    #[error("the room is moderated")]
    RoomIsModerated,
    /// A moderator muted the asker, and only a moderator lifts it.
    #[error("muted by the host")]
    MutedByHost,
    /// The room is over.
    #[error("the room has ended")]
    RoomEnded,
    /// Too many requests: slow down.
    #[error("too many requests")]
    TooFast,
    /// The server cannot keep a change at the moment.
    #[error("the server cannot keep changes at the moment")]
    Unavailable,
}
