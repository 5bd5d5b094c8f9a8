//! What one may do with the room as a whole.

use dais_engine::shared::permissions::{Action, may, may_act_on};
use dais_engine::shared::room::{Command, Mode, Setting};
use dais_engine::shared::view::View;

use super::next_hosts;

/// See the module. A flag says what it is to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnRoom {
    /// Mute everybody of lower rank.
    MuteAll,
    /// Lower every hand.
    LowerAllHands,
    /// Change how people come on stage.
    Mode(Mode),
    /// Take hands, or take none.
    HandQueue(bool),
    /// Take messages, or take none.
    Chat(bool),
    /// Let nobody new in, or let them in again.
    Lock(bool),
    /// Set or remove the passcode.
    Passcode,
    /// Take the room out of the list, or put it there.
    Unlisted(bool),
    /// Change title and topic.
    About,
    /// See who is banned, and who has left.
    BannedPeople,
    /// Give the room to somebody else.
    HandOver,
    /// End it.
    EndRoom,
}

impl OnRoom {
    /// What to ask of the room for it; `None` for what needs an answer first.
    pub(crate) const fn command(self) -> Option<Command> {
        match self {
            Self::MuteAll => Some(Command::MuteAll),
            Self::LowerAllHands => Some(Command::LowerAllHands),
            Self::Mode(mode) => Some(Command::Set(Setting::Mode(mode))),
            Self::HandQueue(is_open) => Some(Command::Set(Setting::HandQueue(is_open))),
            Self::Chat(is_open) => Some(Command::Set(Setting::Chat(is_open))),
            Self::Lock(is_locked) => Some(Command::Set(Setting::Lock(is_locked))),
            Self::Unlisted(is_unlisted) => Some(Command::Set(Setting::Unlisted(is_unlisted))),
            Self::Passcode | Self::About | Self::BannedPeople | Self::HandOver | Self::EndRoom => None,
        }
    }
}

/// What the viewer may do with the room now, in the order of a menu.
pub(crate) fn on_room(view: &View) -> Vec<OnRoom> {
    let (role, settings) = (view.my_role(), &view.settings);
    let mutable = view.stage.iter().any(|p| may_act_on(role, Action::MuteOther, p.role) && !p.host_muted);
    let other_mode = match settings.mode {
        Mode::Moderated => Mode::Open,
        Mode::Open => Mode::Moderated,
    };
    let offers = [
        (OnRoom::MuteAll, Action::MuteOther, mutable),
        (OnRoom::LowerAllHands, Action::DeclineHand, !view.hands.is_empty()),
        (OnRoom::HandQueue(!settings.takes_hands), Action::SetHandQueue, true),
        (OnRoom::Chat(!settings.takes_messages), Action::SetChat, true),
        (OnRoom::Mode(other_mode), Action::SetMode, true),
        (OnRoom::About, Action::SetTitle, true),
        (OnRoom::Lock(!settings.is_locked), Action::SetLock, true),
        (OnRoom::Passcode, Action::SetPasscode, true),
        (OnRoom::Unlisted(!settings.is_unlisted), Action::SetUnlisted, settings.is_unlisted || view.room.is_unguessable()),
        (OnRoom::BannedPeople, Action::SeeBans, true),
        (OnRoom::HandOver, Action::HandOver, !next_hosts(view).is_empty()),
        (OnRoom::EndRoom, Action::EndRoom, true),
    ];
    offers.into_iter().filter(|(_, action, fits)| *fits && may(role, *action)).map(|(offer, ..)| offer).collect()
}
