//! What happened in a room: the output of `decide`, the input of `apply`, and what the store keeps.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::{Ban, Block, ErasedBan, Invitation, Message, MicrophoneState, Reaction, Setting};
use crate::ids::{AddressPrefix, MemberId, MessageId, StreamId, UserId};
use crate::names::Likeness;
use crate::permissions::Role;

/// One change of a room. Says everything `apply` needs, so that applying it cannot fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody took a seat in the room, as a listener. A host's coming on stage is an event of its own.
    MemberJoined {
        /// The new seat.
        member: MemberId,
        /// Whose it is.
        user: UserId,
        /// The name shown, which no other seat has.
        name: String,
        /// What it looks like.
        likeness: Likeness,
        /// From where.
        address: AddressPrefix,
        /// When, in Unix milliseconds.
        at_ms: u64,
    },
    /// Somebody's seat is gone.
    MemberLeft {
        /// The seat.
        member: MemberId,
        /// Why.
        reason: LeaveReason,
        /// The role held to the end.
        role: Role,
        /// When, in Unix milliseconds.
        at_ms: u64,
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
        /// By what.
        by: HandRaisedBy,
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
    /// A listener is asked on stage.
    Invited(Invitation),
    /// And is not any more.
    InvitationEnded {
        /// Who was asked.
        member: MemberId,
        /// What became of it.
        end: InvitationEnd,
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
    /// Somebody on stage speaks as another source of sound from now on.
    StreamRenewed {
        /// Who.
        member: MemberId,
        /// The new source of sound.
        stream: StreamId,
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
    /// A speaker has a moderator's powers now, or has them no more.
    CoHostSet {
        /// Who.
        member: MemberId,
        /// Which of the two.
        is_co_host: bool,
        /// When, in Unix milliseconds.
        at_ms: u64,
    },
    /// Somebody on stage is the host now; whoever was it before and is still here is a co-host.
    HostChanged {
        /// The new host.
        member: MemberId,
        /// How.
        by: HostChangedBy,
        /// When, in Unix milliseconds.
        at_ms: u64,
    },
    /// Whom the host wants to be the host after him.
    SuccessorNamed(Option<MemberId>),
    /// The chair is kept for a host who vanished.
    ChairKept {
        /// For whom.
        user: UserId,
        /// Until when, in Unix milliseconds.
        until_ms: u64,
    },
    /// Nobody moderates: the room ends unless that changes.
    Leaderless {
        /// When it ends, in Unix milliseconds.
        ends_at_ms: u64,
    },
    /// Somebody may not come back for a while.
    Blocked(Block),
    /// Somebody may not come back.
    Banned(Ban),
    /// And may again.
    Unbanned(UserId),
    /// Something of what the room is has changed.
    SettingChanged {
        /// What it is now.
        setting: Setting,
        /// Who changed it.
        by: UserId,
    },
    /// Those who come in are asked for a passcode from now on, or not any more.
    PasscodeSet(Option<String>),
    /// Somebody wrote into the chat.
    MessagePosted(Message),
    /// A message was taken out of it.
    MessageRemoved(MessageId),
    /// Somebody showed a reaction. Leaves no trace in the room.
    Reacted {
        /// Who.
        member: MemberId,
        /// Which.
        reaction: Reaction,
    },
    /// Somebody who sits here no more is known no more: nothing is left of him but marks of a ban.
    Erased {
        /// Who.
        user: UserId,
        /// What is left of a ban.
        ban: Option<ErasedBan>,
    },
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
    /// Put out by a moderator, for a minute.
    Kicked,
    /// Put out by a moderator, until that is lifted.
    Banned,
}

/// What raised a hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HandRaisedBy {
    /// Its bearer.
    Member,
    /// An invitation accepted while the stage was full.
    StageFull,
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

/// What became of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InvitationEnd {
    /// Its target said yes.
    Accepted,
    /// Its target said no.
    Rejected,
    /// A moderator took it back.
    Cancelled,
    /// Nobody answered in time.
    Expired,
    /// Its target came on stage another way.
    OnStage,
    /// Its target is gone.
    Left,
}

/// How somebody came on stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StageEntry {
    /// As the host of the room.
    Host,
    /// Called up by a moderator after raising a hand.
    Admitted,
    /// By taking a seat: in an open room, or one that was given beforehand.
    TookSeat,
    /// By accepting an invitation.
    Invited,
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

/// How the chair passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostChangedBy {
    /// The host gave it away.
    HandedOver,
    /// The host is gone.
    Succession,
    /// The host who had vanished is back.
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
    /// Whoever runs the server ended it.
    ByOperator,
}
