//! A room: who sits in it, who is on stage, whose hand is up, and what may happen next.
//!
//! [`Room::decide`] judges an [`Input`] and changes nothing; [`Room::apply`] changes and judges nothing. Both are
//! deterministic: time comes in with the [`Context`], fresh ids are counted within the room. Deadlines are data
//! ([`Room::next_deadline_ms`]), judged by the time given and not by whether a timer fired.

mod apply;
mod decide;
mod event;
mod input;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

pub use event::{Event, HandLoweredBy, LeaveReason, MicrophoneSetBy, RoomEndReason, StageEntry, StageExit};
pub use input::{Command, Context, Denied, Input};

use crate::ids::{MemberId, Revision, RoomId, StreamId, UserId};
use crate::permissions::Role;

/// How people come on stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// The host calls people on stage.
    Moderated,
    /// Whoever wants to takes a seat while there is room.
    Open,
}

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

/// Why a voice frame is heard by nobody. The server counts each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unheard {
    /// The sender has no seat here.
    NotAMember,
    /// The sender is in the audience.
    NotOnStage,
    /// A moderator muted the sender.
    MutedByHost,
    /// The sender is muted by himself.
    MutedBySelf,
}

impl Unheard {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::NotAMember, Self::NotOnStage, Self::MutedByHost, Self::MutedBySelf];
}

/// The state of a room. Lives in the server only: what a client may know of it is a [`crate::view::View`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    pub(crate) id: RoomId,
    pub(crate) title: String,
    pub(crate) mode: Mode,
    /// Whoever created the room: gets the host's chair when it is free.
    pub(crate) founder: UserId,
    pub(crate) revision: Revision,
    pub(crate) seats: BTreeMap<MemberId, Seat>,
    pub(crate) seat_by_user: BTreeMap<UserId, MemberId>,
    pub(crate) hands: Vec<RaisedHand>,
    pub(crate) next_member: u32,
    pub(crate) next_stream: u32,
    /// Set while nobody moderates: when the room ends, in Unix milliseconds.
    pub(crate) ends_at_ms: Option<u64>,
    pub(crate) ended: Option<RoomEndReason>,
}

impl Room {
    /// A room with nobody in it. `founder` becomes its host on joining.
    #[must_use]
    pub fn new(id: RoomId, title: String, mode: Mode, founder: UserId) -> Self {
        Self {
            id,
            title,
            mode,
            founder,
            revision: Revision(0),
            seats: BTreeMap::new(),
            seat_by_user: BTreeMap::new(),
            hands: Vec::new(),
            next_member: 1,
            next_stream: 1,
            ends_at_ms: None,
            ended: None,
        }
    }

    /// The room's id.
    #[must_use]
    pub const fn id(&self) -> &RoomId {
        &self.id
    }

    /// The room's title.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// How people come on stage here.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// How many changes the room has seen.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// Why the room is over, once it is.
    #[must_use]
    pub const fn ended(&self) -> Option<RoomEndReason> {
        self.ended
    }

    /// When a room without a moderator ends, in Unix milliseconds.
    #[must_use]
    pub const fn ends_at_ms(&self) -> Option<u64> {
        self.ends_at_ms
    }

    /// Every seat, in the order in which they were taken.
    pub fn seats(&self) -> impl Iterator<Item = (MemberId, &Seat)> {
        self.seats.iter().map(|(&member, seat)| (member, seat))
    }

    /// One seat.
    #[must_use]
    pub fn seat(&self, member: MemberId) -> Option<&Seat> {
        self.seats.get(&member)
    }

    /// The seat that a person holds: at most one in a room.
    #[must_use]
    pub fn seat_of(&self, user: UserId) -> Option<MemberId> {
        self.seat_by_user.get(&user).copied()
    }

    /// The raised hands, first raised first.
    #[must_use]
    pub fn hands(&self) -> &[RaisedHand] {
        &self.hands
    }

    /// Whether this member's hand is up.
    #[must_use]
    pub fn has_hand_raised(&self, member: MemberId) -> bool {
        self.hands.iter().any(|hand| hand.member == member)
    }

    /// The host, while there is one.
    #[must_use]
    pub fn host(&self) -> Option<MemberId> {
        self.seats().find(|(_, seat)| seat.role == Role::Host).map(|(member, _)| member)
    }

    /// The members on stage, in the order of their seats.
    pub fn on_stage(&self) -> impl Iterator<Item = (MemberId, &Seat, &StageSeat)> {
        self.seats().filter_map(|(member, seat)| seat.stage.as_ref().map(|stage| (member, seat, stage)))
    }

    /// How many are on stage.
    #[must_use]
    pub fn stage_count(&self) -> usize {
        self.on_stage().count()
    }

    /// How many sit in the audience.
    #[must_use]
    pub fn audience_count(&self) -> usize {
        self.seats.len() - self.stage_count()
    }

    /// Whether a frame that this member sends now may be heard, and as which stream.
    ///
    /// # Errors
    /// [`Unheard`] says why not.
    pub fn may_speak(&self, member: MemberId) -> Result<StreamId, Unheard> {
        let seat = self.seats.get(&member).ok_or(Unheard::NotAMember)?;
        let stage = seat.stage.as_ref().ok_or(Unheard::NotOnStage)?;
        match stage {
            StageSeat { host_muted: true, .. } => Err(Unheard::MutedByHost),
            StageSeat { self_muted: true, .. } => Err(Unheard::MutedBySelf),
            StageSeat { stream, .. } => Ok(*stream),
        }
    }

    /// Who hears a speaker: everybody with a connection but the speaker.
    pub fn audience(&self, speaker: MemberId) -> impl Iterator<Item = MemberId> {
        self.seats().filter(move |&(member, seat)| member != speaker && seat.is_connected()).map(|(member, _)| member)
    }

    /// The next moment, in Unix milliseconds, at which [`Input::DeadlinePassed`] has something to decide.
    #[must_use]
    pub fn next_deadline_ms(&self) -> Option<u64> {
        if self.ended.is_some() {
            return None;
        }
        self.seats.values().filter_map(|seat| seat.held_until_ms).chain(self.ends_at_ms).min()
    }
}
