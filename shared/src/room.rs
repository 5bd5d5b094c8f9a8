//! A room: who sits in it, who is on stage, whose hand is up, and what may happen next.
//!
//! [`Room::decide`] judges an [`Input`] and changes nothing; [`Room::apply`] changes and judges nothing. Both are
//! deterministic: time comes in with the [`Context`], fresh ids are counted within the room. Deadlines are data
//! ([`Room::next_deadline_ms`]), judged by the time given and not by whether a timer fired.

mod apply;
mod chat;
mod decide;
mod erasure;
mod event;
mod exclusion;
mod input;
mod record;
mod seat;
mod settings;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

pub use chat::{Message, Reaction};
pub use erasure::{ErasedBan, Mark, Trace, Veil};
pub use event::{
    Event, HandLoweredBy, HandRaisedBy, HostChangedBy, InvitationEnd, LeaveReason, MicrophoneSetBy, RoomEndReason, StageEntry,
    StageExit,
};
pub use exclusion::{Ban, Block, Claim, Departed};
pub use input::{Command, Context, Denied, Input, Join, Order, Pass};
pub use record::{Counters, Record};
pub use seat::{Invitation, MicrophoneState, RaisedHand, Seat, StageSeat};
pub use settings::{Mode, Setting, Settings};

use crate::ids::{MemberId, MessageId, Revision, RoomId, StreamId, UserId};
use crate::permissions::Role;

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
    pub(crate) settings: Settings,
    pub(crate) passcode: Option<String>,
    /// Whoever created the room: gets the host's chair when it is free.
    pub(crate) founder: UserId,
    /// Who worded the title, where that is known: the founder, until it is another.
    pub(crate) title_by: Option<UserId>,
    /// And what the room is about.
    pub(crate) topic_by: Option<UserId>,
    /// In Unix milliseconds, where that is known.
    pub(crate) created_ms: Option<u64>,
    pub(crate) revision: Revision,
    pub(crate) seats: BTreeMap<MemberId, Seat>,
    pub(crate) seat_by_user: BTreeMap<UserId, MemberId>,
    pub(crate) hands: Vec<RaisedHand>,
    /// By whom they are for.
    pub(crate) invitations: BTreeMap<MemberId, Invitation>,
    /// Whom the host wants to be the host after him.
    pub(crate) successor: Option<MemberId>,
    /// Hosts who vanished and may have the chair back, who vanished first before others.
    pub(crate) claims: Vec<Claim>,
    /// Whom a moderator muted and who has left the stage since: taking a seat again lifts no mute.
    pub(crate) muted_away: Vec<UserId>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) bans: Vec<Ban>,
    /// Of people who were erased since.
    pub(crate) erased_bans: Vec<ErasedBan>,
    /// Who left last stands last.
    pub(crate) departed: VecDeque<Departed>,
    pub(crate) messages: VecDeque<Message>,
    pub(crate) next_member: u32,
    pub(crate) next_stream: u32,
    pub(crate) next_invitation: u32,
    pub(crate) next_message: u32,
    /// Set while nobody moderates: when the room ends, in Unix milliseconds.
    pub(crate) ends_at_ms: Option<u64>,
    pub(crate) ended: Option<RoomEndReason>,
}

impl Room {
    /// A room with nobody in it. `founder` becomes its host on joining.
    #[must_use]
    pub fn new(id: RoomId, settings: Settings, passcode: Option<String>, founder: UserId) -> Self {
        Self {
            id,
            settings: Settings { has_passcode: passcode.is_some(), ..settings },
            passcode,
            founder,
            title_by: Some(founder),
            topic_by: None,
            created_ms: None,
            revision: Revision(0),
            seats: BTreeMap::new(),
            seat_by_user: BTreeMap::new(),
            hands: Vec::new(),
            invitations: BTreeMap::new(),
            successor: None,
            claims: Vec::new(),
            muted_away: Vec::new(),
            blocks: Vec::new(),
            bans: Vec::new(),
            erased_bans: Vec::new(),
            departed: VecDeque::new(),
            messages: VecDeque::new(),
            next_member: 1,
            next_stream: 1,
            next_invitation: 1,
            next_message: 1,
            ends_at_ms: None,
            ended: None,
        }
    }

    /// The same room, made at a time that is known, in Unix milliseconds.
    #[must_use]
    pub fn created_at(self, created_ms: u64) -> Self {
        Self { created_ms: Some(created_ms), ..self }
    }

    /// When the room was made, in Unix milliseconds, where that is known.
    #[must_use]
    pub const fn created_ms(&self) -> Option<u64> {
        self.created_ms
    }

    /// The room's id.
    #[must_use]
    pub const fn id(&self) -> &RoomId {
        &self.id
    }

    /// What the room is.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
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

    /// The invitation that this member has not answered yet.
    #[must_use]
    pub fn invitation_of(&self, member: MemberId) -> Option<&Invitation> {
        self.invitations.get(&member)
    }

    /// Every invitation under way, in the order of the seats they are for.
    pub fn invitations(&self) -> impl Iterator<Item = &Invitation> {
        self.invitations.values()
    }

    /// Whom the host wants to be the host after him.
    #[must_use]
    pub const fn successor(&self) -> Option<MemberId> {
        self.successor
    }

    /// Who may not come in, longest banned first.
    #[must_use]
    pub fn bans(&self) -> &[Ban] {
        &self.bans
    }

    /// Whether anybody could be heard at this moment.
    #[must_use]
    pub fn has_open_microphone(&self) -> bool {
        self.on_stage().any(|(_, _, stage)| stage.is_audible())
    }

    /// Whether anything has ever happened here: somebody came in, or a host is awaited.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.revision > Revision(0)
    }

    /// Whether nobody has a seat here, held ones included, and nobody but the founder ever had, who did: a room that nobody
    /// would miss but him.
    #[must_use]
    pub fn is_deserted(&self) -> bool {
        let has_been = self.next_member > 1;
        has_been && self.seats.is_empty() && self.departed.iter().all(|departed| departed.user == self.founder)
    }

    /// Who was kicked, in the order of the kicks.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Who was here and is not any more, longest gone first.
    pub fn departed(&self) -> impl Iterator<Item = &Departed> {
        self.departed.iter()
    }

    /// The chat as far as it is kept, oldest first.
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = &Message> + ExactSizeIterator {
        self.messages.iter()
    }

    /// One message.
    #[must_use]
    pub fn message(&self, id: MessageId) -> Option<&Message> {
        self.messages.iter().find(|message| message.id == id)
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
        let seats = self.seats.values().filter_map(|seat| seat.held_until_ms);
        let invitations = self.invitations.values().map(|invitation| invitation.expires_ms);
        seats.chain(invitations).chain(self.ends_at_ms).min()
    }
}
