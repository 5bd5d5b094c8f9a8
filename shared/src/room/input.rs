//! What a room is asked, and the lawful no.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::{MicrophoneState, Reaction, Setting, Veil};
use crate::ids::{AddressPrefix, InvitationId, MemberId, MessageId, UserId};
use crate::limits;
use crate::names::{InvalidName, Looks};
use crate::permissions::Role;

/// Something that happened to a room, or that somebody asks of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A person comes in, or comes back to a seat that is still held.
    Join(Join),
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
    /// Whoever runs the server asks for something.
    Order(Order),
}

/// What whoever runs the server may ask of a room: he has no seat and no role there, and outranks everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Keep a room that nobody has entered yet, and its chair, for the founder.
    AwaitHost {
        /// Until when, in Unix milliseconds: then the room ends.
        until_ms: u64,
    },
    /// Keep a person out who sits here, or who has left, until [`Order::Unban`].
    Ban(UserId),
    /// Let a person in again.
    Unban(UserId),
    /// Give up the seat of a person whom the server knows no more, and forget all that is held of him.
    Forget(UserId),
    /// End the room for everybody.
    End,
    /// End the room if it is deserted ([`super::Room::is_deserted`]), since others have no place.
    GiveWay,
}

/// Who wants in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// Who it is. A seat is given back by this alone, never by name.
    pub user: UserId,
    /// The name to be shown.
    pub name: String,
    /// What it looks like.
    pub looks: Looks,
    /// From where.
    pub address: AddressPrefix,
    /// The passcode, where the person gave one.
    pub passcode: Option<String>,
    /// Whether the person's microphone is open at this moment. Where it is not, coming back never opens it.
    pub microphone_open: bool,
    /// What the person was given beforehand.
    pub pass: Pass,
}

/// What somebody was given who is let in by another site, or by an invitation's link. Holds on coming in; whoever sits in
/// the room already has what the room has made of it since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// The role that the person has at least.
    pub role: Role,
    /// No passcode is asked for.
    pub skips_passcode: bool,
    /// A lock does not keep the person out.
    pub skips_lock: bool,
}

impl Pass {
    /// Of somebody who was given nothing.
    pub const NONE: Self = Self { role: Role::Listener, skips_passcode: false, skips_lock: false };

    /// What somebody has who was given both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            role: self.role.max(other.role),
            skips_passcode: self.skips_passcode || other.skips_passcode,
            skips_lock: self.skips_lock || other.skips_lock,
        }
    }
}

/// What a member may ask of the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Ask to be called on stage. A hand that is up already keeps its place.
    RaiseHand,
    /// Take that back.
    LowerHand,
    /// Answer an invitation.
    RespondInvite {
        /// Which.
        invitation: InvitationId,
        /// Yes or no.
        accept: bool,
    },
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
    /// Write into the chat.
    SendMessage(String),
    /// Show a reaction.
    React(Reaction),
    /// Ask a listener on stage. Somebody whose hand is up has asked already, and is called up.
    Invite(MemberId),
    /// Take an invitation back.
    CancelInvite(MemberId),
    /// Call a raised hand on stage.
    AdmitHand(MemberId),
    /// Lower somebody else's hand.
    DeclineHand(MemberId),
    /// Lower every hand.
    LowerAllHands,
    /// Mute somebody on stage.
    MuteSpeaker(MemberId),
    /// Mute everybody on stage of lower rank.
    MuteAll,
    /// Let somebody unmute again. Opens nothing.
    LiftMute(MemberId),
    /// Send somebody back to the audience.
    RemoveFromStage(MemberId),
    /// Put somebody out of the room, and keep him out for [`limits::REENTRY_BLOCK_MS`].
    Kick(MemberId),
    /// Put somebody out of the room, and keep him out until [`Command::Unban`].
    Ban(MemberId),
    /// Keep somebody out who has left.
    BanDeparted(UserId),
    /// Let somebody in again.
    Unban(UserId),
    /// Take a message out of the chat.
    RemoveMessage(MessageId),
    /// Give a speaker a moderator's powers.
    MakeCoHost(MemberId),
    /// Take them back.
    RemoveCoHost(MemberId),
    /// Make somebody on stage the host in one's place.
    HandOver(MemberId),
    /// Say who on stage is to be the host if one vanishes.
    NameSuccessor(Option<MemberId>),
    /// Change something of what the room is.
    Set(Setting),
    /// Ask those who come in for a passcode, or nobody any more.
    SetPasscode(Option<String>),
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
            Self::Join(_) => false,
            Self::Command(_, command) => command.only_restricts(),
            Self::Order(order) => order.only_restricts(),
        }
    }
}

impl Order {
    /// See [`Input::only_restricts`].
    #[must_use]
    pub const fn only_restricts(&self) -> bool {
        match self {
            Self::Ban(_) | Self::Forget(_) | Self::End | Self::GiveWay => true,
            Self::AwaitHost { .. } | Self::Unban(_) => false,
        }
    }
}

