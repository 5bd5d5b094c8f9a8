//! What one member may know of a room.
//!
//! A client holds a [`View`], never a [`Room`]: it gets one whole as a snapshot and then [`Delta`]s, which
//! [`View::apply`] folds in. Every delta is absolute about what it names, so that one which overlaps the view's
//! revision does no harm. The stage and the raised hands are known in full; the audience is a count and the first
//! [`AUDIENCE_IN_VIEW`] people, whose comings and goings are batched, so that N joins cost O(N) bytes.

mod fold;
mod private;
mod publication;
mod show;

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

pub use private::{Absent, Invited, Moderation, MyInvitation, Private};
pub use publication::{Publication, Published};

use crate::ids::{MemberId, MessageId, Revision, RoomId, StreamId, UserId};
use crate::limits::{SHORT_FRAME_PAIRS_MAX, SHORT_FRAME_TALKERS_MAX, VOICE_FRAME_SAMPLES_LONG, VOICE_FRAME_SAMPLES_SHORT};
use crate::permissions::Role;
use crate::room::{
    HandLoweredBy, HandRaisedBy, HostChangedBy, InvitationEnd, LeaveReason, Message, MicrophoneSetBy, MicrophoneState, Reaction,
    RoomEndReason, Setting, Settings, StageEntry, StageExit,
};

/// Somebody on stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The seat.
    pub member: MemberId,
    /// Whose it is.
    pub user: UserId,
    /// The name shown.
    pub name: String,
    /// The role held.
    pub role: Role,
    /// The source of sound.
    pub stream: StreamId,
    /// When this stay began, in Unix milliseconds.
    pub since_ms: u64,
    /// Muted by himself.
    pub self_muted: bool,
    /// Muted by a moderator.
    pub host_muted: bool,
    /// What the device does.
    pub microphone: MicrophoneState,
    /// Set while the connection is down: until when the seat is held, in Unix milliseconds.
    pub held_until_ms: Option<u64>,
}

/// Somebody in the audience.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// The seat.
    pub member: MemberId,
    /// Whose it is.
    pub user: UserId,
    /// The name shown.
    pub name: String,
    /// Whether the connection is down at the moment.
    pub reconnecting: bool,
}

/// A raised hand, with what a moderator needs to call it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hand {
    /// The seat.
    pub member: MemberId,
    /// The name shown.
    pub name: String,
    /// When it went up, in Unix milliseconds.
    pub raised_ms: u64,
}

/// One member, as the member list has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The seat.
    pub member: MemberId,
    /// Whose it is.
    pub user: UserId,
    /// The name shown.
    pub name: String,
    /// The role held.
    pub role: Role,
}

/// What one member knows of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The room.
    pub room: RoomId,
    /// What it is.
    pub settings: Settings,
    /// Which change this view has seen last.
    pub revision: Revision,
    /// Set while nobody moderates: when the room ends, in Unix milliseconds.
    pub ends_at_ms: Option<u64>,
    /// The viewer's own seat.
    pub me: MemberId,
    /// The viewer's own name.
    pub my_name: String,
    /// Everybody on stage, in the order of their seats.
    pub stage: Vec<Person>,
    /// Every raised hand, first raised first.
    pub hands: Vec<Hand>,
    /// How many sit in the audience.
    pub audience_count: u32,
    /// The first of them, in the order of their seats.
    pub audience: Vec<Listener>,
    /// The newest messages, oldest first.
    pub messages: Vec<Message>,
    /// What this viewer may know and others may not.
    pub private: Private,
}

