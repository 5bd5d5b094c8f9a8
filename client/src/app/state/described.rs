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
    /// There is no such room.
    NotOpen,
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
            Self::Looking | Self::NotOpen | Self::ToOpen => None,
        }
    }

    /// Whether the room asks for a passcode, as far as is known.
    pub(crate) fn has_passcode(&self) -> bool {
        match self {
            Self::Live(room) => room.has_passcode,
            Self::Looking | Self::NotOpen | Self::ToOpen => false,
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
            match actions.describe(id).await {
                // The screen may be gone by then.
                Ok(Reply::Room(room)) => drop(known.try_set(Known::Live(room))),
                Ok(Reply::RoomToOpen) => drop(known.try_set(Known::ToOpen)),
                Err(Failure::Denied(Denied::UnknownRoom)) => drop(known.try_set(Known::NotOpen)),
                Ok(_) | Err(_) => {} // The next tick tries again.
            }
        });
    });
    Memo::new(move |_| known.get())
}
