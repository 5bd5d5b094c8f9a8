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
    /// Go on stage without being called, in an open room.
    TakeSeat,
    /// Go back to the audience.
    LeaveStage,
    /// Mute or unmute oneself, and report the state of one's microphone.
    SetMicrophone,
    /// Call a raised hand on stage.
    AdmitHand,
    /// Lower somebody else's hand.
    DeclineHand,
    /// Mute somebody else.
    MuteOther,
    /// Lift such a mute, which asks its bearer to unmute and opens nothing.
    LiftMute,
    /// Send somebody back to the audience.
    RemoveFromStage,
    /// Make the room moderated or open.
    SetMode,
    /// Rename the room.
    SetTitle,
    /// End the room for everybody.
    EndRoom,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 13] = [
        Self::RaiseHand,
        Self::LowerHand,
        Self::TakeSeat,
        Self::LeaveStage,
        Self::SetMicrophone,
        Self::AdmitHand,
        Self::DeclineHand,
        Self::MuteOther,
        Self::LiftMute,
        Self::RemoveFromStage,
        Self::SetMode,
        Self::SetTitle,
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
        Action::TakeSeat => [YES, NO, NO, NO],
        Action::LeaveStage => [NO, YES, YES, NO],
        Action::SetMicrophone => [NO, YES, YES, YES],
        Action::AdmitHand => [NO, NO, YES, YES],
        Action::DeclineHand => [NO, NO, YES, YES],
        Action::MuteOther => [NO, NO, YES, YES],
        Action::LiftMute => [NO, NO, YES, YES],
        Action::RemoveFromStage => [NO, NO, YES, YES],
        Action::SetMode => [NO, NO, NO, YES],
        Action::SetTitle => [NO, NO, NO, YES],
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_acts_on_an_equal_or_a_superior() {
        for action in Action::ALL {
            for actor in Role::ALL {
                for target in Role::ALL {
                    assert!(!may_act_on(actor, action, target) || actor > target, "{actor:?} {action:?} {target:?}");
                }
            }
        }
    }

    #[test]
    fn only_moderators_moderate() {
        for action in [Action::AdmitHand, Action::DeclineHand, Action::MuteOther, Action::RemoveFromStage] {
            for role in Role::ALL {
                assert_eq!(may(role, action), role.is_moderator(), "{role:?} {action:?}");
            }
        }
    }
}