/// Something that changed, as a viewer may know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Somebody came on stage.
    StageJoined {
        /// Who.
        person: Person,
        /// How.
        entry: StageEntry,
    },
    /// Somebody on stage speaks as another source of sound from now on.
    StreamRenewed {
        /// Who.
        member: MemberId,
        /// The new source of sound.
        stream: StreamId,
    },
    /// Somebody left the stage.
    StageLeft {
        /// Who.
        member: MemberId,
        /// How.
        exit: StageExit,
    },
    /// The microphone bits of somebody on stage.
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
    /// The connection of somebody on stage.
    Presence {
        /// Whose.
        member: MemberId,
        /// Set while it is down: until when the seat is held, in Unix milliseconds.
        held_until_ms: Option<u64>,
    },
    /// A hand went up.
    HandRaised {
        /// Whose.
        hand: Hand,
        /// By what.
        by: HandRaisedBy,
    },
    /// A hand went down.
    HandLowered {
        /// Whose.
        member: MemberId,
        /// By what.
        by: HandLoweredBy,
    },
    /// An invitation is over. Told to whom it was for and to moderators; what is left stands in [`Private`].
    InvitationEnded {
        /// Whom it was for.
        member: MemberId,
        /// What became of it.
        end: InvitationEnd,
    },
    /// Somebody on stage has a moderator's powers now, or has them no more.
    CoHostSet {
        /// Who.
        member: MemberId,
        /// Which of the two.
        is_co_host: bool,
    },
    /// Somebody on stage is the host now; whoever was it and is still there is a co-host.
    HostChanged {
        /// Who.
        member: MemberId,
        /// How.
        by: HostChangedBy,
    },
    /// Nobody moderates any more.
    Leaderless {
        /// When the room ends, in Unix milliseconds.
        ends_at_ms: u64,
    },
    /// Something of what the room is has changed.
    SettingChanged(Setting),
    /// Whether those who come in are asked for a passcode.
    PasscodeSet(bool),
    /// Somebody wrote.
    MessagePosted(Message),
    /// A message was taken out.
    MessageRemoved(MessageId),
    /// Reactions since the last such change.
    Reactions(Vec<(MemberId, Reaction)>),
    /// The room is over.
    RoomEnded(RoomEndReason),
    /// Comings and goings in the audience since the last such change.
    Audience {
        /// How many sit there now.
        count: u32,
        /// Who among the first is gone from there.
        gone: Vec<Gone>,
        /// Who among the first is new, or changed.
        here: Vec<Listener>,
    },
    /// What the viewer alone may know, as it is now.
    Private(Private),
}

/// Somebody who is gone from the part of the audience that a view names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// Whose seat it is or was.
    pub member: MemberId,
    /// Why the seat is gone. Absent for one who is still in the room: on stage, or further back.
    pub reason: Option<LeaveReason>,
}

/// The changes between two revisions. Empty where nothing of them concerns the viewer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// The revision it starts from.
    pub from: Revision,
    /// The revision it leads to.
    pub to: Revision,
    /// In the order in which they happened.
    pub changes: Vec<Change>,
}

/// A delta starts later than the view ends: only a fresh snapshot helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap;

impl View {
    /// The viewer's own place on stage.
    #[must_use]
    pub fn my_stage(&self) -> Option<&Person> {
        self.person(self.me)
    }

    /// The viewer's own role.
    #[must_use]
    pub fn my_role(&self) -> Role {
        self.my_stage().map_or(Role::Listener, |person| person.role)
    }

    /// Whether the viewer's hand is up.
    #[must_use]
    pub fn is_my_hand_raised(&self) -> bool {
        self.hands.iter().any(|hand| hand.member == self.me)
    }

    /// How long the frames of the viewer's next talkspurt are, in samples at 48 kHz, while so many others are talking: short
    /// ones in a small room, long ones where they would be too many.
    #[must_use]
    pub fn voice_frame_samples(&self, others_talking: usize) -> u32 {
        let count = |people: usize| u32::try_from(people).unwrap_or(u32::MAX);
        let open_microphones = count(self.stage.iter().filter(|person| person.is_audible()).count()).max(1);
        let listeners = self.audience_count.saturating_add(count(self.stage.len())).saturating_sub(1);
        let is_small = listeners.saturating_mul(open_microphones) <= SHORT_FRAME_PAIRS_MAX;
        let is_conversation = others_talking < SHORT_FRAME_TALKERS_MAX;
        if is_small && is_conversation { VOICE_FRAME_SAMPLES_SHORT } else { VOICE_FRAME_SAMPLES_LONG }
    }

    /// The host, while there is one.
    #[must_use]
    pub fn host(&self) -> Option<&Person> {
        self.stage.iter().find(|person| person.role == Role::Host)
    }

    /// The role of somebody whom this view names.
    #[must_use]
    pub fn role_of(&self, member: MemberId) -> Role {
        self.person(member).map_or(Role::Listener, |person| person.role)
    }

    /// The role of a person, whatever his seat was before.
    #[must_use]
    pub fn role_of_user(&self, user: UserId) -> Role {
        self.stage.iter().find(|person| person.user == user).map_or(Role::Listener, |person| person.role)
    }

    /// Somebody on stage.
    #[must_use]
    pub fn person(&self, member: MemberId) -> Option<&Person> {
        self.stage.iter().find(|person| person.member == member)
    }

    /// The name of somebody whom this view names.
    #[must_use]
    pub fn name_of(&self, member: MemberId) -> Option<&str> {
        let on_stage = self.person(member).map(|person| person.name.as_str());
        let hand = || self.hands.iter().find(|hand| hand.member == member).map(|hand| hand.name.as_str());
        let listener = || self.audience.iter().find(|listener| listener.member == member).map(|listener| listener.name.as_str());
        on_stage.or_else(hand).or_else(listener)
    }
}