impl Command {
    /// See [`Input::only_restricts`].
    #[must_use]
    pub const fn only_restricts(&self) -> bool {
        match self {
            Self::LowerHand
            | Self::RespondInvite { accept: false, .. }
            | Self::LeaveStage
            | Self::SetMicrophone { muted: true }
            | Self::ReportMicrophone(_)
            | Self::CancelInvite(_)
            | Self::DeclineHand(_)
            | Self::LowerAllHands
            | Self::MuteSpeaker(_)
            | Self::MuteAll
            | Self::RemoveFromStage(_)
            | Self::Kick(_)
            | Self::Ban(_)
            | Self::BanDeparted(_)
            | Self::RemoveMessage(_)
            | Self::RemoveCoHost(_)
            | Self::Set(Setting::Lock(true) | Setting::HandQueue(false) | Setting::Chat(false))
            | Self::EndRoom => true,
            Self::RaiseHand
            | Self::RespondInvite { accept: true, .. }
            | Self::TakeSeat
            | Self::SetMicrophone { muted: false }
            | Self::SendMessage(_)
            | Self::React(_)
            | Self::Invite(_)
            | Self::AdmitHand(_)
            | Self::LiftMute(_)
            | Self::Unban(_)
            | Self::MakeCoHost(_)
            | Self::HandOver(_)
            | Self::NameSuccessor(_)
            | Self::Set(_)
            | Self::SetPasscode(_) => false,
        }
    }
}

/// What a decision needs beside the room.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// Unix milliseconds, which the shell never lets go backwards: what deadlines are counted in.
    pub now_ms: u64,
    /// How far behind that it is judged whether a deadline has passed: more than nothing for a while after a pause of the shell,
    /// so that nobody's time runs out while he cannot be heard.
    pub patience_ms: u64,
    /// How far the date is ahead of that. It may be set meanwhile, and is what people are shown.
    pub date_ahead_ms: i64,
    /// How many fit on this stage.
    pub stage_seats_max: usize,
    /// How many fit into this room.
    pub room_seats_max: usize,
    /// Whether a kick and a ban hold for everybody from the same address. A school behind one address wants that off.
    pub blocks_addresses: bool,
    /// What bans of erased people are known by; `None` while nobody was erased.
    pub veil: Option<Veil>,
}

impl Context {
    /// Whether a deadline has passed.
    #[must_use]
    pub const fn is_due(&self, deadline_ms: u64) -> bool {
        deadline_ms <= self.now_ms.saturating_sub(self.patience_ms)
    }

    /// The defaults at a given time.
    #[must_use]
    pub const fn at(now_ms: u64) -> Self {
        Self {
            now_ms,
            date_ahead_ms: 0,
            patience_ms: 0,
            stage_seats_max: limits::STAGE_SEATS_MAX,
            room_seats_max: limits::ROOM_SEATS_MAX,
            blocks_addresses: true,
            veil: None,
        }
    }

    /// The date, in Unix milliseconds.
    pub(crate) const fn date_ms(&self) -> u64 {
        self.now_ms.saturating_add_signed(self.date_ahead_ms)
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
    /// This person sits there from another page: take the seat over, or come as somebody else.
    #[error("the seat is in use on another page")]
    SeatInUse,
    /// Nobody new is let in.
    #[error("the room is locked")]
    RoomLocked,
    /// The room asks for a passcode.
    #[error("a passcode is needed")]
    PasscodeNeeded,
    /// It is another one.
    #[error("the passcode is wrong")]
    PasscodeWrong,
    /// An unlisted room is found by its id alone, so the server makes one that nobody guesses.
    #[error("the id of an unlisted room cannot be chosen")]
    UnlistedIdChosen,
    /// Put out of the room a moment ago.
    #[error("kept out until {until_ms}")]
    Kicked {
        /// When one may come back, in Unix milliseconds.
        until_ms: u64,
    },
    /// Put out of the room until a moderator lifts it.
    #[error("banned")]
    Banned,
    /// The invitation was taken back or answered, or its time is over.
    #[error("the invitation is no longer valid")]
    InviteExpired,
    /// That member has been asked already.
    #[error("already invited")]
    AlreadyInvited,
    /// That member has not been asked.
    #[error("not invited")]
    NotInvited,
    /// Too many invitations are under way.
    #[error("too many invitations are under way")]
    TooManyInvitations,
    /// That member is on stage already.
    #[error("already on stage")]
    AlreadyOnStage,
    /// That member is no co-host, or is one already.
    #[error("the role is another one")]
    OtherRole,
    /// No hands are taken at the moment.
    #[error("the hand queue is closed")]
    HandQueueClosed,
    /// Nobody may write at the moment.
    #[error("the chat is closed")]
    ChatClosed,
    /// The message cannot be posted.
    #[error("the message cannot be posted: {0}")]
    InvalidMessage(InvalidName),
    /// The topic cannot be used.
    #[error("the topic cannot be used: {0}")]
    InvalidTopic(InvalidName),
    /// The passcode cannot be used.
    #[error("the passcode cannot be used: {0}")]
    InvalidPasscode(InvalidName),
    /// The message is gone.
    #[error("there is no such message")]
    NoSuchMessage,
    /// Nobody of that kind is banned, or has left.
    #[error("there is no such person")]
    NoSuchPerson,
    /// No more bans fit: lift some.
    #[error("the list of bans is full")]
    TooManyBans,
    /// Too many requests: slow down.
    #[error("too many requests")]
    TooFast,
    /// The server cannot keep a change at the moment.
    #[error("the server cannot keep changes at the moment")]
    Unavailable,
    /// As many rooms as one network may have were made from this one; others may make more.
    #[error("too many rooms of one network")]
    TooManyRoomsOfNetwork,
    /// The room was ended while nobody was in it, since others had no place.
    #[error("the room gave way to others")]
    RoomGaveWay,
}

impl Denied {
    /// Whether it says that the room is not there, whatever has become of it: whoever waits for it waits on, and whoever is to
    /// make it may.
    #[must_use]
    pub const fn is_no_such_room(self) -> bool {
        matches!(self, Self::UnknownRoom | Self::RoomEnded | Self::RoomGaveWay)
    }
}
