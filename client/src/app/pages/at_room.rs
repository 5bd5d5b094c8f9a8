//! The address of a room: the room itself for those inside, the screen before it for everybody else.

use dais_engine::shared::ids::RoomId;
use leptos::prelude::*;

use super::join::Join;
use super::nowhere::Nowhere;
use super::room::Room;
use crate::address::use_address;
use crate::state::entry::use_entry;
use crate::state::room::use_room;

#[derive(Clone, Debug, PartialEq)]
enum Shown {
    Nowhere,
    Before(RoomId),
    Inside,
}

/// The screen at `/r/<room>`.
#[component]
pub(crate) fn AtRoom() -> impl IntoView {
    let (address, room) = (use_address(), use_room());
    // This screen keeps to its own address while it makes way for another.
    let id = Memo::new(move |before: Option<&String>| address.room().or_else(|| before.cloned()).unwrap_or_default());
    let shown = Memo::new(move |_| match id.with(|id| RoomId::parse(id)) {
        Err(_) => Shown::Nowhere,
        Ok(id) if room.id().as_ref() == Some(&id) => Shown::Inside,
        Ok(id) => Shown::Before(id),
    });
    let entry = use_entry();
    let entry_of = move |id: &str| RoomId::parse(id).is_ok_and(|id| untrack(|| entry.obstacle(&id)).is_some());
    // Whoever is out of the room is shown how that came about: by the screen before it, where that has something to do
    // with coming in again, and otherwise in the lobby.
    Effect::new(move |was_inside: Option<bool>| {
        let is_inside = shown.get() == Shown::Inside;
        let has_obstacle = id.with(|id| entry_of(id));
        if was_inside == Some(true) && !is_inside && room.left().is_some() && !has_obstacle {
            address.go("/");
        }
        is_inside
    });
    move || match shown.get() {
        Shown::Nowhere => view! { <Nowhere /> }.into_any(),
        Shown::Before(id) => view! { <Join id=id /> }.into_any(),
        Shown::Inside => view! { <Room /> }.into_any(),
    }
}
