//! Who sits where.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::ids::{AddressPrefix, InvitationId, MemberId, StreamId, UserId};
use crate::names::Likeness;
use crate::permissions::Role;

/// What a member's own device says about the microphone. Shown to everybody, so that the host knows why somebody
/// on stage is silent; decides nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MicrophoneState {
    /// Nothing has been reported: it is closed, or was never asked for.
    Closed,
    /// It is open.
    Open,
    /// The person or the browser refuses it.
    Refused,
    /// There is none.
    Missing,
    /// It was open and went away.
    Lost,
}

/// A member's stay on the stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageSeat {
    /// The source of sound that this stay is.
    pub stream: StreamId,
    /// When it began, in Unix milliseconds.
    pub since_ms: u64,
    /// Since when the member has held the present role, in Unix milliseconds.
    pub role_since_ms: u64,
    /// Set by the member; only the member clears it.
    pub self_muted: bool,
    /// Set by a moderator; only a moderator clears it.
    pub host_muted: bool,
    /// What the member's device reports.
    pub microphone: MicrophoneState,
}

impl StageSeat {
    /// Whether the rules let this member be heard.
    #[must_use]
    pub const fn is_audible(&self) -> bool {
        !self.self_muted && !self.host_muted
    }
}

/// One member of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Whose seat it is.
    pub user: UserId,
    /// The name shown.
    pub name: String,
    /// What it looks like: like no other in the room.
    pub likeness: Likeness,
    /// From where the seat was taken.
    pub address: AddressPrefix,
    /// The role held.
    pub role: Role,
    /// Present exactly while the role is one on stage.
    pub stage: Option<StageSeat>,
    /// When the seat was taken, in Unix milliseconds.
    pub joined_ms: u64,
    /// Set while the connection is down: when the seat is given up, in Unix milliseconds.
    pub held_until_ms: Option<u64>,
}

impl Seat {
    /// Whether a connection stands behind the seat.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.held_until_ms.is_none()
    }
}

/// A raised hand. The queue is ordered by when it went up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RaisedHand {
    /// Whose hand it is: always a listener's.
    pub member: MemberId,
    /// When it went up, in Unix milliseconds.
    pub raised_ms: u64,
}

/// A listener asked on stage. At most one per person is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Its number: an answer names it, so that it never answers a later one.
    pub id: InvitationId,
    /// Who is asked.
    pub member: MemberId,
    /// Who asks.
    pub by: MemberId,
    /// When it is too late, in Unix milliseconds.
    pub expires_ms: u64,
}
