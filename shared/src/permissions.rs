//! Who may do what: one exhaustive table, and rank. The only place where a role meets an action.

use serde::{Deserialize, Serialize};

/// What somebody is in a room. The order is rank: later outranks earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Hears, and may ask to speak.
    Listener,
    /// Is on stage by the host's leave or, in an open room, by taking a seat.
    Speaker,
    /// Speaks, and moderates everybody of lower rank.
    CoHost,
    /// Created the room or was given it; moderates everybody.
    Host,
}

impl Role {
    /// Every role, from the lowest rank to the highest.
    pub const ALL: [Self; 4] = [Self::Listener, Self::Speaker, Self::CoHost, Self::Host];

    /// Whether this role has a place on the stage.
    #[must_use]
    pub const fn is_on_stage(self) -> bool {
        match self {
            Self::Listener => false,
            Self::Speaker | Self::CoHost | Self::Host => true,
        }
    }

    /// Whether this role moderates others, so that a room with such a member present is not leaderless.
    #[must_use]
    pub const fn is_moderator(self) -> bool {
        match self {
            Self::Listener | Self::Speaker => false,
            Self::CoHost | Self::Host => true,
        }
    }
}

/// What somebody asks to do in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Ask to be called on stage.
    RaiseHand,
    /// Take that back.
    LowerHand,
    /// Accept or reject an invitation to the stage.
    RespondInvite,
    /// Go on stage without being called, in an open room.
    TakeSeat,
    /// Go back to the audience.
    LeaveStage,
    /// Mute or unmute oneself, and report the state of one's microphone.
    SetMicrophone,
    /// Write into the chat.
    SendMessage,
    /// Show a reaction.
    React,
    /// Ask a listener on stage.
    Invite,
    /// Take such an invitation back.
    CancelInvite,
    /// Call a raised hand on stage.
    AdmitHand,
    /// Lower somebody else's hand, or everybody's.
    DeclineHand,
    /// Mute somebody else, or everybody of lower rank.
    MuteOther,
    /// Lift such a mute, which asks its bearer to unmute and opens nothing.
    LiftMute,
    /// Send somebody back to the audience.
    RemoveFromStage,
    /// Put somebody out of the room for a minute.
    Kick,
    /// Put somebody out until the ban is lifted; also somebody who has left.
    Ban,
    /// Lift a ban.
    Unban,
    /// See who is banned, and who has left.
    SeeBans,
    /// Take somebody's message out of the chat.
    RemoveMessage,
    /// Give a speaker a moderator's powers.
    MakeCoHost,
    /// Take them back.
    RemoveCoHost,
    /// Make somebody on stage the host in one's place.
    HandOver,
    /// Say who is to be the host if one vanishes.
    NameSuccessor,
    /// Make the room moderated or open.
    SetMode,
    /// Rename the room, or say what it is about.
    SetTitle,
    /// Let hands be raised or not.
    SetHandQueue,
    /// Let people write or not.
    SetChat,
    /// Let people in or not.
    SetLock,
    /// Ask those who come in for a passcode.
    SetPasscode,
    /// Show the room in the list or not.
    SetUnlisted,
    /// End the room for everybody.
    EndRoom,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 32] = [
        Self::RaiseHand,
        Self::LowerHand,
        Self::RespondInvite,
        Self::TakeSeat,
        Self::LeaveStage,
        Self::SetMicrophone,
        Self::SendMessage,
        Self::React,
        Self::Invite,
        Self::CancelInvite,
        Self::AdmitHand,
        Self::DeclineHand,
        Self::MuteOther,
        Self::LiftMute,
        Self::RemoveFromStage,
        Self::Kick,
        Self::Ban,
        Self::Unban,
        Self::SeeBans,
        Self::RemoveMessage,
        Self::MakeCoHost,
        Self::RemoveCoHost,
        Self::HandOver,
        Self::NameSuccessor,
        Self::SetMode,
        Self::SetTitle,
        Self::SetHandQueue,
        Self::SetChat,
        Self::SetLock,
        Self::SetPasscode,
        Self::SetUnlisted,
        Self::EndRoom,
    ];
}

const YES: bool = true;
const NO: bool = false;

/// One row per action; columns in the order of [`Role::ALL`].
const fn row(action: Action) -> [bool; 4] {
    match action {
        //                          Listener Speaker CoHost Host
        Action::RaiseHand => [YES, NO, NO, NO],
        Action::LowerHand => [YES, NO, NO, NO],
        Action::RespondInvite => [YES, NO, NO, NO],
        Action::TakeSeat => [YES, NO, NO, NO],
        Action::LeaveStage => [NO, YES, YES, NO],
        Action::SetMicrophone => [NO, YES, YES, YES],
        Action::SendMessage => [YES, YES, YES, YES],
        Action::React => [YES, YES, YES, YES],
        Action::Invite => [NO, NO, YES, YES],
        Action::CancelInvite => [NO, NO, YES, YES],
        Action::AdmitHand => [NO, NO, YES, YES],
        Action::DeclineHand => [NO, NO, YES, YES],
        Action::MuteOther => [NO, NO, YES, YES],
        Action::LiftMute => [NO, NO, YES, YES],
        Action::RemoveFromStage => [NO, NO, YES, YES],
        Action::Kick => [NO, NO, YES, YES],
        Action::Ban => [NO, NO, YES, YES],
        Action::Unban => [NO, NO, YES, YES],
        Action::SeeBans => [NO, NO, YES, YES],
        Action::RemoveMessage => [NO, NO, YES, YES],
        Action::MakeCoHost => [NO, NO, NO, YES],
        Action::RemoveCoHost => [NO, NO, NO, YES],
        Action::HandOver => [NO, NO, NO, YES],
        Action::NameSuccessor => [NO, NO, NO, YES],
        Action::SetMode => [NO, NO, NO, YES],
        Action::SetTitle => [NO, NO, NO, YES],
        Action::SetHandQueue => [NO, NO, NO, YES],
        Action::SetChat => [NO, NO, NO, YES],
        Action::SetLock => [NO, NO, NO, YES],
        Action::SetPasscode => [NO, NO, NO, YES],
        Action::SetUnlisted => [NO, NO, NO, YES],
        Action::EndRoom => [NO, NO, NO, YES],
    }
}

/// Whether `role` may ask for `action` at all. What the room's state says about it is `Room::decide`'s.
#[must_use]
pub const fn may(role: Role, action: Action) -> bool {
    row(action)[role as usize]
}

/// Whether an actor may do `action` to a target: the table, and a rank above the target's. Equals cannot act on
/// each other.
#[must_use]
pub fn may_act_on(actor: Role, action: Action, target: Role) -> bool {
    may(actor, action) && actor > target
}
