//! What is known of one room before one is in it; also of one that is in no list, since whoever asks knows its id.

use std::time::Duration;

use dais_engine::Failure;
use dais_engine::shared::ids::RoomId;
use dais_engine::shared::room::Denied;
use dais_engine::shared::wire::{Reply, RoomSummary};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::actions::use_actions;
use super::house::use_house;

/// A room that is in no list tells nobody of its changes: it is asked this often.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Known {
    /// Nothing yet.
    Looking,
    /// There is no such room, and this is why.
    NotOpen(Denied),
    /// Nor is there, and whoever looks opens it, as its host.
    ToOpen,
    /// What it is.
    Live(RoomSummary),
}

impl Known {
    /// What the room is called.
    pub(crate) fn title(self) -> Option<String> {
        match self {
            Self::Live(room) => Some(room.title),
            Self::Looking | Self::NotOpen(_) | Self::ToOpen => None,
        }
    }

    /// Whether the room asks for a passcode, as far as is known.
    pub(crate) fn has_passcode(&self) -> bool {
        match self {
            Self::Live(room) => room.has_passcode,
            Self::Looking | Self::NotOpen(_) | Self::ToOpen => false,
        }
    }

    /// What an answer tells; nothing where it is to be asked again.
    fn by(answer: Result<Reply, Failure>) -> Option<Self> {
        match answer {
            Ok(Reply::Room(room)) => Some(Self::Live(room)),
            Ok(Reply::RoomToOpen) => Some(Self::ToOpen),
            Err(Failure::Denied(why)) if why.is_no_such_room() => Some(Self::NotOpen(why)),
            Ok(_) | Err(_) => None,
        }
    }
}

/// Asks what a room is, and goes on asking while the calling component lives.
pub(crate) fn describe(id: RoomId) -> Memo<Known> {
    let (actions, house) = (use_actions(), use_house());
    house.watch_rooms();
    let known = RwSignal::new(Known::Looking);
    let tick = Trigger::new();
    if let Ok(interval) = set_interval_with_handle(move || tick.notify(), ASK_EVERY) {
        on_cleanup(move || interval.clear());
    }
    Effect::new(move || {
        // The list tells that something has changed, sooner than the next tick.
        house.rooms();
        tick.track();
        if !house.is_online() {
            return;
        }
        let id = id.clone();
        spawn_local(async move {
            // The next tick tries again.
            if let Some(answer) = Known::by(actions.describe(id).await) {
                let _ = known.try_set(answer); // The screen may be gone by then.
            }
        });
    });
    Memo::new(move |_| known.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_that_is_not_there_is_not_open_whatever_has_become_of_it() {
        let known = |failure| Known::by(Err(failure));
        for why in [Denied::UnknownRoom, Denied::RoomEnded, Denied::RoomGaveWay] {
            assert_eq!(known(Failure::Denied(why)), Some(Known::NotOpen(why)));
        }
        assert_eq!(known(Failure::Denied(Denied::TooFast)), None, "it is asked again");
        assert_eq!(known(Failure::Offline), None);
        assert_eq!(Known::by(Ok(Reply::RoomToOpen)), Some(Known::ToOpen));
    }
}
