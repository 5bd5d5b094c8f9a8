//! What one member may know of a room.
//!
//! A client holds a [`View`], never a [`Room`]: it gets one whole as a snapshot and then [`Delta`]s, which
//! [`View::apply`] folds in. Every delta is absolute about what it names, so that one which overlaps the view's
//! revision does no harm. The stage and the raised hands are known in full; the audience is a count and the first
//! [`AUDIENCE_IN_VIEW`] people, whose comings and goings are batched, so that N joins cost O(N) bytes.

mod publication;

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

pub use publication::Publication;

use crate::ids::{MemberId, Revision, RoomId, StreamId, UserId};
use crate::limits::AUDIENCE_IN_VIEW;
use crate::permissions::Role;
use crate::room::{
    Event, HandLoweredBy, MicrophoneSetBy, MicrophoneState, Mode, RaisedHand, Room, RoomEndReason, Seat, StageEntry, StageExit,
    StageSeat,
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
    /// Its title.
    pub title: String,
    /// How people come on stage.
    pub mode: Mode,
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
    HandRaised(Hand),
    /// A hand went down.
    HandLowered {
        /// Whose.
        member: MemberId,
        /// By what.
        by: HandLoweredBy,
    },
    /// Somebody on stage is the host now.
    HostChanged {
        /// Who.
        member: MemberId,
    },
    /// Nobody moderates any more.
    Leaderless {
        /// When the room ends, in Unix milliseconds.
        ends_at_ms: u64,
    },
    /// The room is moderated or open now.
    ModeChanged(Mode),
    /// The room has a new title.
    TitleChanged(String),
    /// The room is over.
    RoomEnded(RoomEndReason),
    /// Comings and goings in the audience since the last such change.
    Audience {
        /// How many sit there now.
        count: u32,
        /// Who among the first is gone from there: out of the room, or on stage.
        gone: Vec<MemberId>,
        /// Who among the first is new, or changed.
        here: Vec<Listener>,
    },
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

impl Room {
    /// What `me` may know. `None` if `me` has no seat.
    #[must_use]
    pub fn view_for(&self, me: MemberId) -> Option<View> {
        let own = self.seat(me)?;
        Some(View {
            room: self.id().clone(),
            title: self.title().into(),
            mode: self.mode(),
            revision: self.revision(),
            ends_at_ms: self.ends_at_ms(),
            me,
            my_name: own.name.clone(),
            stage: self.on_stage().map(|(member, seat, stage)| Person::new(member, seat, stage)).collect(),
            hands: self.hands().iter().filter_map(|hand| self.hand(hand)).collect(),
            audience_count: count(self.audience_count()),
            audience: self.first_listeners(),
        })
    }

    /// One page of the member list, in the order of the seats: those after `after`, at most `members_max`.
    #[must_use]
    pub fn members_after(&self, after: Option<MemberId>, members_max: usize) -> Vec<Member> {
        self.seats()
            .filter(|(member, _)| after.is_none_or(|after| *member > after))
            .take(members_max)
            .map(|(member, seat)| Member { member, user: seat.user, name: seat.name.clone(), role: seat.role })
            .collect()
    }

    fn hand(&self, hand: &RaisedHand) -> Option<Hand> {
        let seat = self.seat(hand.member)?;
        Some(Hand { member: hand.member, name: seat.name.clone(), raised_ms: hand.raised_ms })
    }

    fn first_listeners(&self) -> Vec<Listener> {
        self.seats()
            .filter(|(_, seat)| seat.stage.is_none())
            .take(AUDIENCE_IN_VIEW)
            .map(|(member, seat)| Listener {
                member,
                user: seat.user,
                name: seat.name.clone(),
                reconnecting: !seat.is_connected(),
            })
            .collect()
    }
}

impl Event {
    /// What everybody in the room may know of an event that was just applied to `room`. `None` where it concerns
    /// only the audience, which is told of in batches.
    #[must_use]
    pub fn to_change(&self, room: &Room) -> Option<Change> {
        let on_stage = |member: MemberId| room.seat(member).and_then(|seat| seat.stage.as_ref().map(|stage| (seat, stage)));
        Some(match self {
            Self::MemberJoined { .. } | Self::MemberLeft { .. } => return None,
            Self::ConnectionLost { member, .. } | Self::ConnectionBack { member } => {
                let (seat, _) = on_stage(*member)?;
                Change::Presence { member: *member, held_until_ms: seat.held_until_ms }
            }
            Self::HandRaised { member, at_ms } => {
                Change::HandRaised(Hand { member: *member, name: room.seat(*member)?.name.clone(), raised_ms: *at_ms })
            }
            Self::HandLowered { member, by } => Change::HandLowered { member: *member, by: *by },
            Self::StageJoined { member, entry, .. } => {
                let (seat, stage) = on_stage(*member)?;
                Change::StageJoined { person: Person::new(*member, seat, stage), entry: *entry }
            }
            Self::StageLeft { member, exit } => Change::StageLeft { member: *member, exit: *exit },
            Self::MicrophoneSet { member, self_muted, host_muted, by } => {
                Change::MicrophoneSet { member: *member, self_muted: *self_muted, host_muted: *host_muted, by: *by }
            }
            Self::MicrophoneReported { member, state } => Change::MicrophoneReported { member: *member, state: *state },
            Self::HostChanged { member } => Change::HostChanged { member: *member },
            Self::Leaderless { ends_at_ms } => Change::Leaderless { ends_at_ms: *ends_at_ms },
            Self::ModeChanged(mode) => Change::ModeChanged(*mode),
            Self::TitleChanged(title) => Change::TitleChanged(title.clone()),
            Self::RoomEnded(reason) => Change::RoomEnded(*reason),
        })
    }
}

impl Person {
    fn new(member: MemberId, seat: &Seat, stage: &StageSeat) -> Self {
        Self {
            member,
            user: seat.user,
            name: seat.name.clone(),
            role: seat.role,
            stream: stage.stream,
            since_ms: stage.since_ms,
            self_muted: stage.self_muted,
            host_muted: stage.host_muted,
            microphone: stage.microphone,
            held_until_ms: seat.held_until_ms,
        }
    }

    /// Whether the rules let this person be heard.
    #[must_use]
    pub const fn is_audible(&self) -> bool {
        !self.self_muted && !self.host_muted
    }
}

impl View {
    /// Folds a delta in. One that ends before the view's revision is old news and changes nothing.
    ///
    /// # Errors
    /// [`Gap`] if the delta starts after the view's revision.
    pub fn apply(&mut self, delta: &Delta) -> Result<(), Gap> {
        if delta.from > self.revision {
            return Err(Gap);
        }
        if delta.to < self.revision {
            return Ok(());
        }
        for change in &delta.changes {
            self.apply_change(change);
        }
        self.revision = delta.to;
        Ok(())
    }

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

    fn apply_change(&mut self, change: &Change) {
        match change {
            Change::StageJoined { person, .. } => self.put_on_stage(person),
            Change::StageLeft { member, .. } => self.stage.retain(|person| person.member != *member),
            Change::MicrophoneSet { member, self_muted, host_muted, .. } => self.with_person(*member, |person| {
                person.self_muted = *self_muted;
                person.host_muted = *host_muted;
            }),
            Change::MicrophoneReported { member, state } => self.with_person(*member, |person| person.microphone = *state),
            Change::Presence { member, held_until_ms } => {
                self.with_person(*member, |person| person.held_until_ms = *held_until_ms);
            }
            Change::HandRaised(hand) => {
                self.hands.retain(|other| other.member != hand.member);
                self.hands.push(hand.clone());
            }
            Change::HandLowered { member, .. } => self.hands.retain(|hand| hand.member != *member),
            Change::HostChanged { member } => {
                self.with_person(*member, |person| person.role = Role::Host);
                self.ends_at_ms = None;
            }
            Change::Leaderless { ends_at_ms } => self.ends_at_ms = Some(*ends_at_ms),
            Change::ModeChanged(mode) => self.mode = *mode,
            Change::TitleChanged(title) => self.title.clone_from(title),
            Change::RoomEnded(_) => {}
            Change::Audience { count, gone, here } => self.apply_audience(*count, gone, here),
        }
    }

    fn put_on_stage(&mut self, person: &Person) {
        self.stage.retain(|other| other.member != person.member);
        let place = self.stage.partition_point(|other| other.member < person.member);
        self.stage.insert(place, person.clone());
        self.hands.retain(|hand| hand.member != person.member);
        if person.role == Role::Host {
            self.ends_at_ms = None;
        }
    }

    fn apply_audience(&mut self, count: u32, gone: &[MemberId], here: &[Listener]) {
        self.audience_count = count;
        self.audience.retain(|listener| !gone.contains(&listener.member));
        for listener in here {
            self.audience.retain(|other| other.member != listener.member);
            let place = self.audience.partition_point(|other| other.member < listener.member);
            self.audience.insert(place, listener.clone());
        }
        self.audience.truncate(AUDIENCE_IN_VIEW);
    }

    fn with_person(&mut self, member: MemberId, change: impl FnOnce(&mut Person)) {
        if let Some(person) = self.stage.iter_mut().find(|person| person.member == member) {
            change(person);
        }
    }
}

/// Counts of people fit into 32 bits, since a room's seats are bounded.
fn count(people: usize) -> u32 {
    u32::try_from(people).unwrap_or(u32::MAX)
}
